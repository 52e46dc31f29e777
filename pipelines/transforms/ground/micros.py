"""Exact decimals as whole millionths in int64 arrays, and back."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa

from pipelines.arrays import BoolArray, IntArray
from pipelines.tables.base import ENERGY

PER_UNIT = 1_000_000


def to_micros(column: pa.ChunkedArray | pa.Array) -> tuple[IntArray, BoolArray]:
    """Millionths of a decimal(18, 6) column, and where it is not null. Null positions hold 0."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):  # an empty chunked array stays one
        array = pa.array([], ENERGY)
    array = array.cast(ENERGY)
    present = np.asarray(array.is_valid())
    words = np.frombuffer(array.buffers()[1] or b"", dtype="<i8").reshape(-1, 2)
    low = words[array.offset : array.offset + len(array), 0]  # 18 digits fit the low word
    return np.where(present, low, 0), present


def from_micros(values: IntArray, present: BoolArray | None = None) -> pa.Array:
    """A decimal(18, 6) array of whole millionths; null where not present."""
    words = np.empty((values.size, 2), dtype="<i8")
    words[:, 0], words[:, 1] = values, values >> 63
    validity = None if present is None else pa.py_buffer(np.packbits(present, bitorder="little"))
    return pa.Array.from_buffers(ENERGY, values.size, [validity, pa.py_buffer(words)])


def decimal_of(micros: int) -> Decimal:
    """One number of whole millionths as a decimal."""
    return Decimal(int(micros)).scaleb(-6)
