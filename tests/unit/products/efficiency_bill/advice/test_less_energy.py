"""Advice to use less: each trigger just inside and just outside, and nothing for who does well."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import pytest

from pipelines.codes import CustomerClass, PricingScheme, VoltageLevel
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import Settings, packaged
from pipelines.tariff import Contract, price_supply
from products.efficiency_bill.advice.advice import Advised, advised
from products.efficiency_bill.advice.situation import Situation
from products.efficiency_bill.comparison.grounds import Grounds, NightLoad, Praise
from products.efficiency_bill.comparison.standing import praises
from products.efficiency_bill.settings import EfficiencyBillSettings
from tests.measured_months import Measured, supply_of

CONF = packaged("conf")
FACTS = load_facts(CONF / "facts")
SETTINGS = Settings(CONF, CONF).section(EfficiencyBillSettings)
D = Decimal
# Of an office on 10 kV: 0.5250 energy (illustrative), 0.2114 network, 0.02923875 funds.
PRICES = (D("0.5250"), D("0.2114"), D("0.02923875"))
OFFICE = Contract(CustomerClass.GENERAL_COMMERCIAL, PricingScheme.SINGLE_PART, VoltageLevel.KV_1_TO_20, False)
SUPPLY = supply_of(OFFICE, Measured(BillingMonth(2026, 9), D("30000.00"), None, None, None, None, D("0.01")))
BAND = (28000.0, 26000.0, 29500.0)


def total(energy_kwh: Decimal) -> Decimal:
    """An office's bill by hand."""
    return sum(((energy_kwh * price).quantize(D("0.01"), ROUND_HALF_UP) for price in PRICES), D(0))


def office(
    baseline: tuple[float, float, float] | None = None,
    intensity: tuple[float, float, float, float] | None = None,
    percentile: float | None = None,
    **grounds: Any,
) -> Advised:
    given = Situation(
        SUPPLY,
        SUPPLY.energy_kwh,
        False,
        price_supply(SUPPLY, FACTS),
        (),
        baseline,
        intensity,
        None,
        Grounds(**grounds),
        percentile,
    )
    return advised(given, FACTS, SETTINGS)


def saved(found: Advised) -> dict[str, Decimal]:
    return {row["advice_id"]: D(json.loads(row["advice_inputs"])["saved_kwh"]) for row in found.rows}


@pytest.mark.parametrize(
    ("compared", "expected"),
    [(29500.0, {}), (29500.01, {"EB-A05": D("1500.01")}), (28100.0, {}), (30000.0, {"EB-A05": D("2000.00")})],
)
def test_back_to_the_baseline_only_from_above_its_band(compared: float, expected: dict[str, Any]) -> None:
    """204 of 273 stood beside 在基线区间内."""
    assert saved(office(BAND, compared_kwh=compared)) == expected


def test_the_loss_of_a_transformer_is_no_saving() -> None:
    """30,000 kWh are billed, 29,600 were counted: what the band holds is what was counted."""
    found = office(BAND, compared_kwh=29600.0)
    assert saved(found) == {"EB-A05": D("1600.00")}
    assert found.rows[0]["saving_cny"] == total(D(30000)) - total(D(28400))


@pytest.mark.parametrize(("coverage", "count"), [(0.80, 1), (0.799, 0), (None, 1)])
def test_a_band_that_did_not_hold_asks_for_nothing(coverage: float | None, count: int) -> None:
    assert len(office(BAND, compared_kwh=30000.0, band_coverage=coverage).rows) == count
    days = office(BAND, compared_kwh=29000.0, above_days=6, above_kwh=300.0, band_coverage=coverage)
    assert len(days.rows) == count


def test_days_above_their_band_are_counted_and_brought_back() -> None:
    found = office(BAND, compared_kwh=29000.0, above_days=6, above_kwh=300.0)
    assert saved(found) == {"EB-A09": D("300.00")}
    assert "有 6 天用电高于各自的基线区间" in found.rows[0]["advice_zh"]
    assert office(BAND, compared_kwh=29000.0).rows == []


def test_days_above_an_honest_band_are_chance_and_no_advice() -> None:
    """Of 30 days one or two lie above a band that holds nine in ten, on four bills of five: no news."""
    chance = np.random.default_rng(20).binomial(30, (1 - SETTINGS.band_level) / 2, 4000)
    advised_on = [
        days
        for days in range(11)
        if office(BAND, compared_kwh=29000.0, above_days=days, above_kwh=300.0).rows
    ]
    assert (chance > 0).mean() > 0.75
    assert advised_on == list(range(6, 11))
    assert np.isin(chance, advised_on).mean() < 0.01


