"""Compiled spike rules. All take the days of stacked series; a neighbour or like-day never comes from another
series.
"""

from __future__ import annotations

import numba
import numpy as np

from pipelines.arrays import BoolArray, FloatArray, Int8Array, IntArray
from pipelines.vee.validation.interval_kernels import nearest_like_days

NEIGHBOUR_REACH = 4
"""Intervals within which the nearest value on either side is a neighbour.

No threshold: it only bounds the search across a hole; what fires VEE-V06 are the ratios of ``conf/vee.yaml``.
"""


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _larger_neighbour(flat: FloatArray, position: int, first: int, last: int, reach: int) -> float:
    """The larger of the nearest values on either side that are there within ``reach`` intervals; NaN where
    neither side has one.
    """
    larger = np.nan
    for step in (-1, 1):
        for distance in range(1, reach + 1):
            candidate = position + step * distance
            if candidate < first or candidate >= last:
                break
            if not np.isnan(flat[candidate]):
                larger = flat[candidate] if np.isnan(larger) else max(larger, flat[candidate])
                break
    return float(larger)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _stands_alone(flat: FloatArray, position: int, first: int, last: int, ratio: float, floor: float) -> bool:
    """Whether a value exceeds ``floor``, and its larger neighbour by more than ``ratio``."""
    value = flat[position]
    if not value > floor:
        return False
    # The neighbour before, where it is there, says of most values that they do not stand alone.
    if position > first and value <= ratio * flat[position - 1]:
        return False
    return bool(value > ratio * _larger_neighbour(flat, position, first, last, NEIGHBOUR_REACH))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _above_all_near(flat: FloatArray, position: int, first: int, last: int, reach: int, ratio: float) -> bool:
    """Whether a value exceeds ``ratio`` times every other one within ``reach`` slots; false where there is
    none.
    """
    seen = False
    for near in range(max(first, position - reach), min(last, position + reach + 1)):
        if near != position and not np.isnan(flat[near]):
            seen = True
            if not flat[position] > ratio * flat[near]:
                return False
    return seen


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def usual_at(
    energy: FloatArray, found: IntArray, count: int, slot: int, reach: int, largest: FloatArray
) -> float:
    """Median over like-days of the largest value within ``reach`` slots of a time of day; NaN where there is
    none.

    largest  Room for one value per like-day.
    """
    kept = 0
    for index in range(count):
        top = -1.0
        for near in range(max(0, slot - reach), min(energy.shape[1], slot + reach + 1)):
            top = max(top, energy[found[index], near])  # a NaN loses every comparison
        if top >= 0.0:
            place = kept
            while place > 0 and largest[place - 1] > top:
                largest[place] = largest[place - 1]
                place -= 1
            largest[place] = top
            kept += 1
    if kept == 0:
        return np.nan
    middle = kept // 2
    return float(largest[middle]) if kept % 2 else float((largest[middle - 1] + largest[middle]) / 2)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def mean_above_zero(values: FloatArray) -> float:
    """Mean of the values above zero; 0 where there is none."""
    mass, number = 0.0, 0
    for value in values:
        if value > 0.0:
            mass += value
            number += 1
    return mass / number if number else 0.0


