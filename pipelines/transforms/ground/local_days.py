"""Local days as numbers, and the months that they lie in."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipelines.arrays import IntArray
from pipelines.tables.base import STRING

DAY_SPAN = 1 << 22
"""More days than there are dates: a number and a local day pack into one int64, and sort by both."""


def day_numbers(column: pa.ChunkedArray) -> IntArray:
    """A date column without nulls as days since 1970-01-01."""
    return np.asarray(column.cast(pa.int32()).to_numpy().astype(np.int64))


def month_column(days: IntArray) -> pa.Array:
    """``YYYY-MM`` of each day, given as days since 1970-01-01."""
    months, place = np.unique(days.astype("datetime64[D]").astype("datetime64[M]"), return_inverse=True)
    return pa.array(months.astype(str).tolist(), STRING).take(pa.array(place))
