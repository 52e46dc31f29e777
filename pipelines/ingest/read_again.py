"""What bronze lost is read again from the inbox, each file with the arrival and the run it had: the rows come
out as they stood. A table is built aside and takes the damaged one's place only when it is whole.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.codes import FileStatus
from pipelines.errors import DamagedPartError, StorageError
from pipelines.ingest.file_reports import ledger_row, reject_rows
from pipelines.ingest.inbox import arrivals, paths_below, real_path
from pipelines.ingest.read_files import read_one, reading_of
from pipelines.ingest.received_rows import UNREAD, UNWRITTEN, not_now
from pipelines.storage.data_files import WrittenFile, commit_files, write_files
from pipelines.storage.store import Store
from pipelines.tables.base import Table, rows_of_table
from pipelines.tables.bronze import BronzeFiles
from pipelines.tables.rows.bronze import BronzeFilesRow
from pipelines.tables.silver import SilverQuarantine

ASIDE = "repair"
_APPLICATION = "repair"


@dataclass
class ReadAgain:
    """What was read again.

    files  How many files; rows: how many rows the table has now.
    notes  What did not come out as it was, or could not be read.
    """

    files: int = 0
    rows: int = 0
    notes: list[str] = field(default_factory=list)


class _Aside(Store):
    """The same store with its tables in another folder."""

    def __init__(self, store: Store, folder: Path) -> None:
        super().__init__(store.settings)
        self.folder = folder

    def path(self, table: type[Table]) -> str:
        return f"{self.folder}/{table.name}"


def table_again(store: Store, table: type[Table], inbox: Path) -> ReadAgain:
    """Reads a table of received rows again from the files that the file ledger says it came from; call it
    under the home's lock.

    Raises DamagedPartError, and leaves all as it is, where one of the files is no longer there, cannot be
    read now or is refused by today's settings; StorageError where its rows cannot be written.
    """
    entries = [
        entry
        for entry in _entries(store)
        if entry["table_name"] == table.name and entry["status_code"] == FileStatus.ACCEPTED.value
    ]
    places = _places(store, table, inbox, {entry["content_hash"] for entry in entries})
    absent = [entry["source_file"] for entry in entries if entry["content_hash"] not in places]
    if absent:
        raise DamagedPartError(
            table.name,
            f"{len(absent)} of the {len(entries)} files of {table.name} are not in {inbox} any more, "
            f"the first: {absent[0]}.",
            f"Put them back there with the content they had, or restore tables/{table.name} from a backup.",
        )
    found = ReadAgain(len(entries))
    folder = _fresh_folder(store)
    written: list[WrittenFile] = []
    for entry in entries:
        report = _report(store, table, entry, places[entry["content_hash"]], inbox, folder)
        if report["status_code"] != FileStatus.ACCEPTED.value:
            raise DamagedPartError(
                table.name,
                f"{entry['source_file']} was read before and is refused now: {report['reason']}.",
                "Bring back the settings of that time (rules/ has them), or restore the table from a backup.",
            )
        written += [WrittenFile.from_json(text) for text in report["files"]]
        held = len(report["rejects"])
        if (report["received_rows"], held) != (entry["received_rows"], entry["quarantined_rows"]):
            found.notes.append(
                f"{entry['source_file']}: {report['received_rows']} records, {held} of them unreadable; "
                f"it was {entry['received_rows']} and {entry['quarantined_rows']}"
            )
    found.rows = sum(file.rows for file in written)
    _put_in_place(store, table, written, folder)
    return found


def quarantine_again(store: Store, inbox: Path) -> ReadAgain:
    """Makes the quarantine anew with what could not be read from files; the silver steps add theirs when they
    run again. Raises DamagedPartError where one of the files cannot be read now, StorageError where its rows
    cannot be written.
    """
    entries = [entry for entry in _entries(store) if entry["quarantined_rows"]]
    places = _places(store, SilverQuarantine, inbox, {entry["content_hash"] for entry in entries})
    found, folder, rows, seen = ReadAgain(), _fresh_folder(store), [], set()
    for entry in entries:
        digest = entry["content_hash"]
        if digest in seen:
            continue
        seen.add(digest)
        if digest not in places:
            found.notes.append(
                f"{entry['source_file']} is not in the inbox; what of it could not be read is not listed"
            )
            continue
        report = _report(store, SilverQuarantine, entry, places[digest], inbox, folder)
        rows += reject_rows({**report, "source_file": entry["source_file"]}, entry["run_id"] or "")
        found.files += 1
    found.rows = len(rows)
    _put_rows_in_place(store, SilverQuarantine, rows, folder)
    return found


def files_again(
    store: Store, inbox: Path, tables: Sequence[type[Table]], run_id: str, now: datetime
) -> ReadAgain:
    """Makes the file ledger again from the inbox and from the rows that stand in bronze: what has rows was
    read, what is refused is refused again, and what nobody knows, or what cannot be read now, is left for the
    next run to read. Raises StorageError where a write of our own fails.

    tables  Those of received rows.
    run_id, now  Of this command, for files whose arrival no row tells.
    """
    known = _arrivals_told(store, tables)
    found, folder, rows = ReadAgain(), _fresh_folder(store), []
    accepted: dict[str, str] = {}
    files, unread = _in_order(inbox, known)
    for name, path, digest in files:
        told = known.get(digest)
        reading = replace(
            reading_of(store, inbox, frozenset(accepted), run_id, now), tables_location=str(folder)
        )
        report = _written(read_one(path, reading), folder)
        if report["status_code"] == UNREAD:
            unread.append((name, str(report["reason"])))
            continue
        if digest in accepted:
            report.update(reason=f"same content as {accepted[digest]}", received_rows=0)
        elif report["status_code"] == FileStatus.ACCEPTED.value:
            if told is None:
                found.notes.append(f"{name} has no rows in bronze; the next run reads it")
                continue
            accepted[digest] = name
        elif told is None:
            found.notes.append(f"{name} is refused: {report['reason']}")
        rows.append(
            ledger_row(
                report,
                0,
                told["received_at_utc"] if told else now,
                (told["run_id"] or run_id) if told else run_id,
            )
        )
        found.files += 1
    for digest, told in known.items():
        if digest not in accepted:
            found.notes.append(f"{told['source_file']} has rows in bronze and is not found in {inbox} now")
            rows.append(_row_of_absent(digest, told))
    found.notes += [f"{name} {reason}; the next run reads it" for name, reason in unread]
    found.rows = len(rows)
    _put_rows_in_place(store, BronzeFiles, rows, folder)
    return found


def contents_not_in(store: Store, tables: Sequence[type[Table]], inbox: Path) -> dict[str, str]:
    """What has rows in bronze, by its rows or by the file ledger, and does not lie in the inbox: content ->
    name. No run could read it again. Of a table that cannot be read nothing is known.

    tables  Those of received rows.
    """
    known: dict[str, str] = {}
    for table in tables:
        with suppress(DamagedPartError):
            known |= {digest: told["source_file"] for digest, told in _arrivals_told(store, [table]).items()}
    with suppress(DamagedPartError):
        for entry in _entries(store):
            is_held = entry["received_rows"] > entry["quarantined_rows"]
            if entry["status_code"] == FileStatus.ACCEPTED.value and is_held:
                known.setdefault(entry["content_hash"], entry["source_file"] or "")
    present = {digest for _, _, digest in _in_order(inbox, {})[0]} if known else set()
    return {digest: name for digest, name in sorted(known.items()) if digest not in present}


def without_read_stage(store: Store) -> None:
    """Takes out of the quarantine what was held back while files were read: they are to be read once more."""
    rows = [row for row in store.arrow(SilverQuarantine).to_pylist() if row["stage"] != "read"]
    _put_rows_in_place(store, SilverQuarantine, rows, _fresh_folder(store))


def received_files(inbox: Path) -> list[str]:
    """Names of the received files that lie in an inbox, as the file ledger writes them."""
    root = inbox.absolute()
    return [arrival.name for arrival in arrivals(paths_below(root), root, ())]


def _entries(store: Store) -> list[BronzeFilesRow]:
    rows = rows_of_table(store.arrow(BronzeFiles), BronzeFilesRow)
    return sorted(rows, key=lambda row: (row["source_file"], row["content_hash"]))


def _places(store: Store, table: type[Table], inbox: Path, wanted: Collection[str]) -> dict[str, str]:
    """Content -> where it lies in the inbox now, under any of the names it came with.

    Raises DamagedPartError where a file that may be the only one with its content cannot be read now.
    """
    found: dict[str, str] = {}
    closed: dict[str, tuple[str, OSError]] = {}
    for entry in _entries(store):
        digest = entry["content_hash"]
        if digest not in wanted:
            continue
        path = inbox.absolute() / real_path(entry["source_file"])
        is_first = entry["status_code"] != FileStatus.DUPLICATE_CONTENT.value
        try:
            if (digest not in found or is_first) and path.is_file() and _digest(path) == digest:
                found[digest] = str(path)
        except OSError as error:
            closed[digest] = (entry["source_file"], error)
    for digest, (name, cause) in closed.items():
        if digest not in found:
            raise _unread(table, name, not_now(cause)) from cause
    return found


def _unread(table: type[Table], name: str, reason: str) -> DamagedPartError:
    return DamagedPartError(
        table.name,
        f"{name} {reason}.",
        f"Make it readable, then `zhixiang repair {table.name} --yes` again; nothing was changed.",
    )


def _written(report: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A report on a file; raises StorageError where our own storage did not take its rows, which is no fault
    of the file. What was written so far is deleted: a full disk has no room for it.
    """
    if report["status_code"] == UNWRITTEN:
        shutil.rmtree(folder, ignore_errors=True)
        raise StorageError(*report["told"])
    return report


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _report(
    store: Store, table: type[Table], entry: BronzeFilesRow, path: str, inbox: Path, folder: Path
) -> dict[str, Any]:
    """What reading a file gives, with the arrival and the run that it had; its rows are written aside.

    table  What is made again from it.
    """
    arrived = entry["received_at_utc"]
    assert arrived is not None  # noqa: S101 - each row of the ledger has one
    reading = reading_of(store, inbox, frozenset(), entry["run_id"] or "", arrived)
    report = _written(read_one(path, replace(reading, tables_location=str(folder))), folder)
    if report["status_code"] == UNREAD:
        raise _unread(table, entry["source_file"], str(report["reason"]))
    return report


