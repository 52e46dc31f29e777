"""Compiled search for the days that run most alike beside a gap."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.vee.estimation.methods import OFFSET_CORRECTED, UNCORRECTED


class GapSettings(NamedTuple):
    """Thresholds of the methods in intervals and days; see ``VeeSettings`` for their meaning."""

    like_days: int
    reach_days: int
    beside: int
    scale_min: float
    scale_max: float
    context_min: int
    context_max: int
    compared: int
    candidates: int
    offset_corrected_days: int
    uncorrected_days: int
    least_alike: int


@numba.njit(cache=True, nogil=True, no_cpython_wrapper=True)  # type: ignore[untyped-decorator]
def _smallest(costs: FloatArray, count: int, wanted: int, places: IntArray) -> int:
    """Places of the ``wanted`` smallest of the first ``count`` costs, smallest first, the earlier first on a
    tie; the costs are spent.
    """
    for index in range(min(wanted, count)):
        best = 0
        for place in range(1, count):
            if costs[place] < costs[best]:
                best = place
        places[index] = best
        costs[best] = np.inf
    return min(wanted, count)


@numba.njit(cache=True, nogil=True, no_cpython_wrapper=True)  # type: ignore[untyped-decorator]
def _unlike(top: int, bottom: int, days: int, day_types: IntArray, clean: BoolArray) -> int:
    """How many of the gap's days have another type ``days`` away; -1 where one of those may not be used."""
    wrong = 0
    for row in range(top, bottom + 1):
        if not clean[row + days]:
            return -1
        wrong += day_types[row + days] != day_types[row]
    return wrong


@numba.njit(cache=True, nogil=True, no_cpython_wrapper=True)  # type: ignore[untyped-decorator]
def _shift(
    flat: FloatArray, first: int, last: int, begin: int, end: int, by: int, left: float, right: float
) -> tuple[float, float]:
    """What makes a candidate meet the gap's neighbours, at its start and at its end; one serves for both
    where the other is not there.
    """
    at_start = left - flat[begin - 1 + by] if begin - 1 + by >= first else np.nan
    at_end = right - flat[end + by] if end + by < last else np.nan
    if np.isnan(at_start):
        at_start = 0.0 if np.isnan(at_end) else at_end
    if np.isnan(at_end):
        at_end = at_start
    return at_start, at_end


@numba.njit(cache=True, nogil=True, no_cpython_wrapper=True)  # type: ignore[untyped-decorator]
def _apart(
    flat: FloatArray,
    first: int,
    last: int,
    begin: int,
    end: int,
    by: int,
    at_start: float,
    at_end: float,
    context: int,
    skip: int,
) -> tuple[float, float, int]:
    """Sum of distances beside the gap, the same after the shift, and over how many intervals."""
    apart, apart_corrected, compared = 0.0, 0.0, 0
    for position in range(begin - 1, max(begin - context, first, first - by) - 1, -skip):
        difference = flat[position] - flat[position + by]
        if not np.isnan(difference):
            apart += abs(difference)
            apart_corrected += abs(difference - at_start)
            compared += 1
    for position in range(end, min(end + context, last, last - by), skip):
        difference = flat[position] - flat[position + by]
        if not np.isnan(difference):
            apart += abs(difference)
            apart_corrected += abs(difference - at_end)
            compared += 1
    return apart, apart_corrected, compared


