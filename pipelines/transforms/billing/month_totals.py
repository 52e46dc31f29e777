"""Registers and curve days of one bucket to one row per meter point and month, before customer terms are
known.
"""

from __future__ import annotations

from datetime import date
from typing import Any, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import FloatArray, IntArray
from pipelines.codes import Channel
from pipelines.tables.base import DATE, DOUBLE, INTEGER, LONG, STRING
from pipelines.transforms.billing.reading_days import ReadingDays
from pipelines.transforms.days.allocation import (
    BY_DAYS,
    Allocation,
    SeriesDays,
    allocate_to_days,
    number_series,
)
from pipelines.transforms.days.curve_days import DEMAND_DIGITS
from pipelines.transforms.ground.keyed_rows import place_of
from pipelines.transforms.ground.local_days import DAY_SPAN
from pipelines.transforms.ground.micros import to_micros
from pipelines.transforms.ground.slot_periods import PERIODS, SCHEDULES

MONTH_TOTALS_SCHEMA = pa.schema(
    [
        pa.field("meter_point_id", STRING),
        pa.field("billing_month", STRING),
        pa.field("last_date", DATE),
        pa.field("energy_micros", LONG),
        pa.field("resolution_micros", LONG),
        pa.field("lagging_micros", LONG),
        pa.field("leading_micros", LONG),
        pa.field("exported_micros", LONG),
        pa.field("metered_days", INTEGER),
        pa.field("reactive_days", INTEGER),
        pa.field("curve_days", INTEGER),
        pa.field("curve_holes", INTEGER),
        pa.field("max_demand_kw", DOUBLE),
        pa.field("max_demand_date", DATE),
        pa.field("max_demand_slot", INTEGER),
        pa.field("period_kwh", pa.list_(DOUBLE)),
        pa.field("estimated_ratio", DOUBLE),
        pa.field("period_first_date", DATE),
        pa.field("period_last_date", DATE),
    ]
)
"""``curve_days`` counts days with a curve of 15 minutes or finer; ``curve_holes`` settled days whose curve is
not whole or not there;
``period_kwh`` the curve's energy by schedule and period over the settled days; ``reactive_days`` the smaller
of lagging and leading; the dates of the period are empty where it is the calendar month."""


class MonthTotalsRow(TypedDict):
    """A row of MONTH_TOTALS_SCHEMA, with the customer and the parent of the meter point and the terms that
    hold for it.
    """

    meter_point_id: str
    billing_month: str
    last_date: date
    energy_micros: int
    resolution_micros: int
    lagging_micros: int | None
    leading_micros: int | None
    exported_micros: int | None
    metered_days: int
    reactive_days: int
    curve_days: int
    curve_holes: int
    max_demand_kw: float | None
    max_demand_date: date | None
    max_demand_slot: int | None
    period_kwh: list[float] | None
    estimated_ratio: float
    period_first_date: date | None
    period_last_date: date | None
    customer_id: str
    parent_meter_point_id: str | None
    customer_class_code: str | None
    is_time_of_use: bool | None
    is_ev_charging: bool | None


_MONTH_SPAN = 1 << 16
_WIDTH = len(SCHEDULES) * len(PERIODS)


