"""The one way to make an inline picture (SVG).

Only shapes, presentation attributes and short texts, so that a browser under a strict content policy and
Typst both draw them. Every attribute and every text is escaped where it is made; a part that was not made
here is shown as text, not as a shape. Numbers are printed with two decimals at most: the same input gives
the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from products.page_kit.palette import PAGE, WHITE

FONT = "Noto Sans SC, PingFang SC, Microsoft YaHei, sans-serif"
_LEGEND_BOX = 11
CHART_WIDTHS = range(300, 1501, 30)
"""Least widths of charts on a narrow screen, as classes ``fit-300`` and so on of the kit's sheet. [px]"""
_LEAST_TEXT_PX = 10.2
_NARROW_SCALE, _ROOMY_SCALE = 1.15, 1.5
"""By how much the sheet enlarges the texts of a chart on a narrow screen, and of one that has room for it."""
_FONT_SIZE = re.compile(r'<text[^>]* font-size="([\d.]+)"')
Point = tuple[float, float]


def svg(
    width: float,
    height: float,
    parts: Iterable[Markup],
    label: str = "",
    *,
    kind: str = "",
    is_sized: bool = False,
    is_alone: bool = False,
    is_roomy: bool = False,
) -> Markup:
    """A picture of so many units, as wide as its container.

    label     What it shows, for those who do not see it; empty where the element around it says so.
    kind      Its class.
    is_sized  Not wider than its own units.
    is_alone  Usable as a file of its own: it names its language and its font.
    is_roomy  Its words may be half as large again on a narrow screen and still do not touch.
    """
    content = Markup("").join(parts)
    fit = "" if is_alone or not label else _fit(width, content, is_roomy)
    return _element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg" if is_alone else None,
            "class": f"{kind} {fit}".strip() or None,
            "viewBox": f"0 0 {number(width)} {number(height)}",
            "width": width if is_sized else None,
            "height": height if is_sized else None,
            "role": "img" if label else None,
            "aria-label": label or None,
            "aria-hidden": None if label else "true",
            "font-family": FONT if is_alone else None,
        },
        content,
    )


def for_both(wide: Markup, narrow: Markup) -> Markup:
    """Two drawings of one thing, of which the kit's sheet shows the one that the screen has room for."""
    return Markup('<div class="for-wide">{}</div><div class="for-narrow">{}</div>').format(wide, narrow)


def _fit(width: float, content: str, is_roomy: bool) -> str:
    """The class of a chart that says from which width on its smallest words can be read on a telephone."""
    sizes = [float(size) for size in _FONT_SIZE.findall(content)]
    if not sizes:
        return ""
    least = width * _LEAST_TEXT_PX / ((_ROOMY_SCALE if is_roomy else _NARROW_SCALE) * min(sizes))
    room = "roomy " if is_roomy else ""
    return f"{room}fit-{next((each for each in CHART_WIDTHS if each >= least), CHART_WIDTHS[-1])}"


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: float,
    fill: str = PAGE.ink,
    anchor: str = "start",
    is_bold: bool = False,
    has_halo: bool = False,
) -> Markup:
    """A line of words whose base line starts, ends or has its middle at the point.

    has_halo  Stays readable where a line runs through it.
    """
    return _element(
        "text",
        {
            "x": x,
            "y": y,
            "font-size": size,
            "fill": fill,
            "text-anchor": anchor if anchor != "start" else None,
            "font-weight": 600 if is_bold else None,
            "paint-order": "stroke" if has_halo else None,
            "stroke": WHITE if has_halo else None,
            "stroke-width": 4 if has_halo else None,
        },
        escape(words),
    )


def bar(
    x: float,
    y: float,
    width: float,
    height: float,
    fill: str,
    *,
    radius: float = 0,
    opacity: float = 1,
    stroke: str = "",
    title: str = "",
) -> Markup:
    """A rectangle; the point is its upper left corner.

    title  What a pointer that rests on it is told.
    """
    return _element(
        "rect",
        {
            "x": x,
            "y": y,
            "width": width,
            "height": height,
            "rx": radius or None,
            "fill": fill,
            "fill-opacity": opacity if opacity != 1 else None,
            "stroke": stroke or None,
        },
        _title(title),
    )


