"""Estimation by hand: where each method reaches, what it gives, and what stays empty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import yaml

from pipelines.codes import IntervalStatus
from pipelines.settings import packaged
from pipelines.vee.blocks import CurveBlock
from pipelines.vee.estimation.estimate import estimate_missing_intervals
from pipelines.vee.settings import VeeSettings

CHOOSING = VeeSettings.model_validate(
    yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8"))
)
# With more masks wanted than there ever are, nothing is learnt, and the methods come in the order of the
# catalogue.
SETTINGS = CHOOSING.with_values({"back_test.least_masks": 1_000_000})
LINEAR, LIKE_DAY, MISSING, MEASURED = (
    IntervalStatus.ESTIMATED_LINEAR,
    IntervalStatus.ESTIMATED_LIKE_DAY,
    IntervalStatus.MISSING,
    IntervalStatus.MEASURED,
)


def block(energy: np.ndarray, types: list[int] | None = None, minutes: int = 15) -> CurveBlock:
    days = len(energy)
    return CurveBlock(
        energy=energy,
        interval_minutes=minutes,
        series_starts=np.array([0, days]),
        day_numbers=np.arange(days) + 20_000,
        day_types=np.array(types if types is not None else [0] * days, dtype=np.int64),
        capacity_kva=np.full(days, np.nan),
        counts_use=np.ones(days, dtype=np.bool_),
        receptions=np.ones(days, dtype=np.int64),
        today_number=30_000,
    )


def estimate(of: CurveBlock, settings: VeeSettings = SETTINGS) -> tuple[np.ndarray, np.ndarray]:
    found = estimate_missing_intervals(
        of, np.isnan(of.energy), np.zeros(of.energy.shape, dtype=np.bool_), settings
    )
    return found.final, found.status


def ramp(days: int) -> np.ndarray:
    return np.tile(np.arange(96.0), (days, 1))


@pytest.mark.parametrize(("length", "method"), [(8, LINEAR), (9, LIKE_DAY)])
def test_two_hours_are_bridged_by_a_straight_line_and_more_by_like_days(
    length: int, method: IntervalStatus
) -> None:
    energy = ramp(5)
    energy[2, 10 : 10 + length] = np.nan
    final, status = estimate(block(energy))
    assert set(status[2, 10 : 10 + length]) == {method}
    np.testing.assert_allclose(final, ramp(5))
    assert (status == MEASURED).sum() == 5 * 96 - length


def test_the_limit_is_time_not_intervals() -> None:
    energy = np.tile(np.arange(48.0), (5, 1))
    energy[2, 10:14] = np.nan
    assert set(estimate(block(energy, minutes=30))[1][2, 10:14]) == {LINEAR}
    energy[2, 14] = np.nan
    assert set(estimate(block(energy, minutes=30))[1][2, 10:15]) == {LIKE_DAY}


def test_a_gap_at_the_edge_has_no_second_neighbour() -> None:
    energy = ramp(3)
    energy[0, 0] = np.nan
    assert estimate(block(energy))[1][0, 0] == LIKE_DAY


def test_like_days_are_scaled_to_the_neighbours_within_limits() -> None:
    energy = np.full((5, 96), 10.0)
    energy[2] = 15.0
    energy[2, 20:60] = np.nan
    final, _ = estimate(block(energy))
    np.testing.assert_allclose(final[2, 20:60], 15.0)
    energy[2, np.r_[0:20, 60:96]] = 50.0
    np.testing.assert_allclose(estimate(block(energy))[0][2, 20:60], 10.0 * SETTINGS.like_day.scale_max)
    energy[2, np.r_[0:20, 60:96]] = 0.1
    np.testing.assert_allclose(estimate(block(energy))[0][2, 20:60], 10.0 * SETTINGS.like_day.scale_min)


def test_only_days_of_the_same_type_count_and_the_nearest_first() -> None:
    level = np.array([1.0, 90.0, 2.0, 90.0, 3.0, 90.0, 4.0, 5.0, 6.0, 7.0])
    energy = np.repeat(level[:, None], 96, axis=1)
    energy[4] = np.nan
    types = [0, 1, 0, 1, 0, 1, 0, 0, 0, 0]
    settings = SETTINGS.with_values({"like_day.neighbour_hours": 0.0, "like_day.count": 4})
    final, status = estimate(block(energy, types), settings)
    # Nearest four of type 0 around day 4: days 2, 6, 7 and one of 0 and 8 at equal distance, the earlier.
    np.testing.assert_allclose(final[4], (2.0 + 4.0 + 5.0 + 1.0) / 4)
    assert set(status[4]) == {LIKE_DAY}


def test_three_like_days_by_the_shipped_settings() -> None:
    energy = np.repeat(np.array([1.0, 2.0, 0.0, 4.0, 8.0])[:, None], 96, axis=1)
    energy[2] = np.nan
    final, _ = estimate(block(energy), SETTINGS.with_values({"like_day.neighbour_hours": 0.0}))
    np.testing.assert_allclose(final[2], (2.0 + 4.0 + 1.0) / 3)


@pytest.mark.parametrize("why", ["hole", "substituted", "outage"])
def test_a_day_with_a_hole_a_substitute_or_an_outage_is_no_like_day(why: str) -> None:
    energy = np.repeat(np.array([1.0, 2.0, 3.0, 4.0])[:, None], 96, axis=1)
    energy[1] = np.nan
    substituted = np.zeros(energy.shape, dtype=np.bool_)
    of = block(energy)
    if why == "hole":
        energy[2, 0] = np.nan
    elif why == "substituted":
        substituted[2, 0] = True
    else:
        of = replace(of, outages=np.array([False, False, True, False]))
    settings = SETTINGS.with_values({"like_day.neighbour_hours": 0.0})
    np.testing.assert_allclose(
        estimate_missing_intervals(of, np.isnan(energy), substituted, settings).final[1], (1.0 + 4.0) / 2
    )


def test_without_days_of_its_type_a_gap_looks_at_days_of_other_types() -> None:
    energy = ramp(5)
    energy[2] = np.nan
    final, status = estimate(block(energy, [0, 0, 1, 0, 0]))
    assert set(status[2]) == {IntervalStatus.ESTIMATED_TIED_DAYS}
    np.testing.assert_allclose(final[2], np.arange(96.0))


def test_with_enough_days_of_its_type_a_gap_looks_at_no_other() -> None:
    level = np.array([5.0, 1.0, 5.0, 1.0, 5.0, 1.0, 5.0])
    energy = np.repeat(level[:, None], 96, axis=1)
    energy[3, 40:60] = np.nan
    uncorrected = CHOOSING.with_values(
        {"back_test.least_masks": 1_000_000, "like_day.reach_days": 6, "linear.limit_hours": 0.1}
    )
    without_like_days = uncorrected.with_values({"gaps.limit_days": 31.0})
    final, _ = estimate(block(energy, [0, 1, 0, 1, 0, 1, 0]), without_like_days)
    np.testing.assert_allclose(final[3, 40:60], 1.0)


def test_what_has_no_clean_day_at_all_stays_empty() -> None:
    energy = ramp(3)
    energy[:, 0:20] = np.nan
    energy[0, 0:20] = energy[2, 0:20] = np.nan
    final, status = estimate(block(energy))
    assert np.isnan(final[1, 0:20]).all()
    assert set(status[1, 0:20]) == {MISSING}


@pytest.mark.parametrize(("days", "expected"), [(31, LIKE_DAY), (32, MISSING)])
def test_a_gap_beyond_the_limit_stays_empty(days: int, expected: IntervalStatus) -> None:
    energy = ramp(days + 20)
    energy[10 : 10 + days] = np.nan
    assert set(estimate(block(energy))[1][10 : 10 + days].ravel()) == {expected}


def test_a_gap_over_midnight_takes_each_day_by_its_own_type() -> None:
    energy = np.repeat(np.array([1.0, 5.0, 1.0, 5.0, 1.0, 5.0])[:, None], 96, axis=1)
    energy[2, 80:], energy[3, :16] = np.nan, np.nan
    final, _ = estimate(block(energy, [0, 1, 0, 1, 0, 1]))
    np.testing.assert_allclose(final[2, 80:], 1.0)
    np.testing.assert_allclose(final[3, :16], 5.0)


def test_the_senders_substitutes_stand_unless_they_are_impossible() -> None:
    energy = ramp(3)
    substituted = np.zeros(energy.shape, dtype=np.bool_)
    substituted[1, 5:7] = True
    invalid = np.zeros(energy.shape, dtype=np.bool_)
    invalid[1, 6] = True
    found = estimate_missing_intervals(block(energy), invalid, substituted, SETTINGS)
    final, status = found.final, found.status
    assert (status[1, 5], status[1, 6]) == (IntervalStatus.SUBSTITUTED_BY_SENDER, LINEAR)
    assert final[1, 5] == 5.0


def test_one_series_does_not_lend_to_another() -> None:
    energy = ramp(4)
    energy[1, 90:] = np.nan
    apart = replace(block(energy), series_starts=np.array([0, 2, 4]))
    final, status = estimate(apart)
    assert set(status[1, 90:]) == {LIKE_DAY}
    np.testing.assert_allclose(final, ramp(4))


def wavy(days: int, noise: float, seed: int = 1) -> np.ndarray:
    """A load whose level drifts from day to day and whose days have one shape."""
    random = np.random.default_rng(seed)
    shape = 2.0 + np.sin(np.linspace(0, 2 * np.pi, 96, endpoint=False))
    level = np.exp(np.cumsum(random.normal(0, 0.05, days)))
    return level[:, None] * shape + random.normal(0, noise, (days, 96))


def walk(days: int, seed: int = 1) -> np.ndarray:
    """A random walk: nothing but the neighbours says anything."""
    return 500.0 + np.cumsum(np.random.default_rng(seed).normal(0, 1, days * 96)).reshape(days, 96)


def test_the_method_is_the_one_that_errs_least_on_the_series_itself() -> None:
    shaped, steps = wavy(60, 0.01), walk(60)
    for energy in (shaped, steps):
        energy[30, 20:68] = np.nan
    assert set(estimate(block(shaped), CHOOSING)[1][30, 20:68]) == {IntervalStatus.ESTIMATED_TIED_DAYS}
    assert set(estimate(block(steps), CHOOSING)[1][30, 20:68]) == {LINEAR}


def test_learning_changes_no_value_that_was_there() -> None:
    energy = wavy(60, 0.05)
    energy[30, 20:68] = np.nan
    before = energy.copy()
    final, _ = estimate(block(energy), CHOOSING)
    np.testing.assert_array_equal(energy, before)
    np.testing.assert_array_equal(final[~np.isnan(before)], before[~np.isnan(before)])


def test_the_same_series_is_filled_the_same_beside_any_other() -> None:
    one, other = wavy(40, 0.05), wavy(50, 0.5, seed=7)
    one[20, 10:50], other[3, 1:7], other[30, :] = np.nan, np.nan, np.nan
    alone = estimate(block(one), CHOOSING)[0]
    both = replace(block(np.concatenate((other, one))), series_starts=np.array([0, 50, 90]))
    np.testing.assert_array_equal(estimate(both, CHOOSING)[0][50:], alone)


@pytest.mark.parametrize("slots", [2, 8, 32, 96])
@pytest.mark.parametrize("make", [lambda: wavy(200, 0.05), lambda: walk(200)], ids=["wavy", "walk"])
def test_the_band_covers_most_of_what_was_hidden(make: Callable[[], np.ndarray], slots: int) -> None:
    truth = make()
    energy = truth.copy()
    random = np.random.default_rng(slots)
    for begin in random.choice(np.arange(10, 190), 24, replace=False) * 96 + random.integers(
        0, 96 - min(slots, 95), 24
    ):
        energy.reshape(-1)[begin : begin + slots] = np.nan
    of = block(energy)
    found = estimate_missing_intervals(of, np.isnan(energy), np.zeros(energy.shape, dtype=np.bool_), CHOOSING)
    hidden = np.flatnonzero(np.isnan(energy))
    np.testing.assert_array_equal(found.places, hidden)
    inside = np.abs(found.final.reshape(-1) - truth.reshape(-1))[hidden] <= found.margin
    assert 0.75 <= inside.mean() <= 0.98


def test_a_series_too_short_to_learn_from_has_no_band() -> None:
    energy = ramp(5)
    energy[2, 10:14] = np.nan
    found = estimate_missing_intervals(
        block(energy), np.isnan(energy), np.zeros(energy.shape, dtype=np.bool_), SETTINGS
    )
    assert found.places.tolist() == list(range(2 * 96 + 10, 2 * 96 + 14))
    assert np.isnan(found.margin).all()
