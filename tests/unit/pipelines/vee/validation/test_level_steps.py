"""VEE-V40: a step by a factor that no load makes, from its first day until it ends; no change of a load."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipelines.arrays import FloatArray
from pipelines.vee.blocks import DayBlock
from pipelines.vee.validation.step_checks import STEP_CHECKS, level_factors
from tests.unit.pipelines.vee.validation.ordinary_days import SETTINGS

DAYS = 60
WEEK = np.array([100.0, 101, 99, 102, 100, 80, 70])
KINDS = np.array([0, 0, 0, 0, 0, 1, 2])


def series(count: int = DAYS, noise: float = 0.0, seed: int = 1) -> FloatArray:
    """Working days near 100 kWh, Saturdays 80, Sundays 70."""
    return np.resize(WEEK, count) * np.exp(np.random.default_rng(seed).normal(0, noise, count))


def block(*energy: FloatArray, multiplier: float = 1.0) -> DayBlock:
    """One series after the other, each from a Monday on."""
    sizes = [part.size for part in energy]
    total = sum(sizes)
    nothing = np.full(total, np.nan)
    return DayBlock(
        series_starts=np.concatenate(([0], np.cumsum(sizes))),
        meter_points=np.arange(len(sizes)),
        day_numbers=np.concatenate([20_000 + np.arange(size) for size in sizes]),
        day_types=np.concatenate([np.resize(KINDS, size) for size in sizes]),
        energy=np.concatenate(energy),
        span_days=np.ones(total, dtype=np.int64),
        curve=nothing,
        register=nothing,
        span_register=nothing,
        span_curve=nothing,
        span_measured=nothing,
        span_received=nothing,
        resolution=nothing,
        estimated_ratio=np.zeros(total),
        interval_minutes=np.full(total, 15),
        multiplier=np.full(total, multiplier),
        capacity_kva=nothing,
        counts_use=np.ones(total, dtype=np.bool_),
        rate_apart=nothing,
    )


def factors(days: DayBlock) -> FloatArray:
    (check,) = STEP_CHECKS
    found = level_factors(days, check.parameters(SETTINGS))
    assert (check.failed(days, SETTINGS) == (found != 1.0)).all()
    return found


def stepped(first: int, last: int, factor: float, count: int = DAYS, noise: float = 0.01) -> FloatArray:
    energy = series(count, noise)
    energy[first:last] *= factor
    return energy


@pytest.mark.parametrize("factor", [1000, 0.001, 40, 1 / 40, 4, 0.25, 2, 0.5, 2 / 3])
@pytest.mark.parametrize("last", [40, DAYS])
def test_every_day_from_the_first_to_the_last_of_a_step_carries_it_and_no_other(
    factor: float, last: int
) -> None:
    found = factors(block(stepped(20, last, factor), multiplier=40))
    assert np.flatnonzero(found != 1.0).tolist() == list(range(20, last))
    assert found[20:last] == pytest.approx(factor)


@pytest.mark.parametrize("factor", [3, 1.5, 1 / 3, 0.8, 8, 60, 40])
def test_another_factor_is_no_step_of_these(factor: float) -> None:
    assert (factors(block(stepped(20, DAYS, factor))) == 1.0).all()


def test_the_day_on_which_it_begins_in_the_middle_is_its_first() -> None:
    energy = stepped(20, DAYS, 1000)
    energy[20] = series()[20] * 400
    assert np.flatnonzero(factors(block(energy)) != 1.0).tolist() == list(range(20, DAYS))


@pytest.mark.parametrize(("factor", "least"), [(1000, 3), (100, 3), (4, 7), (2, 7), (2 / 3, 7)])
def test_a_step_needs_days_on_either_side(factor: float, least: int) -> None:
    for first, last in ((DAYS - least, DAYS), (least, DAYS), (20, 20 + least)):
        assert (factors(block(stepped(first, last, factor, noise=0.0)))[first:last] != 1.0).all()
    for first, last in ((DAYS - least + 1, DAYS), (least - 3, DAYS)):
        assert (factors(block(stepped(first, last, factor, noise=0.0))) == 1.0).all()


def test_estimated_and_empty_days_tell_no_level_but_carry_the_step() -> None:
    energy = stepped(20, 50, 1000)
    energy[[25, 26]] = 0.0
    days = block(energy)
    days = replace(days, estimated_ratio=np.where(np.arange(DAYS) == 30, 1.0, 0.0))
    days.energy[30] = 100.0
    assert np.flatnonzero(factors(days) != 1.0).tolist() == list(range(20, 50))


def test_a_second_step_after_the_first_is_one_of_its_own() -> None:
    energy = series(90, 0.01)
    energy[20:40] *= 4
    energy[60:80] *= 0.5
    found = factors(block(energy))
    assert np.flatnonzero(found == 4.0).tolist() == list(range(20, 40))
    assert np.flatnonzero(found == 0.5).tolist() == list(range(60, 80))
    assert np.count_nonzero(found != 1.0) == 40


def test_series_do_not_look_into_each_other() -> None:
    found = factors(block(series(30), series(30) * 1000, stepped(20, 40, 4)))
    assert np.flatnonzero(found != 1.0).tolist() == list(range(80, 100))


def test_loads_that_change_as_loads_do_are_left_alone() -> None:
    """A ramp to the double, a works that opens over a week, a festival of a week, a school that opens and
    rests on weekends, and wild households.
    """
    ramp = series() * np.exp(np.linspace(0, np.log(2), DAYS))
    opening = series() * np.interp(np.arange(DAYS), [0, 25, 32, DAYS], [1, 1, 4, 4])
    festival = stepped(20, 26, 0.5)
    school = series()
    school[:35] = 60.0
    school[35:][np.resize(KINDS, DAYS - 35) > 0] = 60.0
    school[35:][np.resize(KINDS, DAYS - 35) == 0] = 240.0
    wild = [series(365, 0.3, seed) for seed in range(20)]
    assert (factors(block(ramp, opening, festival, school, *wild)) == 1.0).all()
