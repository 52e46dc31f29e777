"""Energy of each local day: what the registers settled, else what a whole curve shows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import FloatArray
from pipelines.tables.base import DATE, DOUBLE, STRING
from pipelines.tables.gold import GoldDayEnergy
from pipelines.transforms.days.allocation import (
    BY_CURVE,
    BY_DAYS,
    REGISTER_COLUMNS,
    allocate_to_days,
    number_series,
)
from pipelines.transforms.days.curve_days import summarise_days
from pipelines.transforms.ground.in_force import row_in_force
from pipelines.transforms.ground.keyed_rows import place_of
from pipelines.transforms.ground.local_days import DAY_SPAN, month_column

REGISTER, CURVE = "register", "curve"

_DAYS_SCHEMA = pa.schema(
    [
        pa.field("meter_point_id", STRING),
        pa.field("channel_code", STRING),
        pa.field("energy_date", DATE),
        pa.field("energy_kwh_or_kvarh", DOUBLE),
        pa.field("basis_code", STRING),
        pa.field("curve_kwh_or_kvarh", DOUBLE),
        pa.field("estimated_ratio", DOUBLE),
        pa.field("energy_month", STRING),
    ]
)


def derive_day_energy(register_energy: pa.Table, day_curves: pa.Table, meter_points: pa.Table) -> pa.Table:
    """gold_day_energy without ``computed_run_id``, for a set of meter points with their whole history.

    register_energy  silver_register_energy.
    day_curves       silver_day_curves.
    meter_points     silver_meter_points, for the customer of the day.

    A day that a register covers takes the register's energy; the days of a missed read follow
    ``allocate_to_days``, and a day that an
    unsplit span leaves empty has no row. Other days take the curve's total if no interval lacks a final
    value.
    ``estimated_ratio``: 0 for a register's own day, 1 for a day of an even split, else the estimated share of
    the day's curve.
    """
    return settle_days(summarise_days(day_curves, None), register_energy, meter_points)[0]


def settle_days(
    curve_days: pa.Table, register_energy: pa.Table, meter_points: pa.Table
) -> tuple[pa.Table, pa.Array]:
    """The same from curve days that are summed up already, and for each row the place of its meter in
    ``meter_points``, null for none.
    """
    days = day_energy(curve_days, register_energy.select(list(REGISTER_COLUMNS)))
    place = row_in_force(
        days["meter_point_id"],
        days["energy_date"],
        meter_points["meter_point_id"],
        meter_points["valid_from_date"],
    )
    customers, deducted = _counted_once(days["energy_date"], place, meter_points)
    schema = pa.schema([field for field in GoldDayEnergy.arrow_schema() if field.name != "computed_run_id"])
    days = days.append_column("customer_id", customers).append_column("deducted_customer_id", deducted)
    return days.select(schema.names).cast(schema), place


def _counted_once(
    days: pa.ChunkedArray, place: pa.Array, meter_points: pa.Table
) -> tuple[pa.Array, pa.Array]:
    """The customer of each row, and the one whose main meter counts its energy as well; a sub-meter of the
    main meter's own customer has none.
    """
    customers, parents = (meter_points[name].take(place) for name in ("customer_id", "parent_meter_point_id"))
    if parents.null_count == len(parents):
        return customers, pa.nulls(len(customers), STRING)
    main = _customers_above(days, parents, meter_points)
    own = pc.or_(pc.is_null(customers), pc.fill_null(pc.equal(customers, main), False))
    empty = pa.scalar(None, STRING)
    return pc.if_else(pc.fill_null(pc.equal(customers, main), False), empty, customers), pc.if_else(
        own, empty, main
    )


def _customers_above(
    days: pa.ChunkedArray, parents: pa.ChunkedArray, meter_points: pa.Table
) -> pa.ChunkedArray:
    """The customer of the nearest meter point above each row that has one, as the bill climbs; null without a
    parent.
    """
    found = pa.nulls(len(parents), STRING)
    for _ in range(
        len(pc.unique(meter_points["parent_meter_point_id"]))
    ):  # each step names another parent, unless they go round in a ring
        above = row_in_force(parents, days, meter_points["meter_point_id"], meter_points["valid_from_date"])
        found = pc.coalesce(found, meter_points["customer_id"].take(above))
        parents = pc.if_else(
            pc.is_null(found), meter_points["parent_meter_point_id"].take(above), pa.scalar(None, STRING)
        )
        if parents.null_count == len(parents):
            break
    return found


def day_energy(curve_days: pa.Table, register_energy: pa.Table) -> pa.Table:
    """The same for one bucket of Arrow rows, without the customer; ordered by meter point, channel and
    day.
    """
    numbers = number_series(curve_days, register_energy)
    allocation = allocate_to_days(numbers, curve_days, register_energy)
    covered = np.unique(allocation.series * DAY_SPAN + allocation.day)
    curve_key = numbers.curve_series * DAY_SPAN + numbers.curve_day
    total = curve_days["total_kwh_or_kvarh"].to_numpy()
    missing = curve_days["missing_intervals"].to_numpy()
    estimated = _ratio(curve_days["estimated_kwh_or_kvarh"].to_numpy(), total)
    own = np.flatnonzero((missing == 0) & ~np.isin(curve_key, covered))

    holds = np.flatnonzero(allocation.holds)
    key = np.concatenate((allocation.series[holds] * DAY_SPAN + allocation.day[holds], curve_key[own]))
    energy = np.concatenate((allocation.energy[holds] / 1e6, total[own]))
    from_register = np.arange(key.size) < holds.size
    place = place_of(key, curve_key)
    of_curve = np.where(place >= 0, estimated[place] if estimated.size else 0.0, 0.0)
    manner = np.concatenate((allocation.manner[holds], np.full(own.size, BY_CURVE, dtype=np.int8)))
    ratio = np.where(manner == BY_CURVE, of_curve, np.where(manner == BY_DAYS, 1.0, 0.0))
    seen = (place >= 0) & (np.where(place >= 0, missing[place] if missing.size else 1, 1) == 0)
    curve_total = pa.array(np.where(seen, total[place] if total.size else 0.0, 0.0), mask=~seen)

    day = key % DAY_SPAN
    channels = max(1, len(numbers.channels))
    rows = pa.table(
        [
            pa.array(numbers.meter_points, STRING).take(pa.array(key // DAY_SPAN // channels)),
            pa.array(numbers.channels, STRING).take(pa.array(key // DAY_SPAN % channels)),
            pa.array(day.astype(np.int32)).cast(DATE),
            pa.array(energy),
            pa.array([CURVE, REGISTER]).take(pa.array(from_register.astype(np.int8))),
            curve_total,
            pa.array(np.clip(ratio, 0.0, 1.0)),
            month_column(day),
        ],
        schema=_DAYS_SCHEMA,
    )
    return rows.take(pa.array(np.argsort(key)))


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    ratio = np.zeros(whole.size)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio
