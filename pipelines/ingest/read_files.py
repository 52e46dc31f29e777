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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.codes import FileStatus
from pipelines.errors import InputRefusedError, StorageError, ZhixiangError
from pipelines.formats import FormatSettings, detect, load_mappings, unpack
from pipelines.formats.contract import RefusalReason
from pipelines.ingest.begun_file import BegunFile, BegunNote, listed_application
from pipelines.ingest.commit_reports import commit_batch, commit_reports
from pipelines.ingest.few_files import are_few, is_at_rest
from pipelines.ingest.file_ledger import handled_states, known_hashes
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
from pipelines.ingest.ingest_summary import IngestSummary
from pipelines.ingest.received_rows import (
    UNREAD,
    UNWRITTEN,
    Reading,
    judge_rejects,
    not_now,
    with_provenance,
    written_rows,
)
from pipelines.ingest.repeated_batch import is_committed
from pipelines.ingest.spark_paths import path_told
from pipelines.storage.data_files import WrittenFile, discard_files
from pipelines.storage.own_storage import storage_error
from pipelines.storage.session.tasks import task_frame, wake_workers
from pipelines.storage.store import Store
from pipelines.tables.base import table_named
from pipelines.tables.bronze import BronzeFiles
from pipelines.tables.silver import SilverQuarantine

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = ["MAPPINGS_FOLDER", "IngestSummary", "commit_batch", "ingest", "read_one", "reading_of"]

MAPPINGS_FOLDER = "mappings"
_REPORT_SCHEMA = "report string"


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

    begun = BegunNote(checkpoint.with_name("begun_file.json"))
    _end_begun(store, inbox, begun, run_id, now, summary, on_files)
    closed = closed_folders(root)
    summary.unread += [(f"{name}/", f"the folder cannot be read now: {why}") for name, why in closed]
    fresh = arrivals(paths_below(root), root, handled_states(store))
    if not fresh:
        # What the stream would begin again after a kill is known to the ledger too.
        return summary
    is_few = are_few(fresh) and is_at_rest(checkpoint)
    if not is_few:
        wake_workers(store.spark)
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
    _read_listed(store, inbox, left, begun, run_id, now, summary, on_files)
    return summary


def _end_begun(
    store: Store,
    inbox: Path,
    note: BegunNote,
    run_id: str,
    now: datetime,
    summary: IngestSummary,
    on_files: Callable[[int], None],
) -> None:
    """Holds what a killed run committed of a file of the listing against the ledger, and commits what is not
    there yet, however the file looks now. A file of which nothing is committed is read as any other.
    """
    begun = note.read()
    if begun is None:
        return
    report, who = begun.report, begun.application
    rows_in = report["table_name"] and is_committed(store, table_named(report["table_name"]), who, 0)
    is_noted = is_committed(store, BronzeFiles, who, 0)
    with _own_storage_told(store):
        known = known_hashes(store)
        # A ledger that was built anew from the tables knows the content and not who committed it.
        is_noted = is_noted or report["content_hash"] in known
        if not is_noted and (rows_in or is_committed(store, SilverQuarantine, who, 0)):
            if rows_in:
                report["files"] = []  # What is in a commit is not to be discarded as its repetition.
            reading = replace(
                reading_of(store, inbox, frozenset(known), run_id, now), received_at_utc=begun.received_at_utc
            )
            commit_reports(store, [report], known, who, 0, reading, summary)
            on_files(1)
        note.clear()


def _read_listed(
    store: Store,
    inbox: Path,
    fresh: Sequence[Arrival],
    note: BegunNote,
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
            note.write(BegunFile(application, now, report))
            commit_batch(store, [report], known, application, 0, reading, summary)
            if report["status_code"] == FileStatus.ACCEPTED.value:
                known[report["content_hash"]] = report["source_file"]
            on_files(1)
    note.clear()


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
        "warnings": [],
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
        report["warnings"] = list(judge_rejects(answer, name, reading.limits))
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
        notes = answer.notes if answer.superseded.num_rows else ()
        report["reason"] = "; ".join((*report["warnings"], *notes)) or None
    return report
