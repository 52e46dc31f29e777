"""Rows that come out as they stood keep the run that computed them first, so that what late data affected can
be told from what it did not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.storage.table_hash import equal_cells
from pipelines.tables.base import STRING, Table

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
        same &= equal_cells(left.column(name), right.column(name))
    runs = np.full(rows.num_rows, -1, dtype=np.int64)
    runs[here[same]] = there[same]
    current = before.column(RUN).take(pa.array(runs, mask=runs < 0))
    return rows.append_column(RUN, pc.coalesce(current, pa.scalar(run_id, STRING)))


def all_stand(rows: pa.Table, before: pa.Table, run_id: str) -> bool:
    """Whether rows with their run are those that stand: as many, and none that this run computed."""
    return bool(rows.num_rows == before.num_rows and not pc.any(pc.equal(rows.column(RUN), run_id)).as_py())


def current_columns(table: type[Table]) -> Sequence[str]:
    """What of a table is compared, and the run of each row."""
    return [*table.business_columns(), RUN]
