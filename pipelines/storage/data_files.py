"""The only writer of a table's data files: workers write Parquet files, the driver commits them all in one
Delta transaction.

Orphan files of a killed run are in no commit and change nothing; a repeated commit is recognised by its
transaction id.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from pipelines.arrays import IntArray
from pipelines.storage.file_systems import LOCAL, located, make_folder
from pipelines.storage.hash_layout import HASH_BITS, HASH_RANGES, subject_hashes
from pipelines.tables.base import Table, conform
from pipelines.timings import phase

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction

    from pipelines.storage.store import Store


LEAST_GROUP_BYTES, MOST_GROUPS = 160 * 1024, 16
"""A file is split into row groups by ranges of the subject's hash: a power of two, so that they fit buckets
of like number.

A row group costs half a millisecond when it is written, and a bucket that shares one with another reads what
is not its own."""
_FEW_RUNS = 8
_KEPT = {"delta.logRetentionDuration": "interval 3653 days"}
"""Otherwise a checkpoint takes away what older than a month tells of versions.
"""
_IN_LIST = ".list.element"
"""What follows the path of a list in a Parquet file.
"""


@phase("write")
def write_files(rows: pa.Table, table: type[Table], root: str, *, quick: bool = False) -> list[WrittenFile]:
    """What a worker does: writes rows into their partition folders under fresh names and describes the files.

    rows   All declared columns of the table. Rows of a table that has its ``subject``, mostly the meter
           point, are laid out by the hash of it, and each file notes the hashes of its row groups
           (``bucket_rows``); rows of one subject keep their order.
    root   Address of the table's folder, on a file system that workers and driver share.
    quick  Rows as they come, floating-point numbers split into streams of bytes: the quickest, but every
           bucket reads the whole file, and
           Spark reads it only with its vectorised reader off.
    """
    rows = conform(rows, table)
    if not table.partition_by:
        return [_write_one(rows, None, table, {}, root, quick)] if rows.num_rows else []
    column = table.partition_column()
    encoded = pc.dictionary_encode(rows.column(column)).combine_chunks()
    encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) and encoded.num_chunks else encoded
    values = encoded.dictionary.to_pylist() if rows.num_rows else []
    place = encoded.indices.to_numpy(zero_copy_only=False) if rows.num_rows else np.empty(0, np.int32)
    subject = table.subject
    hashes = subject_hashes(rows.column(subject)) if subject in rows.column_names and not quick else None
    rows = rows.drop_columns([column])
    written = []
    for number in sorted(range(len(values)), key=values.__getitem__):
        mine = np.flatnonzero(place == number)
        held = None if hashes is None else hashes[mine]
        if held is not None and (held[1:] < held[:-1]).any():
            order = np.argsort(held, kind="stable")
            mine, held = mine[order], held[order]
        try:
            written.append(
                _write_one(_in_order(rows, mine), held, table, {column: values[number]}, root, quick)
            )
        except BaseException:
            # On a full disk what will be in no commit must not take the room that the next attempt needs.
            discard_files(root, written)
            raise
    return written


def _in_order(rows: pa.Table, places: IntArray) -> pa.Table:
    """Rows at some places. Taking lists row by row is slow; where rows stand in long runs, as those of a
    meter and month do, runs are copied.
    """
    begins = np.flatnonzero(np.diff(places, prepend=-2) != 1)
    if begins.size * _FEW_RUNS > places.size:
        return rows.take(pa.array(places))
    ends = np.append(begins[1:], places.size)
    runs = [
        rows.slice(first, count)
        for first, count in zip(places[begins].tolist(), (ends - begins).tolist(), strict=True)
    ]
    return runs[0] if len(runs) == 1 else pa.concat_tables(runs).combine_chunks()


def _write_one(
    rows: pa.Table,
    hashes: IntArray | None,
    table: type[Table],
    partition: dict[str, str],
    root: str,
    quick: bool,
) -> WrittenFile:
    folder = "/".join(f"{column}={value}" for column, value in partition.items())
    name = f"{folder}/{uuid.uuid4()}.parquet" if folder else f"{uuid.uuid4()}.parquet"
    system, path = located(f"{root}/{name}")
    make_folder(system, path.rpartition("/")[0])
    try:
        size_bytes = _write_rows(rows, hashes, table.subject, system, path, quick)
    except BaseException:
        with suppress(OSError):
            system.delete_file(path)
        raise
    return WrittenFile(name, size_bytes, partition, rows.num_rows, json.dumps(_statistics(rows)))


def _write_rows(
    rows: pa.Table, hashes: IntArray | None, subject: str, system: fs.FileSystem, path: str, quick: bool
) -> int:
    """Writes one file and returns its size in bytes."""
    with system.open_output_stream(path) as sink:
        with pq.ParquetWriter(sink, rows.schema, **_encoding(rows.schema, quick)) as writer:
            if hashes is None:
                writer.write_table(rows)
            else:
                edges = _group_edges(hashes, rows.nbytes)
                for first, end in pairwise(edges):
                    writer.write_table(rows.slice(first, end - first))
                bounds = {
                    "first": [int(hashes[first]) for first in edges[:-1]],
                    "last": [int(hashes[end - 1]) for end in edges[1:]],
                }
                writer.add_key_value_metadata(
                    {HASH_RANGES.decode(): json.dumps({"column": subject} | bounds)}
                )
        return int(sink.tell())


def _group_edges(hashes: IntArray, size_bytes: int) -> list[int]:
    """Where row groups begin, and the end of the last: ranges of the hash, so many that each holds enough
    bytes.
    """
    groups = 1
    while groups < MOST_GROUPS and size_bytes >= 2 * groups * LEAST_GROUP_BYTES:
        groups *= 2
    inner = np.searchsorted(
        hashes, np.arange(1, groups, dtype=np.int64) << (HASH_BITS - groups.bit_length() + 1)
    )
    edges: list[int] = np.unique(np.concatenate(([0], inner, [hashes.size]))).tolist()
    return edges


def _encoding(schema: pa.Schema, quick: bool) -> dict[str, Any]:
    """How the columns are written.

    Lists of measured numbers hardly repeat a value: looking for repetitions takes more time than all the rest
    and saves a third of their
    bytes. They stand plain and lightly compressed, in half the time; every reader of Parquet takes that.
    Codes repeat without looking. Beside such a list the other columns are a few bytes of each row group, and
    the stronger compression takes longer to begin with each than to compress it, when they are read too.
    """
    kinds = {path: kind for field in schema for path, kind in _leaves(field.name, field.type)}
    floats = [
        path
        for path, kind in kinds.items()
        if pa.types.is_floating(kind) and (quick or path.endswith(_IN_LIST))
    ]
    light = [] if quick else [*kinds] if any(_IN_LIST in path for path in floats) else floats
    plain = {*floats, *(path for path, kind in kinds.items() if pa.types.is_int8(kind))}
    return {
        "use_dictionary": [path for path in kinds if path not in plain] or False,
        "use_byte_stream_split": floats if quick else False,
        "write_statistics": [path for path in kinds if _IN_LIST not in path] or False,
        "compression": {path: "lz4" if path in light else "zstd" for path in kinds},
        "compression_level": {path: 1 for path in kinds if path not in light},
    }


def _leaves(path: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    """The columns of a Parquet file that hold one of a table's, each with its type."""
    if pa.types.is_list(kind):
        yield from _leaves(path + _IN_LIST, kind.value_type)
    elif pa.types.is_struct(kind):
        for field in kind:
            yield from _leaves(f"{path}.{field.name}", field.type)
    else:
        yield path, kind


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


