"""Spikes beside each other: which are found, and which the checks are blind to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipelines.vee.catalogue import render_check_catalogue
from pipelines.vee.validation.checks import (
    run_checks,
)
from tests.unit.pipelines.vee.validation.ordinary_days import DAYS, SETTINGS, found_by, ordinary, with_energy


def test_two_unequal_spikes_side_by_side_are_both_found() -> None:
    edited = with_energy(200.0, (3, 13))(
        with_energy(40.0, (3, 12))(replace(ordinary(), capacity_kva=np.full(DAYS, np.nan)))
    )
    bits, _ = run_checks(edited, SETTINGS)
    assert {(int(day), int(slot)) for day, slot in np.argwhere(bits >> 5 & 1)} == {(3, 12), (3, 13)}


@pytest.mark.parametrize("hole", range(4))
@pytest.mark.parametrize(("first", "second"), [(40.0, 200.0), (200.0, 40.0)])
def test_two_unequal_spikes_around_a_hole_are_both_found(first: float, second: float, hole: int) -> None:
    """The lower one stands alone once the higher one is gone, however near the next value across the hole
    is.
    """
    edited = with_energy(np.nan, (3, slice(13, 13 + hole)))(
        with_energy(second, (3, 13 + hole))(
            with_energy(first, (3, 12))(replace(ordinary(), capacity_kva=np.full(DAYS, np.nan)))
        )
    )
    found = {slot for name, (_, slot) in found_by(edited) if name == "VEE-V06"}
    assert found == {12, 13 + hole}


@pytest.mark.parametrize(
    ("slots", "told"),
    [
        (1, {"VEE-V06", "VEE-V09", "VEE-V10", "VEE-V11"}),
        (2, {"VEE-V09", "VEE-V11"}),
        (3, {"VEE-V11"}),
        (4, {"VEE-V11"}),
        (5, set()),
    ],
)
def test_equal_spikes_side_by_side_stay_measured_and_only_information_tells_of_them(
    slots: int, told: set[str]
) -> None:
    """Fifty times the load of the night, the capacity not known: what docs/checks.md says that VEE-V06 does
    not find.
    """
    edited = with_energy(100.0, (3, slice(12, 12 + slots)))(
        replace(ordinary(), capacity_kva=np.full(DAYS, np.nan))
    )
    assert found_by(edited) == {(name, (3, slot)) for name in told for slot in range(12, 12 + slots)}
    assert run_checks(edited, SETTINGS)[1].any() == (slots == 1)


@pytest.mark.parametrize(("lower", "found"), [(33.4, set()), (33.3, {12, 13})])
def test_spikes_side_by_side_are_told_apart_by_the_ratio_of_isolation(lower: float, found: set[int]) -> None:
    edited = with_energy(lower, (3, 13))(
        with_energy(100.0, (3, 12))(replace(ordinary(), capacity_kva=np.full(DAYS, np.nan)))
    )
    assert {slot for name, (_, slot) in found_by(edited) if name == "VEE-V06"} == found


def test_of_three_falling_spikes_side_by_side_the_two_highest_are_found() -> None:
    edited = ordinary()
    for slot, value in ((12, 1000.0), (13, 200.0), (14, 40.0)):
        edited = with_energy(value, (3, slot))(edited)
    assert {
        slot
        for name, (_, slot) in found_by(replace(edited, capacity_kva=np.full(DAYS, np.nan)))
        if name == "VEE-V06"
    } == {12, 13}


def test_the_catalogue_says_what_a_check_of_spikes_does_not_find() -> None:
    assert "- VEE-V06: Two and more slots side by side" in render_check_catalogue()
