"""Which register of a meter with rates counts each interval: the customer's time-of-use schedule of the day,
the order of the rates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, Int8Array, IntArray
from pipelines.codes import TouPeriod, TouSchedule
from pipelines.transforms.ground.in_force import row_in_force
from pipelines.transforms.ground.slot_periods import (
    NO_PERIOD,
    PERIODS,
    QUARTERS,
    SCHEDULES,
    PeriodsOfDays,
    SlotPeriods,
)
from pipelines.vee.estimation.rate_reconciliation import NO_RATE

_QUARTER_MINUTES = 15


@dataclass(frozen=True)
class RateClock:
    """Assumed: a meter's rates follow the time-of-use schedule of the terms that its customer has on the day.

    periods    The period that each of the registers r1, r2, ... counts.
    stand_ins  Period -> the one whose register counts it too where its own register was not sent.
    slack      Steps of the register by which the rates may differ from the total.
    of_days    Time-of-use periods by day and schedule.
    owners     ``meter_point_id``, ``valid_from_date``, ``customer_id``.
    terms      ``customer_id``, ``valid_from_date``, ``schedule``: a TouSchedule, or null.
    """

    periods: Sequence[TouPeriod]
    stand_ins: Mapping[TouPeriod, TouPeriod]
    slack: int
    of_days: PeriodsOfDays
    owners: pa.Table
    terms: pa.Table

    def rates_of(
        self, meter_points: pa.Array, day: IntArray, interval_minutes: int, sent: BoolArray
    ) -> Int8Array:
        """(days x slots) number of the rate that counts each interval; NO_RATE where no schedule tells or an
        interval lies in two rates.

        meter_points  (days)
        day           (days) local day, counted from 1970-01-01.
        sent          (days x rates) whether the rate's register was sent.
        """
        quarters = np.full((day.size, QUARTERS), NO_RATE, dtype=np.int8)
        rate_of = self._rates_of_periods(sent)
        hours = self._schedules(meter_points, day)
        for schedule in SCHEDULES:
            rows = np.flatnonzero(np.asarray(pc.fill_null(pc.equal(hours, schedule.value), False)))
            if rows.size:
                period = self.of_days.matrix(day[rows], schedule)
                rate = np.take_along_axis(rate_of[rows], np.maximum(period, 0).astype(np.int64), axis=1)
                quarters[rows] = np.where(period == NO_PERIOD, NO_RATE, rate)
        return _by_interval(quarters, interval_minutes)

    def _rates_of_periods(self, sent: BoolArray) -> Int8Array:
        """(days x periods) number of the rate that counts each period."""
        rates = np.full((sent.shape[0], len(PERIODS)), NO_RATE, dtype=np.int8)
        places = {period: place for place, period in enumerate(self.periods) if place < sent.shape[1]}
        for number, period in enumerate(PERIODS):
            own, other = places.get(period), places.get(self.stand_ins.get(period, period))
            if own is None:
                rates[:, number] = NO_RATE if other is None else other
            else:
                rates[:, number] = own if other is None else np.where(sent[:, own], own, other)
        return rates

    def _schedules(self, meter_points: pa.Array, day: IntArray) -> pa.Array:
        """Whose hours hold for the customer of each meter point on its day; null where unknown."""
        wanted = pc.unique(meter_points)
        owners = self.owners.filter(pc.is_in(self.owners["meter_point_id"], value_set=wanted))
        terms = self.terms.filter(
            pc.is_in(self.terms["customer_id"], value_set=pc.unique(owners["customer_id"]))
        )
        days = pa.chunked_array([pa.array(day.astype(np.int32)).cast(pa.date32())])
        owner = row_in_force(
            pa.chunked_array([meter_points]), days, owners["meter_point_id"], owners["valid_from_date"]
        )
        customers = owners["customer_id"].take(owner)
        return terms["schedule"].take(
            row_in_force(customers, days, terms["customer_id"], terms["valid_from_date"])
        )


def rate_clock(
    periods: Sequence[TouPeriod],
    stand_ins: Mapping[TouPeriod, TouPeriod],
    slack: int,
    slot_periods: SlotPeriods,
    meter_points: pa.Table,
    customers: pa.Table,
) -> RateClock:
    """The clock from silver_meter_points and silver_customers; see RateClock and SlotPeriods for the rest."""
    owners = meter_points.select(["meter_point_id", "valid_from_date", "customer_id"])
    codes = zip(
        customers["customer_class_code"].to_pylist(), customers["is_ev_charging"].to_pylist(), strict=True
    )
    schedules = [
        None if code is None else TouSchedule.of(code, is_ev_charging) for code, is_ev_charging in codes
    ]
    terms = customers.select(["customer_id", "valid_from_date"]).append_column(
        "schedule", pa.array(schedules, pa.string())
    )
    return RateClock(periods, stand_ins, slack, PeriodsOfDays(slot_periods), owners, terms)


def _by_interval(quarters: Int8Array, interval_minutes: int) -> Int8Array:
    """(days x 96) to (days x slots) of another length."""
    unit = gcd(interval_minutes, _QUARTER_MINUTES)
    fine: Int8Array = np.repeat(quarters, _QUARTER_MINUTES // unit, axis=1)
    slots = fine.reshape(quarters.shape[0], -1, interval_minutes // unit)
    lowest = slots.min(axis=2)
    return np.where(lowest == slots.max(axis=2), lowest, np.int8(NO_RATE)).astype(np.int8)
