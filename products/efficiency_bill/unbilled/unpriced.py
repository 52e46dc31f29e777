"""Which bills charge nothing or may not be issued, and why: rows of efficiency_bill_unbilled_v1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from shlex import quote
from typing import Any

from pipelines.errors import FactNotInForceError
from pipelines.periods import BillingMonth
from pipelines.tariff import is_issuable
from products.efficiency_bill.case.case import Case
from products.efficiency_bill.issue import CONTRACT_REFUSED, PRICE_NOT_PUBLISHED
from products.efficiency_bill.pricing import can_be_priced
from products.efficiency_bill.rows import EfficiencyBillUnbilledV1Row, EfficiencyBillV1Computed
from products.efficiency_bill.tables import UnbilledReason
from products.efficiency_bill.unbilled.billed import unbilled_row
from products.efficiency_bill.unbilled.price_lacks import price_lacks_in_words
from products.page_kit.words import Said
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
    told = _in_words(names, bill["customer_id"], bill["billing_month"])
    return _row(bill, _reason(names), told.zh, told.en)


@dataclass(frozen=True)
class MissingFact:
    """A fact that is not in force, as a FactNotInForceError tells it; fit for the way between driver and
    workers.
    """

    fact_id: str
    on: date
    covers: str
    path: str
    line: int | None

    @classmethod
    def of(cls, error: FactNotInForceError) -> MissingFact:
        """What an error tells."""
        return cls(error.fact_id, error.on, error.covers, error.path, error.line)

    def error(self) -> FactNotInForceError:
        """The error that tells it."""
        return FactNotInForceError(self.fact_id, self.on, self.covers, self.path, self.line)

    def as_told(self) -> dict[str, Any]:
        """The same, fit for JSON."""
        return vars(self) | {"on": self.on.isoformat()}

    @classmethod
    def from_told(cls, told: Mapping[str, Any]) -> MissingFact:
        """The inverse of as_told."""
        return cls(**{**told, "on": date.fromisoformat(told["on"])})


def halted_rows(
    cases: Sequence[Case], issued: Mapping[str, bool], month: BillingMonth, missing: MissingFact
) -> Iterator[EfficiencyBillUnbilledV1Row]:
    """Why there is no bill of a month that a missing fact halts; nothing of customers whose bill of the month
    was issued before and stands.

    issued  Customers whose newest bill of the month has a total -> whether that is illustrative.
    """
    again = f"zhixiang run --month {month}"
    for case in cases:
        name = case.terms["customer_id"]
        is_demo = is_demo_material(case.terms["provenance"])
        if name in issued and is_issuable(issued[name], is_demo=is_demo):
            continue
        names = [lack for lack in case.lacks if lack not in _OF_COMPARISONS]
        if can_be_priced(case.supply):
            reason = UnbilledReason.PRICE_NOT_PUBLISHED
            zh = (
                f"{missing.on} 没有有效的 {missing.fact_id}，已有的是 {missing.covers}；"
                f"本月一张账单也没有出。补上公布值后重新运行：{again}"
            )
            said = missing.error().message
            en = f"{said} No bill of the month was issued. Add the published one, then: {again}"
        else:
            reason = _reason(names)
            told = _in_words(names, name, str(month))
            zh, en = told.zh, told.en
        yield unbilled_row(name, case.terms["customer_name"], month, reason, zh, en)


def _reason(names: Sequence[str]) -> UnbilledReason:
    return next((reason for name, reason in _REASONS.items() if name in names), UnbilledReason.INPUT_MISSING)


def _in_words(names: Sequence[str], customer: str, month: str) -> Said:
    told = price_lacks_in_words(names, quote(customer), month)
    lacks = ", ".join(names)
    return told if told.zh else Said(f"账单缺少 {lacks}", f"the bill lacks {lacks}")


def _row(
    bill: EfficiencyBillV1Computed, reason: UnbilledReason, zh: str, en: str
) -> EfficiencyBillUnbilledV1Row:
    month = BillingMonth.parse(bill["billing_month"])
    return unbilled_row(bill["customer_id"], bill["customer_name"], month, reason, zh, en)
