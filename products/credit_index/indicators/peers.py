"""What the indicators that compare a customer with its industry in its city have to know of all customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class Peers:
    """The groups, each month by itself.

    groups   Name of each group.
    medians  Median of the 3-month trends; NaN where none is known. (groups x months)
    sizes    Energies of a month that are known, group after group and month after month, rising in each.
    starts   Where those of each group and month begin, and the end of the last. (groups x months + 1)
    """

    groups: tuple[str, ...]
    medians: FloatArray
    sizes: FloatArray
    starts: IntArray

    @classmethod
    def of(cls, groups: Sequence[str], numbers: FloatArray, trend: FloatArray, kwh: FloatArray) -> Peers:
        """From all customers. (numbers, trend, kwh: customers x months)

        numbers  Place of each customer's group; NaN before the first terms.
        """
        months = numbers.shape[1]
        medians = np.full((len(groups), months), np.nan)
        sizes: list[FloatArray] = []
        for group in range(len(groups)):
            mine = numbers == group
            for month in range(months):
                trends = trend[mine[:, month], month]
                trends = trends[np.isfinite(trends)]
                if trends.size:
                    medians[group, month] = np.median(trends)
                used = kwh[mine[:, month], month]
                sizes.append(np.sort(used[np.isfinite(used)]))
        starts = np.cumsum([0, *(each.size for each in sizes)])
        return cls(tuple(groups), medians, np.concatenate([*sizes, np.empty(0)]), starts)

    def growth_gap(self, trend: FloatArray, numbers: FloatArray) -> FloatArray:
        """Trend less the median of the group; NaN where either is not known."""
        medians = np.vstack([self.medians, np.full((1, trend.shape[1]), np.nan)])
        place = np.where(np.isfinite(numbers), numbers, len(self.groups)).astype(np.int64)
        gap: FloatArray = trend - medians[place, np.arange(trend.shape[1])[None, :]]
        return gap

    def size_rank(self, kwh: FloatArray, numbers: FloatArray) -> FloatArray:
        """Share of the others of the group with a smaller value; NaN for a group of one."""
        rank = np.full(kwh.shape, np.nan)
        for month in range(kwh.shape[1]):
            known = np.isfinite(kwh[:, month]) & np.isfinite(numbers[:, month])
            for group in np.unique(numbers[known, month]).astype(int).tolist():
                number = group * kwh.shape[1] + month
                of_all = self.sizes[self.starts[number] : self.starts[number + 1]]
                if len(of_all) > 1:
                    rows = np.flatnonzero(known & (numbers[:, month] == group))
                    below = np.searchsorted(of_all, kwh[rows, month], side="left")
                    rank[rows, month] = below / (len(of_all) - 1)
        return rank


def group_names(customers: pa.Table) -> pa.ChunkedArray:
    """The group of each row of silver_customers: its industry in its city."""
    return pc.binary_join_element_wise(
        pc.fill_null(customers["city"], ""), pc.fill_null(customers["industry_code"], ""), "/"
    )
