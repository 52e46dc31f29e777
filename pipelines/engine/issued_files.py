"""New revisions as files that wait for their commit: written by workers or by the driver, judged and put in
place by the driver.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.engine import gate
from pipelines.engine.revisions import (
    Rows,
    Settle,
    Standing,
    Subject,
    months_of_rows,
    revised_rows,
    split_result,
    subject_key,
    subjects_of,
)
from pipelines.storage.data_files import (
    WrittenFile,
    commit_files,
    discard_files,
    next_transaction,
    write_files,
)
from pipelines.storage.scan import partition_of, read_columns, whole_table
from pipelines.storage.store import Store
from pipelines.tables.base import Table


@dataclass(frozen=True)
class IssuedFiles:
    """Files of new revisions of one table of a product, and what was found in them.

    rows     How many rows they hold.
    broken   Rule of the table, in its text -> how many of the rows break it, and what shows it.
    orphans  Of evidence: keys, the revision last, of rows that a killed run left without a result under a
             revision that is now issued.
    """

    files: tuple[WrittenFile, ...]
    rows: int
    broken: Mapping[str, gate.Broken]
    orphans: tuple[Subject, ...] = ()

    def to_json(self) -> str:
        """One line, for the way from worker to driver."""
        return json.dumps(
            {
                "files": [file.to_json() for file in self.files],
                "rows": self.rows,
                "broken": {rule: [found.rows, found.shown] for rule, found in self.broken.items()},
                "orphans": self.orphans,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> IssuedFiles:
        """The inverse of to_json."""
        told = json.loads(text)
        return cls(
            tuple(WrittenFile.from_json(line) for line in told["files"]),
            told["rows"],
            {rule: gate.Broken(*found) for rule, found in told["broken"].items()},
            tuple(tuple(key) for key in told["orphans"]),
        )


Issued = Mapping[type[Table], IssuedFiles]


def joined_files(parts: Sequence[IssuedFiles]) -> IssuedFiles:
    """The files of several buckets or months as one."""
    return IssuedFiles(
        tuple(file for part in parts for file in part.files),
        sum(part.rows for part in parts),
        gate.joined_broken([part.broken for part in parts]),
        tuple(key for part in parts for key in part.orphans),
    )


def issue_files(
    rows: Rows,
    standing: Standing,
    roots: Mapping[type[Table], str],
    run_id: str,
    rules_digest: str,
    settle: Settle | None = None,
) -> dict[type[Table], IssuedFiles]:
    """Numbers what is new or changed, judges it and writes its files: see ``revised_rows``.

    roots  Table -> address of its folder.
    """
    revised = revised_rows(rows, standing, run_id, rules_digest, settle)
    result, _ = split_result(list(revised))
    months, key = months_of_rows(revised[result], result), [*subject_key(result), "revision"]
    issued = set(subjects_of(revised[result], key))
    names = standing.names(key, issued)
    found: dict[type[Table], IssuedFiles] = {}
    for table, fresh in revised.items():
        # Evidence is large; its keys alone tell whether a killed run left any.
        left = (
            issued.intersection(subjects_of(standing.rows(table, months, key, names), key)) if issued else ()
        )
        broken = gate.broken_rules(fresh, table)
        files = write_files(fresh, table, roots[table])
        found[table] = IssuedFiles(tuple(files), fresh.num_rows, broken, tuple(sorted(left, key=str)))
    return found


def judge_issued(issued: Issued) -> dict[type[Table], gate.GateResult]:
    """What the gate says of each table; raises GateHaltedError as ``gate.gate``."""
    return {table: gate.judge_broken(table, found.broken, found.rows) for table, found in issued.items()}


def commit_issued(store: Store, issued: Issued, application: str) -> dict[str, int]:
    """Commits evidence first and the result last, so that a result never stands without its evidence; returns
    versions. Nothing is committed where the result has no rows.

    application  Who commits, as ``commit_files``.

    A run that was killed between the two leaves evidence of a revision that has no result; it is removed
    before that revision is written again.
    """
    result, evidence = split_result(list(issued))
    if issued[result].rows:
        for table in (*evidence, result):
            found = issued[table]
            if found.orphans:
                _remove(store, table, found.orphans, [*subject_key(result), "revision"], application)
            existing = store.delta(table)
            if found.files or existing is None:
                transaction = next_transaction(existing, application)
                commit_files(store, table, found.files, application, transaction, overwrite=False)
    return store.versions(list(issued))


def discard_issued(location: Callable[[type[Table]], str], issued: Mapping[type[Table], object]) -> None:
    """Removes files that will be in no commit.

    location  As in ``rows_of_issued``.
    issued    What else it holds stays as it is.
    """
    for table, found in issued.items():
        if isinstance(found, IssuedFiles):
            discard_files(location(table), found.files)


def rows_of_issued(
    location: Callable[[type[Table]], str], table: type[Table], found: IssuedFiles
) -> pa.Table:
    """The rows of one table's files that wait for their commit.

    location  Table -> address of the folder that they were written below.
    """
    return whole_table([f"{location(table)}/{file.path}" for file in found.files], table)


def _remove(
    store: Store, table: type[Table], orphans: Sequence[Subject], key: Sequence[str], application: str
) -> None:
    """File by file: the month of a city is larger than the driver."""
    gone = set(orphans)
    months = {str(each[key.index(table.partition_column())]) for each in orphans}
    root, current = store.path(table), store.data_files(table)
    left, held = [], set()
    for path in current:
        if partition_of(path, table) not in months:
            continue
        is_orphan = [each in gone for each in subjects_of(read_columns([f"{root}/{path}"], table, key), key)]
        if any(is_orphan):
            held.add(path)
            rows = whole_table([f"{root}/{path}"], table).filter(pc.invert(pa.array(is_orphan)))
            left += write_files(rows, table, root)
    transaction = next_transaction(store.delta(table), application)
    kept = frozenset(current) - held
    commit_files(store, table, left, application, transaction, overwrite=True, kept=kept)
