"""The bills of a month out of its cases, on the driver or on workers: the same rows either way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.engine.step import Inputs
from pipelines.facts import Facts
from pipelines.tables.base import Table
from pipelines.tables.revised import product_schema
from products.efficiency_bill.bill import EVIDENCE, OUTER, Bill, RevisedBill, evidence_inside
from products.efficiency_bill.case.arrow_rows import case_jobs, jobs_table
from products.efficiency_bill.case.case import Case
from products.efficiency_bill.case.issued_revision import IssuedRevision
from products.efficiency_bill.corrections import revised
from products.efficiency_bill.issue import issue_bills
from products.efficiency_bill.rows import EfficiencyBillUnbilledV1Row
from products.efficiency_bill.settings import EfficiencyBillSettings
from products.efficiency_bill.tables import EfficiencyBillUnbilledV1, EfficiencyBillV1
from products.efficiency_bill.unpriced import unpriced_row

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_UNBILLED_SCHEMA = product_schema(EfficiencyBillUnbilledV1)
_IS_NEW, _UNBILLED = "is_new", "unbilled"


@dataclass(frozen=True)
class Issuing:
    """What all bills of a month are issued under; an empty name and version where no baseline was trained."""

    facts: Facts
    settings: EfficiencyBillSettings
    model_name: str
    model_version: str

    def bills(self, cases: Sequence[Case]) -> Iterator[Bill]:
        """The bill of each case, in their order."""
        return issue_bills(cases, self.facts, self.settings, self.model_name, self.model_version)


def unbilled_table(rows: Sequence[EfficiencyBillUnbilledV1Row]) -> Mapping[type[Table], pa.Table]:
    """Who has no bill of a month of which none was issued."""
    return {EfficiencyBillUnbilledV1: pa.Table.from_pylist([*rows], _UNBILLED_SCHEMA)}


def issued_on_driver(
    cases: Sequence[Case],
    newest: Mapping[str, IssuedRevision],
    issuing: Issuing,
    unbilled: Sequence[EfficiencyBillUnbilledV1Row],
) -> Mapping[type[Table], pa.Table]:
    """New and changed bills with their evidence, and who has none: for months of a few thousand, which are
    priced before a worker has started.

    newest    By customer; unbilled: rows of the customers without a case.
    """
    rows: dict[type[Table], list[Mapping[str, object]]] = {EfficiencyBillV1: []}
    rows |= {table: [] for table in EVIDENCE}
    told: list[Mapping[str, object]] = [*unbilled]
    for issued in issuing.bills(cases):
        if (row := unpriced_row(issued)) is not None:
            told.append(row)
        bill = revised(issued, newest.get(issued["customer_id"]), issuing.facts)
        if bill is not None:
            rows[EfficiencyBillV1].append(bill)
            for table, inside in evidence_inside(bill).items():
                rows[table] += inside
    rows[EfficiencyBillUnbilledV1] = told
    return {table: pa.Table.from_pylist(found, product_schema(table)) for table, found in rows.items()}


def issued_on_workers(
    inputs: Inputs,
    cases: Sequence[Case],
    newest: Mapping[str, IssuedRevision],
    issuing: Issuing,
    unbilled: Sequence[EfficiencyBillUnbilledV1Row],
) -> Mapping[type[Table], DataFrame]:
    """The same, priced on workers."""
    from pyspark.sql import functions as F
    from pyspark.sql.pandas.types import from_arrow_schema

    nested = _nested_schema()

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            jobs = case_jobs(batch)
            issued = issuing.bills([case for case, _ in jobs])
            rows = [
                _told(bill, before, issuing.facts) for bill, (_, before) in zip(issued, jobs, strict=True)
            ]
            yield from pa.Table.from_pylist([row for row in rows if row is not None], nested).to_batches()

    slices = inputs.spark.sparkContext.defaultParallelism * 2
    jobs = inputs.spark.createDataFrame(jobs_table(cases, newest))
    frame = jobs.repartition(slices).mapInArrow(work, from_arrow_schema(nested)).persist()
    bills = frame.where(_IS_NEW)
    inside = {
        table: bills.select(*OUTER, F.explode(name).alias("row")).select(*OUTER, "row.*")
        for table, name in EVIDENCE.items()
    }
    others = inputs.spark.createDataFrame(pa.Table.from_pylist([*unbilled], _UNBILLED_SCHEMA))
    unpriced = frame.where(F.col(_UNBILLED).isNotNull()).select(f"{_UNBILLED}.*")
    return {
        EfficiencyBillV1: bills.drop(*EVIDENCE.values(), _IS_NEW, _UNBILLED),
        **inside,
        EfficiencyBillUnbilledV1: others.unionByName(unpriced),
    }


def _told(bill: Bill, before: IssuedRevision | None, facts: Facts) -> dict[str, object] | None:
    """A row of the nested frame; None for a bill that stands as it was issued and can be."""
    again, unpriced = revised(bill, before, facts), unpriced_row(bill)
    if again is None and unpriced is None:
        return None
    standing: RevisedBill = {**bill, "lines": [], "advice": [], "inputs": [], "corrections": []}
    return {**(standing if again is None else again), _IS_NEW: again is not None, _UNBILLED: unpriced}


def _nested_schema() -> pa.Schema:
    """A bill with its lines and advice inside, for the way from the workers."""
    inside = [
        (name, pa.struct([field for field in product_schema(table) if field.name not in OUTER]))
        for table, name in EVIDENCE.items()
    ]
    return pa.schema(
        [
            *product_schema(EfficiencyBillV1),
            *[pa.field(name, pa.list_(kind)) for name, kind in inside],
            pa.field(_IS_NEW, pa.bool_(), nullable=False),
            pa.field(_UNBILLED, pa.struct(list(_UNBILLED_SCHEMA))),
        ]
    )
