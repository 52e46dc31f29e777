"""What becomes of a worker's report on one file: rows of the quarantine and of the file ledger, and one
event.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog

from pipelines.codes import FileStatus
from pipelines.ingest.inbox import modified_at
from pipelines.tables.rows.bronze import BronzeFilesRow
from pipelines.tables.rows.silver import SilverQuarantineRow

_EVENTS = structlog.get_logger(__name__)


def reject_rows(report: Mapping[str, Any], run_id: str) -> list[SilverQuarantineRow]:
    """One quarantine row per rejected record, also of a file that was halted for having too many."""
    return [
        {
            "content_hash": report["content_hash"],
            "line_number": reject["line_number"],
            "table_name": report["table_name"],
            "reason_code": reject["reason_code"],
            "column_name": reject["column_name"],
            "reason": reject["reason"],
            "raw_record": reject["raw_record"],
            "stage": "read",
            "source_file": report["source_file"],
            "run_id": run_id,
        }
        for reject in report["rejects"]
    ]


def ledger_row(
    report: Mapping[str, Any], batch_id: int, received_at_utc: datetime, run_id: str
) -> BronzeFilesRow:
    """The file's row of bronze_files."""
    changed = report["modified_at_ns"]
    return {
        "content_hash": report["content_hash"],
        "source_file": report["source_file"],
        "status_code": report["status_code"],
        "format_id": report["format_id"],
        "table_name": report["table_name"],
        "reason": report["reason"],
        "size_bytes": report["size_bytes"],
        "received_rows": report["received_rows"],
        "modified_at_utc": None if changed is None else modified_at(changed),
        "quarantined_rows": len(report["rejects"]),
        "batch_id": batch_id,
        "received_at_utc": received_at_utc,
        "run_id": run_id,
    }


def tell_of_file(report: Mapping[str, Any], run_id: str) -> None:
    """One event of a file that is in the ledger now, or that could not be read."""
    taken = report["status_code"] in (FileStatus.ACCEPTED.value, FileStatus.DUPLICATE_CONTENT.value)
    (_EVENTS.warning if not taken or report.get("warnings") else _EVENTS.info)(
        "received file",
        run_id=run_id,
        step="ingest",
        file=report["source_file"],
        status=report["status_code"],
        seconds=report.get("seconds"),
        rows=report["received_rows"],
        rejected_rows=len(report["rejects"]),
        table=report["table_name"],
        reason=report["reason"],
    )
