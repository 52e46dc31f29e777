"""Intervals against registers by hand: who is scaled, by how much, and when nobody is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.codes import IntervalStatus
from pipelines.vee.estimation.reconciliation import (
    Agreement,
    Reconciled,
    RegisterSpans,
    reconcile_with_registers,
)

MEASURED, LINEAR, MISSING = IntervalStatus.MEASURED, IntervalStatus.ESTIMATED_LINEAR, IntervalStatus.MISSING
EDITED, BY_SENDER = IntervalStatus.EDITED, IntervalStatus.SUBSTITUTED_BY_SENDER
EVEN, PROFILE = IntervalStatus.ESTIMATED_EVEN_SHARE, IntervalStatus.ESTIMATED_CLASS_PROFILE


def reconcile(
    values: list[list[float]],
    status: list[list[int]],
    energy: list[float] | list[list[float]],
    tolerance: float = 0.001,
    ends: list[int] | None = None,
    **more: object,
) -> Reconciled:
    last = ends or list(range(1, len(values) + 1))
    spans = RegisterSpans(
        np.array([0, *last[:-1]]),
        np.array(last),
        np.array(energy, dtype=float),
        np.full(len(last), tolerance),
    )
    return reconcile_with_registers(
        np.array(values, dtype=float), np.array(status, dtype=np.int8), spans, **more
    )  # type: ignore[arg-type]


def test_only_estimates_are_scaled_and_the_sum_becomes_the_registers() -> None:
    done = reconcile([[10.0, 2.0, 4.0, 10.0]], [[MEASURED, LINEAR, LINEAR, MEASURED]], [29.0])
    np.testing.assert_allclose(done.final, [[10.0, 3.0, 6.0, 10.0]])
    np.testing.assert_allclose(done.factor, [[1.0, 1.5, 1.5, 1.0]])
    assert done.status.tolist() == [[MEASURED, LINEAR, LINEAR, MEASURED]]
    assert done.agreement.tolist() == [[Agreement.SCALED]]


@pytest.mark.parametrize("status", [EDITED, BY_SENDER])
def test_edits_and_the_senders_substitutes_are_not_scaled(status: IntervalStatus) -> None:
    done = reconcile([[5.0, 2.0]], [[status, LINEAR]], [8.0])
    assert done.final.tolist() == [[5.0, 3.0]]


@pytest.mark.parametrize(("energy", "agreement"), [(16.0009, Agreement.AGREES), (16.0011, Agreement.SCALED)])
def test_within_the_tolerance_nothing_is_scaled(energy: float, agreement: Agreement) -> None:
    done = reconcile([[10.0, 6.0]], [[MEASURED, LINEAR]], [energy])
    assert done.agreement.tolist() == [[agreement]]
    assert done.final[0, 1] == pytest.approx(
        6.0 if agreement is Agreement.AGREES else energy - 10.0, abs=1e-12
    )


@pytest.mark.parametrize("energy", [10.0, 9.0])
def test_without_a_positive_remainder_nothing_is_scaled(energy: float) -> None:
    done = reconcile([[10.0, 6.0]], [[MEASURED, LINEAR]], [energy])
    assert done.final.tolist() == [[10.0, 6.0]]
    assert done.agreement.tolist() == [[Agreement.NO_REMAINDER]]


def test_without_an_estimate_nothing_is_scaled_whatever_the_sum() -> None:
    done = reconcile([[10.0, 6.0]], [[MEASURED, MEASURED]], [99.0])
    assert done.final.tolist() == [[10.0, 6.0]]
    assert done.agreement.tolist() == [[Agreement.UNTOUCHED]]


def test_a_missing_interval_takes_what_is_left() -> None:
    done = reconcile([[10.0, np.nan, np.nan, 10.0]], [[MEASURED, MISSING, MISSING, MEASURED]], [26.0])
    np.testing.assert_allclose(done.final, [[10.0, 3.0, 3.0, 10.0]])
    assert done.status.tolist() == [[MEASURED, EVEN, EVEN, MEASURED]]


def test_a_missing_interval_stays_empty_where_nothing_is_left() -> None:
    done = reconcile([[10.0, np.nan]], [[MEASURED, MISSING]], [10.0])
    assert np.isnan(done.final[0, 1])
    assert done.status.tolist() == [[MEASURED, MISSING]]


def test_a_missing_day_follows_the_profile_of_its_class() -> None:
    done = reconcile([[np.nan] * 4], [[MISSING] * 4], [20.0], profile=np.array([[1.0, 2.0, 3.0, 4.0]]))
    np.testing.assert_allclose(done.final, [[2.0, 4.0, 6.0, 8.0]])
    assert done.status.tolist() == [[PROFILE] * 4]


def test_a_profile_does_not_lift_the_span_above_its_other_intervals() -> None:
    done = reconcile(
        [[6.0, np.nan, np.nan, 6.0]],
        [[LINEAR, MISSING, MISSING, LINEAR]],
        [12.0],
        profile=np.array([[9.0, 100.0, 300.0, 9.0]]),
    )
    # First guess 6, 3, 9, 6: sum 24, twice too much.
    np.testing.assert_allclose(done.final, [[3.0, 1.5, 4.5, 3.0]])
    assert done.status.tolist() == [[LINEAR, PROFILE, PROFILE, LINEAR]]


@pytest.mark.parametrize("tiny", [0.0, 1e-308, 1e-12])
def test_estimates_that_are_next_to_nothing_share_evenly(tiny: float) -> None:
    done = reconcile([[10.0, tiny, 0.0]], [[MEASURED, LINEAR, LINEAR]], [14.0])
    np.testing.assert_allclose(done.final, [[10.0, 2.0, 2.0]])
    assert done.status.tolist() == [[MEASURED, EVEN, EVEN]]


def test_a_span_of_several_days_is_one_sum() -> None:
    done = reconcile(
        [[1.0, 1.0], [2.0, 2.0], [7.0, 7.0]],
        [[MEASURED] * 2, [LINEAR] * 2, [MEASURED] * 2],
        [10.0, 14.0],
        ends=[2, 3],
    )
    np.testing.assert_allclose(done.final, [[1.0, 1.0], [4.0, 4.0], [7.0, 7.0]])
    assert done.agreement.tolist() == [[Agreement.SCALED], [Agreement.UNTOUCHED]]


def test_each_time_of_use_register_scales_its_own_intervals() -> None:
    done = reconcile(
        [[1.0, 1.0, 5.0, 1.0]],
        [[LINEAR, LINEAR, MEASURED, LINEAR]],
        [[4.0, 5.5]],
        register_of_slot=np.array([[0, 0, 1, 1]], dtype=np.int8),
    )
    np.testing.assert_allclose(done.final, [[2.0, 2.0, 5.0, 0.5]])
    assert done.agreement.tolist() == [[Agreement.SCALED, Agreement.SCALED]]


def test_a_register_that_is_not_known_changes_nothing() -> None:
    done = reconcile([[1.0, np.nan]], [[LINEAR, MISSING]], [float("nan")])
    assert done.final[0, 0] == 1.0
    assert np.isnan(done.final[0, 1])


@given(
    st.lists(
        st.tuples(st.floats(0, 1e6), st.sampled_from([MEASURED, LINEAR, MISSING, EDITED])),
        min_size=1,
        max_size=12,
    ),
    st.floats(0.01, 1e7),
)
def test_the_sum_agrees_wherever_it_can_and_measured_values_stay(
    day: list[tuple[float, IntervalStatus]], energy: float
) -> None:
    values = [[np.nan if status == MISSING else value for value, status in day]]
    status = [[status for _, status in day]]
    done = reconcile(values, status, [energy])
    kept = np.isin(status, [MEASURED, EDITED])
    np.testing.assert_array_equal(done.final[kept], np.array(values)[kept])
    code = done.agreement[0, 0]
    if code == Agreement.SCALED:
        assert done.final.sum() == pytest.approx(energy, rel=1e-9)
        assert (done.final[~kept] >= 0).all()
    elif code == Agreement.AGREES:
        assert abs(done.final.sum() - energy) <= 0.001 + 1e-9 * energy
    else:
        np.testing.assert_array_equal(done.final, np.array(values))
