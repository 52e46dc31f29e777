"""Accounts of received files and their quarantine where only some meter points were settled anew: what these
had is taken off, what they have is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, get_args

import pyarrow.dataset as ds

from pipelines.storage.scan import read_columns
from pipelines.tables.base import Row, Table, rows_of_table
from pipelines.tables.rows.silver import SilverFileAccountsRow, SilverQuarantineRow
from pipelines.tables.silver import SilverQuarantine

Accounts = Sequence[SilverFileAccountsRow]
Held = Sequence[SilverQuarantineRow]

Count = Literal["received_rows", "kept_rows", "duplicate_rows", "superseded_rows", "quarantined_rows"]
COUNTS: tuple[Count, ...] = get_args(Count)
"""The columns of silver_file_accounts that add up."""
_HELD = SilverQuarantine.business_columns()


def stage_rows(paths: Sequence[str], table: type[Table], kind: type[Row], stage: str) -> list[Row]:
    """Rows of a shared table that one step wrote; ``kind`` is the generated type of its rows."""
    return rows_of_table(read_columns(paths, table, table.columns(), ds.field("stage") == stage), kind)


def summed_accounts(rows: Iterable[SilverFileAccountsRow]) -> list[SilverFileAccountsRow]:
    """One row per file: its records may lie in several buckets."""
    summed: dict[tuple[str, str, str], SilverFileAccountsRow] = {}
    for row in rows:
        key = _file_of(row)
        if key not in summed:
            summed[key] = row.copy()
        else:
            for name in COUNTS:
                summed[key][name] += row[name]
    return [summed[key] for key in sorted(summed)]


def corrected_accounts(
    stood: Accounts, then: Accounts, now: Accounts, run_id: str
) -> list[SilverFileAccountsRow] | None:
    """Accounts of all meter points; None where the newest run's do not hold what the affected ones had in
    them.

    stood  Rows of the newest run, with its id.
    then   What the affected meter points had in them.
    now    What they have now.

    A file whose account does not change keeps the run that counted it.
    """
    kept = {_file_of(row): row for row in stood}
    less = [_with_counts(row, {name: -row[name] for name in COUNTS}) for row in then]
    if not {_file_of(row) for row in then} <= set(kept):
        return None
    for difference in summed_accounts([*less, *now]):
        key = _file_of(difference)
        before = kept.get(key)
        after = {name: (before[name] if before else 0) + difference[name] for name in COUNTS}
        if any(count < 0 for count in after.values()):
            return None
        if key not in kept or any(difference[name] for name in COUNTS):
            kept[key] = _with_counts(difference, after)
            kept[key]["computed_run_id"] = run_id
    return [kept[key] for key in sorted(kept) if kept[key]["received_rows"]]


def corrected_quarantine(stood: Held, then: Held, now: Held, run_id: str) -> list[SilverQuarantineRow] | None:
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
        kept[key] = old if old is not None and _is_held_alike(old, row) else {**row, "run_id": run_id}
    return [kept[key] for key in sorted(kept)]


def _with_counts(row: SilverFileAccountsRow, counts: Mapping[Count, int]) -> SilverFileAccountsRow:
    found = row.copy()
    for name, count in counts.items():
        found[name] = count
    return found


def _is_held_alike(old: Mapping[str, object], row: Mapping[str, object]) -> bool:
    return all(old[name] == row[name] for name in _HELD)


def _file_of(row: SilverFileAccountsRow) -> tuple[str, str, str]:
    return row["content_hash"], row["table_name"], row["stage"]


def _record_of(row: SilverQuarantineRow) -> tuple[str, int, str]:
    return row["content_hash"], row["line_number"], row["table_name"]