def month_totals(
    curve_days: pa.Table, register_energy: pa.Table, reading: ReadingDays | None = None
) -> pa.Table:
    """One row per meter point and month in which the active forward register settled energy; by meter point
    and month.

    reading  Of the meter points that are read on another day than the last of the month; None: of none.
    """
    numbers = number_series(curve_days, register_energy)
    allocation = allocate_to_days(numbers, curve_days, register_energy)
    channels = max(1, len(numbers.channels))
    months_of = _Months(reading or ReadingDays.none(), pa.array(numbers.meter_points, STRING), channels)
    meter_month = months_of(allocation.series, allocation.day)
    of_channel = {
        channel: np.flatnonzero(allocation.series % channels == numbers.channels.index(channel.value))
        if channel.value in numbers.channels
        else None
        for channel in (
            Channel.ACTIVE_FORWARD,
            Channel.ACTIVE_REVERSE,
            Channel.REACTIVE_LAGGING,
            Channel.REACTIVE_LEADING,
        )
    }
    active = of_channel[Channel.ACTIVE_FORWARD]
    if active is None or not active.size:
        return MONTH_TOTALS_SCHEMA.empty_table()
    months, group = np.unique(meter_month[active], return_inverse=True)
    energy = _sums(allocation.energy[active], group, months.size)
    by_days = _sums(
        np.where(allocation.manner[active] == BY_DAYS, allocation.energy[active], 0), group, months.size
    )
    metered = np.bincount(group, minlength=months.size)
    lagging, lagging_days = _beside(allocation, meter_month, of_channel[Channel.REACTIVE_LAGGING], months)
    leading, leading_days = _beside(allocation, meter_month, of_channel[Channel.REACTIVE_LEADING], months)
    exported, exported_days = _beside(allocation, meter_month, of_channel[Channel.ACTIVE_REVERSE], months)
    curve = _curve_columns(numbers, allocation, active, curve_days, months, group, months_of)
    even = np.divide(by_days, energy, out=np.zeros(months.size), where=energy > 0)
    last_day = np.zeros(months.size, dtype=np.int64)
    np.maximum.at(last_day, group, allocation.day[active])
    names = (np.datetime64("1970-01") + (months % _MONTH_SPAN)).astype(str).tolist()
    return pa.table(
        [
            pa.array(numbers.meter_points, STRING).take(pa.array(months // _MONTH_SPAN)),
            pa.array(names, STRING),
            pa.array(last_day.astype(np.int32)).cast(DATE),
            pa.array(energy),
            pa.array(_resolutions(allocation, active, register_energy, group, months.size)),
            pa.array(lagging, mask=lagging_days == 0),
            pa.array(leading, mask=leading_days == 0),
            pa.array(exported, mask=exported_days == 0),
            pa.array(metered.astype(np.int32)),
            pa.array(np.minimum(lagging_days, leading_days).astype(np.int32)),
            *curve[:-1],
            pa.array(np.clip(np.maximum(curve[-1], even), 0.0, 1.0)),
            *months_of.period_columns(months),
        ],
        schema=MONTH_TOTALS_SCHEMA,
    )


class _Months:
    """Number of (meter point, billing month): place of the meter point x ``_MONTH_SPAN`` + the month."""

    def __init__(self, reading: ReadingDays, meter_points: pa.Array, channels: int) -> None:
        self._reading, self._places, self._channels = reading, reading.places(meter_points), channels

    def __call__(self, series: IntArray, day: IntArray) -> IntArray:
        """Of each day of a series."""
        point = series // self._channels
        return point * _MONTH_SPAN + self._reading.month_of(self._places[point], day)

    def period_columns(self, months: IntArray) -> tuple[pa.Array, pa.Array]:
        """First and last day of some."""
        return self._reading.period_columns(self._places[months // _MONTH_SPAN], months % _MONTH_SPAN)


def _sums(values: IntArray, group: IntArray, size: int) -> IntArray:
    """Exact sums of whole numbers by group."""
    total = np.zeros(size, dtype=np.int64)
    np.add.at(total, group, values)
    return total


def _beside(
    allocation: Allocation, meter_month: IntArray, chosen: IntArray | None, months: IntArray
) -> tuple[IntArray, IntArray]:
    """Energy of another channel [1e-6 kWh or kvarh] and settled days of each month."""
    if chosen is None or not chosen.size:
        return np.zeros(months.size, dtype=np.int64), np.zeros(months.size, dtype=np.int64)
    place = place_of(meter_month[chosen], months)
    ours = place >= 0
    return _sums(allocation.energy[chosen][ours], place[ours], months.size), np.bincount(
        place[ours], minlength=months.size
    )


def _resolutions(
    allocation: Allocation, active: IntArray, register_energy: pa.Table, group: IntArray, size: int
) -> IntArray:
    """The largest step that the registers of a month have in common; an exchange may change it. [1e-6 kWh]"""
    resolution, _ = to_micros(register_energy["resolution_kwh_or_kvarh"])
    common = np.zeros(size, dtype=np.int64)
    np.gcd.at(common, group, resolution[allocation.read[active]])
    return common


def _curve_columns(
    numbers: SeriesDays,
    allocation: Allocation,
    active: IntArray,
    curve_days: pa.Table,
    months: IntArray,
    group: IntArray,
    months_of: _Months,
) -> list[Any]:
    """curve_days, curve_holes, highest demand with day and slot, energy by period, estimated share (as an
    array).
    """
    fine = np.asarray(
        pc.greater_equal(curve_days["intervals"], 96).to_numpy(zero_copy_only=False), dtype=np.bool_
    )
    channels = max(1, len(numbers.channels))
    forward = numbers.curve_series % channels == numbers.channels.index(Channel.ACTIVE_FORWARD.value)
    rows = np.flatnonzero(fine & forward)
    rows = rows[np.lexsort((numbers.curve_day[rows], numbers.curve_series[rows]))]
    series, day = numbers.curve_series[rows], numbers.curve_day[rows]
    place = place_of(months_of(series, day), months)
    ours = place >= 0
    rows, series, day, place = rows[ours], series[ours], day[ours], place[ours]

    highest = curve_days["highest_kw"].to_numpy()[rows]
    demand_row = _first_highest(highest, place, months.size)
    demand = np.where(demand_row >= 0, highest[demand_row] if rows.size else np.nan, np.nan)
    demand_day = np.where(demand_row >= 0, day[demand_row] if rows.size else 0, 0)
    slots = pc.fill_null(curve_days["highest_slot"], 0).to_numpy()[rows]
    demand_slot = np.where(demand_row >= 0, slots[demand_row] if rows.size else 0, 0)
    unseen = np.isnan(demand)

    settled = allocation.series[active] * DAY_SPAN + allocation.day[active]
    counted = np.isin(series * DAY_SPAN + day, settled)
    counted &= (curve_days["missing_intervals"].to_numpy() < curve_days["intervals"].to_numpy())[rows]
    rows, series, day, place = rows[counted], series[counted], day[counted], place[counted]
    total = curve_days["total_kwh_or_kvarh"].to_numpy()[rows]
    intervals = curve_days["intervals"].to_numpy()[rows].astype(np.float64)
    missing = curve_days["missing_intervals"].to_numpy()[rows]
    whole = np.isin(settled, (series * DAY_SPAN + day)[missing == 0])
    holes = np.bincount(group[~whole], minlength=months.size)
    days = np.bincount(place, minlength=months.size)

    # A missing interval counts as an estimate of the mean of those that are there.
    mass = np.bincount(place, total, months.size)
    there = np.bincount(place, intervals - missing, months.size)
    lost = np.bincount(place, missing, months.size) * np.divide(
        mass, there, out=np.zeros(months.size), where=there > 0
    )
    guessed = np.bincount(place, curve_days["estimated_kwh_or_kvarh"].to_numpy()[rows], months.size) + lost
    ratio = np.divide(guessed, mass + lost, out=np.zeros(months.size), where=mass + lost > 0)
    return [
        pa.array(days.astype(np.int32)),
        pa.array(holes.astype(np.int32)),
        pa.array(np.round(demand, DEMAND_DIGITS), mask=unseen),
        pa.array(demand_day.astype(np.int32), mask=unseen).cast(DATE),
        pa.array(demand_slot.astype(np.int32), mask=unseen),
        _period_sums(curve_days, rows, place, days),
        ratio,
    ]


def _first_highest(values: FloatArray, place: IntArray, size: int) -> IntArray:
    """Row of the highest value of each group, the first of equal ones; -1 where a group has none."""
    seen = np.flatnonzero(~np.isnan(values))
    order = seen[np.lexsort((seen, -values[seen], place[seen]))]
    row = np.full(size, -1, dtype=np.int64)
    groups, first = np.unique(place[order], return_index=True)
    row[groups] = order[first]
    return row


def _period_sums(curve_days: pa.Table, rows: IntArray, place: IntArray, days: IntArray) -> pa.Array:
    """Energy by schedule and period of each month; NaN where a day has no schedule, null without curve.
    [kWh]
    """
    lists = curve_days["period_kwh"].combine_chunks()
    lists = lists.chunk(0) if isinstance(lists, pa.ChunkedArray) and lists.num_chunks else lists
    if not rows.size or lists.null_count == len(lists):
        return pa.nulls(days.size, pa.list_(DOUBLE))
    chosen = pc.list_flatten(lists.take(pa.array(rows))).to_numpy().reshape(-1, _WIDTH)
    sums = np.stack([np.bincount(place, chosen[:, column], days.size) for column in range(_WIDTH)], axis=1)
    offsets = pa.array(np.arange(0, days.size * _WIDTH + 1, _WIDTH, dtype=np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array(sums.reshape(-1)), mask=pa.array(days == 0))
