"""Who receives a bill: every customer with terms in the month, unless a setting narrows it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipelines.periods import BillingMonth
from pipelines.tables.rows.silver import SilverCustomersRow
from pipelines.transforms.ground.in_force import histories, holds_in
from products.efficiency_bill.rows import EfficiencyBillUnbilledV1Row
from products.efficiency_bill.settings import BilledSettings
from products.efficiency_bill.tables import UnbilledReason
from products.provenance import provenances

_FILE = "efficiency_bill.yaml"


@dataclass(frozen=True)
class BilledCustomers:
    """Who is billed in a month, and who is not.

    names     Customers that are to be billed; one without readings is found out later.
    unbilled  Rows of efficiency_bill_unbilled_v1 of all others known in the month, by customer.
    """

    names: frozenset[str]
    unbilled: Mapping[str, EfficiencyBillUnbilledV1Row]


def may_be_billed(terms: Iterable[SilverCustomersRow], rule: BilledSettings) -> frozenset[str] | None:
    """Customers that may be billed in some month; None where nothing narrows who is billed: everybody may.

    terms  Rows of silver_customers.
    """
    if not rule.is_narrowed:
        return None
    return frozenset(row["customer_id"] for row in terms if left_out_by(row, rule) is None)


def left_out_by(terms: SilverCustomersRow, rule: BilledSettings) -> str | None:
    """The setting that leaves a customer out, with its value; None where none does."""
    found = [kind for kind in provenances(terms["provenance"]) if kind in rule.left_out_provenances]
    if found:
        return f"billed.left_out_provenances: {', '.join(found)}"
    if rule.classes and terms["customer_class_code"] not in rule.classes:
        return f"billed.classes: {', '.join(rule.classes)}"
    if rule.prefixes and not terms["customer_id"].startswith(rule.prefixes):
        return f"billed.prefixes: {', '.join(rule.prefixes)}"
    return None


def billed_customers(
    terms: Iterable[SilverCustomersRow],
    month: BillingMonth,
    rule: BilledSettings,
    holders: Collection[str],
    metered: Collection[str],
) -> BilledCustomers:
    """Who of all customers that are known in the month is billed.

    terms    Rows of silver_customers, all of every customer.
    holders  Customers with a meter point on a day of the month.
    metered  Customers with a row of gold_billing_supplies in the month.

    Known in the month is who has terms, a meter point or readings in it, or whose first terms are still to
    come. The newest terms of the month decide.
    """
    names: set[str] = set()
    unbilled: dict[str, EfficiencyBillUnbilledV1Row] = {}
    known = histories(terms, lambda row: row["customer_id"])
    for name in sorted({*known, *holders, *metered}):
        history = known.get(name, [])
        of_month = [row for row in history if holds_in(row, month.first_day, month.last_day)]
        if not of_month:
            if name in holders or name in metered or history[0]["valid_from_date"] > month.last_day:
                unbilled[name] = _without_terms(name, history, month)
            continue
        newest = of_month[-1]
        if setting := left_out_by(newest, rule):
            unbilled[name] = unbilled_row(
                name,
                newest["customer_name"],
                month,
                UnbilledReason.LEFT_OUT,
                f"设置 {_FILE} 的 {setting}",
                f"the setting {setting} of {_FILE}",
            )
        elif name in metered:
            names.add(name)
        elif name in holders:
            unbilled[name] = unbilled_row(
                name,
                newest["customer_name"],
                month,
                UnbilledReason.NO_READINGS,
                "有计量点，但本月没有可结算的示数或曲线",
                "it has a meter point, but no read or curve of the month that could be settled",
            )
        else:
            unbilled[name] = unbilled_row(
                name,
                newest["customer_name"],
                month,
                UnbilledReason.NO_METER_POINT,
                "本月没有归属该户的计量点",
                "no meter point is registered for it in the month",
            )
    return BilledCustomers(frozenset(names), unbilled)


def _without_terms(
    name: str, history: Sequence[SilverCustomersRow], month: BillingMonth
) -> EfficiencyBillUnbilledV1Row:
    if not history:
        zh, en = "客户档案中没有该户", "no record of customers names it"
    elif (first := history[0]["valid_from_date"]) > month.last_day:
        zh, en = f"供电条件自 {first} 起才生效", f"its terms hold from {first} only"
    else:
        zh, en = f"供电条件在 {month} 之前已终止", f"its terms ended before {month}"
    shown = history[-1]["customer_name"] if history else None
    return unbilled_row(name, shown, month, UnbilledReason.NO_TERMS, zh, en)


def unbilled_row(
    name: str, customer_name: str | None, month: BillingMonth, reason: UnbilledReason, zh: str, en: str
) -> EfficiencyBillUnbilledV1Row:
    """A row of efficiency_bill_unbilled_v1 without the run."""
    return {
        "billing_month": str(month),
        "customer_id": name,
        "customer_name": customer_name,
        "reason_code": reason.value,
        "detail_zh": zh,
        "detail_en": en,
        "computed_run_id": None,
    }
