"""Estimation by hand: where each method reaches, what it gives, and what stays empty."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import yaml

from pipelines.codes import IntervalStatus
from pipelines.settings import packaged
from pipelines.vee.blocks import CurveBlock
from pipelines.vee.estimation import estimate_missing_intervals
from pipelines.vee.settings import VeeSettings

SETTINGS = VeeSettings.model_validate(yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8")))
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
    return estimate_missing_intervals(of, np.isnan(of.energy), np.zeros(of.energy.shape, dtype=np.bool_), settings)


def ramp(days: int) -> np.ndarray:
    return np.tile(np.arange(96.0), (days, 1))


@pytest.mark.parametrize(("length", "method"), [(8, LINEAR), (9, LIKE_DAY)])
def test_two_hours_are_bridged_by_a_straight_line_and_more_by_like_days(length: int, method: IntervalStatus) -> None:
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
    np.testing.assert_allclose(estimate(block(energy))[0][2, 20:60], 10.0 * SETTINGS.like_day_scale_max)
    energy[2, np.r_[0:20, 60:96]] = 0.1
    np.testing.assert_allclose(estimate(block(energy))[0][2, 20:60], 10.0 * SETTINGS.like_day_scale_min)


def test_only_days_of_the_same_type_count_and_the_nearest_first() -> None:
    level = np.array([1.0, 90.0, 2.0, 90.0, 3.0, 90.0, 4.0, 5.0, 6.0, 7.0])
    energy = np.repeat(level[:, None], 96, axis=1)
    energy[4] = np.nan
    types = [0, 1, 0, 1, 0, 1, 0, 0, 0, 0]
    final, status = estimate(block(energy, types), SETTINGS.model_copy(update={"like_day_neighbour_hours": 0.0}))
    # Nearest four of type 0 around day 4: days 2, 6, 7 and one of 0 and 8 at equal distance, the earlier.
    np.testing.assert_allclose(final[4], (2.0 + 4.0 + 5.0 + 1.0) / 4)
    assert set(status[4]) == {LIKE_DAY}


def test_a_day_with_a_hole_is_no_like_day() -> None:
    energy = np.repeat(np.array([1.0, 2.0, 3.0, 4.0])[:, None], 96, axis=1)
    energy[1] = np.nan
    energy[2, 0] = np.nan
    final, _ = estimate(block(energy), SETTINGS.model_copy(update={"like_day_neighbour_hours": 0.0}))
    np.testing.assert_allclose(final[1], (1.0 + 4.0) / 2)


def test_what_has_no_like_day_stays_empty() -> None:
    energy = ramp(5)
    energy[2] = np.nan
    final, status = estimate(block(energy, [0, 0, 1, 0, 0]))
    assert np.isnan(final[2]).all()
    assert set(status[2]) == {MISSING}


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
    final, status = estimate_missing_intervals(block(energy), invalid, substituted, SETTINGS)
    assert (status[1, 5], status[1, 6]) == (IntervalStatus.SUBSTITUTED_BY_SENDER, LINEAR)
    assert final[1, 5] == 5.0


def test_one_series_does_not_lend_to_another() -> None:
    energy = ramp(4)
    energy[1, 90:] = np.nan
    apart = replace(block(energy), series_starts=np.array([0, 2, 4]))
    final, status = estimate(apart)
    assert set(status[1, 90:]) == {LIKE_DAY}
    np.testing.assert_allclose(final, ramp(4))
