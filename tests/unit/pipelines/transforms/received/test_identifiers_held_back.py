"""What an earlier version took into bronze without asking: silver holds back an identifier that breaks the
rule in every received table, also in one that only points elsewhere.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from pipelines.tables.bronze import BronzeRegisterReads
from pipelines.tables.silver import SilverMeterPoints
from pipelines.transforms.received.master_data import REFINEMENTS, Refinement, refine_received
from pipelines.transforms.registers.register_reads import refine_read_rows
from tests.hostile_ids import LEGAL, REFUSED
from tests.unit.pipelines.transforms.curves import curve_records
from tests.unit.pipelines.transforms.registers import reads

DAY = date(2026, 3, 1)
PLACES = [
    (refinement, field.name)
    for refinement in REFINEMENTS
    for field in refinement.silver.fields()
    if field.identifier
]
UNTRIMMED = (" A", "A\u3000", " ")


def sound(refinement: Refinement, line: int, **changes: Any) -> dict[str, Any]:
    """A record of the table that can stand, with a key of its own."""
    row: dict[str, Any] = {"content_hash": "a", "line_number": line}
    for field in refinement.silver.fields():
        if field.name not in refinement.bronze.columns() or (field.nullable and not field.identifier):
            continue
        if field.identifier:
            row[field.name] = f"{field.name}{line}"
        elif pa.types.is_date(field.dtype):
            row[field.name] = DAY
        elif field.codes is not None:
            row[field.name] = next(iter(field.codes)).value
        elif field.parts is not None:
            row[field.name] = next(iter(field.parts)).value
        elif pa.types.is_boolean(field.dtype):
            row[field.name] = True
        elif pa.types.is_string(field.dtype):
            row[field.name] = "2026-03" if field.name.endswith("_month") else "text"
        else:
            row[field.name] = Decimal(1) if pa.types.is_decimal(field.dtype) else 1
    return row | changes


def held(refinement: Refinement, column: str, texts: tuple[str, ...]) -> tuple[int, list[Any]]:
    """Rows that stand, and line, column and reason of those that do not."""
    schema = pa.schema([field.with_nullable(True) for field in refinement.bronze.arrow_schema()])
    rows = [sound(refinement, line, **{column: text}) for line, text in enumerate(texts)]
    found = refine_received(pa.Table.from_pylist([*rows, sound(refinement, 999)], schema), refinement)
    told = [
        (row["line_number"], row["column_name"], row["reason_code"]) for row in found.quarantine.to_pylist()
    ]
    return found.rows.num_rows, sorted(told)


@pytest.mark.parametrize(("refinement", "column"), PLACES, ids=lambda part: getattr(part, "name", part))
def test_every_table_holds_back_what_breaks_the_rule(refinement: Refinement, column: str) -> None:
    texts = (*REFUSED, *UNTRIMMED)
    assert held(refinement, column, texts) == (1, [(line, column, "bad_id") for line in range(len(texts))])
    assert held(refinement, column, LEGAL) == (len(LEGAL) + 1, [])


@pytest.mark.parametrize("name", [*REFUSED, *UNTRIMMED])
def test_registers_and_curves_hold_back_the_same(name: str) -> None:
    bronze = pa.Table.from_pylist(
        [reads.read(1, "1", meter_point=name), reads.read(2, "2")], BronzeRegisterReads.arrow_schema()
    )
    meters = pa.Table.from_pylist(
        [reads.meter(), reads.meter(meter_point=name)], SilverMeterPoints.arrow_schema()
    )
    settled = refine_read_rows(bronze, meters, reads.SETTINGS, date(2026, 6, 1))
    curves = curve_records.refine(
        [curve_records.record(meter_point_id=name), curve_records.record(3)],
        [curve_records.meter(), curve_records.meter(meter_point=name)],
    )
    for quarantine in (settled.quarantine, curves.quarantine):
        (row,) = quarantine.to_pylist()
        assert (row["column_name"], row["reason_code"]) == ("meter_point_id", "bad_id")
    assert settled.energy["meter_point_id"].to_pylist() == ["MP-1"]
    assert curves.curves["meter_point_id"].to_pylist() == ["MP-1"]
