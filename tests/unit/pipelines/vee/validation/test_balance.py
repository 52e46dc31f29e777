"""Invalid is a judgement on size and balance: true peaks, noise, nights, sums that came late, own runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipelines.codes import IntervalStatus
from pipelines.vee.blocks import CurveBlock
from pipelines.vee.estimation.estimate import estimate_missing_intervals
from pipelines.vee.estimation.known_energy import keep_known_energy
from pipelines.vee.moved_settings import LATER
from pipelines.vee.validation.balance_kernels import noise_limits
from pipelines.vee.validation.checks import CHECKS, run_checks
from pipelines.vee.validation.spike_kernels import own_peak_height
from pipelines.vee.validation.zeros import missing_nights, zeros_by_rule
from tests.unit.pipelines.vee.validation.ordinary_days import SETTINGS, found_by, ordinary, with_energy

BEFORE = SETTINGS.with_values(
    {
        key: value
        for key, value in LATER.items()
        if key.partition(".")[0] in ("peaks", "catch_up", "negatives")
    }
    | {"runs.least_hours": LATER["runs.least_hours"]}
)


def hourly(values: np.ndarray, feeds_in: bool = False) -> CurveBlock:
    """One series of days of 24 hours, the first a Monday."""
    days = values.reshape(-1, 24)
    count = days.shape[0]
    weekday = np.arange(count) % 7
    return CurveBlock(
        energy=np.ascontiguousarray(days),
        interval_minutes=60,
        series_starts=np.array([0, count]),
        day_numbers=20_000 + np.arange(count),
        day_types=np.where(weekday < 5, 0, weekday),
        capacity_kva=np.full(count, np.nan),
        counts_use=np.full(count, not feeds_in),
        receptions=np.ones(count, dtype=np.int64),
        today_number=30_000,
        feeds_in=np.full(count, feeds_in),
    )


def flagged(block: CurveBlock, check_id: str) -> list[tuple[int, int]]:
    bit = next(check.bit for check in CHECKS if check.id == check_id)
    return [(int(day), int(slot)) for day, slot in np.argwhere(run_checks(block, SETTINGS)[0] >> bit & 1)]


def estimated(block: CurveBlock) -> tuple[np.ndarray, np.ndarray]:
    """Final values and status, as silver would hold them."""
    bits, invalid = run_checks(block, SETTINGS)
    done = estimate_missing_intervals(
        block,
        invalid,
        np.zeros_like(invalid),
        SETTINGS,
        known=bits >> 16 & 1 == 1,
        zeros=zeros_by_rule(block, SETTINGS),
    )
    return done.final, done.status


# One kettle of 0.9 in a day of 0.15, and no other day: nothing tells that it is wrong.
def test_a_peak_of_the_only_day_stays_measured_and_is_told() -> None:
    energy = np.full(48, 0.15)
    energy[20] = 0.9
    block = replace(hourly(np.zeros(24)), energy=energy.reshape(1, 48), interval_minutes=30)
    assert not run_checks(block, SETTINGS)[1].any()
    assert flagged(block, "VEE-V42") == [(0, 20)]
    assert run_checks(block, BEFORE)[1].sum() == 1


@pytest.mark.parametrize(("peaks", "is_peaky"), [(4, False), (5, True)])
def test_peaks_on_more_than_three_days_of_ten_are_the_series_own(peaks: int, is_peaky: bool) -> None:
    """Fifteen days, each third to seventh with a lone 30 at another time; the regular height is 10.06."""
    energy = ordinary().energy.copy()
    energy[np.arange(peaks) * 3, np.arange(peaks) * 5 + 6] = 30.0
    block = replace(ordinary(), energy=energy, capacity_kva=np.full(15, np.nan))
    assert len(flagged(block, "VEE-V42" if is_peaky else "VEE-V06")) == peaks
    assert not flagged(block, "VEE-V06" if is_peaky else "VEE-V42")


def test_of_a_series_with_own_peaks_only_what_is_far_above_them_is_invalid() -> None:
    """Seven of fifteen days peak at 30, a quarter of the days reach that: 90 is a peak, 90.1 is none."""
    energy = ordinary().energy.copy()
    energy[np.arange(0, 14, 2), np.arange(7) * 3 + 6] = 30.0
    for value, check in ((90.0, "VEE-V42"), (90.1, "VEE-V06")):
        energy[14, 50], energy[14, 10] = 10.0, value
        block = replace(ordinary(), energy=energy, capacity_kva=np.full(15, np.nan))
        assert (14, 10) in flagged(block, check)


def test_the_own_height_is_what_a_quarter_of_the_days_reaches() -> None:
    days = np.full((8, 24), 1.0)
    days[np.arange(4), 12] = [9.0, 8.0, 7.0, 6.0]
    flat = days.reshape(-1)
    assert own_peak_height(flat, 0, flat.size, 24, 1.0, 2.0, 0.3, 0.25) == 7.0
    assert own_peak_height(flat, 0, flat.size, 24, 1.0, 2.0, 0.5, 0.25) == 0.0  # on half of them, not more


@pytest.mark.parametrize(
    ("values", "limit"),
    [
        # A hundredth of the mean of 1; two steps of 0.001; a tenth of the mean where steps are coarse.
        ([1.0, 1.0, -0.05], 0.1),
        ([0.999, 1.0, 1.001, -0.05], 0.01),
        ([0.04, 0.041, 0.039, -0.003], 0.002),
        ([1.0, 2.0, 3.0, -0.15], 0.2),
        ([1.0, 2.0, 3.0, 0.0], 0.0),
        ([np.nan, 0.0, 0.0, -0.5], 0.0),
    ],
)
def test_noise_is_a_hundredth_of_the_mean_or_two_steps_but_never_a_tenth(
    values: list[float], limit: float
) -> None:
    found = noise_limits(np.array([values]), np.array([0, 1]), 0.01, 2.0)
    assert found.tolist() == [pytest.approx(limit, rel=1e-6)]


def test_noise_below_zero_is_zero_on_any_channel_and_more_is_negative() -> None:
    values = np.tile(np.where((np.arange(24) >= 6) & (np.arange(24) < 18), 1.0, -0.001), 3)
    values[5] = -0.3
    final, status = estimated(hourly(values))
    assert flagged(hourly(values), "VEE-V03") == [(0, 5)]
    nights = values == -0.001
    assert (final.reshape(-1)[nights] == 0.0).all()
    assert (status.reshape(-1)[nights] == IntervalStatus.COUNTED_AS_ZERO).all()
    assert final.sum() == pytest.approx(36.0, abs=0.6)


@pytest.mark.parametrize("fed_in", [True, False])
def test_nights_that_did_not_come_are_zero_where_energy_is_fed_in(fed_in: bool) -> None:
    lit = (np.arange(24) >= 6) & (np.arange(24) < 18)
    values = np.tile(np.where(lit, 1.0, np.nan), 10)
    values[5 * 24 + 12] = np.nan  # a gap at noon is a gap
    final, status = estimated(hourly(values, fed_in))
    night = np.tile(~lit, 10).reshape(10, 24)
    assert (status[night] == IntervalStatus.COUNTED_AS_ZERO).all() == fed_in
    assert final[5, 12] == pytest.approx(1.0)
    assert status[5, 12] not in (IntervalStatus.COUNTED_AS_ZERO, IntervalStatus.MISSING)
    if fed_in:
        assert final.sum() == pytest.approx(120.0)


def test_a_night_is_long_and_dark_for_all_the_days_around() -> None:
    lit = (np.arange(24) >= 6) & (np.arange(24) < 18)
    values = np.tile(np.where(lit, 1.0, np.nan), 40).reshape(40, 24)
    values[:, 12:15] = np.nan  # three hours at noon are no night
    values[39, 20] = 0.5  # one evening with energy: for the fifteen days before it 20:00 is not known to rest
    marks = missing_nights(hourly(values, True), SETTINGS.nights)
    assert not marks[:, 12:15].any()
    assert marks[:24, 20].all()
    assert not marks[24:, 20].any()
    assert marks[:, 2].all()
    assert not missing_nights(hourly(values[:1], True), SETTINGS.nights).any()  # one day tells nothing


def rested(hours: int, caught_up: float, gap: bool = False) -> np.ndarray:
    values = np.full(240, 0.5)
    values[100 : 100 + hours] = np.nan if gap else 0.0
    values[100 + hours] = caught_up
    return values


@pytest.mark.parametrize("gap", [False, True])
@pytest.mark.parametrize("hours", [2, 24])
def test_zeros_or_a_gap_and_their_sum_are_one_gap_with_known_energy(hours: int, gap: bool) -> None:
    """Ten days of 0.5 an hour: 120 kWh, however they came."""
    final, status = estimated(hourly(rested(hours, 0.5 * (hours + 1), gap)))
    assert final.sum() == pytest.approx(120.0, abs=1e-9)
    assert (status.reshape(-1)[100 : 101 + hours] > IntervalStatus.MEASURED).all()
    assert (status.reshape(-1) != IntervalStatus.MEASURED).sum() == hours + 1


def test_what_is_no_sum_of_the_zeros_is_a_spike_as_before() -> None:
    """The only Saturday has no like-day that could make a spike of it, so there it is told; on a Friday it is
    invalid.
    """
    for values, check, day in (
        (rested(24, 60.0), "VEE-V42", 5),
        (np.roll(rested(24, 60.0), -24), "VEE-V06", 4),
    ):
        assert not flagged(hourly(values), "VEE-V43")
        assert flagged(hourly(values), check) == [(day, 4)]


def test_zeros_at_hours_in_which_the_load_rests_are_no_late_sum() -> None:
    """A channel with nothing at night, and a high first hour on one morning."""
    values = np.tile(np.where((np.arange(24) >= 6) & (np.arange(24) < 18), 1.0, 0.0), 10).reshape(10, 24)
    values[4, 6] = 3.0
    assert not flagged(hourly(values), "VEE-V43")


def test_known_energy_is_shared_like_the_estimates_evenly_or_left_as_it_came() -> None:
    nan = np.nan
    received = np.array([[0.0, 0.0, 9.0, 5.0], [0.0, 6.0, nan, 4.0], [nan, 0.0, 4.0, 5.0]])
    known = np.array(
        [[True, True, True, False], [True, True, False, False], [True, True, True, False]], dtype=np.bool_
    )
    final = np.array([[1.0, 2.0, 3.0, 5.0], [0.0, 0.0, 1.0, 4.0], [nan, 1.0, 1.0, 5.0]])
    status, margin = np.full((3, 4), 8, dtype=np.int8), np.ones((3, 4))
    keep_known_energy(received, known, np.array([0, 1, 2, 3]), final, status, margin)
    assert final[0].tolist() == [1.5, 3.0, 4.5, 5.0]
    assert final[1].tolist() == [3.0, 3.0, 1.0, 4.0]
    # One interval was beyond every method: what came stays as it came.
    assert np.isnan(final[2, 0])
    assert final[2, 1:].tolist() == [0.0, 4.0, 5.0]
    assert status[2].tolist() == [8, 1, 1, 8]
    assert margin[0].tolist() == [1.5, 1.5, 1.5, 1.0]
    assert np.isnan(margin[1, :2]).all()


@pytest.mark.parametrize(("own", "length", "fires"), [(1, 24, True), (9, 26, False), (9, 27, True)])
def test_a_run_is_judged_against_the_longest_that_the_series_has_by_habit(
    own: int, length: int, fires: bool
) -> None:
    """Every night one value holds for ``own`` quarter hours; thrice that is stuck, six hours at least."""
    energy = ordinary().energy.copy()
    energy[:, :own] = energy[:, :1]
    energy[7, 40 : 40 + length] = 2.5
    block = replace(ordinary(), energy=energy)
    assert flagged(block, "VEE-V05") == ([(7, 40 + step) for step in range(length)] if fires else [])
    assert not run_checks(block, BEFORE)[0].any()


def test_conf_of_before_judges_as_before() -> None:
    block = with_energy(30.0, (3, 12))(ordinary())
    assert {name for name, _ in found_by(block)} >= {"VEE-V06"}
    for edit in (with_energy(0.0, (3, slice(0, 24))), with_energy(-0.01, (3, 5))):
        bits, invalid = run_checks(edit(ordinary()), BEFORE)
        assert not (bits >> 3 & 1).any()
        assert invalid.sum() == (edit(ordinary()).energy < 0).sum()


def test_one_false_value_makes_no_noise_of_what_is_below_zero() -> None:
    """A hundredth of a mean that one value of a million makes is above all that the meter counts."""
    values = np.tile([*[1.0] * 23, -0.5], 10)
    clean = noise_limits(values.reshape(10, 24), np.array([0, 10]), 0.01, 2.0)
    values[100] = 1e6
    spoilt = noise_limits(values.reshape(10, 24), np.array([0, 10]), 0.01, 2.0)
    assert spoilt.tolist() == pytest.approx(clean.tolist())
    assert clean.max() < 0.5
