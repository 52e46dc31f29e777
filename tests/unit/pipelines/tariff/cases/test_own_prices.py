"""A price set of one's own: tiers of the month, periods by hour, demand, by hand."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from pipelines.errors import UsageError
from pipelines.periods import BillingMonth
from pipelines.tariff.cases.own_prices import (
    ANY_TIME,
    OwnMonth,
    OwnPrices,
    TieredPrice,
    own_months,
    price_own,
)

D = Decimal
WEEKDAY = tuple(("night",) * 8 + ("day",) * 16 for _ in range(12))
WEEKEND = tuple(("night",) * 24 for _ in range(12))
PRICES = OwnPrices(
    "offer 7",
    "offer of a retailer, 2026-09-01",
    {"day": TieredPrice((D("0.80"), D("1.00"))), "night": TieredPrice((D("0.40"), D("0.50")))},
    WEEKDAY,
    WEEKEND,
    (D(100),),
    {
        ANY_TIME: TieredPrice((D(30), D(60))),
        "day": TieredPrice((D(5), D(5))),
        "night": TieredPrice((D(0), D(0))),
    },
    (D(40),),
    WEEKDAY,
    WEEKEND,
    D("12.50"),
)


def month(day: str, night: str, demand: str = "0") -> OwnMonth:
    return OwnMonth(BillingMonth(2026, 9), {"day": D(day), "night": D(night)}, {ANY_TIME: D(demand)})


def test_each_period_takes_its_share_of_every_tier() -> None:
    bill = price_own(PRICES, month("150", "50", "50"))
    assert [(line.kind, line.period, line.tier, line.quantity, line.amount_cny) for line in bill.lines] == [
        ("energy", "day", 1, D(75), D("60.00")),
        ("energy", "night", 1, D(25), D("10.00")),
        ("energy", "day", 2, D(75), D("75.00")),
        ("energy", "night", 2, D(25), D("12.50")),
        ("demand", ANY_TIME, 1, D(40), D("1200.00")),
        ("demand", ANY_TIME, 2, D(10), D("600.00")),
        ("fixed", "", 1, D(1), D("12.50")),
    ]
    assert bill.total_cny == bill.unrounded_cny == D("1970.00")


@pytest.mark.parametrize(
    ("day", "night"),
    [("33.33", "66.66"), ("0.000001", "1000"), ("999999.99", "0.01"), ("0", "0"), ("100", "0")],
)
def test_no_energy_is_lost_in_the_tiers(day: str, night: str) -> None:
    bill = price_own(PRICES, month(day, night))
    for period, energy in (("day", day), ("night", night)):
        assert sum((line.quantity for line in bill.lines if line.period == period), D(0)) == D(energy)
    assert all(line.quantity > 0 for line in bill.lines)


@pytest.mark.parametrize(("energy", "tiers"), [("99.99", [1]), ("100", [1]), ("100.01", [1, 2])])
def test_the_limit_belongs_to_the_lower_tier(energy: str, tiers: list[int]) -> None:
    assert [
        line.tier for line in price_own(PRICES, month(energy, "0")).lines if line.kind == "energy"
    ] == tiers


def test_a_curve_becomes_months_with_energy_and_demand_by_period() -> None:
    """From Friday 2026-07-31 12:00 hourly values would begin at midnight: two days of half-hours, 1 kWh each,
    3 kWh on Friday 09:30.
    """
    curve = [1.0] * 96
    curve[19] = 3.0
    july, august = own_months(PRICES, date(2026, 7, 31), curve, 30)
    assert (july.month, july.energy_kwh, july.demand_kw) == (
        BillingMonth(2026, 7),
        {"day": D(34), "night": D(16)},
        {ANY_TIME: D(6), "day": D(6), "night": D(2)},
    )
    assert (august.energy_kwh, august.demand_kw) == ({"night": D(48)}, {ANY_TIME: D(2), "night": D(2)})


@pytest.mark.parametrize("value", [float("nan"), -0.1])
def test_a_curve_with_a_gap_is_refused(value: float) -> None:
    with pytest.raises(UsageError, match="no energy at 2026-07-31 01:00"):
        own_months(PRICES, date(2026, 7, 31), [1.0, value], 60)


def test_intervals_divide_the_hour() -> None:
    with pytest.raises(UsageError, match="no part of an hour"):
        own_months(PRICES, date(2026, 7, 31), [1.0], 45)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"energy": {"day": TieredPrice((D(1),)), "night": TieredPrice((D(1), D(1)))}},
            "1 prices for 2 tiers",
        ),
        ({"energy": {"day": TieredPrice((D(1), D(-1))), "night": TieredPrice((D(1), D(1)))}}, "is negative"),
        ({"energy_limits": (D(0),)}, "must rise"),
        ({"weekday_hours": WEEKDAY[:11]}, "12 rows of 24"),
        ({"weekday_hours": (("noon",) * 24, *WEEKDAY[1:])}, "'noon' has no price"),
        ({"demand_weekday_hours": ()}, "demand hours must be"),
        ({"fixed_cny": D(-1)}, "must not be negative"),
    ],
)
def test_a_price_set_that_is_not_whole_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        dataclasses.replace(PRICES, **changes)


def test_a_month_of_other_periods_or_below_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="no price for the period 'dawn'"):
        price_own(PRICES, OwnMonth(BillingMonth(2026, 9), {"dawn": D(1)}, {}))
    with pytest.raises(UsageError, match="must not be negative"):
        price_own(PRICES, month("-1", "0"))
