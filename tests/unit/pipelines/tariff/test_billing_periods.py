"""Bills from one reading day to the next: whose price holds on which day, what a month's charge is of days
that are none. Prices typed from the notices: 1 to 20 kV in two parts 0.1250 CNY/kWh, 29.5 CNY/kVA,
47.2 CNY/kW.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from pipelines.codes import (
    ContractNote,
    CustomerClass,
    DemandBasis,
    LineComponent,
    PricingScheme,
    VoltageLevel,
)
from pipelines.errors import UsageError
from pipelines.facts import Facts
from pipelines.periods import BillingMonth, BillingPeriod
from pipelines.tariff import Contract, PricedMonth, Segment, SupplyMonth, price_supply
from pipelines.tariff.changes import change_days
from tests.correction_cases import facts_folder, price_notice

D = Decimal
SEPTEMBER = BillingMonth(2026, 9)
READ_ON_25 = BillingPeriod(SEPTEMBER, date(2026, 8, 26), date(2026, 9, 25))
WORKS = Contract(
    CustomerClass.GENERAL_COMMERCIAL,
    PricingScheme.TWO_PART,
    VoltageLevel.KV_1_TO_20,
    False,
    D(1000),
    D(1000),
    DemandBasis.CAPACITY,
)
BY_DEMAND = replace(WORKS, demand_basis=DemandBasis.ACTUAL_DEMAND)


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """0.40 CNY/kWh purchased in August, 0.50 in September; loss 0.01 and system operation 0.05 beside it."""
    folder = facts_folder(tmp_path_factory.mktemp("facts"))
    return price_notice(folder, "0.5000", "corrected", "2026-08-29")


def in_parts(
    period: BillingPeriod, *kwh: str, contract: Contract = WORKS, kw: str | None = None
) -> SupplyMonth:
    """The period, cut at 1 September where two energies are given."""
    edges = [period.first_day, date(2026, 9, 1)] if len(kwh) == 2 else [period.first_day]
    lasts = [date(2026, 8, 31), period.last_day] if len(kwh) == 2 else [period.last_day]
    demand = None if kw is None else D(kw)
    segments = (
        Segment(contract, first, last, D(energy), None, demand)
        for first, last, energy in zip(edges, lasts, kwh, strict=True)
    )
    return SupplyMonth(SEPTEMBER, tuple(segments), period=period)


def charged(priced: PricedMonth, component: LineComponent) -> list[tuple[Decimal, Decimal]]:
    found = (line for line in priced.lines if line.component is component)
    return [(line.quantity, line.amount_cny) for line in found]


def test_each_day_costs_what_its_day_costs(facts: Facts) -> None:
    """600 kWh at 0.46 and 2,500 at 0.56, 0.1250 and 0.02923875 on each; the capacity costs one month."""
    bill = price_supply(in_parts(READ_ON_25, "600", "2500"), facts)
    assert change_days(WORKS, READ_ON_25, facts) == (date(2026, 9, 1),)
    assert charged(bill, LineComponent.ENERGY_BASE) == [(D(600), D("276.00")), (D(2500), D("1400.00"))]
    assert charged(bill, LineComponent.TRANSMISSION) == [(D(600), D("75.00")), (D(2500), D("312.50"))]
    assert charged(bill, LineComponent.BASIC_CAPACITY) == [(D(1000), D("29500.00"))]
    # 600 x 0.02923875 = 17.54; 2,500 x 0.02923875 = 73.10.
    assert bill.total_cny == D("276.00") + 1400 + 75 + D("312.50") + D("17.54") + D("73.10") + 29500
    assert bill.month == SEPTEMBER
    assert bill.notes == (ContractNote.PRICES_OF_EACH_DAY,)


def test_energy_of_two_months_is_never_priced_by_one(facts: Facts) -> None:
    with pytest.raises(UsageError, match=r"changes on 2026-09-01"):
        price_supply(in_parts(READ_ON_25, "3100"), facts)


def test_days_that_are_no_month_cost_thirtieths(facts: Facts) -> None:
    """42 days: 29,500 x 42 / 30 = 41,300; the days stand on the line."""
    period = BillingPeriod(SEPTEMBER, date(2026, 8, 15), date(2026, 9, 25))
    bill = price_supply(in_parts(period, "1700", "2500"), facts)
    (line,) = (line for line in bill.lines if line.component is LineComponent.BASIC_CAPACITY)
    assert line.amount_cny == D("41300.00")
    assert "42/30 d" in line.formula
    assert "basic_charge.running_days_per_month" in line.rests_on
    assert set(bill.notes) == {ContractNote.PRICES_OF_EACH_DAY, ContractNote.PERIOD_BY_DAYS}


def test_a_change_inside_a_period_of_one_month_costs_its_days(facts: Facts) -> None:
    """1,000 kVA for 6 days, 500 for 25: 29.5 x (1,000 x 6 + 500 x 25) / 30 = 5,900 + 12,291.67."""
    supply = in_parts(READ_ON_25, "600", "2500")
    smaller = replace(WORKS, contract_capacity_kva=D(500), running_capacity_kva=D(500))
    supply = replace(supply, segments=(supply.segments[0], replace(supply.segments[1], contract=smaller)))
    bill = price_supply(supply, facts)
    assert [cny for _, cny in charged(bill, LineComponent.BASIC_CAPACITY)] == [D("5900.00"), D("12291.67")]


@pytest.mark.parametrize(
    ("first", "kwh", "price"),
    [
        (date(2026, 8, 26), "260000.00", "42.480"),  # a month: 260 kWh/kVA reach the threshold: 47.2 x 0.9
        (date(2026, 8, 26), "259999.99", "47.2"),
        (date(2026, 8, 15), "364000.00", "42.480"),  # 42 days: 260 x 42 / 30 = 364
        (date(2026, 8, 15), "363999.99", "47.2"),
    ],
)
def test_what_is_asked_per_month_is_asked_of_the_days(
    facts: Facts, first: date, kwh: str, price: str
) -> None:
    period = BillingPeriod(SEPTEMBER, first, date(2026, 9, 25))
    rest = D(kwh) - 1000
    bill = price_supply(in_parts(period, "1000", str(rest), contract=BY_DEMAND, kw="400"), facts)
    (line,) = (line for line in bill.lines if line.component is LineComponent.BASIC_DEMAND)
    assert line.unit_price == D(price)


def test_tiers_do_not_run_over_the_year(facts: Facts) -> None:
    home = Contract(
        CustomerClass.RESIDENTIAL, PricingScheme.SINGLE_PART, VoltageLevel.BELOW_1KV, is_time_of_use=False
    )
    period = BillingPeriod(BillingMonth(2027, 1), date(2026, 12, 26), date(2027, 1, 25))
    supply = SupplyMonth(period.month, (Segment.of_month(home, period, D(300)),), period=period)
    with pytest.raises(UsageError, match="two years"):
        price_supply(supply, facts)


def test_a_segment_beside_the_period_is_refused(facts: Facts) -> None:
    supply = in_parts(READ_ON_25, "600", "2500")
    later = BillingPeriod(SEPTEMBER, date(2026, 8, 27), date(2026, 9, 25))
    with pytest.raises(UsageError, match="does not lie in 2026-08-27"):
        price_supply(replace(supply, period=later), facts)


def test_the_calendar_month_as_a_period_costs_what_the_month_costs(facts: Facts) -> None:
    month = SupplyMonth(SEPTEMBER, (Segment.of_month(WORKS, SEPTEMBER, D(3000)),))
    same = replace(month, period=BillingPeriod(SEPTEMBER, SEPTEMBER.first_day, SEPTEMBER.last_day))
    assert price_supply(same, facts) == price_supply(month, facts)
