"""The account of each received file: every record is kept, duplicate, superseded or quarantined."""

from __future__ import annotations

from typing import Literal, TypedDict

from pipelines.codes import FileStatus
from pipelines.storage.store import Store
from pipelines.tables.base import rows_of_table
from pipelines.tables.bronze import BronzeFiles
from pipelines.tables.rows.bronze import BronzeFilesRow
from pipelines.tables.rows.silver import SilverFileAccountsRow
from pipelines.tables.silver import SilverFileAccounts

Part = Literal["kept", "duplicate", "superseded", "quarantined"]
"""What becomes of a received record."""


class FileAccount(TypedDict):
    """The account of one arrival of a file, in records."""

    file: str
    status: str
    received: int
    kept: int
    duplicate: int
    superseded: int
    quarantined: int
    adds_up: bool
    reason: str
    content_hash: str


def file_accounts(store: Store) -> list[FileAccount]:
    """One row per arrival of a file; ``adds_up`` says whether the records do.

    A record is quarantined either when it cannot be read (counted by the file ledger) or when silver cannot
    use it. A file that
    was halted for too many unreadable records is in quarantine whole: it is kept in the inbox and none of its
    records went on.
    """
    settled: dict[tuple[str, str | None], SilverFileAccountsRow] = {
        (row["content_hash"], row["table_name"]): row
        for row in rows_of_table(store.arrow(SilverFileAccounts), SilverFileAccountsRow)
    }
    found: list[FileAccount] = []
    for entry in sorted(
        rows_of_table(store.arrow(BronzeFiles), BronzeFilesRow),
        key=lambda row: (row["source_file"], row["content_hash"]),
    ):
        is_accepted = entry["status_code"] == FileStatus.ACCEPTED.value
        account = settled.get((entry["content_hash"], entry["table_name"])) if is_accepted else None
        kept = account["kept_rows"] if account else 0
        duplicate = account["duplicate_rows"] if account else 0
        superseded = account["superseded_rows"] if account else 0
        quarantined = account["quarantined_rows"] if account else 0
        quarantined += entry["quarantined_rows"] if is_accepted else entry["received_rows"]
        found.append(
            {
                "file": entry["source_file"],
                "status": entry["status_code"],
                "received": entry["received_rows"],
                "kept": kept,
                "duplicate": duplicate,
                "superseded": superseded,
                "quarantined": quarantined,
                "adds_up": kept + duplicate + superseded + quarantined == entry["received_rows"],
                "reason": entry["reason"] or "",
                "content_hash": entry["content_hash"],
            }
        )
    return found
