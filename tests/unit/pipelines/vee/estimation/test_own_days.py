"""Long gaps whose energy registers know: own like-days give the shape, registers the energy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import yaml

from pipelines.codes import IntervalStatus
from pipelines.settings import packaged
from pipelines.vee.blocks import CurveBlock
from pipelines.vee.estimation.estimate import Estimates, estimate_missing_intervals
from pipelines.vee.estimation.own_days import own_days, put_own_days
from pipelines.vee.estimation.reconciliation import RegisterSpans, reconcile_with_registers
from pipelines.vee.settings import VeeSettings

SETTINGS = VeeSettings.model_validate(
    yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8"))
)
LIKE_DAY, EVEN = IntervalStatus.ESTIMATED_LIKE_DAY, IntervalStatus.ESTIMATED_EVEN_SHARE
GAP = slice(60, 100)  # days
HOURS = np.arange(24)


def load(days: int = 160, seed: int = 3) -> np.ndarray:
    """A works that runs by day on working days, with a little of everything by chance. [kWh]"""
    random = np.random.default_rng(seed)
    level = np.where(np.arange(days) % 7 < 5, 1.0, 0.3)[:, None] * random.normal(1.0, 0.1, (days, 1))
    shape = 2.0 + 30.0 * ((HOURS >= 8) & (HOURS < 18))
    return level * shape * random.normal(1.0, 0.05, (days, 24))


def block(energy: np.ndarray, **parts: np.ndarray) -> CurveBlock:
    days = len(energy)
    weekday = np.arange(days) % 7
    made = CurveBlock(
        energy=energy,
        interval_minutes=60,
        series_starts=np.array([0, days]),
        day_numbers=np.arange(days) + 20_000,
        day_types=np.where(weekday < 5, 0, weekday),
        capacity_kva=np.full(days, np.nan),
        counts_use=np.ones(days, dtype=np.bool_),
        receptions=np.ones(days, dtype=np.int64),
        today_number=30_000,
    )
    return replace(made, **parts)


def spans(truth: np.ndarray, every: int = 1, gap: slice = GAP) -> RegisterSpans:
    first = np.arange(gap.start, gap.stop, every)
    last = np.minimum(first + every, gap.stop)
    energy = np.array([truth[begin:end].sum() for begin, end in zip(first, last, strict=True)])
    return RegisterSpans(first, last, energy, np.full(first.size, 0.001))


def filled(
    truth: np.ndarray,
    every: int = 1,
    settings: VeeSettings = SETTINGS,
    gap: slice = GAP,
    energy: np.ndarray | None = None,
    parts: Mapping[str, np.ndarray] | None = None,
) -> Estimates:
    """The gap estimated, and what registers read every so many days leave for it.

    energy  What the registers counted; none: the truth.
    """
    holed = truth.copy()
    holed[gap] = np.nan
    of = block(holed, **(parts or {}))
    missing = np.isnan(holed)
    found = estimate_missing_intervals(of, missing, np.zeros_like(missing), settings)
    registers = spans(truth if energy is None else energy, every, gap)
    assert found.series is not None
    missing = np.isnan(found.final)
    own = own_days(missing, registers, found.series, of, settings)
    profile = None
    if own is not None:
        profile = np.full(holed.shape, np.nan)
        profile[own.rows] = own.shape
    done = reconcile_with_registers(found.final, found.status, registers, profile=profile)
    scaled = replace(found, final=done.final, status=done.status)
    return scaled if own is None else put_own_days(scaled, missing, own)


def error(found: Estimates, truth: np.ndarray, gap: slice = GAP) -> float:
    return float(np.abs(found.final[gap] - truth[gap]).mean() / truth.mean())


@pytest.mark.parametrize("every", [1, 30, 40])
def test_a_long_gap_runs_as_own_days_do_and_holds_the_registers_energy(every: int) -> None:
    truth = load()
    found = filled(truth, every)
    assert set(found.status[GAP].reshape(-1)) == {LIKE_DAY}
    for begin in range(GAP.start, GAP.stop, every):
        part = slice(begin, min(begin + every, GAP.stop))
        assert found.final[part].sum() == pytest.approx(truth[part].sum(), rel=1e-12)
    evenly = filled(truth, every, SETTINGS.with_values({"like_day.far_count": 0}))
    assert set(evenly.status[GAP].reshape(-1)) == {EVEN}
    assert error(evenly, truth) > 0.7
    assert error(found, truth) < 0.12


def test_estimates_of_a_long_gap_have_a_band_that_covers() -> None:
    shares = []
    for seed in range(8):
        truth = load(240, seed)
        found = filled(truth)
        inside = np.isin(found.places // 24, np.arange(GAP.start, GAP.stop))
        assert inside.sum() == (GAP.stop - GAP.start) * 24
        assert (np.diff(found.places) > 0).all()
        off = np.abs(found.final.reshape(-1) - truth.reshape(-1))[found.places[inside]]
        shares.append((off <= found.margin[inside]).mean())
    assert 0.8 <= np.mean(shares) <= 0.97


def test_a_series_too_short_for_masks_has_the_shape_and_no_band() -> None:
    truth = load(70)
    found = filled(truth, gap=slice(20, 60))
    assert set(found.status[20:60].reshape(-1)) == {LIKE_DAY}
    assert np.isnan(found.margin).all()


def test_each_day_follows_days_of_its_own_kind() -> None:
    truth = load()
    weekend = np.arange(160) % 7 >= 5
    truth[weekend] = truth[weekend][:, ::-1] + 5.0 * (HOURS < 6)
    assert error(filled(truth), truth) < 0.12


def test_days_near_an_end_of_the_gap_follow_that_end() -> None:
    """The works changes its shift from mornings to evenings while nobody sees it."""
    days = np.arange(160)
    truth = np.where((days < 80)[:, None], 2.0 + 30.0 * (HOURS < 12), 2.0 + 30.0 * (HOURS >= 12))
    final = filled(truth).final
    assert (final[60, :12] > 0.95 * truth[60, :12]).all()
    assert (final[99, 12:] > 0.95 * truth[99, 12:]).all()


def test_a_kind_of_day_that_never_came_follows_any_day() -> None:
    truth = load()
    kinds = np.zeros(160, dtype=np.int64)
    kinds[70:75] = 7  # a festival within the gap alone
    found = filled(truth, parts={"day_types": kinds})
    assert set(found.status[GAP].reshape(-1)) == {LIKE_DAY}
    assert error(found, truth, slice(70, 75)) < 0.12


def test_where_registers_leave_nothing_the_days_stay_missing() -> None:
    truth = load()
    counted = truth.copy()
    counted[70:75] = 0.0
    found = filled(truth, energy=counted)
    assert np.isnan(found.final[70:75]).all()
    assert set(found.status[70:75].reshape(-1)) == {IntervalStatus.MISSING}
    assert not np.isin(found.places // 24, np.arange(70, 75)).any()


def test_without_a_clean_day_nothing_has_a_shape() -> None:
    truth = load()
    truth[:60, 3], truth[100:, 3] = np.nan, np.nan
    holed = truth.copy()
    holed[GAP] = np.nan
    assert filled(holed, energy=load()).status[GAP].reshape(-1).tolist() == [EVEN] * 40 * 24


def stepped(at: int, factor: float, days: int = 160) -> np.ndarray:
    """Mornings before a step, evenings and another factor from it on."""
    before = np.arange(days)[:, None] < at
    random = np.random.default_rng(1).normal(1.0, 0.01, (days, 1))
    morning, evening = 2.0 + 30.0 * (HOURS < 12), 2.0 + 30.0 * (HOURS >= 12)
    return random * np.where(before, morning, factor * evening)


@pytest.mark.parametrize("factor", [4.0, 0.25, 1000.0])
def test_a_long_gap_learns_nothing_from_beyond_a_told_step(factor: float) -> None:
    """Forty days of daily reads, and the factor holds from eleven days after the gap on, which the curve
    shows.
    """
    truth = stepped(111, factor, 200)
    found = filled(truth)
    np.testing.assert_allclose(found.final[GAP], truth[GAP], rtol=1e-6)


def test_a_step_that_registers_tell_within_the_gap_parts_it() -> None:
    truth = stepped(80, 4.0)
    found = filled(truth)
    np.testing.assert_allclose(found.final[GAP], truth[GAP], rtol=1e-6)


@pytest.mark.parametrize("hours", [6, 24, 72])
@pytest.mark.parametrize("factor", [4.0, 0.25, 1000.0])
def test_a_short_gap_beside_a_told_step_keeps_to_its_own_side(hours: int, factor: float) -> None:
    """The gap ends where the step begins, or begins one day after it."""
    truth = stepped(80, factor)
    for begin in (80 * 24 - hours, 81 * 24):
        holed = truth.copy().reshape(-1)
        hidden = slice(begin, begin + hours)
        holed[hidden] = np.nan
        of = block(holed.reshape(-1, 24))
        missing = np.isnan(of.energy)
        found = estimate_missing_intervals(of, missing, np.zeros_like(missing), SETTINGS)
        wanted = truth.reshape(-1)[hidden]
        assert np.abs(found.final.reshape(-1)[hidden] - wanted).mean() < 0.1 * wanted.mean()


def test_without_a_told_step_the_series_is_one() -> None:
    truth = load()
    found = filled(truth)
    assert found.series is not None
    assert found.series.starts.tolist() == [0, 160 * 24]
