"""Tiers on the year's running kWh, households, part years, time of use, combined meters."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal

import pytest

from pipelines.codes import CustomerClass, PricingScheme, TouPeriod, VoltageLevel
from pipelines.errors import UsageError
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, PricedMonth, price_supply
from tests.measured_months import Measured, supply_of

FACTS = load_facts(packaged("conf") / "facts")
HOME = Contract(
    CustomerClass.RESIDENTIAL, PricingScheme.SINGLE_PART, VoltageLevel.BELOW_1KV, is_time_of_use=False
)


def priced(
    before: str, energy: str, contract: Contract = HOME, split: dict[TouPeriod, Decimal] | None = None
) -> PricedMonth:
    month = BillingMonth.parse("2026-06")
    return price_supply(
        supply_of(
            contract,
            Measured(
                month,
                Decimal(energy),
                split,
                None,
                None,
                None,
                Decimal("0.01"),
                year_to_date_kwh=Decimal(before),
            ),
        ),
        FACTS,
    )


def tiers(bill: PricedMonth) -> dict[str, tuple[Decimal, Decimal]]:
    return {line.component.value: (line.quantity, line.amount_cny) for line in bill.lines}


@pytest.mark.parametrize(
    ("before", "energy", "expected"),
    [
        ("0", "2760.00", {"tier_1": ("2760.00", "1484.88")}),
        ("0", "2760.01", {"tier_1": ("2760.00", "1484.88"), "tier_2": ("0.01", "0.01")}),
        ("2759.00", "1.00", {"tier_1": ("1.00", "0.54")}),
        ("2759.50", "1.00", {"tier_1": ("0.50", "0.27"), "tier_2": ("0.50", "0.29")}),
        ("2760.00", "1.00", {"tier_2": ("1.00", "0.59")}),
        ("4799.00", "1.00", {"tier_2": ("1.00", "0.59")}),
        ("4800.00", "1.00", {"tier_3": ("1.00", "0.84")}),
        (
            "2700.00",
            "2200.00",
            {"tier_1": ("60.00", "32.28"), "tier_2": ("2040.00", "1199.52"), "tier_3": ("100.00", "83.80")},
        ),
        ("100.00", "0.00", {"tier_1": ("0.00", "0.00")}),
    ],
)
def test_tiers_are_half_open_on_the_running_energy(
    before: str, energy: str, expected: dict[str, tuple[str, str]]
) -> None:
    wanted = {tier: (Decimal(quantity), Decimal(amount)) for tier, (quantity, amount) in expected.items()}
    assert tiers(priced(before, energy)) == wanted


@pytest.mark.parametrize(("persons", "tier"), [(4, "tier_2"), (5, "tier_1"), (7, "tier_1")])
def test_five_persons_have_100_kwh_more_a_month(persons: int, tier: str) -> None:
    assert list(tiers(priced("3959.00", "1.00", dataclasses.replace(HOME, household_persons=persons)))) == [
        tier
    ]
    large = dataclasses.replace(HOME, household_persons=5)
    assert list(tiers(priced("3960.00", "1.00", large))) == ["tier_2"]
    assert list(tiers(priced("6000.00", "1.00", large))) == ["tier_3"]


@pytest.mark.parametrize(
    ("began", "first"),
    [("2026-01-31", "2760"), ("2026-02-01", "2530"), ("2026-06-30", "1610"), ("2025-06-30", "2760")],
)
def test_a_supply_that_begins_in_the_year_gets_limits_by_months(began: str, first: str) -> None:
    new = dataclasses.replace(HOME, supply_began=date.fromisoformat(began))
    assert list(tiers(priced("0", first, new))) == ["tier_1"]
    assert tiers(priced("0", f"{first}.01", new))["tier_2"][0] == Decimal("0.01")


def test_time_of_use_pays_first_tier_by_period_and_the_surplus_of_upper_tiers() -> None:
    split = {TouPeriod.PEAK: Decimal("60.00"), TouPeriod.VALLEY: Decimal("40.00")}
    bill = priced("4750.00", "100.00", dataclasses.replace(HOME, is_time_of_use=True), split)
    found = [(line.component.value, line.period, line.quantity, line.unit_price) for line in bill.lines]
    assert found == [
        ("tier_1", TouPeriod.PEAK, Decimal("60.00"), Decimal("0.568")),
        ("tier_1", TouPeriod.VALLEY, Decimal("40.00"), Decimal("0.288")),
        ("tier_2", None, Decimal("50.00"), Decimal("0.050")),
        ("tier_3", None, Decimal("50.00"), Decimal("0.300")),
    ]
    assert bill.total_cny == Decimal("34.08") + Decimal("11.52") + Decimal("2.50") + Decimal("15.00")


def test_residential_time_of_use_knows_only_peak_and_valley() -> None:
    with pytest.raises(UsageError, match="no period flat"):
        priced("0", "1.00", dataclasses.replace(HOME, is_time_of_use=True), {TouPeriod.FLAT: Decimal("1.00")})


@pytest.mark.parametrize(
    ("level", "amount"),
    [(VoltageLevel.BELOW_1KV, "55.80"), (VoltageLevel.KV_1_TO_20, "53.80"), (VoltageLevel.KV_35, "53.80")],
)
def test_a_combined_meter_pays_its_level_as_printed_up_from_1_kv(level: VoltageLevel, amount: str) -> None:
    """不满1千伏 0.558, 1-10 kV and above 0.538."""
    bill = priced("0", "100.00", dataclasses.replace(HOME, is_combined_meter=True, voltage_level=level))
    assert [line.amount_cny for line in bill.lines] == [Decimal(amount)]


def test_behind_a_combined_meter_one_price_holds() -> None:
    bill = priced("9000.00", "100.00", dataclasses.replace(HOME, is_combined_meter=True))
    assert [(line.fact_id, line.amount_cny) for line in bill.lines] == [
        ("residential.combined.below_1kv", Decimal("55.80"))
    ]
    assert not bill.is_illustrative
