"""On each edge of a rule and one step to either side; refusals among months that are priced; runs apart."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import floor
from random import Random

import pytest

from pipelines.codes import (
    Confidence,
    CustomerClass,
    DemandBasis,
    LineComponent,
    PricingScheme,
    TouPeriod,
    VoltageLevel,
)
from pipelines.errors import FactNotInForceError, ZhixiangError
from pipelines.tariff import Contract, PricedMonth, Segment, SupplyMonth, price_each, price_supply
from pipelines.tariff.lines import Charge, average_price, line_price, settle_lines
from tests.measured_months import supply_of
from tests.unit.pipelines.tariff.months_by_hand import (
    FACTORY,
    FACTS,
    MEASURED,
    REFUSED,
    SEPTEMBER,
    edge,
    with_segment,
    with_terms,
)

D = Decimal
GOOD = supply_of(FACTORY, MEASURED)


def of(month: PricedMonth, component: LineComponent) -> list[tuple[Decimal, Decimal, Decimal]]:
    return [
        (line.quantity, line.unit_price, line.amount_cny)
        for line in month.lines
        if line.component is component
    ]


def test_what_cannot_be_priced_leaves_the_others_their_bills() -> None:
    found = list(price_each([each for bad in REFUSED for each in (GOOD, bad)], FACTS))
    assert found[::2] == [price_supply(GOOD, FACTS)] * len(REFUSED)
    assert all(isinstance(error, ZhixiangError) for error in found[1::2])
    assert "No transmission.two_part.energy in force on 2026-07-01" in str(found[3])
    # Asked a second time it is refused in the same words: what is refused is never kept as a price.
    assert [str(error) for error in price_each(REFUSED, FACTS)] == [str(error) for error in found[1::2]]
    assert list(price_each([], FACTS)) == []


def test_a_period_without_a_ratio_refuses_only_who_uses_it() -> None:
    table = FACTS.time_of_use.ratio_tables[CustomerClass.LARGE_INDUSTRY]
    known = {
        period: ratio
        for period, ratio in table.versions[-1].value.items()
        if period is not TouPeriod.DEEP_VALLEY
    }
    shorter = dataclasses.replace(table, versions=(dataclasses.replace(table.versions[-1], value=known),))
    tables = {**FACTS.time_of_use.ratio_tables, CustomerClass.LARGE_INDUSTRY: shorter}
    hours = dataclasses.replace(FACTS.time_of_use, ratio_tables=tables)
    facts = dataclasses.replace(FACTS, time_of_use=hours)
    deep = with_segment(energy_by_period={TouPeriod.PEAK: D("999.00"), TouPeriod.DEEP_VALLEY: D("1.00")})
    refused, priced = price_each([deep, GOOD], facts)
    assert isinstance(refused, FactNotInForceError)
    assert "deep_valley" in str(refused)
    assert priced == price_supply(GOOD, FACTS)


def test_knowledge_counts_and_is_kept_apart() -> None:
    """The transmission price became known on 2026-08-01; asked before and after it by the same facts."""
    before, after = date(2026, 7, 31), date(2026, 8, 1)
    found = [next(price_each([GOOD], FACTS, known)) for known in (after, before, None, after)]
    assert [isinstance(each, PricedMonth) for each in found] == [True, False, True, True]
    assert found[0] == found[2] == found[3]


@pytest.mark.parametrize("basis", [DemandBasis.CONTRACT_DEMAND, DemandBasis.ACTUAL_DEMAND])
@pytest.mark.parametrize(
    ("energy", "price"), [("207999.99", "47.2"), ("208000.00", "42.48"), ("208000.01", "42.48")]
)
def test_the_discount_begins_at_260_kwh_per_kva(basis: DemandBasis, energy: str, price: str) -> None:
    """260 x 800 kVA = 208,000 kWh; 47.2 x 0.9 = 42.48."""
    ((_, unit_price, _),) = of(
        price_supply(edge(energy, "500", demand_basis=basis), FACTS), LineComponent.BASIC_DEMAND
    )
    assert unit_price == D(price)


@pytest.mark.parametrize(
    ("demand", "excess"),
    [("629.9999", []), ("630", []), ("630.0001", [(D("0.0001"), D("94.4"), D("0.01"))])],
)
def test_the_excess_begins_above_105_percent(
    demand: str, excess: list[tuple[Decimal, Decimal, Decimal]]
) -> None:
    """1.05 x 600 kW = 630 kW; 0.0001 kW x 2 x 47.2 = 0.00944."""
    assert of(price_supply(edge("0", demand), FACTS), LineComponent.DEMAND_EXCESS) == excess


@pytest.mark.parametrize(("agreed", "billed"), [("319.99", "320.00"), ("320", "320"), ("320.01", "320.01")])
def test_at_least_40_percent_of_the_capacity_are_billed(agreed: str, billed: str) -> None:
    supply = edge("0", "336", contract_demand_kw=D(agreed))
    ((quantity, _, _),) = of(price_supply(supply, FACTS), LineComponent.BASIC_DEMAND)
    assert str(quantity) == billed


@pytest.mark.parametrize(
    ("before", "component"),
    [
        ("2759.99", "tier_1"),
        ("2760", "tier_2"),
        ("2760.01", "tier_2"),
        ("4799.99", "tier_2"),
        ("4800", "tier_3"),
        ("4800.01", "tier_3"),
    ],
)
def test_a_hundredth_of_a_kwh_beside_each_limit_lies_in_one_tier(before: str, component: str) -> None:
    home = Contract(
        CustomerClass.RESIDENTIAL, PricingScheme.SINGLE_PART, VoltageLevel.BELOW_1KV, is_time_of_use=False
    )
    bought = dataclasses.replace(
        MEASURED, energy_kwh=D("0.01"), energy_by_period=None, year_to_date_kwh=D(before)
    )
    assert [line.component.value for line in price_supply(supply_of(home, bought), FACTS).lines] == [
        component
    ]


def test_segments_that_stand_apart_are_runs_of_their_own() -> None:
    """A part behind the meter that pauses for ten days: two runs, no joining over the gap."""
    parts = tuple(
        Segment(
            FACTORY,
            date(2026, 9, first),
            date(2026, 9, last),
            D("500.00"),
            {TouPeriod.FLAT: D("500.00")},
            D(500),
            "workshop",
        )
        for first, last in ((1, 10), (21, 30))
    )
    bill = price_supply(SupplyMonth(SEPTEMBER, parts), FACTS)
    # 600 kW x 10/30 twice.
    assert [found[0] for found in of(bill, LineComponent.BASIC_DEMAND)] == [D(200), D(200)]


def test_amounts_are_rounded_once_half_away_from_zero() -> None:
    """Against fractions; many of the shares are made to lie on half a fen or a hair beside it."""
    random = Random(6)
    cases = [
        (random.choice((-1, 1)) * random.randint(0, 10**15), random.randint(0, 10**12), days)
        for days in range(1, 31)
        for _ in range(20)
    ]
    # (2n + 1) / 2 fen = quantity x 0.03 x 10 / 30: quantity = (2n + 1) / 2.
    cases += [
        ((2 * random.randint(0, 10**4) + 1) * 500_000 + beside, 3 * 10**10, 10)
        for _ in range(500)
        for beside in (-1, 0, 1)
    ]
    for quantity, price, days in cases:
        row = line_price(
            LineComponent.FUNDS, D(price).scaleb(-12), ("kWh", "CNY/kWh"), [("f", Confidence.OFFICIAL)], ""
        )
        (line,) = settle_lines([Charge(row, D(quantity).scaleb(-6), "", share=(D(days), D(30)))])
        exact = Fraction(quantity * price * days, 30 * 10**16)
        assert int(line.amount_cny * 100) == (1 if exact >= 0 else -1) * floor(abs(exact) + Fraction(1, 2))


def test_mean_prices_are_rounded_half_away_from_zero_at_the_fourth_decimal() -> None:
    """0.00005 CNY/kWh is half a step, a millionth of a kilowatt-hour more is below it."""
    cases = (("0.01", "200"), ("-0.01", "200"), ("0.01", "200.000001"), ("0", "1"))
    assert [average_price(D(total), D(energy)) for total, energy in cases] == [
        D("0.0001"),
        D("-0.0001"),
        D("0.0000"),
        D("0.0000"),
    ]
    assert average_price(D("0.05"), D(0)) is None


def test_numbers_have_no_largest_one() -> None:
    """900,000,000,000 kWh x 9,999,999 CNY/kWh, and a capacity with seven decimals."""
    huge = dataclasses.replace(
        with_terms(export_price_cny_per_kwh=D("9999999")), exported_kwh=D("900000000000")
    )
    ((_, _, credit),) = of(price_supply(huge, FACTS), LineComponent.EXPORTED_ENERGY)
    assert credit == D("-8999999100000000000.00")
    fine = with_terms(running_capacity_kva=D("800.1234567"), demand_basis=DemandBasis.CAPACITY)
    ((shown, price, amount),) = of(price_supply(fine, FACTS), LineComponent.BASIC_CAPACITY)
    assert (shown, price) == (D("800.123457"), D("29.5"))
    assert amount == D("23603.64")  # 800.1234567 x 29.5 = 23603.6419...
