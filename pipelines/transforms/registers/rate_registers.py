"""Registers of the rates as matrices, and their energy as lists again."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import IntArray
from pipelines.tables.base import ENERGY
from pipelines.transforms.ground.micros import from_micros, to_micros

NOT_KNOWN = -1


def rate_matrix(lists: pa.ChunkedArray | pa.Array) -> tuple[IntArray, IntArray]:
    """(rows x rates) millionths, NOT_KNOWN where there is none, and how many rates each row tells of (0 where
    it has no list).

    No column where no row has any.
    """
    array = lists.combine_chunks() if isinstance(lists, pa.ChunkedArray) else lists
    if isinstance(array, pa.ChunkedArray) or array.null_count == len(array):
        return np.empty((len(array), 0), dtype=np.int64), np.zeros(len(array), dtype=np.int64)
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy().astype(np.int64)
    values, present = to_micros(pc.list_flatten(array))
    matrix = np.full((len(array), int(lengths.max(initial=0))), NOT_KNOWN, dtype=np.int64)
    row = np.repeat(np.arange(lengths.size), lengths)
    column = np.arange(row.size) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    matrix[row, column] = np.where(present, values, NOT_KNOWN)
    return matrix, lengths


def rate_lists(matrix: IntArray, lengths: IntArray) -> pa.Array:
    """The inverse: one list of decimals a row, as long as the row tells of rates; null where none of its
    rates is known.
    """
    told = (matrix != NOT_KNOWN).any(axis=1) if matrix.shape[1] else np.zeros(lengths.size, dtype=np.bool_)
    if not told.any():
        return pa.nulls(lengths.size, pa.list_(ENERGY))
    lengths = np.where(told, lengths, 0)
    values = matrix[np.arange(matrix.shape[1]) < lengths[:, None]]
    offsets = pa.array(np.concatenate(([0], np.cumsum(lengths))).astype(np.int32))
    return pa.ListArray.from_arrays(
        offsets, from_micros(np.maximum(values, 0), values != NOT_KNOWN), mask=pa.array(~told)
    )
