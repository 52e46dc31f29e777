"""Correction sheets (退补单) of issued bills: what a revision charges more or less than the one that it
corrects.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pipelines.errors import UnknownNameError, UsageError
from pipelines.periods import BillingMonth
from pipelines.storage.store import Store
from pipelines.tables.base import rows_of_table
from products.efficiency_bill.rows import EfficiencyBillCorrectionsV1Row, EfficiencyBillV1Row
from products.efficiency_bill.tables import CorrectionCause, EfficiencyBillCorrectionsV1, EfficiencyBillV1


@dataclass(frozen=True)
class Sheet:
    """One sheet.

    result     Row of efficiency_bill_v1 of the revision that corrects; corrected: of the revision that it
               corrects, which stays.
    rows       Rows of efficiency_bill_corrections_v1 in order; never none.
    """

    result: EfficiencyBillV1Row
    corrected: EfficiencyBillV1Row
    rows: tuple[EfficiencyBillCorrectionsV1Row, ...]

    @property
    def total_cny(self) -> Decimal:
        """To be collected where above 0, to be refunded where below. [CNY]"""
        return sum((row["difference_cny"] for row in self.rows), Decimal("0.00"))

    @property
    def is_by_prices(self) -> bool:
        """Whether prices alone brought it."""
        return bool(self.rows[0]["cause_code"] == CorrectionCause.PRICES.value)

    def to_json(self) -> dict[str, object]:
        """For --json: what to settle, then the revision that is corrected, then line by line."""
        bill = self.result
        return {
            "customer_id": bill["customer_id"],
            "billing_month": bill["billing_month"],
            "revision": bill["revision"],
            "corrected_revision": self.corrected["revision"],
            "cause_code": self.rows[0]["cause_code"],
            "issued_total_cny": self.corrected["total_cny"],
            "now_total_cny": bill["total_cny"],
            "difference_cny": self.total_cny,
            "corrections": list(self.rows),
        }


def sheets_of_month(store: Store, month: str, customer_id: str | None = None) -> list[Sheet]:
    """All sheets of a month, or of one customer in it, by customer and revision."""
    filters = [("billing_month", "=", month)] + ([("customer_id", "=", customer_id)] if customer_id else [])
    grouped: dict[tuple[str, int], list[EfficiencyBillCorrectionsV1Row]] = {}
    corrections = store.arrow(EfficiencyBillCorrectionsV1, filters=filters)
    for row in rows_of_table(corrections, EfficiencyBillCorrectionsV1Row):
        grouped.setdefault((row["customer_id"], row["revision"]), []).append(row)
    if not grouped:
        return []
    customers = sorted({customer for customer, _ in grouped})
    bills = store.arrow(
        EfficiencyBillV1, filters=[("billing_month", "=", month), ("customer_id", "in", customers)]
    )
    by_revision = {
        (bill["customer_id"], bill["revision"]): bill for bill in rows_of_table(bills, EfficiencyBillV1Row)
    }
    return [
        Sheet(
            by_revision[name],
            by_revision[name[0], rows[0]["corrected_revision"]],
            tuple(sorted(rows, key=lambda row: int(row["correction_number"]))),
        )
        for name, rows in sorted(grouped.items())
        if name in by_revision  # rows without a result were left by a run that was killed
    ]


def sheet_of(store: Store, customer_id: str, month: str, revision: int | None) -> Sheet:
    """One sheet, by default the newest; raises UsageError where the bill has none, UnknownNameError where
    that revision has none.
    """
    month = str(BillingMonth.parse(month))
    sheets = {sheet.result["revision"]: sheet for sheet in sheets_of_month(store, month, customer_id)}
    if not sheets:
        raise UsageError(
            f"{customer_id}/{month} has no correction sheet.",
            f"See the bill: zhixiang bill show {customer_id} --month {month}",
        )
    chosen = revision if revision is not None else max(sheets)
    if chosen not in sheets:
        raise UnknownNameError(
            f"correction sheet of {customer_id}/{month}",
            f"revision {chosen}",
            [f"revision {number}" for number in sheets],
            is_public=True,
        )
    return sheets[chosen]
