"""Rows that come out as they stood keep the run that computed them first, so that what late data affected can
be told from what it did not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray
from pipelines.tables.base import STRING, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

RUN = "computed_run_id"


def with_run(
    rows: pa.Table, run_id: str, table: type[Table] | None = None, before: pa.Table | None = None
) -> pa.Table:
    """Rows with ``computed_run_id``: the run that stands for an equal row of the same key, else this run.

    rows    Business columns of the table.
    before  The same rows as they stand, with ``computed_run_id``; none: all rows are new.
    """
    fresh = pa.array([run_id] * rows.num_rows, STRING)
    if table is None or before is None or not before.num_rows or not rows.num_rows:
        return rows.append_column(RUN, fresh)
    key = list(table.key())
    now = rows.select(key).append_column("_now", pa.array(np.arange(rows.num_rows)))
    then = before.select(key).append_column("_then", pa.array(np.arange(before.num_rows)))
    pairs = now.join(then, key, join_type="inner").select(["_now", "_then"])
    here, there = pairs["_now"].to_numpy(), pairs["_then"].to_numpy()
    others = [name for name in rows.column_names if name not in key]
    left, right = rows.select(others).take(pa.array(here)), before.select(others).take(pa.array(there))
    same = np.ones(here.size, dtype=np.bool_)
    for name in others:
        same &= _equal(left.column(name), right.column(name))
    runs = np.full(rows.num_rows, -1, dtype=np.int64)
    runs[here[same]] = there[same]
    current = before.column(RUN).take(pa.array(runs, mask=runs < 0))
    return rows.append_column(RUN, pc.coalesce(current, pa.scalar(run_id, STRING)))


def all_stand(rows: pa.Table, before: pa.Table, run_id: str) -> bool:
    """Whether rows with their run are those that stand: as many, and none that this run computed."""
    return bool(rows.num_rows == before.num_rows and not pc.any(pc.equal(rows.column(RUN), run_id)).as_py())


def same_content(frame: DataFrame, current: DataFrame, table: type[Table]) -> bool:
    """Whether two Spark frames hold the same rows in their business columns, in any order, by two sums of
    64-bit hashes.
    """
    return _content(frame, table) == _content(current, table)


def _content(frame: DataFrame, table: type[Table]) -> Row | None:
    from pyspark.sql import functions as F

    columns = [F.col(name) for name in table.business_columns()]
    # Spark's hash passes over nulls, so where they stand is hashed too.
    parts = [*columns, *(column.isNull() for column in columns)]
    sums = [F.sum(F.xxhash64(*order).cast("decimal(38,0)")) for order in (parts, parts[::-1])]
    return frame.agg(F.count("*"), *sums).first()


def _equal(left: pa.ChunkedArray, right: pa.ChunkedArray) -> BoolArray:
    """Row by row; two nulls are equal, and so are two lists of equal elements."""
    one, other = _whole(left), _whole(right)
    if not pa.types.is_list(one.type):
        both = pc.and_(pc.is_null(one), pc.is_null(other))
        return np.asarray(
            pc.or_(pc.fill_null(pc.equal(one, other), False), both).to_numpy(zero_copy_only=False),
            dtype=np.bool_,
        )
    lengths = [
        pc.fill_null(pc.list_value_length(each), -1).to_numpy().astype(np.int64) for each in (one, other)
    ]
    same = lengths[0] == lengths[1]
    rows = np.flatnonzero(same & (lengths[0] > 0))
    if rows.size:
        elements = _equal(
            *(pa.chunked_array([pc.list_flatten(each.take(pa.array(rows)))]) for each in (one, other))
        )
        counts = lengths[0][rows]
        same[rows] = np.logical_and.reduceat(elements, np.cumsum(counts) - counts)
    return np.asarray(same, dtype=np.bool_)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.array([], column.type)


def current_columns(table: type[Table]) -> Sequence[str]:
    """What of a table is compared, and the run of each row."""
    return [*table.business_columns(), RUN]
