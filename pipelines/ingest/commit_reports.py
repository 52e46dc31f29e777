"""What the driver commits of reports on files: rows, then quarantine, then the file ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from pipelines.codes import FileStatus
from pipelines.ingest.file_reports import ledger_row, reject_rows, tell_of_file
from pipelines.ingest.ingest_summary import IngestSummary
from pipelines.ingest.received_rows import HALTING, UNREAD, Reading
from pipelines.ingest.repeated_batch import in_batch_then
from pipelines.storage.data_files import WrittenFile, commit_files, discard_files, write_files
from pipelines.storage.store import Store
from pipelines.tables.base import Table, table_named
from pipelines.tables.bronze import BronzeFiles
from pipelines.tables.silver import SilverQuarantine


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
    commit_reports(store, reports, known, application, batch_id, reading, summary)


def commit_reports(
    store: Store,
    reports: list[dict[str, Any]],
    known: Mapping[str, str],
    application: str,
    batch_id: int,
    reading: Reading,
    summary: IngestSummary,
) -> None:
    """The same of reports whose files are all in the batch, whether it is repeated or not; all were read."""
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
            halted = (report["reason"] or "").startswith(HALTING)
            (summary.halted if halted else summary.refused).append((report["source_file"], report["reason"]))
        else:
            first_of[digest] = report["source_file"]
            by_table.setdefault(report["table_name"], []).extend(files)
            summary.accepted += 1
            summary.received_rows += report["received_rows"]
            summary.quarantined_rows += len(report["rejects"])
            summary.warned += [(report["source_file"], text) for text in report.get("warnings", ())]
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
