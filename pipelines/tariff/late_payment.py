"""Penalty lines for late payment (违约金)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from pipelines.codes import CustomerClass, LineComponent
from pipelines.errors import UsageError
from pipelines.facts import Facts, Version
from pipelines.facts.contract_rules import DailyRatios, LatePayment
from pipelines.tariff.lines import BillLine, Charge, Ground, LinePrice, line_price, settle_lines
from pipelines.tariff.month_facts import changes_inside, ground
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
    day; then the least and the largest
    penalty in force on the day of payment hold.
    """
    if unpaid_cny < 0:
        raise UsageError(f"An unpaid amount must not be negative: {unpaid_cny}.")
    if paid_day <= due_day or unpaid_cny == 0:
        return ()
    rules = facts.late_payment
    charges = []
    for span in _spans(rules, due_day, paid_day, known):
        ratio = span.ratios[customer_class]
        tail = f" CNY × {span.days} d × {ratio:f} per day ({span.label})"
        price = _price(ratio, (_AMOUNT_DAYS, _PER_DAY), [ground(rules.daily, span.version)], tail)
        charges.append(Charge(price, unpaid_cny * span.days, f"{unpaid_cny:f}"))
    daily = rules.daily.version_on(paid_day, known)
    cap = rules.cap_ratio.version_on(paid_day, known)
    minimum = rules.minimum_cny.version_on(paid_day, known)
    if _total(charges) > unpaid_cny * cap.value:
        grounds = [ground(rules.cap_ratio, cap), ground(rules.daily, daily)]
        tail = f" CNY × {cap.value:f}, the largest penalty"
        price = _price(cap.value, (Unit.CNY, Unit.RATIO), grounds, tail)
        charges = [Charge(price, unpaid_cny, f"{unpaid_cny:f}")]
    if _total(charges) < minimum.value:
        grounds = [ground(rules.minimum_cny, minimum), ground(rules.daily, daily)]
        price = _price(minimum.value, (Unit.RATIO, Unit.CNY), grounds, " CNY, the least penalty")
        charges = [Charge(price, Decimal(1), f"{minimum.value:f}")]
    return tuple(settle_lines(charges))


def _price(value: Decimal, units: tuple[str, str], grounds: list[Ground], tail: str) -> LinePrice:
    return line_price(LineComponent.LATE_PAYMENT, value, units, grounds, tail)


def _total(charges: list[Charge]) -> Decimal:
    """The penalty so far. [CNY]"""
    return sum((line.amount_cny for line in settle_lines(charges)), Decimal(0))


@dataclass(frozen=True)
class _Span:
    """Days of delay under one version of the daily ratio and on one side of the year's end."""

    days: int
    version: Version[DailyRatios]
    ratios: Mapping[CustomerClass, Decimal]
    label: str


def _spans(rules: LatePayment, due_day: date, paid_day: date, known: date | None) -> Iterator[_Span]:
    """Each day by the rule in force on it; raises FactNotInForceError where a day is not covered."""
    year_end, first, last = date(due_day.year, 12, 31), due_day + _DAY, paid_day
    edges = {first, *changes_inside(rules.daily, first, last, known)} | (
        {year_end + _DAY} if first <= year_end < last else set()
    )
    firsts = sorted(edges)
    for begin, end in zip(firsts, [*(each - _DAY for each in firsts[1:]), last], strict=True):
        version = rules.daily.version_on(begin, known)
        same_year, later_year = version.value
        ratios, label = (same_year, "same_year") if begin <= year_end else (later_year, "later_year")
        yield _Span((end - begin).days + 1, version, ratios, label)
