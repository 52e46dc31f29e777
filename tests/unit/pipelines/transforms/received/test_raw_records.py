"""Held-back records read as they did when Spark wrote them: a record quarantined long ago still compares."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa

from pipelines.tables.silver import RAW_RECORD_LIMIT
from pipelines.transforms.received.raw_records import raw_records

NUMBERS = {
    "10.0": 10.0,
    "-0.0": -0.0,
    "0.001": 0.001,
    "9.9E-4": 0.00099,
    "1.5E-5": 1.5e-5,
    "9999999.5": 9999999.5,
    "1.0E7": 1e7,
    "-1.23456789E7": -12345678.9,
    "1.2345678901234568E17": 123456789012345680.0,
    "1.0E22": 1e22,
    "-1.5E-300": -1.5e-300,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
    "": None,
}


def test_numbers_of_every_size() -> None:
    rows = pa.table({"number": pa.array(NUMBERS.values(), pa.float64())})
    assert raw_records(rows, ["number"]).to_pylist() == list(NUMBERS)


def test_an_exponent_is_written_once_and_the_number_read_back_is_the_same() -> None:
    rng = np.random.default_rng(7)
    numbers = rng.random(5_000) * 10.0 ** rng.integers(-12, 20, 5_000) * rng.choice([-1, 1], 5_000)
    texts = raw_records(pa.table({"number": numbers}), ["number"]).to_pylist()
    assert [float(text) for text in texts] == numbers.tolist()
    assert all(("E" in text) != (1e-3 <= abs(n) < 1e7) for text, n in zip(texts, numbers, strict=True))


def test_columns_in_the_order_asked_for_empty_where_nothing_came_and_cut_at_the_limit() -> None:
    parts = [
        {"name": "a,b", "day": date(2026, 3, 1), "flag": True, "energy": Decimal("1.5"), "count": 7},
        {"name": None, "day": None, "flag": None, "energy": None, "count": None},
        {"name": "电" * RAW_RECORD_LIMIT, "day": None, "flag": False, "energy": Decimal(0), "count": 0},
    ]
    schema = pa.schema(
        {
            "name": pa.string(),
            "day": pa.date32(),
            "flag": pa.bool_(),
            "energy": pa.decimal128(18, 6),
            "count": pa.int32(),
        }
    )
    rows = pa.concat_tables([pa.Table.from_pylist([part], schema) for part in parts])
    assert raw_records(rows, ["day", "flag", "name", "energy", "count"]).to_pylist() == [
        "2026-03-01,true,a,b,1.500000,7",
        ",,,,",
        ",false," + "电" * (RAW_RECORD_LIMIT - 7),
    ]
