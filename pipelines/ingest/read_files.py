"""Received files enter bronze exactly once: found by Structured Streaming, read and written by workers,
committed by the driver.

One micro-batch is one set of files. Its id is the transaction version of every commit it makes, so that a
batch that is repeated after a kill commits only what is not committed yet. The file ledger is committed last.

Spark knows a file by its path alone and gives no row for one without bytes, so a listing follows the stream:
whatever lies in the inbox in a state that the ledger does not know (changed under its name, empty, a link,
with a name Spark hides or cannot say, not to be read the last time) is read then. A few files are read by the
listing alone (``few_files``).

Whose fault an error is decides what is remembered: a file that says nothing usable is refused and known; one
that cannot be read now, and everything where a write of our own fails, is unknown to the next run too.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.codes import FileStatus
from pipelines.errors import InputRefusedError, StorageError, ZhixiangError
from pipelines.formats import FormatSettings, detect, load_mappings, unpack
from pipelines.formats.contract import RefusalReason
from pipelines.ingest.few_files import BegunFiles, are_few, is_at_rest, listed_application
from pipelines.ingest.file_ledger import handled_states, known_hashes
from pipelines.ingest.file_reports import ledger_row, reject_rows, tell_of_file
from pipelines.ingest.file_stream import offer_files
from pipelines.ingest.inbox import (
    Arrival,
    arrivals,
    closed_folders,
    has_linked_folder,
    name_below,
    paths_below,
    real_path,
    shown_path,
)
from pipelines.ingest.received_rows import (
    TOO_MANY_BAD_ROWS,
    UNREAD,
    UNWRITTEN,
    Reading,
    not_now,
    refuse_too_many,
    with_provenance,
    written_rows,
)
from pipelines.ingest.repeated_batch import in_batch_then
from pipelines.ingest.spark_paths import path_told
from pipelines.storage.data_files import WrittenFile, commit_files, discard_files, write_files
from pipelines.storage.own_storage import storage_error
from pipelines.storage.session.tasks import task_frame, wake_workers
from pipelines.storage.store import Store
from pipelines.tables.base import Table, table_named
from pipelines.tables.bronze import BronzeFiles
from pipelines.tables.silver import SilverQuarantine

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MAPPINGS_FOLDER = "mappings"
_REPORT_SCHEMA = "report string"


@dataclass
class IngestSummary:
    """What one ingest did.

    refused  Name and reason of each file that says nothing usable; told once.
    halted   The same of files with too many unreadable records.
    unread   The same of files that could not be read now, and of folders; the next run tries again.
    """

    accepted: int = 0
    duplicates: int = 0
    received_rows: int = 0
    quarantined_rows: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    halted: list[tuple[str, str]] = field(default_factory=list)
    unread: list[tuple[str, str]] = field(default_factory=list)


def ingest(
    store: Store,
    inbox: Path,
    run_id: str,
    now: datetime,
    on_files: Callable[[int], None] = lambda _count: None,
) -> IngestSummary:
    """Reads every file below the inbox that was not read before.

    inbox     Folder; files must appear in it atomically (written elsewhere or as ``.tmp``, then renamed).
    on_files  Called with the number of files of each finished batch.

    Raises StorageError where a write of our own fails; what was committed stays, the rest is read by the next
    run.
    """
    summary = IngestSummary()
    settings = store.settings
    checkpoint = settings.home / "checkpoints" / "ingest"
    inbox.mkdir(parents=True, exist_ok=True)
    root = inbox.absolute()
    failed: list[StorageError] = []

    def on_batch(found: DataFrame, batch_id: int) -> None:
        try:
            read_batch(found, batch_id)
        except Exception as error:
            # What comes back from Spark is its text alone.
            failed.extend(filter(None, [storage_error(error, settings.home)]))
            raise

    def read_batch(found: DataFrame, batch_id: int) -> None:
        paths = [path_told(row.path) for row in found.select("path").collect()]
        # One of these that cannot be read now comes with the listing, once it can be.
        fresh = arrivals(paths, root, handled_states(store))
        known = known_hashes(store)
        reading = reading_of(store, inbox, frozenset(known), run_id, now)
        reports = _read_files(store, fresh, reading)
        commit_batch(store, reports, known, _application(checkpoint), int(batch_id), reading, summary)
        on_files(len(fresh))

    closed = closed_folders(root)
    summary.unread += [(f"{name}/", f"the folder cannot be read now: {why}") for name, why in closed]
    fresh = arrivals(paths_below(root), root, handled_states(store))
    if not fresh:
        # What the stream would begin again after a kill is known to the ledger too.
        return summary
    begun = BegunFiles(checkpoint.with_name("few_files.json"))
    is_few = are_few(fresh) and is_at_rest(checkpoint)
    if is_few:
        begun.note(fresh)
    else:
        wake_workers(store.spark)
        _read_listed(store, inbox, begun.of(fresh), run_id, now, summary, on_files)
    # Spark follows links as soon as it is told of a folder; two in a circle, and it never comes to an end. It
    # ends at a folder that it may not read; the listing goes round it.
    if not is_few and not closed and not has_linked_folder(root):
        try:
            offer_files(store, root, checkpoint, on_batch)
        except Exception as error:
            if failed:
                raise failed[0] from error
            raise
    # What the stream did not offer.
    tried = {name for name, _ in summary.unread}
    found = arrivals(paths_below(root), root, handled_states(store))
    left = [arrival for arrival in found if arrival.name not in tried]
    _read_listed(store, inbox, left, run_id, now, summary, on_files)
    begun.clear()
    return summary


def _read_listed(
    store: Store,
    inbox: Path,
    fresh: Sequence[Arrival],
    run_id: str,
    now: datetime,
    summary: IngestSummary,
    on_files: Callable[[int], None],
) -> None:
    """Reads files of the listing; each is a transaction of its own."""
    if not fresh:
        return
    known = known_hashes(store)
    reading = reading_of(store, inbox, frozenset(known), run_id, now)
    applications = {arrival.name: listed_application(arrival) for arrival in fresh}
    with _own_storage_told(store):
        for report in _read_files(store, fresh, reading):
            application = applications[report["source_file"]]
            commit_batch(store, [report], known, application, 0, reading, summary)
            if report["status_code"] == FileStatus.ACCEPTED.value:
                known[report["content_hash"]] = report["source_file"]
            on_files(1)


@contextmanager
def _own_storage_told(store: Store) -> Iterator[None]:
    """Says of a failed write of our own what it is."""
    try:
        yield
    except Exception as error:
        told = None if isinstance(error, ZhixiangError) else storage_error(error, store.settings.home)
        if told is None:
            raise
        raise told from error


def reading_of(store: Store, inbox: Path, known: frozenset[str], run_id: str, now: datetime) -> Reading:
    """What reading needs, from the settings; the mappings of long files stand in ``mappings/`` beside the
    other settings.
    """
    settings = store.settings
    return Reading(
        settings.platform.ingest,
        settings.section(FormatSettings),
        settings.tables_location,
        str(inbox.absolute()),
        known,
        run_id,
        now,
        load_mappings(settings.conf_dir / MAPPINGS_FOLDER),
    )


def _application(checkpoint: Path) -> str:
    """Commits are numbered per checkpoint: a deleted checkpoint counts anew under another name."""
    return f"ingest:{json.loads((checkpoint / 'metadata').read_text())['id']}"


def _read_files(store: Store, fresh: Sequence[Arrival], reading: Reading) -> list[dict[str, Any]]:
    """Big files first, so that no core waits for one at the end; a few files are read here."""
    by_size = sorted(fresh, key=lambda arrival: (-arrival.size_bytes, arrival.name))
    shown = [shown_path(arrival.path) for arrival in by_size]
    if are_few(fresh):
        # Sent from a worker as JSON, so that it is the same from either.
        found = _read_in_turn([*map(real_path, shown)], reading)
        reports = [json.loads(json.dumps(report)) for report in found]
    else:
        reports = _read_by_workers(store, shown, reading)
    reports.sort(key=lambda report: str(report["source_file"]))
    for failed in reports:
        if failed["status_code"] == UNWRITTEN:
            for report in reports:
                files = [WrittenFile.from_json(text) for text in report["files"]]
                discard_files(f"{reading.tables_location}/{report['table_name']}", files)
            raise StorageError(*failed["told"])
    return reports


def _read_by_workers(store: Store, by_size: Sequence[str], reading: Reading) -> list[dict[str, Any]]:
    spark = store.spark
    slices = min(len(by_size), 4 * spark.sparkContext.defaultParallelism) or 1
    dealt = [json.dumps(by_size[start::slices]) for start in range(slices)]

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            paths = [real_path(path) for given in batch.column(0).to_pylist() for path in json.loads(given)]
            reports = [json.dumps(report) for report in _read_in_turn(paths, reading)]
            yield pa.RecordBatch.from_arrays([pa.array(reports, pa.string())], ["report"])

    rows = task_frame(spark, dealt, "paths").mapInArrow(work, _REPORT_SCHEMA).collect()
    return [json.loads(row.report) for row in rows]


def _read_in_turn(paths: Sequence[str], reading: Reading) -> Iterator[dict[str, Any]]:
    """A report of each file; none after the first that our own storage did not take."""
    for path in paths:
        began = time.monotonic()
        report = read_one(path, reading)
        yield report | {"seconds": round(time.monotonic() - began, 3)}
        if report["status_code"] == UNWRITTEN:
            return


def read_one(path: str, reading: Reading) -> dict[str, Any]:
    """What a worker does with one file: hash, unpack, recognise, read, write; a refusal is an answer, not an
    exception, and so is a file that cannot be read now, and a write of our own that fails.
    """
    name = name_below(path, reading.inbox)
    report: dict[str, Any] = {
        "source_file": name,
        "content_hash": "",
        "size_bytes": 0,
        "modified_at_ns": None,
        "status_code": FileStatus.REFUSED.value,
        "format_id": None,
        "table_name": None,
        "reason": None,
        "received_rows": 0,
        "rejects": [],
        "files": [],
    }
    try:
        stat = Path(path).lstat()
        report.update(size_bytes=stat.st_size, modified_at_ns=stat.st_mtime_ns)
        is_link = Path(path).is_symlink()
        is_small = stat.st_size <= reading.limits.max_file_bytes
        raw = Path(path).read_bytes() if is_small and not is_link else None
    except OSError as error:
        return report | {"status_code": UNREAD, "reason": not_now(error)}
    try:
        if is_link:
            reason = "a link is not followed; put the file itself into the inbox"
            raise InputRefusedError(name, RefusalReason.SYMBOLIC_LINK, reason)
        if raw is None:
            raise InputRefusedError(
                name,
                "too_large",
                f"{stat.st_size} bytes are more than ingest.max_file_bytes = {reading.limits.max_file_bytes}",
            )
        report["content_hash"] = hashlib.sha256(raw).hexdigest()
        if report["content_hash"] in reading.known:
            report["status_code"] = FileStatus.DUPLICATE_CONTENT.value
            return report
        content = unpack(name, raw, reading.limits)
        reader = detect(name, content, reading.mappings)
        report["format_id"], report["table_name"] = reader.id, reader.table.name
        answer = reader.read(content, name, reading.formats)
        report["received_rows"], report["rejects"] = answer.received_rows, answer.rejects.to_pylist()
        refuse_too_many(answer, name, reading.limits)
        rows = with_provenance(answer.rows, reader.table, report["content_hash"], name, reading)
    except InputRefusedError as refusal:
        report["reason"] = f"{refusal.reason_code}: {refusal.reason}" + (
            f" (line {refusal.line})" if refusal.line else ""
        )
    except OSError as error:
        # A reader that meets damage tells no number of the system; what has one is no fault of the file.
        report["reason"] = f"unreadable: {error.strerror or error}"
        report["status_code"] = FileStatus.REFUSED.value if error.errno is None else UNREAD
    else:
        report.update(written_rows(rows, reader.table, reading))
        report["reason"] = "; ".join(answer.notes) if answer.superseded.num_rows else None
    return report


def commit_batch(
    store: Store,
    reports: list[dict[str, Any]],
    known: dict[str, str],
    application: str,
    batch_id: int,
    reading: Reading,
    summary: IngestSummary,
) -> None:
    """What the driver does with the reports of one batch: rows, then quarantine, then the file ledger."""
    for report in reports:
        if report["status_code"] == UNREAD:
            summary.unread.append((report["source_file"], report["reason"]))
            tell_of_file(report, reading.run_id)
    reports = [report for report in reports if report["status_code"] != UNREAD]
    reports = in_batch_then(store, reports, application, batch_id, reading.tables_location)
    first_of: dict[str, str] = dict(known)
    by_table: dict[str, list[WrittenFile]] = {}
    for report in reports:
        digest = report["content_hash"]
        files = [WrittenFile.from_json(text) for text in report.pop("files")]
        if report["status_code"] == FileStatus.ACCEPTED.value and digest in first_of:
            # The same content twice in one batch: two workers wrote it, one copy counts.
            discard_files(f"{reading.tables_location}/{report['table_name']}", files)
            report.update(status_code=FileStatus.DUPLICATE_CONTENT.value, rejects=[])
        if report["status_code"] == FileStatus.DUPLICATE_CONTENT.value:
            report.update(
                reason=f"same content as {first_of.get(digest, 'an earlier file')}", received_rows=0
            )
            summary.duplicates += 1
        elif report["status_code"] == FileStatus.REFUSED.value:
            halted = (report["reason"] or "").startswith(TOO_MANY_BAD_ROWS)
            (summary.halted if halted else summary.refused).append((report["source_file"], report["reason"]))
        else:
            first_of[digest] = report["source_file"]
            by_table.setdefault(report["table_name"], []).extend(files)
            summary.accepted += 1
            summary.received_rows += report["received_rows"]
            summary.quarantined_rows += len(report["rejects"])
    for name in sorted(by_table):
        table = table_named(name)
        if commit_files(store, table, by_table[name], application, batch_id, overwrite=False) is None:
            discard_files(store.path(table), by_table[name])
    rejected = [row for report in reports for row in reject_rows(report, reading.run_id)]
    _append(store, SilverQuarantine, rejected, application, batch_id)
    entries = [ledger_row(report, batch_id, reading.received_at_utc, reading.run_id) for report in reports]
    _append(store, BronzeFiles, entries, application, batch_id)
    for report in reports:
        tell_of_file(report, reading.run_id)


def _append(
    store: Store, table: type[Table], rows: Sequence[Mapping[str, object]], application: str, transaction: int
) -> None:
    if rows:
        files = write_files(pa.Table.from_pylist(rows, table.arrow_schema()), table, store.path(table))
        if commit_files(store, table, files, application, transaction, overwrite=False) is None:
            discard_files(store.path(table), files)