def _arrivals_told(store: Store, tables: Iterable[type[Table]]) -> dict[str, dict[str, Any]]:
    """Content -> name, arrival, run, table and rows, of every file that has rows in bronze."""
    found: dict[str, dict[str, Any]] = {}
    columns = ["content_hash", "source_file", "received_at_utc", "run_id"]
    for table in tables:
        rows = store.arrow(table, columns)
        counted = rows.group_by("content_hash").aggregate(
            [("source_file", "min"), ("received_at_utc", "min"), ("run_id", "min"), ("run_id", "count")]
        )
        for row in counted.to_pylist():
            found[row["content_hash"]] = {
                "source_file": row["source_file_min"],
                "received_at_utc": row["received_at_utc_min"],
                "run_id": row["run_id_min"],
                "rows": row["run_id_count"],
                "table_name": table.name,
            }
    return found


def _in_order(
    inbox: Path, known: Mapping[str, Mapping[str, Any]]
) -> tuple[list[tuple[str, str, str]], list[tuple[str, str]]]:
    """Name, path and content of each received file, where contents are equal the name that came first; name
    and reason of those that cannot be read now. A link has no content: it is not followed.
    """
    root = inbox.absolute()
    found, unread = [], []
    for arrival in arrivals(paths_below(root), root, ()):
        path = Path(arrival.path)
        try:
            found.append((arrival.name, arrival.path, "" if path.is_symlink() else _digest(path)))
        except OSError as error:
            unread.append((arrival.name, not_now(error)))
    found.sort(key=lambda file: (known.get(file[2], {}).get("source_file") != file[0], file[0]))
    return found, unread


