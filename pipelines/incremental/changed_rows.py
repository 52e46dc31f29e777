"""Which rows differ between two versions of a table, read from the files that only one of them has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.storage.scan import read_columns
from pipelines.storage.unchanged_rows import RUN
from pipelines.tables.base import CUSTOMER, POINT, Layer, Table


def changed_rows(
    now: Sequence[str], then: Sequence[str], table: type[Table], also: Sequence[str] = ()
) -> pa.Table:
    """Rows that only one of two versions of a table has: what came, what went, and both sides of what
    changed.

    now, then  Paths of the versions' data files; a file that both have is not opened.
    also       Further columns that are wanted, of a table laid out by month.

    Rows of a table laid out by month keep their run while they come out as they stood, so key and run tell
    them apart; of others the
    business columns are compared. Of a bronze table, to which rows are only added, and of one with lists that
    nothing else tells apart, all
    rows of the files that one version lacks count.
    """
    declared = table.arrow_schema()
    if table.partition_by and RUN in table.columns():
        columns, comparable = list(dict.fromkeys([*table.key(), *also, RUN])), True
    elif table.layer is Layer.BRONZE:
        columns, comparable = subjects(table), False
    else:
        columns = [
            name for name in table.business_columns() if not pa.types.is_list(declared.field(name).type)
        ]
        comparable = len(columns) == len(table.business_columns())
    sides = [
        read_columns([path for path in one if path not in held], table, columns)
        for one, held in ((now, set(then)), (then, set(now)))
    ]
    if not comparable:
        return pa.concat_tables(sides, promote_options="default")
    both = pa.concat_tables(
        [
            rows.append_column("_side", pa.array(np.full(rows.num_rows, side)))
            for rows, side in zip(sides, (1, -1), strict=True)
        ],
        promote_options="default",
    )
    summed = both.group_by(columns).aggregate([("_side", "sum")])
    return summed.filter(pc.not_equal(summed["_side_sum"], 0)).select(columns)


def subjects(table: type[Table]) -> list[str]:
    """Columns of a table that name the meter points it speaks of, or else the customers; none where it speaks
    of neither.
    """
    names = table.business_columns()
    return [name for name in names if name.endswith(POINT)] or [name for name in names if name == CUSTOMER]
