"""How a table stands: whole, not there yet, lost or damaged. It is told, not raised, so that one table takes
no report with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import DamagedPartError
from pipelines.storage.damage import damaged_table, meaning_of, remedy_of
from pipelines.storage.scan import missing_of, resized_of
from pipelines.tables.base import Table

if TYPE_CHECKING:
    from pipelines.storage.store import Store


@dataclass(frozen=True)
class TableState:
    """One table.

    version  Newest Delta version; none where it does not stand or cannot be read. rows likewise.
    fault    What is wrong with it; empty where nothing is.
    meaning  What that means; remedy: what to do, with the command where there is one.
    """

    table: str
    layer: str
    version: int | None
    rows: int | None
    fault: str = ""
    meaning: str = ""
    remedy: str = ""


def state_of(
    store: Store, table: type[Table], known: int | None = None, *, files: bool = False
) -> TableState:
    """The state of one table.

    known  Newest version that the run ledger knows; a table that stands at an earlier one has lost commits.
    files  Whether to look for each of its data files too.
    """
    try:
        version = store.version(table)
        rows = None if version is None else store.row_count(table)
    except DamagedPartError as error:
        return TableState(
            table.name, table.layer.value, None, None, error.message, meaning_of(table), error.hint
        )
    fault = ""
    if version is None and known is not None:
        fault = "is lost"
    elif version is not None and known is not None and version < known:
        fault = f"stands at version {version}, the run ledger knows {known}: commits are lost"
    elif files and version is not None:
        fault = file_fault(store, table)
    if not fault:
        return TableState(table.name, table.layer.value, version, rows)
    return TableState(
        table.name,
        table.layer.value,
        version,
        rows,
        f"The table {table.name} {fault}. {meaning_of(table)}",
        meaning_of(table),
        remedy_of(table),
    )


def file_fault(store: Store, table: type[Table]) -> str:
    """What is wrong with the data files of a table whose log reads; empty where nothing is."""
    paths = store.data_paths(table)
    gone = missing_of(paths)
    if gone:
        return f"lacks {len(gone)} of its {len(paths)} data files, the first {gone[0].rpartition('/')[2]}"
    if cut := resized_of(store.data_sizes(table)):
        return (
            f"has {len(cut)} data files of another size than written, the first {cut[0].rpartition('/')[2]}"
        )
    # Spark notes beside a commit how many files the table then has: a commit cut at the end of a line reads
    # well and lacks some.
    checksum = Path(store.path(table), "_delta_log", f"{store.version(table):020}.crc")
    noted = json.loads(checksum.read_text(encoding="utf-8")).get("numFiles") if checksum.is_file() else None
    return "" if noted in (None, len(paths)) else f"lists {len(paths)} data files, {noted} were committed"


def raise_for_files(store: Store, tables: list[type[Table]], cause: Exception) -> None:
    """After a failure: raises DamagedPartError for the first of the tables whose log or files are not whole;
    returns where all are.
    """
    for table in tables:
        if store.delta(table) is not None and (fault := file_fault(store, table)):
            raise damaged_table(table, fault) from cause
