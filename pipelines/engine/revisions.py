"""Issued results are never edited: what differs from its last revision becomes a new one, evidence first,
result last.

Revisions are numbered on Arrow, bucket by bucket of subjects: by a worker for its bucket, or by the driver
for the rows of a small month, which are one bucket.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import SchemaMismatchError
from pipelines.storage.hashed_rows import rows_of_bucket
from pipelines.storage.row_texts import row_texts
from pipelines.storage.scan import bucket_rows, by_partition, read_columns, rows_of_points
from pipelines.tables.base import Table, conform
from pipelines.tables.revised import (
    ADDED_COLUMNS,
    ORIGIN_COLUMNS,
    Revised,
    RevisedResult,
    product_schema,
)

Subject = tuple[object, ...]
Rows = Mapping[type[Table], pa.Table]
Settle = Callable[[Mapping[Subject, int]], Rows]
"""Subjects whose rows are not those of their last revision -> that revision's number; answers the rows, all
tables, of those that are to have a new one.
"""


@dataclass(frozen=True)
class Bucket:
    """One of some buckets of subjects, by the hash of a column.

    >>> Bucket("customer_id").is_whole
    True
    """

    column: str
    number: int = 0
    count: int = 1

    @property
    def is_whole(self) -> bool:
        """Whether it holds every subject."""
        return self.count == 1

    def rows(self, files: Sequence[str], table: type[Table], columns: Sequence[str]) -> pa.Table:
        """Its rows of a table."""
        if self.is_whole:
            return read_columns(files, table, columns)
        return bucket_rows(files, table, self.number, self.count, self.column, columns)

    def rows_held(self, files: Sequence[str], table: type[Table], columns: Sequence[str]) -> pa.Table:
        """The same of a table that is not laid out by the column: a worker reads it once for all."""
        if self.is_whole:
            return read_columns(files, table, columns)
        return rows_of_bucket(files, table, columns, self.column, self.number, self.count)


@dataclass(frozen=True)
class Standing:
    """The rows of a product's tables as they stand, of one bucket of subjects.

    files  Table -> addresses of its data files.
    """

    files: Mapping[type[Table], Sequence[str]]
    bucket: Bucket

    def rows(
        self,
        table: type[Table],
        months: Collection[str],
        columns: Sequence[str],
        subjects: Collection[str] | None = None,
    ) -> pa.Table:
        """Some columns of the rows of some months.

        subjects  Those wanted, as the bucket's column names them; only row groups that may hold one are read.
                  None: all of the bucket.
        """
        by_month = by_partition(self.files.get(table, ()), table)
        files = [path for month in sorted(months) for path in by_month.get(month, [])]
        if subjects is None:
            return self.bucket.rows(files, table, columns)
        return rows_of_points(files, table, subjects, columns, subject=self.bucket.column)

    def names(self, subject: Sequence[str], keys: Iterable[Subject]) -> set[str]:
        """How the bucket's column names the subjects of some keys.

        subject  The columns of the keys.
        """
        place = subject.index(self.bucket.column)
        return {str(key[place]) for key in keys}


def subject_key(result: type[Table]) -> list[str]:
    """What a result is about: its key without the revision."""
    return [name for name in result.key() if name != "revision"]


def split_result(tables: Sequence[type[Table]]) -> tuple[type[Table], list[type[Table]]]:
    """The one result among a product's tables, and its evidence."""
    (result,) = [table for table in tables if issubclass(table, RevisedResult)]
    return result, [table for table in tables if table is not result and issubclass(table, Revised)]


def revised_rows(
    rows: Rows, standing: Standing, run_id: str, rules_digest: str = "", settle: Settle | None = None
) -> dict[type[Table], pa.Table]:
    """What is new or changed, with the revision columns filled; tables without rows where all is as it was.

    rows          Result and evidence of a product, without the columns of Revised.
    standing      What stands of the same subjects.
    rules_digest  The kept rules by which they were computed.
    settle        Looks again at what differs from its last revision, where the product has a rule of its own
                  on what is issued anew; none: all of it is.

    Digests alone are read of what came out as it was. A result that came out the same by another number of
    its model is the same result: it keeps its row.
    """
    result, evidence = split_result(list(rows))
    subject = subject_key(result)
    found = {table: conform_product(held, table) for table, held in rows.items()}
    digests, last = _digests(found, frozenset()), _last_revisions(standing, result, found[result])

    def differing(keys: Collection[Subject]) -> dict[Subject, int]:
        return {key: last[key][0] for key in keys if key in last and last[key][1] != digests[key]}

    fresh, again = {key: 0 for key in digests if key not in last}, differing(digests)
    if again and settle is not None:
        settled = {table: conform_product(held, table) for table, held in settle(again).items()}
        left = {table: _of(held, subject, fresh) for table, held in found.items()}
        found = {table: pa.concat_tables([left[table], settled[table]]) for table in found}
        of_settled = _digests(settled, frozenset())
        digests = digests | of_settled
        again = differing(of_settled)
    if again:
        then = _digests(_issued(standing, found, again), ORIGIN_COLUMNS)
        now = _digests({table: _of(held, subject, again) for table, held in found.items()}, ORIGIN_COLUMNS)
        again = {key: number for key, number in again.items() if then.get(key) != now[key]}
    numbers = fresh | again
    added = {"computed_run_id": run_id, "rules_digest": rules_digest or None}
    revised: dict[type[Table], pa.Table] = {}
    for table in (result, *evidence):
        mine = _of(found[table], subject, numbers)
        keys = subjects_of(mine, subject)
        columns: dict[str, list[object]] = {name: [value] * len(keys) for name, value in added.items()}
        columns["revision"] = [numbers[key] + 1 for key in keys]
        if table is result:
            columns["supersedes_revision"] = [numbers[key] or None for key in keys]
            columns["content_digest"] = [digests[key] for key in keys]
        for name, values in columns.items():
            mine = mine.append_column(name, pa.array(values, table.arrow_schema().field(name).type))
        revised[table] = conform(mine, table, is_judged=False)
    return revised


