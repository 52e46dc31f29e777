"""Inline charts of the data-quality report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

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
from products.page_kit.svg import bar, circle, for_both, grid, legend, line, polyline, svg, text
from zhixiang.pages.quality_rows import DayShares, ErrorLimit, FiredCheck, GapClass, Heat, MonthIntervals

_SMALL = 10.5
_SCREEN = 300  # Units of a drawing for a telephone; its card has no more room.
_TINY = 9.5
_LABEL_ROOM = 34  # That a label below a column needs there.
_METHOD_NAMES = {"chosen": "实际采用 chosen"} | {
    estimator.id: f"{estimator.id} {estimator.title_zh.split('（')[0]}" for estimator in ESTIMATORS
}
_OUTLIER = 4.0
_ERROR_SCALES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5)


def day_chart(days: Sequence[DayShares]) -> Markup:
    """Shares of estimated and missing intervals of each day, stacked; the scale ends at the highest day, 1 %
    at least.
    """
    return for_both(_days(days, 30), _days(days, (_SCREEN - 52) / max(len(days), 1)))


def _days(days: Sequence[DayShares], wide: float) -> Markup:
    top, base, left, gap = 12, 150, 46, wide / 10
    shares = [(float(row["estimated_ratio"] or 0), float(row["missing_ratio"] or 0)) for row in days]
    ceiling = max([0.01, *(sum(pair) for pair in shares)])
    parts = _shares(left, left + wide * len(days), top, base, ceiling)
    for place, (row, (estimated, missing)) in enumerate(zip(days, shares, strict=True)):
        x = left + wide * place + gap
        title = (
            f"{row['day']}: {estimated:.2%} estimated, {missing:.2%} missing, "
            f"{row['series']:,} curves and registers"
        )
        if not row["series"]:
            parts.append(bar(x, top, wide - 2 * gap, base - top, NO_DATA, title=title))
        y = float(base)
        for share, colour in ((estimated, ESTIMATED), (missing, MISSING)):
            tall = share / ceiling * (base - top)
            y -= tall
            if tall > 0:
                parts.append(bar(x, y, wide - 2 * gap, tall, colour, title=title))
        if place % _every(wide) == 0:
            parts.append(_below(x + wide / 2 - gap, base + 14, row["day"][-2:]))
    entries = [("估算 estimated", ESTIMATED), ("缺失 missing", MISSING), ("无数据 no data", NO_DATA)]
    width = max(left + wide * len(days) + 6, _SCREEN)
    key, height = _key(left, base + 28, entries, width)
    return svg(width, height, [*parts, *key], "Estimated and missing share by day", is_sized=True)


def check_chart(checks: Sequence[FiredCheck]) -> Markup:
    """Days on which each check fired, as bars; checks that did not fire are left out."""
    fired = [check for check in checks if check["days"]]
    if not fired:
        return Markup("")
    return for_both(_checks(fired, 26, 300, 300), _checks(fired, 42, 0, _SCREEN - 60))


def _checks(fired: Sequence[FiredCheck], height: int, left: int, wide: int) -> Markup:
    """left: where the bars begin; at the very left they lie below their names."""
    highest, below = max(check["days"] for check in fired), 0 if left else 18
    parts = []
    for place, check in enumerate(fired):
        y, long = 8 + height * place, max(2.0, check["days"] / highest * wide)
        colour = SEVERITIES.get(check["severity"], PAGE.soft)
        title = f"{check['title']}: {check['days']}"
        parts.append(text(0, y + 15, f"{check['id']} {check['title_zh']}", size=12.5))
        parts.append(bar(left, y + below + 3, long, 16, colour, radius=2, title=title))
        count = f"{check['days']:,}"
        parts.append(text(left + long + 6, y + below + 15, count, size=12, fill=PAGE.soft))
    named = [(name, SEVERITIES[name]) for name in ("info", "warn", "invalid")]
    width = left + wide + 60
    key, tall = _key(left, 14 + height * len(fired), named, width)
    return svg(width, tall, [*parts, *key], "Checks failed by id", is_sized=True)


def gap_chart(gaps: Sequence[GapClass]) -> Markup:
    """Meter points by the length of their longest gap; bars on a root scale, so that few beside many can be
    seen.
    """
    narrow = _gaps(gaps, (_SCREEN - 4) / max(len(gaps), 1), 2, _TINY)
    return for_both(_gaps(gaps, 92, 10, 11.5), narrow)


def _gaps(gaps: Sequence[GapClass], wide: float, left: int, size: float) -> Markup:
    top, base, edge = 20, 150, min(8, wide / 10)
    highest = max([1, *(row["count"] for row in gaps)])
    parts = [line((left, base), (left + wide * len(gaps), base), PAGE.line)]
    for place, row in enumerate(gaps):
        x, tall = left + wide * place + edge, (row["count"] / highest) ** 0.5 * (base - top)
        middle = x + wide / 2 - edge
        parts.append(bar(x, base - tall, wide - 2 * edge, tall, _gap_colour(row["to_hours"]), radius=2))
        parts.append(text(middle, base - tall - 5, f"{row['count']:,}", size=size + 0.5, anchor="middle"))
        parts.append(_below(middle, base + 16, gap_label(row), size=size))
    width = left * 2 + wide * len(gaps)
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
    return for_both(_heat(heat, 200, 66), _heat(heat, 0, _SCREEN / max(len(heat["months"]), 1)))


def _heat(heat: Heat, left: int, wide: float) -> Markup:
    """left: room for the names of meter points; without, each stands above its line and bare numbers are per
    cent.
    """
    tall, top, above = 17, 22, 0 if left else 15
    step, every = tall + above, _every(wide)
    parts = [
        _below(left + wide * (place + 0.5 * every), 14, month[2:], size=_SMALL if left else _TINY)
        for place, month in enumerate(heat["months"])
        if place % every == 0
    ]
    for row_place, row in enumerate(heat["rows"]):
        y, name = top + step * row_place + above, row["meter_point_id"]
        if left:
            parts.append(text(left - 8, y + 12, _clipped(name, 26), size=11, anchor="end"))
        else:
            parts.append(text(0, y - 3, _clipped(name, 26), size=_TINY))
        for place, share in enumerate(row["valid_ratios"]):
            said = "no data" if share is None else f"{share:.0%}"
            title = f"{row['meter_point_id']} {heat['months'][place]}: {said}"
            x = left + wide * place
            parts.append(bar(x + 1, y + 1, wide - 2, tall - 2, heat_colour(share), radius=2, title=title))
            if share is not None and share < 0.9995:
                fill, shown = WHITE if share < 0.5 else PAGE.ink, said if left else said.rstrip("%")
                size = 10 if left else _TINY
                parts.append(text(x + wide * 0.5, y + 12, shown, size=size, fill=fill, anchor="middle"))
    width, height = left + wide * len(heat["months"]) + (8 if left else 0), top + step * len(heat["rows"]) + 6
    return svg(width, height, parts, "Share of valid days by month", is_sized=True)


def _clipped(name: str, most: int) -> str:
    """A name's first so many signs, where it has more; ids may be 128 long."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def heat_colour(share: float | None) -> str:
    """From red (no valid day) over amber to green (all valid)."""
    return NO_DATA if share is None else mixed(share)


