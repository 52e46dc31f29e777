"""A home written under an earlier declaration: columns that came since are added, what cannot be mended so is
told before a run begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.errors import SchemaMismatchError
from pipelines.tables.base import Layer, Table

if TYPE_CHECKING:
    from pipelines.storage.store import Store

_COMPUTED = (Layer.SILVER, Layer.GOLD)


def adopt_declarations(store: Store, tables: Sequence[type[Table]]) -> dict[str, list[str]]:
    """Adds to each table that stands the columns that its declaration has gained; returns them by table.

    Rows written before hold nothing in them; silver and gold are computed anew by the run, because another
    version of the code computes.
    Raises SchemaMismatchError for a column that is gone, has another type, or may not be empty in rows that
    are never computed again.
    Nothing is altered where any table cannot be.
    """
    lacking = {table: found for table in tables if (found := _lacking(store, table))}
    for table, fields in lacking.items():
        _add(store, table, fields)
    return {table.name: [field.name for field in fields] for table, fields in lacking.items()}


def _lacking(store: Store, table: type[Table]) -> list[pa.Field]:
    current = _current(store, table)
    if current is None:
        return []
    declared = {field.name: field for field in table.arrow_schema()}
    surplus = sorted(set(current) - set(declared))
    wrong = [
        name for name, field in declared.items() if name in current and not _alike(current[name], field.type)
    ]
    new = [field for name, field in declared.items() if name not in current]
    # Silver and gold are written whole by the next run, so an empty cell there does not last.
    required = [field.name for field in new if not field.nullable and table.layer not in _COMPUTED]
    if surplus or wrong or required:
        error = SchemaMismatchError(table.name, required, surplus, wrong)
        error.message = f"This home was written under another declaration. {error.message}"
        error.hint = (
            f"Move {store.path(table)} away: the next run computes it again from what was received."
            if table.layer in _COMPUTED
            else "Run the version that wrote it, or choose another ZHIXIANG_HOME and deliver the files again."
        )
        raise error
    return new


def _current(store: Store, table: type[Table]) -> Mapping[str, pa.DataType] | None:
    found = store.delta(table)
    return (
        None if found is None else {field.name: field.type for field in pa.schema(found.schema().to_arrow())}
    )


def _alike(current: pa.DataType, declared: pa.DataType) -> bool:
    """Whether two types hold the same: names and nullability of a list's elements are the writer's own."""
    if pa.types.is_list(current) and pa.types.is_list(declared):
        return _alike(current.value_type, declared.value_type)
    if _is_text(current):
        return _is_text(declared)
    return bool(current == declared)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _add(store: Store, table: type[Table], fields: Sequence[pa.Field]) -> None:
    from deltalake import Schema

    found = store.delta(table)
    assert found is not None  # noqa: S101 - it lacks columns, so it stands
    found.alter.add_columns(
        list(Schema.from_arrow(pa.schema([field.with_nullable(True) for field in fields])).fields)
    )
