"""What a run leaves behind, in counts: received, billed, held back, unknown, and where the pages are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.codes import RejectReason
from pipelines.ingest.quarantine_replay import held_records
from pipelines.storage.store import Store
from pipelines.tables.base import Table, rows_of_table
from pipelines.tables.rows.silver import SilverQuarantineRow
from products import every_product
from zhixiang.pasteable import pasteable

if TYPE_CHECKING:
    from pipelines.ingest.read_files import IngestSummary

EXAMPLES = 3
# Customers without a bill that could be issued, with why; told where the table is declared.
UNBILLED = "efficiency_bill_unbilled_v1"


def run_summary(
    store: Store,
    tables: Iterable[type[Table]],
    months: Sequence[str],
    received: IngestSummary | None,
    delivered: Path | None,
) -> dict[str, Any]:
    """The end of a run, for people and for JSON.

    tables     Every declared table; that of the customers without a bill is told where it is among them.
    received   What was read by this run; None where it did not read.
    delivered  Folder of the pages; None where nothing was delivered.
    ``held_back`` and ``unknown`` count all records that are in quarantine now, those of unknown meter points
    under ``unknown``; each with the first examples and the command that shows them.
    """
    home = store.settings.home
    held = held_records(store)
    unknown = [row for row in held if row["reason_code"] == RejectReason.UNKNOWN_METER_POINT.value]
    others = [row for row in held if row["reason_code"] != RejectReason.UNKNOWN_METER_POINT.value]
    quarantine = pasteable("zhixiang", "quarantine", "list", home=home)
    page = delivered / "index.html" if delivered is not None else None
    return {
        "received": None
        if received is None
        else {
            "files": received.accepted,
            "records": received.received_rows,
            "known_again": received.duplicates,
            "refused": [name for name, _ in (*received.refused, *received.halted)],
            "command": pasteable("zhixiang", "inbox", "list", home=home),
        },
        "issued": {
            product.name: {month: _subjects(store, product.result, month) for month in months}
            for product in every_product.products_as_told()
        },
        "unbilled": _unbilled(store, tables, months),
        "held_back": _held(others, quarantine),
        "unknown_meter_points": _held(
            unknown, f"{quarantine} --reason {RejectReason.UNKNOWN_METER_POINT.value}"
        ),
        "page": str(page) if page is not None and page.is_file() else None,
    }


def _subjects(store: Store, table: type[Table], month: str) -> int:
    """Those who have a result of the month, whatever its revision."""
    subject = table.key()[0]
    rows = store.arrow(table, [subject], filters=[(table.partition_column(), "=", month)])
    return len(set(rows.column(0).to_pylist()))


def _held(rows: Sequence[SilverQuarantineRow], command: str) -> dict[str, Any]:
    reasons = Counter(row["reason_code"] for row in rows)
    return {
        "records": len(rows),
        "reasons": dict(reasons.most_common()),
        "examples": [
            f"{row['source_file'] or row['content_hash'][:12]}:{row['line_number']}: {row['reason']}"
            for row in rows[:EXAMPLES]
        ],
        "command": command,
    }


def halted_summary(
    store: Store, tables: Iterable[type[Table]], months: Sequence[str], run_id: str
) -> dict[str, Any] | None:
    """Customers for whom a run that was halted told why they have no bill, as in ``run_summary``; None where
    it told of nobody.
    """
    found = _unbilled(store, tables, months, run_id)
    return found if found is not None and found["customers"] else None


def _unbilled(
    store: Store, tables: Iterable[type[Table]], months: Sequence[str], run_id: str | None = None
) -> dict[str, Any] | None:
    """Customers without a bill by reason; None where no table tells of them.

    run_id  Only what this run told; none: whatever is told of the months.
    """
    table = next((known for known in tables if known.name == UNBILLED), None)
    if table is None:
        return None
    columns = ["customer_id", "billing_month", "reason_code", *(["computed_run_id"] if run_id else [])]
    found: list[dict[str, str]] = [
        row
        for row in rows_of_table(store.arrow(table, columns), dict[str, str])
        if row["billing_month"] in months and (run_id is None or row["computed_run_id"] == run_id)
    ]
    told_of = sorted({row["billing_month"] for row in found})
    customers = sorted({(row["customer_id"], row["reason_code"]) for row in found})
    return {
        "customers": len({name for name, _ in customers}),
        "reasons": dict(Counter(reason for _, reason in customers).most_common()),
        "examples": [f"{name}: {reason}" for name, reason in customers[:EXAMPLES]],
        "command": pasteable(
            "zhixiang",
            "bill",
            "unbilled",
            "--month",
            told_of[-1] if told_of else months[-1],
            home=store.settings.home,
        ),
    }