def months_chart(months: Sequence[MonthIntervals]) -> Markup:
    """Shares of measured, estimated and missing intervals, one stacked bar per month.

    months  ``month``, ``measured``, ``estimated`` and ``missing`` (counts), in order.
    """
    return for_both(_months(months, 46), _months(months, min(46, (_SCREEN - 50) / max(len(months), 1))))


def _months(months: Sequence[MonthIntervals], wide: float) -> Markup:
    parts = []
    for place, row in enumerate(months):
        x, y = 44 + wide * place, 10.0
        total = row["measured"] + row["estimated"] + row["missing"] or 1
        for count, colour in (
            (row["missing"], GAP),
            (row["estimated"], ESTIMATED),
            (row["measured"], MEASURED),
        ):
            tall = 100 * count / total
            parts.append(bar(x, y, wide * 0.74, tall, colour))
            y += tall
        if place % _every(wide) == 0:
            parts.append(_below(x + wide * 0.37, 126, row["month"][2:], size=10))
    parts.append(text(4, 18, "100 %", size=10, fill=PAGE.soft))
    parts.append(text(4, 112, "0", size=10, fill=PAGE.soft))
    entries = [("实测 measured", MEASURED), ("估算 estimated", ESTIMATED), ("缺失 missing", GAP)]
    width = max(50 + wide * len(months), _SCREEN)
    key, height = _key(44, 142, entries, width)
    return svg(width, height, [*parts, *key], "Share of intervals by month", is_sized=True)


