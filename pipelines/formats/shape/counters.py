"""Readings of a counter: known by their shape where nobody declared them, and turned into energy where
somebody did.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.formats.shape.ordered import UNBOUNDED, Ordered

_DAY_MICROS = 86_400_000_000
_RISING_SHARE, _RESTART_STEPS, _MOST_TOGETHER = 0.9, 4, 366
_DIGITS = 9
"""Decimals of a difference: readings are binary fractions, and a billionth is beyond any counter."""


def looks_cumulative(
    stamps: Ordered, length: int, least_rises: int, least_days: int, ratio: float
) -> BoolArray:
    """(lines) whether what a line tells looks like the reading of a counter.

    stamps       One line of each stamp.
    length       The declared interval. [us]
    least_rises  A day is judged where values rise so often in it; where a day has no room for so many, as
                 many days together as have.
    least_days   So many days that never fall show a counter, whatever its level.
    ratio        Fewer show it where the level of a day is more than this multiple of its mean step.

    A series is one where nine in ten of the judged days do not fall. The first step of a day may fall:
    counters of a day begin again there. Of any other series those lines are readings that do not fall for so
    many days on end, and rise as often as so many judged days.
    """
    together = min(-(-(least_rises + 2) * length // _DAY_MICROS), _MOST_TOGETHER)
    whole = _whole_series(stamps, max(1, together), least_rises, least_days, ratio)
    marks = whole[stamps.series] if stamps.series.size else np.zeros(0, np.bool_)
    if marks.all():
        return np.asarray(marks, np.bool_)
    same = np.append(False, stamps.series[1:] == stamps.series[:-1])
    step = np.diff(stamps.value, prepend=np.nan)
    run = np.cumsum(~same | (step < 0)) - 1
    first = np.flatnonzero(np.diff(run, prepend=-1))
    last = np.append(first[1:], run.size) - 1
    lasting = stamps.stamp[last] - stamps.stamp[first] >= least_days * _DAY_MICROS
    rises = np.bincount(run, weights=same & (step > 0))
    return np.asarray(marks | (lasting & (rises >= least_days * least_rises))[run], np.bool_)


def _whole_series(
    stamps: Ordered, together: int, least_rises: int, least_days: int, ratio: float
) -> BoolArray:
    """(series) whether nine in ten of its days do not fall; ``together`` days are judged as one."""
    size = int(stamps.series.max()) + 1 if stamps.series.size else 0
    day = np.floor_divide(stamps.stamp, together * _DAY_MICROS)
    begins = np.ones(day.size, np.bool_)
    begins[1:] = (stamps.series[1:] != stamps.series[:-1]) | (day[1:] != day[:-1])
    first = np.flatnonzero(begins)
    if not first.size:
        return np.zeros(size, np.bool_)
    group = np.cumsum(begins) - 1
    of_day = stamps.series[first]
    step = np.diff(stamps.value, prepend=np.nan)
    step[begins] = 0.0
    opening = np.append(False, begins[:-1])
    rises = np.bincount(group, weights=step > 0)
    falls = np.bincount(group, weights=(step < 0) & ~opening)
    count = np.bincount(group)
    judged = rises >= least_rises
    rising = judged & (falls == 0)
    gained = np.bincount(group, weights=np.where(opening, 0.0, step))
    high = np.bincount(group, weights=stamps.value) * np.maximum(count - 2, 1) > ratio * gained * count
    # A counter goes on from the day before, or begins again at about nothing.
    goes_on = np.append(
        False, (of_day[1:] == of_day[:-1]) & (stamps.value[first[1:]] >= stamps.value[first[1:] - 1])
    )
    lowest = np.minimum.reduceat(stamps.value, first)
    restarts = lowest * np.maximum(count - 2, 1) <= _RESTART_STEPS * gained
    per_series = (
        np.bincount(of_day, weights=days, minlength=size)
        for days in (judged, rising, rising & high, rising & (goes_on | restarts))
    )
    all_judged, all_rising, all_high, all_follow = per_series
    mostly = (all_rising > 0) & (all_rising >= _RISING_SHARE * all_judged)
    return np.asarray(
        mostly & ((all_follow * together >= least_days) | (2 * all_high >= all_rising)), np.bool_
    )


@dataclass(frozen=True)
class Differences:
    """What readings of a counter tell.

    energy     (lines) energy of the interval that each line names, NaN where it is not known.
    fell       Places of readings below the one before: a counter was reset or exchanged.
    after_gap  Places of readings before which others are missing.
    over_gap   Energy over each of those gaps; NaN where the counter fell in it.
    """

    energy: FloatArray
    fell: IntArray
    after_gap: IntArray
    over_gap: FloatArray


def differences(stamps: Ordered, length: int, *, ends: bool) -> Differences:
    """The energy between successive readings, as far as they stand one interval apart.

    stamps  Readings, one line of each stamp.
    length  The declared interval. [us]
    ends    Whether a line names the interval that ends with its stamp, else the one that begins there.

    A counter that begins again at midnight counted what it shows at the next reading; one that shows more
    than a few of its steps then was exchanged.
    """
    after = stamps.steps()
    until = np.flatnonzero(after != UNBOUNDED)
    risen = np.round(stamps.value[until + 1] - stamps.value[until], _DIGITS)
    fell = risen < 0
    apart = after[until] > length
    highest = np.zeros(int(stamps.series.max()) + 1 if stamps.series.size else 0)
    np.maximum.at(highest, stamps.series[until], np.where(apart, 0.0, risen))
    begun = stamps.value[until + 1] <= _RESTART_STEPS * highest[stamps.series[until]]
    at_midnight = fell & begun & (stamps.stamp[until] % _DAY_MICROS == 0)
    gained = np.where(at_midnight, stamps.value[until + 1], np.where(fell, np.nan, risen))
    energy = np.full(stamps.value.size, np.nan)
    energy[until + (1 if ends else 0)] = np.where(apart, np.nan, gained)
    return Differences(
        energy,
        until[fell & ~at_midnight] + 1,
        until[apart] + 1,
        np.where(fell, np.nan, risen)[apart],
    )
