"""The text of a row: what issued digests are taken over, so each of these stands for ever."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from pipelines.storage.row_texts import number_text, row_texts


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (-12.5, "-12.5"),
        (0.001, "0.001"),
        (0.00099, "9.9E-4"),
        (0.0005, "5.0E-4"),
        (9999999.0, "9999999.0"),
        (9999999.999, "9999999.999"),
        (10000000.0, "1.0E7"),
        (12345678.9, "1.23456789E7"),
        (1e16, "1.0E16"),
        (1.5e300, "1.5E300"),
        (-2.5e-9, "-2.5E-9"),
        (1e22, "1.0E22"),
        (123456789012345680.0, "1.2345678901234568E17"),
        (0.1 + 0.2, "0.30000000000000004"),
        (float("nan"), '"NaN"'),
        (float("inf"), '"Infinity"'),
        (float("-inf"), '"-Infinity"'),
    ],
)
def test_numbers_are_told_as_java_tells_them(number: float, told: str) -> None:
    assert number_text(number) == told


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        (pa.string(), 'a"b\\c/\n\t\x01 电', '"a\\"b\\\\c/\\n\\t\\u0001 电"'),
        (pa.bool_(), True, "true"),
        (pa.int32(), -3, "-3"),
        (pa.decimal128(18, 2), Decimal("12.30"), "12.30"),
        (pa.decimal128(18, 10), Decimal("0E-10"), "0E-10"),
        (pa.date32(), date(2026, 9, 1), '"2026-09-01"'),
        (
            pa.timestamp("us", "UTC"),
            datetime(2026, 9, 1, 2, 3, 4, 5, tzinfo=UTC),
            '"2026-09-01T02:03:04.000005Z"',
        ),
        (pa.list_(pa.float64()), [1.0, None, 2e-9], "[1.0,null,2.0E-9]"),
        (pa.list_(pa.string()), [], "[]"),
    ],
)
def test_each_kind_of_cell(kind: pa.DataType, value: Any, told: str) -> None:
    rows = pa.table({"b": pa.array([value, None], kind), "a": pa.array([None, 1])})
    assert row_texts(rows, ["b", "a"]) == ['{"b":' + told + "}", '{"a":1}']


def test_no_rows_have_no_texts_and_an_unknown_type_is_refused() -> None:
    assert row_texts(pa.table({"a": pa.array([], pa.int64())}), ["a"]) == []
    with pytest.raises(TypeError, match="No text for bytes"):
        row_texts(pa.table({"a": [b"x"]}), ["a"])