def line(
    start: Point, end: Point, stroke: str, *, width: float = 1, dashes: str = "", title: str = ""
) -> Markup:
    """A straight line."""
    ends = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
    return _element("line", {**ends, **_stroke(stroke, width, dashes)}, _title(title))


def polyline(
    points: Iterable[Point], stroke: str, *, width: float, dashes: str = "", is_rounded: bool = False
) -> Markup:
    """A line through points.

    is_rounded  Its corners are.
    """
    corners = {"stroke-linejoin": "round" if is_rounded else None}
    drawn = {"points": _points(points), "fill": "none", **_stroke(stroke, width, dashes), **corners}
    return _element("polyline", drawn)


def polygon(points: Iterable[Point], fill: str) -> Markup:
    """A filled outline."""
    return _element("polygon", {"points": _points(points), "fill": fill})


def circle(
    x: float, y: float, radius: float, fill: str, *, stroke: str = "", width: float = 1, title: str = ""
) -> Markup:
    """A filled circle around a point."""
    edge = _stroke(stroke, width) if stroke else {}
    return _element("circle", {"cx": x, "cy": y, "r": radius, "fill": fill, **edge}, _title(title))


def path(drawn: str, *, fill: str = "none", stroke: str = "", width: float = 1, dashes: str = "") -> Markup:
    """A path in SVG's own words."""
    edge = _stroke(stroke, width, dashes) if stroke else {}
    return _element("path", {"d": drawn, "fill": fill, **edge})


def grid(
    marks: Sequence[tuple[float, str]],
    left: float,
    right: float,
    *,
    size: float,
    stroke: str = PAGE.line,
    base_stroke: str = "",
    fill: str = PAGE.soft,
    width: float = 1,
) -> list[Markup]:
    """Level lines with what they stand for to the left of them.

    marks        Height of each line and its label, the base line first.
    base_stroke  Colour of the base line, where it has its own.
    """
    parts = []
    for place, (y, label) in enumerate(marks):
        colour = base_stroke if base_stroke and place == 0 else stroke
        parts.append(bar(left, y - width / 2, right - left, width, colour))
        parts.append(text(left - 6, y + 4, label, size=size, fill=fill, anchor="end"))
    return parts


def legend(x: float, y: float, entries: Sequence[tuple[str, str]], *, step: float = 130) -> list[Markup]:
    """What colours stand for, side by side: pairs of words and colour."""
    parts = []
    for place, (words, colour) in enumerate(entries):
        at = x + step * place
        parts.append(bar(at, y, _LEGEND_BOX, _LEGEND_BOX, colour, radius=2))
        parts.append(text(at + _LEGEND_BOX + 5, y + 10, words, size=12))
    return parts


def swatch(colour: str, shape: str = "box") -> Markup:
    """A colour as it stands beside its words in a page's own legend: a box, a dashed line or a dot."""
    shapes = {
        "box": bar(0, 0, 14, 10, colour, radius=2),
        "line": path("M0 5H14", stroke=colour, width=2, dashes="4 2.5"),
        "dot": circle(7, 5, 3, colour),
    }
    return svg(14, 10, [shapes[shape]], kind="swatch")


def number(value: float) -> str:
    """A number with two decimals at most and no nought at its end.

    >>> number(12.5), number(3.0), number(-0.001), number(1 / 3)
    ('12.5', '3', '0', '0.33')
    """
    shown = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if shown in ("-0", "") else shown


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{number(x)},{number(y)}" for x, y in points)


def _stroke(colour: str, width: float, dashes: str = "") -> dict[str, str | float | None]:
    return {"stroke": colour, "stroke-width": width, "stroke-dasharray": dashes or None}


def _title(words: str) -> Markup:
    return _element("title", {}, escape(words)) if words else Markup("")


def _element(name: str, attributes: dict[str, str | float | None], content: Markup | None = None) -> Markup:
    """Attributes that are None are left out; an element without content closes itself."""
    said = "".join(
        f' {key}="{escape(value) if isinstance(value, str) else number(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = f">{content}</{name}>" if content else "/>"
    return Markup(f"<{name}{said}{inside}")  # noqa: S704  every value is escaped above
