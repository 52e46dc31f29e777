"""What a run leaves behind, in counts: received, billed, held back, unknown, and where the pages are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.codes import RejectReason
from pipelines.ingest.quarantine_replay import held_records
from pipelines.storage.store import Store
from pipelines.tables.base import rows_of_table
from pipelines.tables.rows.silver import SilverQuarantineRow
from products import every_product
from products.efficiency_bill.declaration import EFFICIENCY_BILL_DECLARED
from products.efficiency_bill.tables import EfficiencyBillUnbilledV1
from products.protocol import Product
from zhixiang.pasteable import pasteable
from zhixiang.reports.refused_names import BILL, KIND_OF_PRODUCT, refused_name

if TYPE_CHECKING:
    from pipelines.ingest.read_files import IngestSummary

EXAMPLES = 3


def run_summary(
    store: Store,
    months: Sequence[str],
    received: IngestSummary | None,
    delivered: Path | None,
    refused: Container[str] = (),
) -> dict[str, Any]:
    """The end of a run, for people and for JSON.

    received   What was read by this run; None where it did not read.
    delivered  Folder of the pages; None where nothing was delivered.
    refused    Names of the results that the delivery refused, as it names them.
    ``issued`` counts neither bills that are told of under ``unbilled`` nor what was refused.
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
            product.name: {month: _issued(store, product, month, refused) for month in months}
            for product in every_product.products_as_told()
        },
        "unbilled": _unbilled(store, months),
        "held_back": _held(others, quarantine),
        "unknown_meter_points": _held(
            unknown, f"{quarantine} --reason {RejectReason.UNKNOWN_METER_POINT.value}"
        ),
        "page": str(page) if page is not None and page.is_file() else None,
    }


def _issued(store: Store, product: Product, month: str, refused: Container[str]) -> int:
    """Those who have a result of the month that could be issued, whatever its revision."""
    table = product.result
    rows = store.arrow(table, [table.key()[0]], filters=[(table.partition_column(), "=", month)])
    subjects = set(rows.column(0).to_pylist())
    if product is EFFICIENCY_BILL_DECLARED:
        told = store.arrow(EfficiencyBillUnbilledV1, ["customer_id"], filters=[("billing_month", "=", month)])
        subjects -= set(told.column(0).to_pylist())
    kind = KIND_OF_PRODUCT.get(product.name, BILL)
    return sum(refused_name(kind, subject, month) not in refused for subject in subjects)


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


def halted_summary(store: Store, months: Sequence[str], run_id: str) -> dict[str, Any] | None:
    """Customers for whom a run that was halted told why they have no bill, as in ``run_summary``; None where
    it told of nobody.
    """
    found = _unbilled(store, months, run_id)
    return found if found["customers"] else None


def _unbilled(store: Store, months: Sequence[str], run_id: str | None = None) -> dict[str, Any]:
    """Customers without a bill by reason.

    run_id  Only what this run told; none: whatever is told of the months.
    """
    columns = ["customer_id", "billing_month", "reason_code", *(["computed_run_id"] if run_id else [])]
    found: list[dict[str, str]] = [
        row
        for row in rows_of_table(store.arrow(EfficiencyBillUnbilledV1, columns), dict[str, str])
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
