"""Registers of the rates from the schedule of the customer's class to the intervals that they scale, and what
is found in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from pipelines.codes import IntervalStatus, TouPeriod
from pipelines.transforms.days.day_findings import judge_days
from pipelines.transforms.registers.rate_clock import RateClock
from pipelines.vee.estimation.rate_reconciliation import NO_RATE
from tests.unit.pipelines.transforms.registers.rate_site import (
    CHANGE,
    DAYS,
    DEEP,
    FIRST,
    FLAT,
    HOLE,
    JULY,
    JUNE,
    PEAK,
    SETTINGS,
    SHARP,
    VALLEY,
    Site,
    clock,
    hourly,
    points,
)

NATIONAL_DAY = {PEAK: [(16, 23)], FLAT: [(15, 16), (23, 24)], VALLEY: [(0, 9)], DEEP: [(9, 15)]}


def rates_on(
    day: date, minutes: int = 60, sent: Sequence[bool] = (True,) * 5, given: RateClock | None = None
) -> list[int]:
    number = np.array([(day - date(1970, 1, 1)).days])
    found = (given or clock()).rates_of(pa.array(["MP-1"]), number, minutes, np.array([sent]))
    return [int(rate) for rate in found[0]]


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 6, 30), JUNE), (date(2026, 7, 1), JULY), (date(2026, 10, 1), NATIONAL_DAY)]
)
@pytest.mark.parametrize("minutes", [5, 15, 30, 60])
def test_rates_follow_the_hours_of_the_day(
    day: date, hours: Mapping[int, Sequence[tuple[int, int]]], minutes: int
) -> None:
    assert rates_on(day, minutes) == [rate for rate in hourly(hours) for _ in range(60 // minutes)]


@pytest.mark.parametrize("sent", [(True,) * 4, (True, True, True, True, False)])
def test_without_a_register_of_its_own_deep_valley_counts_in_valley(sent: Sequence[bool]) -> None:
    assert rates_on(date(2026, 10, 1), sent=sent) == [
        VALLEY if rate == DEEP else rate for rate in hourly(NATIONAL_DAY)
    ]


def test_a_period_without_register_and_stand_in_has_no_rate() -> None:
    assert rates_on(date(2026, 7, 1), sent=(True, True)) == [
        rate if rate < FLAT else NO_RATE for rate in hourly(JULY)
    ]


def test_the_class_of_the_day_decides() -> None:
    changed = clock([(date(2016, 1, 1), "large_industry"), (date(2026, 7, 2), "residential")])
    assert rates_on(date(2026, 7, 1), given=changed) == hourly(JULY)
    assert rates_on(date(2026, 7, 2), given=changed) == hourly({PEAK: [(8, 22)], VALLEY: [(0, 8), (22, 24)]})


@pytest.mark.parametrize(
    ("day", "given"),
    [
        (date(2020, 1, 1), clock()),  # between two notices
        (date(2026, 7, 1), clock([(date(2016, 1, 1), None)])),
        (date(2026, 7, 1), clock([(date(2016, 1, 1), "agriculture")])),
        (date(2026, 7, 1), clock([(date(2026, 7, 2), "large_industry")])),
        (date(2026, 7, 1), clock(customer=None)),
    ],
)
def test_without_class_or_schedule_there_is_no_rate(day: date, given: RateClock) -> None:
    assert set(rates_on(day, given=given)) == {NO_RATE}


def test_an_interval_that_lies_in_two_rates_has_none() -> None:
    """Peak from 00:15 to 01:30, valley elsewhere."""
    row = np.full(96, list(TouPeriod).index(TouPeriod.VALLEY), dtype=np.int8)
    row[1:6] = list(TouPeriod).index(TouPeriod.PEAK)
    given = clock(slots=lambda days, _class: np.tile(row, (len(days), 1)))
    assert rates_on(FIRST, 60, given=given) == [NO_RATE, NO_RATE] + [VALLEY] * 22
    assert rates_on(FIRST, 30, given=given)[:4] == [NO_RATE, PEAK, PEAK, VALLEY]
    assert rates_on(FIRST, 10, given=given)[:4] == [VALLEY, NO_RATE, PEAK, PEAK]


def apart(site: Site, curves: pa.Table, days: Sequence[int], rates: int = 5) -> np.ndarray:
    """Final less true energy of each rate over some days. [kWh]"""
    return np.array(
        [
            sum((site.final(curves, at) - site.true[at])[site.of_rate(at, rate)].sum() for at in days)
            for rate in range(rates)
        ]
    )


@pytest.mark.parametrize("minutes", [5, 15, 30, 60])
def test_each_gap_takes_what_its_own_rate_counted(minutes: int) -> None:
    """The valley's gap drew half, the sharp hours' gap 1.6 times as much as on other days: one factor for
    both cannot tell.
    """
    site = Site(minutes)
    by_rate, by_total = (site.refine(site.reads(), given) for given in (clock(), None))
    assert np.abs(apart(site, by_rate, [HOLE])).max() <= 0.01 + 1e-9
    assert np.abs(apart(site, by_total, [HOLE])).max() > 5.0
    for curves in (by_rate, by_total):
        site.assert_measured_stay(curves)
        total = float(site.reads()["energy_kwh_or_kvarh"].to_pylist()[HOLE])
        assert abs(site.final(curves, HOLE).sum() - total) <= 0.01 + 1e-9


def test_a_read_over_a_change_of_schedule_and_season_is_followed_day_by_day() -> None:
    """Sharp hours are there from July on alone; 14 to 15 h is peak on 30 June and flat on 1 July."""
    site = Site(holes={CHANGE - 1: (14, 15), CHANGE: (14, 19)}, odd={14: 0.4, 15: 0.4, 19: 1.8})
    spans = [
        *((at, at) for at in range(CHANGE - 1)),
        (CHANGE - 1, CHANGE),
        *((at, at) for at in range(CHANGE + 1, DAYS)),
    ]
    curves = site.refine(site.reads(spans), clock())
    site.assert_measured_stay(curves)
    both = apart(site, curves, [CHANGE - 1, CHANGE])
    assert np.abs(both).max() <= 0.01 + 1e-9
    # Of each of these rates one of the two days alone has a gap: its energy is told exactly.
    assert abs(apart(site, curves, [CHANGE])[SHARP]) <= 0.01 + 1e-9
    assert abs(apart(site, curves, [CHANGE - 1])[PEAK]) <= 0.01 + 1e-9


def test_a_day_that_never_came_is_shared_out_by_rate() -> None:
    site = Site(holes={HOLE: range(24)}, odd={2: 0.5, 19: 1.6})
    curves = site.refine(site.reads(), clock())
    assert np.abs(apart(site, curves, [HOLE])).max() <= 0.01 + 1e-9


def test_a_gap_beyond_the_limit_runs_as_own_days_do_rate_by_rate() -> None:
    silent = range(3, 3 + int(SETTINGS.gaps.limit_days) + 2)
    site = Site(holes=dict.fromkeys(silent, range(24)), odd={2: 0.9, 19: 1.2})
    curves = site.refine(site.reads(), clock())
    site.assert_measured_stay(curves)
    status = {code for at in silent for code in curves["interval_status_codes"].to_pylist()[at]}
    assert status == {IntervalStatus.ESTIMATED_LIKE_DAY}
    assert np.abs(apart(site, curves, list(silent))).max() <= 0.01 * len(silent) + 1e-9
    off = [np.abs(site.final(curves, at) - site.true[at]).mean() / site.true[at].mean() for at in silent]
    assert max(off) < 0.03


@pytest.mark.parametrize("case", ["unknown class", "rates do not sum", "other hours"])
def test_where_the_rates_cannot_be_followed_the_total_alone_is(case: str) -> None:
    site = Site()
    plain = site.refine(site.reads(), None)
    every = site.reads().column("rate_energy_kwh_or_kvarh").to_pylist()
    told, given, change = every[HOLE], clock(), None
    if case == "unknown class":
        given = clock([(date(2016, 1, 1), None)])
    elif case == "rates do not sum":
        change = {HOLE: [str(told[0] + Decimal("0.10")), *map(str, told[1:])]}
    else:  # the meter's flat and peak are each other's
        change = {
            at: [str(rates[0]), str(rates[2]), str(rates[1]), *map(str, rates[3:])]
            for at, rates in enumerate(every)
        }
    assert site.refine(site.reads(change=change), given).equals(plain)


def found(site: Site, reads: pa.Table, curves: pa.Table, given: RateClock | None) -> list[tuple[int, str]]:
    _, findings = judge_days(reads, curves, points(), {}, SETTINGS, given)
    wanted = ("VEE-V29", "VEE-V34")
    return [
        ((row["finding_date"] - FIRST).days, row["check_id"])
        for row in findings.to_pylist()
        if row["check_id"] in wanted
    ]


def test_rates_that_measured_intervals_contradict_are_found() -> None:
    """0.02 kWh of the peak counted as flat: the total agrees. One step is within the tolerance; a day without
    a schedule is not judged.
    """
    site = Site(holes={})
    cut = site.reads().column("rate_energy_kwh_or_kvarh").to_pylist()
    shifted = {
        at: [
            str(cut[at][0]),
            str(cut[at][1] - Decimal(by)),
            str(cut[at][2] + Decimal(by)),
            *map(str, cut[at][3:]),
        ]
        for at, by in ((5, "0.02"), (7, "0.00"))
    }
    reads = site.reads(change=shifted)
    curves = site.refine(reads, clock())
    assert found(site, reads, curves, clock()) == [(5, "VEE-V34")]
    assert found(site, reads, curves, None) == []
    assert found(site, reads, curves, clock([(date(2026, 7, 1), "large_industry")])) == []


def test_a_read_over_two_days_settles_no_single_day_of_the_rates() -> None:
    site = Site(holes={})
    spans = [*((at, at) for at in range(5)), (5, 6), *((at, at) for at in range(7, DAYS))]
    reads = site.reads(spans, change={6: ["0", "0", "0", "0", "0"]})
    assert found(site, reads, site.refine(reads, clock()), clock()) == []


def test_a_rate_that_estimates_could_not_meet_is_found_with_the_total() -> None:
    """The gap's rate has no positive remainder: nothing is scaled there, and the day stands as found."""
    site = Site()
    told = site.reads().column("rate_energy_kwh_or_kvarh").to_pylist()[HOLE]
    measured = site.true[HOLE][site.of_rate(HOLE, SHARP) & ~site.empty(HOLE)].sum()
    low = [Decimal(int(measured * 100)) / 100 - 1, *told[1:]]
    reads = site.reads(change={HOLE: [str(value) for value in low]})
    at = reads.schema.get_field_index("energy_kwh_or_kvarh")
    totals = reads["energy_kwh_or_kvarh"].to_pylist()
    totals[HOLE] = sum(low)
    reads = reads.set_column(at, reads.schema.field(at), pa.array(totals, reads.schema.field(at).type))
    curves = site.refine(reads, clock())
    site.assert_measured_stay(curves)
    assert abs(apart(site, curves, [HOLE])[VALLEY]) <= 0.01 + 1e-9, "the valley's gap still takes its own"
    unscaled = site.refine(reads.slice(0, 1), clock())
    gap = site.of_rate(HOLE, SHARP) & site.empty(HOLE)
    np.testing.assert_array_equal(site.final(curves, HOLE)[gap], site.final(unscaled, HOLE)[gap])
    assert found(site, reads, curves, clock()) == [(HOLE, "VEE-V29"), (HOLE, "VEE-V34")]
