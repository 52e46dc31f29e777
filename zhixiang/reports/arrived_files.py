"""The files that lie in the inbox, and what the file ledger says of each in its present state."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from pipelines.ingest.inbox import arrivals
from pipelines.storage.store import Store
from pipelines.tables.base import rows_of_table
from pipelines.tables.bronze import BronzeFiles
from pipelines.tables.rows.bronze import BronzeFilesRow

WAITING = "waiting"


class ArrivedFile(TypedDict):
    """One file of the inbox; ``state`` is waiting, or what the file ledger says of it.

    held_back  Records that could not be read.
    """

    file: str
    state: str
    size_bytes: int
    format: str | None
    table: str | None
    records: int | None
    held_back: int | None
    reason: str


def arrived_files(store: Store, inbox: Path) -> list[ArrivedFile]:
    """Every received file below the inbox, by name; none where the inbox does not exist yet."""
    ledger = {
        (row["source_file"], row["size_bytes"], row["modified_at_utc"]): row
        for row in rows_of_table(store.arrow(BronzeFiles), BronzeFilesRow)
    }
    found: list[ArrivedFile] = []
    root = inbox.absolute()
    for arrival in arrivals(root.rglob("*") if root.is_dir() else (), root, ()):
        row = ledger.get(arrival.state)
        found.append(
            {
                "file": arrival.name,
                "state": WAITING if row is None else row["status_code"],
                "size_bytes": arrival.size_bytes,
                "format": None if row is None else row["format_id"],
                "table": None if row is None else row["table_name"],
                "records": None if row is None else row["received_rows"],
                "held_back": None if row is None else row["quarantined_rows"],
                "reason": "" if row is None else row["reason"] or "",
            }
        )
    return found
