"""A step: declared tables in, declared tables out. Wiring is data; the runner does the reading and the writing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from pipelines.models import ModelBundle, TrainedModel
from pipelines.periods import BillingMonth
from pipelines.settings import Settings
from pipelines.tables.base import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from pipelines.facts import Facts


class WriteMode(Enum):
    """How a step's frame enters its table."""

    REPLACE = "replace"
    """The whole table is replaced by the frame."""
    REPLACE_PARTITIONS = "replace_partitions"
    """Every partition (month) that the frame holds replaces the one in the table."""
    REVISE = "revise"
    """Rows are never edited: a subject whose result or evidence differs from its last revision gets a new one."""
    COMMIT_FILES = "commit_files"
    """The frame lists Parquet files that workers have written; they replace their partitions in one transaction."""


@dataclass(frozen=True)
class Inputs:
    """What a step's function receives.

    frames    Each table of ``reads`` as a Spark frame.
    settings  All settings.
    facts     All regulated numbers.
    months    The billing months that the run is asked for, in order.
    bundles   The verified champion of each model of ``uses_models``.
    versions  Delta version of each table read.
    run_id    The run.
    spark     The session, for frames made of nothing but driver data.
    """

    frames: Mapping[type[Table], DataFrame]
    settings: Settings
    facts: Facts
    months: Sequence[BillingMonth]
    bundles: Mapping[str, ModelBundle]
    versions: Mapping[str, int]
    run_id: str
    spark: SparkSession

    def frame(self, table: type[Table]) -> DataFrame:
        """The frame of one declared table."""
        return self.frames[table]


Apply = Callable[[Inputs], Mapping[type[Table], "DataFrame"]]


@dataclass(frozen=True)
class Step:
    """One unit of work of the chain.

    stage        The name that ``--from`` and ``--to`` accept: ingest, silver, gold, train, credit-index ...
    name         Name in the run ledger.
    reads        Tables read.
    writes       Tables written, each with its mode.
    apply        Pure function of the inputs.
    uses_models  Registered models whose champion the function needs.
    by_month     Whether the result depends on the months asked for.
    """

    stage: str
    name: str
    reads: tuple[type[Table], ...]
    writes: Mapping[type[Table], WriteMode]
    apply: Apply
    uses_models: tuple[str, ...] = ()
    by_month: bool = False


@dataclass(frozen=True)
class TrainStep:
    """A step that ends in a registered model instead of a table."""

    stage: str
    name: str
    model: str
    reads: tuple[type[Table], ...]
    train: Callable[[Inputs], TrainedModel]
    challenge: Callable[[TrainedModel, ModelBundle, Inputs], tuple[bool, str]] | None = None
    """Whether a challenger beats the champion on the same frozen rows, and why; none: the newest wins by tag."""
