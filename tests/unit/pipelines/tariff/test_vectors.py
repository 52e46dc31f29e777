"""Worked examples that were published or follow from published figures by arithmetic."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal

import pytest

from pipelines.codes import CustomerClass, DemandBasis, LineComponent, PricingScheme, TouPeriod, VoltageLevel
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, price_supply
from tests.measured_months import Measured, supply_of

D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
LEVELS = (VoltageLevel.KV_1_TO_20, VoltageLevel.KV_35, VoltageLevel.KV_110, VoltageLevel.KV_220_UP)


@pytest.mark.parametrize(("mean", "percent"), [("0.77", "6.5"), ("0.93", "-0.45"), ("0.64", "17")])
def test_power_factor_vectors(mean: str, percent: str) -> None:
    assert FACTS.power_factor_adjustment.on(date(2026, 9, 1)).ratio(D(mean), D("0.90")) * 100 == D(percent)


def test_the_published_bill_of_zhoushan() -> None:
    """27,173.22 = 25,617.85 + 1,555.37 at a power factor of 0.77: 6.5 % of 23,928.77, so 1,689.08 of the bill
    are not in the base.
    """
    ratio = FACTS.power_factor_adjustment.on(date(2026, 9, 1)).ratio(D("0.77"), D("0.90"))
    base = (D("1555.37") / ratio).quantize(D("0.01"))
    assert (base, D("25617.85") + D("1555.37"), D("25617.85") - base) == (
        D("23928.77"),
        D("27173.22"),
        D("1689.08"),
    )
    assert (base * ratio).quantize(D("0.01")) == D("1555.37")


@pytest.mark.parametrize(
    ("period", "price"),
    [
        ("valley", "0.3653"),
        ("flat", "0.6803"),
        ("peak", "1.12655"),
        ("sharp", "1.23155"),
        ("deep_valley", "0.2603"),
    ],
)
def test_the_illustrative_price_set(period: str, price: str) -> None:
    """Floating 0.5250 under the ratios of 2026; the fixed part of 0.1553 is that set's own, its transmission
    is 0.1261.
    """
    floating = (
        FACTS.energy_base.on(date(2026, 9, 1))
        * FACTS.time_of_use.ratios(date(2026, 9, 1), CustomerClass.LARGE_INDUSTRY)[TouPeriod(period)]
    )
    assert floating + D("0.1553") == D(price)


def basic(basis: DemandBasis, level: VoltageLevel, month: str, demand: str) -> Decimal:
    contract = Contract(
        CustomerClass.LARGE_INDUSTRY, PricingScheme.TWO_PART, level, False, D(1000), D(1000), basis
    )
    measured = Measured(BillingMonth.parse(month), D(0), None, D(demand), None, None, D("0.01"))
    lines = price_supply(supply_of(contract, measured), FACTS).lines
    return sum(
        (
            line.amount_cny
            for line in lines
            if line.component in (LineComponent.BASIC_CAPACITY, LineComponent.BASIC_DEMAND)
        ),
        D(0),
    )


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("month", "share"), [("2026-09", "625"), ("2018-04", "750")])
def test_demand_is_cheaper_than_capacity_below_the_break_even(
    level: VoltageLevel, month: str, share: str
) -> None:
    """62.5 % of the capacity at every level in 2026, 75 % under the catalogue of 2018."""
    capacity = basic(DemandBasis.CAPACITY, level, month, share)
    assert basic(DemandBasis.ACTUAL_DEMAND, level, month, share) == capacity
    assert (
        basic(DemandBasis.ACTUAL_DEMAND, level, month, f"{D(share) - 1}")
        < capacity
        < basic(DemandBasis.ACTUAL_DEMAND, level, month, f"{D(share) + 1}")
    )


def test_the_ratio_of_2024_multiplies_transmission_and_funds_too() -> None:
    """Peak of large industry in 2025 on prices of the test: (0.5250 + 0.1250 + 0.02923875) x 1.65 in three
    lines, capacity not.
    """

    def since_2025(dated: object) -> object:
        versions = dated.versions  # type: ignore[attr-defined]
        early = tuple(
            dataclasses.replace(each, effective_from=date(2025, 1, 1), known_from=date(2025, 1, 1))
            for each in versions[-1:]
        )
        return dataclasses.replace(dated, versions=early)  # type: ignore[type-var]

    transmission = dataclasses.replace(
        FACTS.transmission,
        two_part_energy=since_2025(FACTS.transmission.two_part_energy),  # type: ignore[arg-type]
        two_part_capacity=since_2025(FACTS.transmission.two_part_capacity),  # type: ignore[arg-type]
    )
    facts = dataclasses.replace(
        FACTS,
        transmission=transmission,
        energy_base=since_2025(FACTS.energy_base),
        funds=since_2025(FACTS.funds),  # type: ignore[arg-type]
    )
    contract = Contract(
        CustomerClass.LARGE_INDUSTRY,
        PricingScheme.TWO_PART,
        LEVELS[0],
        True,
        D(800),
        D(800),
        DemandBasis.CAPACITY,
    )
    measured = Measured(
        BillingMonth(2025, 9), D("1000.00"), {TouPeriod.PEAK: D("1000.00")}, None, None, None, D("0.01")
    )
    assert [
        (line.component.value, line.amount_cny)
        for line in price_supply(supply_of(contract, measured), facts).lines
    ] == [
        ("energy_base", D("866.25")),
        ("transmission", D("206.25")),
        ("funds", D("48.24")),
        ("basic_capacity", D("23600.00")),
    ]
    now = price_supply(supply_of(contract, dataclasses.replace(measured, month=BillingMonth(2026, 9))), facts)
    assert [line.amount_cny for line in now.lines[:3]] == [D("971.25"), D("125.00"), D("29.24")]
