"""A stretch of a series drawn: final values, estimates with their band, what was measured and not used, gaps
shaded with their length, flagged days marked; axes of kWh, kW and days.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup

from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.codes import IntervalStatus
from pipelines.periods import DAY_MINUTES
from products.page_kit.palette import EXPECTED_ERROR, FILLED, GAP, MEASURED, MISSING, PAGE, WHITE
from products.page_kit.svg import bar, circle, for_both, number, path, svg, text

COLOURS = {
    "final": MEASURED,
    "estimated": FILLED,
    "expected": EXPECTED_ERROR,
    "refused": MISSING,
    "gap": GAP,
    "flagged": MISSING,
}
AROUND_DAYS = 3
_ESTIMATED = np.array([status.is_estimated for status in IntervalStatus])
_USED = (IntervalStatus.MEASURED, IntervalStatus.COUNTED_AS_ZERO)
_TOP, _BASE, _LEFT, _RIGHT = 20.0, 150.0, 62.0, 52.0
_STAND_OUT, _USUAL_QUANTILE, _ROOM = 4.0, 0.98, 1.25
"""What lies above four times the value that 98 % stay below would press all else to the base line."""
_DOTS = 60


@dataclass(frozen=True)
class _Values:
    """Intervals of days in order; NaN where there is nothing. [kWh or kvarh]"""

    final: FloatArray
    measured: FloatArray
    low: FloatArray
    high: FloatArray
    status: IntArray


@dataclass(frozen=True)
class _Frame:
    """Where things stand in the drawing. top: value at its upper edge. bins: parts that are told apart."""

    width: float
    count: int
    bins: int
    top: float

    def x(self, place: FloatArray | float) -> FloatArray | float:
        """Place of an interval, from 0, in the drawing."""
        return _LEFT + place / self.count * (self.width - _LEFT - _RIGHT)

    def y(self, values: FloatArray) -> FloatArray:
        """Height of values; those beyond the scale stand at its end."""
        return np.asarray(_BASE - np.clip(values, 0, self.top) / self.top * (_BASE - _TOP))


def stretch_chart(curves: pa.Table, first: date, last: date, flagged: Collection[date], name: str) -> Markup:
    """A stretch with some days around it, for wide and for narrow screens.

    curves       silver_day_curves of one series.
    first, last  Ends of the stretch.
    flagged      Days that a check marks.
    name         Of the series, for those who do not see the drawing.
    """
    days = curves["curve_date"]
    begin = max(first - timedelta(days=AROUND_DAYS), pc.min(days).as_py())
    end = min(last + timedelta(days=AROUND_DAYS), pc.max(days).as_py())
    begin, end = min(begin, first), max(end, last)
    shown = curves.filter(pc.and_(pc.greater_equal(days, begin), pc.less_equal(days, end)))
    minutes = pc.min(shown["interval_minutes"]).as_py() if shown.num_rows else DAY_MINUTES
    values = _values(shown, begin, (end - begin).days + 1, minutes)
    marks = [day for day in sorted(flagged) if begin <= day <= end]
    unit = ("kvarh", "kvar") if name.split()[-1].startswith("reactive") else ("kWh", "kW")
    label = f"{name} {begin} to {end}"
    wide, narrow = (
        _drawn(values, minutes, begin, marks, unit, label, width, ticks)
        for width, ticks in ((1060.0, 9), (330.0, 3))
    )
    return for_both(wide, narrow)


def _values(curves: pa.Table, begin: date, days: int, minutes: int) -> _Values:
    """The days of a stretch at its finest interval; those at a coarser one are spread evenly."""
    slots = DAY_MINUTES // minutes
    names = ("final", "measured", "expected_low", "expected_high")
    grids = {name: np.full((days, slots), np.nan) for name in names}
    status = np.zeros((days, slots), np.int64)
    for own in pc.unique(curves["interval_minutes"]).to_pylist():
        if own % minutes:
            continue
        mine, parts = curves.filter(pc.equal(curves["interval_minutes"], own)), own // minutes
        rows = np.array([(day - begin).days for day in mine["curve_date"].to_pylist()])
        for name in names:
            told = _matrix(mine[f"{name}_kwh_or_kvarh"], DAY_MINUTES // own)
            grids[name][rows] = np.repeat(told / parts, parts, axis=1)
        codes = pc.list_flatten(mine["interval_status_codes"]).to_numpy().reshape(-1, DAY_MINUTES // own)
        status[rows] = np.repeat(codes, parts, axis=1)
    final, measured, low, high = (grids[name].reshape(-1) for name in names)
    return _Values(final, measured, low, high, status.reshape(-1))


def _drawn(
    values: _Values,
    minutes: int,
    begin: date,
    flagged: list[date],
    unit: tuple[str, str],
    label: str,
    width: float,
    ticks: int,
) -> Markup:
    slots, count = DAY_MINUTES // minutes, values.final.size
    estimated = _ESTIMATED[values.status]
    frame = _Frame(width, count, min(count, int(width - _LEFT - _RIGHT) // 2), _scale(values, estimated))
    right = width - _RIGHT
    widened = estimated | np.roll(estimated, 1) | np.roll(estimated, -1)
    has_band = estimated & ~np.isnan(values.low)
    parts = [
        bar(_LEFT, _TOP, right - _LEFT, _BASE - _TOP, WHITE, stroke=PAGE.line),
        *_gaps(np.isnan(values.measured), slots, frame),
        *_levels(frame, minutes, right, unit),
        path(_band(values.low, values.high, has_band, frame), fill=EXPECTED_ERROR),
        path(_line(values.final, frame), stroke=MEASURED),
        path(_line(np.where(widened, values.final, np.nan), frame), stroke=FILLED, width=1.6),
        *_refused(values, frame),
        *_beyond(np.fmax(values.final, values.measured), frame, unit[0]),
    ]
    for day in flagged:
        place = (day - begin).days * slots
        parts.append(bar(float(frame.x(place)), _BASE + 2, _wide(slots, frame), 4, MISSING))
    parts += _days(begin, count // slots, slots, ticks, frame)
    return svg(width, _BASE + 32, parts, label, kind="series")


def _scale(values: _Values, estimated: BoolArray) -> float:
    """The value at the upper edge: the highest, unless it stands out from all others."""
    told = np.concatenate((values.final, np.where(estimated, values.high, np.nan)))
    told = told[~np.isnan(told)]
    highest = float(told.max()) if told.size else 0.0
    if highest <= 0:
        return 1.0
    usual = float(np.quantile(told, _USUAL_QUANTILE))
    return usual * _ROOM if 0 < usual * _STAND_OUT < highest else highest * 1.05


def _levels(frame: _Frame, minutes: int, right: float, unit: tuple[str, str]) -> Iterator[Markup]:
    """Level lines, with energy of an interval to the left and mean power to the right."""
    rough = frame.top / 5
    power = 10.0 ** np.floor(np.log10(rough))
    step = float(next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= rough))
    hours = minutes / 60
    yield text(_LEFT - 6, 11, unit[0], size=11, fill=PAGE.soft, anchor="end")
    yield text(right + 6, 11, unit[1], size=11, fill=PAGE.soft)
    for place in range(int(frame.top / step) + 1):
        y = float(frame.y(np.array([place * step]))[0])
        if place:
            yield bar(_LEFT, y - 0.5, right - _LEFT, 1, PAGE.line)
        yield text(_LEFT - 6, y + 4, f"{place * step:,.6g}", size=11, fill=PAGE.soft, anchor="end")
        yield text(right + 6, y + 4, f"{place * step / hours:,.6g}", size=11, fill=PAGE.soft)


def _days(begin: date, days: int, slots: int, ticks: int, frame: _Frame) -> Iterator[Markup]:
    every = max(1, -(-days // ticks))
    for place in range(0, days, every):
        x = float(frame.x(place * slots))
        day = begin + timedelta(days=place)
        yield bar(x - 0.5, _BASE, 1, 8, PAGE.soft)
        words = f"{day:%Y-%m-%d}" if place == 0 else f"{day:%m-%d}"
        yield text(x, _BASE + 22, words, size=11, fill=PAGE.soft)


def _gaps(nothing: BoolArray, slots: int, frame: _Frame) -> Iterator[Markup]:
    """Where nothing was measured, shaded; from a day on with its length."""
    runs = _runs(nothing)
    for begin, end in runs if len(runs) <= frame.bins else _coarse(nothing, frame):
        wide = _wide(end - begin, frame)
        yield bar(float(frame.x(begin)), _TOP, wide, _BASE - _TOP, GAP)
    for begin, end in runs:
        if end - begin >= slots:
            middle, length = float(frame.x((begin + end) / 2)), number(round((end - begin) / slots, 1))
            words = f"缺 {length} 天 d"
            yield text(middle, _TOP + 14, words, size=11, anchor="middle", has_halo=True)


def _coarse(nothing: BoolArray, frame: _Frame) -> list[tuple[int, int]]:
    starts = _starts(frame)
    some = np.logical_or.reduceat(nothing, starts)
    edges = np.append(starts, frame.count)
    return [(int(edges[begin]), int(edges[end])) for begin, end in _runs(some)]


def _refused(values: _Values, frame: _Frame) -> Iterator[Markup]:
    """What was measured and not used, at its height."""
    found = np.flatnonzero(~np.isnan(values.measured) & ~np.isin(values.status, _USED))
    for place in found[:: max(1, found.size // _DOTS)].tolist():
        y = float(frame.y(values.measured[place : place + 1])[0])
        yield circle(float(frame.x(place + 0.5)), y, 2, MISSING)


def _beyond(values: FloatArray, frame: _Frame, unit: str) -> Iterator[Markup]:
    """The highest of what lies beyond the scale, at the upper edge with its value."""
    if np.isnan(values).all() or np.nanmax(values) <= frame.top:
        return
    place = int(np.nanargmax(values))
    x = float(frame.x(place + 0.5))
    anchor = "end" if x > frame.width / 2 else "start"
    yield path(f"M{x - 4:.1f} {_TOP + 7}L{x:.1f} {_TOP}L{x + 4:.1f} {_TOP + 7}Z", fill=MISSING)
    words = f"{values[place]:,.6g} {unit}"
    yield text(x + (-8 if anchor == "end" else 8), _TOP - 4, words, size=11, anchor=anchor, fill=MISSING)


def _wide(intervals: int, frame: _Frame) -> float:
    return max(1.0, intervals / frame.count * (frame.width - _LEFT - _RIGHT))


def _starts(frame: _Frame) -> IntArray:
    return np.asarray(np.arange(frame.bins, dtype=np.int64) * frame.count // frame.bins)


def _line(values: FloatArray, frame: _Frame) -> str:
    """A line through values; where there are more than can be told apart, through the least and the highest
    of each part.
    """
    starts = _starts(frame)
    if frame.bins == frame.count:
        lines = [values]
    else:
        lines = [np.fmax.reduceat(values, starts), np.fmin.reduceat(values, starts)]
    x = np.asarray(frame.x((starts + np.append(starts[1:], frame.count)) / 2))
    heights = [frame.y(each) for each in lines]
    parts = []
    for begin, end in _runs(~np.isnan(lines[0])):
        points = [f"{x[place]:.1f} {y[place]:.1f}" for place in range(begin, end) for y in heights]
        parts.append("M" + "L".join(dict.fromkeys(points)))
    return "".join(parts)


def _band(low: FloatArray, high: FloatArray, chosen: BoolArray, frame: _Frame) -> str:
    if not chosen.any():
        return ""
    starts = _starts(frame)
    least = np.fmin.reduceat(np.where(chosen, low, np.nan), starts)
    most = np.fmax.reduceat(np.where(chosen, high, np.nan), starts)
    x = np.asarray(frame.x((starts + np.append(starts[1:], frame.count)) / 2))
    below, above = frame.y(least), frame.y(most)
    parts = []
    for begin, end in _runs(~np.isnan(least)):
        there = [f"{x[place]:.1f} {above[place]:.1f}" for place in range(begin, end)]
        back = [f"{x[place]:.1f} {below[place]:.1f}" for place in range(end - 1, begin - 1, -1)]
        parts.append("M" + "L".join(there + back) + "Z")
    return "".join(parts)


def _matrix(column: pa.ChunkedArray, slots: int) -> FloatArray:
    has = np.asarray(pc.is_valid(column).to_numpy(), np.bool_)
    values = np.full((has.size, slots), np.nan)
    values[has] = pc.fill_null(pc.list_flatten(column), np.nan).to_numpy().reshape(-1, slots)
    return values


def _runs(chosen: BoolArray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], chosen, [False])).astype(np.int8)))
    return list(zip(edges[0::2].tolist(), edges[1::2].tolist(), strict=True))
