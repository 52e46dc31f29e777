"""The second hand on a table: workers write Parquet files, the driver commits them all in one Delta transaction.

Orphan files of a killed run are in no commit and change nothing; a repeated commit is recognised by its transaction id.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.steps import WrittenFile
from pipelines.tables.base import Table, conform

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction

    from pipelines.store import Store


def write_files(rows: pa.Table, table: type[Table], root: str, *, quick: bool = False) -> list[WrittenFile]:
    """What a worker does: writes rows into their partition folders under fresh names and describes the files.

    rows   All declared columns of the table.
    root   The table's folder on a file system that workers and driver share.
    quick  Splits floating-point numbers into streams of bytes instead of looking for repeated values: half the time, up to twice the size.
    """
    rows = conform(rows, table)
    if not table.partition_by:
        return [_write_one(rows, {}, root, quick)] if rows.num_rows else []
    (column,) = table.partition_by
    values = sorted(pc.unique(rows.column(column)).to_pylist())
    # Filtering copies every array, so rows of one partition go as they are.
    parts = [rows] if len(values) == 1 else [rows.filter(pc.equal(rows.column(column), value)) for value in values]
    return [_write_one(part.drop_columns([column]), {column: value}, root, quick) for part, value in zip(parts, values, strict=True)]


def _write_one(rows: pa.Table, partition: dict[str, str], root: str, quick: bool) -> WrittenFile:
    folder = "/".join(f"{column}={value}" for column, value in partition.items())
    name = f"{folder}/{uuid.uuid4()}.parquet" if folder else f"{uuid.uuid4()}.parquet"
    path = Path(root, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    encoding = _quick_encoding(rows.schema) if quick else {}
    pq.write_table(rows, path, compression="zstd", compression_level=1, **encoding)
    return WrittenFile(name, path.stat().st_size, partition, rows.num_rows, json.dumps(_statistics(rows)))


def _quick_encoding(schema: pa.Schema) -> dict[str, list[str]]:
    """Parquet paths of the columns to split, and of those that keep a dictionary."""
    split: list[str] = []
    kept: list[str] = []
    for field in schema:
        is_list = pa.types.is_list(field.type)
        values = field.type.value_type if is_list else field.type
        (split if pa.types.is_floating(values) else kept).append(f"{field.name}.list.element" if is_list else field.name)
    return {"use_byte_stream_split": split, "use_dictionary": kept}


def _statistics(rows: pa.Table) -> dict[str, object]:
    lowest: dict[str, str] = {}
    highest: dict[str, str] = {}
    nulls: dict[str, int] = {}
    for field in rows.schema:
        nulls[field.name] = rows.column(field.name).null_count
        if pa.types.is_date(field.type) and rows.num_rows:
            bounds = pc.min_max(rows.column(field.name)).as_py()
            if bounds["min"] is not None:
                lowest[field.name], highest[field.name] = bounds["min"].isoformat(), bounds["max"].isoformat()
    return {"numRecords": rows.num_rows, "minValues": lowest, "maxValues": highest, "nullCount": nulls}


def commit_files(
    store: Store,
    table: type[Table],
    files: Sequence[WrittenFile],
    application: str,
    transaction: int,
    *,
    overwrite: bool,
    kept: frozenset[str] | None = None,
) -> int | None:
    """What the driver does: one atomic commit; returns the new version, or None where this transaction was committed before.

    application   Who commits; derived from table and job so that ids of a rebuilt table never collide.
    transaction   Rises with each commit of the application.
    overwrite     Replace the whole table instead of adding to it.
    kept          Data files of the table that an overwrite leaves; where nothing is left out and nothing comes, the version stays.
    """
    from deltalake import CommitProperties, Schema
    from deltalake.transaction import Transaction, create_table_with_add_actions

    actions = [_add(file) for file in files]
    properties = CommitProperties(app_transactions=[Transaction(application, transaction)])
    existing = store.delta(table)
    if existing is None:
        create_table_with_add_actions(
            store.path(table),
            Schema.from_arrow(table.arrow_schema()),
            actions,
            mode="error",
            partition_by=list(table.partition_by),
            commit_properties=properties,
        )
        return store.version(table)
    done = existing.transaction_version(application)
    if done is not None and done >= transaction:
        return None
    links: list[WrittenFile] = []
    filters: list[tuple[str, str, Any]] | None = None
    if kept is not None:
        standing = _standing_files(existing)
        replaced = [file for file in standing if file.path not in kept]
        if not files and not replaced:
            return existing.version()
        overwrite = bool(replaced)
        if overwrite:
            (column,) = table.partition_by
            parts = {file.partition[column] for file in [*files, *replaced]}
            filters = [(column, "in", sorted(parts))]
            # A commit may not remove and add one path: what stays in a partition that is replaced stays under another name.
            links = [_linked(file, store.path(table)) for file in standing if file.path in kept and file.partition[column] in parts]
    try:
        existing.create_write_transaction(
            [*actions, *(_add(link, data_change=False) for link in links)],
            mode="overwrite" if overwrite else "append",
            schema=existing.schema(),
            partition_by=list(table.partition_by),
            partition_filters=filters,
            commit_properties=properties,
        )
    except Exception:
        discard_files(store.path(table), links)
        raise
    return store.version(table)


def _add(file: WrittenFile, *, data_change: bool = True) -> AddAction:
    from deltalake.transaction import AddAction

    return AddAction(file.path, file.size_bytes, dict(file.partition), int(time.time() * 1000), data_change=data_change, stats=file.stats)


def _standing_files(existing: DeltaTable) -> list[WrittenFile]:
    """The data files of a table's newest version as its log describes them."""
    found = []
    for row in pa.table(existing.get_add_actions(flatten=True)).to_pylist():
        described = {
            part: {name.removeprefix(f"{kind}."): _plain(value) for name, value in row.items() if name.startswith(f"{kind}.") and value is not None}
            for part, kind in (("minValues", "min"), ("maxValues", "max"), ("nullCount", "null_count"), ("partition", "partition"))
        }
        partition = described.pop("partition")
        stats = json.dumps({"numRecords": row["num_records"], **described})
        found.append(WrittenFile(unquote(row["path"]), row["size_bytes"], partition, row["num_records"], stats))
    return found


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _linked(file: WrittenFile, root: str) -> WrittenFile:
    """The same file under a fresh name: its bytes are not copied where the file system can link."""
    path = f"{file.path.rpartition('/')[0]}/{uuid.uuid4()}.parquet"
    try:
        os.link(Path(root, file.path), Path(root, path))
    except OSError:
        shutil.copyfile(Path(root, file.path), Path(root, path))
    return replace(file, path=path)


def discard_files(root: str, files: Sequence[WrittenFile]) -> None:
    """Removes files that will be in no commit."""
    for file in files:
        Path(root, file.path).unlink(missing_ok=True)
