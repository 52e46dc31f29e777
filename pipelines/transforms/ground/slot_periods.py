"""Time-of-use periods of the quarter hours of days, remembered by day and schedule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import numpy as np

from pipelines.arrays import Int8Array, IntArray
from pipelines.codes import TouPeriod, TouSchedule
from pipelines.errors import FactNotInForceError
from pipelines.periods import EPOCH

SlotPeriods = Callable[[Sequence[date], TouSchedule], Int8Array]
"""(days, whose hours) -> (days x 96) indices into ``list(TouPeriod)``; raises FactNotInForceError for a day
without a schedule.
"""


SCHEDULES = tuple(TouSchedule)


PERIODS = tuple(TouPeriod)


QUARTERS = 96


NO_PERIOD = -1


class PeriodsOfDays:
    """Time-of-use periods of the days and schedules asked for so far."""

    def __init__(self, slot_periods: SlotPeriods) -> None:
        self._slot_periods = slot_periods
        self._known: dict[tuple[int, TouSchedule], Int8Array] = {}

    def matrix(self, day_numbers: IntArray, schedule: TouSchedule) -> Int8Array:
        """(days x 96) indices into ``list(TouPeriod)``, NO_PERIOD for days that no schedule covers."""
        days, place = np.unique(day_numbers, return_inverse=True)
        rows = [self._row(int(number), schedule) for number in days]
        return np.array(rows, dtype=np.int8).reshape(-1, QUARTERS)[place]

    def _row(self, number: int, schedule: TouSchedule) -> Int8Array:
        key = (number, schedule)
        if key not in self._known:
            try:
                self._known[key] = self._slot_periods([EPOCH + timedelta(days=number)], schedule)[0]
            except FactNotInForceError:
                self._known[key] = np.full(QUARTERS, NO_PERIOD, dtype=np.int8)
        return self._known[key]
