"""Rows are the same by one form: where the hash of a table's content is equal, so are its cells, and no
further.
"""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipelines.storage.table_hash import content_hash, equal_cells
from pipelines.tables.base import DATE, DOUBLE, ENERGY, INTEGER, STRING, Field, Layer, Table, all_tables
from pipelines.tables.gold import GoldDayEnergy
from pipelines.tables.revised import Revised
from pipelines.units import Unit

NAN = float("nan")


class Celled(Table):
    """One column of each kind."""

    name, layer = "test_celled", Layer.SILVER
    place = Field(INTEGER, "Place.", key=True)
    energy_kwh = Field(ENERGY, "Energy.", unit=Unit.KWH)
    level_kwh = Field(DOUBLE, "Level.", unit=Unit.KWH)
    list_kwh = Field(pa.list_(DOUBLE), "List.", unit=Unit.KWH)
    text = Field(STRING, "Text.")
    number = Field(INTEGER, "Number.")


@pytest.mark.parametrize(
    ("column", "left", "right", "same"),
    [
        ("level_kwh", -0.0, 0.0, True),
        ("level_kwh", NAN, NAN, True),
        ("level_kwh", None, NAN, False),
        ("level_kwh", None, 0.0, False),
        ("level_kwh", 2.0, 2.0000000000000004, False),
        ("list_kwh", [1.0, None, NAN], [1.0, None, NAN], True),
        ("list_kwh", [], None, False),
        ("list_kwh", [None], [0.0], False),
        ("list_kwh", [-0.0], [0.0], True),
        ("list_kwh", [1.0], [1.0, 1.0], False),
        ("text", "", None, False),
        ("text", None, None, True),
        ("number", 0, None, False),
        ("energy_kwh", Decimal("1.5"), Decimal("1.500000"), True),
        ("energy_kwh", Decimal("1.5"), Decimal("1.500001"), False),
    ],
)
def test_hash_and_cells_agree_on_what_is_the_same(column: str, left: Any, right: Any, same: bool) -> None:
    def table(value: Any) -> pa.Table:
        return pa.Table.from_pylist([{"place": 1, column: value}], Celled.arrow_schema())

    one, other = table(left), table(right)
    assert equal_cells(one.column(column), other.column(column)).tolist() == [same]
    assert (content_hash(one, Celled) == content_hash(other, Celled)) is same


def test_cells_are_compared_each_by_itself() -> None:
    one = pa.chunked_array([[[1.0], None], [[], [2.0, None]]], pa.list_(DOUBLE))
    other = pa.chunked_array([[[1.0], None, [3.0], [2.0, None]]], pa.list_(DOUBLE))
    assert equal_cells(one, other).tolist() == [True, True, False, True]


def test_no_issued_row_tells_an_instant() -> None:
    """Its text form has six decimals of a second where the digests of revisions once had three."""
    import products.credit_index.tables
    import products.efficiency_bill.tables
    import products.transfer_fee_code.tables  # noqa: F401

    issued = [table for table in all_tables() if issubclass(table, Revised)]
    assert len(issued) > 5
    assert [
        (table.name, field.name)
        for table in issued
        for field in table.fields()
        if "timestamp" in str(field.dtype)
    ] == []


def _days(rows: list[tuple[str, int, float | None]]) -> pa.Table:
    filled = [
        {
            "meter_point_id": point,
            "channel_code": "active_forward",
            "energy_date": date(2026, 9, day),
            "customer_id": None,
            "energy_kwh_or_kvarh": energy,
            "basis_code": "register",
            "curve_kwh_or_kvarh": None,
            "estimated_ratio": 0.0,
            "energy_month": "2026-09",
            "computed_run_id": "x",
        }
        for point, day, energy in rows
    ]
    return pa.Table.from_pylist(filled, GoldDayEnergy.arrow_schema())


def test_the_hash_forgets_order_layout_and_run_but_no_value() -> None:
    rows = [("b", 2, 1.5), ("a", 1, 2.5), ("a", 3, 0.0)]
    base = content_hash(_days(rows), GoldDayEnergy)
    shuffled = pa.concat_tables([_days(rows[2:]), _days(rows[:2])])
    other_run = shuffled.set_column(
        shuffled.schema.get_field_index("computed_run_id"), "computed_run_id", pa.array(["y"] * 3)
    )
    assert content_hash(other_run, GoldDayEnergy) == base
    assert content_hash(_days([("b", 2, 1.5), ("a", 1, 2.5), ("a", 3, 1e-12)]), GoldDayEnergy) != base
    assert content_hash(_days(rows[:2]), GoldDayEnergy) != base


def test_the_hash_tells_a_null_from_a_zero_and_an_empty_text() -> None:
    class _Nullable(Table):
        """Two nullable columns."""

        name = "test_nullable"
        layer = Layer.GOLD
        place = Field(STRING, "Key.", key=True)
        text = Field(STRING, "Text.")
        day = Field(DATE, "Day.")
        numbers = Field(pa.list_(DOUBLE), "Numbers.")

    def hashed(text: str | None, day: date | None, numbers: list[float | None] | None) -> str:
        row = {"place": "p", "text": text, "day": day, "numbers": numbers}
        return content_hash(pa.Table.from_pylist([row], _Nullable.arrow_schema()), _Nullable)

    variants = [
        (None, None, None),
        ("", None, None),
        (None, date(1970, 1, 1), None),
        (None, None, []),
        (None, None, [0.0]),
        (None, None, [None]),
        ("a", None, None),
    ]
    assert len({hashed(*variant) for variant in variants}) == len(variants)


class Grown(Table):
    """One column of it is younger than its rows."""

    name, layer = "test_grown", Layer.SILVER
    place = Field(INTEGER, "Place.", key=True)
    text = Field(STRING, "Text.", later=True)


def test_a_younger_column_changes_no_hash_while_it_holds_nothing() -> None:
    def hash_of(values: list[str | None]) -> str:
        rows = [{"place": place, "text": text} for place, text in enumerate(values)]
        return content_hash(pa.Table.from_pylist(rows, Grown.arrow_schema()), Grown)

    # By hand: its name, two rows, and the one column with both places there.
    before = hashlib.sha256(b"test_grown\x002\x00place\x00" + bytes([0b11000000]))
    before.update(np.array([0, 1], "<i8").tobytes())
    assert hash_of([None, None]) == before.hexdigest()
    assert hash_of([None, ""]) != before.hexdigest()