def conform_product(rows: pa.Table, table: type[Table]) -> pa.Table:
    """Rows in the columns of the declaration without those that a revision adds, none of them judged yet;
    raises SchemaMismatchError on missing or surplus columns.
    """
    schema = pa.schema([field.with_nullable(True) for field in product_schema(table)])
    missing, surplus = set(schema.names) - set(rows.column_names), set(rows.column_names) - set(schema.names)
    if missing or surplus:
        raise SchemaMismatchError(table.name, missing, surplus)
    return rows.select(schema.names).cast(schema)


def subjects_of(rows: pa.Table, names: Sequence[str]) -> list[Subject]:
    """The key of each row in some columns."""
    return [*zip(*(rows[name].to_pylist() for name in names), strict=True)]


def months_of_rows(rows: pa.Table, table: type[Table]) -> list[str]:
    """The months that rows have, as a table's files are laid out by them."""
    return sorted(pc.unique(rows[table.partition_column()]).to_pylist())


def _last_revisions(
    standing: Standing, result: type[Table], rows: pa.Table
) -> dict[Subject, tuple[int, str]]:
    """Number and digest of the newest revision of each subject in the months of the rows."""
    subject = subject_key(result)
    held = standing.rows(result, months_of_rows(rows, result), [*subject, "revision", "content_digest"])
    found: dict[Subject, tuple[int, str]] = {}
    told = zip(held["revision"].to_pylist(), held["content_digest"].to_pylist(), strict=True)
    for key, last in zip(subjects_of(held, subject), told, strict=True):
        found[key] = max(last, found.get(key, last))
    return found


def _issued(standing: Standing, rows: Rows, revisions: Mapping[Subject, int]) -> dict[type[Table], pa.Table]:
    """Result and evidence of some revisions as they were issued."""
    result, _ = split_result(list(rows))
    subject = subject_key(result)
    wanted = {(*key, revision) for key, revision in revisions.items()}
    months, names = months_of_rows(rows[result], result), standing.names(subject, revisions)
    found: dict[type[Table], pa.Table] = {}
    for table, now in rows.items():
        held = standing.rows(table, months, [*now.column_names, "revision"], names)
        is_wanted = [key in wanted for key in subjects_of(held, [*subject, "revision"])]
        found[table] = held.filter(pa.array(is_wanted, pa.bool_()))
    return found


def _digests(rows: Rows, left_out: frozenset[str]) -> dict[Subject, str]:
    """Digest of each result and all its evidence.

    left_out  Columns that do not count, beside those that every product's rows are given.
    """
    result, evidence = split_result(list(rows))
    subject = subject_key(result)

    def texts(table: type[Table]) -> list[tuple[Subject, str]]:
        counted = set(table.columns()) - ADDED_COLUMNS - left_out
        return [*zip(subjects_of(rows[table], subject), row_texts(rows[table], counted), strict=True)]

    inside: list[dict[Subject, list[str]]] = []
    for table in evidence:
        grouped: dict[Subject, list[str]] = {}
        for key, text in texts(table):
            grouped.setdefault(key, []).append(text)
        inside.append(grouped)
    return {
        key: hashlib.sha256(
            "\x1d".join([own, *("\x1e".join(sorted(grouped.get(key, ()))) for grouped in inside)]).encode()
        ).hexdigest()
        for key, own in texts(result)
    }


def _of(rows: pa.Table, subject: Sequence[str], keys: Mapping[Subject, object]) -> pa.Table:
    return rows.filter(pa.array([key in keys for key in subjects_of(rows, subject)], pa.bool_()))
