"""Inline charts of scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from products.credit_index.rows import CreditIndexReasonsV1Inside
from products.credit_index.settings import CreditIndexSettings
from products.credit_index.tables import CreditGrade
from products.page_kit.palette import GOOD, GRADES, PAGE
from products.page_kit.svg import bar, circle, for_both, grid, line, path, polyline, svg, text

_WIDTH, _WHOLE, _HALF = 700, 960, 480  # of a chart in two thirds, the whole and half of the page
_NARROW = 460  # the same on a telephone
_BIN = 10
_FLOOR_ROOM = 30  # that the number of a grade's floor needs


def distribution_chart(
    points: Sequence[int], settings: CreditIndexSettings, *, is_alone: bool = False
) -> Markup:
    """How many enterprises have which score, each bar in the colour of its grade, the grades named below.

    is_alone  For a file of its own.
    """
    wide = _distribution(points, settings, _WIDTH, is_alone=is_alone)
    return wide if is_alone else for_both(wide, _distribution(points, settings, _NARROW))


def _distribution(
    points: Sequence[int], settings: CreditIndexSettings, width: int, *, is_alone: bool = False
) -> Markup:
    low, high = settings.min_score_points, settings.max_score_points
    edges = np.arange(low, high + _BIN, _BIN)
    counts, _ = np.histogram(np.asarray(points), edges)
    top, base, left = 16, 190, 40
    wide = (width - left - 10) / len(counts)
    most = int(counts.max())
    scale = (base - top) / max(most, 1)

    def at(score: float) -> float:
        return left + (score - low) / _BIN * wide

    marks = [(base - count * scale, f"{count:,}") for count in (0, round(most * 0.5), most)]
    parts = grid(marks, left, width - 10, size=11)
    for edge, count in zip(edges[:-1], counts, strict=True):
        if count:
            grade = next(grade for grade in CreditGrade if edge >= settings.grade_floors[grade])
            tall = count * scale
            parts.append(bar(at(edge) + wide / 14, base - tall, wide * 6 / 7, tall, GRADES[grade.value]))
    ceiling = high
    for grade in CreditGrade:
        floor = settings.grade_floors[grade]
        middle, long = (at(floor) + at(ceiling)) / 2, at(ceiling) - at(floor) - 1.5
        parts.append(bar(at(floor), base + 4, long, 6, GRADES[grade.value], radius=2))
        parts.append(text(middle, base + 26, grade.value, size=13, anchor="middle", is_bold=True))
        anchor = "middle" if floor > low else "start"
        if at(ceiling) - at(floor) > _FLOOR_ROOM:
            parts.append(text(at(floor), base + 46, str(floor), size=11, fill=PAGE.soft, anchor=anchor))
        ceiling = floor
    parts.append(text(at(high), base + 46, str(high), size=11, fill=PAGE.soft, anchor="end"))
    return svg(
        width, base + 52, parts, "distribution of scores", kind="chart", is_alone=is_alone, is_roomy=True
    )


def grades_chart(counts: Mapping[str, int]) -> Markup:
    """One bar per grade with its number and share."""
    total, most = max(sum(counts.values()), 1), max(max(counts.values(), default=0), 1)
    parts = []
    for place, grade in enumerate(CreditGrade):
        count, y = counts.get(grade.value, 0), 6 + place * 34
        long = max(count / most * (_HALF - 290), 2 if count else 0)
        parts.append(text(52, y + 19, grade.value, size=16, anchor="end", is_bold=True))
        parts.append(bar(66, y, long, 26, GRADES[grade.value], radius=4))
        parts.append(text(66 + long + 10, y + 18, f"{count:,} 户（{count / total:.1%}）", size=14))
    return svg(_HALF, 6 + len(CreditGrade) * 34, parts, "enterprises by grade", kind="chart", is_roomy=True)


def scale_chart(points: int, settings: CreditIndexSettings) -> Markup:
    """Where a score stands on the whole scale."""
    return for_both(_scale(points, settings, _WHOLE), _scale(points, settings, _NARROW))


def _scale(points: int, settings: CreditIndexSettings, width: int) -> Markup:
    low, high = settings.min_score_points, settings.max_score_points

    def at(score: float) -> float:
        return 20 + (score - low) / (high - low) * (width - 40)

    parts, ceiling = [], high
    for grade in CreditGrade:
        floor = settings.grade_floors[grade]
        middle, long = (at(floor) + at(ceiling)) / 2, at(ceiling) - at(floor) - 2
        parts.append(bar(at(floor), 34, long, 16, GRADES[grade.value], radius=3))
        parts.append(text(middle, 68, grade.value, size=13, fill=PAGE.soft, anchor="middle"))
        ceiling = floor
    here = at(points)
    parts.append(path(f"M{here:.1f} 33 l-8 -12 h16 z", fill=PAGE.ink))
    inside = min(max(here, 40), width - 40)
    parts.append(text(inside, 16, str(points), size=17, anchor="middle", is_bold=True))
    return svg(width, 76, parts, "place of the score on the scale", kind="chart", is_roomy=True)


def reasons_chart(reasons: Sequence[CreditIndexReasonsV1Inside]) -> Markup | None:
    """Each reason as a bar from the middle: to the right what helps, to the left what hurts; None without
    reasons.
    """
    if not reasons:
        return None
    return for_both(_reasons(reasons), _narrow_reasons(reasons))


def _reasons(reasons: Sequence[CreditIndexReasonsV1Inside]) -> Markup:
    most = max(max(abs(reason["effect_points"]) for reason in reasons), 1.0)
    middle, half, parts = 680, 220, []
    for place, reason in enumerate(reasons):
        y, effect = 8 + place * 52, float(reason["effect_points"])
        long, helps = abs(effect) / most * half, effect >= 0
        colour = GOOD if helps else PAGE.bad
        parts.append(text(0, y + 15, reason["text_zh"], size=14))
        parts.append(text(0, y + 33, reason["text_en"], size=11, fill=PAGE.soft))
        parts.append(bar(middle if helps else middle - long, y + 2, max(long, 1), 26, colour, radius=3))
        beside, anchor = (middle - 8, "end") if helps else (middle + 8, "start")
        said = f"{effect:+.1f}"
        parts.append(text(beside, y + 20, said, size=14, fill=colour, anchor=anchor, is_bold=True))
    tall = 8 + len(reasons) * 52
    parts.append(line((middle, 2), (middle, tall - 8), PAGE.soft))
    return svg(
        _WHOLE, tall, parts, "reasons in points against the average customer", kind="chart", is_roomy=True
    )


def _narrow_reasons(reasons: Sequence[CreditIndexReasonsV1Inside]) -> Markup:
    """The words of each reason above its bar."""
    most = max(max(abs(reason["effect_points"]) for reason in reasons), 1.0)
    middle, half, each, parts = _NARROW / 2, _NARROW / 2 - 60, 78, []
    for place, reason in enumerate(reasons):
        y, effect = 8 + place * each, float(reason["effect_points"])
        long, helps = abs(effect) / most * half, effect >= 0
        colour = GOOD if helps else PAGE.bad
        parts.append(text(0, y + 14, reason["text_zh"], size=14))
        parts.append(text(0, y + 36, reason["text_en"], size=11, fill=PAGE.soft))
        parts.append(bar(middle if helps else middle - long, y + 46, max(long, 1), 20, colour, radius=3))
        beside, anchor = (middle - 8, "end") if helps else (middle + 8, "start")
        said = f"{effect:+.1f}"
        parts.append(text(beside, y + 60, said, size=14, fill=colour, anchor=anchor, is_bold=True))
    return svg(_NARROW, 8 + len(reasons) * each, parts, "reasons in points", kind="chart", is_roomy=True)


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
    parts = [line((left, zero), (_HALF - right, zero), PAGE.line, width=1.5)]
    runs: list[list[tuple[float, float]]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(place(index, value))
    for run in filter(None, runs):
        parts.append(polyline(run, PAGE.brand, width=2.2, is_rounded=True))
        parts += [circle(x, y, 2.6, PAGE.brand) for x, y in run]
    last = max(index for index, value in enumerate(values) if value is not None)
    parts.append(circle(*place(last, known[-1]), 4.5, PAGE.brand))
    parts.append(text(_HALF - right, 14, form.format(known[-1]), size=15, anchor="end", is_bold=True))
    every = max(1, -(-len(months) // 5))
    for index in range(len(months) - 1, -1, -every):
        where = left + index * step
        anchor = "end" if where > _HALF - 40 else "start" if where < 40 else "middle"
        parts.append(text(where, base + 20, months[index], size=11, fill=PAGE.soft, anchor=anchor))
    return svg(_HALF, base + 28, parts, title, kind="chart", is_roomy=True)
