"""The report of ``zhixiang vee``: which meter is wrong, since when and how; what was read, what failed, what
was estimated.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.codes import IntervalStatus
from pipelines.tables.estimation import CHOSEN
from pipelines.vee import CHECKS
from pipelines.vee.estimation.estimators import ESTIMATORS
from zhixiang.pages.quality_charts import error_chart
from zhixiang.pages.quality_figures import error_lines
from zhixiang.pages.site import PAGES
from zhixiang.vee_files.folder import OUTPUTS, SUMMARY
from zhixiang.vee_files.meters import (
    METERS_SCHEMA,
    SERIES,
    UNFLAGGED,
    flagged_days,
    stretches_of,
    worst_first,
)
from zhixiang.vee_files.stretches import COLOURS, stretch_chart

if TYPE_CHECKING:
    from zhixiang.vee_files.result import Part, VeeResult

PLOTS_LIMIT = 60
"""Series that are drawn: the worst."""
_LISTED = 200
"""Findings of the worst series that the page and ``--json`` list; meters.csv has all."""
_STRETCHES = 3
_DAYS_OF_UNFLAGGED = 14
_FILES_NAMED = 8


class Report:
    """The figures and plots of a run, gathered some meter points at a time."""

    def __init__(self, result: VeeResult) -> None:
        self._result = result
        self._counts = Counter[IntervalStatus]()
        self._failed = Counter[str]()
        self._sizes = Counter[str]()
        self._worst: list[dict[str, Any]] = []
        self._drawn: list[dict[str, Any]] = []

    def add(self, part: Part, flags: pa.Table, found: pa.Table) -> None:
        """Takes in what was found of some meter points.

        flags  As ``flags_of``.
        found  As ``meters_of`` of them.
        """
        curves, registers = part.curves, part.registers
        for check_id, count in zip(
            flags["check_id"].to_pylist(), flags["intervals"].to_pylist(), strict=True
        ):
            self._failed[check_id] += 1 if count is None else count
        self._sizes.update(
            {
                "days": curves.num_rows,
                "register_meter_points": len(pc.unique(registers["meter_point_id"])),
                "register_reads": registers.num_rows,
                "settled_reads": int(pc.count(registers["energy_kwh_or_kvarh"]).as_py()),
            }
        )
        series = worst_first(found)
        self._sizes.update({"flagged_series": len(series), "findings": found.num_rows})
        self._worst = sorted([*self._worst, *series], key=_by_key)[:_LISTED]
        if not curves.num_rows:
            return
        status = pc.list_flatten(curves["interval_status_codes"]).to_numpy()
        for code, count in zip(*np.unique(status, return_counts=True), strict=True):
            self._counts[IntervalStatus(int(code))] += int(count)
        self._sizes.update(
            {
                "meter_points": len(pc.unique(curves["meter_point_id"])),
                "intervals": int(status.size),
                "series": len(_series_of(curves)),
            }
        )
        candidates = [*self._drawn, *series, *_unflagged(curves, series)]
        self._drawn = [
            each if "charts" in each else _with_charts(each, curves, flags)
            for each in sorted(candidates, key=_by_key)[:PLOTS_LIMIT]
        ]

    def write(self, page: Path) -> dict[str, Any]:
        """Writes the page and returns its figures."""
        result, counts, failed, sizes = self._result, self._counts, self._failed, self._sizes
        measured = counts[IntervalStatus.MEASURED] + counts[IntervalStatus.COUNTED_AS_ZERO]
        missing = counts[IntervalStatus.MISSING]
        listed = [row for each in self._worst for row in each["findings"]][:_LISTED]
        stopped = [row for row in result.files if row["status"] in ("refused", "halted")]
        figures: dict[str, Any] = {
            "files": {
                state: sum(row["status"] == state for row in result.files)
                for state in ("accepted", "duplicate_content", "not_used", "refused", "halted")
            },
            "meter_points": sizes["meter_points"],
            "days": sizes["days"],
            "intervals": sizes["intervals"],
            "measured": measured,
            "estimated": sizes["intervals"] - measured - missing,
            "missing": missing,
            "register_meter_points": sizes["register_meter_points"],
            "register_reads": sizes["register_reads"],
            "settled_reads": sizes["settled_reads"],
            "rejected_records": len(result.rejects),
            "superseded_lines": len(result.superseded),
            "reasons": dict(sorted(Counter(row["reason_code"] for row in result.rejects).items())),
            "methods": {method.id: counts[method.status] for method in ESTIMATORS if counts[method.status]},
            "checks": {check.id: failed[check.id] for check in CHECKS if failed[check.id]},
            "measured_values_changed": result.changed,
            "assumed_multiplier_1": len(result.assumed),
            "unknown_multiplier": len(result.unknown),
            "like_days": "Chinese calendar of holidays" if result.holidays else "week alone",
            "flagged_series": sizes["flagged_series"],
            "meters": [
                {name: row[name] for name in METERS_SCHEMA.names if name not in ("check_zh", "check")}
                | {"first_day": str(row["first_day"]), "last_day": str(row["last_day"])}
                for row in listed
            ],
            "remarks": result.remarks,
            "exit_code": result.exit_code,
        }
        PAGES.write_page(
            page,
            "vee.html.j2",
            figures=figures,
            files=result.files,
            rejects=result.rejects[:200],
            checks=[check for check in CHECKS if failed[check.id]],
            methods=[method for method in ESTIMATORS if counts[method.status]],
            listed=listed,
            findings=sizes["findings"],
            drawn=self._drawn,
            places={(each["meter_point"], each["channel"]): place for place, each in enumerate(self._drawn)},
            stopped=stopped,
            files_named=_FILES_NAMED,
            error_charts=[
                part | {"chart": error_chart(part["lines"], result.error_limits)}
                for part in error_lines(result.errors.to_pylist())
            ],
            coverage=[row for row in result.errors.to_pylist() if row["estimator_id"] == CHOSEN],
            outputs=[
                name
                for name in OUTPUTS
                if name != "report.html" and (name == SUMMARY or (page.parent / name).exists())
            ],
            series=sizes["series"],
            colours=COLOURS,
            assumed=result.assumed[:40],
            unknown=result.unknown[:40],
        )
        return figures


def _by_key(each: dict[str, Any]) -> Any:
    return each["key"]


def _series_of(curves: pa.Table) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = curves.select(SERIES).group_by(SERIES).aggregate([]).to_pylist()
    return rows


def _unflagged(curves: pa.Table, flagged: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Series of which nothing was found; they come last."""
    known = {(each["meter_point"], each["channel"]) for each in flagged}
    return [
        {"key": (UNFLAGGED, 0, *names), "meter_point": names[0], "channel": names[1], "findings": []}
        for row in _series_of(curves)
        if (names := (row["meter_point_id"], row["channel_code"])) not in known
    ]


def _with_charts(series: dict[str, Any], curves: pa.Table, flags: pa.Table) -> dict[str, Any]:
    """A series with its flagged stretches drawn, or its first days where nothing is flagged."""
    mine, told = (
        table.filter(
            pc.and_(
                pc.equal(table["meter_point_id"], series["meter_point"]),
                pc.equal(table["channel_code"], series["channel"]),
            )
        )
        if table.num_rows
        else table
        for table in (curves, flags)
    )
    if not mine.num_rows:
        return series | {"charts": []}
    if told.num_rows:
        flagged = flagged_days(told)
        stretches = stretches_of(flagged, _STRETCHES)
    else:
        days = sorted(set(mine["curve_date"].to_pylist()))[:_DAYS_OF_UNFLAGGED]
        stretches, flagged = [(days[0], days[-1])], []
    name = f"{series['meter_point']} {series['channel']}"
    charts = [
        {"first": first, "last": last, "chart": stretch_chart(mine, first, last, flagged, name)}
        for first, last in stretches
    ]
    return series | {"charts": charts}
