"""From when a choice holds: notices in working days, natural quarters, twelve months."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from pipelines.codes import (
    ChangeBegin,
    CustomerClass,
)
from pipelines.errors import FactNotInForceError, UsageError
from pipelines.facts import load_facts
from pipelines.facts.contract_rules import NoticeRule
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff.whatif.choices import (
    as_agreed,
    basic_charge_choices,
)
from pipelines.tariff.whatif.notice_plan import (
    first_month_of_change,
    first_month_of_time_of_use_choice,
    first_months,
    from_month,
)
from tests.measured_months import Measured, supply_of
from tests.steel_works import STEEL, STEEL_SEPTEMBER

D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
SEPTEMBER = BillingMonth(2026, 9)
STEP = 10
STEEL_MONTH = supply_of(STEEL, STEEL_SEPTEMBER)
NOTHING = D(0)


@pytest.mark.parametrize(
    ("asked", "notice", "last", "first"),
    [
        # September 2026: working days after the 23rd: 24, 28, 29, 30 (25 to 27 Mid-Autumn); the fifth is in
        # October.
        (date(2026, 9, 22), 5, None, "2026-10"),
        (date(2026, 9, 23), 5, None, "2026-11"),
        (date(2026, 8, 10), 15, None, "2026-09"),
        (date(2026, 8, 11), 15, None, "2026-10"),
        (date(2026, 8, 10), 15, "2026-08", "2026-11"),
    ],
)
def test_notice_in_working_days(asked: date, notice: int, last: str | None, first: str) -> None:
    rule = NoticeRule(3, notice)
    changed = BillingMonth.parse(last) if last else None
    assert str(first_month_of_change(asked, rule, FACTS.holidays, changed)) == first


@pytest.mark.parametrize(
    ("asked", "last", "first"),
    [
        # Fifteen working days after 10 July end on the 31st: August begins no quarter, October does.
        (date(2026, 7, 10), None, "2026-10"),
        # 7 September: the fifteenth is the 28th, still before October; the 10th: into October.
        (date(2026, 9, 7), None, "2026-10"),
        (date(2026, 9, 10), None, "2027-01"),
        # A basis that holds since October holds for its quarter, one since November to the end of the next.
        (date(2026, 11, 2), "2026-10", "2027-01"),
        (date(2026, 11, 2), "2026-11", "2027-04"),
    ],
)
def test_another_basis_begins_with_a_natural_quarter(asked: date, last: str | None, first: str) -> None:
    """Ruling R18; as it was known before, the month after the notice."""
    notice, holidays = FACTS.basic_charge.basis_change, FACTS.holidays
    changed = BillingMonth.parse(last) if last else None
    assert str(first_month_of_change(asked, notice.on(asked), holidays, changed)) == first
    before = notice.on(asked, date(2026, 11, 29))
    assert (before.every_months, before.notice_working_days, before.begins) == (3, 15, ChangeBegin.MONTH)


def test_asked_in_july_another_basis_pays_from_october() -> None:
    """Contract demand 600 kW = 28,320.00, by capacity 800 x 29.5 = 23,600.00: 4,720.00 a month without an
    adjustment. Of August to December the last three count, 14,160.00; from August on it would be 23,600.00.
    """
    agreed = replace(STEEL, is_time_of_use=False, power_factor_standard=None)
    months = [
        supply_of(
            agreed, Measured(BillingMonth(2026, 8).plus(n), D(60_000), None, D(505), None, None, D("0.01"))
        )
        for n in range(5)
    ]
    asked = date(2026, 7, 10)
    capacity = next(
        choice
        for choice in basic_charge_choices(months, FACTS)
        if choice.changes["demand_basis"] == "capacity"
    )
    now, saved = as_agreed(months, FACTS), {}
    for known in (None, date(2026, 11, 29)):
        first, _ = first_months(asked, agreed, FACTS, {}, known)
        saved[str(first["demand_basis"])] = (
            now.total_cny - from_month(capacity, now, first["demand_basis"]).total_cny
        )
    assert saved == {"2026-10": D("14160.00"), "2026-08": D("23600.00")}


@pytest.mark.parametrize(
    ("asked", "since", "first"),
    [
        (date(2026, 9, 1), None, "2026-10"),
        (date(2026, 9, 30), "2025-10", "2026-10"),  # twelve months have run out
        (date(2026, 9, 30), "2025-11", "2026-11"),  # one month is left
        (date(2026, 9, 30), "2026-09", "2027-09"),
        (date(2026, 12, 31), "2024-03", "2027-01"),
    ],
)
def test_a_time_of_use_choice_holds_for_twelve_months(asked: date, since: str | None, first: str) -> None:
    chosen = BillingMonth.parse(since) if since else None
    assert (
        str(first_month_of_time_of_use_choice(asked, CustomerClass.GENERAL_COMMERCIAL, FACTS, chosen))
        == first
    )


def test_who_has_no_time_of_use_choice_is_told_so() -> None:
    with pytest.raises(UsageError, match="large_industry is bound"):
        first_month_of_time_of_use_choice(date(2026, 9, 1), CustomerClass.LARGE_INDUSTRY, FACTS)


def test_the_notice_of_an_unknown_calendar_is_refused() -> None:
    with pytest.raises(FactNotInForceError):
        first_month_of_change(date(2031, 9, 1), NoticeRule(1, 5), FACTS.holidays)
