"""Steps of level that stay, in words: one sentence a step, with its first day and its factor."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import FloatArray

LEVEL_STEP = "VEE-V40"
_SIDE_DAYS, _NAMED = 7, 5
_FACTORS = {
    1000.0: "× 1000",
    100.0: "× 100",
    4.0: "× 4",
    2.0: "× 2",
    2 / 3: "× 2/3",
    0.5: "÷ 2",
    0.25: "÷ 4",
    0.01: "÷ 100",
    0.001: "÷ 1000",
}
_NEAR = 0.15


def with_steps(findings: pa.Table) -> pa.Array:
    """Meter points of which VEE-V40 found something."""
    found = findings.filter(pc.equal(findings["check_id"], LEVEL_STEP))
    return pc.unique(found["meter_point_id"])


def told_steps(findings: pa.Table, days: pa.Table) -> list[str]:
    """What VEE-V40 found, step by step.

    findings  As FINDINGS_SCHEMA, by meter point, channel and day.
    days      gold_day_energy of the same meter points.
    """
    found = findings.filter(pc.equal(findings["check_id"], LEVEL_STEP))
    series = found.group_by(["meter_point_id", "channel_code"], use_threads=False).aggregate([]).to_pylist()
    told = [
        sentence
        for each in series[:_NAMED]
        for sentence in _steps_of(
            each["meter_point_id"], each["channel_code"], _of_series(found, each), _of_series(days, each)
        )
    ]
    if len(series) > _NAMED:
        told.append(f"{LEVEL_STEP}: {len(series) - _NAMED} more series step to another level and stay there")
    return told


def _of_series(rows: pa.Table, series: dict[str, str]) -> pa.Table:
    return rows.filter(
        pc.and_(*(pc.equal(rows[name], series[name]) for name in ("meter_point_id", "channel_code")))
    )


def _steps_of(meter_point: str, channel: str, found: pa.Table, days: pa.Table) -> list[str]:
    days = days.sort_by("energy_date")
    dates, energy = days["energy_date"], days["energy_kwh_or_kvarh"].to_numpy()
    flagged = pc.is_in(dates, value_set=found["finding_date"].combine_chunks()).to_numpy()
    edges = np.diff(np.concatenate(([False], flagged, [False])).astype(np.int8))
    told = []
    for begin, end in zip(
        np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True
    ):
        factor = _factor(energy[max(0, begin - _SIDE_DAYS) : begin], energy[begin:end][:_SIDE_DAYS])
        until = "the end" if end == len(dates) else str(dates[end - 1])
        told.append(
            f"{meter_point} {channel}: from {dates[begin]} to {until} the days are {factor} of those before "
            f"({LEVEL_STEP}, {end - begin} days): a unit, a multiplier or a phase"
        )
    return told


def _factor(before: FloatArray, after: FloatArray) -> str:
    """The factor in words; by number where it is none of the known ones."""
    ratio = float(np.median(after)) / float(np.median(before))
    known = min(_FACTORS, key=lambda factor: abs(np.log(ratio / factor)))
    return _FACTORS[known] if abs(np.log(ratio / known)) <= _NEAR else f"× {ratio:.3g}"