def error_chart(lines: Mapping[str, Sequence[tuple[float, float]]], limits: Sequence[ErrorLimit]) -> Markup:
    """Masked error (MAPE) by length of the gap, one line a method; errors that stand out, and those
    above 150 %, stand at the upper edge with their number.

    lines   Method -> points (gap in hours, MAPE), in rising order of gap.
    limits  ``above_hours``, ``to_hours`` and ``limit_ratio``, above which what is chosen is flagged.
    """
    hours = sorted({gap for points in lines.values() for gap, _ in points})
    narrow = min(54, (_SCREEN - 46) / max(len(hours), 1))
    return for_both(_errors(lines, limits, hours, 54, 376), _errors(lines, limits, hours, narrow, _SCREEN))


def _errors(
    lines: Mapping[str, Sequence[tuple[float, float]]],
    limits: Sequence[ErrorLimit],
    hours: Sequence[float],
    wide: float,
    least: float,
) -> Markup:
    top, base, left = 12, 190, 46
    at = {gap: left + wide * (place + 0.5) for place, gap in enumerate(hours)}
    highest = _without_outliers([error for points in lines.values() for _, error in points])
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
                # What would stand out of the drawing stands to the left of its point.
                is_last = gap == hours[-1]
                place, anchor = (x - 6, "end") if is_last else (x + 6, "start")
                parts.append(text(place, y + 4, f"{error:.0%}", size=_SMALL, fill=colour, anchor=anchor))
    parts += [
        _below(
            at[gap],
            base + 15,
            f"{gap:g} h" if gap < 48 else f"{gap / 24:g} d",
            size=11.5 if wide > _LABEL_ROOM else _TINY,
        )
        for gap in hours
    ]
    names = [name for name in ("chosen", *sorted(set(lines) - {"chosen"})) if name in lines]
    width = max(right, least)
    entries = [(_METHOD_NAMES.get(name, name), METHODS.get(name, PAGE.soft)) for name in names]
    key, height = _key(left, base + 28, entries, width, step=170)
    return svg(width, height, [*parts, *key], "Masked error by length of gap and method", is_sized=True)


def _without_outliers(errors: Sequence[float]) -> float:
    """The highest error, unless it stands far out: one series without a pattern would press all lines
    flat.
    """
    return min(max(errors, default=0.0), _OUTLIER * median(errors)) if errors else 0.0


def _shares(left: float, right: float, top: float, base: float, ceiling: float) -> list[Markup]:
    """Level lines at nothing, half and all of the ceiling."""
    marks = [(base - part * (base - top), f"{ceiling * part:.1%}") for part in (0.0, 0.5, 1.0)]
    return grid(marks, left, right, size=_SMALL)


def _below(x: float, y: float, words: str, *, size: float = _SMALL) -> Markup:
    """What stands below (or above) a column."""
    return text(x, y, words, size=size, fill=PAGE.soft, anchor="middle")


def _every(wide: float) -> int:
    """Of so many columns one has a label, so that labels do not touch."""
    return max(1, -int(-_LABEL_ROOM // wide))


def _key(
    x: float, y: float, entries: Sequence[tuple[str, str]], width: float, *, step: float = 120
) -> tuple[list[Markup], float]:
    """What colours stand for, in as many lines as the width asks for, and where the last one ends."""
    beside = max(1, int((width - x + 10) // step))
    rows = [entries[first : first + beside] for first in range(0, len(entries), beside)]
    parts = [part for place, row in enumerate(rows) for part in legend(x, y + 18 * place, row, step=step)]
    return parts, y + 18 * len(rows)
