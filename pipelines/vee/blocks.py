"""What kernels see, one kind of block for each level of check."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class CurveBlock:
    """Series (meter point and channel) of one interval length, one under the other, each with every day of its span.

    energy            (days x slots) energy of each interval after the multiplier, NaN where nothing came. [kWh or kvarh]
    interval_minutes  Length of an interval; slots = 1440 / interval_minutes. [min]
    series_starts     (series + 1) first row of each series; rows of one series are consecutive local days.
    day_numbers       (days) local day, counted from 1970-01-01.
    day_types         (days) code of the kind of day; like-days have equal codes.
    capacity_kva      (days) limit for the over-capacity check, NaN where unknown. [kVA]
    counts_use        (days) whether the series counts active energy drawn; others may rest at zero.
    receptions        (days) how many records were received for the day.
    today_number      The local day on which the check runs, counted from 1970-01-01.
    outages           (days) whether an outage is on record for the customer on that day; none: no outage is known.
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
    values            How many values the record has; flags, qualities: how many completeness flags and quality codes, 0 where it has none.
    has_measure       Whether the kind of the values stands in its closed list; has_channel: the same for what is counted.
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
