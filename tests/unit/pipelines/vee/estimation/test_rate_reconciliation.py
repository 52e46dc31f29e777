"""Estimates against the registers of the rates by hand: whose intervals move, how far, and when the total
alone is followed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.codes import IntervalStatus
from pipelines.vee.estimation.rate_reconciliation import (
    NO_RATE,
    RateSpans,
    ReconciledByRate,
    reconcile_with_rates,
)
from pipelines.vee.estimation.reconciliation import RegisterSpans

MEASURED, LINEAR, MISSING = IntervalStatus.MEASURED, IntervalStatus.ESTIMATED_LINEAR, IntervalStatus.MISSING
EVEN, EDITED = IntervalStatus.ESTIMATED_EVEN_SHARE, IntervalStatus.EDITED
NAN = float("nan")
PEAK, VALLEY = 0, 1
HALVES = [PEAK, PEAK, VALLEY, VALLEY]
WHOLE, HOLED = [MEASURED] * 4, [LINEAR] * 4
RIGHT, WRONG = [2.0, 2.0], [1.0, 3.0]


def reconcile(
    values: list[list[float]],
    status: list[list[int]],
    rates: list[list[float]],
    total: list[float] | None = None,
    clock: list[list[int]] | None = None,
    step: float = 0.01,
    ends: list[int] | None = None,
    series: list[int] | None = None,
) -> ReconciledByRate:
    """Spans of one day each unless ``ends`` says otherwise; peak in the first half of a day, valley in the
    second.
    """
    last = ends or list(range(1, len(values) + 1))
    energy = np.array(rates, dtype=float)
    spans = RegisterSpans(
        np.array([0, *last[:-1]]),
        np.array(last),
        np.array(total) if total else np.nansum(energy, axis=1),
        np.full(len(last), max(step, 0.001)),
    )
    told = RateSpans(energy, np.full(len(last), max(4 * step, 0.001)), np.array(series or [0] * len(last)))
    of_slot = np.array(clock or [HALVES] * len(values), dtype=np.int8)
    return reconcile_with_rates(
        np.array(values, dtype=float), np.array(status, dtype=np.int8), spans, told, of_slot
    )


def test_a_gap_in_one_rate_takes_what_that_rate_counted() -> None:
    """The total alone would have put 4 kWh into the gap; the valley's measured values are 0.01 short of its
    register.
    """
    done = reconcile([[5.0, 1.0, 3.0, 3.0]], [[MEASURED, LINEAR, MEASURED, MEASURED]], [[9.0, 6.01]])
    assert done.by_rate.tolist() == [True]
    np.testing.assert_allclose(done.values.final, [[5.0, 4.0, 3.0, 3.0]])
    np.testing.assert_allclose(done.values.factor, [[1.0, 4.0, 1.0, 1.0]])


def test_each_rate_scales_its_own_estimates() -> None:
    """A neighbour day bears the schedule out."""
    done = reconcile(
        [[1.0, 1.0, 2.0, 2.0], [1.0, 3.0, 1.0, 1.0]], [[MEASURED] * 4, [LINEAR] * 4], [[2.0, 4.0], [8.0, 1.0]]
    )
    np.testing.assert_allclose(done.values.final[1], [2.0, 6.0, 0.5, 0.5])


def test_a_missing_interval_takes_what_its_own_rate_leaves() -> None:
    done = reconcile([[5.0, NAN, NAN, 3.0]], [[MEASURED, MISSING, MISSING, MEASURED]], [[6.0, 10.0]])
    np.testing.assert_allclose(done.values.final, [[5.0, 1.0, 7.0, 3.0]])
    assert done.values.status.tolist() == [[MEASURED, EVEN, EVEN, MEASURED]]


@pytest.mark.parametrize("register", [5.0, 4.97])
def test_a_rate_without_a_positive_remainder_is_left_and_the_others_are_scaled(register: float) -> None:
    done = reconcile(
        [[5.0, 1.0, 3.0, 1.0], [1.0] * 4],
        [[MEASURED, LINEAR, MEASURED, LINEAR], [MEASURED] * 4],
        [[register, 8.0], [2.0, 2.0]],
    )
    np.testing.assert_allclose(done.values.final[0], [5.0, 1.0, 3.0, 5.0])


def test_without_an_estimate_nothing_moves_whatever_the_rates_say() -> None:
    done = reconcile([[1.0] * 4], [[MEASURED] * 4], [[9.0, 9.0]])
    assert done.values.final.tolist() == [[1.0] * 4]
    assert done.by_rate.tolist() == [False]


@pytest.mark.parametrize(
    ("total", "followed"), [(15.04, True), (15.041, False), (14.96, True), (14.959, False)]
)
def test_rates_that_do_not_sum_to_the_total_within_four_steps_are_not_followed(
    total: float, followed: bool
) -> None:
    """Followed, the gap takes its rate's 4 kWh and half the difference at most one step; else all that the
    total leaves.
    """
    done = reconcile([[5.0, 1.0, 3.0, 3.0]], [[MEASURED, LINEAR, MEASURED, MEASURED]], [[9.0, 6.0]], [total])
    assert done.by_rate.tolist() == [followed]
    expected = 4.0 if followed else total - 11.0
    assert done.values.final[0, 1] == pytest.approx(expected, abs=1e-9)


def test_a_rest_of_the_total_is_shared_within_the_steps() -> None:
    """Cut-off digits leave 0.018 between the total and the rates: a third each to both open rates, the last
    third stays with the total.
    """
    done = reconcile(
        [[1.0] * 4, [1.0] * 4], [[LINEAR] * 4, [MEASURED] * 4], [[6.0, 4.0], [2.0, 2.0]], [10.018, 4.0]
    )
    assert done.values.final[0, :2].sum() == pytest.approx(6.006, abs=1e-12)
    assert done.values.final[0, 2:].sum() == pytest.approx(4.006, abs=1e-12)


@pytest.mark.parametrize(("off", "moved"), [(0.0099, False), (0.0101, True)])
def test_a_rate_within_its_step_stays(off: float, moved: bool) -> None:
    done = reconcile([[5.0, 4.0, 3.0, 3.0]], [[MEASURED, LINEAR, MEASURED, MEASURED]], [[9.0 + off, 6.0]])
    assert bool(done.values.final[0, 1] != 4.0) is moved


def test_a_rate_without_an_estimate_is_left_however_far_off_and_the_others_still_meet_their_own() -> None:
    """Peak counted 4 where its measured intervals say 10: none of that may be put into the valley's gap."""
    done = reconcile([[5.0, 5.0, 3.0, 1.0]], [[MEASURED, MEASURED, MEASURED, LINEAR]], [[4.0, 13.0]])
    assert done.by_rate.tolist() == [True]
    np.testing.assert_allclose(done.values.final, [[5.0, 5.0, 3.0, 10.0]])


