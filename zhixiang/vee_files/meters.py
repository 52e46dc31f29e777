"""Which meter is wrong, since when and how: what the checks found, one row for each meter point, channel and
check, and which of them come first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.codes import Severity
from pipelines.periods import DAY_MINUTES
from pipelines.tables.base import DATE, DOUBLE, INTEGER, STRING
from pipelines.vee import CHECKS

METERS_SCHEMA = pa.schema(
    [
        ("meter_point_id", STRING),
        ("channel_code", STRING),
        ("check_id", STRING),
        ("severity", STRING),
        ("check_zh", STRING),
        ("check", STRING),
        ("first_day", DATE),
        ("last_day", DATE),
        ("days", INTEGER),
        ("energy_kwh_or_kvarh", DOUBLE),
    ]
)
SERIES = ("meter_point_id", "channel_code")
UNFLAGGED = 9
_GAP = "VEE-V01"
_RANKS = {
    Severity.HALT: 0,
    Severity.QUARANTINE: 0,
    Severity.INVALID: 1,
    Severity.WARN: 2,
    Severity.INFO: 3,
}
_CHECKS = {check.id: check for check in CHECKS}
RANKS: Mapping[str, int] = {
    check.id: _RANKS[Severity.WARN] if check.id == _GAP else _RANKS[check.severity] for check in CHECKS
}
"""Check -> place, the worst first. A gap stands among the warnings, whatever becomes of its intervals: what
did not come is less wrong than what came wrong.
"""
_TOGETHER_DAYS = 3


def meters_of(curves: pa.Table, flags: pa.Table) -> pa.Table:
    """What was found, as METERS_SCHEMA, in the order of meter points.

    curves  silver_day_curves of the same meter points.
    flags   As ``flags_of``. The energy is the final one of the flagged days; empty where there is no curve.
    """
    if not flags.num_rows:
        return METERS_SCHEMA.empty_table()
    keys = [*SERIES, "check_id"]
    distinct = flags.select([*keys, "curve_date"]).group_by([*keys, "curve_date"]).aggregate([])
    if curves.num_rows:
        distinct = distinct.join(_energy_of_days(curves), [*SERIES, "curve_date"])
    else:
        distinct = distinct.append_column("energy", pa.nulls(distinct.num_rows, DOUBLE))
    found = distinct.group_by(keys).aggregate(
        [("curve_date", "min"), ("curve_date", "max"), ("curve_date", "count"), ("energy", "sum")]
    )
    found = found.sort_by([(key, "ascending") for key in keys])
    checks = [_CHECKS[name] for name in found["check_id"].to_pylist()]
    words = {
        "severity": [check.severity.value for check in checks],
        "check_zh": [check.title_zh for check in checks],
        "check": [check.title for check in checks],
    }
    columns = {key: found[key] for key in keys} | {
        name: pa.array(texts, STRING) for name, texts in words.items()
    }
    columns |= {
        "first_day": found["curve_date_min"],
        "last_day": found["curve_date_max"],
        "days": found["curve_date_count"],
        "energy_kwh_or_kvarh": found["energy_sum"],
    }
    return pa.table({name: columns[name] for name in METERS_SCHEMA.names}).cast(METERS_SCHEMA)


def _energy_of_days(curves: pa.Table) -> pa.Table:
    parts = []
    for minutes in pc.unique(curves["interval_minutes"]).to_pylist():
        mine = curves.filter(pc.equal(curves["interval_minutes"], minutes))
        has = np.asarray(pc.is_valid(mine["final_kwh_or_kvarh"]).to_numpy(), np.bool_)
        energy = np.full(has.size, np.nan)
        values = pc.fill_null(pc.list_flatten(mine["final_kwh_or_kvarh"]), 0.0).to_numpy()
        energy[has] = values.reshape(-1, DAY_MINUTES // minutes).sum(axis=1)
        parts.append(
            mine.select([*SERIES, "curve_date"]).append_column(
                "energy", pa.array(energy, DOUBLE, from_pandas=True)
            )
        )
    days = pa.concat_tables(parts).group_by([*SERIES, "curve_date"]).aggregate([("energy", "sum")])
    return days.rename_columns([*SERIES, "curve_date", "energy"])


def worst_first(found: pa.Table) -> list[dict[str, Any]]:
    """The series of which something was found, with their findings, the worst first: by the worst check, then
    by the most days.

    found  As METERS_SCHEMA.
    """
    series: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in found.to_pylist():
        series.setdefault((row["meter_point_id"], row["channel_code"]), []).append(row)
    ordered = []
    for (meter_point, channel), rows in series.items():
        rows.sort(key=lambda row: (RANKS[row["check_id"]], -row["days"], row["check_id"]))
        key = (RANKS[rows[0]["check_id"]], -rows[0]["days"], meter_point, channel)
        ordered.append({"key": key, "meter_point": meter_point, "channel": channel, "findings": rows})
    return sorted(ordered, key=lambda each: each["key"])


def flagged_days(flags: pa.Table) -> list[date]:
    """The days that are flagged, in order; where there is anything worse, remarks count for nothing.

    flags  As ``flags_of``, of one series.
    """
    ranks = np.array([RANKS[name] for name in flags["check_id"].to_pylist()], np.int64)
    worse = ranks < _RANKS[Severity.INFO]
    days = flags["curve_date"].filter(pa.array(worse)) if worse.any() else flags["curve_date"]
    return sorted(set(days.to_pylist()))


def stretches_of(days: Sequence[date], most: int) -> list[tuple[date, date]]:
    """The first and last days of the longest stretches, in the order of time; stretches with a day or two
    between them are one.

    >>> stretches_of([date(2026, 3, day) for day in (1, 2, 5, 20)], 1)
    [(datetime.date(2026, 3, 1), datetime.date(2026, 3, 5))]
    """
    stretches: list[tuple[date, date]] = []
    for day in days:
        if stretches and day - stretches[-1][1] <= timedelta(days=_TOGETHER_DAYS):
            stretches[-1] = (stretches[-1][0], day)
        else:
            stretches.append((day, day))
    longest = sorted(stretches, key=lambda ends: (ends[0] - ends[1], ends[0]))[:most]
    return sorted(longest)
