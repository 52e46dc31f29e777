"""Formulas of the basic charges of a batch, in the words of ``basic_charges``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, IntArray
from pipelines.tariff.batch.columns import SegmentColumns
from pipelines.tariff.batch.exact import FINE, MICRO, decimals_of
from pipelines.tariff.batch.price_sheets import BasicShape
from pipelines.tariff.batch.texts import chosen_texts, joined, plain_numbers


@dataclass(frozen=True)
class BasicTexts:
    """Runs of one kind of contract, in arrays of one length.

    row              Segment whose terms are the run's.
    demand           Highest demand, 10^-6 kW; demand_decimals: with how many decimals it is written.
    days             Of a run that is a part of its month; -1 for a whole one.
    of_days          What divides the days where it is not the fact's divisor; 0 elsewhere.
    falls            Whether the discount of ruling R11 holds.
    billed, is_raised  Billed contract demand, 10^-12 kW, and whether the capacity raised it above the agreed
                       one.
    """

    segments: SegmentColumns
    found: BasicShape
    row: IntArray
    demand: IntArray
    demand_decimals: IntArray
    days: IntArray
    of_days: IntArray
    falls: BoolArray

    def by_capacity(self) -> pa.Array:
        """Of the charge by capacity."""
        return joined(self._capacity(), " kVA", self._part(), self._price())

    def by_demand(self) -> pa.Array:
        """Of the charge by actual demand."""
        return joined(self._demand(), " kW", self._part(), self._price())

    def by_contract(self, billed: IntArray, is_raised: BoolArray) -> pa.Array:
        """Of the charge by contract demand."""
        rule = self.found.rule
        raised = joined(
            " (contract ",
            self._agreed(),
            f" kW, raised to {rule.minimum_capacity_ratio:f} × ",
            self._capacity(),
            " kVA)",
        )
        remark = pc.if_else(pa.array(is_raised), raised, pa.scalar("", pa.string()))
        return joined(self._billed(billed, is_raised), " kW", remark, self._part(), self._price())

    def of_excess(self, billed: IntArray, is_raised: BoolArray) -> pa.Array:
        """Of the demand above the tolerance."""
        rule = self.found.rule
        above = joined(
            "(", self._demand(), f" kW − {rule.tolerance_ratio:f} × ", self._billed(billed, is_raised), " kW)"
        )
        return joined(above, self._part(), f" × {rule.excess_multiple:f}", self._price())

    def _capacity(self) -> pa.Array:
        return plain_numbers(
            self.segments.running_capacity.values[self.row],
            MICRO,
            self.segments.decimals["running_capacity_kva"][self.row],
        )

    def _demand(self) -> pa.Array:
        return plain_numbers(self.demand, MICRO, self.demand_decimals)

    def _agreed(self) -> pa.Array:
        return plain_numbers(
            self.segments.contract_demand.values[self.row],
            MICRO,
            self.segments.decimals["contract_demand_kw"][self.row],
        )

    def _billed(self, billed: IntArray, is_raised: BoolArray) -> pa.Array:
        """A product has the decimals of both factors."""
        of_floor = self.segments.decimals["running_capacity_kva"][self.row] + decimals_of(
            self.found.rule.minimum_capacity_ratio
        )
        return plain_numbers(
            billed,
            FINE,
            np.where(is_raised, of_floor, self.segments.decimals["contract_demand_kw"][self.row]),
        )

    def _part(self) -> pa.Array:
        pairs, place = np.unique(np.stack([self.days, self.of_days]), axis=1, return_inverse=True)
        texts = [
            "" if day < 0 else f" × {day}/{divisor} d" if divisor else f" × {day}{self.found.part_text}"
            for day, divisor in pairs.T.tolist()
        ]
        return chosen_texts(texts, place.reshape(-1))

    def _price(self) -> pa.Array:
        plain = f" × {self.found.price_text}"
        return chosen_texts([plain, plain + self.found.discount_text], self.falls.astype(np.int64))
