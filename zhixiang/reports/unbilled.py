"""Who has no bill of a month that could be issued, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipelines.errors import UsageError
from pipelines.periods import BillingMonth
from pipelines.storage.store import Store
from pipelines.tables.base import rows_of_table
from pipelines.tables.silver import SilverCustomers
from pipelines.transforms.ground.in_force import FIRST_DAY, LAST_DAY, holds_in
from products.efficiency_bill.rows import EfficiencyBillUnbilledV1Row
from products.efficiency_bill.tables import EfficiencyBillUnbilledV1, EfficiencyBillV1, UnbilledReason
from products.page_kit.words import Said

REASON_WORDS: Mapping[UnbilledReason, Said] = {
    UnbilledReason.LEFT_OUT: Said("按设置不出账", "left out by a setting"),
    UnbilledReason.NO_TERMS: Said("本月没有供电条件", "no terms in the month"),
    UnbilledReason.NO_METER_POINT: Said("没有计量点", "no meter point"),
    UnbilledReason.NO_READINGS: Said("没有抄表数据", "no readings"),
    UnbilledReason.CONTRACT_INCOMPLETE: Said("供电条件不全", "terms incomplete"),
    UnbilledReason.INPUT_MISSING: Said("缺少计价输入", "an input is missing"),
    UnbilledReason.CONTRACT_REFUSED: Said("合同不符合计价规则", "contract does not fit the rules"),
    UnbilledReason.PRICE_NOT_PUBLISHED: Said("没有公布电价", "no published price"),
    UnbilledReason.ILLUSTRATIVE_PRICE: Said("示意电价，不得发出", "illustrative price, may not leave"),
}


def unbilled_of(store: Store, month: str) -> list[EfficiencyBillUnbilledV1Row]:
    """Rows of efficiency_bill_unbilled_v1 of a month, by reason and customer.

    Raises UsageError for another text than a month, or one that no bill was ever made for.
    """
    asked = str(BillingMonth.parse(month))
    rows = rows_of_table(
        store.arrow(EfficiencyBillUnbilledV1, filters=[("billing_month", "=", asked)]),
        EfficiencyBillUnbilledV1Row,
    )
    bills = store.arrow(EfficiencyBillV1, ["billing_month"], filters=[("billing_month", "=", asked)])
    if not rows and not bills.num_rows:
        raise UsageError(
            f"No bills of {asked} were made yet.", f"Make them first: zhixiang run --month {asked}"
        )
    order = list(UnbilledReason)
    return sorted(rows, key=lambda row: (order.index(UnbilledReason(row["reason_code"])), row["customer_id"]))


def came_since(store: Store, month: str, told: Sequence[EfficiencyBillUnbilledV1Row]) -> list[str]:
    """Customers with terms in a month who have neither a bill of it nor a reason: as a rule they, or their
    terms, came after the last run of the month.

    told  As ``unbilled_of`` gives it.
    """
    asked = BillingMonth.parse(month)
    of_month = [("billing_month", "=", str(asked))]
    billed = store.arrow(EfficiencyBillV1, ["customer_id"], filters=of_month).column(0).to_pylist()
    terms = store.arrow(SilverCustomers, ["customer_id", FIRST_DAY, LAST_DAY]).to_pylist()
    known = {row["customer_id"] for row in terms if holds_in(row, asked.first_day, asked.last_day)}
    return sorted(known.difference(billed, (row["customer_id"] for row in told)))


def counted_reasons(rows: list[EfficiencyBillUnbilledV1Row]) -> dict[str, int]:
    """Customers of each reason, in the order of the list."""
    found: dict[str, int] = {}
    for row in rows:
        found[row["reason_code"]] = found.get(row["reason_code"], 0) + 1
    return found