@numba.njit(cache=True, nogil=True, no_cpython_wrapper=True)  # type: ignore[untyped-decorator]
def _median(
    flat: FloatArray, place: int, shifts: IntArray, chosen: IntArray, kept: int, ordered: FloatArray
) -> float:
    """Median of the chosen candidates at one place; ``ordered`` is room to sort them in."""
    for index in range(kept):  # insertion: a handful of values
        value, below = flat[place + shifts[chosen[index]]], index
        while below > 0 and ordered[below - 1] > value:
            ordered[below] = ordered[below - 1]
            below -= 1
        ordered[below] = value
    return float(0.5 * (ordered[(kept - 1) // 2] + ordered[kept // 2]))


@numba.njit(cache=True, nogil=True, no_cpython_wrapper=True)  # type: ignore[untyped-decorator]
def _candidates(
    flat: FloatArray,
    slots: int,
    first: int,
    last: int,
    begin: int,
    end: int,
    left: float,
    right: float,
    day_types: IntArray,
    clean: BoolArray,
    how: GapSettings,
    shifts: IntArray,
    starts: FloatArray,
    ends: FloatArray,
    corrected: FloatArray,
    uncorrected: FloatArray,
) -> tuple[int, int]:
    """Fills shift, difference at start and end, and cost after and before tying of every candidate; how many,
    and of how many to choose.

    Where enough candidates have the types of the gap's own days, the others cost more than anything.
    """
    context = min(max(end - begin, how.context_min), how.context_max)
    skip = (context + how.compared - 1) // how.compared
    top, bottom = begin // slots, (end - 1) // slots
    unlike = np.empty(shifts.size, dtype=np.int64)
    count, alike = 0, 0
    for step in range(2 * (bottom - top + 1), 2 * how.reach_days + 2):
        days = -(step // 2) if step % 2 == 0 else step // 2
        by = days * slots
        if begin + by < first or end + by > last:
            continue
        wrong = _unlike(top, bottom, days, day_types, clean)
        if wrong < 0 or (wrong > 0 and alike >= how.least_alike):
            continue
        at_start, at_end = _shift(flat, first, last, begin, end, by, left, right)
        apart, apart_corrected, compared = _apart(
            flat, first, last, begin, end, by, at_start, at_end, context, skip
        )
        if compared == 0:
            continue
        cost = (1.0 + wrong / (bottom - top + 1)) / compared
        shifts[count], unlike[count], starts[count], ends[count] = by, wrong, at_start, at_end
        corrected[count], uncorrected[count] = apart_corrected * cost, apart * cost
        count += 1
        alike += wrong == 0
        if alike >= how.candidates:
            break
    if alike < how.least_alike:
        return count, count
    for index in range(count):
        if unlike[index] > 0:
            corrected[index], uncorrected[index] = np.inf, np.inf
    return count, alike


@numba.njit(cache=True, nogil=True, no_cpython_wrapper=True)  # type: ignore[untyped-decorator]
def similar_days(
    flat: FloatArray,
    slots: int,
    first: int,
    last: int,
    begin: int,
    end: int,
    stride: int,
    offset: int,
    left: float,
    right: float,
    day_types: IntArray,
    clean: BoolArray,
    how: GapSettings,
    estimates: FloatArray,
    spread: FloatArray,
) -> None:
    """The same hours of the clean days that run most like this one beside the gap.

    Candidates lie whole days away. Of those whose days have the same types as the gap's, where there are
    enough of them, else of all, the nearest in resemblance are taken: mean distance over the hours before and
    after the gap, as many as the gap is long within [context_min, context_max].

    OFFSET_CORRECTED: each is first shifted to meet the gap's two neighbours, the shift running linearly
    across
    the gap; mean, and as spread the mean distance from it. UNCORRECTED: as they stand; median; not for gaps
    shorter than the least context, where the neighbours say more than any level of another day.
    """
    length, most = end - begin, 2 * how.reach_days
    shifts, chosen = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    starts, ends, corrected, uncorrected = np.empty(most), np.empty(most), np.empty(most), np.empty(most)
    count, wanted = _candidates(
        flat,
        slots,
        first,
        last,
        begin,
        end,
        left,
        right,
        day_types,
        clean,
        how,
        shifts,
        starts,
        ends,
        corrected,
        uncorrected,
    )
    if wanted == 0:
        return
    kept = _smallest(corrected, count, min(wanted, how.offset_corrected_days), chosen)
    row = offset
    for place in range(stride // 2, length, stride):
        passed = (place + 1) / (length + 1)
        total, apart = 0.0, 0.0
        for index in range(kept):
            other = chosen[index]
            corrected[index] = (
                flat[begin + place + shifts[other]] + starts[other] + (ends[other] - starts[other]) * passed
            )
            total += corrected[index]
        for index in range(kept):
            apart += abs(corrected[index] - total / kept)
        estimates[row, OFFSET_CORRECTED] = total / kept
        spread[row] = apart / kept
        row += 1
    if length < how.context_min:
        return
    kept = _smallest(uncorrected, count, min(wanted, how.uncorrected_days), chosen)
    row = offset
    for place in range(stride // 2, length, stride):
        estimates[row, UNCORRECTED] = _median(flat, begin + place, shifts, chosen, kept, corrected)
        row += 1
