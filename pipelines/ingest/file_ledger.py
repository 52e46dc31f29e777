"""What the file ledger (bronze_files) knows of the inbox."""

from __future__ import annotations

from pathlib import Path

from pipelines.codes import FileStatus
from pipelines.ingest.inbox import Arrival, State, arrivals, paths_below
from pipelines.storage.store import Store
from pipelines.tables.bronze import BronzeFiles


def known_hashes(store: Store) -> dict[str, str]:
    """Content hash of each accepted file -> the name it first came under."""
    rows = store.arrow(BronzeFiles, ["content_hash", "source_file", "status_code"])
    return {
        digest: name
        for digest, name, status in zip(*(rows.column(index).to_pylist() for index in range(3)), strict=True)
        if status == FileStatus.ACCEPTED.value
    }


def handled_states(store: Store) -> set[State]:
    """Every state of a file that the ledger knows."""
    rows = store.arrow(BronzeFiles, ["source_file", "size_bytes", "modified_at_utc"])
    return set(zip(*(rows.column(index).to_pylist() for index in range(3)), strict=True))


def refused_states(store: Store) -> dict[State, str]:
    """State of each file that was refused -> why."""
    columns = ["source_file", "size_bytes", "modified_at_utc", "reason"]
    rows = store.arrow(BronzeFiles, columns, filters=[("status_code", "=", FileStatus.REFUSED.value)])
    told = (rows.column(name).to_pylist() for name in columns)
    return {(name, size, moment): reason or "" for name, size, moment, reason in zip(*told, strict=True)}


def news(store: Store, inbox: Path) -> list[Arrival]:
    """Files of the inbox in a state that the ledger does not know; a run without one starts no stream, and no
    Java for it.
    """
    root = inbox.absolute()
    return arrivals(paths_below(root), root, handled_states(store))
