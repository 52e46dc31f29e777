"""Inline charts of the data-quality report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from pipelines.vee.estimation.estimators import ESTIMATORS
from products.page_kit.palette import (
    ESTIMATED,
    GAP,
    MEASURED,
    METHODS,
    MISSING,
    NO_DATA,
    PAGE,
    SEVERITIES,
    WHITE,
    mixed,
)
from products.page_kit.svg import bar, circle, grid, legend, line, polyline, svg, text
from zhixiang.pages.quality_rows import DayShares, ErrorLimit, FiredCheck, GapClass, Heat, MonthIntervals

_SMALL = 10.5
_METHOD_NAMES = {"chosen": "实际采用 chosen"} | {
    estimator.id: f"{estimator.id} {estimator.title_zh.split('（')[0]}" for estimator in ESTIMATORS
}
_ERROR_SCALES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5)


def day_chart(days: Sequence[DayShares]) -> Markup:
    """Shares of estimated and missing intervals of each day, stacked; the scale ends at the highest day, 1 %
    at least.
    """
    top, base, left, wide = 12, 150, 46, 30
    shares = [(float(row["estimated_ratio"] or 0), float(row["missing_ratio"] or 0)) for row in days]
    ceiling = max([0.01, *(sum(pair) for pair in shares)])
    parts = _shares(left, left + wide * len(days), top, base, ceiling)
    for place, (row, (estimated, missing)) in enumerate(zip(days, shares, strict=True)):
        x = left + wide * place + 3
        title = (
            f"{row['day']}: {estimated:.2%} estimated, {missing:.2%} missing, "
            f"{row['series']:,} curves and registers"
        )
        if not row["series"]:
            parts.append(bar(x, top, wide - 6, base - top, NO_DATA, title=title))
        y = float(base)
        for share, colour in ((estimated, ESTIMATED), (missing, MISSING)):
            tall = share / ceiling * (base - top)
            y -= tall
            if tall > 0:
                parts.append(bar(x, y, wide - 6, tall, colour, title=title))
        if place % 2 == 0:
            parts.append(_below(x + (wide - 6) / 2, base + 14, row["day"][-2:]))
    entries = [("估算 estimated", ESTIMATED), ("缺失 missing", MISSING), ("无数据 no data", NO_DATA)]
    parts += legend(left, base + 28, entries)
    width = left + wide * len(days) + 10
    return svg(width, base + 44, parts, "Estimated and missing share by day", is_sized=True)


def check_chart(checks: Sequence[FiredCheck]) -> Markup:
    """Days on which each check fired, as bars; checks that did not fire are left out."""
    fired = [check for check in checks if check["days"]]
    if not fired:
        return Markup("")
    height, left, wide = 26, 300, 300
    highest = max(check["days"] for check in fired)
    parts = []
    for place, check in enumerate(fired):
        y, long = 8 + height * place, max(2.0, check["days"] / highest * wide)
        colour = SEVERITIES.get(check["severity"], PAGE.soft)
        title = f"{check['title']}: {check['days']}"
        parts.append(text(0, y + 15, f"{check['id']} {check['title_zh']}", size=12.5))
        parts.append(bar(left, y + 3, long, height - 10, colour, radius=2, title=title))
        parts.append(text(left + long + 6, y + 15, f"{check['days']:,}", size=12, fill=PAGE.soft))
    named = [(name, SEVERITIES[name]) for name in ("info", "warn", "invalid")]
    parts += legend(left, 14 + height * len(fired), named)
    return svg(left + wide + 60, 44 + height * len(fired), parts, "Checks failed by id", is_sized=True)


def gap_chart(gaps: Sequence[GapClass]) -> Markup:
    """Meter points by the length of their longest gap; bars on a root scale, so that few beside many can be
    seen.
    """
    top, base, left, wide = 20, 150, 10, 92
    highest = max([1, *(row["count"] for row in gaps)])
    parts = [line((left, base), (left + wide * len(gaps), base), PAGE.line)]
    for place, row in enumerate(gaps):
        x, tall = left + wide * place + 8, (row["count"] / highest) ** 0.5 * (base - top)
        middle = x + (wide - 16) / 2
        parts.append(bar(x, base - tall, wide - 16, tall, _gap_colour(row["to_hours"]), radius=2))
        parts.append(text(middle, base - tall - 5, f"{row['count']:,}", size=12, anchor="middle"))
        parts.append(_below(middle, base + 16, gap_label(row), size=11.5))
    width = left + wide * len(gaps) + 10
    return svg(width, base + 26, parts, "Meter points by longest gap", is_sized=True)


def _gap_colour(to_hours: float | None) -> str:
    if to_hours == 0:
        return MEASURED
    return ESTIMATED if to_hours is not None and to_hours <= 24 else MISSING


def gap_label(row: GapClass) -> str:
    """A class of gap lengths in words."""
    if row["to_hours"] == 0:
        return "无 none"
    if row["to_hours"] is None:
        return f"> {row['above_hours'] / 24:g} d"
    return f"≤ {row['to_hours']:g} h" if row["to_hours"] <= 24 else f"≤ {row['to_hours'] / 24:g} d"


def heat_chart(heat: Heat) -> Markup:
    """Share of valid days, one line per meter point, one column per month; grey where there is no data."""
    left, wide, tall, top = 200, 66, 17, 22
    parts = [_below(left + wide * (place + 0.5), 14, month[2:]) for place, month in enumerate(heat["months"])]
    for row_place, row in enumerate(heat["rows"]):
        y = top + tall * row_place
        parts.append(text(left - 8, y + 12, row["meter_point_id"], size=11, anchor="end"))
        for place, share in enumerate(row["valid_ratios"]):
            said = "no data" if share is None else f"{share:.0%}"
            title = f"{row['meter_point_id']} {heat['months'][place]}: {said}"
            x = left + wide * place
            parts.append(bar(x + 1, y + 1, wide - 2, tall - 2, heat_colour(share), radius=2, title=title))
            if share is not None and share < 0.9995:
                fill = WHITE if share < 0.5 else PAGE.ink
                parts.append(text(x + wide * 0.5, y + 12, said, size=10, fill=fill, anchor="middle"))
    width, height = left + wide * len(heat["months"]) + 8, top + tall * len(heat["rows"]) + 6
    return svg(width, height, parts, "Share of valid days by month", is_sized=True)


def heat_colour(share: float | None) -> str:
    """From red (no valid day) over amber to green (all valid)."""
    return NO_DATA if share is None else mixed(share)


def months_chart(months: Sequence[MonthIntervals]) -> Markup:
    """Shares of measured, estimated and missing intervals, one stacked bar per month.

    months  ``month``, ``measured``, ``estimated`` and ``missing`` (counts), in order.
    """
    parts = []
    for place, row in enumerate(months):
        x, y = 44 + 46 * place, 10.0
        total = row["measured"] + row["estimated"] + row["missing"] or 1
        for count, colour in (
            (row["missing"], GAP),
            (row["estimated"], ESTIMATED),
            (row["measured"], MEASURED),
        ):
            tall = 100 * count / total
            parts.append(bar(x, y, 34, tall, colour))
            y += tall
        parts.append(_below(x + 17, 126, row["month"][2:], size=10))
    parts.append(text(4, 18, "100 %", size=10, fill=PAGE.soft))
    parts.append(text(4, 112, "0", size=10, fill=PAGE.soft))
    entries = [("实测 measured", MEASURED), ("估算 estimated", ESTIMATED), ("缺失 missing", GAP)]
    parts += legend(44, 142, entries, step=109)
    return svg(60 + 46 * len(months), 170, parts, "Share of intervals by month", is_sized=True)


def error_chart(lines: Mapping[str, Sequence[tuple[float, float]]], limits: Sequence[ErrorLimit]) -> Markup:
    """Masked error (MAPE) by length of the gap, one line a method; errors above 150 % stand at the upper
    edge.

    lines   Method -> points (gap in hours, MAPE), in rising order of gap.
    limits  ``above_hours``, ``to_hours`` and ``limit_ratio``, above which what is chosen is flagged.
    """
    top, base, left, wide = 12, 190, 46, 54
    hours = sorted({gap for points in lines.values() for gap, _ in points})
    at = {gap: left + wide * (place + 0.5) for place, gap in enumerate(hours)}
    highest = max((error for points in lines.values() for _, error in points), default=0.0)
    ceiling = next((scale for scale in _ERROR_SCALES if scale >= highest), _ERROR_SCALES[-1])
    right = left + wide * len(hours)
    parts = _shares(left, right, top, base, ceiling)
    for span in limits:
        limit = span["limit_ratio"]
        covered = [
            gap
            for gap in hours
            if gap > span["above_hours"] and (span["to_hours"] is None or gap <= span["to_hours"])
        ]
        if covered and limit <= ceiling:
            y = base - limit / ceiling * (base - top)
            ends = (at[covered[0]] - wide / 2, y), (at[covered[-1]] + wide / 2, y)
            parts.append(line(*ends, MISSING, dashes="5 4", title=f"limit {limit:.0%}"))
    # What is chosen lies over the method that it is.
    for method in sorted(lines, key=lambda name: (name == "chosen", name)):
        colour, strong = METHODS.get(method, PAGE.soft), method == "chosen"
        places = [
            (at[gap], base - min(error, ceiling) / ceiling * (base - top)) for gap, error in lines[method]
        ]
        parts.append(polyline(places, colour, width=3 if strong else 1.6, dashes="2 3" if strong else ""))
        for (x, y), (gap, error) in zip(places, lines[method], strict=True):
            title = f"{method}, {gap:g} h: {error:.1%}"
            parts.append(circle(x, y, 4 if strong else 3, colour, title=title))
            if error > ceiling:
                parts.append(text(x + 6, y + 4, f"{error:.0%}", size=_SMALL, fill=colour))
    parts += [
        _below(at[gap], base + 15, f"{gap:g} h" if gap < 48 else f"{gap / 24:g} d", size=11.5)
        for gap in hours
    ]
    names = [name for name in ("chosen", *sorted(set(lines) - {"chosen"})) if name in lines]
    for place, name in enumerate(names):
        x, y = left + 170 * (place % 2), base + 28 + place // 2 * 18
        parts += legend(x, y, [(_METHOD_NAMES.get(name, name), METHODS.get(name, PAGE.soft))])
    width, height = max(right, left + 330), base + 36 + (len(names) + 1) // 2 * 18
    return svg(width, height, parts, "Masked error by length of gap and method", is_sized=True)


def _shares(left: float, right: float, top: float, base: float, ceiling: float) -> list[Markup]:
    """Level lines at nothing, half and all of the ceiling."""
    marks = [(base - part * (base - top), f"{ceiling * part:.1%}") for part in (0.0, 0.5, 1.0)]
    return grid(marks, left, right, size=_SMALL)


def _below(x: float, y: float, words: str, *, size: float = _SMALL) -> Markup:
    """What stands below (or above) a column."""
    return text(x, y, words, size=size, fill=PAGE.soft, anchor="middle")
