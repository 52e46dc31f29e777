"""Arrow columns out of arrays, a whole column at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.arrays import BoolArray, IntArray
from pipelines.tables.base import Table

RUN_ID = "city-month"
SIMULATED = "simulated"
_DAY = np.datetime64("1970-01-01")


def table_of(table: type[Table], count: int, columns: Mapping[str, Any]) -> pa.Table:
    """Rows of a declared table; a plain value stands in every row, what is not named is empty."""
    made: dict[str, pa.Array] = {}
    for field in table.fields():
        value = columns.get(field.name, RUN_ID if field.name == "computed_run_id" else None)
        if value is None:
            made[field.name] = pa.nulls(count, field.dtype)
        elif isinstance(value, pa.Array | pa.ChunkedArray):
            made[field.name] = value
        elif isinstance(value, np.ndarray):
            made[field.name] = pa.array(value)
        else:
            made[field.name] = pa.repeat(pa.scalar(value, field.dtype), count)
    return pa.table(made)


def decimals(values: IntArray, dtype: pa.DataType, digits: int, missing: BoolArray | None = None) -> pa.Array:
    """Decimals out of whole numbers of ``10 ** -digits``; empty where missing."""
    low = np.ascontiguousarray(values, np.int64) * 10 ** (dtype.scale - digits)
    words = np.column_stack([low, low >> 63])
    mask = None if missing is None else pa.py_buffer(np.packbits(~missing, bitorder="little").tobytes())
    return pa.Array.from_buffers(dtype, len(low), [mask, pa.py_buffer(words.tobytes())])


def dates(days: IntArray, missing: BoolArray | None = None) -> pa.Array:
    """Days since 1970 as dates; empty where missing."""
    return pa.array(days.astype(np.int32), pa.int32(), mask=missing).cast(pa.date32())


def day_number(day: object) -> int:
    """Days since 1970."""
    return int((np.datetime64(day) - _DAY).astype(int))


def texts(values: Any, missing: BoolArray | None = None) -> pa.Array:
    """Texts out of an array or list."""
    return pa.array(list(values), pa.string(), mask=missing)


def words(lists: Any) -> pa.Array:
    """One of a few lists of words per row: (choices, place of each row's choice)."""
    choices, places = lists
    return pa.array(choices, pa.list_(pa.string())).take(pa.array(places))
