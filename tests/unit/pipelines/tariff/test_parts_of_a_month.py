"""What a change inside a month must not touch: the credit for energy fed in beside other parts, the basic
charge under another standard, whole months.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from pipelines.codes import CustomerClass, DemandBasis, LineComponent, PricingScheme, VoltageLevel
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, PricedMonth, Segment, SupplyMonth, price_supply

D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
SEPTEMBER, OCTOBER = BillingMonth(2026, 9), BillingMonth(2026, 10)
SHOP = Contract(
    CustomerClass.GENERAL_COMMERCIAL,
    PricingScheme.SINGLE_PART,
    VoltageLevel.BELOW_1KV,
    False,
    export_price_cny_per_kwh=D("0.40"),
)
HOME = Contract(
    CustomerClass.RESIDENTIAL,
    PricingScheme.SINGLE_PART,
    VoltageLevel.BELOW_1KV,
    False,
    is_combined_meter=True,
)
WORKS = Contract(
    CustomerClass.GENERAL_COMMERCIAL,
    PricingScheme.TWO_PART,
    VoltageLevel.KV_1_TO_20,
    False,
    D(1000),
    D(1000),
    DemandBasis.CAPACITY,
    D(600),
    D("0.90"),
)


def part(
    contract: Contract,
    first: date,
    last: date,
    kwh: str = "300",
    section: str = "",
    demand: str | None = None,
) -> Segment:
    return Segment(contract, first, last, D(kwh), None, None if demand is None else D(demand), section)


def september(contract: Contract, first: int, last: int, kwh: str = "300", section: str = "") -> Segment:
    return part(contract, date(2026, 9, first), date(2026, 9, last), kwh, section)


def priced(supply: SupplyMonth) -> PricedMonth:
    return price_supply(supply, FACTS)


def credits_of(*segments: Segment, kwh: str = "3000") -> list[tuple[Decimal, Decimal]]:
    lines = priced(SupplyMonth(SEPTEMBER, segments, exported_kwh=D(kwh))).lines
    return [
        (line.quantity, line.amount_cny) for line in lines if line.component is LineComponent.EXPORTED_ENERGY
    ]


def test_a_part_behind_the_meter_does_not_take_the_credit_away() -> None:
    """3,000 kWh x 0.40 = 1,200.00."""
    assert credits_of(september(SHOP, 1, 30), september(HOME, 1, 30, section="dormitory")) == [
        (D(3000), D("-1200.00"))
    ]
    assert credits_of(september(HOME, 1, 30, section="dormitory"), september(SHOP, 1, 30)) == [
        (D(3000), D("-1200.00"))
    ]


def test_an_export_price_that_changes_inside_the_month_pays_each_day_its_own() -> None:
    """A hundred kWh a day: 10 days at 0.50 are 500.00 and 20 at 0.40 are 800.00."""
    dearer = replace(SHOP, export_price_cny_per_kwh=D("0.50"))
    assert credits_of(september(dearer, 1, 10), september(SHOP, 11, 30)) == [
        (D(1000), D("-500.00")),
        (D(2000), D("-800.00")),
    ]
    # Bought from the eleventh only: 2,000 kWh; and a price that stays through another change is one line.
    assert credits_of(
        september(replace(SHOP, export_price_cny_per_kwh=None), 1, 10), september(SHOP, 11, 30)
    ) == [(D(2000), D("-800.00"))]
    assert credits_of(september(SHOP, 1, 10), september(SHOP, 11, 30)) == [(D(3000), D("-1200.00"))]
    # 100 kWh over three thirds of a month: no step of a kWh is lost, each line is rounded once. 33.333... x
    # 0.5 = 16.67, 66.666... x 0.4 = 26.67.
    assert [
        amount for _, amount in credits_of(september(dearer, 1, 10), september(SHOP, 11, 30), kwh="100")
    ] == [D("-16.67"), D("-26.67")]


@pytest.mark.parametrize(
    ("contract", "amounts"),
    [
        # 1,000 kVA x 29.5 = 29,500.00 for the month of 31 days: 15 and 16 of them.
        (WORKS, ["14274.19", "15225.81"]),
        # The highest demand of the month, 700 kW in its second part, x 47.2 = 33,040.00.
        (replace(WORKS, demand_basis=DemandBasis.ACTUAL_DEMAND), ["15987.10", "17052.90"]),
    ],
)
def test_another_standard_alone_leaves_the_basic_charge_that_of_the_whole_month(
    contract: Contract, amounts: list[str]
) -> None:
    other = replace(contract, power_factor_standard=D("0.85"))
    halves = (date(2026, 10, 1), date(2026, 10, 15)), (date(2026, 10, 16), date(2026, 10, 31))
    segments = (
        part(contract, *halves[0], "1000", demand="500"),
        part(other, *halves[1], "1000", demand="700"),
    )
    month = priced(SupplyMonth(OCTOBER, segments, D(0), D(0)))
    basic = [
        line
        for line in month.lines
        if line.component in (LineComponent.BASIC_CAPACITY, LineComponent.BASIC_DEMAND)
    ]
    assert [line.amount_cny for line in basic] == [D(amount) for amount in amounts]
    assert [line.first_day for line in basic] == [halves[0][0], halves[1][0]]
    assert [
        line.standard for line in month.lines if line.component is LineComponent.POWER_FACTOR_ADJUSTMENT
    ] == [D("0.90"), D("0.85")]


def test_beside_a_suspension_the_standard_divides_thirtieths() -> None:
    """Ten days in operation are 10/30 of 29,500.00 = 9,833.33; six and four of them under one standard each:
    5,900.00 and 3,933.33.
    """
    other = replace(WORKS, power_factor_standard=D("0.85"))
    segments = (
        september(WORKS, 1, 6),
        september(other, 7, 10),
        september(replace(other, running_capacity_kva=D(0)), 11, 30),
    )
    lines = priced(SupplyMonth(SEPTEMBER, segments, D(0), D(0))).lines
    assert [line.amount_cny for line in lines if line.component is LineComponent.BASIC_CAPACITY] == [
        D("5900.00"),
        D("3933.33"),
    ]
