"""The billing month that a local day of a meter point belongs to, where its customer is read on another day
than the last of the month.

The rule, stated once: the period of a month ends on the reading day that holds on the month's first day (one
beyond the month's end is its last day) and begins the day after the period before it ended. So a reading day
that changes leaves no day out and counts none twice; the first period under it is no month.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import IntArray
from pipelines.periods import BillingDays, BillingMonth, BillingPeriod
from pipelines.tables.base import DATE, INTEGER, STRING
from pipelines.transforms.ground.in_force import places_in_force, row_in_force

_LAST = 31
"""Reading day of those who are read on the last day of each month."""
_ALWAYS = date(1970, 1, 1)


@dataclass(frozen=True)
class ReadingDays:
    """Reading days of the meter points that are read on another day than the last of the month; of most homes
    there are none.

    meter_points  (points) Each once.
    point         (rows) Place of the meter point that a row is of.
    month         (rows) First month, counted from 1970-01, for which the reading day holds, until the
                  point's next row.
    day           (rows) The reading day.
    """

    meter_points: pa.Array
    point: IntArray
    month: IntArray
    day: IntArray

    @classmethod
    def none(cls) -> ReadingDays:
        """Everybody is read on the last day of the month."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(pa.array([], STRING), nothing, nothing, nothing)

    def places(self, names: pa.Array) -> IntArray:
        """Place of each meter point, -1 for one read on the last day of the month."""
        found = pc.fill_null(pc.index_in(names, value_set=self.meter_points), -1)
        return np.asarray(found.to_numpy(zero_copy_only=False).astype(np.int64))

    def month_of(self, place: IntArray, day: IntArray) -> IntArray:
        """Billing month, counted from 1970-01, of each day of a meter point.

        place  As ``places`` gives them; day: counted from 1970-01-01.
        """
        calendar = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        if not self.day.size:
            return np.asarray(calendar)
        return np.asarray(calendar + (day > self._last_day(place, calendar)))

    def period_columns(self, place: IntArray, month: IntArray) -> tuple[pa.Array, pa.Array]:
        """First and last day of the periods of some billing months; null where that is the calendar month."""
        if not self.day.size:
            return pa.nulls(month.size, DATE), pa.nulls(month.size, DATE)
        first, last = self._last_day(place, month - 1) + 1, self._last_day(place, month)
        is_month = (first == _first_day(month)) & (last == _first_day(month + 1) - 1)
        return (
            pa.array(first.astype(np.int32), mask=is_month).cast(DATE),
            pa.array(last.astype(np.int32), mask=is_month).cast(DATE),
        )

    def _last_day(self, place: IntArray, month: IntArray) -> IntArray:
        """Last day of the periods of some billing months. [days since 1970-01-01]"""
        row = places_in_force(place, month, self.point, self.month)
        read_on = np.where(row >= 0, self.day[row], _LAST)
        return np.minimum(_first_day(month) + read_on, _first_day(month + 1)) - 1


def reading_days(customers: pa.Table, meter_points: pa.Table) -> ReadingDays:
    """The reading days of meter points by the terms of their customers, a sub-meter without one by those of
    the customer above it.

    customers, meter_points  silver_customers and silver_meter_points.
    """
    read = pc.unique(customers["customer_id"].filter(pc.is_valid(customers["reading_day"])))
    if not len(read):
        return ReadingDays.none()
    terms = customers.filter(pc.is_in(customers["customer_id"], value_set=read))
    points = meter_points.select(_POINT_COLUMNS)
    own = points.filter(pc.is_in(points["customer_id"], value_set=read))
    behind = points.filter(
        pc.and_(
            pc.is_null(points["customer_id"]),
            pc.is_in(points["parent_meter_point_id"], value_set=pc.unique(own["meter_point_id"])),
        )
    )
    names = pc.unique(
        pa.chunked_array([*own["meter_point_id"].chunks, *behind["meter_point_id"].chunks], STRING)
    )
    if not len(names):
        return ReadingDays.none()
    asked = _months_of_change(names, points, terms)
    holds = _reading_day(asked, points, terms)
    place = pc.index_in(asked["meter_point_id"], value_set=names).to_numpy().astype(np.int64)
    return ReadingDays(names, place, asked["month"].to_numpy().astype(np.int64), holds)


_POINT_COLUMNS = ["meter_point_id", "valid_from_date", "customer_id", "parent_meter_point_id"]