@pytest.mark.parametrize(
    ("own", "kwh"), [(26.0, None), (26.2, "100.00"), (20.0, None), (38.0, "6000.00"), (40.0, "6000.00")]
)
def test_peers_are_a_reason_only_above_their_median(own: float, kwh: str | None) -> None:
    """Half the gap, at most a fifth of 30,000 kWh: 39 % of a bill were promised by floor area."""
    found = office(intensity=(own, 26.0, 20.0, 1000.0), percentile=60.0, plausible=(2.0, 40.0))
    assert saved(found) == ({} if kwh is None else {"EB-A06": D(kwh)})
    if kwh is not None:
        goal = "先少用 20%" if own > 38 else "差距缩小一半"
        assert goal in found.rows[0]["advice_zh"]


@pytest.mark.parametrize(("own", "is_advised"), [(40.0, True), (40.1, False), (53.0, False)])
def test_a_figure_far_from_all_peers_promises_no_saving(own: float, is_advised: bool) -> None:
    """103,016 CNY were promised for an office of 53 kWh/m2 beside a median of 9: a data hall, or a wrong
    area.
    """
    found = saved(office(intensity=(own, 9.0, 5.0, 300.0), percentile=98.0, plausible=(1.6, 40.0)))
    assert ("EB-A06" in found) is is_advised


@pytest.mark.parametrize(
    ("night", "is_advised"), [(19.9, False), (20.0, True), (60.0, True), (60.1, False), (0.0, False)]
)
def test_a_night_load_is_shown_by_the_curve_or_not_advised_on(night: float, is_advised: bool) -> None:
    """Below a fifth of the busy hours little is left on, above three fifths the night is worked."""
    found = office(night=NightLoad(night, 100.0, (night * 24 * 30,)))
    expected = {"EB-A07": (D(repr(night)) * 24 * 30 / 10).quantize(D("0.01"))}
    assert saved(found) == (expected if is_advised else {})


def test_daily_registers_alone_tell_no_base_load() -> None:
    """It stood on all 504 bills of buildings: the lowest day of ten is no night."""
    assert office().rows == []


@pytest.mark.parametrize(
    "known",
    [
        {"baseline": BAND, "compared_kwh": 25999.0},
        {"baseline": BAND, "compared_kwh": 25999.0, "band_coverage": 0.5},
        {"percentile": 10.0},
    ],
    ids=["below its baseline", "below a band that is not trusted", "the lowest tenth"],
)
def test_who_uses_little_is_not_told_to_use_less(known: dict[str, Any]) -> None:
    """56 bills below their baseline were all told to cut."""
    every = {
        "above_days": 6,
        "above_kwh": 500.0,
        "night": NightLoad(30.0, 100.0, (21600.0,)),
        "intensity": (30.0, 26.0, 20.0, 1000.0),
        "plausible": (1.0, 90.0),
    }
    assert office(**(every | known)).rows == []
    inside = {"baseline": BAND, "compared_kwh": 26000.0, "percentile": 10.1}
    assert {row["advice_id"] for row in office(**(every | inside)).rows} == {"EB-A06", "EB-A07", "EB-A09"}


@pytest.mark.parametrize(
    ("compared", "percentile", "coverage", "expected"),
    [
        (25999.0, None, 0.9, [Praise.BELOW_BASELINE]),
        (26000.0, None, 0.9, []),
        (25999.0, None, 0.7, []),
        (27000.0, 10.0, 0.7, [Praise.AMONG_LOWEST_PEERS]),
        (27000.0, 10.1, 0.9, []),
        (25999.0, 3.0, None, [Praise.BELOW_BASELINE, Praise.AMONG_LOWEST_PEERS]),
    ],
)
def test_praise_has_a_reason(
    compared: float, percentile: float | None, coverage: float | None, expected: list[Praise]
) -> None:
    grounds = Grounds(compared_kwh=compared, band_coverage=coverage)
    assert praises(grounds, BAND, percentile, SETTINGS) == expected


def test_advices_on_the_same_kilowatt_hours_are_not_added_up() -> None:
    """2,000 kWh above the baseline, 3,000 above the peers: together the larger."""
    found = office(
        BAND,
        (32.0, 26.0, 20.0, 1000.0),
        60.0,
        compared_kwh=30000.0,
        plausible=(1.0, 90.0),
        above_days=6,
        above_kwh=600.0,
    )
    assert saved(found) == {"EB-A05": D("2000.00"), "EB-A06": D("3000.00"), "EB-A09": D("600.00")}
    assert found.joint_saving_cny == total(D(30000)) - total(D(27000)) == found.rows[0]["saving_cny"]
    assert office(BAND, compared_kwh=30000.0).joint_saving_cny is None
