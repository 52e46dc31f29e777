"""Months of a works and a shop, and months that the engine refuses."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.codes import CustomerClass, PricingScheme, TouPeriod, VoltageLevel
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, SupplyMonth
from tests.measured_months import Measured, supply_of
from tests.steel_works import STEEL

D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
SEPTEMBER = BillingMonth(2026, 9)
FACTORY = STEEL
SHOP = Contract(
    CustomerClass.GENERAL_COMMERCIAL, PricingScheme.SINGLE_PART, VoltageLevel.BELOW_1KV, is_time_of_use=False
)
MEASURED = Measured(
    SEPTEMBER, D("1000.00"), {TouPeriod.PEAK: D("1000.00")}, D(700), D("480.00"), D(0), D("0.01")
)


def with_segment(**changes: Any) -> SupplyMonth:
    supply = supply_of(FACTORY, MEASURED)
    return dataclasses.replace(supply, segments=(dataclasses.replace(supply.segments[0], **changes),))


def with_terms(**terms: Any) -> SupplyMonth:
    return with_segment(contract=dataclasses.replace(FACTORY, **terms))


def on(month: BillingMonth) -> SupplyMonth:
    return supply_of(FACTORY, dataclasses.replace(MEASURED, month=month))


REFUSED: list[SupplyMonth] = [
    SupplyMonth(SEPTEMBER, ()),
    on(BillingMonth(2026, 7)),
    on(BillingMonth(2018, 4)),
    with_segment(energy_kwh=D(-1)),
    with_segment(energy_kwh=D("999.99")),
    with_segment(energy_by_period=None),
    with_segment(max_demand_kw=None),
    with_segment(running_days=31),
    with_segment(first_day=date(2026, 8, 31)),
    with_terms(demand_basis=None),
    with_terms(contract_demand_kw=None),
    with_terms(running_capacity_kva=None),
    with_terms(contract_capacity_kva=D(0)),
    with_terms(voltage_level=VoltageLevel.BELOW_1KV),
    with_terms(customer_class=CustomerClass.AGRICULTURE),
    with_terms(power_factor_standard=D("0.95")),
    with_terms(market_price_cny_per_kwh=D("0.45")),
    dataclasses.replace(supply_of(FACTORY, MEASURED), exported_kwh=D(-1)),
    dataclasses.replace(supply_of(FACTORY, MEASURED), lagging_kvarh=D(-1)),
    dataclasses.replace(with_terms(export_price_cny_per_kwh=D(-1)), exported_kwh=D(1)),
    dataclasses.replace(supply_of(FACTORY, MEASURED), segments=supply_of(FACTORY, MEASURED).segments * 2),
]


def edge(energy: str, demand: str = "0", **terms: Any) -> SupplyMonth:
    contract = dataclasses.replace(FACTORY, is_time_of_use=False, power_factor_standard=None, **terms)
    return supply_of(
        contract,
        dataclasses.replace(MEASURED, energy_kwh=D(energy), energy_by_period=None, max_demand_kw=D(demand)),
    )
