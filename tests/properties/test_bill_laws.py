"""Laws of the bill that hold for any month: quantity times price, what days tell, words that stay words."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod, VoltageLevel
from pipelines.facts import load_facts
from pipelines.money import round_half_up
from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.settings import Settings, packaged
from pipelines.tariff import Contract, price_supply
from products.efficiency_bill.advice.advice import advise
from products.efficiency_bill.advice.situation import Situation
from products.efficiency_bill.case.case import DayUsage, day_usage
from products.efficiency_bill.comparison.baseline import fit_baselines, month_scale
from products.efficiency_bill.comparison.days import Days
from products.efficiency_bill.comparison.peers import Grouped, Member, PeerGroups
from products.efficiency_bill.page.numbers import grouped, number
from products.efficiency_bill.page.rendering import printable
from products.efficiency_bill.settings import EfficiencyBillSettings
from tests.measured_months import Measured, supply_of

CONF = packaged("conf")
FACTS = load_facts(CONF / "facts")
SETTINGS = Settings(CONF, CONF).section(EfficiencyBillSettings)
LIMITS = Settings(CONF, CONF).section(PublicationSettings)
SEPTEMBER = BillingMonth.parse("2026-09")
D = Decimal
energies = st.decimals(0, 10**6, places=2)


@settings(deadline=None, max_examples=60)
@given(
    peak=energies,
    flat=energies,
    valley=energies,
    demand=st.decimals(1, 2000, places=1),
    lagging=energies,
    leading=energies,
    basis=st.sampled_from(DemandBasis),
)
def test_no_advice_saves_more_than_the_bill_and_each_is_found_again(
    peak: Decimal,
    flat: Decimal,
    valley: Decimal,
    demand: Decimal,
    lagging: Decimal,
    leading: Decimal,
    basis: DemandBasis,
) -> None:
    contract = Contract(
        CustomerClass.LARGE_INDUSTRY,
        PricingScheme.TWO_PART,
        VoltageLevel.KV_1_TO_20,
        True,
        D(800),
        D(800),
        basis,
        D(600),
        D("0.90"),
    )
    total = peak + flat + valley
    measured = Measured(
        SEPTEMBER,
        total,
        {TouPeriod.PEAK: peak, TouPeriod.FLAT: flat, TouPeriod.VALLEY: valley},
        demand,
        lagging,
        leading,
        D("0.01"),
    )
    supply = supply_of(contract, measured)
    priced = price_supply(supply, FACTS)
    usage = DayUsage(float(total) / 2, float(total) / 10, float(total) / 20, 1.0)
    found = advise(Situation(supply, total, True, priced, (demand,), None, None, usage), FACTS, SETTINGS)
    assert [row["rank"] for row in found] == list(range(1, len(found) + 1))
    for row in found:
        assert D(repr(SETTINGS.least_saving_cny)) <= row["saving_cny"] <= priced.total_cny
        assert row["saving_cny"] == row["saving_cny"].quantize(D("0.01"))
    assert not {"EB-A01", "EB-A02"} <= {row["advice_id"] for row in found}


@settings(deadline=None, max_examples=100)
@given(st.lists(st.one_of(st.none(), st.floats(0, 1e6)), min_size=30, max_size=30))
def test_days_tell_no_more_than_was_used(values: list[float | None]) -> None:
    energy = np.array([np.nan if value is None else value for value in values])[None]
    found = day_usage(Days(("A",), SEPTEMBER.days, energy, energy), "A", SEPTEMBER, SETTINGS)
    known = energy[np.isfinite(energy)]
    if len(known) < 10:
        assert found is None
        return
    assert found is not None
    total = float(known.sum()) * (1 + 1e-12)
    assert 0 <= found.high_excess_kwh <= total
    assert 0 <= found.weekend_excess_kwh <= total
    assert found.base_load_kwh >= 0
    assert (
        found.base_load_kwh + found.weekend_excess_kwh <= total + float(known.max()) * len(known) * 0.1 + 1e-6
    )


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(1, 1e5), st.floats(0.1, 1000))
def test_a_baseline_scales_with_its_energy(seed: int, level: float, factor: float) -> None:
    draw = np.random.default_rng(seed)
    celsius = 15 + 10 * np.sin(np.arange(120) / 20)[None]
    energy = level * (1 + 0.05 * np.maximum(celsius - 18, 0) + draw.normal(0, 0.05, (1, 120)))
    weekend = np.arange(120) % 7 >= 5
    one, other = (
        fit_baselines(part, celsius, weekend, SETTINGS.change_points_celsius, 0.9, SETTINGS.baseline)[0]
        for part in (energy, energy * factor)
    )
    assert one is not None
    assert other is not None
    expected = one.expected(celsius[0], weekend) * factor
    assert np.allclose(other.expected(celsius[0], weekend), expected, rtol=1e-6)
    assert np.isclose(other.day_band(0.9), one.day_band(0.9) * factor, rtol=1e-5)
    assert np.isclose(other.month_band(30, 0.9), one.month_band(30, 0.9) * factor, rtol=1e-5)
    assert one.cv_rmse_unseen >= one.cv_rmse * (1 - 1e-12)


@settings(deadline=None)
@given(
    st.lists(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4), min_size=1, max_size=8),
    st.floats(0.5, 0.99),
)
def test_a_band_is_never_narrower_than_the_spread_seen(means: list[list[float]], level: float) -> None:
    assert month_scale(np.array(means), level) >= 1.0


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=4), st.one_of(st.none(), st.floats(0, 1e4)), max_size=40))
def test_percentiles_lie_between_0_and_100_and_follow_the_intensity(
    intensity: dict[str, float | None],
) -> None:
    members = [Member("G", value, 1.0) for value in intensity.values()]
    groups = PeerGroups(Grouped.of(members), LIMITS)
    found = [groups.view(member) for member in members]
    shown = sorted(
        (view.intensity, view.percentile)
        for view in found
        if view.intensity is not None and view.percentile is not None
    )
    assert all(0 <= percentile <= 100 for _, percentile in shown)
    assert [percentile for _, percentile in shown] == sorted(percentile for _, percentile in shown)
    assert bool(shown) == (sum(value is not None for value in intensity.values()) >= 15)


@settings(deadline=None)
@given(st.decimals(-(10**12), 10**12, places=6))
def test_numbers_on_the_page_are_the_numbers_of_the_row(value: Decimal) -> None:
    assert D(number(value)["plain"]) == value
    shown = D(grouped(value, 2).replace(",", "").replace("−", "-"))
    assert shown == round_half_up(value, D("0.01")) == value.quantize(D("0.01"), rounding=ROUND_HALF_UP)


@settings(deadline=None)
@given(st.text())
def test_printable_words_hold_no_hidden_marks_and_are_stable(words: str) -> None:
    shown = printable(words)
    assert printable(shown) == shown
    assert not any(mark in shown for mark in "\u202e\u200b\u2066\ufeff\x00")
