"""What the estimates of a series as a whole say of it, in words: they replaced so many values below zero that
these are net values, they are more than what was measured, or they stand where another delivery told more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.codes import IntervalStatus
from pipelines.vee.estimation.reconciliation import IS_OWN_ESTIMATE
from pipelines.vee.validation.balance_checks import NEGATIVE

_UNIT = "VEE-V32"
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


def mostly_estimated(curves: pa.Table, registers: pa.Table) -> list[str]:
    """The series of which more intervals were estimated than came, in words.

    curves     silver_day_curves, by meter point, channel and day.
    registers  silver_register_energy; meter points that it speaks of are left out: their energy is known.
    """
    alone = pc.invert(pc.is_in(curves["meter_point_id"], value_set=pc.unique(registers["meter_point_id"])))
    days = curves.filter(alone)
    status = pc.list_flatten(days["interval_status_codes"]).to_numpy()
    day = pc.list_parent_indices(days["interval_status_codes"]).to_numpy()
    own = IS_OWN_ESTIMATE[status]
    came = ~own & (status != IntervalStatus.MISSING)
    days = days.select(_SERIES)
    for name, marks in (("own", own), ("came", came)):
        days = days.append_column(name, pa.array(np.bincount(day, marks, days.num_rows)))
    found = days.group_by(_SERIES).aggregate([("own", "sum"), ("came", "sum")])
    found = found.filter(pc.greater(found["own_sum"], found["came_sum"]))
    return [
        f"{row['meter_point_id']} {row['channel_code']}: {row['own_sum']:,.0f} intervals are estimated and "
        f"{row['came_sum']:,.0f} came"
        for row in found.sort_by([(name, "ascending") for name in _SERIES]).to_pylist()
    ]


def told_estimated(series: list[str]) -> list[str]:
    """One sentence of all series that ``mostly_estimated`` found, the first of them named."""
    if not series:
        return []
    more = f"; and {len(series) - _NAMED} more series" if len(series) > _NAMED else ""
    return [f"more is estimated than came: {'; '.join(series[:_NAMED])}{more}; were all days read as meant?"]


def days_of_two_lengths(received: pa.Table) -> list[str]:
    """The series of which some days were told in intervals of more than one length, in words.

    received  bronze_load_curves of some meter points.
    """
    if len(pc.unique(received["interval_minutes"])) < 2:
        return []
    days = received.group_by([*_SERIES, "curve_date"]).aggregate([("interval_minutes", "count_distinct")])
    days = days.filter(pc.greater(days["interval_minutes_count_distinct"], 1))
    found = days.group_by(_SERIES).aggregate([("curve_date", name) for name in ("count", "min", "max")])
    return [
        f"{row['meter_point_id']} {row['channel_code']}: {row['curve_date_count']} days from "
        f"{row['curve_date_min']} to {row['curve_date_max']}"
        for row in found.sort_by([(name, "ascending") for name in _SERIES]).to_pylist()
    ]


def told_lengths(series: list[str]) -> list[str]:
    """One sentence of all series that ``days_of_two_lengths`` found, the first of them named."""
    if not series:
        return []
    more = f"; and {len(series) - _NAMED} more series" if len(series) > _NAMED else ""
    return [
        "days came in intervals of two lengths: the newest delivery of a day decides which stands, and "
        f"what came in the other fills none of its gaps: {'; '.join(series[:_NAMED])}{more}"
    ]


def told_units(findings: pa.Table) -> list[str]:
    """What VEE-V32 found, one sentence a series, the first of them named.

    findings  As FINDINGS_SCHEMA.
    """
    found = findings.filter(pc.equal(findings["check_id"], _UNIT)).group_by(_SERIES)
    rows = (
        found.aggregate([("finding_date", name) for name in ("count", "min", "max")])
        .sort_by([(name, "ascending") for name in _SERIES])
        .to_pylist()
    )
    told = [
        f"{row['meter_point_id']} {row['channel_code']}: on {row['finding_date_count']} days from "
        f"{row['finding_date_min']} to {row['finding_date_max']} the curve is the register times or divided "
        f"by a unit, the multiplier or the intervals of an hour ({_UNIT})"
        for row in rows[:_NAMED]
    ]
    if len(rows) > _NAMED:
        told.append(
            f"{_UNIT}: {len(rows) - _NAMED} more series have curves in another unit than their register"
        )
    return told