def _months_of_change(names: pa.Array, points: pa.Table, terms: pa.Table) -> pa.Table:
    """Meter points and the months from which another reading day may hold: the first that begins under a row
    of the meter point, of the one above it, or of the terms of the customers of both; and the beginning.
    """
    mine = points.filter(pc.is_in(points["meter_point_id"], value_set=names))
    above = _pairs(mine, "parent_meter_point_id", points)
    rows = pa.concat_tables(
        [mine.select(["meter_point_id", "valid_from_date", "customer_id"]), above], promote_options="default"
    )
    of_terms = rows.select(["meter_point_id", "customer_id"]).join(
        terms.select(["customer_id", "valid_from_date"]), "customer_id", join_type="inner"
    )
    begun = pa.concat_tables(
        [
            rows.select(["meter_point_id", "valid_from_date"]),
            of_terms.select(["meter_point_id", "valid_from_date"]),
            pa.table({"meter_point_id": names, "valid_from_date": pa.array([_ALWAYS] * len(names), DATE)}),
        ]
    )
    day = begun["valid_from_date"].cast(pa.int32()).to_numpy().astype(np.int64)
    month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    month += _first_day(month) < day
    return (
        pa.table({"meter_point_id": begun["meter_point_id"], "month": pa.array(month)})
        .group_by(["meter_point_id", "month"])
        .aggregate([])
    )


def _pairs(rows: pa.Table, column: str, points: pa.Table) -> pa.Table:
    """Rows of the meter points that a column names, under the names of those that name them."""
    named = rows.select(["meter_point_id", column]).filter(pc.is_valid(rows[column]))
    named = named.group_by(["meter_point_id", column]).aggregate([]).rename_columns(["below", "above"])
    held = points.select(["meter_point_id", "valid_from_date", "customer_id"])
    found = named.join(held, "above", right_keys="meter_point_id", join_type="inner")
    return found.select(["below", "valid_from_date", "customer_id"]).rename_columns(
        ["meter_point_id", "valid_from_date", "customer_id"]
    )


def _reading_day(asked: pa.Table, points: pa.Table, terms: pa.Table) -> IntArray:
    """The reading day that holds on the first day of each month asked; the first row of a history also
    stands for the days before it.
    """
    first = pa.chunked_array([pa.array(_first_day(asked["month"].to_numpy()).astype(np.int32)).cast(DATE)])
    meter = _in_force_or_first(asked["meter_point_id"], first, points, "meter_point_id")
    above = _in_force_or_first(points["parent_meter_point_id"].take(meter), first, points, "meter_point_id")
    owner = pc.coalesce(points["customer_id"].take(meter), points["customer_id"].take(above))
    held = _in_force_or_first(owner, first, terms, "customer_id")
    found = pc.fill_null(terms["reading_day"].cast(INTEGER).take(held), _LAST)
    return np.asarray(found.to_numpy().astype(np.int64))


def _in_force_or_first(
    subject: pa.ChunkedArray, day: pa.ChunkedArray, history: pa.Table, name: str
) -> pa.Array:
    begins = history.group_by(name).aggregate([("valid_from_date", "min")])
    first = begins["valid_from_date_min"].take(pc.index_in(subject, value_set=begins[name].combine_chunks()))
    return row_in_force(subject, pc.max_element_wise(day, first), history[name], history["valid_from_date"])


def _first_day(month: IntArray) -> IntArray:
    """First day of months counted from 1970-01. [days since 1970-01-01]"""
    return np.asarray(month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64))


def days_of_row(row: Mapping[str, Any]) -> BillingDays:
    """The days that a row of a billing month covers: ``billing_month``, and the dates of its period, which
    are empty, or no columns at all, where that is the calendar month.
    """
    month = BillingMonth.parse(row["billing_month"])
    first, last = row.get("period_first_date"), row.get("period_last_date")
    return month if first is None or last is None else BillingPeriod(month, first, last)


def firsts_of_months(days: BillingDays) -> tuple[date, ...]:
    """First days of the calendar months that begin inside a period; none of one."""
    return () if isinstance(days, BillingMonth) else tuple(day for day in days.days[1:] if day.day == 1)


def divisor_days(days: BillingDays) -> int:
    """By how many days a quantity agreed for a month is divided: those of the month, or of a period from
    reading day to reading day; any other period counts by days of a month of 30, as ruling R8 does. [d]
    """
    return 30 if isinstance(days, BillingPeriod) and not days.is_one_month else days.day_count
