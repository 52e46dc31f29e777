"""Rows of some meter points in a table's data files, and which rows differ between two versions of a table."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from pipelines.arrays import BoolArray, IntArray
from pipelines.storage.hash_layout import HASH_BITS, HASH_RANGES, SUBJECT, hash_of, subject_hashes
from pipelines.tables.base import STRING, Table

POINT, CUSTOMER = "meter_point_id", "customer_id"


def points_in(paths: Sequence[str]) -> set[str]:
    """Meter points that have rows in data files; those of rows without one go by an empty name."""
    if not paths:
        return set()
    held = ds.dataset(list(paths), format="parquet").to_table(columns=[POINT])
    return {name or "" for name in pc.unique(held.column(0)).to_pylist()}


def rows_of_points(
    paths: Sequence[str],
    source: type[Table],
    points: Collection[str],
    columns: Sequence[str] | None = None,
    *,
    others: bool = False,
) -> pa.Table:
    """The rows of some meter points, by default the business columns only; the partition column comes from
    the folder.

    others  The rows of all but these.
    """
    if not others and "" not in points:
        return rows_of(paths, source, points, columns)
    (partition,) = source.partition_by
    schema = pa.schema([source.arrow_schema().field(name) for name in columns or source.business_columns()])
    wanted = [name for name in schema.names if name != partition]
    names = pa.array(sorted(points), STRING)
    parts = []
    for path in paths:
        month = month_of(path, partition)
        for group in _row_groups(path, source):
            mine = _is_in(group.to_table(columns=[POINT]).column(0), names) != others
            if mine.any():
                rows = group.to_table(columns=wanted)
                chosen = rows if mine.all() else rows.filter(pa.array(mine))
                parts.append(
                    chosen.append_column(partition, pa.array([month] * chosen.num_rows, STRING))
                    .select(schema.names)
                    .cast(schema)
                )
    return pa.concat_tables(parts) if parts else schema.empty_table()


def _row_groups(path: str, source: type[Table]) -> Iterator[ds.ParquetFileFragment]:
    """Parts of a file that are decoded apart; a column younger than the file is empty there."""
    held = pa.schema(
        [
            field.with_nullable(True)
            for field in source.arrow_schema()
            if field.name not in source.partition_by
        ]
    )
    for fragment in ds.dataset(path, format="parquet", schema=held).get_fragments():
        yield from fragment.split_by_row_group()


def _is_in(column: pa.ChunkedArray, names: pa.Array) -> BoolArray:
    return np.asarray(pc.is_in(pc.fill_null(column, ""), value_set=names).to_numpy(), dtype=np.bool_)


def bucket_rows(
    files: Sequence[str],
    source: type[Table],
    bucket: int,
    buckets: int,
    subject: str = SUBJECT,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """The rows of one bucket, by default the business columns only; the partition column comes from the
    folder.
    """
    first, last = (-(-(edge << HASH_BITS) // buckets) for edge in (bucket, bucket + 1))

    def mine(column: pa.ChunkedArray) -> BoolArray:
        hashes = subject_hashes(column)
        return (hashes >= first) & (hashes < last)

    return _chosen_rows(
        files, source, np.array([first]), np.array([last - 1]), subject, columns, mine, in_range=True
    )


def rows_of(
    files: Sequence[str],
    source: type[Table],
    meter_points: Collection[str],
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """The rows of some meter points, columns as ``bucket_rows`` gives them; only row groups that may hold one
    of them are read.
    """
    wanted = pa.array(sorted(meter_points), pa.string())
    hashes = np.unique(np.fromiter((hash_of(name) for name in wanted.to_pylist()), np.int64, len(wanted)))

    def mine(column: pa.ChunkedArray) -> BoolArray:
        return np.asarray(pc.is_in(column, value_set=wanted).to_numpy(), dtype=np.bool_)

    return _chosen_rows(files, source, hashes, hashes, SUBJECT, columns, mine, in_range=False)


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
    (partition,) = source.partition_by
    schema = pa.schema([source.arrow_schema().field(name) for name in columns or source.business_columns()])
    wanted = [name for name in schema.names if name != partition]
    read = wanted if subject in wanted else [*wanted, subject]
    parts = []
    for path in files if first.size else ():
        # Read by the worker's own thread: its core is the one it was given.
        with pq.ParquetFile(path, memory_map=True) as file:
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
        if partition in schema.names:
            rows = rows.append_column(partition, pa.repeat(month_of(path, partition), rows.num_rows))
        for name in set(schema.names).difference(
            rows.column_names
        ):  # a column younger than the file is empty there
            rows = rows.append_column(name, pa.nulls(rows.num_rows, schema.field(name).type))
        rows = rows.select(schema.names).replace_schema_metadata(None)
        parts.append(rows if rows.schema == schema else rows.cast(schema))
    return pa.concat_tables(parts) if parts else schema.empty_table()


def _groups(file: pq.ParquetFile, subject: str, first: IntArray, last: IntArray) -> tuple[list[int], bool]:
    """Row groups that may hold a subject whose hash lies in one of the ranges, all of a file that does not
    say; whether they hold no other.
    """
    noted = (file.metadata.metadata or {}).get(HASH_RANGES)
    ranges = json.loads(noted) if noted else {}
    if ranges.get("column") != subject or len(ranges["first"]) != file.num_row_groups:
        return list(range(file.num_row_groups)), False
    lowest, highest = np.array(ranges["first"], np.int64), np.array(ranges["last"], np.int64)
    # The first of the ranges that does not end before the group begins: it overlaps the group, or none does.
    place = np.minimum(np.searchsorted(last, lowest), last.size - 1)
    overlaps = np.flatnonzero((last[place] >= lowest) & (first[place] <= highest))
    within = (first[place] <= lowest) & (highest <= last[place])
    return overlaps.tolist(), bool(within[overlaps].all())


def month_of(path: str, partition: str) -> str:
    """The partition value in a file's path."""
    return next(part.split("=", 1)[1] for part in path.split("/") if part.startswith(f"{partition}="))


def read_columns(
    files: Sequence[str], source: type[Table], columns: Sequence[str], filter_: ds.Expression | None = None
) -> pa.Table:
    """Some columns of data files of a table, as declared; of no files: no rows. A column younger than a file
    is empty there.
    """
    schema = pa.schema([source.arrow_schema().field(name) for name in columns])
    if not files:
        return schema.empty_table()
    held = pa.schema(
        [
            field.with_nullable(True)
            for field in source.arrow_schema()
            if field.name not in source.partition_by
        ]
    )
    return (
        ds.dataset(list(files), format="parquet", schema=held)
        .to_table(columns=list(columns), filter=filter_)
        .cast(schema)
    )
