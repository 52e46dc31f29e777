"""Compiled loops of the checks. All take the days of stacked series; a run or a neighbour never crosses from one series into the next."""

from __future__ import annotations

import numba
import numpy as np

from pipelines.vee.blocks import BoolArray, FloatArray, IntArray


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def repeated_runs(energy: FloatArray, series_starts: IntArray, counts: BoolArray, limit: int, zeros: bool) -> BoolArray:
    """Intervals in a run of one repeated value that is at least ``limit`` intervals long.

    energy  (days x slots), NaN ends a run.
    counts  (days) rows that are looked at.
    zeros   Runs of zero if true, else runs of any value above zero.
    """
    slots = energy.shape[1]
    flat = energy.reshape(-1)
    flags = np.zeros(flat.size, dtype=np.bool_)
    for series in range(series_starts.size - 1):
        first, last = series_starts[series] * slots, series_starts[series + 1] * slots
        begin = first
        for position in range(first, last + 1):
            same = position < last and position > begin and flat[position] == flat[begin]
            if same:
                continue
            if position - begin >= limit and counts[begin // slots] and ((flat[begin] == 0.0) if zeros else (flat[begin] > 0.0)):
                flags[begin:position] = True
            begin = position
    return flags.reshape(energy.shape)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def nearest_like_days(row: int, first: int, last: int, day_types: IntArray, usable: BoolArray, reach: int, found: IntArray) -> int:
    """Fills ``found`` with the rows of the nearest usable days of the same type, the earlier first on a tie; returns how many.

    row    The day itself, never among the found.
    first  First row of its series; last: the row after its last.
    reach  How many days to look before and after.
    """
    count = 0
    for distance in range(1, reach + 1):
        for step in (-distance, distance):
            candidate = row + step
            if candidate < first or candidate >= last or not usable[candidate] or day_types[candidate] != day_types[row]:
                continue
            found[count] = candidate
            count += 1
            if count == found.size:
                return count
        if row - distance < first and row + distance >= last:
            break
    return count


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _larger_neighbour(flat: FloatArray, position: int, first: int, last: int, reach: int) -> float:
    """The larger of the nearest values on either side that are there within ``reach`` intervals; NaN where neither side has one."""
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
def _usual_at(energy: FloatArray, found: IntArray, count: int, slot: int, reach: int) -> float:
    """Median over like-days of the largest value within ``reach`` slots of a time of day; NaN where there is none."""
    largest = np.empty(count, dtype=np.float64)
    kept = 0
    for index in range(count):
        top = -1.0
        for near in range(max(0, slot - reach), min(energy.shape[1], slot + reach + 1)):
            top = max(top, energy[found[index], near])  # a NaN loses every comparison
        if top >= 0.0:
            largest[kept] = top
            kept += 1
    return float(np.median(largest[:kept])) if kept else np.nan


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _mean_above_zero(values: FloatArray) -> float:
    mass, number = 0.0, 0
    for value in values:
        if value > 0.0:
            mass += value
            number += 1
    return mass / number if number else 0.0


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def isolated_spikes(
    energy: FloatArray,
    series_starts: IntArray,
    day_types: IntArray,
    isolation: float,
    like_day_ratio: float,
    floor_ratio: float,
    like_days: int,
    like_slots: int,
    reach_days: int,
) -> BoolArray:
    """Intervals that stand alone above their neighbours and above what like-days show at that time.

    energy  (days x slots), NaN where nothing came.
    A step up into a shift is no spike: its next neighbour is as high. A short burst that comes every like-day is no spike either.
    Two passes: what the first finds is no neighbour in the second, so that two unequal spikes side by side are both found.
    """
    slots = energy.shape[1]
    work = energy.copy()
    flat = work.reshape(-1)
    flags = np.zeros(flat.size, dtype=np.bool_)
    usable = np.ones(energy.shape[0], dtype=np.bool_)
    found = np.empty(like_days, dtype=np.int64)
    for series in range(series_starts.size - 1):
        first, last = series_starts[series] * slots, series_starts[series + 1] * slots
        floor = floor_ratio * _mean_above_zero(flat[first:last])
        for _ in range(2):
            fresh = False
            for position in range(first, last):
                value = flat[position]
                if not value > floor:
                    continue
                if not value > isolation * _larger_neighbour(flat, position, first, last, 4):
                    continue
                row = position // slots
                count = nearest_like_days(row, series_starts[series], series_starts[series + 1], day_types, usable, reach_days, found)
                usual = _usual_at(work, found, count, position - row * slots, like_slots)
                if np.isnan(usual) or value > like_day_ratio * usual:
                    flags[position] = True
                    fresh = True
            if not fresh:
                break
            for position in range(first, last):
                if flags[position]:
                    flat[position] = np.nan
    return flags.reshape(energy.shape)
