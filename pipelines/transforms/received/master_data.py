"""Received master data, payments, events, declarations and weather to their silver tables: one refinement
each, stated as data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.codes import RejectReason
from pipelines.tables.base import Table
from pipelines.tables.bronze import (
    BronzeCustomers,
    BronzeEvents,
    BronzeMeterPoints,
    BronzePayments,
    BronzeSupplyShares,
    BronzeTransferDeclarations,
    BronzeWeather,
)
from pipelines.tables.silver import (
    SilverCustomers,
    SilverEvents,
    SilverMeterPoints,
    SilverPayments,
    SilverSupplyShares,
    SilverTransferDeclarations,
    SilverWeather,
)
from pipelines.transforms.received.judged_records import RECEIVED_COLUMNS, Fault, Settled, declared_faults
from pipelines.transforms.received.record_faults import customer_faults, meter_point_faults, share_faults

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

RUN_COLUMN = "computed_run_id"


@dataclass(frozen=True)
class Refinement:
    """How one bronze table becomes its silver table.

    name        Name of the step.
    subject     The column whose history a row belongs to: with it, ``valid_to_date`` is the day before the
                subject's next row.
                Empty where the table keeps no history.
    months      Columns that must read YYYY-MM.
    faults      What a record of the table may not be beyond what its columns' declarations say.
    """

    name: str
    bronze: type[Table]
    silver: type[Table]
    subject: str = ""
    months: tuple[str, ...] = ()
    faults: Callable[[], Sequence[Fault]] = tuple


REFINEMENTS: tuple[Refinement, ...] = (
    Refinement("customers", BronzeCustomers, SilverCustomers, subject="customer_id", faults=customer_faults),
    Refinement(
        "meter_points",
        BronzeMeterPoints,
        SilverMeterPoints,
        subject="meter_point_id",
        faults=meter_point_faults,
    ),
    Refinement(
        "supply_shares", BronzeSupplyShares, SilverSupplyShares, subject="share_id", faults=share_faults
    ),
    Refinement("payments", BronzePayments, SilverPayments, months=("billing_month",)),
    Refinement("events", BronzeEvents, SilverEvents),
    Refinement(
        "transfer_declarations",
        BronzeTransferDeclarations,
        SilverTransferDeclarations,
        months=("billing_month",),
    ),
    Refinement("weather", BronzeWeather, SilverWeather),
)


@dataclass(frozen=True)
class Refined:
    """A silver frame without ``computed_run_id``, and what became of the received records."""

    frame: DataFrame
    settled: Settled

    @property
    def accounts(self) -> DataFrame:
        """Records per file and verdict."""
        return self.settled.accounts

    @property
    def quarantine(self) -> DataFrame:
        """Records that were held back."""
        return self.settled.quarantine


def refine_received(
    bronze: DataFrame, refinement: Refinement, keep: Callable[[DataFrame], DataFrame] | None = None
) -> Refined:
    """The silver frame of one refinement.

    bronze  Frame of the refinement's bronze table.
    keep    What the runner does to judged records that are read three times (persist); none: nothing.
    """
    from pipelines.transforms.received.judged_records import judge_received, split_verdicts

    silver, stage = refinement.silver, refinement.silver.name
    values = [name for name in refinement.bronze.columns() if name not in (*RECEIVED_COLUMNS, *silver.key())]
    named = [name for name in silver.columns() if name in refinement.bronze.columns()]
    faults = [*declared_faults(silver, named), *_month_faults(refinement.months), *refinement.faults()]
    clusters = (refinement.subject,) if refinement.subject else ()
    judged = judge_received(bronze, refinement.bronze, silver.key(), values, faults, clusters)
    settled = split_verdicts(keep(judged) if keep else judged, refinement.bronze, stage)
    columns = [_silver_column(name, refinement.subject) for name in silver.columns() if name != RUN_COLUMN]
    return Refined(settled.kept.select(*columns), settled)


def _silver_column(name: str, subject: str) -> Column:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    if name == "valid_to_date" and subject:
        history = Window.partitionBy(subject).orderBy("valid_from_date")
        return F.date_sub(F.lead("valid_from_date").over(history), 1).alias(name)
    return F.col(name)


def _month_faults(months: Sequence[str]) -> list[Fault]:
    from pyspark.sql import functions as F

    pattern = r"^(19|20|21)\d{2}-(0[1-9]|1[0-2])$"
    return [
        Fault(~F.col(name).rlike(pattern), RejectReason.BAD_DATE, name, "A month is written YYYY-MM.")
        for name in months
    ]
