"""A bill computed again from its evidence alone, and compared with what was issued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipelines.facts import Facts
from pipelines.settings import Settings
from pipelines.tables.revised import product_schema
from products.efficiency_bill.bill import OUTER, IssuedBill, RevisedBill, evidence_beside, evidence_inside
from products.efficiency_bill.case.former_text import is_former
from products.efficiency_bill.case.issued_revision import IssuedRevision
from products.efficiency_bill.case.text import case_from_text
from products.efficiency_bill.corrections import correction_rows, issued_revision_of
from products.efficiency_bill.issue import issue_bill
from products.efficiency_bill.settings import EfficiencyBillSettings
from products.efficiency_bill.tables import EfficiencyBillV1


@dataclass(frozen=True)
class Difference:
    """One value that came out otherwise.

    place  Table and, for evidence, the number of the row, the first being 1.
    """

    place: str
    column: str
    issued: Any
    computed: Any


def replay(issued: IssuedBill, settings: Settings, facts: Facts) -> tuple[Difference, ...]:
    """What differs between an issued bill and the same bill computed again; empty where both are the same to
    the last bit.

    issued    ``result`` and, under each evidence table's name, its rows in order; for a bill with corrections
              also ``corrected``, the
              revision that it corrects in the same shape.
    settings  Thresholds of the run that issued it; facts: its facts.
    """
    row = issued["result"]
    (kept,) = issued["efficiency_bill_inputs_v1"]
    computed = issue_bill(
        case_from_text(kept["case_inputs"]),
        facts,
        settings.section(EfficiencyBillSettings),
        row["model_name"],
        row["model_version"],
    )
    if is_former(kept["case_inputs"]):
        # What it was made from is kept as it was written then; today it would read otherwise.
        computed["inputs"] = [{"case_inputs": kept["case_inputs"]}]
    corrected = issued.get("corrected")
    before = None if corrected is None else _issued_revision(corrected)
    bill: RevisedBill = {
        **computed,
        "corrections": [] if before is None else correction_rows(computed, before, facts),
    }
    found = [*_differences("efficiency_bill_v1", [row], _as_stored([bill], product_schema(EfficiencyBillV1)))]
    stands = evidence_beside(issued)
    for table, rows in evidence_inside(bill).items():
        order = [key for key in table.key() if key not in (*OUTER, "revision")]
        again = sorted(
            _as_stored(rows, product_schema(table)), key=lambda line: tuple(line[key] for key in order)
        )
        found += _differences(table.name, stands[table], again)
    return tuple(found)


def _issued_revision(issued: IssuedBill) -> IssuedRevision:
    (kept,) = issued["efficiency_bill_inputs_v1"]
    return issued_revision_of(issued["result"], issued["efficiency_bill_lines_v1"], kept["case_inputs"])


def _as_stored(rows: Sequence[Mapping[str, object]], schema: pa.Schema) -> list[dict[str, Any]]:
    stored: list[dict[str, Any]] = pa.Table.from_pylist(list(rows), schema).to_pylist()
    return stored


def _differences(
    table: str, issued: Sequence[Mapping[str, object]], computed: Sequence[Mapping[str, object]]
) -> list[Difference]:
    if len(issued) != len(computed):
        return [Difference(table, "rows", len(issued), len(computed))]
    return [
        Difference(f"{table}[{number}]", column, before[column], again[column])
        for number, (before, again) in enumerate(zip(issued, computed, strict=True), start=1)
        for column in again
        if repr(before[column]) != repr(again[column])
    ]
