"""Which bucket a meter point or customer falls into, and the rows of one bucket in a table's data files."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.tables.base import Table


def bucket_of(subject: str | None, buckets: int) -> int:
    """The bucket of a meter point or customer: the same on every host and in every run."""
    return zlib.crc32((subject or "").encode()) % buckets


def bucket_rows(
    files: Sequence[str], source: type[Table], bucket: int, buckets: int, subject: str = "meter_point_id", columns: Sequence[str] | None = None
) -> pa.Table:
    """The rows of one bucket, by default the business columns only; the partition column comes from the folder."""
    (partition,) = source.partition_by
    schema = pa.schema([source.arrow_schema().field(name) for name in columns or source.business_columns()])
    wanted = [name for name in schema.names if name != partition]
    held = pa.schema([schema.field(name).with_nullable(True) for name in wanted])
    parts = []
    for path in files:
        month = month_of(path, partition)
        # A column younger than the file is empty there.
        rows = ds.dataset(path, format="parquet", schema=held).to_table()
        names = pc.fill_null(rows.column(subject), "").combine_chunks().dictionary_encode()
        encoded = names.chunk(0) if isinstance(names, pa.ChunkedArray) else names
        mine = np.array([bucket_of(name, buckets) == bucket for name in encoded.dictionary.to_pylist()], dtype=bool)
        if mine.any():
            chosen = rows if mine.all() else rows.filter(pa.array(mine[encoded.indices.to_numpy()]))
            parts.append(chosen.append_column(partition, pa.array([month] * chosen.num_rows, pa.string())).select(schema.names).cast(schema))
    return pa.concat_tables(parts) if parts else schema.empty_table()


def month_of(path: str, partition: str) -> str:
    """The partition value in a file's path."""
    return next(part.split("=", 1)[1] for part in path.split("/") if part.startswith(f"{partition}="))
