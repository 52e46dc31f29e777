"""Refined blocks of curves as rows of silver_day_curves."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.arrays import IntArray
from pipelines.codes import IntervalStatus
from pipelines.tables.silver import SilverDayCurves
from pipelines.transforms.curves.curve_kernels import any_bits, band_lists, day_counts
from pipelines.transforms.curves.curve_records import CurveRecords
from pipelines.vee.blocks import CurveBlock
from pipelines.vee.estimation.estimate import Estimates
from pipelines.vee.validation.checks import INTERVAL_CHECKS

CURVES_SCHEMA = pa.schema(
    [field for field in SilverDayCurves.arrow_schema() if field.name != "computed_run_id"]
)

_ESTIMATED = np.array([status.is_estimated for status in IntervalStatus])


def silver_rows(
    records: CurveRecords,
    block: CurveBlock,
    rows: IntArray,
    series: IntArray,
    month: NDArray[np.datetime64],
    estimates: Estimates,
    bits: IntArray,
) -> pa.Table:
    """Some rows of a block with what was estimated and which checks failed, in their order.

    rows    Places of the rows in the block, rising.
    series  (days) place of the meter point x channels + place of the channel; month: (days) month of the day.
    bits    (days x slots) failed checks.
    """
    every = rows.size == block.day_numbers.size
    energy, final = (values if every else values[rows] for values in (block.energy, estimates.final))
    status = estimates.status if every else estimates.status[rows]
    bits = bits if every else bits[rows]
    channels = len(records.channels)
    counts = np.empty((3, rows.size), dtype=np.int32)
    day_counts(status, _ESTIMATED, IntervalStatus.MISSING.value, counts)
    months, month_place = np.unique(month[rows], return_inverse=True)
    return pa.table(
        [
            pa.array(records.meter_points, pa.string()).take(pa.array(series[rows] // channels)),
            pa.array(records.channels, pa.string()).take(pa.array(series[rows] % channels)),
            pa.array(block.day_numbers[rows].astype(np.int32)).cast(pa.date32()),
            pa.array(np.full(rows.size, block.interval_minutes, dtype=np.int32)),
            _lists(energy, nan_is_null=True),
            _lists(final, nan_is_null=True),
            _lists(status),
            *_band_lists(estimates, rows),
            _lists(bits),
            _failed_ids(bits),
            *(pa.array(count) for count in counts),
            pa.array(months.astype(str).tolist(), pa.string()).take(pa.array(month_place)),
        ],
        names=CURVES_SCHEMA.names,
    ).cast(CURVES_SCHEMA)


def _lists(values: NDArray[np.generic], nan_is_null: bool = False) -> pa.Array:
    """(rows x slots) as a list column."""
    rows, slots = values.shape
    offsets = pa.array(np.arange(0, rows * slots + 1, slots, dtype=np.int32))
    return pa.ListArray.from_arrays(
        offsets, pa.array(np.ascontiguousarray(values).reshape(-1), from_pandas=nan_is_null)
    )


def _band_lists(estimates: Estimates, rows: IntArray) -> tuple[pa.Array, pa.Array]:
    """Low and high end of the expected-error band; null for days without one, and within a day for intervals
    without one.
    """
    slots = estimates.final.shape[1]
    with_band = np.unique(estimates.places[~np.isnan(estimates.margin)] // slots)
    most = int(np.isin(with_band, rows).sum())
    has, low, high = (
        np.zeros(rows.size, dtype=np.bool_),
        np.full((most, slots), np.nan),
        np.full((most, slots), np.nan),
    )
    band_lists(rows, estimates.places, estimates.margin, estimates.final, has, low, high)
    offsets, mask = pa.array(np.concatenate(([0], np.cumsum(has) * slots)).astype(np.int32)), pa.array(~has)
    ends = [
        pa.ListArray.from_arrays(offsets, pa.array(end.reshape(-1), from_pandas=True), mask=mask)
        for end in (low, high)
    ]
    return ends[0], ends[1]


def _failed_ids(bits: IntArray) -> pa.Array:
    """Ids of the checks that any interval of a day failed, in catalogue order."""
    of_day = any_bits(bits)
    failed = (of_day[:, None] >> np.array([check.bit for check in INTERVAL_CHECKS])) & 1 == 1
    offsets = pa.array(np.concatenate(([0], np.cumsum(failed.sum(axis=1)))).astype(np.int32))
    return pa.ListArray.from_arrays(
        offsets, pa.array([check.id for check in INTERVAL_CHECKS]).take(pa.array(np.nonzero(failed)[1]))
    )


def joined(parts: list[pa.Table]) -> pa.Table:
    """Rows of several interval lengths, by meter point, channel and day."""
    if not parts:
        return CURVES_SCHEMA.empty_table()
    if len(parts) == 1:
        return parts[0]
    joined = pa.concat_tables(parts)
    return joined.sort_by([(name, "ascending") for name in SilverDayCurves.key()]).combine_chunks()
