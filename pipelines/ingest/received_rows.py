"""What a worker does with the rows of one received file: whether they go on, where they came from, and their
way into bronze.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.codes import FileStatus
from pipelines.errors import InputRefusedError, StorageError
from pipelines.formats import FormatSettings, LongMapping, ReadResult
from pipelines.ingest.systematic_rejects import systematic_rejects
from pipelines.settings import IngestSettings
from pipelines.storage.data_files import write_files
from pipelines.storage.own_storage import storage_error
from pipelines.tables.base import Table

TOO_MANY_BAD_ROWS, SYSTEMATIC = "too_many_bad_rows", "systematic_rejects"
HALTING = (TOO_MANY_BAD_ROWS, SYSTEMATIC)
"""Reasons for which a file is halted: it could be read, and so much or such a part of it not that it must not
go on.
"""
UNREAD, UNWRITTEN = "unread", "unwritten"
"""Of reports alone, never of the ledger: the file cannot be read now; our own storage cannot be written."""


def not_now(error: OSError) -> str:
    """Why a file cannot be read now, as reports tell it."""
    return f"cannot be read now: {error.strerror or error}"


@dataclass(frozen=True)
class Reading:
    """What every worker needs to read files: plain data, shipped with the task."""

    limits: IngestSettings
    formats: FormatSettings
    tables_location: str
    inbox: str
    known: frozenset[str]
    run_id: str
    received_at_utc: datetime
    mappings: tuple[LongMapping, ...] = ()


def judge_rejects(answer: ReadResult, name: str, limits: IngestSettings) -> tuple[str, ...]:
    """What is to be told of a file that goes on: its reader's warnings, and the rules that its unreadable
    records follow.

    Raises InputRefusedError where so many are unreadable, or those of such a kind, that it must not go on.
    Meter points of which nothing can be read do not count where most others can be: they are named.
    """
    found = systematic_rejects(answer, limits)
    apart = sum(each.apart for each in found)
    rejected, records = answer.rejects.num_rows - answer.set_apart - apart, answer.record_count - apart
    told = tuple(each.text for each in found)
    if rejected > max(limits.tolerated_bad_rows, records * limits.max_bad_row_ratio):
        first = answer.rejects.slice(0, 1).to_pylist()[0]
        where = " ".join(filter(None, ("line", str(first["line_number"]), first["column_name"])))
        raise InputRefusedError(
            name,
            TOO_MANY_BAD_ROWS,
            "; ".join(
                (
                    f"{rejected} of {records} records are unreadable, more than ingest.max_bad_row_ratio = "
                    f"{limits.max_bad_row_ratio:g}; the first: {where}: {first['reason']}",
                    *told,
                )
            ),
        )
    if any(each.halts for each in found):
        raise InputRefusedError(name, SYSTEMATIC, "; ".join(told))
    return (*answer.warnings, *told)


def with_provenance(rows: pa.Table, table: type[Table], digest: str, name: str, reading: Reading) -> pa.Table:
    """Read rows with all columns of their bronze table: content, file, arrival and run."""
    count = rows.num_rows
    added = {
        "content_hash": pa.repeat(digest, count),
        "source_file": pa.repeat(name, count),
        "received_at_utc": pa.repeat(pa.scalar(reading.received_at_utc, pa.timestamp("us", tz="UTC")), count),
        "run_id": pa.repeat(reading.run_id, count),
    }
    columns = {column: rows.column(column) for column in rows.column_names} | added
    return pa.table({column: columns[column] for column in table.columns()})


def written_rows(rows: pa.Table, table: type[Table], reading: Reading) -> dict[str, Any]:
    """Writes rows of one file and returns what its report says of that: files, or that our own storage does
    not take them, whatever the file is.
    """
    root = f"{reading.tables_location}/{table.name}"
    try:
        files = write_files(rows, table, root)
    except (OSError, pa.ArrowException) as error:
        failure = storage_error(error, Path(reading.tables_location)) or StorageError(
            f"{root} could not be written: {error}.",
            "Mend what the message names, then run the same command again: nothing of the file is known.",
        )
        return {"status_code": UNWRITTEN, "told": [failure.message, failure.hint]}
    return {"status_code": FileStatus.ACCEPTED.value, "files": [file.to_json() for file in files]}