PEAK, SPIKE = 1, 2
"""What an interval that stands alone is: told of, or no measurement at all."""


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def own_peak_height(
    flat: FloatArray,
    first: int,
    last: int,
    slots: int,
    floor: float,
    alone_ratio: float,
    days_ratio: float,
    reached_ratio: float,
) -> float:
    """Height that the highest interval of ``reached_ratio`` of a series' days reaches, if on more than
    ``days_ratio`` of them an interval stands alone above ``floor``; 0 where it has no such peaks of its own.

    Faults of measurement stand on few days, and each elsewhere: neither share moves much by them.
    """
    tops = np.empty((last - first) // slots)
    days, lonely = 0, 0
    for begin in range(first, last, slots):
        top = -1.0
        for position in range(begin, begin + slots):
            if flat[position] > top:  # false for NaN
                top = flat[position]
        if top >= 0.0:
            tops[days] = top
            days += 1
        if not top > floor:
            continue
        for position in range(begin, begin + slots):
            value = flat[position]
            # Most values are told here, without a look beyond the value before.
            beside = position > first and value <= alone_ratio * flat[position - 1]
            if (
                value > floor
                and not beside
                and _stands_alone(flat, position, first, last, alone_ratio, floor)
            ):
                lonely += 1
                break
    if days == 0 or not lonely > days_ratio * days:
        return 0.0
    ordered = np.sort(tops[:days])
    return float(ordered[days - 1 - int(reached_ratio * days)])


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _standing_alone(flat: FloatArray, first: int, last: int, ratio: float, floor: float) -> IntArray:
    """Positions of a series that stand alone, in order."""
    found = np.empty(last - first, dtype=np.int64)
    count = 0
    for position in range(first, last):
        if _stands_alone(flat, position, first, last, ratio, floor):
            found[count] = position
            count += 1
    return found[:count]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _alone_without_spikes(
    flat: FloatArray, marks: Int8Array, alone: IntArray, first: int, last: int, ratio: float, floor: float
) -> IntArray:
    """Takes the spikes among the positions that stand alone out of ``flat``; positions that stand alone then.

    Only those that did before, and the neighbours of what is gone, can.
    """
    for position in alone:
        if marks[position] == SPIKE:
            flat[position] = np.nan
    found = np.empty(alone.size * (2 * NEIGHBOUR_REACH + 1), dtype=np.int64)
    count = 0
    for position in alone:
        reach = NEIGHBOUR_REACH if marks[position] == SPIKE else 0
        for near in range(max(first, position - reach), min(last, position + reach + 1)):
            if _stands_alone(flat, near, first, last, ratio, floor):
                found[count] = near
                count += 1
    return found[:count]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def isolated_spikes(
    energy: FloatArray,
    series_starts: IntArray,
    day_types: IntArray,
    isolation: float,
    like_day_ratio: float,
    far_ratio: float,
    far_like_day_ratio: float,
    far_slots: int,
    floor_ratio: float,
    like_days: int,
    like_slots: int,
    reach_days: int,
    least_like_days: int,
    alone_ratio: float,
    days_ratio: float,
    reached_ratio: float,
    height_ratio: float,
) -> Int8Array:
    """Intervals that stand alone above their neighbours and above what like-days show at that time: SPIKE,
    or PEAK where too few like-days can tell or the series has peaks of its own that reach as high; else 0.

    energy  (days x slots), NaN where nothing came.
    A step up into a shift is no spike: its next neighbour is as high. A short burst that comes every like-day
    is no spike either. On a day on which a works rests its like-days show more than the day itself would:
    what exceeds everything
    within ``far_slots`` by more than ``far_ratio`` need exceed them by ``far_like_day_ratio`` only, in a
    series without own peaks.
    Two passes: a spike that the first finds is no neighbour in the second, so that two unequal spikes side
    by side are both found.
    """
    slots = energy.shape[1]
    work = energy.copy()
    flat = work.reshape(-1)
    marks = np.zeros(flat.size, dtype=np.int8)
    usable = np.ones(energy.shape[0], dtype=np.bool_)
    found = np.empty(like_days, dtype=np.int64)
    room = np.empty(like_days, dtype=np.float64)
    for series in range(series_starts.size - 1):
        first, last = series_starts[series] * slots, series_starts[series + 1] * slots
        floor = floor_ratio * mean_above_zero(flat[first:last])
        height = -1.0  # looked for once something stands alone
        alone = _standing_alone(flat, first, last, isolation, floor)
        for _ in range(2):
            fresh = False
            known, count = -1, 0
            for position in alone:
                value = flat[position]
                row = position // slots
                if row != known:
                    known = row
                    count = nearest_like_days(
                        row,
                        series_starts[series],
                        series_starts[series + 1],
                        day_types,
                        usable,
                        reach_days,
                        found,
                    )
                usual = usual_at(work, found, count, position - row * slots, like_slots, room)
                at_rest = far_like_day_ratio * usual < value <= like_day_ratio * usual and _above_all_near(
                    flat, position, first, last, far_slots, far_ratio
                )
                if value <= like_day_ratio * usual and not at_rest:
                    continue
                if height < 0.0:
                    height = height_ratio * own_peak_height(
                        flat, first, last, slots, floor, alone_ratio, days_ratio, reached_ratio
                    )
                unknown = least_like_days > 0 and (np.isnan(usual) or count < least_like_days)
                if at_rest and height > 0.0:
                    continue
                marks[position] = PEAK if unknown or value <= height else SPIKE
                fresh = fresh or marks[position] == SPIKE
            if not fresh:
                break
            alone = _alone_without_spikes(flat, marks, alone, first, last, isolation, floor)
    return marks.reshape(energy.shape)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def above_third_highest(energy: FloatArray, ratio: float) -> BoolArray:
    """Intervals above ``ratio`` times the third highest of their day; days with fewer than three values above
    zero have none.
    """
    flags = np.zeros(energy.shape, dtype=np.bool_)
    for row in range(energy.shape[0]):
        one, two, three = 0.0, 0.0, 0.0
        for value in energy[row]:
            if value > three:  # false for NaN
                if value > one:
                    one, two, three = value, one, two
                elif value > two:
                    two, three = value, two
                else:
                    three = value
        if three > 0.0 and one > ratio * three:
            for slot in range(energy.shape[1]):
                flags[row, slot] = energy[row, slot] > ratio * three
    return flags


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def local_maxima(
    energy: FloatArray, series_starts: IntArray, reach: int, ratio: float, floor_ratio: float
) -> BoolArray:
    """Intervals above ``ratio`` times every other one within ``reach`` slots, and above ``floor_ratio`` times
    the mean of non-zero intervals.

    An interval without any other one near it is not judged.
    """
    slots = energy.shape[1]
    flat = energy.reshape(-1)
    flags = np.zeros(flat.size, dtype=np.bool_)
    for series in range(series_starts.size - 1):
        first, last = series_starts[series] * slots, series_starts[series + 1] * slots
        floor = floor_ratio * mean_above_zero(flat[first:last])
        for position in range(first, last):
            if flat[position] > floor:
                flags[position] = _above_all_near(flat, position, first, last, reach, ratio)
    return flags.reshape(energy.shape)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _above_most_near(
    flat: FloatArray, position: int, first: int, last: int, reach: int, ratio: float
) -> bool:
    """Whether a value exceeds ``ratio`` times more than half of those within ``reach`` slots; true where
    there is none.
    """
    seen, below = 0, 0
    for near in range(max(first, position - reach), min(last, position + reach + 1)):
        if near != position and not np.isnan(flat[near]):
            seen += 1
            below += flat[position] > ratio * flat[near]
    return seen == 0 or 2 * below > seen


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def above_like_days(
    energy: FloatArray,
    series_starts: IntArray,
    day_types: IntArray,
    ratio: float,
    floor_ratio: float,
    like_days: int,
    like_slots: int,
    reach_days: int,
    near_reach: int,
    near_ratio: float,
) -> BoolArray:
    """Intervals above ``ratio`` times what own like-days show around the same time, above ``near_ratio``
    times most of those within
    ``near_reach`` slots, and above ``floor_ratio`` times the mean of non-zero ones.

    An unusual shift lies above like-days too, but not above its own hour. Like-days are looked up once for a
    day, and only for a day that
    has an interval which passes the other two conditions.
    """
    slots = energy.shape[1]
    flat = energy.reshape(-1)
    flags = np.zeros(energy.shape, dtype=np.bool_)
    usable = np.ones(energy.shape[0], dtype=np.bool_)
    found = np.empty(like_days, dtype=np.int64)
    room = np.empty(like_days, dtype=np.float64)
    for series in range(series_starts.size - 1):
        begin, end = series_starts[series], series_starts[series + 1]
        floor = floor_ratio * mean_above_zero(energy[begin:end].reshape(-1))
        for row in range(begin, end):
            count = -1
            for slot in range(slots):
                value = energy[row, slot]
                if not value > floor:
                    continue
                if not _above_most_near(
                    flat, row * slots + slot, begin * slots, end * slots, near_reach, near_ratio
                ):
                    continue
                if count < 0:
                    count = nearest_like_days(row, begin, end, day_types, usable, reach_days, found)
                flags[row, slot] = count > 0 and value > ratio * usual_at(
                    energy, found, count, slot, like_slots, room
                )
    return flags
