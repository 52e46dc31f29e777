"""Silver curves to one small row per day: total, estimated part, highest mean power, energy by time-of-use
period.
"""

from __future__ import annotations

from datetime import date
from typing import TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.codes import Channel, IntervalStatus
from pipelines.periods import DAY_MINUTES
from pipelines.tables.base import DATE, DOUBLE, INTEGER, STRING
from pipelines.transforms.curves.curve_kernels import day_counts, highest_slots
from pipelines.transforms.ground.slot_periods import NO_PERIOD, PERIODS, QUARTERS, SCHEDULES, PeriodsOfDays

DAYS_PER_BLOCK = 8192
DEMAND_DIGITS = 9
"""Decimals of the highest demand of a month: mean powers are differences of binary fractions, and a billionth
of a
kilowatt is beyond any meter.
"""

DAY_CURVE_COLUMNS = (
    "meter_point_id",
    "channel_code",
    "curve_date",
    "interval_minutes",
    "final_kwh_or_kvarh",
    "interval_status_codes",
)
"""What ``summarise_days`` needs of silver_day_curves."""

RECEIVED = "measured_kwh_or_kvarh"
"""What ``received_days`` needs besides."""

CURVE_DAYS_SCHEMA = pa.schema(
    [
        pa.field("meter_point_id", STRING),
        pa.field("channel_code", STRING),
        pa.field("curve_date", DATE),
        pa.field("total_kwh_or_kvarh", DOUBLE),
        pa.field("estimated_kwh_or_kvarh", DOUBLE),
        pa.field("intervals", INTEGER),
        pa.field("missing_intervals", INTEGER),
        pa.field("highest_kw", DOUBLE),
        pa.field("highest_slot", INTEGER),
        pa.field("period_kwh", pa.list_(DOUBLE)),
    ]
)
"""``highest_kw``, ``highest_slot`` and ``period_kwh`` only for active forward curves of 15 minutes or finer.
``period_kwh`` holds the
periods of the first schedule, then of the second ...; NaN where no schedule covers the day; null without a
schedule at all."""


class CurveDayRow(TypedDict):
    """A row of CURVE_DAYS_SCHEMA."""

    meter_point_id: str
    channel_code: str
    curve_date: date
    total_kwh_or_kvarh: float
    estimated_kwh_or_kvarh: float
    intervals: int
    missing_intervals: int
    highest_kw: float | None
    highest_slot: int | None
    period_kwh: list[float] | None


_ESTIMATED = np.array([status.is_estimated for status in IntervalStatus])


def summarise_days(curves: pa.Table, periods: PeriodsOfDays | None) -> pa.Table:
    """One row per meter point, channel and day of silver_day_curves, as CURVE_DAYS_SCHEMA; rows keep their
    order within an interval length.

    periods  Periods by day and class; none: no energy by period.
    """
    parts = [CURVE_DAYS_SCHEMA.empty_table()]
    lengths = pc.unique(curves["interval_minutes"]).to_pylist()
    for minutes in lengths:
        # Filtering copies every array, so rows of one length go as they are; in blocks, so that what is made
        # of them stays near the processor.
        chosen = curves if len(lengths) == 1 else curves.filter(pc.equal(curves["interval_minutes"], minutes))
        for first in range(0, chosen.num_rows, DAYS_PER_BLOCK):
            parts.append(_summarised(chosen.slice(first, DAYS_PER_BLOCK).combine_chunks(), minutes, periods))
    return pa.concat_tables(parts).combine_chunks()


def received_days(curves: pa.Table) -> FloatArray:
    """What was received for each day of silver_day_curves, NaN where an interval did not come; in the order
    of ``summarise_days``. [kWh or kvarh]
    """
    sums = [np.empty(0)]
    lengths = pc.unique(curves["interval_minutes"]).to_pylist()
    for minutes in lengths:
        chosen = curves if len(lengths) == 1 else curves.filter(pc.equal(curves["interval_minutes"], minutes))
        sums.append(_dense(chosen[RECEIVED], DAY_MINUTES // minutes).astype(np.float64).sum(axis=1))
    return np.concatenate(sums)


def _summarised(curves: pa.Table, minutes: int, periods: PeriodsOfDays | None) -> pa.Table:
    count, slots = curves.num_rows, DAY_MINUTES // minutes
    final = _dense(curves["final_kwh_or_kvarh"], slots).astype(np.float64)
    status = _dense(curves["interval_status_codes"], slots).astype(np.int8)
    missing = np.isnan(final)
    energy = np.where(missing, 0.0, final)
    counts = np.empty((3, count), dtype=np.int32)
    day_counts(status, _ESTIMATED, IntervalStatus.MISSING.value, counts)
    with_estimates, estimated = np.flatnonzero(counts[1]), np.zeros(count)
    estimated[with_estimates] = np.where(_ESTIMATED[status[with_estimates]], energy[with_estimates], 0.0).sum(
        axis=1
    )
    day = curves["curve_date"].cast(pa.int32()).to_numpy().astype(np.int64)
    highest, slot, period = (
        pa.nulls(count, DOUBLE),
        pa.nulls(count, INTEGER),
        pa.nulls(count, pa.list_(DOUBLE)),
    )
    if 15 % minutes == 0:
        quarters = (
            final if minutes == 15 else final.reshape(count, QUARTERS, 15 // minutes).sum(axis=2)
        )  # NaN where any part is missing
        active = np.asarray(pc.equal(curves["channel_code"], Channel.ACTIVE_FORWARD.value).to_numpy())
        place = highest_slots(quarters)
        unseen = ~active | (place < 0)
        highest = pa.array(quarters[np.arange(count), place] / 0.25, mask=unseen)
        slot = pa.array(place.astype(np.int32), mask=unseen)
        if periods is not None:
            by_quarter = (
                energy if minutes == 15 else energy.reshape(count, QUARTERS, 15 // minutes).sum(axis=2)
            )
            period = _period_lists(by_quarter, day, active, periods)
    return pa.table(
        [
            curves["meter_point_id"],
            curves["channel_code"],
            curves["curve_date"],
            pa.array(energy.sum(axis=1)),
            pa.array(estimated),
            pa.array(np.full(count, slots, dtype=np.int32)),
            pa.array(np.count_nonzero(missing, axis=1).astype(np.int32)),
            highest,
            slot,
            period,
        ],
        schema=CURVE_DAYS_SCHEMA,
    )


def _dense(column: pa.ChunkedArray, slots: int) -> FloatArray:
    return np.asarray(pc.list_flatten(column).to_numpy()).reshape(-1, slots)


def _period_lists(
    by_quarter: FloatArray, day: IntArray, active: BoolArray, periods: PeriodsOfDays
) -> pa.Array:
    """Energy of each schedule's periods, one list per day; null for other channels. [kWh]"""
    rows = np.flatnonzero(active)
    sums = np.full((by_quarter.shape[0], len(SCHEDULES) * len(PERIODS)), np.nan)
    for number, schedule in enumerate(SCHEDULES):
        matrix = periods.matrix(day[rows], schedule)
        covered = matrix[:, 0] != NO_PERIOD
        for period in range(len(PERIODS)):
            total = np.where(matrix == period, by_quarter[rows], 0.0).sum(axis=1)
            sums[rows, number * len(PERIODS) + period] = np.where(covered, total, np.nan)
    offsets = np.concatenate(([0], np.cumsum(np.where(active, sums.shape[1], 0)))).astype(np.int32)
    return pa.ListArray.from_arrays(
        pa.array(offsets), pa.array(sums[rows].reshape(-1)), mask=pa.array(~active)
    )
