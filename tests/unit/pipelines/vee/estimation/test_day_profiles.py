"""One day judged from kept profiles says what the whole series would say; edges of the estimates in pairs."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.codes import IntervalStatus
from pipelines.settings import Settings
from pipelines.vee import VeeSettings
from pipelines.vee.blocks import CurveBlock
from pipelines.vee.estimation.day_profiles import (
    DAY_CHECK_BITS,
    DAY_RULES,
    ProfiledBlock,
    profiled_block,
    refine_day,
)
from pipelines.vee.validation.checks import CHECKS, run_checks

SLOTS, HISTORY = 96, 10


@pytest.fixture
def vee(settings: Settings) -> VeeSettings:
    return settings.section(VeeSettings)


def block(energy: np.ndarray, series_starts: np.ndarray, capacity: float = np.nan) -> CurveBlock:
    days = energy.shape[0]
    return CurveBlock(
        energy=energy,
        interval_minutes=15,
        series_starts=series_starts,
        day_numbers=np.full(days, 20_000),
        day_types=np.zeros(days, dtype=np.int64),
        capacity_kva=np.full(days, capacity),
        counts_use=np.ones(days, dtype=np.bool_),
        receptions=np.ones(days, dtype=np.int64),
        today_number=20_001,
    )


def one_day(
    energy: np.ndarray, usual: float = 1.2, likely: float = 1.0, capacity: float = np.nan
) -> ProfiledBlock:
    rows = np.atleast_2d(energy)
    profile = np.full(rows.shape, usual, dtype=np.float32)
    return profiled_block(
        block(rows, np.arange(rows.shape[0] + 1), capacity),
        profile,
        np.full(rows.shape, likely, dtype=np.float32),
        np.full(rows.shape[0], likely),
    )


def usual_of(history: np.ndarray, vee: VeeSettings) -> np.ndarray:
    """Median over the nearest earlier days of the largest value near each slot, written out again."""
    days = history[::-1][: vee.spikes.like_days]
    reach = vee.spikes.like_day_slots
    tops = [
        [np.nanmax(day[max(0, slot - reach) : slot + reach + 1]) for slot in range(SLOTS)] for day in days
    ]
    return np.median(tops, axis=0)


@pytest.mark.parametrize("seed", range(6))
def test_spikes_from_profiles_are_those_of_the_whole_series(seed: int, vee: VeeSettings) -> None:
    """Ten days of history and one day to judge; the first hour of that day may look back over midnight and is
    left out.
    """
    random = np.random.default_rng(seed)
    series = 40
    energy = np.round(
        (1 + 0.5 * np.sin(np.arange(SLOTS) / 15))
        * random.uniform(0.5, 20, (series, 1, 1))
        * random.uniform(0.8, 1.2, (series, HISTORY + 1, SLOTS)),
        2,
    )
    last = energy[:, -1]
    last[random.random(last.shape) < 0.03] = np.nan
    spikes = random.random(last.shape) < 0.02
    last[spikes] *= random.uniform(1.5, 40, int(spikes.sum()))
    whole = block(energy.reshape(-1, SLOTS), np.arange(series + 1) * (HISTORY + 1))
    bits, _ = run_checks(whole, vee)
    expected = bits.reshape(series, HISTORY + 1, SLOTS)[:, -1]
    usual = np.stack([usual_of(energy[one, :-1], vee) for one in range(series)])
    level = np.array([values[values > 0].mean() for values in energy.reshape(series, -1)])
    today = profiled_block(
        block(last.copy(), np.arange(series + 1)), usual.astype(np.float32), usual.astype(np.float32), level
    )
    found, _, _ = refine_day(today, vee)
    assert (expected[:, 4:] >> 5 & 1).sum() > 10
    for bit in (0, 2, 5):
        np.testing.assert_array_equal(
            found[:, 4:] >> bit & 1, expected[:, 4:] >> bit & 1, err_msg=f"bit {bit}"
        )


def test_ids_and_bits_are_those_of_the_catalogue() -> None:
    assert {check.id: check.bit for check in CHECKS if check.id in DAY_RULES} == DAY_CHECK_BITS
    assert DAY_CHECK_BITS.keys() == DAY_RULES.keys()


def test_a_measured_value_is_never_changed(vee: VeeSettings) -> None:
    random = np.random.default_rng(1)
    energy = random.uniform(0.5, 1.5, (50, SLOTS))
    energy[random.random(energy.shape) < 0.1] = np.nan
    energy[random.random(energy.shape) < 0.01] *= 50
    _, final, status = refine_day(one_day(energy), vee)
    measured = status == IntervalStatus.MEASURED
    np.testing.assert_array_equal(final[measured], energy[measured])
    assert not np.isnan(final).any()


@pytest.mark.parametrize(
    ("width", "status"), [(8, IntervalStatus.ESTIMATED_LINEAR), (9, IntervalStatus.ESTIMATED_LIKE_DAY)]
)
def test_a_gap_of_two_hours_is_filled_straight_and_a_longer_one_from_the_profile(
    width: int, status: IntervalStatus, vee: VeeSettings
) -> None:
    energy = np.ones(SLOTS)
    energy[40 + width :] = 1.0 + 0.01 * (width + 1)
    energy[40 : 40 + width] = np.nan
    _, final, found = refine_day(one_day(energy, likely=2.0), vee)
    assert (found[0, 40 : 40 + width] == status).all()
    if status is IntervalStatus.ESTIMATED_LINEAR:
        assert final[0, 40 : 40 + width] == pytest.approx(1.0 + 0.01 * np.arange(1, width + 1))
    else:  # neighbours run at about half of the profile, which is less than the smallest scale
        assert final[0, 40 : 40 + width] == pytest.approx(np.full(width, 2.0 * vee.like_day.scale_min))


def test_the_profile_is_scaled_to_what_the_day_shows_beside_the_gap(vee: VeeSettings) -> None:
    energy = np.full(SLOTS, 1.2)
    energy[30:60] = np.nan
    _, final, _ = refine_day(one_day(energy, likely=1.0), vee)
    assert final[0, 30:60] == pytest.approx(np.full(30, 1.2), rel=1e-6)


def test_a_day_without_profile_keeps_its_long_gaps_empty(vee: VeeSettings) -> None:
    energy = np.ones(SLOTS)
    energy[30:60] = np.nan
    energy[70:72] = np.nan
    _, final, status = refine_day(one_day(energy, usual=np.nan, likely=np.nan), vee)
    assert (status[0, 30:60] == IntervalStatus.MISSING).all()
    assert np.isnan(final[0, 30:60]).all()
    assert (status[0, 70:72] == IntervalStatus.ESTIMATED_LINEAR).all()


def test_capacity_and_negative_values_are_judged_as_everywhere(vee: VeeSettings) -> None:
    energy = np.ones(SLOTS)
    energy[10] = -0.5
    limit = vee.capacity.over_factor * 10.0 * 0.25
    energy[50:54] = limit
    energy[60:64] = limit * 1.0001
    bits, _, status = refine_day(one_day(energy, usual=10.0, capacity=10.0), vee)
    assert bits[0, 10] & 4
    assert not (bits[0, 50:54] & 64).any()
    assert (bits[0, 60:64] & 64).all()
    assert status[0, 10] == IntervalStatus.ESTIMATED_LINEAR
