"""What kernels see, one kind of block for each level of check."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pipelines.arrays import BoolArray, FloatArray, Int8Array, IntArray


@dataclass(frozen=True)
class CurveBlock:
    """Series (meter point and channel) of one interval length, one under the other, each with every day of
    its span.

    energy            (days x slots) energy of each interval after the multiplier, NaN where nothing came.
                      [kWh or kvarh]
    interval_minutes  Length of an interval; slots = 1440 / interval_minutes. [min]
    series_starts     (series + 1) first row of each series; rows of one series are consecutive local days.
    day_numbers       (days) local day, counted from 1970-01-01.
    day_types         (days) code of the kind of day; like-days have equal codes.
    capacity_kva      (days) limit for the over-capacity check, NaN where unknown. [kVA]
    counts_use        (days) whether the series counts active energy drawn; others may rest at zero.
    receptions        (days) how many records were received for the day.
    today_number      The local day on which the check runs, counted from 1970-01-01.
    outages           (days) whether an outage is on record for the customer on that day; none: no outage is
                      known.
    told_again        (days x slots) whether one file tells the interval more than once; none: no interval
                      was.
    disputed          (days x slots) whether values came that differ, and nobody can tell which is true; none:
                      no interval is.
    silent_before     (days) days before it on which nothing came and that the block does not hold; none: it
                      holds every day.
    multiplier        (days) CT ratio x PT ratio, NaN where unknown; none: nowhere known.
    feeds_in          (days) whether the series counts active energy fed in; none: none does.
    scale             (days x slots) what reconciling with registers multiplied an estimate with, 1 elsewhere;
                      none: nothing was reconciled (yet).
    shared            What several checks ask for, by what was asked; a copy of the block begins anew.
    """

    energy: FloatArray
    interval_minutes: int
    series_starts: IntArray
    day_numbers: IntArray
    day_types: IntArray
    capacity_kva: FloatArray
    counts_use: BoolArray
    receptions: IntArray
    today_number: int
    outages: BoolArray | None = None
    silent_before: IntArray | None = None
    told_again: BoolArray | None = None
    disputed: BoolArray | None = None
    multiplier: FloatArray | None = None
    feeds_in: BoolArray | None = None
    scale: FloatArray | None = None
    shared: dict[Any, BoolArray | Int8Array] = field(
        init=False, default_factory=dict, compare=False, repr=False
    )

    @property
    def interval_hours(self) -> float:
        """Length of an interval. [h]"""
        return self.interval_minutes / 60.0

    def slots_in(self, hours: float) -> int:
        """Whole intervals that make up a time; at least 1. [h] -> slots"""
        return max(1, round(hours / self.interval_hours))


@dataclass(frozen=True)
class RecordBlock:
    """Received curve records, as they came; arrays run over records.

    day_numbers       Local day, counted from 1970-01-01.
    interval_minutes  Length of an interval as stated. [min]
    values            How many values the record has; flags, qualities: how many completeness flags and
                      quality codes, 0 where it has none.
    has_measure       Whether the kind of the values stands in its closed list; has_channel: the same for what
                      is counted.
    has_meter         Whether a meter with a multiplier counts at the meter point on that day.
    first_installed   First day on which any meter counts at the meter point, NO_DAY where none ever does.
    today_number      The local day on which the check runs, counted from 1970-01-01.
    """

    day_numbers: IntArray
    interval_minutes: IntArray
    values: IntArray
    flags: IntArray
    qualities: IntArray
    has_measure: BoolArray
    has_channel: BoolArray
    has_meter: BoolArray
    first_installed: IntArray
    today_number: int


NO_DAY = -(1 << 30)


@dataclass(frozen=True)
class RegisterBlock:
    """Settled register reads ordered by series and day, after the walk from read to read; arrays run over
    reads.

    series       Number of (meter point, channel).
    day_numbers  Local day that the read closes, counted from 1970-01-01.
    register     The counter. [1e-6, before the multiplier]
    before       Place of the read before, -1 where there is none.
    decreased, jumped, rolled_over, exchanged, over_capacity, restarted  What the walk decided about the
    energy since the read before.
    step         Smallest step of the register. [1e-6, before the multiplier]
    rolls_over_at  Where the registers of the meter begin again, 0 where unknown. [1e-6, before the
                   multiplier]
    rates        (reads x rates) registers of the rates, -1 where none was sent. [1e-6, before the multiplier]
    rate_known   (reads x rates) whether the walk could tell the energy of a rate since the read before.
    """

    series: IntArray
    day_numbers: IntArray
    register: IntArray
    before: IntArray
    decreased: BoolArray
    jumped: BoolArray
    rolled_over: BoolArray
    exchanged: BoolArray
    over_capacity: BoolArray
    restarted: BoolArray
    step: IntArray
    rolls_over_at: IntArray
    rates: IntArray
    rate_known: BoolArray


@dataclass(frozen=True)
class DayBlock:
    """Days of energy ordered by series (meter point and channel) and day; a day without settled energy has no
    row.

    series_starts     (series + 1) first row of each series.
    meter_points      (series) number of the meter point; its series stand next to each other.
    day_numbers       Local day, counted from 1970-01-01.
    day_types         Code of the kind of day; like-days have equal codes.
    energy            Settled energy. [kWh or kvarh]
    span_days         Days that the energy stands for; more than 1 where a missed read could not be split.
    curve             Energy by a whole curve, NaN where there is none. [kWh or kvarh]
    register          Energy between the reads that close this day and the one before, NaN where there is
                      none. [kWh or kvarh]
    span_register     Energy between the read that closes this day and the one before, however many days lie
                      between, NaN where there is none. [kWh or kvarh]
    span_curve        Energy by whole curves over the days that this read closes, NaN where one of them is not
                      whole. [kWh or kvarh]
    span_measured     What of it is not estimated, where they are not all whole: a lower bound, NaN where no
                      curve came. [kWh or kvarh]
    span_received     What was received for the days that this read closes, before any check took a value
                      away; NaN where an interval did not come. [kWh or kvarh]
    resolution        Smallest step of the register times the multiplier, NaN where there is no register. [kWh
                      or kvarh]
    estimated_ratio   Share of the energy that was estimated.
    interval_minutes  Length of an interval of the curve, 0 where there is none. [min]
    multiplier        CT ratio x PT ratio, NaN where unknown.
    capacity_kva      Limit of the connection, NaN where unknown. [kVA]
    counts_use        Whether the series counts active energy drawn.
    rate_apart        How far the curve lies from the register of the rate from which it lies farthest, NaN
                      where rates cannot be followed. [kWh or kvarh]
    """

    series_starts: IntArray
    meter_points: IntArray
    day_numbers: IntArray
    day_types: IntArray
    energy: FloatArray
    span_days: IntArray
    curve: FloatArray
    register: FloatArray
    span_register: FloatArray
    span_curve: FloatArray
    span_measured: FloatArray
    span_received: FloatArray
    resolution: FloatArray
    estimated_ratio: FloatArray
    interval_minutes: IntArray
    multiplier: FloatArray
    capacity_kva: FloatArray
    counts_use: BoolArray
    rate_apart: FloatArray
