"""Edges in pairs: just inside and just outside, the jump between them worked out by hand."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from pipelines.codes import CustomerClass, DemandBasis, LineComponent, PricingScheme, TouPeriod, VoltageLevel
from pipelines.errors import FactNotInForceError
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, price_supply
from tests.measured_months import Measured, supply_of

D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
FACTORY = Contract(
    CustomerClass.LARGE_INDUSTRY,
    PricingScheme.TWO_PART,
    VoltageLevel.KV_1_TO_20,
    False,
    D(800),
    D(800),
    DemandBasis.CONTRACT_DEMAND,
    D(600),
)
HOME = Contract(
    CustomerClass.RESIDENTIAL, PricingScheme.SINGLE_PART, VoltageLevel.BELOW_1KV, is_time_of_use=False
)


def total(contract: Contract, energy: str, demand: str = "0", month: str = "2026-09", **more: Any) -> Decimal:
    measured = Measured(BillingMonth.parse(month), D(energy), None, D(demand), None, None, D("0.01"))
    return price_supply(supply_of(contract, dataclasses.replace(measured, **more)), FACTS).total_cny


def changed(**terms: Any) -> Contract:
    return dataclasses.replace(FACTORY, **terms)


@pytest.mark.parametrize(
    ("inside", "outside", "jump"),
    [
        # 105 % of 600 kW is 630: the next 0.1 kW cost 0.1 x 2 x 47.2, one fen's worth needs 0.0002 kW
        (total(FACTORY, "0", "630"), total(FACTORY, "0", "630.1"), "9.44"),
        (total(FACTORY, "0", "629.9"), total(FACTORY, "0", "630"), "0.00"),
        # 40 % of 800 kVA is 320 kW: below it nothing changes, above it 47.2 for each kW
        (
            total(changed(contract_demand_kw=D("319.9")), "0"),
            total(changed(contract_demand_kw=D(320)), "0"),
            "0.00",
        ),
        (
            total(changed(contract_demand_kw=D(320)), "0"),
            total(changed(contract_demand_kw=D("320.1")), "0"),
            "4.72",
        ),
        # The same floor seen from the capacity: at 1500 kVA it is the 600 kW of the contract, at 1501 kVA
        # 600.4
        (
            total(changed(running_capacity_kva=D(1500)), "0"),
            total(changed(running_capacity_kva=D(1501)), "0"),
            "18.88",
        ),
        # 260 kWh on each of 800 kVA: 208,000 kWh; 600 kW x 4.72 = 2,832 fall off, the energy line gains a fen
        (total(FACTORY, "207999.99"), total(FACTORY, "208000.00"), "-2831.99"),
        (total(FACTORY, "207998.99"), total(FACTORY, "207999.99"), "0.68"),
        # Tiers: the 2,761st kWh of a year costs 0.588 instead of 0.538, the 4,801st 0.838
        (total(HOME, "100", year_to_date_kwh=D(2660)), total(HOME, "101", year_to_date_kwh=D(2660)), "0.59"),
        (total(HOME, "99", year_to_date_kwh=D(2660)), total(HOME, "100", year_to_date_kwh=D(2660)), "0.54"),
        (total(HOME, "100", year_to_date_kwh=D(4700)), total(HOME, "101", year_to_date_kwh=D(4700)), "0.84"),
        (total(HOME, "99", year_to_date_kwh=D(4700)), total(HOME, "100", year_to_date_kwh=D(4700)), "0.59"),
    ],
)
def test_the_jump_at_an_edge(inside: Decimal, outside: Decimal, jump: str) -> None:
    assert outside - inside == D(jump)


@pytest.mark.parametrize(
    ("capacity", "single", "two"),
    [
        ("99.99", True, False),
        ("100", True, False),
        ("100.01", True, True),
        ("314.99", True, True),
        ("315", False, True),
        ("315.01", False, True),
    ],
)
def test_one_or_two_part_by_capacity(capacity: str, single: bool, two: bool) -> None:
    allowed = FACTS.pricing_scheme.on(date(2026, 9, 1)).allowed(D(capacity))
    assert (PricingScheme.SINGLE_PART in allowed, PricingScheme.TWO_PART in allowed) == (single, two)


@pytest.mark.parametrize(
    ("mean", "percent"),
    [
        ("0.90", "0"),
        ("0.89", "0.5"),
        ("0.91", "-0.15"),
        ("0.70", "10"),
        ("0.69", "11"),
        ("0.64", "17"),
        ("0.95", "-0.75"),
        ("0.96", "-0.75"),
    ],
)
def test_a_hundredth_of_power_factor(mean: str, percent: str) -> None:
    rule = FACTS.power_factor_adjustment.on(date(2026, 9, 1))
    assert rule.ratio(D(mean), D("0.90")) * 100 == D(percent)


def test_half_a_hundredth_of_power_factor_in_money() -> None:
    """1,000 kWh: 497.87 kvarh give 0.8952, 497.88 kvarh too; the edge 0.895 lies at 498.40.. kvarh: 0.90
    costs nothing, 0.89 half a percent.
    """
    contract = changed(power_factor_standard=D("0.90"), demand_basis=DemandBasis.CAPACITY)
    reactive = (D(1) / D("0.895") ** 2 - 1).sqrt() * 1000
    below = reactive.quantize(D("0.01"), rounding="ROUND_DOWN")
    base = D("525.00") + D("125.00") + D("23600.00")
    at = total(contract, "1000.00", lagging_kvarh=below, leading_kvarh=D(0))
    above = total(contract, "1000.00", lagging_kvarh=below + D("0.01"), leading_kvarh=D(0))
    assert above - at == (base * D("0.005")).quantize(D("0.01"))


@pytest.mark.parametrize(
    ("day", "slot", "period"),
    [
        # Midnight between an ordinary September day and the next: 23:45 is flat, 00:00 valley.
        ("2026-09-10", 95, "flat"),
        ("2026-09-11", 0, "valley"),
        ("2026-09-10", 27, "valley"),
        ("2026-09-10", 28, "flat"),
        # Month's end into summer hours: 18:00 is peak in June, sharp in July; the notice of 2026 begins with
        # July.
        ("2026-11-30", 72, "peak"),
        ("2026-12-01", 72, "sharp"),
        # Year's end and the day before: the new notice's winter hours on both sides.
        ("2026-12-31", 95, "flat"),
        ("2026-06-30", 72, "flat"),
        ("2026-07-01", 72, "sharp"),
        # 国庆节: only the first three days; before 09:00 valley, to 15:00 deep valley, then as the season.
        ("2026-09-30", 40, "flat"),
        ("2026-10-01", 35, "valley"),
        ("2026-10-01", 36, "deep_valley"),
        ("2026-10-01", 59, "deep_valley"),
        ("2026-10-01", 60, "flat"),
        ("2026-10-03", 40, "deep_valley"),
        ("2026-10-04", 40, "flat"),
        # 春节 2026: all nine days off of the notice of 2024 then in force, 10:00-14:00.
        ("2026-02-14", 40, "peak"),
        ("2026-02-15", 40, "deep_valley"),
        ("2026-02-23", 55, "deep_valley"),
        ("2026-02-23", 39, "peak"),
        ("2026-02-24", 40, "peak"),
        # The leap day, 2024-02-29, lies before the first notice; the day after is its first.
        ("2024-03-01", 32, "peak"),
    ],
)
def test_quarter_hours_on_either_side_of_an_edge(day: str, slot: int, period: str) -> None:
    found = FACTS.time_of_use.slot_periods(date.fromisoformat(day), CustomerClass.LARGE_INDUSTRY)
    assert found[slot] is TouPeriod(period)


def test_the_leap_day_before_the_first_notice_is_not_covered() -> None:
    with pytest.raises(FactNotInForceError):
        FACTS.time_of_use.slot_periods(date(2024, 2, 29), CustomerClass.LARGE_INDUSTRY)


def test_charging_points_have_their_midday_valley_half_an_hour_earlier() -> None:
    ordinary = FACTS.time_of_use.slot_periods(date(2026, 9, 10), CustomerClass.GENERAL_COMMERCIAL)
    charging = FACTS.time_of_use.ev_charging_periods(date(2026, 9, 10))
    differ = {slot: charging[slot].value for slot in range(96) if ordinary[slot] is not charging[slot]}
    assert differ == {42: "valley", 43: "valley", 54: "flat", 55: "flat"}
    assert charging[41] is TouPeriod.FLAT
    assert FACTS.time_of_use.ev_charging_periods(date(2026, 10, 1))[54] is TouPeriod.DEEP_VALLEY


@pytest.mark.parametrize(("month", "days"), [("2028-02", 29), ("2027-02", 28), ("2026-12", 31)])
def test_a_whole_month_is_one_month_whatever_its_days(month: str, days: int) -> None:
    capacity = changed(demand_basis=DemandBasis.CAPACITY)
    assert BillingMonth.parse(month).day_count == days
    assert (
        total(capacity, "0", month=month)
        == total(capacity, "0", month=month, running_days=days)
        == D("23600.00")
    )
    assert total(capacity, "0", month=month, running_days=days - 1) == (D(23600) * (days - 1) / 30).quantize(
        D("0.01"), rounding="ROUND_HALF_UP"
    )


def test_the_year_begins_anew_for_tiers_of_a_supply_of_last_december() -> None:
    begun = dataclasses.replace(HOME, supply_began=date(2026, 12, 15))
    # 1/12 of 2,760 and of 4,800 in December: 230 at 0.538, then 170 at 0.588; in January the whole year's
    # 2,760.
    assert total(begun, "400", month="2026-12") == D("123.74") + D("99.96")
    assert total(begun, "400", month="2027-01") == D("215.20")


@pytest.mark.parametrize(("persons", "choice"), [(6, False), (7, True), (None, True)])
def test_the_price_of_a_combined_meter_is_open_from_seven_persons(persons: int | None, choice: bool) -> None:
    combined = dataclasses.replace(HOME, is_combined_meter=True, household_persons=persons)
    if choice:
        assert total(combined, "100") == D("55.80")
    else:
        with pytest.raises(Exception, match="cannot choose"):
            total(combined, "100")


@pytest.mark.parametrize(
    ("kind", "level", "price"),
    [
        (CustomerClass.LARGE_INDUSTRY, VoltageLevel.KV_1_TO_20, "0.6644"),
        (CustomerClass.LARGE_INDUSTRY, VoltageLevel.KV_220_UP, "0.6074"),
        (CustomerClass.GENERAL_COMMERCIAL, VoltageLevel.BELOW_1KV, "0.8277"),
    ],
)
def test_the_catalogue_prices_april_2018_and_nothing_after(
    kind: CustomerClass, level: VoltageLevel, price: str
) -> None:
    contract = Contract(kind, PricingScheme.SINGLE_PART, level, is_time_of_use=False)
    assert total(contract, "1000", month="2018-04") == D(price) * 1000
    with pytest.raises(FactNotInForceError):
        total(contract, "1000", month="2018-05")
    with pytest.raises(FactNotInForceError):
        total(contract, "1000", month="2018-03")


def test_the_catalogue_by_period_with_its_basic_charge_and_without_a_discount() -> None:
    contract = changed(is_time_of_use=True)
    split = {
        TouPeriod.SHARP: D("100000.00"),
        TouPeriod.PEAK: D("100000.00"),
        TouPeriod.VALLEY: D("100000.00"),
    }
    measured = Measured(BillingMonth(2018, 4), D("300000.00"), split, D(500), None, None, D("0.01"))
    bill = price_supply(supply_of(contract, measured), FACTS)
    assert [(line.component, line.amount_cny) for line in bill.lines] == [
        (LineComponent.CATALOGUE_ENERGY, D("108240.00")),
        (LineComponent.CATALOGUE_ENERGY, D("90040.00")),
        (LineComponent.CATALOGUE_ENERGY, D("41640.00")),
        (LineComponent.BASIC_DEMAND, D("24000.00")),
    ]
    adjusted = dataclasses.replace(measured, lagging_kvarh=D(0), leading_kvarh=D(0))
    with pytest.raises(FactNotInForceError, match="funds"):
        price_supply(
            supply_of(changed(is_time_of_use=True, power_factor_standard=D("0.90")), adjusted),
            FACTS,
        )


def test_notice_periods_of_the_basic_charge() -> None:
    basis, demand = FACTS.basic_charge.basis_change, FACTS.basic_charge.contract_demand_change
    assert [
        (each.on(date(2026, 9, 1)).every_months, each.on(date(2026, 9, 1)).notice_working_days)
        for each in (basis, demand)
    ] == [(3, 15), (1, 5)]