def next_transaction(existing: DeltaTable | None, application: str) -> int:
    """The number of an application's next commit. existing: the table; None before its first version."""
    return 1 + ((existing.transaction_version(application) or 0) if existing is not None else 0)


@phase("commit")
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
    """What the driver does: one atomic commit; returns the new version, or None where this transaction was
    committed before.

    application   Who commits; derived from table and job so that ids of a rebuilt table never collide.
    transaction   Rises with each commit of the application.
    overwrite     Replace the whole table instead of adding to it.
    kept          Data files of the table that an overwrite leaves; where nothing is left out and nothing
                  comes, the version stays.
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
            configuration=_KEPT if table.keeps_versions else None,
            commit_properties=properties,
        )
        return store.version(table)
    done = existing.transaction_version(application)
    if done is not None and done >= transaction:
        return None
    links: list[WrittenFile] = []
    filters: list[tuple[str, str, Any]] | None = None
    if kept is not None:
        current = _current_files(existing)
        replaced = [file for file in current if file.path not in kept]
        if not files and not replaced:
            return existing.version()
        overwrite = bool(replaced)
        if overwrite:
            staying = [file for file in current if file.path in kept]
            if table.partition_by:
                column = table.partition_column()
                parts = {file.partition[column] for file in [*files, *replaced]}
                filters = [(column, "in", sorted(parts))]
                staying = [file for file in staying if file.partition[column] in parts]
            # A commit may not remove and add one path: what stays in a partition that is replaced stays under
            # another name.
            links = [_linked(file, store.path(table)) for file in staying]
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

    return AddAction(
        file.path,
        file.size_bytes,
        dict(file.partition),
        int(time.time() * 1000),
        data_change=data_change,
        stats=file.stats,
    )


def _current_files(existing: DeltaTable) -> list[WrittenFile]:
    """The data files of a table's newest version as its log describes them; bounds of decimals, which
    OPTIMIZE writes, are left out.

    JSON of Python holds no exact decimal and a bound that is rounded inward would hide rows; a column without
    bounds is read.
    """
    found = []
    for row in pa.table(existing.get_add_actions(flatten=True)).to_pylist():
        described = {
            part: {
                name.removeprefix(f"{kind}."): _plain(value)
                for name, value in row.items()
                if name.startswith(f"{kind}.") and _is_told(value)
            }
            for part, kind in (
                ("minValues", "min"),
                ("maxValues", "max"),
                ("nullCount", "null_count"),
                ("partition", "partition"),
            )
        }
        partition = described.pop("partition")
        stats = json.dumps({"numRecords": row["num_records"], **described})
        found.append(
            WrittenFile(unquote(row["path"]), row["size_bytes"], partition, row["num_records"], stats)
        )
    return found


def _is_told(value: Any) -> bool:
    return value is not None and not isinstance(value, Decimal)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _linked(file: WrittenFile, root: str) -> WrittenFile:
    """The same file under a fresh name: its bytes are not copied where the file system can link."""
    path = "/".join([*file.path.split("/")[:-1], f"{uuid.uuid4()}.parquet"])
    (system, there), (_, new) = located(f"{root}/{file.path}"), located(f"{root}/{path}")
    if not _link(system, there, new):
        system.copy_file(there, new)
    return replace(file, path=path)


def _link(system: fs.FileSystem, there: str, new: str) -> bool:
    if system is not LOCAL:
        return False
    try:
        os.link(there, new)
    except OSError:
        return False
    return True


def discard_files(root: str, files: Sequence[WrittenFile]) -> None:
    """Removes files that will be in no commit."""
    for file in files:
        system, path = located(f"{root}/{file.path}")
        with suppress(FileNotFoundError):
            system.delete_file(path)


@dataclass(frozen=True)
class WrittenFile:
    """One Parquet file that a worker wrote below a table's folder.

    path        Relative to the table's folder.
    partition   Partition column -> value.
    stats       Delta's file statistics as JSON.
    """

    path: str
    size_bytes: int
    partition: dict[str, str]
    rows: int
    stats: str

    def to_json(self) -> str:
        """One line, for the way from worker to driver."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> WrittenFile:
        """The inverse of to_json."""
        return cls(**json.loads(text))
