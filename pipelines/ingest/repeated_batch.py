"""A batch that was killed between its tables and the ledger, and is repeated: it holds what it held then.

Its transaction is taken already, so a file that could not be read then and can be now would lose its rows in
it and still be booked as read. Such a file is left to the listing, which reads it under a number of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pipelines.storage.data_files import WrittenFile, discard_files
from pipelines.storage.store import Store
from pipelines.tables.base import Table, table_named
from pipelines.tables.bronze import BronzeFiles
from pipelines.tables.silver import SilverQuarantine


def in_batch_then(
    store: Store, reports: Sequence[dict[str, Any]], application: str, batch_id: int, location: str
) -> list[dict[str, Any]]:
    """The reports of a batch, without those of files that were not in it when it was first begun; what these
    wrote is discarded.

    location  Of the tables.
    """
    received = {report["table_name"] for report in reports if report["table_name"]}
    tables = [*map(table_named, sorted(received)), SilverQuarantine]
    if not any(is_committed(store, table, application, batch_id) for table in (*tables, BronzeFiles)):
        return list(reports)
    wanted = {report["content_hash"] for report in reports}
    there = set().union(*(_contents(store, table, wanted) for table in tables))
    for report in reports:
        if report["content_hash"] not in there:
            files = [WrittenFile.from_json(text) for text in report["files"]]
            discard_files(f"{location}/{report['table_name']}", files)
    return [report for report in reports if report["content_hash"] in there]


def is_committed(store: Store, table: type[Table], application: str, batch_id: int) -> bool:
    """Whether a table has the commit of a batch."""
    standing = store.delta(table)
    done = None if standing is None else standing.transaction_version(application)
    return done is not None and done >= batch_id


def _contents(store: Store, table: type[Table], wanted: Iterable[str]) -> set[str]:
    rows = store.arrow(table, ["content_hash"], filters=[("content_hash", "in", sorted(wanted))])
    return set(rows.column(0).unique().to_pylist())
