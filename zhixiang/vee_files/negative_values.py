"""Values below zero that estimates replaced, in words: where they are many they are net values, and what was
fed back is nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.vee.validation.balance_checks import NEGATIVE

_SERIES = ["meter_point_id", "channel_code"]
_NAMED = 5


def negative_values(curves: pa.Table, least_values: int, ratio: float) -> list[dict[str, Any]]:
    """The series of which VEE-V03 took so many values, and a sum beyond this share of their energy, that it
    is no chance.

    curves  silver_day_curves.
    """
    bits = pc.list_flatten(curves["failed_check_bits"]).to_numpy()
    below = np.asarray(bits >> (NEGATIVE.bit or 0) & 1 == 1)
    if not below.any():
        return []
    day = pc.list_parent_indices(curves["failed_check_bits"]).to_numpy()
    received, final = (
        pc.fill_null(pc.list_flatten(curves[name]), 0.0).to_numpy()
        for name in ("measured_kwh_or_kvarh", "final_kwh_or_kvarh")
    )
    sums = {
        "count": below,
        "below": np.where(below, -received, 0.0),
        "above": np.where(below, 0.0, final),
    }
    days = curves.select([*_SERIES, "curve_date"])
    for name, parts in sums.items():
        days = days.append_column(name, pa.array(np.bincount(day, parts, curves.num_rows)))
    marked = pc.greater(days["count"], 0)
    days = days.append_column("on", pc.if_else(marked, days["curve_date"], pa.scalar(None, pa.date32())))
    found: list[dict[str, Any]] = (
        days.group_by(_SERIES)
        .aggregate([*((name, "sum") for name in sums), ("on", "min"), ("on", "max")])
        .sort_by([(name, "ascending") for name in _SERIES])
        .to_pylist()
    )
    return [
        row
        for row in found
        if row["count_sum"] >= least_values and row["below_sum"] > ratio * row["above_sum"]
    ]


def told_negatives(series: Iterable[dict[str, Any]]) -> list[str]:
    """One sentence a series, as ``negative_values`` found them; the first of them."""
    rows = list(series)
    told = [
        f"{row['meter_point_id']} {row['channel_code']}: {row['count_sum']:.0f} values below zero, "
        f"{row['below_sum']:.6g} in all, from {row['on_min']} to {row['on_max']} are no energy of this "
        f"channel and are estimated ({NEGATIVE.id}); where they are net values, have either direction sent "
        "by itself (of a long file: declare `sign: split`)"
        for row in rows[:_NAMED]
    ]
    if len(rows) > _NAMED:
        told.append(f"{NEGATIVE.id}: {len(rows) - _NAMED} more series have many values below zero")
    return told
