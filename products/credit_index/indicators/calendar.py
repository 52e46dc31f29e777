"""The months of the index as positions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from pipelines.arrays import IntArray
from pipelines.periods import BillingMonth


@dataclass(frozen=True)
class Calendar:
    """The months of a data set and their days, counted from 1970."""

    months: tuple[BillingMonth, ...]

    @property
    def first_day(self) -> int:
        """First day of the first month."""
        return _days(self.months[0].first_day)

    @property
    def starts(self) -> IntArray:
        """Index of each month's first day, and one past the last."""
        return np.cumsum([0, *(month.day_count for month in self.months)])

    @property
    def ends(self) -> IntArray:
        """Last day of each month, counted from 1970."""
        return np.array([_days(month.last_day) for month in self.months], dtype=np.int64)

    def months_before(self, month: int, count: int) -> int:
        """Last day of the month so many before; what came later lies in the window of that many months."""
        return _days(self.months[month].plus(-count).last_day)


def _days(day: date) -> int:
    return (day - date(1970, 1, 1)).days