def _row_of_absent(digest: str, told: Mapping[str, Any]) -> BronzeFilesRow:
    return {
        "content_hash": digest,
        "source_file": told["source_file"],
        "status_code": FileStatus.ACCEPTED.value,
        "format_id": None,
        "table_name": told["table_name"],
        "reason": None,
        "size_bytes": 0,
        "received_rows": told["rows"],
        "quarantined_rows": 0,
        "modified_at_utc": None,
        "batch_id": 0,
        "received_at_utc": told["received_at_utc"],
        "run_id": told["run_id"],
    }


def _fresh_folder(store: Store) -> Path:
    folder = store.settings.home.absolute() / "scratch" / ASIDE
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _put_rows_in_place(
    store: Store, table: type[Table], rows: Sequence[Mapping[str, object]], folder: Path
) -> None:
    shutil.rmtree(folder / table.name, ignore_errors=True)
    written = write_files(
        pa.Table.from_pylist(list(rows), table.arrow_schema()), table, f"{folder}/{table.name}"
    )
    _put_in_place(store, table, written if rows else [], folder)


def _put_in_place(store: Store, table: type[Table], written: Sequence[WrittenFile], folder: Path) -> None:
    """Commits files that lie aside and puts their table where the damaged one is; of no files: no table."""
    if written:
        commit_files(_Aside(store, folder), table, written, _APPLICATION, 1, overwrite=False)
    place, before = Path(store.path(table)), folder / f"{table.name}.before"
    if place.exists():
        place.rename(before)
    if written:
        place.parent.mkdir(parents=True, exist_ok=True)
        (folder / table.name).rename(place)
    shutil.rmtree(folder, ignore_errors=True)
