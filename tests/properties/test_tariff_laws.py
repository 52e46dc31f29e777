"""Laws of a month's price: more energy never costs less where no rule turns, a split keeps every
kilowatt-hour, a bill does not depend on those before it.
"""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipelines.codes import CustomerClass, DemandBasis, LineComponent, PricingScheme, TouPeriod, VoltageLevel
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, change_days, cut_month, power_factor, price_each, price_supply
from pipelines.tariff.cases.own_prices import OwnMonth, OwnPrices, TieredPrice, price_own
from tests.measured_months import Measured, supply_of
from tests.oracles.random_cases import facts_of_world, fit_to_periods, random_case, supply_of_case
from tests.steel_works import STEEL

D = Decimal
SEPTEMBER = BillingMonth(2026, 9)
FACTS = load_facts(packaged("conf") / "facts")
CHANGING = facts_of_world(FACTS)
energies = st.decimals(min_value=0, max_value=400_000, places=2)
FACTORY = STEEL


def measured(split: dict[TouPeriod, Decimal], reactive: Decimal, month: BillingMonth = SEPTEMBER) -> Measured:
    return Measured(month, sum(split.values(), D(0)), split, D(500), reactive, D(0), D("0.01"))


@settings(max_examples=200, deadline=None)
@given(
    st.fixed_dictionaries(dict.fromkeys(TouPeriod, energies)),
    st.sampled_from(list(TouPeriod)),
    st.decimals(min_value=D("0.01"), max_value=50_000, places=2),
    st.decimals(min_value=0, max_value=400_000, places=2),
    st.sampled_from(list(DemandBasis)),
)
def test_more_energy_never_costs_less_on_one_side_of_260_and_in_one_power_factor_cell(
    split: dict[TouPeriod, Decimal], period: TouPeriod, more: Decimal, reactive: Decimal, basis: DemandBasis
) -> None:
    less = measured(split, reactive)
    greater = measured({**split, period: split[period] + more}, reactive)
    assume(less.energy_kwh > 0 or reactive > 0)
    assume((less.energy_kwh >= 260 * 800) == (greater.energy_kwh >= 260 * 800))
    assume(power_factor(reactive, D(0), less.energy_kwh) == power_factor(reactive, D(0), greater.energy_kwh))
    contract = dataclasses.replace(FACTORY, demand_basis=basis)
    assert (
        price_supply(supply_of(contract, greater), FACTS).total_cny
        >= price_supply(supply_of(contract, less), FACTS).total_cny
    )


@settings(max_examples=150, deadline=None)
@given(
    st.decimals(min_value=0, max_value=3000, places=2),
    st.decimals(min_value=0, max_value=3000, places=2),
    st.decimals(min_value=0, max_value=6000, places=2),
    st.sampled_from([None, 4, 5, 7]),
)
def test_more_energy_never_costs_a_dwelling_less(
    energy: Decimal, more: Decimal, before: Decimal, persons: int | None
) -> None:
    home = Contract(
        CustomerClass.RESIDENTIAL,
        PricingScheme.SINGLE_PART,
        VoltageLevel.BELOW_1KV,
        False,
        household_persons=persons,
    )
    less, greater = (
        price_supply(
            supply_of(
                home,
                Measured(
                    BillingMonth(2026, 9), kwh, None, None, None, None, D("0.01"), year_to_date_kwh=before
                ),
            ),
            FACTS,
        )
        for kwh in (energy, energy + more)
    )
    assert greater.total_cny >= less.total_cny
    assert sum(line.quantity for line in greater.lines) == energy + more


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries(dict.fromkeys(TouPeriod, energies)),
    st.lists(st.integers(2, 31), min_size=0, max_size=3, unique=True),
    st.randoms(use_true_random=False),
)
def test_splitting_a_month_at_a_price_change_keeps_every_kilowatt_hour(
    split: dict[TouPeriod, Decimal], cuts: list[int], random: Random
) -> None:
    month = BillingMonth(2026, 10)
    changes = change_days(FACTORY, month, CHANGING)
    assert changes == (date(2026, 10, 16),)
    days = sorted({*changes, *(month.first_day + timedelta(days=cut - 1) for cut in cuts)})
    by_period = [
        [0.01, *(random.choice((0.0, random.random())) for _ in list(TouPeriod)[1:])]
        for _ in range(len(days) + 1)
    ]
    supply = cut_month(supply_of(FACTORY, measured(split, D(0), month)), days, by_period)
    assert supply.energy_kwh == sum(split.values(), D(0))
    for period in TouPeriod:
        parts = [
            segment.energy_by_period[period]
            for segment in supply.segments
            if segment.energy_by_period is not None
        ]
        assert sum(parts, D(0)) == split[period]
        assert all(part >= 0 and part % D("0.01") == 0 for part in parts)
    bill = price_supply(supply, CHANGING)
    for component in (LineComponent.ENERGY_BASE, LineComponent.TRANSMISSION, LineComponent.FUNDS):
        assert sum(line.quantity for line in bill.lines if line.component is component) == sum(
            split.values(), D(0)
        )
    assert bill.total_cny == sum((line.amount_cny for line in bill.lines), D(0))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_a_bill_is_the_same_whatever_was_priced_before_it(seed: int) -> None:
    """Prices that are kept, prices asked anew, and another order."""
    supplies = [supply_of_case(fit_to_periods(random_case(Random(seed + number)))) for number in range(5)]
    fresh = [price_supply(supply, dataclasses.replace(CHANGING)) for supply in supplies]
    assert list(price_each(supplies, CHANGING)) == fresh
    assert [price_supply(supply, CHANGING) for supply in reversed(supplies)] == fresh[::-1]


quantities = st.decimals(min_value=0, max_value=2000, places=6)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(quantities, min_size=2, max_size=4),
    st.lists(st.integers(1, 4000), min_size=0, max_size=4, unique=True),
)
def test_tiers_of_an_own_price_set_keep_every_period_and_every_limit(
    energies_kwh: list[Decimal], limits: list[int]
) -> None:
    names = [f"p{number}" for number in range(len(energies_kwh))]
    edges = tuple(D(limit) for limit in sorted(limits))
    hours = tuple((names[0],) * 24 for _ in range(12))
    prices = OwnPrices(
        "own", "none", {name: TieredPrice((D(1),) * (len(edges) + 1)) for name in names}, hours, hours, edges
    )
    bill = price_own(prices, OwnMonth(SEPTEMBER, dict(zip(names, energies_kwh, strict=True)), {}))
    assert all(line.quantity > 0 for line in bill.lines)
    for name, energy in zip(names, energies_kwh, strict=True):
        assert sum((line.quantity for line in bill.lines if line.period == name), D(0)) == energy
    for tier, (low, high) in enumerate(zip((D(0), *edges), edges, strict=False), start=1):
        taken = sum((line.quantity for line in bill.lines if line.tier == tier), D(0))
        assert taken == max(D(0), min(sum(energies_kwh, D(0)), high) - low)
