"""The one shape of the products: what each says of itself, and what its step computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from pipelines.engine.issued_files import IssuedFiles, discard_issued, joined_files
from pipelines.engine.step import Inputs, Reached, Step, TrainStep, WriteMode, Written
from pipelines.periods import BillingMonth
from pipelines.settings import SettingsFile
from pipelines.tables.base import Table

if TYPE_CHECKING:
    from pipelines.facts import Facts


@dataclass(frozen=True)
class DeliveredPart:
    """How a product's months leave the house.

    name           Of its folder below ``out/``, and in what is told of a delivery: ``bills``.
    deliver        Importable name ``module:function`` of what writes the folder. It is given the delivery and
                   answers a summary: ``count``, ``labels`` (kinds of provenance of what it wrote), ``href``,
                   ``pictures``, and where there is any ``withheld``, ``corrections``, ``lacks`` (why there is
                   nothing, in words), ``revisions`` (name of a result's files without suffix -> revision),
                   ``origins`` (the same -> hash of the rows they are made from) and ``refused`` (what was
                   not delivered -> why).
    title_zh       Name on the overview; title_en beside it.
    place          Order among the products where results are told; stages have an order of their own.
    """

    name: str
    deliver: str
    title_zh: str
    title_en: str
    place: int


@dataclass(frozen=True)
class Product:
    """What a product says of itself; nothing here imports what computes it or sets its pages.

    name         Stage on the command line, for example ``efficiency-bill``.
    subject      Column that names whom a result is about; the first of the result's key.
    customer     Column that names whose metering a result rests on.
    result       The delivered table, of months, with revisions.
    evidence     Tables that explain each row of the result.
    own_tables   Tables that other steps of the product write.
    corrections  That one of the evidence that tells why a revision differs, with ``notices``; none: nothing
                 does.
    told         Columns of the result by which a correction is told, the one that matters most first.
    settings     Its file of ``conf/``.
    steps        Importable name ``module:CONSTANT`` of its steps.
    delivered    How its months leave the house; none: they stay in the store.
    """

    name: str
    subject: str
    customer: str
    result: type[Table]
    evidence: tuple[type[Table], ...]
    told: tuple[str, ...]
    settings: type[SettingsFile]
    steps: str
    own_tables: tuple[type[Table], ...] = ()
    corrections: type[Table] | None = None
    delivered: DeliveredPart | None = None

    @property
    def tables(self) -> tuple[type[Table], ...]:
        """Every table that only this product writes."""
        return (self.result, *self.evidence, *self.own_tables)


class Computation(Protocol):
    """What a product's step runs.

    reads     Tables it reads.
    result    The delivered table.
    evidence  Tables that explain each row of the result.
    models    Registered models without which there is nothing to compute.
    optional_models  Registered models that it computes without where they were never trained, and says so.
    accounts  Tables beside the result that tell of the whole months asked for: their rows of these months are
              replaced.
    settings  Sections of ``conf/`` it reads; uses_facts: whether it uses regulated numbers. A change of what
              it does not declare does not compute it again.
    """

    name: str
    reads: tuple[type[Table], ...]
    result: type[Table]
    evidence: tuple[type[Table], ...]
    models: tuple[str, ...]
    optional_models: tuple[str, ...]
    accounts: tuple[type[Table], ...]
    settings: tuple[type[SettingsFile], ...]
    uses_facts: bool

    def compute(self, inputs: Inputs, month: BillingMonth, facts: Facts) -> Mapping[type[Table], Written]:
        """Result and evidence of one billing month, as rows that the driver holds or as files that workers
        wrote, and accounts; raises FactNotInForceError where a number is not covered, or HaltedMonthError
        with it where the accounts can tell of the month all the same.
        """
        ...


def named(name: str) -> Any:
    """What an importable name ``module:attribute`` stands for; its module is imported now."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


def steps_of(product: Product) -> tuple[Step | TrainStep, ...]:
    """The steps of a product, in order; imports what computes it."""
    return tuple(named(product.steps))


def product_step(product: Computation, is_reached: Reached | None = None) -> Step:
    """The step that computes a product for every month asked for; what changed becomes a new revision.

    is_reached  Whether changed sources can change a result; none: always.
    """

    def apply(inputs: Inputs) -> Mapping[type[Table], Written]:
        months: list[Mapping[type[Table], Written]] = []
        try:
            months += (product.compute(inputs, month, inputs.facts) for month in inputs.months)
        except BaseException:
            # Nothing of a run that fails in a later month is issued.
            for found in months:
                discard_issued(inputs.location, found)
            raise
        return {table: _joined([found[table] for found in months]) for table in (months[0] if months else ())}

    tables = (product.result, *product.evidence)
    return Step(
        stage=product.name,
        name=product.name,
        reads=product.reads,
        writes=dict.fromkeys(tables, WriteMode.REVISE)
        | dict.fromkeys(product.accounts, WriteMode.REPLACE_MONTHS),
        apply=apply,
        uses_models=product.models,
        optional_models=product.optional_models,
        by_month=True,
        is_reached=is_reached,
        settings=product.settings,
        facts=product.uses_facts,
        facts_read=_known_of_months if product.uses_facts else None,
    )


def _known_of_months(facts: Facts, months: Sequence[str]) -> str:
    """What of the facts the results of some months rest on: what comes into force later is none of it."""
    from pipelines.facts.facts import digest_until

    last = max((BillingMonth.parse(month).last_day for month in months), default=None)
    return facts.digest if last is None else digest_until(facts, last)


def _joined(parts: Sequence[Any]) -> Written:
    """Files that wait for their commit, or rows, of several months."""
    return joined_files(parts) if isinstance(parts[0], IssuedFiles) else pa.concat_tables(parts)
