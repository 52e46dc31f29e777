"""Gaps of a day and more whose energy the estimates may miss, in words: one sentence a length of interval."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import IntArray
from pipelines.periods import DAY_MINUTES
from pipelines.tables.estimation import CHOSEN
from pipelines.vee.estimation.reconciliation import IS_OWN_ESTIMATE
from pipelines.vee.estimation_settings import BiasSettings


def long_gaps(curves: pa.Table, registers: pa.Table) -> dict[int, list[int]]:
    """Interval length -> lengths of the estimated gaps of a day and more, both in minutes.

    curves     ``CURVE_COLUMNS`` of silver_day_curves, by meter point, channel and day.
    registers  silver_register_energy; of meter points that it speaks of nothing is told: their estimates are
               scaled to the registers.
    """
    alone = pc.invert(pc.is_in(curves["meter_point_id"], value_set=pc.unique(registers["meter_point_id"])))
    found: dict[int, list[int]] = {}
    for minutes in pc.unique(curves["interval_minutes"]).to_pylist():
        part = curves.filter(pc.and_(alone, pc.equal(curves["interval_minutes"], minutes)))
        if part.num_rows:
            lengths = _runs(part) * minutes
            found[minutes] = lengths[lengths >= DAY_MINUTES].tolist()
    return found


def _runs(curves: pa.Table) -> IntArray:
    """Lengths of the runs of own estimates, in intervals; a run ends with its series."""
    keys = curves.select(["meter_point_id", "channel_code"]).to_pandas()
    new_series = (keys != keys.shift()).any(axis=1).to_numpy()
    status = pc.list_flatten(curves["interval_status_codes"]).to_numpy()
    own = IS_OWN_ESTIMATE[status].reshape(curves.num_rows, -1)
    # Something that is no estimate behind each series keeps it apart from the next.
    flat = np.concatenate(
        [
            np.concatenate((own[rows[0] : rows[-1] + 1].reshape(-1), [False]))
            for rows in np.split(np.arange(curves.num_rows), np.flatnonzero(new_series)[1:])
        ]
    )
    edges = np.diff(np.concatenate(([False], flat)).astype(np.int8))
    return np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)


def told_bias(gaps: dict[int, list[int]], errors: pa.Table, bias: BiasSettings) -> list[str]:
    """What masked gaps say of the energy of gaps as long as those estimated.

    gaps    As ``long_gaps`` gives them.
    errors  silver_estimation_errors.
    """
    told = []
    for minutes, lengths in sorted(gaps.items()):
        rows = [
            row
            for row in errors.to_pylist()
            if row["estimator_id"] == CHOSEN and row["interval_minutes"] == minutes
        ]
        near = {length: _nearest(rows, length) for length in sorted(set(lengths))}
        off = [length for length, row in near.items() if row is None or _may_be_off(row, bias)]
        if not off:
            continue
        known = [row for length in off if (row := near[length]) is not None]
        count = sum(length in off for length in lengths)
        what = f"{count} estimated gaps of a day and more at intervals of {minutes} min"
        limit = f"{100 * bias.limit_ratio:g} %"
        if not known:
            told.append(
                f"bias: whether the energy of {what} is kept within {limit} is not known, the curves are too "
                "short to measure it; registers would tell"
            )
            continue
        worst = max(known, key=lambda row: _reach(row, bias))
        told.append(
            f"bias: the energy of {what} may be off by more than {limit}: masked gaps of "
            f"{worst['gap_minutes'] / 60:g} h are off by {100 * worst['bias_ratio']:+.1f} % "
            f"± {100 * (worst['bias_error_ratio'] or 0.0):.1f} %; registers would tell"
        )
    return told


def _nearest(rows: list[dict[str, float]], minutes: int) -> dict[str, float] | None:
    """The row whose masked gaps are nearest by ratio; none where none are at least half as long."""
    fit = [row for row in rows if 2 * row["gap_minutes"] >= min(minutes, 2 * DAY_MINUTES)]
    return min(fit, key=lambda row: abs(np.log(row["gap_minutes"] / minutes)), default=None)


def _reach(row: dict[str, float], bias: BiasSettings) -> float:
    return abs(row["bias_ratio"]) + bias.certain_ratio * (row["bias_error_ratio"] or 0.0)


def _may_be_off(row: dict[str, float], bias: BiasSettings) -> bool:
    return row["bias_error_ratio"] is None or _reach(row, bias) > bias.limit_ratio
