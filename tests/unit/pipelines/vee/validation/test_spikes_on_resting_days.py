"""A spike on a day on which a works rests, while its like-days do not: they show more than this day would."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipelines.vee.blocks import CurveBlock
from pipelines.vee.moved_settings import LATER
from pipelines.vee.settings import VeeSettings
from pipelines.vee.validation.checks import run_checks
from tests.unit.pipelines.vee.validation.ordinary_days import DAYS, SETTINGS, ordinary

REST = 0.3
"""What the works takes on the day that rests; like-days take 10.06 at most. [kWh]"""
BEFORE = SETTINGS.with_values({key: value for key, value in LATER.items() if key.startswith("spikes.far_")})


def resting(value: float, at: tuple[int, int] = (7, 48), beside: float = REST) -> CurveBlock:
    """Fifteen days, the eighth at rest, with one value at noon and one three slots after it."""
    energy = ordinary().energy.copy()
    energy[7] = REST + np.arange(96) % 7 / 1000
    energy[7, 51] = beside
    energy[at] = value
    return replace(ordinary(), energy=energy, capacity_kva=np.full(DAYS, np.nan))


def marked(block: CurveBlock, settings: VeeSettings = SETTINGS) -> dict[str, set[tuple[int, int]]]:
    bits, _ = run_checks(block, settings)
    return {
        name: {(int(day), int(slot)) for day, slot in np.argwhere(bits >> bit & 1)}
        for name, bit in (("V06", 5), ("V42", 15))
    }


@pytest.mark.parametrize(("value", "is_found"), [(10.06, False), (10.07, True), (20.0, True), (30.0, True)])
def test_a_spike_on_a_day_that_rests_need_only_exceed_its_like_days(value: float, is_found: bool) -> None:
    """Thirty times what the day takes, and no more than twice what the others take: no spike before."""
    assert marked(resting(value)) == {"V06": {(7, 48)} if is_found else set(), "V42": set()}
    assert bool(marked(resting(value), BEFORE)["V06"]) == (value > 2 * 10.06)


@pytest.mark.parametrize(("beside", "is_found"), [(1.49, True), (1.51, False)])
def test_the_day_rests_all_around_it(beside: float, is_found: bool) -> None:
    """A load that is switched on and off within the hour is no rest: 15 is not ten times that."""
    assert marked(resting(15.0, beside=beside))["V06"] == ({(7, 48)} if is_found else set())


def test_a_peak_beside_a_shift_must_exceed_like_days_as_before() -> None:
    """At 18:15 of a day at work, a quarter of an hour after the shift: 20 is not ten times what is near."""
    assert not marked(resting(20.0, at=(3, 73)))["V06"]


def test_a_series_with_peaks_of_its_own_keeps_those_of_days_that_rest() -> None:
    """Lone peaks of 12 on six of fifteen days, each of them high on like-days too: neither spike nor told."""
    hours = np.arange(96) / 4
    energy = np.tile(np.where((hours >= 11) & (hours < 13), 8.0, 0.3), (DAYS, 1)) + np.arange(96) % 7 / 1000
    days = np.arange(0, 12, 2)
    energy[days] = 0.3 + np.arange(96) % 7 / 1000
    energy[days, 48] = 12.0
    block = replace(ordinary(), energy=energy, capacity_kva=np.full(DAYS, np.nan))
    assert marked(block) == {"V06": set(), "V42": set()}
    energy[days[1:], 48] = 0.3
    assert marked(replace(block, energy=energy))["V06"] == {(0, 48)}


def test_spikes_of_two_days_at_rest_are_found_in_each_series_by_its_own_days() -> None:
    one, two = resting(15.0), resting(15.0, at=(7, 20))
    both = replace(
        one,
        energy=np.concatenate([one.energy, two.energy * 1000.0]),
        series_starts=np.array([0, DAYS, 2 * DAYS]),
        **{
            name: np.concatenate([getattr(one, name)] * 2)
            for name in ("day_numbers", "day_types", "capacity_kva", "counts_use", "receptions")
        },
    )
    assert marked(both)["V06"] == {(7, 48), (DAYS + 7, 20)}
