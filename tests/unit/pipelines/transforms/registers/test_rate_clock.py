"""Registers of the rates from the schedule of the customer's class to the intervals that they scale, and what
is found in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml

from pipelines.codes import TouPeriod
from pipelines.facts import load_facts
from pipelines.facts.time_of_use import TimeOfUse
from pipelines.formats import FormatSettings
from pipelines.settings import packaged
from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.tables.silver import SilverCustomers, SilverMeterPoints, SilverRegisterEnergy
from pipelines.transforms.curves.curve_reconciliation import REGISTER_SCHEMA, Registers
from pipelines.transforms.curves.day_curves import refine_curves
from pipelines.transforms.days.day_findings import judge_days
from pipelines.transforms.registers.rate_clock import RateClock, rate_clock
from pipelines.vee.estimation.rate_reconciliation import NO_RATE
from pipelines.vee.settings import VeeSettings

SETTINGS = VeeSettings.model_validate(
    yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8"))
)
FORMATS = FormatSettings.model_validate(
    yaml.safe_load((packaged("conf") / "formats.yaml").read_text(encoding="utf-8"))
)
SHARP, PEAK, FLAT, VALLEY, DEEP = range(5)
FIRST = date(2026, 6, 1)
# Hours of 浙发改价格〔2024〕21号 (to 2026-06-30, months 2-6) and 〔2026〕112号 (from 2026-07-01, months 7 and 8), by
# hand.
JUNE = {PEAK: [(8, 11), (13, 17)], FLAT: [(17, 24)], VALLEY: [(0, 8), (11, 13)]}
JULY = {
    SHARP: [(18, 22)],
    PEAK: [(16, 18), (22, 23)],
    FLAT: [(7, 11), (14, 16), (23, 24)],
    VALLEY: [(0, 7), (11, 14)],
}
NATIONAL_DAY = {PEAK: [(16, 23)], FLAT: [(15, 16), (23, 24)], VALLEY: [(0, 9)], DEEP: [(9, 15)]}


@cache
def time_of_use() -> TimeOfUse:
    return load_facts(packaged("conf") / "facts").time_of_use


def hourly(hours: Mapping[int, Sequence[tuple[int, int]]]) -> list[int]:
    """Rate of each hour of a day."""
    rate = [NO_RATE] * 24
    for number, spans in hours.items():
        for begin, end in spans:
            rate[begin:end] = [number] * (end - begin)
    assert NO_RATE not in rate
    return rate


def points(customer: str | None = "C-1") -> pa.Table:
    row = dict.fromkeys(SilverMeterPoints.columns()) | {
        "meter_point_id": "MP-1",
        "valid_from_date": date(2016, 1, 1),
        "customer_id": customer,
        "meter_id": "M",
        "multiplier_ratio": 1.0,
        "provenance": "simulated",
        "computed_run_id": "r",
    }
    return pa.Table.from_pylist([row], SilverMeterPoints.arrow_schema())


def clock(
    terms: Sequence[tuple[date, str | None]] = ((date(2016, 1, 1), "large_industry"),),
    slots: Any = None,
    customer: str | None = "C-1",
) -> RateClock:
    names = {
        "customer_id": pa.string(),
        "valid_from_date": pa.date32(),
        "customer_class_code": pa.string(),
        "is_ev_charging": pa.bool_(),
    }
    rows = [dict(zip(names, ("C-1", day, code, None), strict=True)) for day, code in terms]
    customers = pa.Table.from_pylist(rows, pa.schema(list(names.items())))
    assert set(names) <= set(SilverCustomers.columns())
    steps = SETTINGS.registers.rate_sum_tolerance_steps
    return rate_clock(
        FORMATS.rate_periods,
        FORMATS.rate_stand_ins,
        steps,
        slots or time_of_use().slot_matrix,
        points(customer),
        customers,
    )


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


DAYS = 40  # to 2026-07-10
CHANGE = (date(2026, 7, 1) - FIRST).days
HOLE = CHANGE + 3


def day(offset: int) -> date:
    return FIRST + timedelta(days=offset)


def hours_of(offset: int) -> list[int]:
    return hourly(JUNE if offset < CHANGE else JULY)


def true_kw(offset: int, slots: int) -> np.ndarray:
    """Mean power of each interval: much alike from day to day. [kW]"""
    return (20.0 + 0.1 * (offset % 5)) + 8.0 * np.sin(np.linspace(0, 2 * np.pi, slots, endpoint=False))


class Site:
    """Forty days of one meter with registers of the rates that follow the hours, and two gaps whose truth is
    unlike other days.

    holes  Day -> hours without values.
    odd    Hour of a holed day -> factor on its true power, which the registers counted.
    """

    def __init__(
        self,
        minutes: int = 15,
        holes: Mapping[int, Sequence[int]] | None = None,
        odd: Mapping[int, float] | None = None,
    ) -> None:
        self.minutes, self.slots, self.per_hour = minutes, 1440 // minutes, 60 // minutes
        self.holes = {HOLE: (2, 3, 19, 20)} if holes is None else holes
        self.true = []
        for offset in range(DAYS):
            energy = true_kw(offset, self.slots) * minutes / 60
            for hour, factor in (odd or {2: 0.5, 3: 0.5, 19: 1.6, 20: 1.6}).items():
                if offset in self.holes:
                    energy[hour * self.per_hour : (hour + 1) * self.per_hour] *= factor
            self.true.append(energy)

    def empty(self, offset: int) -> np.ndarray:
        return np.isin(np.arange(self.slots) // self.per_hour, self.holes.get(offset, ()))

    def of_rate(self, offset: int, rate: int) -> np.ndarray:
        return np.repeat(np.array(hours_of(offset)) == rate, self.per_hour)

    def reads(
        self,
        spans: Sequence[tuple[int, int]] | None = None,
        change: Mapping[int, Sequence[str]] | None = None,
        rates: int = 5,
    ) -> pa.Table:
        """(first day, last day) of each read; the steps are of 0.01 kWh. ``change`` replaces the rates of a
        read that ends on a day.
        """
        rows = []
        for first, last in spans or [(offset, offset) for offset in range(DAYS)]:
            energy = [
                sum(self.true[at][self.of_rate(at, rate)].sum() for at in range(first, last + 1))
                for rate in range(rates)
            ]
            cut = [Decimal(int(value * 100)) / 100 for value in energy]
            total = Decimal(int(sum(energy) * 100)) / 100
            told = [Decimal(value) for value in change[last]] if change and last in change else cut
            rows.append(
                {
                    "meter_point_id": "MP-1",
                    "channel_code": "active_forward",
                    "energy_date": day(last),
                    "span_days": last - first + 1,
                    "end_register_unscaled": Decimal(0),
                    "multiplier_ratio": 1.0,
                    "energy_kwh_or_kvarh": total,
                    "rate_energy_kwh_or_kvarh": told,
                    "resolution_kwh_or_kvarh": Decimal("0.01"),
                    "register_rule_code": "normal",
                    "energy_month": f"{day(last):%Y-%m}",
                }
            )
        schema = pa.schema(
            [
                SilverRegisterEnergy.arrow_schema().field(name)
                for name in SilverRegisterEnergy.business_columns()
            ]
        )
        return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema)

    def refine(self, reads: pa.Table, given: RateClock | None) -> pa.Table:
        rows = [
            dict.fromkeys(BronzeLoadCurves.columns())
            | {
                "content_hash": "c",
                "line_number": offset + 2,
                "meter_point_id": "MP-1",
                "channel_code": "active_forward",
                "curve_date": day(offset),
                "interval_minutes": self.minutes,
                "measure_code": "energy",
                "values_unscaled": [
                    None if hole else float(value)
                    for hole, value in zip(self.empty(offset), self.true[offset], strict=True)
                ],
                "curve_month": f"{day(offset):%Y-%m}",
            }
            for offset in range(DAYS)
        ]
        registers = Registers(lambda _names: reads.select(REGISTER_SCHEMA.names), {}, clock=given)
        bronze = pa.Table.from_pylist(rows, BronzeLoadCurves.arrow_schema())
        types = {day(offset): "working_day" for offset in range(DAYS)}
        return refine_curves(
            bronze, points(), types, SETTINGS, ["2026-06", "2026-07"], date(2026, 9, 1), registers=registers
        ).curves

    def final(self, curves: pa.Table, offset: int) -> np.ndarray:
        return np.array(curves["final_kwh_or_kvarh"].to_pylist()[offset], dtype=float)

    def assert_measured_stay(self, curves: pa.Table) -> None:
        for offset in range(DAYS):
            kept = ~self.empty(offset)
            np.testing.assert_array_equal(self.final(curves, offset)[kept], self.true[offset][kept])


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
