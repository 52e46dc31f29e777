"""Charts of a bill: drawn once, shown alike on the screen and on paper."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from markupsafe import Markup

from pipelines.codes import TouPeriod
from products.page_kit.palette import (
    ABOVE,
    AXIS,
    BASELINE,
    BELOW,
    DOCUMENT,
    EXPECTED,
    GRID,
    PERIODS,
    SPREAD,
    WHITE,
)
from products.page_kit.svg import bar, circle, grid, polygon, polyline, svg, text

_WIDTH, _HEIGHT = 660.0, 190.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 6.0, 10.0, 20.0
_LABEL_SHARE = 0.08


@dataclass(frozen=True)
class DayPoint:
    """One local day of the chart.

    energy_kwh    Settled energy; None where the day has none. [kWh]
    expected_kwh  What the baseline expects; None where there is no baseline. [kWh]
    low_kwh       Lower end of its band. [kWh]
    high_kwh      Upper end of its band. [kWh]
    is_spread     Whether its energy is a share of what one read after missed ones settled.
    """

    day: date
    energy_kwh: float | None
    expected_kwh: float | None = None
    low_kwh: float | None = None
    high_kwh: float | None = None
    is_spread: bool = False

    @property
    def is_above(self) -> bool:
        """Whether the day lies above the band."""
        return self.energy_kwh is not None and self.high_kwh is not None and self.energy_kwh > self.high_kwh

    @property
    def is_below(self) -> bool:
        """Whether the day lies below the band."""
        return self.energy_kwh is not None and self.low_kwh is not None and self.energy_kwh < self.low_kwh

    @property
    def colour(self) -> str:
        """The colour of its bar: where it lies says more than how it was read."""
        if self.is_above:
            return ABOVE
        if self.is_below:
            return BELOW
        return SPREAD if self.is_spread else DOCUMENT.brand


def day_chart(days: Sequence[DayPoint]) -> Markup:
    """Bars of the days, the band of the baseline behind them and its expected line before them. [kWh]

    days  In order of time, no day twice; may be empty (an empty frame then).
    """
    values = [
        value
        for day in days
        for value in (day.energy_kwh, day.expected_kwh, day.high_kwh)
        if value is not None and math.isfinite(value)
    ]
    ceiling, step = _scale(max(values, default=0.0))
    marks = [_mark(level, ceiling, step) for level in range(round(ceiling / step) + 1)]
    shapes = grid(marks, _LEFT, _WIDTH - _RIGHT, size=11, stroke=GRID, base_stroke=AXIS, fill=AXIS, width=0.8)
    pitch = (_WIDTH - _LEFT - _RIGHT) / max(len(days), 1)
    shapes += [_band(run, pitch, ceiling) for run in _runs(days, "low_kwh", "high_kwh")]
    shapes += [_day(index, day, pitch, ceiling) for index, day in enumerate(days)]
    shapes += [_expected(run, pitch, ceiling) for run in _runs(days, "expected_kwh")]
    shapes += [
        _day_label(index, day.day.day, pitch) for index, day in enumerate(days) if _is_labelled(index, days)
    ]
    return svg(_WIDTH, _HEIGHT, shapes, kind="chart-days", is_alone=True)


def period_bar(energy_by_period: Mapping[TouPeriod, Decimal], labels: Mapping[TouPeriod, str]) -> Markup:
    """One bar split by time-of-use period, each part as wide as its share of the energy; empty text without
    energy.

    labels  What is written on a part that is wide enough.
    """
    parts = [(period, energy_by_period[period]) for period in TouPeriod if energy_by_period.get(period)]
    total = sum((energy for _, energy in parts), Decimal(0))
    if total <= 0:
        return Markup("")
    shapes: list[Markup] = []
    left = 0.0
    for period, energy in parts:
        share = float(energy / total)
        wide = share * _WIDTH
        shapes.append(bar(left, 0, wide, 26, PERIODS[period]))
        if share >= _LABEL_SHARE:
            words = f"{labels[period]} {share * 100:.1f}%"
            shapes.append(text(left + wide / 2, 17.5, words, size=12, fill=WHITE, anchor="middle"))
        left += wide
    return svg(_WIDTH, 26, shapes, kind="chart-periods", is_alone=True)


def percentile_bar(percentile: float) -> Markup:
    """Where a customer stands among its peers: 0 uses least, 100 uses most. [%]"""
    width, at = 320.0, min(max(percentile, 0.0), 100.0) * 3.0 + 10
    shapes = [bar(10, 12, 300, 8, GRID, radius=4), bar(10, 12, at - 10, 8, BASELINE, radius=4)]
    shapes += [bar(10 + mark * 3 - 0.5, 10, 1, 12, AXIS) for mark in (25, 50, 75)]
    shapes.append(circle(at, 16, 7, DOCUMENT.brand, stroke=WHITE, width=2))
    return svg(width, 32, shapes, kind="chart-peers", is_alone=True)


def _scale(top: float) -> tuple[float, float]:
    """Upper end of the axis and distance of its lines: 1, 2, 2.5 or 5 times a power of ten, three to five
    lines.
    """
    if top <= 0:
        return 1.0, 1.0
    rough = top / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return math.ceil(top / step - 1e-9) * step, step


def _y(value: float, ceiling: float) -> float:
    return _HEIGHT - _BOTTOM - max(value, 0.0) / ceiling * (_HEIGHT - _TOP - _BOTTOM)


def _mark(level: int, ceiling: float, step: float) -> tuple[float, str]:
    value = level * step
    decimals = 0 if step >= 1 else -math.floor(math.log10(step))
    label = (
        f"{value:,.0f}"
        if value == int(value) and (step >= 1 and step == int(step))
        else f"{value:,.{max(decimals, 1)}f}"
    )
    return _y(value, ceiling), label


def _day(index: int, day: DayPoint, pitch: float, ceiling: float) -> Markup:
    x, wide, base = _LEFT + (index + 0.18) * pitch, pitch * 0.64, _HEIGHT - _BOTTOM
    if day.energy_kwh is None:
        return text(x + wide / 2, base - 4, "×", size=11, fill=ABOVE, anchor="middle")
    top = _y(day.energy_kwh, ceiling)
    return bar(x, top, wide, base - top, day.colour)


def _runs(days: Sequence[DayPoint], *names: str) -> list[list[tuple[int, tuple[float, ...]]]]:
    """Stretches of days in a row that have all the named values."""
    runs: list[list[tuple[int, tuple[float, ...]]]] = []
    previous = -2
    for index, day in enumerate(days):
        values = tuple(getattr(day, name) for name in names)
        if any(value is None for value in values):
            continue
        if index != previous + 1:
            runs.append([])
        runs[-1].append((index, values))
        previous = index
    return runs


def _band(run: list[tuple[int, tuple[float, ...]]], pitch: float, ceiling: float) -> Markup:
    """Steps as wide as a day: the band says something of days, not of the time between them."""
    upper, lower = [], []
    for index, (low, high) in run:
        left, right = _LEFT + index * pitch, _LEFT + (index + 1) * pitch
        upper += [(left, _y(high, ceiling)), (right, _y(high, ceiling))]
        lower += [(left, _y(low, ceiling)), (right, _y(low, ceiling))]
    return polygon((*upper, *reversed(lower)), BASELINE)


def _expected(run: list[tuple[int, tuple[float, ...]]], pitch: float, ceiling: float) -> Markup:
    points = (
        (x, _y(value, ceiling))
        for index, (value,) in run
        for x in (_LEFT + index * pitch, _LEFT + (index + 1) * pitch)
    )
    return polyline(points, EXPECTED, width=1.4, dashes="4 2.5")


def _is_labelled(index: int, days: Sequence[DayPoint]) -> bool:
    number = days[index].day.day
    return number == 1 or (number % 5 == 0) or len(days) <= 7


def _day_label(index: int, number: int, pitch: float) -> Markup:
    return text(_LEFT + (index + 0.5) * pitch, _HEIGHT - 5, str(number), size=11, fill=AXIS, anchor="middle")
