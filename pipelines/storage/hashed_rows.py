"""Tables that are not laid out by customer, dealt to buckets of customers: each process reads them once and
keeps them in the order of the customers' hashes, where every bucket is a slice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.arrays import IntArray
from pipelines.storage.hash_layout import HASH_BITS, subject_hashes
from pipelines.storage.scan import bucket_rows, read_columns, row_count
from pipelines.tables.base import STRING, Table, table_named

_MOST_TABLES, MOST_ROWS = 6, 8_000_000
"""What a process holds: more rows are read anew for each bucket, which takes longer but no memory."""


@dataclass(frozen=True)
class HashedRows:
    """Rows of a table that name a subject, in the order of its hash; those of one subject as they were read.

    rows    The subject's names are held once each.
    hashes  (rows), rising.
    """

    rows: pa.Table
    hashes: IntArray
    subject: str

    def of_bucket(self, bucket: int, buckets: int) -> pa.Table:
        """The rows of one bucket."""
        edges = [-(-(edge << HASH_BITS) // buckets) for edge in (bucket, bucket + 1)]
        first, end = (int(place) for place in np.searchsorted(self.hashes, edges))
        mine = self.rows.slice(first, end - first)
        place = mine.schema.get_field_index(self.subject)
        return mine.set_column(place, self.subject, mine.column(place).cast(STRING))


def hashed_rows(
    files: Sequence[str],
    source: type[Table],
    columns: Sequence[str],
    subject: str,
    where: tuple[str, str] | None = None,
) -> HashedRows:
    """Some columns of a table's rows that name a subject; read again only where this process does not hold
    them any more. Data files never change under their names.

    where  A column and the only value of it that is wanted.
    """
    return _hashed(tuple(files), source.name, tuple(columns), subject, where)


def rows_of_bucket(
    files: Sequence[str],
    source: type[Table],
    columns: Sequence[str],
    subject: str,
    bucket: int,
    buckets: int,
    where: tuple[str, str] | None = None,
) -> pa.Table:
    """The rows of one bucket that name a subject, as ``HashedRows`` has them."""
    if row_count(files) <= MOST_ROWS:
        return hashed_rows(files, source, columns, subject, where).of_bucket(bucket, buckets)
    read = [*columns] if where is None or where[0] in columns else [*columns, where[0]]
    rows = bucket_rows(files, source, bucket, buckets, subject, read)
    wanted = pc.is_valid(rows[subject])
    if where is not None:
        wanted = pc.and_(wanted, pc.equal(rows[where[0]], where[1]))
    return rows.filter(wanted).select([*columns])


def held_columns(files: Sequence[str], source: type[Table], columns: Sequence[str]) -> pa.Table:
    """Some columns of a table; read again only where this process does not hold them any more."""
    return _held(tuple(files), source.name, tuple(columns))


@lru_cache(maxsize=_MOST_TABLES)
def _held(files: tuple[str, ...], source: str, columns: tuple[str, ...]) -> pa.Table:
    return read_columns(files, table_named(source), columns, use_threads=False)


@lru_cache(maxsize=_MOST_TABLES)
def _hashed(
    files: tuple[str, ...],
    source: str,
    columns: tuple[str, ...],
    subject: str,
    where: tuple[str, str] | None,
) -> HashedRows:
    wanted = ds.field(subject).is_valid()
    if where is not None:
        wanted &= ds.field(where[0]) == where[1]
    rows = read_columns(files, table_named(source), columns, wanted, use_threads=False)
    hashes = subject_hashes(rows.column(subject))
    order = np.argsort(hashes, kind="stable")
    place = rows.schema.get_field_index(subject)
    rows = rows.set_column(place, subject, pc.dictionary_encode(rows.column(place)))
    return HashedRows(rows.take(pa.array(order)).combine_chunks(), hashes[order], subject)
