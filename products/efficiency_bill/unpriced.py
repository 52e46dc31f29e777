"""Which bills charge nothing or may not be issued, and why: rows of efficiency_bill_unbilled_v1."""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote

from pipelines.periods import BillingMonth
from pipelines.tariff import is_issuable
from products.efficiency_bill.billed import unbilled_row
from products.efficiency_bill.issue import CONTRACT_REFUSED, PRICE_NOT_PUBLISHED
from products.efficiency_bill.rows import EfficiencyBillUnbilledV1Row, EfficiencyBillV1Computed
from products.efficiency_bill.tables import UnbilledReason
from products.provenance import is_demo_material

# What a bill may lack and be priced all the same.
_OF_COMPARISONS = frozenset(("price", "advice", "baseline", "baseline_model", "weather"))
_REASONS: Mapping[str, UnbilledReason] = {
    CONTRACT_REFUSED: UnbilledReason.CONTRACT_REFUSED,
    PRICE_NOT_PUBLISHED: UnbilledReason.PRICE_NOT_PUBLISHED,
    "contract": UnbilledReason.CONTRACT_INCOMPLETE,
}


def unpriced_row(bill: EfficiencyBillV1Computed) -> EfficiencyBillUnbilledV1Row | None:
    """Why nothing can be charged by a bill; None where it can be issued."""
    if bill["total_cny"] is not None:
        if is_issuable(bill["is_illustrative"], is_demo=is_demo_material(bill["provenance"])):
            return None
        return _row(
            bill,
            UnbilledReason.ILLUSTRATIVE_PRICE,
            "本月有单价未公布，用示意电价代替；装入公布电价后重新出账：zhixiang facts load-prices FILE",
            "a price of the month is not published and an illustrative one stands for it; load the published "
            "ones: zhixiang facts load-prices FILE",
        )
    names = [name for name in bill["missing_inputs"] if name not in _OF_COMPARISONS]
    reason = next(
        (reason for name, reason in _REASONS.items() if name in names), UnbilledReason.INPUT_MISSING
    )
    told = ", ".join(names)
    see = f"zhixiang bill show {quote(bill['customer_id'])} --month {bill['billing_month']}"
    return _row(bill, reason, f"账单缺少 {told}；详见 {see}", f"the bill lacks {told}; see {see}")


def _row(
    bill: EfficiencyBillV1Computed, reason: UnbilledReason, zh: str, en: str
) -> EfficiencyBillUnbilledV1Row:
    month = BillingMonth.parse(bill["billing_month"])
    return unbilled_row(bill["customer_id"], bill["customer_name"], month, reason, zh, en)
