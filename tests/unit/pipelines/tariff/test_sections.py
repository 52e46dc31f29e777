"""Parts behind a main meter, each under prices of its own, by hand."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod, VoltageLevel
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, Segment, SupplyMonth, price_supply

D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
SEPTEMBER = BillingMonth(2026, 9)
FACTORY = Contract(
    CustomerClass.LARGE_INDUSTRY,
    PricingScheme.TWO_PART,
    VoltageLevel.KV_1_TO_20,
    True,
    D(800),
    D(800),
    DemandBasis.CAPACITY,
    None,
    D("0.90"),
)
SHOP = Contract(
    CustomerClass.GENERAL_COMMERCIAL, PricingScheme.SINGLE_PART, VoltageLevel.BELOW_1KV, is_time_of_use=False
)
DORMITORY = Contract(
    CustomerClass.RESIDENTIAL,
    PricingScheme.SINGLE_PART,
    VoltageLevel.BELOW_1KV,
    False,
    is_combined_meter=True,
)


def beside(section: str, contract: Contract, energy: str) -> Segment:
    return Segment(contract, SEPTEMBER.first_day, SEPTEMBER.last_day, D(energy), section=section)


def test_parts_behind_a_main_meter_are_sections_under_its_power_factor() -> None:
    left = {TouPeriod.PEAK: D("480.00"), TouPeriod.FLAT: D("240.00"), TouPeriod.VALLEY: D("80.00")}
    main = dataclasses.replace(beside("", FACTORY, "800.00"), energy_by_period=left)
    parts = (
        beside("dormitory", DORMITORY, "100.00"),
        beside("shop", SHOP, "50.00"),
        beside("street", SHOP, "50"),
    )
    supply = SupplyMonth(SEPTEMBER, (main, *parts), D("480.00"), D(0), power_factor_kwh=D("1000.00"))
    bill = price_supply(supply, FACTS)
    assert {line.section: line.amount_cny for line in bill.lines if line.component.value == "tier_1"} == {
        "dormitory": D("55.80")
    }
    sections = [line.section for line in bill.lines if line.component.value == "transmission"]
    assert sections == ["", "", "", "shop", "street"]
    # The main meter's power factor, 1000 / sqrt(1000^2 + 480^2); the base leaves out parts without a
    # standard, and funds.
    assert bill.power_factor == D("0.90")
    base = [line for line in bill.lines[:-1] if line.section == "" and line.component.value != "funds"]
    assert bill.lines[-1].quantity == sum(line.amount_cny for line in base)


def test_the_tiers_of_a_home_behind_the_main_meter_begin_at_its_own_year() -> None:
    home = dataclasses.replace(DORMITORY, is_combined_meter=False)
    main = dataclasses.replace(beside("", FACTORY, "900.00"), energy_by_period={TouPeriod.FLAT: D("900.00")})
    supply = SupplyMonth(SEPTEMBER, (main, beside("home", home, "100.00")), year_to_date_kwh=D("5000.00"))
    bill = price_supply(supply, FACTS)
    # Above 4,800 kWh of the year each costs 0.838.
    assert [(line.component.value, line.amount_cny) for line in bill.lines if line.section == "home"] == [
        ("tier_3", D("83.80"))
    ]
