"""The choice of method by hand: odd masks, bias, and how far a straight line may reach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import yaml

from pipelines.codes import IntervalStatus
from pipelines.settings import packaged
from pipelines.vee.blocks import CurveBlock
from pipelines.vee.estimation.choice import LEARNING_PHASE, Series, Trials, choose, try_methods
from pipelines.vee.estimation.estimate import estimate_missing_intervals, gap_settings
from pipelines.vee.estimation.methods import (
    LIKE_DAY,
    LINEAR,
    METHODS,
    OFFSET_CORRECTED,
    UNCORRECTED,
)
from pipelines.vee.settings import VeeSettings
from tests.harmed_series import household

SETTINGS = VeeSettings.model_validate(
    yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8"))
)
BEFORE = SETTINGS.with_values(
    {
        "linear.caution_ratio": 1.25,
        "linear.caution_hours": 1e9,
        "linear.longest_hours": 1e9,
        "bias.limit_ratio": 1e9,
        "back_test.masks_a_day": 0.0,
        "back_test.odd_ratio": 0.0,
    }
)
"""What held before these were keys."""
LINE = IntervalStatus.ESTIMATED_LINEAR


def trials(truth: np.ndarray, of: dict[int, np.ndarray]) -> Trials:
    """One series, masks of one place; methods that are not given err by 80 to both sides."""
    estimates = (
        np.repeat(truth[:, None], METHODS, axis=1)
        + 80.0 * np.where(np.arange(truth.size) % 2, 1, -1)[:, None]
    )
    for method, values in of.items():
        estimates[:, method] = values
    return Trials(truth[None, :, None], estimates[None, :, None, :], np.ones((1, truth.size, 1)))


def best(of: Trials, settings: VeeSettings, hours: float = 24.0) -> int:
    return int(choose(of, settings, np.array([hours])).ranked[0, 0])


def test_one_odd_mask_does_not_choose_the_method() -> None:
    truth, sign = np.full(32, 1000.0), np.where(np.arange(32) % 2, 1.0, -1.0)
    better, other = truth + 60 * sign, truth + 70 * sign
    better[7], other[7] = truth[7] + 1428.0, truth[7] + 230.0
    masks = trials(truth, {LINEAR: truth + 200 * sign, OFFSET_CORRECTED: better, LIKE_DAY: other})
    assert best(masks, BEFORE) == LIKE_DAY
    assert best(masks, SETTINGS) == OFFSET_CORRECTED


def test_what_errs_less_on_every_mask_is_chosen_whatever_odd_masks_weigh() -> None:
    truth = np.full(32, 1000.0)
    sign = np.where(np.arange(32) % 2, 1.0, -1.0)
    size = np.geomspace(1, 150, 32)
    masks = trials(truth, {OFFSET_CORRECTED: truth + size * sign, LIKE_DAY: truth + 0.9 * size * sign})
    assert best(masks, SETTINGS) == LIKE_DAY


@pytest.mark.parametrize(("hours", "method"), [(0.5, LINEAR), (2.0, LINEAR), (8.0, OFFSET_CORRECTED)])
def test_a_line_within_noise_is_kept_up_to_two_hours_only(hours: float, method: int) -> None:
    truth, sign = np.full(32, 1000.0), np.where(np.arange(32) % 2, 1.0, -1.0)
    noise = np.random.default_rng(1).normal(0, 8, 32)
    noise += 0.5 - noise.mean()  # a gain of half a unit, and a standard error of more than one
    masks = trials(truth, {LINEAR: truth + 60 * sign, OFFSET_CORRECTED: truth + (60 - noise) * sign})
    assert best(masks, SETTINGS, hours) == method
    assert best(masks, BEFORE, hours) == LINEAR


@pytest.mark.parametrize(
    ("lost", "scale"), [(0.97, 1.0), (0.8, 1.25), (1.25, 0.8), (0.5, 1.5), (3.0, 1 / 1.5)]
)
def test_energy_lost_beyond_the_limit_is_made_up_for_within_bounds(lost: float, scale: float) -> None:
    truth = np.linspace(500.0, 1500.0, 32)
    found = choose(trials(truth, {UNCORRECTED: truth * lost, LINEAR: truth * lost}), SETTINGS)
    np.testing.assert_allclose(found.scale[0, [UNCORRECTED, LINEAR]], [scale, 1.0])
    np.testing.assert_array_equal(
        choose(trials(truth, {UNCORRECTED: truth * lost}), BEFORE).scale, np.ones((1, METHODS))
    )


def test_a_method_whose_energy_no_bound_lets_it_keep_comes_after_those_that_keep_it() -> None:
    truth = np.linspace(500.0, 1500.0, 32)
    masks = trials(truth, {UNCORRECTED: truth * 0.65})
    for method in range(METHODS):
        if method != UNCORRECTED:
            masks.estimates[0, :, 0, method] = truth + 600.0 * np.where(np.arange(32) % 2, 1, -1)
    assert best(masks, SETTINGS) == UNCORRECTED
    masks.estimates[0, :, 0, UNCORRECTED] = truth * 0.5
    assert best(masks, SETTINGS) != UNCORRECTED
    assert best(masks, BEFORE) == UNCORRECTED


def test_energy_within_the_noise_of_the_masks_is_left_alone() -> None:
    random = np.random.default_rng(3)
    truth = np.full(32, 1000.0)
    guess = truth * (1 + random.normal(0, 0.5, 32))
    guess *= 0.92 * truth.sum() / guess.sum()
    assert choose(trials(truth, {UNCORRECTED: guess}), SETTINGS).scale[0, UNCORRECTED] == 1.0


def test_energy_below_zero_has_no_share() -> None:
    truth = np.linspace(-500.0, -1500.0, 32)
    found = choose(trials(truth, {UNCORRECTED: truth * 0.7}), SETTINGS)
    np.testing.assert_array_equal(found.scale, np.ones((1, METHODS)))


def flat_block(values: np.ndarray, slots: int) -> CurveBlock:
    energy = values.reshape(-1, slots)
    days = len(energy)
    weekday = np.arange(days) % 7
    return CurveBlock(
        energy=energy,
        interval_minutes=1440 // slots,
        series_starts=np.array([0, days]),
        day_numbers=np.arange(days) + 20_000,
        day_types=np.where(weekday < 5, 0, weekday),
        capacity_kva=np.full(days, np.nan),
        counts_use=np.ones(days, dtype=np.bool_),
        receptions=np.ones(days, dtype=np.int64),
        today_number=30_000,
    )


def filled(of: CurveBlock, settings: VeeSettings) -> tuple[np.ndarray, np.ndarray]:
    nothing = np.zeros(of.energy.shape, dtype=np.bool_)
    found = estimate_missing_intervals(of, np.isnan(of.energy), nothing, settings)
    return found.final, found.status


@pytest.mark.parametrize("hours", [24, 72])
def test_gaps_of_a_household_keep_their_energy(hours: int) -> None:
    truth = household(5, 400, 30, 1.0).values
    shares = {}
    for name, settings in (("before", BEFORE), ("now", SETTINGS)):
        lost = kept = 0.0
        for begin in range(20 * 48, 380 * 48, 6 * 48 + 7):
            values = truth.copy()
            hidden = slice(begin, begin + 2 * hours)
            values[hidden] = np.nan
            kept += filled(flat_block(values, 48), settings)[0].reshape(-1)[hidden].sum()
            lost += truth[hidden].sum()
        shares[name] = kept / lost
    assert shares["before"] < 0.9
    assert 0.95 <= shares["now"] <= 1.05


def walk(days: int) -> np.ndarray:
    """A random walk: nothing but the neighbours says anything."""
    return 500.0 + np.cumsum(np.random.default_rng(1).normal(0, 1, days * 24))


@pytest.mark.parametrize(("hours", "is_line"), [(12, True), (24, True), (25, False), (72, False)])
def test_no_line_runs_over_more_than_a_day(hours: int, is_line: bool) -> None:
    values = walk(120)
    values[60 * 24 : 60 * 24 + hours] = np.nan
    final, status = filled(flat_block(values, 24), SETTINGS)
    assert not np.isnan(final).any()
    assert (LINE in status.reshape(-1)[60 * 24 : 60 * 24 + hours]) is is_line


def test_where_nothing_else_reaches_a_long_gap_it_stays_missing() -> None:
    values = walk(200)
    gap = slice(100 * 24, 128 * 24)
    values[gap] = np.nan
    of = replace(flat_block(values, 24), outages=np.ones(200, dtype=np.bool_))
    assert set(filled(of, BEFORE)[1].reshape(-1)[gap]) == {LINE}
    assert set(filled(of, SETTINGS)[1].reshape(-1)[gap]) == {IntervalStatus.MISSING}


@pytest.mark.parametrize(("days", "masks"), [(60, 32), (240, 60), (1000, 96)])
def test_a_long_series_is_tried_on_more_masks(days: int, masks: int) -> None:
    alone = Series(
        walk(days),
        24,
        np.array([0, days * 24]),
        np.zeros(days, dtype=np.int64),
        np.ones(days, dtype=np.bool_),
    )
    one = np.array([0])
    found = try_methods(alone, one, one + 2, SETTINGS, gap_settings(SETTINGS, 1.0), LEARNING_PHASE)
    assert found.masks.tolist() == [masks]


def test_a_short_series_finds_the_same_masks_beside_a_long_one() -> None:
    days = np.array([0, 60, 1060])
    both = Series(walk(1060), 24, days * 24, np.zeros(1060, dtype=np.int64), np.ones(1060, dtype=np.bool_))
    of = np.array([0, 1])
    how = gap_settings(SETTINGS, 1.0)
    found = try_methods(both, of, of * 0 + 2, SETTINGS, how, LEARNING_PHASE)
    alone = try_methods(both, of[:1], of[:1] + 2, SETTINGS, how, LEARNING_PHASE)
    np.testing.assert_array_equal(found.truths[0, :32], alone.truths[0])
    assert found.masks.tolist() == [32, 96]
    one, two = choose(found, SETTINGS), choose(alone, SETTINGS)
    np.testing.assert_array_equal(one.ranked[0], two.ranked[0])
    np.testing.assert_array_equal(one.reach[0], two.reach[0])


@pytest.mark.parametrize(("hours", "is_line"), [(2, True), (3, False)])
def test_a_gap_beyond_two_hours_takes_no_line_by_caution_though_its_masks_are_short(
    hours: int, is_line: bool
) -> None:
    random = np.random.default_rng(4)
    days = np.arange(120)[:, None] * np.ones(24)
    values = (500.0 + 0.2 * np.sin(days) + np.cumsum(random.normal(0, 1, 120 * 24)).reshape(120, 24)).ravel()
    values[60 * 24 : 60 * 24 + hours] = np.nan
    cautious = SETTINGS.with_values({"linear.caution_ratio": 1e9, "bias.limit_ratio": 1e9})
    uncautious = SETTINGS.with_values({"linear.caution_ratio": 0.0})
    least = LINE in filled(flat_block(values, 24), uncautious)[1]
    assert (LINE in filled(flat_block(values, 24), cautious)[1]) is (is_line or least)
    assert hours == 2 or not least
