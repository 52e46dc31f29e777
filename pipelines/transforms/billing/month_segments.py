"""A month that is cut, segment by segment: energy, its periods and highest demand of a meter point between
two
changes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.codes import Channel, SegmentBasis, TouSchedule
from pipelines.money import split_by_largest_remainder
from pipelines.periods import EPOCH
from pipelines.tables.base import rows_of_table
from pipelines.tables.rows.gold import GoldBillingDeterminantsComputed, GoldBillingSegmentsComputed
from pipelines.transforms.billing.month_totals import MonthTotalsRow
from pipelines.transforms.billing.period_columns import PeriodColumns, known_periods, period_columns
from pipelines.transforms.billing.reading_days import days_of_row
from pipelines.transforms.days.allocation import WHOLE, allocate_to_days, number_series, usable_step
from pipelines.transforms.days.curve_days import DEMAND_DIGITS, CurveDayRow
from pipelines.transforms.ground.micros import decimal_of
from pipelines.transforms.ground.slot_periods import PERIODS, SCHEDULES

_DAY = timedelta(days=1)


class Demand(TypedDict):
    """The columns of the highest demand of some days."""

    max_demand_kw: float | None
    max_demand_date: date | None
    max_demand_slot: int | None


@dataclass(frozen=True)
class Hours:
    """Whether the terms of some days know periods, and whose; None where no schedule is known for them."""

    is_time_of_use: bool
    schedule: TouSchedule | None


@dataclass(frozen=True)
class PointDays:
    """What is known of single days of some meter points.

    curves   (meter point) -> curve days of 15 minutes or finer, in order.
    settled  (meter point, day) -> energy that the registers settled. [1e-6 kWh]
    spans    (meter point) -> days of reads that settled several days as one, in order.
    """

    curves: Mapping[str, Sequence[CurveDayRow]]
    settled: Mapping[tuple[str, date], int]
    spans: Mapping[str, Sequence[tuple[date, ...]]]

    def of_days(self, meter_point: str, first: date, last: date) -> Sequence[CurveDayRow]:
        """The curve days of a meter point from one day to another."""
        rows = self.curves.get(meter_point, ())
        begin = bisect_left(rows, first, key=_curve_date)
        return rows[begin : bisect_right(rows, last, lo=begin, key=_curve_date)]


def point_days(curve_days: pa.Table, register_energy: pa.Table, meter_points: Sequence[str]) -> PointDays:
    """Days of a few meter points out of those of a bucket.

    curve_days  As ``summarise_days`` gives them; register_energy: silver_register_energy.
    """
    wanted = pa.array(sorted(meter_points), pa.string())

    def forward(rows: pa.Table) -> pa.Table:
        mine = pc.is_in(rows["meter_point_id"], value_set=wanted)
        return rows.filter(
            pc.and_(mine, pc.equal(rows["channel_code"], Channel.ACTIVE_FORWARD.value))
        ).combine_chunks()

    days, reads = forward(curve_days), forward(register_energy)
    curves: dict[str, list[CurveDayRow]] = defaultdict(list)
    ordered = days.sort_by([("meter_point_id", "ascending"), ("curve_date", "ascending")])
    for row in rows_of_table(ordered, CurveDayRow):
        if row["intervals"] >= 96:
            curves[row["meter_point_id"]].append(row)
    numbers = number_series(days, reads)
    found = allocate_to_days(numbers, days, reads)
    settled: dict[tuple[str, date], int] = {}
    spans: dict[str, list[tuple[date, ...]]] = defaultdict(list)
    names = [
        numbers.meter_points[series // max(1, len(numbers.channels))] for series in found.series.tolist()
    ]
    whole: dict[int, list[int]] = defaultdict(list)
    for place, name in enumerate(names):
        day = EPOCH + timedelta(days=int(found.day[place]))
        settled[name, day] = int(found.energy[place])
        if found.manner[place] == WHOLE:
            whole[int(found.read[place])].append(place)
    for places in whole.values():
        if len(places) > 1:
            spans[names[places[0]]].append(
                tuple(EPOCH + timedelta(days=int(found.day[place])) for place in places)
            )
    return PointDays(curves, settled, spans)


def register_segments(
    days: PointDays, meter_point: str, firsts: Sequence[date], lasts: Sequence[date]
) -> list[int]:
    """Energy of some adjoining segments by the registers' days; a read that settled days of several segments
    as one
    is split evenly. [1e-6 kWh]
    """
    energy: dict[date, int] = {
        day: value
        for (name, day), value in days.settled.items()
        if name == meter_point and firsts[0] <= day <= lasts[-1]
    }
    for span in days.spans.get(meter_point, ()):
        if any(span[0] < first <= span[-1] for first in firsts[1:]):
            total = sum(energy.get(day, 0) for day in span)
            parts = split_by_largest_remainder(Decimal(total), [1.0] * len(span), Decimal(1))
            energy.update(zip(span, (int(part) for part in parts), strict=True))
    return [
        sum(value for day, value in energy.items() if first <= day <= last)
        for first, last in zip(firsts, lasts, strict=True)
    ]


def month_segments(
    totals: MonthTotalsRow,
    whole: GoldBillingDeterminantsComputed,
    cuts: Sequence[date],
    hours: Sequence[Hours],
    main_hours: Sequence[Hours],
    days: PointDays,
) -> list[GoldBillingSegmentsComputed]:
    """Rows of gold_billing_segments of one meter point and month.

    totals  Row of month totals; whole: its row of gold_billing_determinants.
    cuts    First days of the second and later segments, in order.
    hours   Of each segment, one more than cuts; main_hours: those of the main meter before it, without time
            of
            use where there is none.
    The energy goes to the segments as the curve runs where it is whole, else by the registers' days; the
    period
    split of a month whose segments have
    the same hours stays what it is as a whole.
    """
    covered, name = days_of_row(totals), str(totals["meter_point_id"])
    firsts = [covered.first_day, *cuts]
    lasts = [first - _DAY for first in cuts] + [covered.last_day]
    curve = days.of_days(name, covered.first_day, covered.last_day)
    seen = [
        [row for row in curve if first <= row["curve_date"] <= last]
        for first, last in zip(firsts, lasts, strict=True)
    ]
    counted = [[row for row in rows if (name, row["curve_date"]) in days.settled] for rows in seen]
    weights = [float(sum(row["total_kwh_or_kvarh"] for row in rows)) for rows in counted]
    by_curve = (
        totals["curve_days"] > 0
        and totals["curve_holes"] == 0
        and (sum(weights) > 0 or totals["energy_micros"] == 0)
    )
    step = decimal_of(usable_step(totals["energy_micros"], totals["resolution_micros"]))
    splits: list[list[Decimal] | None]
    if (
        by_curve
        and all(part.is_time_of_use and part.schedule == hours[0].schedule for part in hours)
        and (known := known_periods(whole)) is not None
    ):
        periods = [_weights(_all_weights(rows), hours[0].schedule) for rows in counted]
        of_period = [
            split_by_largest_remainder(known[period], column if sum(column) > 0 else weights, step)
            for number, period in enumerate(PERIODS)
            for column in [[part[number] for part in periods]]
        ]
        splits = [list(part) for part in zip(*of_period, strict=True)]
        energies = [sum(part, Decimal(0)) for part in zip(*of_period, strict=True)]
    else:
        energies = (
            split_by_largest_remainder(whole["energy_kwh"], weights, step)
            if by_curve
            else [decimal_of(part) for part in register_segments(days, name, firsts, lasts)]
        )
        splits = [
            split_by_hours(energy, totals, part, _all_weights(rows))
            for energy, part, rows in zip(energies, hours, counted, strict=True)
        ]
    basis = SegmentBasis.CURVE if by_curve else SegmentBasis.REGISTERS
    return [
        {
            "meter_point_id": name,
            "billing_month": totals["billing_month"],
            "first_date": first,
            "last_date": last,
            "customer_id": totals["customer_id"],
            "energy_kwh": energy,
            **period_columns(split),
            **_demand(rows),
            "basis_code": basis.value,
            "main_period_kwh": split_by_hours(energy, totals, main, counts),
        }
        for first, last, energy, split, rows, main, counts in zip(
            firsts, lasts, energies, splits, seen, main_hours, map(_all_weights, counted), strict=True
        )
    ]


def summed_split(parts: Sequence[GoldBillingSegmentsComputed]) -> PeriodColumns | None:
    """The periods of the segments added up; None where one has none."""
    splits = [split for part in parts if (split := known_periods(part)) is not None]
    if not parts or len(splits) < len(parts):
        return None
    return period_columns([sum((split[period] for split in splits), Decimal(0)) for period in PERIODS])


def _all_weights(rows: Sequence[CurveDayRow]) -> list[float]:
    """What the curve saw in the periods of every schedule; NaN where a day has no schedule. [kWh]"""
    lists = [row["period_kwh"] for row in rows if row["period_kwh"] is not None]
    width = len(SCHEDULES) * len(PERIODS)
    return [float(value) for value in np.sum(np.array(lists, dtype=float).reshape(-1, width), axis=0)]


def _weights(counts: Sequence[float], schedule: TouSchedule | None) -> list[float]:
    """Of them those of one schedule."""
    if schedule is None:
        return [float("nan")] * len(PERIODS)
    first = SCHEDULES.index(schedule) * len(PERIODS)
    return list(counts[first : first + len(PERIODS)])


def split_by_hours(
    energy: Decimal, totals: MonthTotalsRow, hours: Hours, counts: Sequence[float] | None
) -> list[Decimal] | None:
    """Energy over the periods of some terms; None without time of use, a curve, or a schedule for each day.
    [kWh]

    counts  What the curve saw in the periods of every schedule.
    """
    if not hours.is_time_of_use or counts is None or not totals["curve_days"]:
        return None
    weights = _weights(counts, hours.schedule)
    if any(weight != weight for weight in weights) or (sum(weights) <= 0 and energy):
        return None
    step = decimal_of(usable_step(int(energy.scaleb(6)), totals["resolution_micros"]))
    return split_by_largest_remainder(energy, weights if sum(weights) > 0 else [1.0] * len(PERIODS), step)


def _curve_date(row: CurveDayRow) -> date:
    return row["curve_date"]


def _demand(rows: Sequence[CurveDayRow]) -> Demand:
    known = [(highest, row) for row in rows if (highest := row["highest_kw"]) is not None]
    if not known:
        return {"max_demand_kw": None, "max_demand_date": None, "max_demand_slot": None}
    highest, row = max(known, key=lambda each: (each[0], -each[1]["curve_date"].toordinal()))
    return {
        "max_demand_kw": round(highest, DEMAND_DIGITS),
        "max_demand_date": row["curve_date"],
        "max_demand_slot": row["highest_slot"],
    }
