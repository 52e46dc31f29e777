"""The one shape of the three products: declared inputs, a result, and compulsory evidence under the same key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from pipelines.engine.step import Inputs, Step, WriteMode
from pipelines.periods import BillingMonth
from pipelines.settings import SettingsFile
from pipelines.tables.base import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from pipelines.facts import Facts


class Product(Protocol):
    """A product.

    name      Stage name on the command line, for example ``efficiency-bill``.
    reads     Tables it reads.
    result    The delivered table.
    evidence  Tables that explain each row of the result.
    models    Registered models it needs.
    settings  Sections of ``conf/`` it reads; uses_facts: whether it uses regulated numbers. A change of what
              it does not declare does not compute it again.
    """

    name: str
    reads: tuple[type[Table], ...]
    result: type[Table]
    evidence: tuple[type[Table], ...]
    models: tuple[str, ...]
    settings: tuple[type[SettingsFile], ...]
    uses_facts: bool

    def compute(self, inputs: Inputs, month: BillingMonth, facts: Facts) -> Mapping[type[Table], DataFrame]:
        """Result and evidence of one billing month; raises FactNotInForceError where a number is not covered."""
        ...


def product_step(product: Product) -> Step:
    """The step that computes a product for every month asked for; what changed becomes a new revision."""

    def apply(inputs: Inputs) -> Mapping[type[Table], DataFrame]:
        joined: dict[type[Table], DataFrame] = {}
        for month in inputs.months:
            for table, frame in product.compute(inputs, month, inputs.facts).items():
                joined[table] = joined[table].unionByName(frame) if table in joined else frame
        return joined

    tables = (product.result, *product.evidence)
    return Step(
        stage=product.name,
        name=product.name,
        reads=product.reads,
        writes=dict.fromkeys(tables, WriteMode.REVISE),
        apply=apply,
        uses_models=product.models,
        by_month=True,
        settings=product.settings,
        facts=product.uses_facts,
    )
