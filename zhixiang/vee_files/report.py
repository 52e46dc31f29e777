"""The report of ``zhixiang vee``: what was read, what failed, what was estimated, and a plot of each
series.
"""

from __future__ import annotations

from collections import Counter
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup

from pipelines.arrays import BoolArray, FloatArray
from pipelines.codes import IntervalStatus
from pipelines.periods import DAY_MINUTES
from pipelines.tables.estimation import CHOSEN
from pipelines.vee import CHECKS
from pipelines.vee.estimation.estimators import ESTIMATORS
from products.page_kit.palette import EXPECTED_ERROR, FILLED, MEASURED, MISSING, PAGE, WHITE
from products.page_kit.svg import bar, circle, path, svg, text
from zhixiang.pages.quality_charts import error_chart
from zhixiang.pages.quality_figures import error_lines
from zhixiang.pages.site import PAGES
from zhixiang.vee_files.folder import OUTPUTS, SUMMARY

if TYPE_CHECKING:
    from zhixiang.vee_files.result import Part, VeeResult

PLOTS_LIMIT = 60
DAYS_SHOWN = 14
_WIDE, _HIGH = 1060.0, 150.0
COLOURS = {"final": MEASURED, "estimated": FILLED, "expected": EXPECTED_ERROR, "refused": MISSING}
_ESTIMATED = np.array([status.is_estimated for status in IntervalStatus])


