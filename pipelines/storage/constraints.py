"""What a table's declaration asks for, counted on rows that a worker holds; the gate asks that every count be
0.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.tables.base import Table


def repeated_keys(rows: pa.Table, table: type[Table]) -> int:
    """Rows that repeat the key of another; within a bucket this sees every row of a key."""
    keys = rows.select(list(table.key()))
    return int(keys.num_rows - keys.group_by(keys.column_names).aggregate([]).num_rows)


def nulls_in_required(rows: pa.Table, table: type[Table]) -> int:
    """Empty values in columns that the declaration does not allow to be empty."""
    return sum(
        rows.column(field.name).null_count
        for field in table.fields()
        if not field.nullable and field.name in rows.column_names
    )


def below_minimum(rows: pa.Table, table: type[Table]) -> int:
    """Values below the least that the declaration allows, or not above the bound that they must exceed."""
    found = 0
    for field in table.fields():
        for bound, breaks in ((field.minimum, pc.less), (field.above, pc.less_equal)):
            if bound is not None and field.name in rows.column_names:
                column = rows.column(field.name)
                low = breaks(column.cast(pa.float64()) if pa.types.is_decimal(column.type) else column, bound)
                found += int(pc.sum(low).as_py() or 0)
    return found


def constraint_violations(rows: pa.Table, table: type[Table]) -> dict[str, int]:
    """How often the declaration's constraints are broken: key, required values, lower bounds."""
    return {
        "keys_repeated": repeated_keys(rows, table),
        "required_values_empty": nulls_in_required(rows, table),
        "values_below_minimum": below_minimum(rows, table),
    }
