"""The hash of a meter point or customer, and the bucket that it falls into.

Buckets are ranges of a hash, so that rows laid out by that hash serve any number of buckets: ``data_files``
writes them so and notes in each file which range a row group holds; ``scan`` reads a file without the note
(of
another writer, or rewritten by OPTIMIZE) whole.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import Int32Array, IntArray

if TYPE_CHECKING:
    from pyspark.sql import Column

HASH_BITS = 32
HASH_RANGES = b"zhixiang.hash_ranges"
"""Key of the note: ``{"column": "meter_point_id", "first": [...], "last": [...]}``, hashes of the subjects of
each row group, both inclusive.
"""


def hash_of(subject: str | None) -> int:
    """CRC-32 of a meter point or customer: the same on every host and in every run."""
    return zlib.crc32((subject or "").encode())


def bucket_of(subject: str | None, buckets: int) -> int:
    """The bucket of a meter point or customer: the hashes from bucket / buckets to (bucket + 1) / buckets of
    their span.
    """
    return hash_of(subject) * buckets >> HASH_BITS


def bucket_column(column: str, buckets: int) -> Column:
    """``bucket_of`` a column as Spark counts it, without a worker of Python looking at the rows."""
    from pyspark.sql import functions as F

    hashes = F.crc32(F.coalesce(F.col(column), F.lit("")).cast("binary"))
    return F.shiftright(hashes * F.lit(buckets), HASH_BITS).cast("int")


def subject_hashes(column: pa.ChunkedArray | pa.Array) -> IntArray:
    """(rows) hash of each row's subject; one look-up per distinct name."""
    places, names = _encoded(column)
    return np.fromiter((hash_of(name) for name in names.to_pylist()), np.int64, len(names))[places]


def _encoded(column: pa.ChunkedArray | pa.Array) -> tuple[Int32Array, pa.Array]:
    filled = pc.fill_null(column, "")
    whole = filled.combine_chunks() if isinstance(filled, pa.ChunkedArray) else filled
    encoded = (whole if isinstance(whole, pa.Array) else pa.array([], pa.string())).dictionary_encode()
    return encoded.indices.to_numpy(), encoded.dictionary
