"""Penalty lines for late payment (违约金)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pipelines.codes import CustomerClass, LineComponent
from pipelines.errors import UsageError
from pipelines.facts import Facts
from pipelines.tariff.lines import BillLine, make_line, number_lines
from pipelines.tariff.month_facts import ground
from pipelines.units import Unit

_AMOUNT_DAYS = "CNY·d"
_PER_DAY = "1/d"


def late_payment_lines(
    customer_class: CustomerClass, unpaid_cny: Decimal, due_day: date, paid_day: date, facts: Facts, known: date | None = None
) -> tuple[BillLine, ...]:
    """Lines of the penalty on one unpaid bill, numbered from 1; none where it was paid in time.

    unpaid_cny  What was not paid by the due day. [CNY]
    due_day     Last day of payment in time.
    paid_day    Day of payment; the days after the due day up to and with it count.
    Days of the due day's calendar year pay one ratio, later ones another; then the least and the largest penalty hold.
    """
    if unpaid_cny < 0:
        raise UsageError(f"An unpaid amount must not be negative: {unpaid_cny}.")
    if paid_day <= due_day or unpaid_cny == 0:
        return ()
    rules = facts.late_payment
    daily = rules.daily.version_on(paid_day, known)
    rule = rules.on(paid_day, known)
    year_end = date(due_day.year, 12, 31)
    same = (min(paid_day, year_end) - due_day).days
    later = max(0, (paid_day - year_end).days)
    lines = []
    for days, ratio, label in (
        (same, rule.same_year_ratio[customer_class], "same_year"),
        (later, rule.later_year_ratio[customer_class], "later_year"),
    ):
        if days > 0:
            lines.append(
                make_line(
                    LineComponent.LATE_PAYMENT, unpaid_cny * days, _AMOUNT_DAYS, ratio, _PER_DAY, (ground(rules.daily, daily),),
                    f"{unpaid_cny:f} CNY × {days} d × {ratio:f} per day ({label})",
                )
            )  # fmt: skip
    total = sum((line.amount_cny for line in lines), Decimal(0))
    cap = rules.cap_ratio.version_on(paid_day, known)
    minimum = rules.minimum_cny.version_on(paid_day, known)
    if total > unpaid_cny * cap.value:
        grounds = (ground(rules.cap_ratio, cap), ground(rules.daily, daily))
        formula = f"{unpaid_cny:f} CNY × {cap.value:f}, the largest penalty"
        lines = [make_line(LineComponent.LATE_PAYMENT, unpaid_cny, Unit.CNY, cap.value, Unit.RATIO, grounds, formula)]
        total = lines[0].amount_cny
    if total < minimum.value:
        grounds = (ground(rules.minimum_cny, minimum), ground(rules.daily, daily))
        formula = f"{minimum.value:f} CNY, the least penalty"
        lines = [make_line(LineComponent.LATE_PAYMENT, Decimal(1), Unit.RATIO, minimum.value, Unit.CNY, grounds, formula)]
    return number_lines(lines)
