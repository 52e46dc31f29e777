"""Compiled loops of the checks. All take the days of stacked series; a run or a neighbour never crosses from one series into the next."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

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
def runs_touching(runs: BoolArray, series_starts: IntArray, days: BoolArray) -> BoolArray:
    """Those of the runs of true intervals that touch a day that is marked, whole.

    runs  (days x slots); days: (days).
    """
    slots = runs.shape[1]
    flat = runs.reshape(-1)
    kept = np.zeros(flat.size, dtype=np.bool_)
    for series in range(series_starts.size - 1):
        position, last = series_starts[series] * slots, series_starts[series + 1] * slots
        while position < last:
            if not flat[position]:
                position += 1
                continue
            begin, touched = position, False
            while position < last and flat[position]:
                touched = touched or days[position // slots]
                position += 1
            kept[begin:position] = touched
    return kept.reshape(runs.shape)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def shifted_by_one(energy: FloatArray, series_starts: IntArray, day_numbers: IntArray) -> BoolArray:
    """Days of a series whose first day lacks its first slot alone and whose last day, the next after a whole one, holds its first slot alone.

    energy  (days x slots) -> (days); the first and the last day of such a series are marked.
    """
    marked = np.zeros(energy.shape[0], dtype=np.bool_)
    slots = energy.shape[1]
    for series in range(series_starts.size - 1):
        first, last = series_starts[series], series_starts[series + 1] - 1
        if last <= first or not np.isnan(energy[first, 0]) or np.isnan(energy[last, 0]) or day_numbers[last] != day_numbers[last - 1] + 1:
            continue
        shifted = True
        for slot in range(1, slots):
            if np.isnan(energy[first, slot]) or not np.isnan(energy[last, slot]):
                shifted = False
                break
        marked[first] = marked[last] = shifted and not np.isnan(energy[last - 1, slots - 1])
    return marked


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def split_invalid(
    energy: FloatArray, invalid: BoolArray, substituted: BoolArray, measured: int, missing: int, substitute: int
) -> tuple[FloatArray, NDArray[np.int8], BoolArray]:
    """What stands before anything is estimated; all (days x slots).

    Returns the energy, NaN where it is invalid; the status of each interval, one of the last three arguments; (days) whether every
    interval of the day is valid and none a substitute.
    """
    final, status = np.empty(energy.shape), np.empty(energy.shape, dtype=np.int8)
    clean = np.ones(energy.shape[0], dtype=np.bool_)
    for day in range(energy.shape[0]):
        for slot in range(energy.shape[1]):
            final[day, slot], status[day, slot] = energy[day, slot], measured
            if invalid[day, slot]:
                final[day, slot], status[day, slot] = np.nan, missing
                clean[day] = False
            elif substituted[day, slot]:
                status[day, slot] = substitute
                clean[day] = False
    return final, status, clean
