"""The account of each received file: every record is kept, duplicate, superseded or quarantined."""

from __future__ import annotations

from typing import Any

from pipelines.codes import FileStatus
from pipelines.storage.store import Store
from pipelines.tables.bronze import BronzeFiles
from pipelines.tables.silver import SilverFileAccounts


def file_accounts(store: Store) -> list[dict[str, Any]]:
    """One row per arrival of a file; ``adds_up`` says whether the records do.

    A record is quarantined either when it cannot be read (counted by the file ledger) or when silver cannot
    use it. A file that
    was halted for too many unreadable records is in quarantine whole: it is kept in the inbox and none of its
    records went on.
    """
    settled: dict[tuple[str, str], dict[str, Any]] = {
        (row["content_hash"], row["table_name"]): row for row in store.arrow(SilverFileAccounts).to_pylist()
    }
    found = []
    for entry in sorted(
        store.arrow(BronzeFiles).to_pylist(), key=lambda row: (row["source_file"], row["content_hash"])
    ):
        is_accepted = entry["status_code"] == FileStatus.ACCEPTED.value
        account = settled.get((entry["content_hash"], entry["table_name"])) if is_accepted else None
        parts = {
            name: int(account[f"{name}_rows"]) if account else 0
            for name in ("kept", "duplicate", "superseded", "quarantined")
        }
        parts["quarantined"] += entry["quarantined_rows"] if is_accepted else entry["received_rows"]
        found.append(
            {
                "file": entry["source_file"],
                "status": entry["status_code"],
                "received": entry["received_rows"],
                **parts,
                "adds_up": sum(parts.values()) == entry["received_rows"],
                "reason": entry["reason"] or "",
                "content_hash": entry["content_hash"],
            }
        )
    return found
