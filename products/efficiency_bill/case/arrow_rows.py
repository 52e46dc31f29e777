"""Cases on their way to the workers, as Arrow rows: what a bill is made from, and its newest revision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from pipelines.tables.revised import product_schema
from products.efficiency_bill.case.case import Case
from products.efficiency_bill.case.issued_revision import IssuedRevision
from products.efficiency_bill.case.text import case_as_text, case_from_text
from products.efficiency_bill.tables import EfficiencyBillLinesV1

_REVISION = pa.struct(
    [
        pa.field("revision", pa.int64()),
        pa.field("issued_on", pa.date32()),
        pa.field("is_priced", pa.bool_()),
        pa.field("is_illustrative", pa.bool_()),
        pa.field("lines", pa.list_(pa.struct(list(product_schema(EfficiencyBillLinesV1))))),
        pa.field("case_inputs", pa.string()),
        pa.field("model_version", pa.string()),
    ]
)
JOBS_SCHEMA = pa.schema([pa.field("case_inputs", pa.string()), pa.field("newest_revision", _REVISION)])
"""One row per case, in the text that its evidence keeps, with its newest revision or null."""


def jobs_table(cases: Sequence[Case], newest: Mapping[str, IssuedRevision]) -> pa.Table:
    """One row for each case.

    newest  By customer.
    """
    rows = [
        {"case_inputs": case_as_text(case), "newest_revision": _row(newest.get(case.terms["customer_id"]))}
        for case in cases
    ]
    return pa.Table.from_pylist(rows, JOBS_SCHEMA)


def _row(newest: IssuedRevision | None) -> dict[str, object] | None:
    return None if newest is None else vars(newest) | {"lines": list(newest.lines)}


def case_jobs(batch: pa.RecordBatch) -> list[tuple[Case, IssuedRevision | None]]:
    """The cases of a batch again, with their newest revisions; the text gives a case to the last bit."""
    return [
        (
            case_from_text(row["case_inputs"]),
            None
            if row["newest_revision"] is None
            else IssuedRevision(**row["newest_revision"] | {"lines": tuple(row["newest_revision"]["lines"])}),
        )
        for row in batch.to_pylist()
    ]
