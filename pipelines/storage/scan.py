"""The only reader of a table's data files: rows of a bucket, rows of some meter points, columns, months.

Files are given as addresses (``file_systems.located``), those of one call being of one table; which column
they are laid out by is known from the table's declaration.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow import fs

from pipelines.arrays import BoolArray, IntArray
from pipelines.storage.file_systems import located
from pipelines.storage.hash_layout import HASH_BITS, HASH_RANGES, hash_of, subject_hashes
from pipelines.tables.base import POINT, STRING, Table
from pipelines.timings import phase

_PARQUET = ds.ParquetFileFormat()


def partition_of(path: str, table: type[Table]) -> str:
    """The value of the column that a table's files are laid out by, from the path of one of them.

    Raises SettingsError where the table is not laid out by a column, and ValueError where the path names
    none.
    """
    named = f"{table.partition_column()}="
    for part in reversed(path.split("/")):
        if part.startswith(named):
            return part.removeprefix(named)
    raise ValueError(f"{path} lies in no folder {named}...")


def by_partition(files: Sequence[str], table: type[Table]) -> dict[str, list[str]]:
    """Files of a table by the value of the column that they are laid out by."""
    found: dict[str, list[str]] = {}
    for path in files:
        found.setdefault(partition_of(path, table), []).append(path)
    return found


def months_of(files: Sequence[str], table: type[Table]) -> set[str]:
    """The months of which a table laid out by month has files."""
    return {partition_of(path, table) for path in files}


def schema_of_files(table: type[Table], columns: Sequence[str] | None = None) -> pa.Schema:
    """What a table's data files, and rows of an earlier version, are read as: a column younger than them is
    empty there.

    columns  Those wanted; none: all.

    Any column may be, one that must not be empty too: it is filled when the table is next computed.
    """
    declared = table.arrow_schema()
    return pa.schema([declared.field(name).with_nullable(True) for name in columns or declared.names])


@phase("read")
def read_columns(
    files: Sequence[str],
    source: type[Table],
    columns: Sequence[str],
    filter_: ds.Expression | None = None,
    *,
    use_threads: bool = True,
) -> pa.Table:
    """Some columns of data files of a table, as declared; of no files: no rows.

    filter_      Over any columns; row groups that hold nothing of it are not read.
    use_threads  False in a worker, whose core is the one it was given.
    """
    schema = pa.schema([source.arrow_schema().field(name) for name in columns])
    if not files:
        return schema.empty_table()
    rows = _dataset(files, schema_of_files(source), source).to_table(
        columns=list(columns), filter=filter_, use_threads=use_threads
    )
    return _as_declared(rows, schema)


def whole_table(files: Sequence[str], table: type[Table]) -> pa.Table:
    """All rows and columns of a table."""
    return read_columns(files, table, table.columns())


@phase("read")
def points_in(files: Sequence[str], subject: str = POINT) -> set[str]:
    """Meter points that have rows in data files; those of rows without one go by an empty name.

    subject  The column that names them; of a table of customers theirs.
    """
    if not files:
        return set()
    held = _dataset(files, pa.schema([(subject, STRING)])).to_table()
    return {name or "" for name in pc.unique(held.column(0)).to_pylist()}


@phase("read")
def files_by_bucket(files: Sequence[str], subject: str, buckets: int) -> dict[int, list[str]] | None:
    """Files by the bucket that all of their subjects fall into, told by their footers; None where one does
    not tell, or holds subjects of several.
    """
    system, paths = _located(files)
    found: dict[int, list[str]] = {}
    for address, path in zip(files, paths, strict=True):
        ranges = _hash_ranges(pq.read_metadata(path, filesystem=system), subject)
        if ranges is None:
            return None
        held = {edge * buckets >> HASH_BITS for edge in (*ranges["first"], *ranges["last"])}
        if len(held) != 1:
            return None
        found.setdefault(held.pop(), []).append(address)
    return found


@phase("read")
def row_count(files: Sequence[str]) -> int:
    """Rows of data files, by their footers."""
    system, paths = _located(files)
    return sum(pq.read_metadata(path, filesystem=system).num_rows for path in paths)


@phase("read")
def span_of(files: Sequence[str], source: type[Table], column: str) -> tuple[str, str] | None:
    """The least and the greatest text of a column, never all of it in memory; None of no rows."""
    least: list[str] = []
    most: list[str] = []
    for batch in _dataset(files, schema_of_files(source), source).to_batches(columns=[column]):
        found = pc.min_max(batch.column(0)).as_py()
        if found["min"] is not None:
            least.append(found["min"])
            most.append(found["max"])
    return (min(least), max(most)) if least else None


def all_there(files: Sequence[str]) -> bool:
    """Whether data files all exist still."""
    return not missing_of(files)


@phase("read")
def missing_of(files: Sequence[str]) -> list[str]:
    """Those of the data files that do not exist any more."""
    system, paths = _located(files)
    found = system.get_file_info(paths)
    return [path for path, info in zip(paths, found, strict=True) if info.type != fs.FileType.File]


def resized_of(sizes: Mapping[str, int]) -> list[str]:
    """Those of the data files that have not the size any more that their commit noted, cut ones above all.

    sizes  Address -> bytes.
    """
    files = list(sizes)
    system, paths = _located(files)
    found = system.get_file_info(paths)
    told = zip(paths, found, sizes.values(), strict=True)
    return [path for path, info, size in told if info.size != size]


def _located(files: Sequence[str]) -> tuple[fs.FileSystem, list[str]]:
    found = [located(path) for path in files]
    return (found[0] if found else located(""))[0], [path for _, path in found]


def _dataset(
    files: Sequence[str], schema: pa.Schema, source: type[Table] | None = None
) -> ds.FileSystemDataset:
    """Data files under one schema, none of them looked for or opened before it is read.

    source  Where the column that the files are laid out by is wanted: their table.
    """
    system, paths = _located(files)
    fragments = [
        _PARQUET.make_fragment(
            path,
            system,
            partition_expression=ds.field(source.partition_column()) == partition_of(path, source)
            if source is not None and source.partition_by
            else None,
        )
        for path in paths
    ]
    return ds.FileSystemDataset(fragments, schema, _PARQUET, system)


def bucket_rows(
    files: Sequence[str],
    source: type[Table],
    bucket: int,
    buckets: int,
    subject: str = POINT,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """The rows of one bucket, by default the business columns only."""
    first, last = (-(-(edge << HASH_BITS) // buckets) for edge in (bucket, bucket + 1))

    def mine(column: pa.ChunkedArray) -> BoolArray:
        hashes = subject_hashes(column)
        return (hashes >= first) & (hashes < last)

    return _chosen_rows(
        files, source, np.array([first]), np.array([last - 1]), subject, columns, mine, in_range=True
    )


@phase("read")
def rows_of_points(
    files: Sequence[str],
    source: type[Table],
    points: Collection[str],
    columns: Sequence[str] | None = None,
    *,
    others: bool = False,
    subject: str = POINT,
) -> pa.Table:
    """The rows of some meter points, columns as ``bucket_rows`` gives them; only row groups that may hold one
    of them are read.

    points   Rows without a meter point go by an empty name.
    others   The rows of all but these.
    subject  The column that names them; of a table of customers theirs.
    """
    names = pa.array(sorted(points), STRING)

    def mine(column: pa.ChunkedArray) -> BoolArray:
        found = pc.is_in(pc.fill_null(column, ""), value_set=names)
        return np.asarray((pc.invert(found) if others else found).to_numpy(), dtype=np.bool_)

    hashes = np.unique(np.fromiter((hash_of(name) for name in names.to_pylist()), np.int64, len(names)))
    first, last = (np.array([0]), np.array([(1 << HASH_BITS) - 1])) if others else (hashes, hashes)
    return _chosen_rows(files, source, first, last, subject, columns, mine, in_range=False)


def _chosen_rows(
    files: Sequence[str],
    source: type[Table],
    first: IntArray,
    last: IntArray,
    subject: str,
    columns: Sequence[str] | None,
    mine: Callable[[pa.ChunkedArray], BoolArray],
    in_range: bool,
) -> pa.Table:
    """Rows for which ``mine`` holds, out of the row groups that overlap one of the ranges of hashes [first,
    last], rising and apart.

    in_range  Whether every row in one of the ranges is wanted: row groups that lie within one are then not
              looked through.
    """
    schema = pa.schema([source.arrow_schema().field(name) for name in columns or source.business_columns()])
    parted = source.partition_column() if source.partition_by else None
    wanted = [name for name in schema.names if name != parted]
    read = wanted if subject in wanted else [*wanted, subject]
    system, paths = _located(files)
    older = schema_of_files(source, schema.names)
    parts = []
    for path in paths if first.size else ():
        # Read by the worker's own thread: its core is the one it was given.
        with pq.ParquetFile(path, filesystem=system) as file:
            groups, within = _groups(file, subject, first, last)
            if not groups:
                continue
            rows = file.read_row_groups(groups, columns=read, use_threads=False)
        if not (in_range and within):
            held = np.flatnonzero(mine(rows.column(subject)))
            if not held.size:
                continue
            together = int(held[-1] - held[0]) + 1 == held.size  # as rows laid out by hash stand: no copy
            rows = rows.slice(int(held[0]), held.size) if together else rows.take(pa.array(held))
        if parted in schema.names:
            rows = rows.append_column(parted, pa.repeat(partition_of(path, source), rows.num_rows))
        parts.append(_with_younger(rows, older).select(schema.names))
    if parts and all(part.schema.equals(parts[0].schema) for part in parts):
        return _as_declared(pa.concat_tables(parts), schema)  # once and not for each of hundreds of files
    declared = [_as_declared(part, schema) for part in parts]
    return pa.concat_tables(declared, promote_options="default") if parts else schema.empty_table()


def _groups(file: pq.ParquetFile, subject: str, first: IntArray, last: IntArray) -> tuple[list[int], bool]:
    """Row groups that may hold a subject whose hash lies in one of the ranges, all of a file that does not
    say; whether they hold no other.
    """
    ranges = _hash_ranges(file.metadata, subject)
    if ranges is None:
        return list(range(file.num_row_groups)), False
    lowest, highest = np.array(ranges["first"], np.int64), np.array(ranges["last"], np.int64)
    # The first of the ranges that does not end before the group begins: it overlaps the group, or none does.
    place = np.minimum(np.searchsorted(last, lowest), last.size - 1)
    overlaps = np.flatnonzero((last[place] >= lowest) & (first[place] <= highest))
    within = (first[place] <= lowest) & (highest <= last[place])
    return overlaps.tolist(), bool(within[overlaps].all())


def _hash_ranges(footer: pq.FileMetaData, subject: str) -> dict[str, list[int]] | None:
    """The note on the hashes of each row group; None where a file has none of this subject."""
    noted = (footer.metadata or {}).get(HASH_RANGES)
    ranges = json.loads(noted) if noted else {}
    if ranges.get("column") != subject or len(ranges["first"]) != footer.num_row_groups:
        return None
    return {name: ranges[name] for name in ("first", "last")}


def _with_younger(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows of a file that was opened by itself under ``schema_of_files``; Arrow does the same for a
    dataset.
    """
    for name in set(schema.names).difference(rows.column_names):
        rows = rows.append_column(name, pa.nulls(rows.num_rows, schema.field(name).type))
    return rows


def _as_declared(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows in declared types and order; a column that must not be empty says so unless a file is older."""
    rows = rows.select(schema.names).replace_schema_metadata(None)
    if rows.schema == schema:
        return rows
    return rows.cast(
        pa.schema(
            [
                field
                if field.nullable or not rows.column(field.name).null_count
                else field.with_nullable(True)
                for field in schema
            ]
        )
    )
