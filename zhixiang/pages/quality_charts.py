"""Inline SVG charts of the data-quality report; colours are presentation attributes, so that a strict content
policy allows them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup, escape

from pipelines.vee.estimation.estimators import ESTIMATORS

Row = Mapping[str, Any]
MEASURED, ESTIMATED, MISSING = "#00897b", "#f6a821", "#b3261e"
_SOFT, _INK, _LINE, _NONE = "#5c726c", "#16302b", "#dbe5e1", "#eef2f0"
METHODS = {
    "chosen": "#16302b",
    "VEE-E01": "#9e9e9e",
    "VEE-E02": "#f6a821",
    "VEE-E03": "#00897b",
    "VEE-E04": "#5c6bc0",
    "VEE-E05": "#ad1457",
}
"""Colours of what estimation itself takes and of each estimator; others are grey."""
_METHOD_NAMES = {"chosen": "实际采用 chosen"} | {
    estimator.id: f"{estimator.id} {estimator.title_zh.split('（')[0]}" for estimator in ESTIMATORS
}
_ERROR_SCALES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5)
_SEVERITY = {
    "info": "#7b8f8a",
    "warn": "#f6a821",
    "invalid": "#b3261e",
    "quarantine": "#6a1b9a",
    "halt": "#4a0d08",
}


def day_chart(days: Sequence[Row]) -> Markup:
    """Shares of estimated and missing intervals of each day, stacked; the scale ends at the highest day, 1 %
    at least.
    """
    top, base, left, wide = 12, 150, 46, 30
    shares = [(float(row["estimated_ratio"] or 0), float(row["missing_ratio"] or 0)) for row in days]
    ceiling = max([0.01, *(sum(pair) for pair in shares)])
    parts = _grid(left, left + wide * len(days), top, base, ceiling)
    for place, (row, (estimated, missing)) in enumerate(zip(days, shares, strict=True)):
        x = left + wide * place + 3
        title = f"<title>{row['day']}: {estimated:.2%} estimated, {missing:.2%} missing, {row['series']:,} curves and registers</title>"
        if not row["series"]:
            parts.append(
                f'<rect x="{x}" y="{top}" width="{wide - 6}" height="{base - top}" fill="{_NONE}">{title}</rect>'
            )
        y = float(base)
        for share, colour in ((estimated, ESTIMATED), (missing, MISSING)):
            tall = share / ceiling * (base - top)
            y -= tall
            if tall > 0:
                parts.append(
                    f'<rect x="{x}" y="{y:.2f}" width="{wide - 6}" height="{tall:.2f}" fill="{colour}">{title}</rect>'
                )
        if place % 2 == 0:
            parts.append(_text(x + (wide - 6) / 2, base + 14, row["day"][-2:], anchor="middle"))
    legend = [("估算 estimated", ESTIMATED), ("缺失 missing", MISSING), ("无数据 no data", _NONE)]
    return _svg(
        left + wide * len(days) + 10,
        base + 44,
        parts + _legend(left, base + 28, legend),
        "Estimated and missing share by day",
    )


def check_chart(checks: Sequence[Row]) -> Markup:
    """Days on which each check fired, as bars; checks that did not fire are left out."""
    fired = [check for check in checks if check["days"]]
    if not fired:
        return Markup("")
    height, left, wide = 26, 300, 300
    highest = max(check["days"] for check in fired)
    parts = []
    for place, check in enumerate(fired):
        y = 8 + height * place
        parts.append(_text(0, y + 15, f"{check['id']} {check['title_zh']}", size=12.5, fill=_INK))
        parts.append(
            f'<rect x="{left}" y="{y + 3}" width="{max(2.0, check["days"] / highest * wide):.1f}" height="{height - 10}" rx="2" '
            f'fill="{_SEVERITY.get(check["severity"], _SOFT)}"><title>{escape(check["title"])}: {check["days"]}</title></rect>'
        )
        parts.append(
            _text(left + max(2.0, check["days"] / highest * wide) + 6, y + 15, f"{check['days']:,}", size=12)
        )
    named = [(name, _SEVERITY[name]) for name in ("info", "warn", "invalid")]
    return _svg(
        left + wide + 60,
        20 + height * len(fired) + 24,
        parts + _legend(left, 14 + height * len(fired), named),
        "Checks failed by id",
    )


def gap_chart(gaps: Sequence[Row]) -> Markup:
    """Meter points by the length of their longest gap; bars on a root scale, so that few beside many can be
    seen.
    """
    top, base, left, wide = 20, 150, 10, 92
    highest = max([1, *(row["count"] for row in gaps)])
    parts = [f'<line x1="{left}" y1="{base}" x2="{left + wide * len(gaps)}" y2="{base}" stroke="{_LINE}"/>']
    for place, row in enumerate(gaps):
        x, tall = left + wide * place + 8, (row["count"] / highest) ** 0.5 * (base - top)
        colour = (
            MEASURED
            if row["to_hours"] == 0
            else ESTIMATED
            if row["to_hours"] is not None and row["to_hours"] <= 24
            else MISSING
        )
        parts.append(
            f'<rect x="{x}" y="{base - tall:.2f}" width="{wide - 16}" height="{tall:.2f}" rx="2" fill="{colour}"/>'
        )
        parts.append(
            _text(
                x + (wide - 16) / 2, base - tall - 5, f"{row['count']:,}", anchor="middle", size=12, fill=_INK
            )
        )
        parts.append(_text(x + (wide - 16) / 2, base + 16, gap_label(row), anchor="middle", size=11.5))
    return _svg(left + wide * len(gaps) + 10, base + 26, parts, "Meter points by longest gap")


def gap_label(row: Row) -> str:
    """A class of gap lengths in words."""
    if row["to_hours"] == 0:
        return "无 none"
    if row["to_hours"] is None:
        return f"> {row['above_hours'] / 24:g} d"
    return f"≤ {row['to_hours']:g} h" if row["to_hours"] <= 24 else f"≤ {row['to_hours'] / 24:g} d"


def heat_chart(heat: Mapping[str, Any]) -> Markup:
    """Share of valid days, one line per meter point, one column per month; grey where there is no data."""
    left, wide, tall, top = 200, 66, 17, 22
    parts = [
        _text(left + wide * (place + 0.5), 14, month[2:], anchor="middle")
        for place, month in enumerate(heat["months"])
    ]
    for line, row in enumerate(heat["rows"]):
        y = top + tall * line
        parts.append(_text(left - 8, y + 12, row["meter_point_id"], anchor="end", size=11, fill=_INK))
        for place, share in enumerate(row["valid_ratios"]):
            said = "no data" if share is None else f"{share:.0%}"
            parts.append(
                f'<rect x="{left + wide * place + 1}" y="{y + 1}" width="{wide - 2}" height="{tall - 2}" rx="2" fill="{heat_colour(share)}">'
                f"<title>{escape(row['meter_point_id'])} {heat['months'][place]}: {said}</title></rect>"
            )
            if share is not None and share < 0.9995:
                fill = "#fff" if share < 0.5 else _INK
                parts.append(
                    _text(
                        left + wide * (place + 0.5),
                        y + 12,
                        f"{share:.0%}",
                        anchor="middle",
                        size=10,
                        fill=fill,
                    )
                )
    return _svg(
        left + wide * len(heat["months"]) + 8,
        top + tall * len(heat["rows"]) + 6,
        parts,
        "Share of valid days by month",
    )


def heat_colour(share: float | None) -> str:
    """From red (no valid day) over amber to green (all valid)."""
    if share is None:
        return _NONE
    stops = ((0.0, (179, 38, 30)), (0.7, (246, 168, 33)), (0.9, (214, 222, 120)), (1.0, (102, 187, 150)))
    for (low, below), (high, above) in pairwise(stops):
        if share <= high:
            part = max(0.0, share - low) / (high - low)
            return "#" + "".join(
                f"{round(start + (end - start) * part):02x}" for start, end in zip(below, above, strict=True)
            )
    return "#66bb96"


def error_chart(lines: Mapping[str, Sequence[tuple[float, float]]], limits: Sequence[Row]) -> Markup:
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
    parts = _grid(left, right, top, base, ceiling)
    for span in limits:
        limit = span["limit_ratio"]
        covered = [
            gap
            for gap in hours
            if gap > span["above_hours"] and (span["to_hours"] is None or gap <= span["to_hours"])
        ]
        if covered and limit <= ceiling:
            y = base - limit / ceiling * (base - top)
            parts.append(
                f'<line x1="{at[covered[0]] - wide / 2:.1f}" y1="{y:.1f}" x2="{at[covered[-1]] + wide / 2:.1f}" y2="{y:.1f}" stroke="{MISSING}" '
                f'stroke-dasharray="5 4"><title>limit {limit:.0%}</title></line>'
            )
    # What is chosen lies over the method that it is.
    for method in sorted(lines, key=lambda name: (name == "chosen", name)):
        colour, strong = METHODS.get(method, _SOFT), method == "chosen"
        places = [
            (at[gap], base - min(error, ceiling) / ceiling * (base - top), error)
            for gap, error in lines[method]
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in places)
        dashes = ' stroke-dasharray="2 3"' if strong else ""
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{3 if strong else 1.6}"{dashes}/>'
        )
        for (x, y, error), (gap, _) in zip(places, lines[method], strict=True):
            said = f"<title>{escape(method)}, {gap:g} h: {error:.1%}</title>"
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{4 if strong else 3}" fill="{colour}">{said}</circle>'
            )
            if error > ceiling:
                parts.append(_text(x + 6, y + 4, f"{error:.0%}", fill=colour))
    parts += [
        _text(at[gap], base + 15, f"{gap:g} h" if gap < 48 else f"{gap / 24:g} d", anchor="middle", size=11.5)
        for gap in hours
    ]
    names = [name for name in ("chosen", *sorted(set(lines) - {"chosen"})) if name in lines]
    for place, name in enumerate(names):
        x, y = left + 170 * (place % 2), base + 28 + place // 2 * 18
        parts += _legend(x, y, [(_METHOD_NAMES.get(name, name), METHODS.get(name, _SOFT))])
    return _svg(
        max(right, left + 330),
        base + 36 + (len(names) + 1) // 2 * 18,
        parts,
        "Masked error by length of gap and method",
    )


def _grid(left: float, right: float, top: float, base: float, ceiling: float) -> list[str]:
    parts = []
    for part in (0.0, 0.5, 1.0):
        y = base - part * (base - top)
        parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="{_LINE}"/>')
        parts.append(_text(left - 6, y + 4, f"{ceiling * part:.1%}", anchor="end"))
    return parts


def _legend(x: float, y: float, entries: Sequence[tuple[str, str]]) -> list[str]:
    parts = []
    for place, (words, colour) in enumerate(entries):
        at = x + 130 * place
        parts.append(f'<rect x="{at}" y="{y}" width="11" height="11" rx="2" fill="{colour}"/>')
        parts.append(_text(at + 16, y + 10, words, size=12, fill=_INK))
    return parts


def _text(
    x: float, y: float, words: str, *, anchor: str = "start", size: float = 10.5, fill: str = _SOFT
) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" text-anchor="{anchor}" fill="{fill}">{escape(words)}</text>'


def _svg(width: float, height: float, parts: Sequence[str], label: str) -> Markup:
    head = f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}">'
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704  # every text in it is escaped above