@pytest.mark.parametrize(
    ("rates", "status", "series", "followed"),
    [
        ([RIGHT, RIGHT, RIGHT], [WHOLE, HOLED, WHOLE], [0, 0, 0], True),
        ([WRONG, RIGHT, RIGHT], [WHOLE, HOLED, WHOLE], [0, 0, 0], False),
        ([RIGHT, RIGHT, WRONG], [WHOLE, HOLED, WHOLE], [0, 0, 0], False),
        ([WRONG, RIGHT, WRONG], [WHOLE, HOLED, WHOLE], [0, 1, 2], True),
        ([[NAN, NAN], RIGHT, [NAN, NAN]], [WHOLE, HOLED, WHOLE], [0, 0, 0], True),
        # Five steps off are no rounding; four are.
        ([[1.95, 2.05], RIGHT, RIGHT], [WHOLE, HOLED, WHOLE], [0, 0, 0], False),
        ([[1.96, 2.04], RIGHT, RIGHT], [WHOLE, HOLED, WHOLE], [0, 0, 0], True),
        # The nearest that can tell decides: days with estimates and days whose curve is not what the total
        # counted cannot.
        ([RIGHT, [9.0, 3.0], RIGHT], [WHOLE, WHOLE, HOLED], [0, 0, 0], True),
        ([WRONG, [9.0, 3.0], RIGHT], [WHOLE, WHOLE, HOLED], [0, 0, 0], False),
        ([RIGHT, WRONG, RIGHT], [WHOLE, WHOLE, HOLED], [0, 0, 0], False),
        ([WRONG, RIGHT, RIGHT], [WHOLE, WHOLE, HOLED], [0, 0, 0], True),
    ],
)
def test_the_nearest_whole_days_bear_the_schedule_out(
    rates: list[list[float]], status: list[list[int]], series: list[int], followed: bool
) -> None:
    done = reconcile(
        [[1.0] * 4] * 3,
        status,
        rates,
        [4.0 if NAN in each or sum(each) < 5 else 12.0 for each in rates],
        series=series,
    )
    assert done.by_rate.tolist() == [False if each == WHOLE else followed for each in status]


def test_a_day_without_a_schedule_goes_by_its_total() -> None:
    done = reconcile(
        [[5.0, 1.0, 3.0, 3.0]],
        [[MEASURED, LINEAR, MEASURED, MEASURED]],
        [[9.0, 6.0]],
        [15.02],
        [[PEAK, PEAK, NO_RATE, VALLEY]],
    )
    assert done.by_rate.tolist() == [False]
    assert done.values.final[0, 1] == pytest.approx(4.02)


@pytest.mark.parametrize(("third", "followed"), [(0.0, True), (0.5, False)])
def test_a_rate_that_counts_no_interval_must_not_have_counted(third: float, followed: bool) -> None:
    """A third register that ran on a whole day although no interval is its own."""
    rates = [[2.0, 2.0 - third, third], [9.0, 6.0, 0.0]]
    done = reconcile(
        [[1.0] * 4, [5.0, 1.0, 3.0, 3.0]], [WHOLE, [MEASURED, LINEAR, MEASURED, MEASURED]], rates
    )
    assert done.by_rate.tolist() == [False, followed]


