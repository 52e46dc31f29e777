"""Cases on their way to the workers, as Arrow rows: what a bill is made from, and the revision that
stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from pipelines.tables.revised import product_schema
from products.efficiency_bill.case.case import Case
from products.efficiency_bill.case.standing import Standing
from products.efficiency_bill.case.text import case_as_text, case_from_text
from products.efficiency_bill.tables import EfficiencyBillLinesV1

_STANDING = pa.struct(
    [
        pa.field("revision", pa.int64()),
        pa.field("issued_on", pa.date32()),
        pa.field("is_priced", pa.bool_()),
        pa.field("is_illustrative", pa.bool_()),
        pa.field("lines", pa.list_(pa.struct(list(product_schema(EfficiencyBillLinesV1))))),
        pa.field("case_inputs", pa.string()),
    ]
)
JOBS_SCHEMA = pa.schema([pa.field("case_inputs", pa.string()), pa.field("standing", _STANDING)])
"""One row per case, in the text that its evidence keeps, with the revision that stands or null."""


def jobs_table(cases: Sequence[Case], standing: Mapping[str, Standing]) -> pa.Table:
    """One row for each case.

    standing  By customer.
    """
    rows = [
        {"case_inputs": case_as_text(case), "standing": _row(standing.get(case.terms["customer_id"]))}
        for case in cases
    ]
    return pa.Table.from_pylist(rows, JOBS_SCHEMA)


def _row(standing: Standing | None) -> dict[str, object] | None:
    return None if standing is None else vars(standing) | {"lines": list(standing.lines)}


def case_jobs(batch: pa.RecordBatch) -> list[tuple[Case, Standing | None]]:
    """The cases of a batch again, with the revision that stands; the text gives a case to the last bit."""
    return [
        (
            case_from_text(row["case_inputs"]),
            None
            if row["standing"] is None
            else Standing(**row["standing"] | {"lines": tuple(row["standing"]["lines"])}),
        )
        for row in batch.to_pylist()
    ]
