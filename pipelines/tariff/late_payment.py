"""Penalty lines for late payment (违约金)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from pipelines.codes import CustomerClass, LineComponent
from pipelines.errors import UsageError
from pipelines.facts import Facts
from pipelines.tariff.lines import BillLine, Charge, Ground, LinePrice, line_price, settle_lines
from pipelines.tariff.price_sheets import Span, changes_inside
from pipelines.units import Unit

_DAY = timedelta(days=1)
_AMOUNT_DAYS = "CNY·d"
_PER_DAY = "1/d"


def late_payment_lines(
    customer_class: CustomerClass,
    unpaid_cny: Decimal,
    due_day: date,
    paid_day: date,
    facts: Facts,
    known: date | None = None,
) -> tuple[BillLine, ...]:
    """Lines of the penalty on one unpaid bill, numbered from 1; none where it was paid in time.

    unpaid_cny  What was not paid by the due day. [CNY]
    due_day     Last day of payment in time.
    paid_day    Day of payment; the days after the due day up to and with it count.
    Days of the due day's calendar year pay one ratio, later ones another, each by the rule in force on the
    day; then the least and the largest penalty in force on the day of payment hold.
    Raises FactNotInForceError where a day is not covered.
    """
    if unpaid_cny < 0:
        raise UsageError(f"An unpaid amount must not be negative: {unpaid_cny}.")
    if paid_day <= due_day or unpaid_cny == 0:
        return ()
    rules, shown = facts.late_payment, f"{unpaid_cny:f}"
    year_end, first = date(due_day.year, 12, 31), due_day + _DAY
    firsts = {first, *changes_inside(rules.daily, first, paid_day, known)}
    if first <= year_end < paid_day:
        firsts.add(year_end + _DAY)
    charges = []
    for begin, after in pairwise([*sorted(firsts), paid_day + _DAY]):
        days, daily = (after - begin).days, Span(begin, begin, facts, known).held(rules.daily)
        is_same_year = begin <= year_end
        ratio = daily.value[0 if is_same_year else 1][customer_class]
        label = "same_year" if is_same_year else "later_year"
        tail = f" CNY × {days} d × {ratio:f} per day ({label})"
        price = _price(ratio, (_AMOUNT_DAYS, _PER_DAY), [daily.ground()], tail)
        charges.append(Charge(price, unpaid_cny * days, shown))
    on_payment = Span(paid_day, paid_day, facts, known)
    of_daily = on_payment.held(rules.daily).ground()
    cap, least = on_payment.held(rules.cap_ratio), on_payment.held(rules.minimum_cny)
    if _total(charges) > unpaid_cny * cap.value:
        tail = f" CNY × {cap.value:f}, the largest penalty"
        price = _price(cap.value, (Unit.CNY, Unit.RATIO), [cap.ground(), of_daily], tail)
        charges = [Charge(price, unpaid_cny, shown)]
    if _total(charges) < least.value:
        tail = " CNY, the least penalty"
        price = _price(least.value, (Unit.RATIO, Unit.CNY), [least.ground(), of_daily], tail)
        charges = [Charge(price, Decimal(1), f"{least.value:f}")]
    return tuple(settle_lines(charges))


def _price(value: Decimal, units: tuple[str, str], grounds: list[Ground], tail: str) -> LinePrice:
    return line_price(LineComponent.LATE_PAYMENT, value, units, grounds, tail)


def _total(charges: list[Charge]) -> Decimal:
    """The penalty so far. [CNY]"""
    return sum((line.amount_cny for line in settle_lines(charges)), Decimal(0))
