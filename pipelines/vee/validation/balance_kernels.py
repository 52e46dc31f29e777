"""Compiled rules on size and balance: noise below zero, and sums that came late. All take the days of stacked
series; nothing is looked for in another series.
"""

from __future__ import annotations

import numba
import numpy as np

from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.vee.validation.interval_kernels import nearest_like_days
from pipelines.vee.validation.spike_kernels import NEIGHBOUR_REACH, usual_at

MOST_NOISE = 0.1
"""Share of a series' mean above zero that no noise exceeds: few and coarse values tell of no small step."""


_BEYOND = 100.0


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _usual_mean(values: FloatArray) -> float:
    """Mean of the values above zero, without those beyond 100 times the mean of the others: one false value
    of a million would make noise of all that is below zero.
    """
    most, mean = np.inf, 0.0
    while True:
        mass, number, largest = 0.0, 0, 0.0
        for value in values:
            if 0.0 < value <= most:
                mass += value
                number += 1
                largest = max(largest, value)
        mean = mass / number if number else 0.0
        if largest <= _BEYOND * mean:
            return mean
        most = _BEYOND * mean


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _smallest_step(values: FloatArray) -> float:
    """Smallest distance between two of the values that are not below zero, zero among them."""
    ordered = np.sort(values[values >= 0.0])
    smallest, before = np.inf, 0.0
    for value in ordered:
        if value - before > 1e-9 * ordered[-1]:
            smallest = min(smallest, value - before)
        before = value
    return float(smallest)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def noise_limits(energy: FloatArray, series_starts: IntArray, ratio: float, steps: float) -> FloatArray:
    """How far below zero noise reaches on each day; 0 in series without a value below zero. (days) [kWh or
    kvarh]

    ratio  Share of the mean of the intervals above zero.
    steps  Multiple of the smallest step between the series' values, zero among them.
    """
    limits = np.zeros(energy.shape[0])
    for series in range(series_starts.size - 1):
        begin, end = series_starts[series], series_starts[series + 1]
        values = energy[begin:end].reshape(-1)
        if not (values < 0.0).any():
            continue
        mean = _usual_mean(values)
        most = min(ratio, MOST_NOISE) * mean
        if steps > 0.0 and ((values < -most) & (values >= -MOST_NOISE * mean)).any():  # else no step decides
            usual = values[values <= _BEYOND * mean]
            most = min(max(most, steps * _smallest_step(usual)), MOST_NOISE * mean)
        limits[begin:end] = most * (1.0 + 1e-9)  # the last bits of a decimal are no difference
    return limits


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _days_like(
    row: int, first: int, last: int, day_types: IntArray, usable: BoolArray, reach_days: int, found: IntArray
) -> int:
    """As ``nearest_like_days``; where there is none of the same type, the nearest days of any."""
    count = nearest_like_days(row, first, last, day_types, usable, reach_days, found)
    if count == 0:
        count = nearest_like_days(row, first, last, np.zeros_like(day_types), usable, reach_days, found)
    return int(count)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _shown_by_like_days(
    energy: FloatArray,
    begin: int,
    end: int,
    first: int,
    last: int,
    day_types: IntArray,
    usable: BoolArray,
    reach_days: int,
    found: IntArray,
    room: FloatArray,
) -> float:
    """Sum of the medians that like-days show for the positions [begin, end); NaN where one has none, or where
    like-days rest through half of them too.

    first, last  Rows of the series.
    """
    slots = energy.shape[1]
    total, resting = 0.0, 0
    for row in range(begin // slots, (end - 1) // slots + 1):
        count = _days_like(row, first, last, day_types, usable, reach_days, found)
        for slot in range(max(0, begin - row * slots), min(slots, end - row * slots)):
            kept = 0
            for index in range(count):
                if not np.isnan(energy[found[index], slot]):
                    room[kept] = energy[found[index], slot]
                    kept += 1
            if kept == 0:
                return np.nan
            usual = np.median(room[:kept])
            total += usual
            resting += usual == 0.0
    return total if 2 * resting < end - begin else np.nan


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def catch_ups(
    energy: FloatArray,
    series_starts: IntArray,
    day_types: IntArray,
    outages: BoolArray,
    alone_ratio: float,
    like_day_ratio: float,
    balance: float,
    least: int,
    longest: int,
    like_days: int,
    like_slots: int,
    reach_days: int,
) -> BoolArray:
    """Runs of zeros or of nothing with the interval after them that holds their sum. (days x slots)

    energy   (days x slots), NaN where nothing came.
    outages  (days) days on which zeros are true.
    balance  The interval lies within this factor of what like-days show for all of them together.
    least, longest  How many intervals of zero or of nothing come before it.

    It exceeds the next value by more than ``alone_ratio`` and what like-days show around its time by more
    than ``like_day_ratio``: what else follows zeros is a load that was switched on.
    """
    slots = energy.shape[1]
    flat = energy.reshape(-1)
    marks = np.zeros(flat.size, dtype=np.bool_)
    usable = np.ones(energy.shape[0], dtype=np.bool_)
    found, room = np.empty(like_days, dtype=np.int64), np.empty(like_days, dtype=np.float64)
    for series in range(series_starts.size - 1):
        first, last = series_starts[series], series_starts[series + 1]
        position, end = first * slots, last * slots
        while position < end and not (flat[position] > 0.0):  # what came before the first value is not known
            position += 1
        while position < end:
            if flat[position] != 0.0 and not np.isnan(flat[position]):
                position += 1
                continue
            begin = position
            while position < end and (flat[position] == 0.0 or np.isnan(flat[position])):
                position += 1
            if position == end or not least <= position - begin <= longest:
                continue
            value, after = flat[position], position + 1
            while after < min(end, position + NEIGHBOUR_REACH) and np.isnan(flat[after]):
                after += 1
            if not value > 0.0 or (after < end and value <= alone_ratio * flat[after]):
                continue
            top, bottom = begin // slots, position // slots + 1
            if outages[top:bottom].any():
                continue
            usable[top:bottom] = False
            shown = _shown_by_like_days(
                energy, begin, position + 1, first, last, day_types, usable, reach_days, found, room
            )
            if shown > 0.0 and shown / balance <= value <= shown * balance:
                count = _days_like(bottom - 1, first, last, day_types, usable, reach_days, found)
                usual = usual_at(energy, found, count, position - (bottom - 1) * slots, like_slots, room)
                marks[begin : position + 1] = value > like_day_ratio * usual
            usable[top:bottom] = True
    return marks.reshape(energy.shape)
