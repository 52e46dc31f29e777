"""What a table's declaration asks for, counted on rows that a worker holds; the gate asks that every count be
0.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.tables.base import Field, Table


def repeated_keys(rows: pa.Table, table: type[Table]) -> int:
    """Rows that repeat the key of another; within a bucket this sees every row of a key."""
    keys = rows.select(list(table.key()))
    return int(keys.num_rows - keys.group_by(keys.column_names).aggregate([]).num_rows)


def nulls_in_required(rows: pa.Table, table: type[Table]) -> int:
    """Empty values in columns and fields of records that the declaration does not allow to be empty."""
    return sum(column.null_count for field, column in _columns(rows, table) if not field.nullable)


def below_minimum(rows: pa.Table, table: type[Table]) -> int:
    """Values below the least that the declaration allows, or not above the bound that they must exceed."""
    found = 0
    for field, column in _columns(rows, table):
        for bound, breaks in ((field.minimum, pc.less), (field.above, pc.less_equal)):
            if bound is not None:
                low = breaks(column.cast(pa.float64()) if pa.types.is_decimal(column.type) else column, bound)
                found += int(pc.sum(low).as_py() or 0)
    return found


def _columns(rows: pa.Table, table: type[Table]) -> Iterator[tuple[Field, pa.ChunkedArray]]:
    """Each declared column that the rows have, and each field of the records that lie inside them."""
    for field in table.fields():
        if field.name not in rows.column_names:
            continue
        column = rows.column(field.name)
        yield field, column
        if field.nested is not None:
            records = pc.list_flatten(column)
            for within in field.nested.fields():
                yield within, pc.struct_field(records, within.name)


def constraint_violations(rows: pa.Table, table: type[Table]) -> dict[str, int]:
    """How often the declaration's constraints are broken: key, required values, lower bounds."""
    return {
        "keys_repeated": repeated_keys(rows, table),
        "required_values_empty": nulls_in_required(rows, table),
        "values_below_minimum": below_minimum(rows, table),
    }
