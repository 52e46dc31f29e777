"""Rows are the same by one form: where the hash of a table's content is equal, so are its cells, and no
further.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from pipelines.storage.table_hash import content_hash, equal_cells
from pipelines.tables.base import DOUBLE, ENERGY, INTEGER, STRING, Field, Layer, Table, all_tables
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
