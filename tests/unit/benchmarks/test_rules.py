"""The comparison's rules, worked by hand; edges in pairs."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.metering.rules import (
    LINEAR_SLOTS,
    MEASURES,
    MISSING,
    NEGATIVE,
    SLOTS,
    SPIKE,
    ZERO_RUN,
    ZERO_RUN_SLOTS,
    fill_slots,
    flag_slots,
    month_measures,
)

DAYS = 30
NOON = 15 * SLOTS + 48


def flat(value: float = 1.0) -> np.ndarray:
    return np.full((1, DAYS * SLOTS), value)


@pytest.mark.parametrize(("value", "flag"), [(8.0, 0), (8.001, SPIKE)])
def test_a_spike_is_more_than_eight_times_the_median_of_its_like_days(value: float, flag: int) -> None:
    energy = flat()
    energy[0, NOON] = value
    assert flag_slots(energy)[0, NOON] == flag


def test_the_median_of_four_like_days_is_the_mean_of_the_middle_two() -> None:
    energy = flat()
    for days, value in ((-14, 0.5), (-7, 1.0), (7, 2.0), (14, 90.0)):
        energy[0, NOON + days * SLOTS] = value
    energy[0, NOON] = 12.0  # eight times 1.5
    assert flag_slots(energy)[0, NOON] == 0
    energy[0, NOON] = 12.1
    assert flag_slots(energy)[0, NOON] == SPIKE


def test_negative_and_missing_like_days_do_not_count_and_one_alone_is_too_few() -> None:
    energy = flat()
    energy[0, NOON] = 100.0
    energy[0, NOON - 14 * SLOTS], energy[0, NOON - 7 * SLOTS] = np.nan, -1.0
    assert flag_slots(energy)[0, NOON] == SPIKE
    energy[0, NOON + 7 * SLOTS] = np.nan
    assert flag_slots(energy)[0, NOON] == 0


@pytest.mark.parametrize(("width", "flagged"), [(ZERO_RUN_SLOTS - 1, 0), (ZERO_RUN_SLOTS, ZERO_RUN_SLOTS)])
def test_a_run_of_zeros_counts_from_twelve_hours_over_midnight(width: int, flagged: int) -> None:
    energy = flat()
    begin = 10 * SLOTS - 20
    energy[0, begin : begin + width] = 0.0
    flags = flag_slots(energy)
    assert ((flags & ZERO_RUN) > 0).sum() == flagged
    assert (fill_slots(energy, flags)[0, begin : begin + width] == 0.0).all()


def test_a_run_of_zeros_may_end_with_the_series() -> None:
    energy = flat()
    energy[0, -ZERO_RUN_SLOTS:] = 0.0
    assert (flag_slots(energy)[0, -ZERO_RUN_SLOTS:] == ZERO_RUN).all()


@pytest.mark.parametrize("width", [LINEAR_SLOTS, LINEAR_SLOTS + 1])
def test_short_gaps_run_straight_and_longer_ones_take_the_mean_of_like_days(width: int) -> None:
    energy = flat()
    for days, value in ((-14, 2.0), (-7, 4.0), (7, 6.0), (14, np.nan)):
        energy[0, NOON + days * SLOTS : NOON + days * SLOTS + width] = value
    energy[0, NOON - 1], energy[0, NOON + width] = 1.0, 1.0 + 0.5 * (width + 1)
    energy[0, NOON : NOON + width] = np.nan
    flags = flag_slots(energy)
    final = fill_slots(energy, flags)[0, NOON : NOON + width]
    expected = 1.5 + 0.5 * np.arange(width) if width <= LINEAR_SLOTS else np.full(width, 4.0)
    assert final == pytest.approx(expected, abs=1e-12)
    assert (flags[0, NOON : NOON + width] == MISSING).all()


def test_a_gap_at_the_edge_of_the_series_has_no_straight_line() -> None:
    energy = flat(3.0)
    energy[0, 0] = np.nan
    energy[0, 7 * SLOTS], energy[0, 14 * SLOTS] = 5.0, -7.0
    flags = flag_slots(energy)
    assert flags[0, 14 * SLOTS] == NEGATIVE
    assert (
        fill_slots(energy, flags)[0, 0] == 5.0
    )  # of the like-days after, one is negative and does not count


def test_what_no_like_day_shows_stays_empty() -> None:
    energy = np.full((1, DAYS * SLOTS), np.nan)
    assert np.isnan(fill_slots(energy, flag_slots(energy))).all()


def test_measures_of_a_month_by_hand() -> None:
    energy = flat(1.0)
    energy[0, NOON] = 3.0
    energy[0, 0] = np.nan
    flags = flag_slots(energy)
    final = fill_slots(energy, flags)
    weekend = np.zeros(DAYS, dtype=np.bool_)
    weekend[:2] = True
    found = dict(
        zip(
            MEASURES,
            month_measures(final, flat(0.5), flags, np.zeros(DAYS, dtype=np.int64), weekend)[0, 0],
            strict=True,
        )
    )
    count = DAYS * SLOTS
    total = count + 2.0
    assert found["energy_kwh"] == pytest.approx(total)
    assert found["reactive_kvarh"] == pytest.approx(count / 2)
    assert found["power_factor_ratio"] == pytest.approx(total / np.hypot(total, count / 2))
    assert found["max_kw"] == 12.0
    assert found["std_kw"] == pytest.approx(4 * np.std(final))
    assert found["load_factor_ratio"] == pytest.approx(total / count / 3.0)
    assert found["night_kwh"] == pytest.approx(28 * DAYS)
    assert found["weekend_kwh"] == pytest.approx(2 * SLOTS)
    assert (
        found["missing_intervals"],
        found["failed_intervals"],
        found["zero_run_intervals"],
        found["estimated_intervals"],
    ) == (1, 0, 0, 1)
