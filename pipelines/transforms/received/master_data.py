"""Received master data, payments, events, declarations and weather to their silver tables: one refinement
each, stated as data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

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
from pipelines.transforms.received.judged_records import (
    RECEIVED_COLUMNS,
    judge_records,
    numbered,
    split_verdicts,
)
from pipelines.transforms.received.record_faults import (
    Fault,
    customer_faults,
    declared_faults,
    meter_point_faults,
    month_faults,
    share_faults,
)

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
    """What one bronze table gives.

    rows        Rows of the silver table without ``computed_run_id``.
    accounts    Records per file and verdict, as ACCOUNTS_SCHEMA.
    quarantine  Records that were held back, as QUARANTINE_SCHEMA; their stage is the silver table's name.
    """

    rows: pa.Table
    accounts: pa.Table
    quarantine: pa.Table


def refinement_of(bronze: type[Table]) -> Refinement:
    """How a bronze table is refined; raises KeyError for one that is not in REFINEMENTS."""
    return {refinement.bronze: refinement for refinement in REFINEMENTS}[bronze]


def faults_of(refinement: Refinement) -> list[Fault]:
    """Why a record of the refinement is held back for itself alone, its key aside."""
    columns = refinement.bronze.columns()
    named = [name for name in refinement.silver.columns() if name in columns]
    return [
        *declared_faults(refinement.silver, named),
        *month_faults(refinement.months),
        *refinement.faults(),
    ]


def refine_received(bronze: pa.Table, refinement: Refinement) -> Refined:
    """The silver rows of one refinement, and what became of every received record.

    bronze  All rows of the refinement's bronze table, in any order; run columns may lack.
    """
    silver = refinement.silver
    columns = refinement.bronze.columns()
    values = [name for name in columns if name not in (*RECEIVED_COLUMNS, *silver.key())]
    judged = judge_records(bronze, silver.key(), values, faults_of(refinement))
    settled = split_verdicts(bronze, judged, refinement.bronze, silver.name)
    schema = pa.schema([field for field in silver.arrow_schema() if field.name != RUN_COLUMN])
    made = {"valid_to_date": _last_days(settled.kept, refinement.subject)} if refinement.subject else {}
    rows = {name: made[name] if name in made else settled.kept[name] for name in schema.names}
    return Refined(pa.table(rows).cast(schema), settled.accounts, settled.quarantine)


def _last_days(kept: pa.Table, subject: str) -> pa.Array:
    """The day before each row's next one of the same subject; null for its newest."""
    subjects = numbered([kept[subject]])
    days = kept["valid_from_date"].cast(pa.int32()).to_numpy()
    order = np.lexsort((days, subjects))
    follows = np.zeros(order.size, dtype=np.bool_)
    follows[:-1] = subjects[order[1:]] == subjects[order[:-1]]
    last = np.zeros(order.size, dtype=np.int32)
    last[order] = np.roll(days[order], -1) - 1
    newest = np.empty(order.size, dtype=np.bool_)
    newest[order] = ~follows
    return pa.array(last, pa.int32(), mask=newest).cast(pa.date32())
