"""Charts of a bill as small SVG texts: drawn once, shown alike on the screen and on paper.

Only shapes, presentation attributes and short labels, so that a browser under a strict content policy and
Typst both draw them.
Numbers are printed with two decimals at most: the same input gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pipelines.codes import TouPeriod

FONT = "Noto Sans SC, PingFang SC, Microsoft YaHei, sans-serif"
TEAL = "#00796b"
AMBER = "#e09b2d"
BAND = "#cfe5e1"
INK = "#37474f"
MUTED = "#78909c"
GRID = "#e3eaec"

PERIOD_COLOURS: Mapping[TouPeriod, str] = {
    TouPeriod.SHARP: "#b23c17",
    TouPeriod.PEAK: "#e09b2d",
    TouPeriod.FLAT: "#90a4ae",
    TouPeriod.VALLEY: "#26958a",
    TouPeriod.DEEP_VALLEY: "#0b4f6c",
}

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
    """

    day: date
    energy_kwh: float | None
    expected_kwh: float | None = None
    low_kwh: float | None = None
    high_kwh: float | None = None

    @property
    def is_above(self) -> bool:
        """Whether the day lies above the band."""
        return self.energy_kwh is not None and self.high_kwh is not None and self.energy_kwh > self.high_kwh


def day_chart(days: Sequence[DayPoint]) -> str:
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
    shapes = [_grid_line(level, ceiling, step) for level in range(round(ceiling / step) + 1)]
    pitch = (_WIDTH - _LEFT - _RIGHT) / max(len(days), 1)
    shapes += [_band(run, pitch, ceiling) for run in _runs(days, "low_kwh", "high_kwh")]
    shapes += [_bar(index, day, pitch, ceiling) for index, day in enumerate(days)]
    shapes += [_expected(run, pitch, ceiling) for run in _runs(days, "expected_kwh")]
    shapes += [
        _day_label(index, day.day.day, pitch) for index, day in enumerate(days) if _is_labelled(index, days)
    ]
    return _svg(_WIDTH, _HEIGHT, "chart-days", shapes)


def period_bar(energy_by_period: Mapping[TouPeriod, Decimal], labels: Mapping[TouPeriod, str]) -> str:
    """One bar split by time-of-use period, each part as wide as its share of the energy; empty text without
    energy.

    labels  What is written on a part that is wide enough.
    """
    parts = [(period, energy_by_period[period]) for period in TouPeriod if energy_by_period.get(period)]
    total = sum((energy for _, energy in parts), Decimal(0))
    if total <= 0:
        return ""
    shapes: list[str] = []
    left = 0.0
    for period, energy in parts:
        share = float(energy / total)
        wide = share * _WIDTH
        shapes.append(
            f'<rect x="{_n(left)}" y="0" width="{_n(wide)}" height="26" fill="{PERIOD_COLOURS[period]}"/>'
        )
        if share >= _LABEL_SHARE:
            shapes.append(
                _text(left + wide / 2, 17.5, f"{labels[period]} {share * 100:.1f}%", 12, "#ffffff", "middle")
            )
        left += wide
    return _svg(_WIDTH, 26, "chart-periods", shapes)


def percentile_bar(percentile: float) -> str:
    """Where a customer stands among its peers: 0 uses least, 100 uses most. [%]"""
    width, at = 320.0, min(max(percentile, 0.0), 100.0) * 3.0 + 10
    shapes = [
        '<rect x="10" y="12" width="300" height="8" rx="4" fill="#e3eaec"/>',
        f'<rect x="10" y="12" width="{_n(at - 10)}" height="8" rx="4" fill="{BAND}"/>',
    ]
    shapes += [
        f'<rect x="{_n(10 + mark * 3 - 0.5)}" y="10" width="1" height="12" fill="{MUTED}"/>'
        for mark in (25, 50, 75)
    ]
    shapes.append(f'<circle cx="{_n(at)}" cy="16" r="7" fill="{TEAL}" stroke="#ffffff" stroke-width="2"/>')
    return _svg(width, 32, "chart-peers", shapes)


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


def _grid_line(level: int, ceiling: float, step: float) -> str:
    value, y = level * step, _y(level * step, ceiling)
    decimals = 0 if step >= 1 else -math.floor(math.log10(step))
    label = (
        f"{value:,.0f}"
        if value == int(value) and (step >= 1 and step == int(step))
        else f"{value:,.{max(decimals, 1)}f}"
    )
    line = f'<rect x="{_n(_LEFT)}" y="{_n(y - 0.4)}" width="{_n(_WIDTH - _LEFT - _RIGHT)}" height="0.8" fill="{MUTED if level == 0 else GRID}"/>'
    return line + _text(_LEFT - 6, y + 4, label, 11, MUTED, "end")


def _bar(index: int, day: DayPoint, pitch: float, ceiling: float) -> str:
    x, wide = _LEFT + (index + 0.18) * pitch, pitch * 0.64
    if day.energy_kwh is None:
        base = _HEIGHT - _BOTTOM
        return _text(x + wide / 2, base - 4, "×", 11, AMBER, "middle")
    top = _y(day.energy_kwh, ceiling)
    colour = AMBER if day.is_above else TEAL
    return f'<rect x="{_n(x)}" y="{_n(top)}" width="{_n(wide)}" height="{_n(_HEIGHT - _BOTTOM - top)}" fill="{colour}"/>'


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


def _band(run: list[tuple[int, tuple[float, ...]]], pitch: float, ceiling: float) -> str:
    """Steps as wide as a day: the band says something of days, not of the time between them."""
    upper, lower = [], []
    for index, (low, high) in run:
        left, right = _LEFT + index * pitch, _LEFT + (index + 1) * pitch
        upper += [(left, _y(high, ceiling)), (right, _y(high, ceiling))]
        lower += [(left, _y(low, ceiling)), (right, _y(low, ceiling))]
    points = " ".join(f"{_n(x)},{_n(y)}" for x, y in (*upper, *reversed(lower)))
    return f'<polygon points="{points}" fill="{BAND}"/>'


def _expected(run: list[tuple[int, tuple[float, ...]]], pitch: float, ceiling: float) -> str:
    points = " ".join(
        f"{_n(x)},{_n(_y(value, ceiling))}"
        for index, (value,) in run
        for x in (_LEFT + index * pitch, _LEFT + (index + 1) * pitch)
    )
    return f'<polyline points="{points}" fill="none" stroke="{INK}" stroke-width="1.4" stroke-dasharray="4 2.5"/>'


def _is_labelled(index: int, days: Sequence[DayPoint]) -> bool:
    number = days[index].day.day
    return number == 1 or (number % 5 == 0) or len(days) <= 7


def _day_label(index: int, number: int, pitch: float) -> str:
    return _text(_LEFT + (index + 0.5) * pitch, _HEIGHT - 5, str(number), 11, MUTED, "middle")


def _text(x: float, y: float, words: str, size: float, colour: str, anchor: str) -> str:
    """Callers pass numbers and words of this project only, never text of a customer."""
    return f'<text x="{_n(x)}" y="{_n(y)}" font-family="{FONT}" font-size="{_n(size)}" fill="{colour}" text-anchor="{anchor}">{words}</text>'


def _svg(width: float, height: float, name: str, shapes: Sequence[str]) -> str:
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" class="{name}" viewBox="0 0 {_n(width)} {_n(height)}" aria-hidden="true">'
    return opening + "".join(shapes) + "</svg>"


def _n(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
