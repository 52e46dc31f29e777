"""Inline SVG charts of scores; colours are presentation attributes, so that a strict content policy allows
them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from products.credit_index.settings import CreditIndexSettings
from products.credit_index.tables import CreditGrade

GRADE_FILL = {
    "AAA": "#0b6b45",
    "AA": "#2f9468",
    "A": "#8abf6a",
    "B": "#e3b023",
    "C": "#dd7a26",
    "D": "#b3202a",
}
_BRAND, _INK, _SOFT, _LINE, _GOOD, _BAD = "#00796b", "#16302b", "#566b66", "#dbe5e1", "#0f7a4a", "#b3202a"
_WIDTH, _WHOLE, _HALF = 700, 960, 480  # of a chart in two thirds, the whole and half of the page
_BIN = 10


def distribution_chart(points: Sequence[int], settings: CreditIndexSettings) -> Markup:
    """How many enterprises have which score, each bar in the colour of its grade, the grades named below."""
    low, high = settings.min_score_points, settings.max_score_points
    edges = np.arange(low, high + _BIN, _BIN)
    counts, _ = np.histogram(np.asarray(points), edges)
    top, base, left = 16, 190, 40
    wide = (_WIDTH - left - 10) / len(counts)
    scale = (base - top) / max(int(counts.max()), 1)

    def at(score: float) -> float:
        return left + (score - low) / _BIN * wide

    parts = _grid(base, top, left, int(counts.max()), scale)
    for edge, count in zip(edges[:-1], counts, strict=True):
        if count:
            grade = next(grade for grade in CreditGrade if edge >= settings.grade_floors[grade])
            tall = count * scale
            parts.append(
                f'<rect x="{at(edge) + 0.8:.1f}" y="{base - tall:.1f}" width="{wide - 1.6:.1f}" height="{tall:.1f}" fill="{GRADE_FILL[grade.value]}"/>'
            )
    ceiling = high
    for grade in CreditGrade:
        floor = settings.grade_floors[grade]
        middle = (at(floor) + at(ceiling)) / 2
        parts.append(
            f'<rect x="{at(floor):.1f}" y="{base + 4}" width="{at(ceiling) - at(floor) - 1.5:.1f}" height="6" rx="2" fill="{GRADE_FILL[grade.value]}"/>'
        )
        parts.append(_text(middle, base + 26, grade.value, 13, _INK, "middle", bold=True))
        parts.append(_text(at(floor), base + 43, str(floor), 11, _SOFT, "middle" if floor > low else "start"))
        ceiling = floor
    parts.append(_text(at(high), base + 43, str(high), 11, _SOFT, "end"))
    return _svg(base + 50, parts, "distribution of scores")


def grades_chart(counts: Mapping[str, int]) -> Markup:
    """One bar per grade with its number and share."""
    total, most = max(sum(counts.values()), 1), max(max(counts.values(), default=0), 1)
    parts = []
    for place, grade in enumerate(CreditGrade):
        count, y = counts.get(grade.value, 0), 6 + place * 34
        long = max(count / most * (_HALF - 230), 2 if count else 0)
        parts.append(_text(52, y + 19, grade.value, 16, _INK, "end", bold=True))
        parts.append(
            f'<rect x="66" y="{y}" width="{long:.1f}" height="26" rx="4" fill="{GRADE_FILL[grade.value]}"/>'
        )
        parts.append(_text(66 + long + 10, y + 18, f"{count:,} 户（{count / total:.1%}）", 14, _INK))
    return _svg(6 + len(CreditGrade) * 34, parts, "enterprises by grade", _HALF)


def scale_chart(points: int, settings: CreditIndexSettings) -> Markup:
    """Where a score stands on the whole scale."""
    low, high = settings.min_score_points, settings.max_score_points

    def at(score: float) -> float:
        return 20 + (score - low) / (high - low) * (_WHOLE - 40)

    parts, ceiling = [], high
    for grade in CreditGrade:
        floor = settings.grade_floors[grade]
        parts.append(
            f'<rect x="{at(floor):.1f}" y="34" width="{at(ceiling) - at(floor) - 2:.1f}" height="16" rx="3" fill="{GRADE_FILL[grade.value]}"/>'
        )
        parts.append(_text((at(floor) + at(ceiling)) / 2, 68, grade.value, 13, _SOFT, "middle"))
        ceiling = floor
    here = at(points)
    parts.append(f'<path d="M{here:.1f} 33 l-8 -12 h16 z" fill="{_INK}"/>')
    parts.append(_text(min(max(here, 40), _WHOLE - 40), 16, str(points), 17, _INK, "middle", bold=True))
    return _svg(76, parts, "place of the score on the scale", _WHOLE)


def reasons_chart(reasons: Sequence[Mapping[str, Any]]) -> Markup | None:
    """Each reason as a bar from the middle: to the right what helps, to the left what hurts; None without
    reasons.
    """
    if not reasons:
        return None
    most = max(max(abs(reason["effect_points"]) for reason in reasons), 1.0)
    middle, half, parts = 680, 220, []
    for place, reason in enumerate(reasons):
        y, effect = 8 + place * 52, float(reason["effect_points"])
        long = abs(effect) / most * half
        parts.append(_text(0, y + 15, reason["text_zh"], 14, _INK))
        parts.append(_text(0, y + 33, reason["text_en"], 11, _SOFT))
        parts.append(
            f'<rect x="{middle if effect >= 0 else middle - long:.1f}" y="{y + 2}" width="{max(long, 1):.1f}" height="26" rx="3" fill="{_GOOD if effect >= 0 else _BAD}"/>'
        )
        beside = middle - 8 if effect >= 0 else middle + 8
        parts.append(
            _text(
                beside,
                y + 20,
                f"{effect:+.1f}",
                14,
                _GOOD if effect >= 0 else _BAD,
                "end" if effect >= 0 else "start",
                bold=True,
            )
        )
    tall = 8 + len(reasons) * 52
    parts.append(
        f'<line x1="{middle}" y1="2" x2="{middle}" y2="{tall - 8}" stroke="{_SOFT}" stroke-width="1"/>'
    )
    return _svg(tall, parts, "reasons in points against the average customer", _WHOLE)


def month_line(
    months: Sequence[str],
    values: Sequence[float | None],
    form: str,
    title: str,
    limits: tuple[float, float] | None = None,
) -> Markup | None:
    """A value over months; a gap where it was not known, None where it never was.

    form    How a value is written, for example ``{:,.0f} kWh``.
    limits  Ends of the axis; none: from zero (or the smallest value below it) to the largest.
    """
    known = [value for value in values if value is not None]
    if not known:
        return None
    low, high = limits or (min(0.0, *known), max(*known, 1e-9) if len(known) > 1 else max(known[0], 1e-9))
    top, base, left, right = 28, 140, 14, 14
    step = (_HALF - left - right) / max(len(months) - 1, 1)

    def place(index: int, value: float) -> tuple[float, float]:
        return left + index * step, base - (value - low) / max(high - low, 1e-12) * (base - top)

    zero = place(0, min(max(0.0, low), high))[1]
    parts = [
        f'<line x1="{left}" y1="{zero:.1f}" x2="{_HALF - right}" y2="{zero:.1f}" stroke="{_LINE}" stroke-width="1.5"/>'
    ]
    runs: list[list[tuple[float, float]]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(place(index, value))
    for run in filter(None, runs):
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
        parts.append(
            f'<polyline points="{drawn}" fill="none" stroke="{_BRAND}" stroke-width="2.2" stroke-linejoin="round"/>'
        )
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{_BRAND}"/>' for x, y in run]
    last = max(index for index, value in enumerate(values) if value is not None)
    x, y = place(last, known[-1])
    parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{_BRAND}"/>')
    parts.append(_text(_HALF - right, 14, form.format(known[-1]), 15, _INK, "end", bold=True))
    every = max(1, -(-len(months) // 5))
    for index in range(len(months) - 1, -1, -every):
        where = left + index * step
        parts.append(
            _text(
                where,
                base + 20,
                months[index],
                11,
                _SOFT,
                "end" if where > _HALF - 40 else "start" if where < 40 else "middle",
            )
        )
    return _svg(base + 28, parts, title, _HALF)


def _grid(base: int, top: int, left: int, most: int, scale: float) -> list[str]:
    parts = []
    for share in (0.0, 0.5, 1.0):
        count = round(most * share)
        y = base - count * scale
        parts.append(
            f'<line x1="{left}" y1="{y:.1f}" x2="{_WIDTH - 10}" y2="{y:.1f}" stroke="{_LINE}" stroke-width="1"/>'
        )
        parts.append(_text(left - 6, max(y + 4, top), f"{count:,}", 11, _SOFT, "end"))
    return parts


def _text(
    x: float, y: float, content: str, size: int, fill: str, anchor: str = "start", *, bold: bool = False
) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}" text-anchor="{anchor}"{weight}>{Markup.escape(content)}</text>'


def _svg(height: float, parts: Sequence[str], title: str, width: int = _WIDTH) -> Markup:
    # Every text put in is escaped where it is made; the rest are numbers and constants.
    return Markup(  # noqa: S704
        f'<svg class="chart" viewBox="0 0 {width} {height:.0f}" role="img" aria-label="{Markup.escape(title)}">{"".join(parts)}</svg>'
    )
