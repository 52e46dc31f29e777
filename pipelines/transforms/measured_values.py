"""Proof that silver's measured values are what was received: recomputed from bronze apart from the code that refines them."""

from __future__ import annotations

import numba
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.codes import CurveMeasure
from pipelines.transforms.local_days import DAY_SPAN

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def measured_not_as_received(bronze: pa.Table, curves: pa.Table, meter_points: pa.Table) -> int:
    """Measured intervals that differ from every received record of their meter point, channel and day; 0 is the only right answer.

    bronze        bronze_load_curves of the meter points, whole.
    curves        silver_day_curves made of them.
    meter_points  silver_meter_points: the multiplier in force on the day.

    A received value counts times the multiplier, and times the length of the interval where it is mean power. Equal means equal to the
    last bit. Where a day came more than once, any of its records may be the one that stands, interval by interval.
    """
    if not curves.num_rows:
        return 0
    mine, received = _keys(curves, curves), _keys(bronze, curves)
    order = np.argsort(mine)
    place = np.minimum(np.searchsorted(mine[order], received), mine.size - 1)
    target = np.where(mine[order][place] == received, order[place], -1)
    scale = _scales(bronze, meter_points)
    minutes, sent_minutes = _integers(curves["interval_minutes"]), _integers(bronze["interval_minutes"])
    changed = 0
    for length in np.unique(minutes).tolist():
        slots = 1440 // length
        rows = np.flatnonzero((minutes == length) & (_lengths(curves["measured_kwh_or_kvarh"]) == slots))
        row_of = np.full(minutes.size, -1, dtype=np.int64)
        row_of[rows] = np.arange(rows.size)
        told = np.flatnonzero((target >= 0) & (sent_minutes == length) & (_lengths(bronze["values_unscaled"]) == slots))
        told = told[row_of[target[told]] >= 0]
        told = told[np.argsort(row_of[target[told]], kind="stable")]
        begins = np.searchsorted(row_of[target[told]], np.arange(rows.size + 1))
        measured, measured_at = _elements(curves["measured_kwh_or_kvarh"])
        values, values_at = _elements(bronze["values_unscaled"])
        changed += _differing(measured, measured_at[rows], values, values_at[told], scale[told], begins, slots)
    return changed


def _keys(rows: pa.Table, curves: pa.Table) -> IntArray:
    """Meter point, channel and day of each row as one number, counted by the names in ``curves``; -1 where they do not occur there."""
    point, channel = (_places(rows[name], pc.unique(curves[name])) for name in ("meter_point_id", "channel_code"))
    count = len(pc.unique(curves["channel_code"]))
    packed = (point * count + channel) * DAY_SPAN + _integers(rows["curve_date"].cast(pa.int32()))
    return np.where((point >= 0) & (channel >= 0), packed, -1)


def _places(column: pa.ChunkedArray, names: pa.Array) -> IntArray:
    return _integers(pc.fill_null(pc.index_in(column, value_set=names), -1))


def _integers(column: pa.ChunkedArray) -> IntArray:
    return np.asarray(column.to_numpy(), dtype=np.int64)


def _lengths(column: pa.ChunkedArray) -> IntArray:
    return _integers(pc.fill_null(pc.list_value_length(column), -1))


def _elements(column: pa.ChunkedArray) -> tuple[FloatArray, IntArray]:
    """All values of a list column one after the other, NaN where one is empty, and where each row begins."""
    lengths = np.maximum(_lengths(column), 0)
    return np.asarray(pc.list_flatten(column).to_numpy(), dtype=np.float64), np.cumsum(lengths) - lengths


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _differing(measured: FloatArray, rows: IntArray, values: FloatArray, records: IntArray, scale: FloatArray, begins: IntArray, slots: int) -> int:
    """Measured intervals that no record of their day tells.

    rows            Where each day begins in ``measured``.
    records, scale  Where each record begins in ``values``, and from value to energy; by day.
    begins          (days + 1) first record of each day.
    """
    differing = 0
    for day in range(rows.size):
        for slot in range(slots):
            energy = measured[rows[day] + slot]
            told = np.isnan(energy)
            for record in range(begins[day], begins[day + 1]):
                told |= energy == values[records[record] + slot] * scale[record]
            differing += not told
    return differing


def _scales(bronze: pa.Table, meter_points: pa.Table) -> FloatArray:
    """From a received value to energy; NaN where no meter counts on the day."""
    asked = pd.DataFrame(
        {
            "point": bronze["meter_point_id"].to_pandas(),
            "day": _integers(bronze["curve_date"].cast(pa.int32())),
            "row": np.arange(bronze.num_rows),
        }
    )
    known = pd.DataFrame(
        {
            "point": meter_points["meter_point_id"].to_pandas(),
            "day": _integers(meter_points["valid_from_date"].cast(pa.int32())),
            "last": _integers(pc.fill_null(meter_points["valid_to_date"].cast(pa.int32()), DAY_SPAN)),
            "multiplier": meter_points["multiplier_ratio"].cast(pa.float64()).to_numpy(),
        }
    )
    found = pd.merge_asof(asked.sort_values("day"), known.sort_values("day"), on="day", by="point").sort_values("row")
    multiplier = np.where(found["day"] <= found["last"], found["multiplier"], np.nan)
    is_power = np.asarray(pc.fill_null(pc.equal(bronze["measure_code"], CurveMeasure.MEAN_POWER.value), False).to_numpy())
    hours = np.where(is_power, _integers(bronze["interval_minutes"]) / 60.0, 1.0)
    return np.asarray(multiplier * hours, dtype=np.float64)
