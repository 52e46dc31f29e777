"""The load curves of a month, of the meter points that advice looks at."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import FloatArray
from pipelines.codes import Channel
from pipelines.periods import DAY_MINUTES, BillingDays
from pipelines.storage.scan import rows_of_points
from pipelines.tables.base import POINT
from pipelines.tables.silver import SilverDayCurves
from products.efficiency_bill.comparison.load_hours import QUARTERS

MonthCurves = Mapping[str, Mapping[Channel, FloatArray]]
"""Meter point -> channel -> energy of each quarter hour of a month; only of channels that have them all.
(days x 96) [kWh or kvarh]
"""
_CHANNELS = (Channel.ACTIVE_FORWARD, Channel.REACTIVE_LAGGING, Channel.REACTIVE_LEADING)
_COLUMNS = (POINT, "channel_code", "curve_date", "interval_minutes", "final_kwh_or_kvarh")


def month_curves(files: Sequence[str], points: Collection[str], month: BillingDays) -> MonthCurves:
    """Curves of some meter points.

    files  Data files of silver_day_curves of the month, or of all months that a period lies in.
    """
    if not files or not points:
        return {}
    return whole_curves(rows_of_points(files, SilverDayCurves, points, list(_COLUMNS)), month)


def whole_curves(rows: pa.Table, month: BillingDays) -> MonthCurves:
    """The curves of rows of silver_day_curves that have a final value in every quarter hour of the month."""
    found: dict[str, dict[Channel, FloatArray]] = {}
    names = [channel.value for channel in _CHANNELS]
    is_wanted = pc.and_(
        pc.is_in(rows["channel_code"], value_set=pa.array(names)),
        pc.and_(
            pc.greater_equal(rows["curve_date"], month.first_day),
            pc.less_equal(rows["curve_date"], month.last_day),
        ),
    )
    rows = rows.filter(is_wanted).sort_by([(name, "ascending") for name in _COLUMNS[:3]]).combine_chunks()
    for minutes in pc.unique(rows["interval_minutes"]).to_pylist():
        if (DAY_MINUTES // QUARTERS) % minutes:
            continue  # a coarser curve tells no quarter hours
        mine = rows.filter(pc.equal(rows["interval_minutes"], minutes)).combine_chunks()
        flat = pc.list_flatten(mine["final_kwh_or_kvarh"]).to_numpy(zero_copy_only=False).astype(np.float64)
        energy = flat.reshape(mine.num_rows, QUARTERS, -1).sum(axis=2)
        point, channel = (
            np.asarray(mine[name].to_numpy(zero_copy_only=False)) for name in (POINT, "channel_code")
        )
        is_new = np.ones(mine.num_rows, dtype=bool)
        is_new[1:] = (point[1:] != point[:-1]) | (channel[1:] != channel[:-1])
        edges = np.append(np.flatnonzero(is_new), mine.num_rows)
        for first, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            if end - first == month.day_count and np.isfinite(energy[first:end]).all():
                found.setdefault(str(point[first]), {})[Channel(channel[first])] = energy[first:end]
    return found
