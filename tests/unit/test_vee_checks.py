"""Every check of the list fires where it must and keeps silent where it must; a new check without cases fails here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import yaml

from pipelines.codes import Severity
from pipelines.settings import packaged
from pipelines.vee.blocks import CurveBlock
from pipelines.vee.catalogue import render_check_catalogue
from pipelines.vee.checks import CHECKS, Check, run_checks
from pipelines.vee.estimators import ESTIMATORS
from pipelines.vee.settings import VeeSettings

SETTINGS = VeeSettings.model_validate(yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8")))
DAYS = 15
Edit = Callable[[CurveBlock], CurveBlock]


def ordinary(days: int = DAYS) -> CurveBlock:
    """One series of ordinary days: 2 at night, 10 by day, no value twice in a row. [kWh]"""
    hours = np.arange(96) / 4
    shape = np.where((hours >= 8) & (hours < 18), 10.0, 2.0) + np.arange(96) % 7 / 100
    return CurveBlock(
        energy=np.tile(shape, (days, 1)),
        interval_minutes=15,
        series_starts=np.array([0, days]),
        day_numbers=20_000 + np.arange(days),
        day_types=np.zeros(days, dtype=np.int64),
        capacity_kva=np.full(days, 100.0),
        counts_use=np.ones(days, dtype=np.bool_),
        receptions=np.ones(days, dtype=np.int64),
        today_number=20_000 + days,
    )


def with_energy(value: float, *where: tuple[int, slice | int]) -> Edit:
    def edit(block: CurveBlock) -> CurveBlock:
        energy = block.energy.copy()
        for day, slots in where:
            energy[day, slots] = value
        return replace(block, energy=energy)

    return edit


def of_last_day(field: str, value: float) -> Edit:
    def edit(block: CurveBlock) -> CurveBlock:
        values = getattr(block, field).copy()
        values[-1] = value
        return replace(block, **{field: values})

    return edit


def idle(block: CurveBlock) -> CurveBlock:
    """A channel that does not count use rests at zero for days."""
    return replace(with_energy(0.0, (3, slice(0, 96)), (4, slice(0, 96)))(block), counts_use=np.zeros(DAYS, dtype=np.bool_))


def every_day_burst(block: CurveBlock) -> CurveBlock:
    energy = block.energy.copy()
    energy[:, 12] = 60.0
    return replace(block, energy=energy)


def whole_day(day: int) -> set[tuple[int, int]]:
    return {(day, slot) for slot in range(96)}


# Over capacity: 1.5 x 100 kVA x 1/4 h = 37.5. Zero run: 24 h = 96 slots. Stuck: 12 h = 48 slots. Spike: three times the neighbour.
FIRES: dict[str, tuple[Edit, set[tuple[int, int]]]] = {
    "VEE-V01": (with_energy(np.nan, (3, 5)), {(3, 5)}),
    "VEE-V02": (of_last_day("receptions", 2), whole_day(DAYS - 1)),
    "VEE-V03": (with_energy(-0.01, (3, 5)), {(3, 5)}),
    "VEE-V04": (with_energy(0.0, (3, slice(0, 96))), whole_day(3)),
    "VEE-V05": (with_energy(2.5, (3, slice(20, 68))), {(3, slot) for slot in range(20, 68)}),
    "VEE-V06": (with_energy(30.0, (3, 12)), {(3, 12)}),
    "VEE-V07": (with_energy(37.51, (3, 5)), {(3, 5)}),
    "VEE-V08": (of_last_day("day_numbers", 20_000 + DAYS + 1), whole_day(DAYS - 1)),
}
SILENT: dict[str, list[Edit]] = {
    "VEE-V01": [with_energy(0.0, (3, 5))],
    "VEE-V02": [of_last_day("receptions", 1), of_last_day("receptions", 0)],
    "VEE-V03": [with_energy(0.0, (3, 5))],
    "VEE-V04": [with_energy(0.0, (3, slice(0, 95))), idle],
    "VEE-V05": [with_energy(2.5, (3, slice(20, 67))), with_energy(0.0, (3, slice(20, 80)))],
    # A step up for an hour, a burst that comes every day, one that is no higher than its like-days.
    "VEE-V06": [with_energy(30.0, (3, slice(12, 14))), every_day_burst, with_energy(20.0, (3, 32))],
    "VEE-V07": [with_energy(37.49, (3, 5)), lambda block: replace(with_energy(99.0, (3, 5))(block), capacity_kva=np.full(DAYS, np.nan))],
    "VEE-V08": [of_last_day("day_numbers", 20_000 + DAYS)],
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_check_fires_on_exactly_what_is_wrong(check: Check) -> None:
    edit, expected = FIRES[check.id]
    bits, invalid = run_checks(edit(ordinary()), SETTINGS)
    found = {(int(day), int(slot)) for day, slot in np.argwhere(bits >> check.bit & 1)}
    assert found == expected
    if check.severity is Severity.INVALID:
        assert all(invalid[place] for place in expected)
    else:
        assert not invalid.any()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_check_keeps_silent_just_inside(check: Check) -> None:
    for edit in [lambda block: block, *SILENT[check.id]]:
        assert not check.kernel(edit(ordinary()), SETTINGS).any()


def test_the_list_is_in_order_and_no_id_or_bit_is_used_twice() -> None:
    assert [check.bit for check in CHECKS] == list(range(len(CHECKS)))
    assert [check.id for check in CHECKS] == [f"VEE-V{number:02d}" for number in range(1, len(CHECKS) + 1)]
    assert [method.id for method in ESTIMATORS] == [f"VEE-E{number:02d}" for number in range(1, len(ESTIMATORS) + 1)]


def test_the_catalogue_shows_every_check_estimator_and_threshold() -> None:
    page = render_check_catalogue()
    for entry in (*CHECKS, *ESTIMATORS):
        assert f"| {entry.id} |" in page
        assert entry.title_zh in page
        assert set(entry.settings) <= set(VeeSettings.model_fields)
    steered = {name for entry in (*CHECKS, *ESTIMATORS) for name in entry.settings}
    assert {name for name in VeeSettings.model_fields if not name.startswith(("rollover_", "back_test_", "band_", "flag_"))} == steered
    assert page == render_check_catalogue()


def test_runs_and_neighbours_do_not_cross_from_one_series_into_the_next() -> None:
    block = ordinary(4)
    energy = block.energy.copy()
    energy[1, 48:], energy[2, :48] = 0.0, 0.0
    apart = replace(block, energy=energy, series_starts=np.array([0, 2, 4]))
    together = replace(apart, series_starts=np.array([0, 4]))
    bit = next(check.bit for check in CHECKS if check.id == "VEE-V04")
    assert (run_checks(together, SETTINGS)[0] >> bit & 1).sum() == 96
    assert not (run_checks(apart, SETTINGS)[0] >> bit & 1).any()


def test_two_unequal_spikes_side_by_side_are_both_found() -> None:
    edited = with_energy(200.0, (3, 13))(with_energy(40.0, (3, 12))(replace(ordinary(), capacity_kva=np.full(DAYS, np.nan))))
    bits, _ = run_checks(edited, SETTINGS)
    assert {(int(day), int(slot)) for day, slot in np.argwhere(bits >> 5 & 1)} == {(3, 12), (3, 13)}