def test_a_span_over_a_change_of_schedule_sums_by_the_hours_of_each_day() -> None:
    """Two days in one read; on the second, the hours are the other way round."""
    done = reconcile(
        [[1.0, 1.0, 2.0, 2.0], [2.0, 2.0, 1.0, 1.0]],
        [[MEASURED] * 4, [MEASURED, MEASURED, LINEAR, LINEAR]],
        [[8.0, 8.0]],
        clock=[HALVES, [VALLEY, VALLEY, PEAK, PEAK]],
        ends=[2],
    )
    assert done.by_rate.tolist() == [True]
    np.testing.assert_allclose(done.values.final, [[1.0, 1.0, 2.0, 2.0], [2.0, 2.0, 3.0, 3.0]])


def test_spans_with_rates_and_spans_without_stand_side_by_side() -> None:
    told = [MEASURED, LINEAR, MEASURED, MEASURED]
    done = reconcile(
        [[5.0, 1.0, 3.0, 3.0], [5.0, 2.0, 3.0, 3.0]], [told, told], [[9.0, 6.0], [NAN, NAN]], [15.0, 20.0]
    )
    np.testing.assert_allclose(done.values.final, [[5.0, 4.0, 3.0, 3.0], [5.0, 9.0, 3.0, 3.0]])
    np.testing.assert_allclose(done.values.factor[:, 1], [4.0, 4.5])


@st.composite
def cases(draw: Any) -> dict[str, Any]:
    """A meter whose registers cut off at a step: true energy of each interval, holes, estimates that are
    off.
    """
    days, slots, width = draw(st.integers(1, 4)), draw(st.sampled_from([4, 8])), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    step = draw(st.sampled_from([0.01, 1.0, 10.0]))
    true = rng.gamma(2.0, 3.0 * step, (days, slots))
    clock = rng.integers(0, width, (days, slots))
    ends = (
        np.sort(rng.choice(np.arange(1, days), draw(st.integers(0, days - 1)), replace=False))
        if days > 1
        else np.empty(0, np.int64)
    )
    return {
        "true": true,
        "clock": clock,
        "ends": [*ends.tolist(), days],
        "width": width,
        "step": step,
        "rng": rng,
    }


@given(cases(), st.floats(0.1, 0.9))
def test_rates_and_total_agree_within_a_step_wherever_all_can_move_and_measured_values_stay(
    case: dict[str, Any], share: float
) -> None:
    true, clock, ends, width, step, rng = (
        case[name] for name in ("true", "clock", "ends", "width", "step", "rng")
    )
    guessed = rng.random(true.shape) < share
    missing = guessed & (rng.random(true.shape) < 0.3)
    status = np.where(
        missing, MISSING, np.where(guessed, LINEAR, np.where(rng.random(true.shape) < 0.1, EDITED, MEASURED))
    )
    values = np.where(missing, np.nan, np.where(guessed, true * rng.uniform(0.2, 5.0, true.shape), true))
    by_rate = np.stack([np.where(clock == rate, true, 0.0).sum(axis=1) for rate in range(width)], axis=1)
    # Registers run on from some reading and show whole steps alone, the rates and the total each for itself.
    run = np.vstack((rng.uniform(0, 100 * step, (1, width)), by_rate)).cumsum(axis=0)
    at = [0, *ends]
    rates = np.diff(np.floor(run[at] / step) * step, axis=0)
    total = np.diff(np.floor(run[at].sum(axis=1) / step) * step)
    done = reconcile(
        values.tolist(), status.tolist(), rates.tolist(), total.tolist(), clock.tolist(), step, ends
    )

    kept = ~guessed
    np.testing.assert_array_equal(done.values.final[kept], values[kept])
    np.testing.assert_array_equal(done.values.status[kept], status[kept])
    exact = step * 1e-6
    for number, (first, last) in enumerate(zip(at[:-1], ends, strict=True)):
        rows = slice(first, last)
        final, mine = done.values.final[rows], guessed[rows]
        assert bool(done.by_rate[number]) is bool(mine.any()), "the slack covers what cut-off digits can do"
        if not done.by_rate[number]:
            np.testing.assert_array_equal(final, values[rows])
            continue
        left = [
            rates[number, rate] - values[rows][(clock[rows] == rate) & ~mine].sum() for rate in range(width)
        ]
        stuck = [rate for rate in range(width) if left[rate] <= step and (mine & (clock[rows] == rate)).any()]
        for rate in range(width):
            ours = clock[rows] == rate
            if (mine & ours).any() and left[rate] > step:
                assert abs(final[ours].sum() - rates[number, rate]) <= step + exact
                assert (final[mine & ours] >= 0).all()
            elif (mine & ours).any() and left[rate] <= 0:
                np.testing.assert_array_equal(final[ours], values[rows][ours])
        if not stuck:
            assert abs(final.sum() - total[number]) <= step + exact
