"""Accounts of received files and their quarantine where only some meter points were settled anew: what these
had is taken off, what they have is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow.dataset as ds

from pipelines.storage.scan import read_columns
from pipelines.storage.unchanged_rows import RUN
from pipelines.tables.base import Table
from pipelines.tables.silver import SilverFileAccounts, SilverQuarantine

Rows = Sequence[dict[str, Any]]

_COUNTS = tuple(name for name in SilverFileAccounts.columns() if name.endswith("_rows"))
_HELD = tuple(name for name in SilverQuarantine.business_columns())


def stage_rows(paths: Sequence[str], table: type[Table], stage: str) -> list[dict[str, Any]]:
    """Rows of a shared table that one step wrote."""
    rows: list[dict[str, Any]] = read_columns(
        paths, table, table.columns(), ds.field("stage") == stage
    ).to_pylist()
    return rows


def summed_accounts(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per file: its records may lie in several buckets."""
    summed: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows:
        key = _file_of(row)
        if key not in summed:
            summed[key] = dict(row)
        else:
            for name in _COUNTS:
                summed[key][name] += row[name]
    return [summed[key] for key in sorted(summed)]


def corrected_accounts(stood: Rows, then: Rows, now: Rows, run_id: str) -> list[dict[str, Any]] | None:
    """Accounts of all meter points; None where the newest run's do not hold what the affected ones had in
    them.

    stood  Rows of the newest run, with its id.
    then   What the affected meter points had in them.
    now    What they have now.

    A file whose account does not change keeps the run that counted it.
    """
    kept = {_file_of(row): row for row in stood}
    less = [row | {name: -row[name] for name in _COUNTS} for row in then]
    if not {_file_of(row) for row in then} <= set(kept):
        return None
    for difference in summed_accounts([*less, *now]):
        key = _file_of(difference)
        before = kept.get(key, dict.fromkeys(_COUNTS, 0))
        after = {name: before[name] + difference[name] for name in _COUNTS}
        if any(count < 0 for count in after.values()):
            return None
        if key not in kept or any(difference[name] for name in _COUNTS):
            kept[key] = difference | after | {RUN: run_id}
    return [kept[key] for key in sorted(kept) if kept[key]["received_rows"]]


def corrected_quarantine(stood: Rows, then: Rows, now: Rows, run_id: str) -> list[dict[str, Any]] | None:
    """Quarantine of all meter points, as ``corrected_accounts``; a record held back as before keeps the run
    that held it back.
    """
    kept = {_record_of(row): row for row in stood}
    if not {_record_of(row) for row in then} <= set(kept):
        return None
    before = {_record_of(row): kept.pop(_record_of(row)) for row in then}
    for row in now:
        key = _record_of(row)
        old = before.get(key)
        kept[key] = (
            old
            if old is not None and all(old[name] == row[name] for name in _HELD)
            else row | {"run_id": run_id}
        )
    return [kept[key] for key in sorted(kept)]


def _file_of(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["content_hash"], row["table_name"], row["stage"]


def _record_of(row: dict[str, Any]) -> tuple[str, int, str]:
    return row["content_hash"], row["line_number"], row["table_name"]
