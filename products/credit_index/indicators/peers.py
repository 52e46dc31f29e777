"""How a customer stands in its industry in its city, each month by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Compared:
    """What customers have beside the others of their groups, all of one shape.

    growth_gap  3-month trend less the median of the group; NaN where either is not known.
    size_rank   Share of the others of the group with less energy in the month; NaN for a group of one.
    """

    growth_gap: FloatArray
    size_rank: FloatArray

    @classmethod
    def nothing(cls, shape: tuple[int, ...]) -> Compared:
        """Not compared with anybody."""
        return cls(np.full(shape, np.nan), np.full(shape, np.nan))

    @classmethod
    def of_group(cls, months: IntArray, trend: FloatArray, kwh: FloatArray) -> Compared:
        """All customers of one group. (months, trend, kwh: one number for each customer and month)"""
        found = cls.nothing(months.shape)
        for month in np.unique(months).tolist():
            mine = np.flatnonzero(months == month)
            trends, used = trend[mine], np.sort(kwh[mine][np.isfinite(kwh[mine])])
            if np.isfinite(trends).any():
                found.growth_gap[mine] = trends - np.median(trends[np.isfinite(trends)])
            if len(used) > 1:
                known = mine[np.isfinite(kwh[mine])]
                below = np.searchsorted(used, kwh[known], side="left")
                found.size_rank[known] = below / (len(used) - 1)
        return found

    @classmethod
    def of(cls, numbers: FloatArray, trend: FloatArray, kwh: FloatArray) -> Compared:
        """All customers. (numbers, trend, kwh: customers x months)

        numbers  Place of each customer's group; NaN before the first terms.
        """
        found = cls.nothing(numbers.shape)
        for number in np.unique(numbers[np.isfinite(numbers)]).tolist():
            mine = numbers == number
            found.place(mine, cls.of_group(np.nonzero(mine)[1], trend[mine], kwh[mine]))
        return found

    def place(self, mine: BoolArray, of_group: Compared) -> None:
        """Enters what was found of one group.

        mine  Which customers and months are the group's: one after the other in ``of_group``.
        """
        self.growth_gap[mine] = of_group.growth_gap
        self.size_rank[mine] = of_group.size_rank


def group_names(customers: pa.Table) -> pa.ChunkedArray:
    """The group of each row of silver_customers: its industry in its city."""
    return pc.binary_join_element_wise(
        pc.fill_null(customers["city"], ""), pc.fill_null(customers["industry_code"], ""), "/"
    )