class Report:
    """The figures and plots of a run, gathered some meter points at a time."""

    def __init__(self, result: VeeResult) -> None:
        self._result = result
        self._counts = Counter[IntervalStatus]()
        self._failed = Counter[str]()
        self._sizes = Counter[str]()
        self._plots: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def add(self, part: Part, flags: pa.Table) -> None:
        """Takes in what was found of some meter points.

        flags  As ``flags_of``.
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
        if not curves.num_rows:
            return
        status = pc.list_flatten(curves["interval_status_codes"]).to_numpy()
        for code, count in zip(*np.unique(status, return_counts=True), strict=True):
            self._counts[IntervalStatus(int(code))] += int(count)
        self._sizes.update(
            {
                "meter_points": len(pc.unique(curves["meter_point_id"])),
                "intervals": int(status.size),
                "series": _series_count(curves),
            }
        )
        self._plots = sorted([*self._plots, *_plots(curves)], key=itemgetter(0))[:PLOTS_LIMIT]

    def write(self, page: Path) -> dict[str, Any]:
        """Writes the page and returns its figures."""
        result, counts, failed, sizes = self._result, self._counts, self._failed, self._sizes
        measured = counts[IntervalStatus.MEASURED] + counts[IntervalStatus.COUNTED_AS_ZERO]
        missing = counts[IntervalStatus.MISSING]
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
            plots=[_drawn(plot) for _, plot in self._plots],
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
            days_shown=DAYS_SHOWN,
            colours=COLOURS,
            assumed=result.assumed[:40],
            unknown=result.unknown[:40],
        )
        return figures


def _series_count(curves: pa.Table) -> int:
    return int(
        curves.select(["meter_point_id", "channel_code"])
        .group_by(["meter_point_id", "channel_code"])
        .aggregate([])
        .num_rows
    )


def _plots(curves: pa.Table) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """The series with most that is not measured, each over the days around its worst ones, and by what they
    are put in order.
    """
    worst = curves.append_column("open", pc.add(curves["estimated_intervals"], curves["missing_intervals"]))
    keys = ["meter_point_id", "channel_code", "interval_minutes"]
    totals = worst.group_by(keys).aggregate([("open", "sum"), ("curve_date", "count")]).to_pylist()
    totals.sort(key=lambda row: (-row["open_sum"], *(row[key] for key in keys)))
    plots = []
    for row in totals[:PLOTS_LIMIT]:
        chosen = pc.and_(
            pc.equal(worst["meter_point_id"], row["meter_point_id"]),
            pc.equal(worst["channel_code"], row["channel_code"]),
        )
        mine = worst.filter(
            pc.and_(chosen, pc.equal(worst["interval_minutes"], row["interval_minutes"]))
        ).sort_by("curve_date")
        open_days = mine["open"].to_numpy()
        window = np.convolve(open_days, np.ones(min(DAYS_SHOWN, open_days.size), np.int64), mode="valid")
        first = int(np.argmax(window))
        shown = mine.slice(first, DAYS_SHOWN)
        plot = {
            "meter_point": row["meter_point_id"],
            "channel": row["channel_code"],
            "minutes": row["interval_minutes"],
            "days": row["curve_date_count"],
            **{
                name: int(pc.sum(mine[f"{name}_intervals"]).as_py() or 0)
                for name in ("measured", "estimated", "missing")
            },
            "shown": shown,
        }
        plots.append(((-row["open_sum"], *(row[key] for key in keys)), plot))
    return plots


def _drawn(plot: dict[str, Any]) -> dict[str, Any]:
    name = f"{plot['meter_point']} {plot['channel']}"
    return plot | {"chart": _chart(plot["shown"], name, plot["minutes"])}


def _chart(curves: pa.Table, name: str, minutes: int) -> Markup:
    """Final values, what was measured but not used, and the expected-error band, over days in order."""
    first, last = (str(curves["curve_date"][place]) for place in (0, -1))
    drawn = _paths(curves, minutes)
    parts = [
        bar(0, 0, _WIDE + 2, _HIGH + 2, WHITE, stroke=PAGE.line),
        path(drawn["band"], fill=EXPECTED_ERROR),
        path(drawn["line"], stroke=MEASURED),
        path(drawn["filled"], stroke=FILLED, width=1.6),
        *(circle(x, y, 2, MISSING) for x, y in drawn["refused"]),
        text(4, 14, f"{drawn['top']} kWh/kvarh", size=11, fill=PAGE.soft),
        text(0, _HIGH + 20, first, size=11, fill=PAGE.soft),
        text(_WIDE + 2, _HIGH + 20, last, size=11, fill=PAGE.soft, anchor="end"),
    ]
    return svg(_WIDE + 10, _HIGH + 26, parts, f"{name} {first} to {last}", kind="series")


def _paths(curves: pa.Table, minutes: int) -> dict[str, Any]:
    """SVG paths of final values, of what was measured but not used, and of the expected-error band."""
    slots = DAY_MINUTES // minutes
    final = _matrix(curves["final_kwh_or_kvarh"], slots).reshape(-1)
    measured = _matrix(curves["measured_kwh_or_kvarh"], slots).reshape(-1)
    low, high = (
        _matrix(curves[f"expected_{end}_kwh_or_kvarh"], slots).reshape(-1) for end in ("low", "high")
    )
    status = pc.list_flatten(curves["interval_status_codes"]).to_numpy()
    estimated = _ESTIMATED[status]
    drawn = np.concatenate((final, np.where(estimated, high, np.nan)))
    top = float(np.nanmax(drawn)) if not np.isnan(drawn).all() else 1.0
    top = top if top > 0 else 1.0
    x = np.linspace(0.0, _WIDE, final.size, endpoint=False, dtype=np.float64)

    def y(values: FloatArray) -> FloatArray:
        return np.asarray(_HIGH - np.clip(values, 0, top) / top * (_HIGH - 8))

    refused = np.flatnonzero(
        ~np.isnan(measured) & ~np.isin(status, (IntervalStatus.MEASURED, IntervalStatus.COUNTED_AS_ZERO))
    )
    widened = estimated | np.concatenate((estimated[1:], [False])) | np.concatenate(([False], estimated[:-1]))
    return {
        "line": _path(x, y(final), ~np.isnan(final)),
        "filled": _path(x, y(final), widened & ~np.isnan(final)),
        "band": _band(x, y(low), y(high), estimated & ~np.isnan(low)),
        "refused": [(float(x[place]), float(y(measured[place : place + 1])[0])) for place in refused[:400]],
        "top": f"{top:,.4g}",
    }


def _matrix(column: pa.ChunkedArray, slots: int) -> FloatArray:
    has = np.asarray(pc.is_valid(column).to_numpy(), np.bool_)
    values = np.full((has.size, slots), np.nan)
    values[has] = pc.fill_null(pc.list_flatten(column), np.nan).to_numpy().reshape(-1, slots)
    return values


def _runs(chosen: BoolArray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], chosen, [False])).astype(np.int8)))
    return list(zip(edges[0::2].tolist(), edges[1::2].tolist(), strict=True))


def _path(x: FloatArray, y: FloatArray, chosen: BoolArray) -> str:
    return "".join(
        "M" + "L".join(f"{x[place]:.1f} {y[place]:.1f}" for place in range(begin, end))
        for begin, end in _runs(chosen)
    )


def _band(x: FloatArray, low: FloatArray, high: FloatArray, chosen: BoolArray) -> str:
    parts = []
    for begin, end in _runs(chosen):
        there = [f"{x[place]:.1f} {high[place]:.1f}" for place in range(begin, end)]
        back = [f"{x[place]:.1f} {low[place]:.1f}" for place in range(end - 1, begin - 1, -1)]
        parts.append("M" + "L".join(there + back) + "Z")
    return "".join(parts)
