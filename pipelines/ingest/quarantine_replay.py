"""Quarantined records once more: their files are read with today's rules, and what now passes enters bronze
exactly once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.codes import FileStatus
from pipelines.errors import InputRefusedError
from pipelines.formats import LongForm, detect, unpack
from pipelines.ingest.file_reports import reject_rows
from pipelines.ingest.inbox import real_path
from pipelines.ingest.read_files import reading_of
from pipelines.ingest.received_rows import Reading, judge_rejects, with_provenance
from pipelines.storage.data_files import commit_files, discard_files, next_transaction, write_files
from pipelines.storage.store import Store
from pipelines.tables.base import Table, rows_of_table
from pipelines.tables.bronze import BronzeFiles
from pipelines.tables.rows.bronze import BronzeFilesRow
from pipelines.tables.rows.silver import SilverQuarantineRow
from pipelines.tables.silver import SilverQuarantine

READ_STAGE = "read"


@dataclass(frozen=True)
class ReplayedFile:
    """What became of one file's quarantined records.

    outcome  replayed, unchanged (the same records are unreadable for the same reasons), halted (still too
             many), refused, or absent.
    held     Records in quarantine before; ``still_held`` after.
    entered  Rows that entered bronze.
    """

    source_file: str
    outcome: str
    held: int
    still_held: int
    entered: int
    reason: str = ""


@dataclass
class ReplaySummary:
    """What one replay did, by file."""

    files: list[ReplayedFile] = field(default_factory=list)

    @property
    def entered(self) -> int:
        """Rows that entered bronze."""
        return sum(file.entered for file in self.files)


def held_records(
    store: Store, file: str | None = None, reason: str | None = None
) -> list[SilverQuarantineRow]:
    """Rows of silver_quarantine by file and line; ``file`` is a name or a pattern, ``reason`` a reason code.

    What silver held back knows its file by content alone; its name is that of the delivery which was read.
    """
    rows = rows_of_table(store.arrow(SilverQuarantine), SilverQuarantineRow)
    if any(row["source_file"] is None for row in rows):
        known = store.arrow(BronzeFiles, ["content_hash", "source_file", "status_code"])
        read = rows_of_table(known, BronzeFilesRow)
        names = {
            row["content_hash"]: row["source_file"]
            for row in read
            if row["status_code"] != FileStatus.DUPLICATE_CONTENT.value
        }
        rows = [
            row if row["source_file"] is not None else {**row, "source_file": names.get(row["content_hash"])}
            for row in rows
        ]
    chosen = [
        row
        for row in rows
        if (file is None or _named(row["source_file"] or "", file))
        and (reason is None or row["reason_code"] == reason)
    ]
    return sorted(
        chosen,
        key=lambda row: (
            row["source_file"] or "",
            row["content_hash"],
            row["line_number"],
            row["table_name"],
        ),
    )


def _named(source_file: str, wanted: str) -> bool:
    return fnmatch(source_file, wanted) or source_file.rsplit("/", 1)[-1] == wanted


def replay(store: Store, inbox: Path, run_id: str, now: datetime, file: str | None = None) -> ReplaySummary:
    """Reads the files of quarantined records again; call it under the home's lock.

    inbox  Where the received files still are; a file is taken only if its content is the one that was
           quarantined.
    file   Name or pattern of the files; none: all.

    Each file is committed by itself: rows first, then its line in the file ledger, then the quarantine. A
    replay that is cut off
    is made whole by the next one, which never adds a row that is there.
    """
    summary = ReplaySummary()
    reading = reading_of(store, inbox, frozenset(), run_id, now)
    by_content: dict[str, list[SilverQuarantineRow]] = {}
    for row in held_records(store, file):
        if row["stage"] == READ_STAGE:
            by_content.setdefault(row["content_hash"], []).append(row)
    for digest in sorted(by_content, key=lambda digest: (by_content[digest][0]["source_file"] or "", digest)):
        summary.files.append(_replay_file(store, digest, by_content[digest], inbox, reading))
    return summary


def _replay_file(
    store: Store, digest: str, held: Sequence[SilverQuarantineRow], inbox: Path, reading: Reading
) -> ReplayedFile:
    found = store.arrow(BronzeFiles, filters=[("content_hash", "=", digest)])
    entries = rows_of_table(found, BronzeFilesRow)
    entry = next((row for row in entries if row["status_code"] != FileStatus.DUPLICATE_CONTENT.value), None)
    name = entry["source_file"] if entry else held[0]["source_file"] or ""
    count = len(held)
    raw = _content(inbox, [name, *(row["source_file"] for row in entries)], digest)
    if entry is None or raw is None:
        return ReplayedFile(
            name,
            "absent",
            count,
            count,
            0,
            f"the file is no longer in {inbox}; put it back under any name it had",
        )
    whole = entry["status_code"] == FileStatus.ACCEPTED.value
    lines = {int(row["line_number"]) for row in held}
    try:
        content = unpack(name, raw, reading.limits)
        reader = detect(name, content, reading.mappings)
        if whole and isinstance(reader, LongForm):
            # A day's row is in bronze already; what now passes is another delivery of that day.
            reader = LongForm(reader.mapping, lines)
        answer = reader.read(content, name, reading.formats)
        if not whole:
            judge_rejects(answer, name, reading.limits)
    except InputRefusedError as refusal:
        return ReplayedFile(
            name,
            "refused" if whole else "halted",
            count,
            count,
            0,
            f"{refusal.reason_code}: {refusal.reason}",
        )
    rejects = [row for row in answer.rejects.to_pylist() if not whole or row["line_number"] in lines]
    present = pa.array(_bronze_lines(store, reader.table, digest), pa.int64())
    fresh = answer.rows.filter(pc.invert(pc.is_in(answer.rows["line_number"], value_set=present)))
    if whole:
        fresh = fresh.filter(pc.is_in(fresh["line_number"], value_set=pa.array(sorted(lines), pa.int64())))
    _enter(store, reader.table, fresh, digest, name, reading)
    kept = len(present) + fresh.num_rows
    changed: BronzeFilesRow = {
        **entry,
        "status_code": FileStatus.ACCEPTED.value,
        "format_id": reader.id,
        "table_name": reader.table.name,
        "reason": None,
        "received_rows": kept + len(rejects),
        "quarantined_rows": len(rejects),
    }
    report = {
        "content_hash": digest,
        "table_name": reader.table.name,
        "source_file": name,
        "rejects": rejects,
    }
    now_held = reject_rows(report, reading.run_id)
    if changed != entry:
        _replace(
            store,
            BronzeFiles,
            [
                *(row for row in rows_of_table(store.arrow(BronzeFiles), BronzeFilesRow) if row != entry),
                changed,
            ],
            reading,
        )
    if not _same(held, now_held):
        others = [
            row
            for row in rows_of_table(store.arrow(SilverQuarantine), SilverQuarantineRow)
            if row["content_hash"] != digest or row["stage"] != READ_STAGE
        ]
        _replace(store, SilverQuarantine, others + now_held, reading)
        return ReplayedFile(name, "replayed", count, len(rejects), fresh.num_rows)
    return ReplayedFile(
        name, "replayed" if fresh.num_rows else "unchanged", count, len(rejects), fresh.num_rows
    )


def _same(held: Iterable[SilverQuarantineRow], now_held: Iterable[SilverQuarantineRow]) -> bool:
    def told(rows: Iterable[SilverQuarantineRow]) -> set[tuple[int, str, str]]:
        return {(row["line_number"], row["reason_code"], row["reason"]) for row in rows}

    return told(held) == told(now_held)


def _content(inbox: Path, names: Sequence[str], digest: str) -> bytes | None:
    """The received bytes, found under any name the content arrived with."""
    for name in dict.fromkeys(names):
        path = inbox / real_path(name)
        if path.is_file():
            raw = path.read_bytes()
            if hashlib.sha256(raw).hexdigest() == digest:
                return raw
    return None


def _bronze_lines(store: Store, table: type[Table], digest: str) -> list[int]:
    lines: list[int] = (
        store.arrow(table, ["line_number"], [("content_hash", "=", digest)]).column(0).to_pylist()
    )
    return lines


def _enter(
    store: Store, table: type[Table], fresh: pa.Table, digest: str, name: str, reading: Reading
) -> None:
    if fresh.num_rows:
        files = write_files(with_provenance(fresh, table, digest, name, reading), table, store.path(table))
        if commit_files(store, table, files, f"replay:{digest}", _moment(reading), overwrite=False) is None:
            discard_files(store.path(table), files)


def _replace(
    store: Store, table: type[Table], rows: Sequence[Mapping[str, object]], reading: Reading
) -> None:
    """The whole of a small table anew, in one commit."""
    files = write_files(pa.Table.from_pylist(rows, table.arrow_schema()), table, store.path(table))
    application = f"replay:{table.name}"
    transaction = max(_moment(reading), next_transaction(store.delta(table), application))
    commit_files(store, table, files, application, transaction, overwrite=True)


def _moment(reading: Reading) -> int:
    return int(reading.received_at_utc.timestamp() * 1000)
