"""Small tables: rows that the driver holds replace those that stand, in one transaction and without Spark."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray
from pipelines.storage.data_files import (
    WrittenFile,
    commit_files,
    discard_files,
    next_transaction,
    write_files,
)
from pipelines.storage.scan import partition_of, read_columns, whole_table
from pipelines.storage.table_hash import content_hash
from pipelines.tables.base import STRING, Table

if TYPE_CHECKING:
    from pipelines.storage.store import Store


def replace_rows(
    store: Store,
    table: type[Table],
    rows: pa.Table,
    application: str,
    column: str = "",
    values: Collection[str] = (),
    *,
    even_if_same: bool = False,
) -> int:
    """Replaces all rows of a table, or those whose column has one of the values; returns the version.

    rows         All declared columns; each has one of the values where a column is named.
    application  Who commits, as ``commit_files``.
    even_if_same Whether rows that differ in the run's own columns alone are written as well.

    The version stays where the rows that would go are those that would come, so that what reads the table has
    nothing new to read. Files that hold no row of the values stay as they are.
    """
    existing = store.delta(table)
    root = store.path(table)
    current = store.data_files(table)
    reached = _holding(root, table, current, column, values) if column else current
    standing = whole_table([f"{root}/{path}" for path in reached], table)
    goes = _has_one(standing, column, values)
    may_stand = existing is not None and not even_if_same and _is_declared(store, table)
    if existing is not None and may_stand and _same(rows, standing.filter(goes), table):
        return int(existing.version())
    files: list[WrittenFile] = []
    try:
        files += write_files(standing.filter(pc.invert(goes)), table, root)
        files += write_files(rows, table, root)
    except BaseException:
        discard_files(root, files)
        raise
    transaction = next_transaction(existing, application)
    kept = frozenset(current).difference(reached) if column and existing is not None else None
    version = commit_files(store, table, files, application, transaction, overwrite=True, kept=kept)
    return -1 if version is None else version


def _holding(
    root: str, table: type[Table], files: Sequence[str], column: str, values: Collection[str]
) -> list[str]:
    """The data files that hold a row of the values."""
    if column in table.partition_by:
        return [path for path in files if partition_of(path, table) in values]
    return [
        path
        for path in files
        if pc.any(_has_one(read_columns([f"{root}/{path}"], table, [column]), column, values)).as_py()
    ]


def _has_one(rows: pa.Table, column: str, values: Collection[str]) -> pa.Array:
    """(rows) whether a row's column has one of the values; of no column: every row."""
    found: BoolArray = np.ones(rows.num_rows, dtype=np.bool_)
    if column:
        found = pc.is_in(rows[column], value_set=pa.array(sorted(values), STRING)).to_numpy()
    return pa.array(found, pa.bool_())


def _is_declared(store: Store, table: type[Table]) -> bool:
    """Whether a table was written under its present declaration; rows of another cannot be compared."""
    found = store.delta(table)
    return found is not None and {field.name for field in found.schema().fields} == set(table.columns())


def _same(rows: pa.Table, standing: pa.Table, table: type[Table]) -> bool:
    """Whether two sets of rows are the same in their business columns, in any order."""
    return rows.num_rows == standing.num_rows and content_hash(rows, table) == content_hash(standing, table)
