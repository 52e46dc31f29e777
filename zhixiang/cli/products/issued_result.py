"""What ``zhixiang code show`` and ``zhixiang score show`` share: one issued result, and its columns on
screen.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zhixiang.cli.screen import show_json, show_record

if TYPE_CHECKING:
    from pipelines.tables.base import Table

HIDDEN = frozenset(("content_digest", "computed_run_id", "revision", "supersedes_revision"))
"""Columns that tell a reader of the terminal nothing."""


def issued_result(
    result: type[Table],
    evidence: Sequence[type[Table]],
    subject: str,
    month: str,
    revision: int | None,
    *,
    json: bool,
    beside: str | None = None,
) -> dict[str, Any] | None:
    """One issued result of the home with its evidence; None where ``json`` asked for it as JSON and it is
    shown.

    subject  Customer or tenant; month: as typed.
    beside   A tenant's supplier, where it has several.
    Raises UnknownNameError where there is none, UsageError for a month that is none.
    """
    from pipelines.periods import BillingMonth
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from zhixiang.reports.issued import issued

    found = issued(
        Store(load_settings()),
        result,
        evidence,
        subject,
        str(BillingMonth.parse(month)),
        revision=revision,
        beside=beside,
    )
    if json:
        show_json(found)
        return None
    return found


def show_columns(row: Mapping[str, Any], hidden: Collection[str], title: str = "") -> None:
    """The columns of a row that hold something, one a line.

    hidden  Columns that are left out.
    """
    show_record(
        {name: value for name, value in row.items() if name not in hidden and value is not None}, title
    )
