"""Which bucket a meter point or customer falls into, and the rows of one bucket, or of chosen meter points, in a table's data files.

Buckets are ranges of a hash, so that rows laid out by that hash serve any number of buckets: ``table_files`` writes them so and notes
in each file which range a row group holds. A file without the note (of another writer, or rewritten by OPTIMIZE) is read whole.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Collection, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipelines.tables.base import Table

SUBJECT = "meter_point_id"
HASH_BITS = 32
HASH_RANGES = b"zhixiang.hash_ranges"
"""Key of the note: ``{"column": "meter_point_id", "first": [...], "last": [...]}``, hashes of the subjects of each row group, both inclusive."""


def hash_of(subject: str | None) -> int:
    """CRC-32 of a meter point or customer: the same on every host and in every run."""
    return zlib.crc32((subject or "").encode())


def bucket_of(subject: str | None, buckets: int) -> int:
    """The bucket of a meter point or customer: the hashes from bucket / buckets to (bucket + 1) / buckets of their span."""
    return hash_of(subject) * buckets >> HASH_BITS


def subject_hashes(column: pa.ChunkedArray | pa.Array) -> NDArray[np.int64]:
    """(rows) hash of each row's subject; one look-up per distinct name."""
    places, names = _encoded(column)
    return np.fromiter((hash_of(name) for name in names.to_pylist()), np.int64, len(names))[places]


def bucket_rows(
    files: Sequence[str], source: type[Table], bucket: int, buckets: int, subject: str = SUBJECT, columns: Sequence[str] | None = None
) -> pa.Table:
    """The rows of one bucket, by default the business columns only; the partition column comes from the folder."""
    first, last = (-(-(edge << HASH_BITS) // buckets) for edge in (bucket, bucket + 1))

    def mine(column: pa.ChunkedArray) -> NDArray[np.bool_]:
        hashes = subject_hashes(column)
        return (hashes >= first) & (hashes < last)

    return _chosen_rows(files, source, np.array([first]), np.array([last - 1]), subject, columns, mine, in_range=True)


def rows_of(files: Sequence[str], source: type[Table], meter_points: Collection[str], columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of some meter points, columns as ``bucket_rows`` gives them; only row groups that may hold one of them are read."""
    wanted = pa.array(sorted(meter_points), pa.string())
    hashes = np.unique(np.fromiter((hash_of(name) for name in wanted.to_pylist()), np.int64, len(wanted)))

    def mine(column: pa.ChunkedArray) -> NDArray[np.bool_]:
        return np.asarray(pc.is_in(column, value_set=wanted).to_numpy(), dtype=np.bool_)

    return _chosen_rows(files, source, hashes, hashes, SUBJECT, columns, mine, in_range=False)


def _chosen_rows(
    files: Sequence[str],
    source: type[Table],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    subject: str,
    columns: Sequence[str] | None,
    mine: Callable[[pa.ChunkedArray], NDArray[np.bool_]],
    in_range: bool,
) -> pa.Table:
    """Rows for which ``mine`` holds, out of the row groups that overlap one of the ranges of hashes [first, last], rising and apart.

    in_range  Whether every row in one of the ranges is wanted: row groups that lie within one are then not looked through.
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
        for name in set(schema.names).difference(rows.column_names):  # a column younger than the file is empty there
            rows = rows.append_column(name, pa.nulls(rows.num_rows, schema.field(name).type))
        rows = rows.select(schema.names).replace_schema_metadata(None)
        parts.append(rows if rows.schema == schema else rows.cast(schema))
    return pa.concat_tables(parts) if parts else schema.empty_table()


def _groups(file: pq.ParquetFile, subject: str, first: NDArray[np.int64], last: NDArray[np.int64]) -> tuple[list[int], bool]:
    """Row groups that may hold a subject whose hash lies in one of the ranges, all of a file that does not say; whether they hold no other."""
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


def _encoded(column: pa.ChunkedArray | pa.Array) -> tuple[NDArray[np.int32], pa.Array]:
    filled = pc.fill_null(column, "")
    whole = filled.combine_chunks() if isinstance(filled, pa.ChunkedArray) else filled
    encoded = (whole if isinstance(whole, pa.Array) else pa.array([], pa.string())).dictionary_encode()
    return encoded.indices.to_numpy(), encoded.dictionary


def month_of(path: str, partition: str) -> str:
    """The partition value in a file's path."""
    return next(part.split("=", 1)[1] for part in path.split("/") if part.startswith(f"{partition}="))
