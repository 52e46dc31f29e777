"""Every check of the list fires where it must and keeps silent where it must; a new check without cases fails
here.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from pipelines.codes import Severity
from pipelines.settings import described_keys
from pipelines.vee.blocks import NO_DAY, CurveBlock, RecordBlock
from pipelines.vee.catalogue import render_check_catalogue
from pipelines.vee.estimation.estimators import ESTIMATORS
from pipelines.vee.settings import VeeSettings
from pipelines.vee.validation import interval_kernels as kernels
from pipelines.vee.validation.checks import (
    CHECKS,
    INTERVAL_CHECKS,
    RECORD_CHECKS,
    Check,
    record_faults,
    run_checks,
)
from tests.unit.pipelines.vee.validation.ordinary_days import (
    DAYS,
    SETTINGS,
    Edit,
    found_by,
    ordinary,
    whole_day,
    with_energy,
)


def of_last_day(field: str, value: float) -> Edit:
    def edit(block: CurveBlock) -> CurveBlock:
        values = getattr(block, field).copy()
        values[-1] = value
        return replace(block, **{field: values})

    return edit


def idle(block: CurveBlock) -> CurveBlock:
    """A channel that does not count use rests at zero for days."""
    return replace(
        with_energy(0.0, (3, slice(0, 96)), (4, slice(0, 96)))(block),
        counts_use=np.zeros(DAYS, dtype=np.bool_),
    )


def every_day_burst(block: CurveBlock) -> CurveBlock:
    energy = block.energy.copy()
    energy[:, 12] = 60.0
    return replace(block, energy=energy)


def in_outage(day: int) -> Edit:
    return lambda block: replace(block, outages=np.arange(DAYS) == day)


def silent_before(days: int) -> Edit:
    return lambda block: replace(block, silent_before=np.where(np.arange(DAYS) == 5, days, 0))


def every_third_day_a_kettle(block: CurveBlock) -> CurveBlock:
    """Peaks of 30 kWh that stand alone on five days of fifteen, each at another time: more than 30 % of the
    days.
    """
    energy = block.energy.copy()
    energy[np.arange(0, DAYS, 3), np.arange(5) * 5 + 6] = 30.0
    return replace(block, energy=energy, capacity_kva=np.full(DAYS, np.nan))


def scaled(value: float) -> Edit:
    def edit(block: CurveBlock) -> CurveBlock:
        scale = np.ones(block.energy.shape)
        scale[3, 5] = value
        return replace(block, scale=scale)

    return edit


# Zeros from 0:00 to 6:00 of day 3, about 2 kWh a slot, then their sum: 25 slots of 2.03 on average.
CAUGHT_UP = ((3, slice(0, 24)),)


# Over capacity: 1.5 x 100 kVA x 1/4 h = 37.5. Zero run and stuck: 6 h = 24 slots where no value ever repeats.
# Spike: three times the neighbour.
FIRES: dict[str, tuple[Edit, set[tuple[int, int]]]] = {
    "VEE-V01": (with_energy(np.nan, (3, 5)), {(3, 5)}),
    "VEE-V02": (of_last_day("receptions", 2), whole_day(DAYS - 1)),
    "VEE-V03": (with_energy(-0.06, (3, 5)), {(3, 5)}),
    "VEE-V04": (with_energy(0.0, (3, slice(0, 24))), {(3, slot) for slot in range(24)}),
    "VEE-V05": (with_energy(2.5, (3, slice(0, 24))), {(3, slot) for slot in range(24)}),
    "VEE-V06": (with_energy(30.0, (3, 12)), {(3, 12)}),
    "VEE-V07": (with_energy(37.51, (3, 5)), {(3, 5)}),
    # 18.2 is 1.8 times 10.06, the third highest of the day with it, and a little.
    "VEE-V09": (with_energy(18.2, (3, 40)), {(3, 40)}),
    # Three times 2.06, the highest of the four slots on either side.
    "VEE-V10": (with_energy(6.2, (3, 12)), {(3, 12)}),
    # Beyond four times 2.06: four in a row still stand above most of the four slots on either side, five no
    # longer do.
    "VEE-V11": (with_energy(8.3, (3, slice(12, 16))), {(3, slot) for slot in range(12, 16)}),
    "VEE-V12": (lambda block: in_outage(3)(with_energy(0.0, (3, slice(0, 96)))(block)), whole_day(3)),
    "VEE-V13": (with_energy(np.nan, (0, 0), (DAYS - 1, slice(1, 96))), whole_day(0) | whole_day(DAYS - 1)),
    "VEE-V35": (silent_before(93), whole_day(5)),
    "VEE-V41": (scaled(2.01), {(3, 5)}),
    "VEE-V42": (every_third_day_a_kettle, {(day, day // 3 * 5 + 6) for day in range(0, DAYS, 3)}),
    "VEE-V43": (
        lambda block: with_energy(50.7, (3, 24))(with_energy(0.0, *CAUGHT_UP)(block)),
        {(3, slot) for slot in range(25)},
    ),
}
SILENT: dict[str, list[Edit]] = {
    "VEE-V01": [with_energy(0.0, (3, 5))],
    "VEE-V02": [of_last_day("receptions", 1), of_last_day("receptions", 0)],
    # Two of the smallest steps, which are 0.01.
    "VEE-V03": [with_energy(0.0, (3, 5)), with_energy(-0.02, (3, 5))],
    "VEE-V04": [with_energy(0.0, (3, slice(0, 23))), idle],
    "VEE-V05": [with_energy(2.5, (3, slice(0, 23))), with_energy(0.0, (3, slice(0, 96)))],
    # A step up for an hour, a burst that comes every day, one that is no higher than its like-days.
    "VEE-V06": [
        with_energy(30.0, (3, slice(12, 14))),
        every_day_burst,
        with_energy(20.0, (3, 32)),
        every_third_day_a_kettle,
        lambda block: with_energy(50.7, (3, 24))(with_energy(0.0, *CAUGHT_UP)(block)),
    ],
    "VEE-V07": [
        with_energy(37.49, (3, 5)),
        lambda block: replace(with_energy(99.0, (3, 5))(block), capacity_kva=np.full(DAYS, np.nan)),
    ],
    "VEE-V09": [with_energy(18.1, (3, 40)), with_energy(30.0, (3, slice(40, 43)))],
    "VEE-V10": [with_energy(6.1, (3, 12)), with_energy(50.0, (3, slice(12, 14)))],
    "VEE-V11": [
        with_energy(7.9, (3, 12)),
        with_energy(29.0, (3, 40)),
        with_energy(30.0, (3, slice(12, 17))),
        every_day_burst,
    ],
    "VEE-V12": [
        with_energy(0.0, (3, slice(0, 96))),
        lambda block: in_outage(8)(with_energy(0.0, (3, slice(0, 96)))(block)),
    ],
    "VEE-V13": [
        with_energy(np.nan, (0, 0)),
        with_energy(np.nan, (0, 0), (DAYS - 1, slice(2, 96))),
        with_energy(np.nan, (DAYS - 1, slice(1, 96))),
    ],
    "VEE-V35": [silent_before(92), with_energy(np.nan, (3, slice(0, 96)), (4, slice(0, 96)))],
    "VEE-V41": [scaled(2.0), scaled(0.5)],
    "VEE-V42": [with_energy(30.0, (3, 12)), every_day_burst],
    "VEE-V43": [
        # More than twice and less than half of what like-days show, and the next value too near.
        lambda block: with_energy(101.7, (3, 24))(with_energy(0.0, *CAUGHT_UP)(block)),
        lambda block: with_energy(25.2, (3, 24))(with_energy(0.0, *CAUGHT_UP)(block)),
        lambda block: with_energy(40.0, (3, slice(24, 26)))(with_energy(0.0, *CAUGHT_UP)(block)),
        lambda block: in_outage(3)(with_energy(50.7, (3, 24))(with_energy(0.0, *CAUGHT_UP)(block))),
        with_energy(6.1, (3, 12)),
    ],
}


def records() -> RecordBlock:
    """Three whole records of 96 points of a meter that counts since day 19,990."""
    return RecordBlock(
        day_numbers=np.array([20_000, 20_001, 20_002]),
        interval_minutes=np.array([15, 15, 60]),
        values=np.array([96, 96, 24]),
        flags=np.array([96, 0, 0]),
        qualities=np.array([0, 0, 24]),
        has_measure=np.ones(3, dtype=np.bool_),
        has_channel=np.ones(3, dtype=np.bool_),
        has_meter=np.ones(3, dtype=np.bool_),
        first_installed=np.full(3, 19_990),
        today_number=20_002,
    )


def of_first_record(**values: int | bool) -> RecordBlock:
    block = records()
    changed = {
        name: np.concatenate(([value], getattr(block, name)[1:])).astype(getattr(block, name).dtype)
        for name, value in values.items()
    }
    return replace(block, **changed)


RECORD_FIRES: dict[str, list[RecordBlock]] = {
    "VEE-V08": [of_first_record(day_numbers=20_003)],
    "VEE-V14": [of_first_record(interval_minutes=7), of_first_record(interval_minutes=0)],
    "VEE-V15": [of_first_record(values=95), of_first_record(flags=95), of_first_record(qualities=97)],
    "VEE-V16": [of_first_record(has_measure=False), of_first_record(has_channel=False)],
    "VEE-V17": [of_first_record(day_numbers=19_989, has_meter=False)],
    "VEE-V18": [of_first_record(has_meter=False), of_first_record(has_meter=False, first_installed=NO_DAY)],
}
RECORD_SILENT: dict[str, list[RecordBlock]] = {
    "VEE-V08": [of_first_record(day_numbers=20_002)],
    "VEE-V14": [
        of_first_record(interval_minutes=1, values=1440, flags=0),
        of_first_record(interval_minutes=1440, values=1, flags=0),
    ],
    "VEE-V15": [of_first_record(flags=0), of_first_record(interval_minutes=30, values=48, flags=48)],
    "VEE-V16": [records()],
    "VEE-V17": [
        of_first_record(day_numbers=19_990),
        of_first_record(day_numbers=19_989, first_installed=NO_DAY),
    ],
    "VEE-V18": [of_first_record(day_numbers=19_989, has_meter=False)],
}
EARLY = with_energy(np.nan, (0, slice(0, 95)), (DAYS - 1, 95))


@pytest.mark.parametrize(
    ("more", "marked"),
    [
        ((), True),
        (((5, 40),), True),  # a gap elsewhere
        (((0, 95),), False),  # the first day holds nothing
        (((1, 0),), False),  # the one slot stands alone
        (((DAYS - 1, 94),), False),  # the last day lacks two
    ],
)
def test_a_series_that_begins_with_the_last_slot_of_a_day_and_lacks_it_at_the_end_is_one_slot_early(
    more: tuple[tuple[int, int], ...], marked: bool
) -> None:
    block = with_energy(np.nan, *more)(EARLY(ordinary()))
    found = kernels.shifted_by_one(block.energy, block.series_starts, block.day_numbers)
    assert np.flatnonzero(found).tolist() == ([0, DAYS - 1] if marked else [])


@pytest.mark.parametrize("check", INTERVAL_CHECKS, ids=lambda check: check.id)
def test_a_check_fires_on_exactly_what_is_wrong(check: Check) -> None:
    edit, expected = FIRES[check.id]
    bits, invalid = run_checks(edit(ordinary()), SETTINGS)
    found = {(int(day), int(slot)) for day, slot in np.argwhere(bits >> check.bit & 1)}
    assert found == expected
    if check.severity is Severity.INVALID:
        assert all(invalid[place] for place in expected)
    else:
        assert not run_checks(edit(ordinary()), SETTINGS, (check,))[1].any()


@pytest.mark.parametrize("check", INTERVAL_CHECKS, ids=lambda check: check.id)
def test_a_check_keeps_silent_just_inside(check: Check) -> None:
    for edit in [lambda block: block, *SILENT[check.id]]:
        assert not check.failed(edit(ordinary()), SETTINGS).any()


@pytest.mark.parametrize("check", RECORD_CHECKS, ids=lambda check: check.id)
def test_a_check_of_records_fires_on_what_is_wrong_and_nothing_else(check: Check) -> None:
    place = RECORD_CHECKS.index(check)
    for block in RECORD_FIRES[check.id]:
        assert check.failed(block, SETTINGS).tolist() == [True, False, False]
        assert record_faults(block, SETTINGS).tolist() == [place + 1, 0, 0]
    for block in RECORD_SILENT[check.id]:
        assert not check.failed(block, SETTINGS).any()
        # A record before the point's first meter has no meter that day either: it is told as what it is, not
        # as unknown.
        other = (
            RECORD_CHECKS.index(next(each for each in RECORD_CHECKS if each.id == "VEE-V17")) + 1
            if check.id == "VEE-V18"
            else 0
        )
        assert record_faults(block, SETTINGS).tolist() == [other, 0, 0]
    assert check.reason is not None
    assert check.severity is Severity.QUARANTINE


def test_of_several_faults_of_a_record_the_first_of_the_list_is_told() -> None:
    ruined = {
        "interval_minutes": 7,
        "values": 95,
        "has_measure": False,
        "has_meter": False,
        "day_numbers": 20_003,
    }
    mended: dict[str, int | bool] = {}
    told = []
    for name, value in {
        "interval_minutes": 15,
        "values": 96,
        "has_measure": True,
        "has_meter": True,
        "day_numbers": 20_002,
    }.items():
        told.append(RECORD_CHECKS[record_faults(of_first_record(**ruined | mended), SETTINGS)[0] - 1].id)
        mended[name] = value
    assert told == ["VEE-V14", "VEE-V15", "VEE-V16", "VEE-V18", "VEE-V08"]
    assert record_faults(of_first_record(**ruined | mended), SETTINGS).tolist() == [0, 0, 0]


def test_a_variant_needs_an_entry_alone() -> None:
    zero_run = next(check for check in CHECKS if check.id == "VEE-V04")
    stricter = replace(zero_run, id="VEE-V90", bit=40, settings={**zero_run.settings, "hours": 2.0})
    short = with_energy(0.0, (3, slice(0, 8)))(ordinary())
    bits, invalid = run_checks(short, SETTINGS, (*INTERVAL_CHECKS, stricter))
    assert {(int(day), int(slot)) for day, slot in np.argwhere(bits >> 40 & 1)} == {
        (3, slot) for slot in range(8)
    }
    assert not (bits >> 3 & 1).any()
    assert not invalid.any()


def test_a_rule_judges_no_day_before_it_holds() -> None:
    gap = next(check for check in CHECKS if check.id == "VEE-V01")
    later = replace(gap, valid_from=date(1970, 1, 1) + timedelta(days=20_004))
    block = with_energy(np.nan, (3, 5), (4, 5))(ordinary())
    assert [tuple(place) for place in np.argwhere(later.failed(block, SETTINGS)).tolist()] == [(4, 5)]


def test_a_zero_run_in_an_outage_changes_its_code() -> None:
    stopped = with_energy(0.0, (3, slice(0, 96)))(ordinary())
    assert {check for check, at in found_by(stopped)} == {"VEE-V04"}
    assert {check for check, at in found_by(in_outage(3)(stopped))} == {"VEE-V12"}


def test_the_list_is_in_order_and_no_id_or_bit_is_used_twice() -> None:
    bits = [check.bit for check in CHECKS if check.bit is not None]
    assert sorted(bits) == list(range(len(bits)))
    ids = [check.id for check in CHECKS]
    assert ids == sorted(set(ids))
    assert ids[:38] == [f"VEE-V{number:02d}" for number in range(1, 39)]
    assert {check.id: check.bit for check in CHECKS if check.id <= "VEE-V08"} == {
        f"VEE-V{number:02d}": number - 1 for number in range(1, 9)
    }
    assert [method.id for method in ESTIMATORS] == [
        f"VEE-E{number:02d}" for number in range(1, len(ESTIMATORS) + 1)
    ]


def test_the_catalogue_shows_every_check_estimator_and_threshold() -> None:
    page = render_check_catalogue()
    for entry in (*CHECKS, *ESTIMATORS):
        assert f"| {entry.id} |" in page
        assert entry.title_zh in page
    steered = {name for check in CHECKS for name in check.keys} | {
        name for method in ESTIMATORS for name in method.settings
    }
    assert steered <= {name for name, _ in described_keys(VeeSettings)}
    assert {
        name
        for name, _ in described_keys(VeeSettings)
        if not name.startswith(
            (
                "registers.rollover_",
                "registers.look_ahead_",
                "back_test.",
                "band.",
                "bias.",
                "published_errors.",
            )
        )
    } == steered
    assert page == render_check_catalogue()


def test_runs_and_neighbours_do_not_cross_from_one_series_into_the_next() -> None:
    block = ordinary(4)
    energy = block.energy.copy()
    energy[1, 84:], energy[2, :12] = 0.0, 0.0
    apart = replace(block, energy=energy, series_starts=np.array([0, 2, 4]))
    together = replace(apart, series_starts=np.array([0, 4]))
    bit = next(check.bit for check in CHECKS if check.id == "VEE-V04")
    assert (run_checks(together, SETTINGS)[0] >> bit & 1).sum() == 24
    assert not (run_checks(apart, SETTINGS)[0] >> bit & 1).any()
