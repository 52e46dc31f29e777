"""Tables as files of a home, for steps that read files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

import pyarrow as pa

from pipelines.storage.data_files import write_files
from pipelines.storage.store import Store
from pipelines.tables.base import Table


def written(store: Store, held: Mapping[type[Table], pa.Table]) -> Callable[[type[Table]], list[str]]:
    """Writes rows; table -> paths of its files, as the inputs of a step tell them."""
    paths = {
        table: [
            f"{store.path(table)}/{file.path}"
            for file in write_files(_filled(rows, table), table, store.path(table))
        ]
        for table, rows in held.items()
    }
    return paths.__getitem__


def _filled(rows: pa.Table, table: type[Table]) -> pa.Table:
    """With a value of no interest where the declaration asks for one."""
    for field in table.fields():
        if not field.nullable and rows[field.name].null_count == rows.num_rows:
            plain = (
                date(2026, 9, 20)
                if pa.types.is_date(field.dtype)
                else "none"
                if pa.types.is_string(field.dtype)
                else 0.0
            )
            place = rows.column_names.index(field.name)
            rows = rows.set_column(place, field.name, pa.repeat(pa.scalar(plain, field.dtype), rows.num_rows))
    return rows
