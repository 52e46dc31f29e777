"""Formulas by hand, each number with the digits that it came with; and what a month says as a whole."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal

from pipelines.codes import CustomerClass, LineComponent, PricingScheme, TouPeriod, VoltageLevel
from pipelines.facts import Facts
from pipelines.tariff import Contract, PricedMonth, Segment, SupplyMonth, price_supply
from tests.measured_months import supply_of
from tests.oracles.random_cases import facts_of_world
from tests.unit.pipelines.tariff.months_by_hand import (
    FACTORY,
    FACTS,
    MEASURED,
    SEPTEMBER,
    SHOP,
    edge,
    with_segment,
    with_terms,
)

D = Decimal


def priced(*supplies: SupplyMonth, facts: Facts = FACTS) -> list[PricedMonth]:
    return [price_supply(supply, facts) for supply in supplies]


def formulas(month: PricedMonth, component: LineComponent) -> list[str]:
    return [line.formula for line in month.lines if line.component is component]


def test_the_formulas_of_a_factory_by_hand() -> None:
    """Digits as they came: 700 kW, 600 kW; transmission does not float; 700 - 1.05 x 600 = 70 kW double."""
    (factory,) = priced(supply_of(FACTORY, MEASURED))
    assert formulas(factory, LineComponent.TRANSMISSION) == ["1000.00 kWh × 0.1250 CNY/kWh"]
    assert formulas(factory, LineComponent.BASIC_DEMAND) == ["600 kW × 47.2 CNY/kW"]
    assert formulas(factory, LineComponent.DEMAND_EXCESS) == ["(700 kW − 1.05 × 600 kW) × 2 × 47.2 CNY/kW"]
    # 1000 / sqrt(1000^2 + 480^2) = 0.9015: at the standard, nothing.
    (adjustment,) = formulas(factory, LineComponent.POWER_FACTOR_ADJUSTMENT)
    assert adjustment.endswith("(power factor 0.90, standard 0.90; base without funds)")
    assert (factory.power_factor, factory.adjustment_ratio, factory.missing_inputs) == (D("0.90"), D(0), ())


def test_a_demand_raised_by_the_capacity_says_so_on_that_side_of_its_edge_only() -> None:
    """40 % of 800 kVA are 320 kW, a product with the digits of both; 320 agreed is not raised."""
    raised, level = priced(
        edge("0", "1", contract_demand_kw=D("319.9")), edge("0", "1", contract_demand_kw=D("320"))
    )
    assert formulas(raised, LineComponent.BASIC_DEMAND) == [
        "320.00 kW (contract 319.9 kW, raised to 0.40 × 800 kVA) × 47.2 CNY/kW"
    ]
    assert formulas(level, LineComponent.BASIC_DEMAND) == ["320 kW × 47.2 CNY/kW"]


def test_equal_numbers_with_other_digits_keep_their_own() -> None:
    """One after the other by the same sheets: market prices, standards and demands that are equal and written
    differently.
    """
    market = [
        with_terms(market_price_cny_per_kwh=D(price), power_factor_standard=D(standard))
        for price, standard in (("0.45", "0.90"), ("0.450", "0.9"), ("0.4500", "0.900"))
    ]
    composed = facts_of_world(FACTS)
    found = priced(*market, facts=composed)
    assert [
        formulas(month, LineComponent.ENERGY_BASE)[0].split("market ")[1].split(" ")[0] for month in found
    ] == ["0.45", "0.450", "0.4500"]
    assert [
        formulas(month, LineComponent.POWER_FACTOR_ADJUSTMENT)[0].split("standard ")[1].split(";")[0]
        for month in found
    ] == [
        "0.90",
        "0.9",
        "0.900",
    ]
    # The first of two equal demands is written, and the higher one wherever it stands.
    half = {"energy_kwh": D("500.00"), "energy_by_period": {TouPeriod.FLAT: D("500.00")}}
    runs = [
        SupplyMonth(
            SEPTEMBER,
            (
                Segment(FACTORY, date(2026, 9, 1), date(2026, 9, 10), max_demand_kw=D(one), **half),
                Segment(FACTORY, date(2026, 9, 11), date(2026, 9, 30), max_demand_kw=D(other), **half),
            ),
        )
        for one, other in (("700.0", "700.00"), ("700.00", "700.0"), ("650.0", "700"))
    ]  # type: ignore[arg-type]
    assert [formulas(month, LineComponent.DEMAND_EXCESS)[0][1:].split(" ")[0] for month in priced(*runs)] == [
        "700.0",
        "700.00",
        "700",
    ]


def test_what_a_tier_takes_is_written_with_the_digits_of_its_ends() -> None:
    """2,760 and 4,800 kWh a year: from 2,759.5 on, 0.5 is left in the first; of 3,000.25 in all, 240.25 are
    in the second.
    """
    home = Contract(
        CustomerClass.RESIDENTIAL, PricingScheme.SINGLE_PART, VoltageLevel.BELOW_1KV, is_time_of_use=False
    )
    cases = [
        supply_of(
            home,
            dataclasses.replace(
                MEASURED, energy_kwh=D(energy), energy_by_period=None, year_to_date_kwh=D(before)
            ),
        )
        for before, energy in (("2759.5", "240.750"), ("0", "0.00"), ("4800", "10.0"), ("2000", "3000"))
    ]
    found = priced(*cases)
    assert [[line.formula.split(" ")[0] for line in month.lines] for month in found] == [
        ["0.5", "240.250"],
        ["0"],
        ["10.0"],
        ["760", "2040", "200"],
    ]


def test_what_a_month_lacks_and_what_it_rests_on() -> None:
    unmetered = dataclasses.replace(supply_of(FACTORY, MEASURED), lagging_kvarh=None)
    suspended = with_segment(
        contract=dataclasses.replace(FACTORY, running_capacity_kva=D(0)), running_days=0, max_demand_kw=None
    )
    nothing = supply_of(
        SHOP, dataclasses.replace(MEASURED, energy_kwh=D("0.00"), energy_by_period=None, lagging_kvarh=D(0))
    )
    cases = [unmetered, suspended, nothing, supply_of(SHOP, MEASURED)]
    found = priced(*cases)
    assert [month.missing_inputs for month in found] == [("reactive_registers",), (), (), ()]
    assert [month.power_factor for month in found] == [None, D("0.90"), None, D("0.90")]
    assert found[2].average_price_cny_per_kwh is None
    assert {month.is_illustrative for month in found} == {True}
