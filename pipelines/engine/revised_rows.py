"""Issued results of a month that the driver holds, on Arrow; ``revisions`` does it in Spark for results
that are larger than the driver.

What differs from its last revision becomes a new one, evidence first, result last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.engine.revisions import split_result, subject_key
from pipelines.errors import SchemaMismatchError
from pipelines.storage.data_files import commit_files, next_transaction, write_files
from pipelines.storage.replace_rows import replace_rows
from pipelines.storage.row_texts import row_texts
from pipelines.storage.scan import by_partition, read_columns
from pipelines.storage.store import Store
from pipelines.tables.base import Table, conform
from pipelines.tables.revised import ADDED_COLUMNS, ORIGIN_COLUMNS, product_schema

Subject = tuple[object, ...]
Rows = Mapping[type[Table], pa.Table]


def revised_rows(
    store: Store, rows: Rows, run_id: str, rules_digest: str = ""
) -> dict[type[Table], pa.Table]:
    """What is new or changed, with the revision columns filled; tables without rows where all is as it was.

    rows          Result and evidence of a product, without the columns of Revised.
    rules_digest  The kept rules by which they were computed.

    A result that came out the same by another number of its model is the same result: it keeps its row.
    """
    result, evidence = split_result(list(rows))
    subject = subject_key(result)
    found = {table: conform_product(held, table) for table, held in rows.items()}
    digests = _digests(found, frozenset())
    last = _last_revisions(store, result, found[result])
    changed = {
        key: last[key][0] if key in last else 0
        for key, digest in digests.items()
        if key not in last or last[key][1] != digest
    }
    again = {key: revision for key, revision in changed.items() if revision}
    if again:
        then = _digests(_issued(store, found, again), ORIGIN_COLUMNS)
        now = _digests({table: _of(held, subject, again) for table, held in found.items()}, ORIGIN_COLUMNS)
        changed = {
            key: revision
            for key, revision in changed.items()
            if key not in again or then.get(key) != now[key]
        }
    added = {"computed_run_id": run_id, "rules_digest": rules_digest or None}
    revised: dict[type[Table], pa.Table] = {}
    for table in (result, *evidence):
        mine = _of(found[table], subject, changed)
        keys = _subjects(mine, subject)
        columns: dict[str, list[object]] = {name: [value] * len(keys) for name, value in added.items()}
        columns["revision"] = [changed[key] + 1 for key in keys]
        if table is result:
            columns["supersedes_revision"] = [changed[key] or None for key in keys]
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


def append_rows(store: Store, revised: Rows, application: str) -> dict[str, int]:
    """Writes evidence first and the result last, so that a result never stands without its evidence; returns
    versions. Nothing is written where the result has no rows.

    application  Who commits, as ``commit_files``.

    A run that was killed between the two leaves evidence of a revision that has no result; it is removed
    before that revision is written again.
    """
    result, evidence = split_result(list(revised))
    if revised[result].num_rows:
        key = [*subject_key(result), "revision"]
        for table in (*evidence, result):
            _append(store, table, revised[table], revised[result], key, application)
    return store.versions(list(revised))


def _append(
    store: Store, table: type[Table], rows: pa.Table, issued: pa.Table, key: Sequence[str], application: str
) -> None:
    existing = store.delta(table)
    if existing is not None:
        months = _months(issued, table)
        orphans = set(_subjects(issued, key))
        # Evidence is large; its keys alone tell whether a killed run left any.
        if not orphans.isdisjoint(_subjects(_standing(store, table, months, key), key)):
            standing = _standing(store, table, months, table.columns())
            stays = [each not in orphans for each in _subjects(standing, key)]
            left = standing.filter(pa.array(stays, pa.bool_()))
            whole = pa.concat_tables([left, conform(rows, table)])
            # Written even where the rows are those of the killed run: they are this run's, by its rules.
            replace_rows(
                store, table, whole, application, table.partition_column(), months, even_if_same=True
            )
            return
        if not rows.num_rows:
            return
    transaction = next_transaction(existing, application)
    files = write_files(rows, table, store.path(table))
    commit_files(store, table, files, application, transaction, overwrite=False)


def _last_revisions(store: Store, result: type[Table], rows: pa.Table) -> dict[Subject, tuple[int, str]]:
    """Number and digest of the newest revision of each subject in the months of the rows."""
    subject = subject_key(result)
    held = _standing(store, result, _months(rows, result), [*subject, "revision", "content_digest"])
    found: dict[Subject, tuple[int, str]] = {}
    told = zip(held["revision"].to_pylist(), held["content_digest"].to_pylist(), strict=True)
    for key, last in zip(_subjects(held, subject), told, strict=True):
        found[key] = max(last, found.get(key, last))
    return found


def _issued(store: Store, rows: Rows, revisions: Mapping[Subject, int]) -> dict[type[Table], pa.Table]:
    """Result and evidence of some revisions as they were issued."""
    result, _ = split_result(list(rows))
    subject = subject_key(result)
    wanted = {(*key, revision) for key, revision in revisions.items()}
    found: dict[type[Table], pa.Table] = {}
    for table, now in rows.items():
        months = _months(rows[result], table)
        held = _standing(store, table, months, [*now.column_names, "revision"])
        is_wanted = [key in wanted for key in _subjects(held, [*subject, "revision"])]
        found[table] = held.filter(pa.array(is_wanted, pa.bool_()))
    return found


def _standing(store: Store, table: type[Table], months: Sequence[str], columns: Sequence[str]) -> pa.Table:
    files = by_partition(store.data_paths(table), table)
    paths = [path for month in months for path in files.get(month, [])]
    return read_columns(paths, table, columns)


def _months(rows: pa.Table, table: type[Table]) -> list[str]:
    return sorted(pc.unique(rows[table.partition_column()]).to_pylist())


def _digests(rows: Rows, left_out: frozenset[str]) -> dict[Subject, str]:
    """Digest of each result and all its evidence.

    left_out  Columns that do not count, beside those that every product's rows are given.
    """
    result, evidence = split_result(list(rows))
    subject = subject_key(result)

    def texts(table: type[Table]) -> list[tuple[Subject, str]]:
        counted = set(table.columns()) - ADDED_COLUMNS - left_out
        return [*zip(_subjects(rows[table], subject), row_texts(rows[table], counted), strict=True)]

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


def _subjects(rows: pa.Table, names: Sequence[str]) -> list[Subject]:
    return [*zip(*(rows[name].to_pylist() for name in names), strict=True)]


def _of(rows: pa.Table, subject: Sequence[str], keys: Mapping[Subject, object]) -> pa.Table:
    return rows.filter(pa.array([key in keys for key in _subjects(rows, subject)], pa.bool_()))
