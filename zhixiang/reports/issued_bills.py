"""Issued efficiency bills with their evidence, typed by the product's rows."""

from __future__ import annotations

from typing import cast

from pipelines.errors import UnknownNameError
from pipelines.periods import BillingMonth
from pipelines.storage.store import Store
from products.efficiency_bill.bill import IssuedBill
from products.efficiency_bill.product import EFFICIENCY_BILL
from zhixiang.reports.issued import issued, newest_with_evidence, with_corrected


def issued_bill(store: Store, customer_id: str, month: str, revision: int | None = None) -> IssuedBill:
    """The newest revision of a bill, or an earlier one; raises UnknownNameError where there is none,
    UsageError for a month that is none.
    """
    product = EFFICIENCY_BILL
    found = issued(
        store,
        product.result,
        product.evidence,
        customer_id,
        str(BillingMonth.parse(month)),
        revision=revision,
    )
    return cast(IssuedBill, found)


def bill_with_corrected(store: Store, bill: IssuedBill) -> IssuedBill:
    """A bill with ``corrected``, the revision that it corrects; a first issue is left as it is."""
    found = with_corrected(store, EFFICIENCY_BILL.result, EFFICIENCY_BILL.evidence, {**bill})
    return cast(IssuedBill, found)


def bills_of_month(store: Store, month: str) -> list[IssuedBill]:
    """All newest bills of a month; raises UnknownNameError where there is none."""
    evidence = EFFICIENCY_BILL.evidence
    found = newest_with_evidence(store, EFFICIENCY_BILL.result, evidence, str(BillingMonth.parse(month)))
    if not found["results"]:
        raise UnknownNameError("month with bills", month, [], "`zhixiang status` says what was issued.")
    bills = [
        {"result": row} | {table.name: found[table.name].get(row["customer_id"], []) for table in evidence}
        for row in found["results"]
    ]
    return cast(list[IssuedBill], bills)
