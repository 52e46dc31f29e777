"""Compiled estimates of gaps by every method at once; a gap never looks into another series."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from pipelines.arrays import BoolArray, FloatArray, IntArray

LINEAR, LIKE_DAY, TIED, HALFWAY, UNTIED = range(5)
METHODS = 5
"""Columns of the matrix of estimates, in the order of the catalogue."""

GOLDEN = 0.6180339887498949


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
    tied_days: int
    untied_days: int
    least_alike: int


class Gaps(NamedTuple):
    """Gaps to estimate, arrays of one length.

    first, last  The series of each gap: [first, last) in the block's values.
    begin        Where the gap begins; length: how many intervals it has, 0: nothing is to be done.
    stride       1: every interval is estimated; else the stride // 2-th of every ``stride``.
    offset       Row of the output that gets the first estimate; the others follow.
    """

    first: IntArray
    last: IntArray
    begin: IntArray
    length: IntArray
    stride: IntArray
    offset: IntArray


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def place_masks(
    flat: FloatArray,
    first: IntArray,
    last: IntArray,
    length: IntArray,
    apart: int,
    least: int,
    phase: float,
    begins: IntArray,
) -> None:
    """Chooses, for each series given, gaps that could be masked: whole with their neighbours, evenly strewn
    over the series.

    first, last, length  (series) the series in ``flat`` and the length of its masks.
    apart                A series that has no room for so many masks beside each other gets none: they would
                         say one thing many times.
    least                Room in intervals that a series must have anyway.
    phase                Where the walk begins, [0, 1); another phase gives other masks.
    begins               (series x masks) gets where each begins, -1 where no more were found.
    """
    for series in range(first.size):
        room = last[series] - first[series] - length[series] - 1
        found, trial = 0, 0
        while (
            found < begins.shape[1]
            and trial < 3 * begins.shape[1]
            and room >= max(least, apart * length[series])
        ):
            begin = first[series] + 1 + int(((phase + trial * GOLDEN) % 1.0) * (room - 1))
            trial += 1
            position = begin + length[series]
            while position >= begin - 1 and not np.isnan(flat[position]):
                position -= 1
            if position < begin - 1:
                begins[series, found] = begin
                found += 1
        for index in range(found, begins.shape[1]):
            begins[series, index] = -1


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def estimate_gaps(
    flat: FloatArray,
    slots: int,
    day_types: IntArray,
    clean: BoolArray,
    gaps: Gaps,
    masked: bool,
    how: GapSettings,
    estimates: FloatArray,
    spread: FloatArray,
    truths: FloatArray,
) -> None:
    """Estimates each gap by every method.

    flat       All values of the block, one after the other; NaN wherever nothing usable stands. The same
               afterwards as before.
    day_types  (days) code of the kind of day.
    clean      (days) days that may serve as like-days; a gap's own never do.
    masked     The gaps hold values, which are hidden while they are estimated, and put into ``truths``
               (rows).
    estimates  (rows x methods), filled with NaN beforehand; stays so where a method does not reach.
    spread     (rows), zero beforehand: how far resembling days lie apart.
    """
    longest = 1
    for gap in range(gaps.length.size):
        longest = max(longest, gaps.length[gap])
    held = np.empty(longest)
    held_days = np.empty(longest // slots + 2, dtype=np.bool_)
    for gap in range(gaps.length.size):
        first, last, begin, length = gaps.first[gap], gaps.last[gap], gaps.begin[gap], gaps.length[gap]
        stride, offset = gaps.stride[gap], gaps.offset[gap]
        if length == 0:
            continue
        top, bottom = begin // slots, (begin + length - 1) // slots + 1
        for row in range(top, bottom):
            held_days[row - top] = clean[row]
            clean[row] = False
        for place in range(length if masked else 0):
            held[place] = flat[begin + place]
            flat[begin + place] = np.nan
        left = flat[begin - 1] if begin > first else np.nan
        right = flat[begin + length] if begin + length < last else np.nan
        row = offset
        for place in range(stride // 2, length, stride):
            estimates[row, LINEAR] = left + (right - left) * (place + 1) / (length + 1)
            row += 1
        _mean_of_like_days(
            flat, slots, first, last, begin, begin + length, stride, offset, day_types, clean, how, estimates
        )
        _resembling_days(
            flat,
            slots,
            first,
            last,
            begin,
            begin + length,
            stride,
            offset,
            left,
            right,
            day_types,
            clean,
            how,
            estimates,
            spread,
        )
        row = offset
        for place in range(stride // 2, length, stride):
            estimates[row, HALFWAY] = 0.5 * (estimates[row, LINEAR] + estimates[row, TIED])
            if masked:
                truths[row] = held[place]
            row += 1
        for place in range(length if masked else 0):
            flat[begin + place] = held[place]
        for place in range(top, bottom):
            clean[place] = held_days[place - top]


@numba.njit(cache=True, nogil=True, no_cpython_wrapper=True)  # type: ignore[untyped-decorator]
def _mean_of_like_days(
    flat: FloatArray,
    slots: int,
    first: int,
    last: int,
    begin: int,
    end: int,
    stride: int,
    offset: int,
    day_types: IntArray,
    clean: BoolArray,
    how: GapSettings,
    estimates: FloatArray,
) -> None:
    """Mean of the nearest clean days of the same type, times one scale for the whole gap; on a tie the
    earlier day first.

    The scale is what was measured in ``beside`` intervals before and after the gap over what like-days show
    there. A gap may run over
    midnight; each of its days looks for its own like-days.
    """
    found = np.empty(how.like_days, dtype=np.int64)
    here, there = 0.0, 0.0
    row, kept, at = -1, 0, offset
    for position in range(max(first, begin - how.beside), min(last, end + how.beside)):
        inside = begin <= position < end
        if (position - begin) % stride != stride // 2 if inside else np.isnan(flat[position]):
            continue
        if position // slots != row:
            row, kept = position // slots, 0
            step = 2
            while step < 2 * how.reach_days + 2 and kept < how.like_days:
                other = row - step // 2 if step % 2 == 0 else row + step // 2
                step += 1
                if first <= other * slots < last and clean[other] and day_types[other] == day_types[row]:
                    found[kept] = other
                    kept += 1
        total = 0.0
        for index in range(kept):
            total += flat[position + (found[index] - row) * slots]
        if inside:
            if kept:
                estimates[at, LIKE_DAY] = total / kept
            at += 1
        elif kept:
            here += flat[position]
            there += total / kept
    if there > 0.0:
        scale = min(max(here / there, how.scale_min), how.scale_max)
        for index in range(offset, at):
            estimates[index, LIKE_DAY] *= scale


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
    apart, apart_tied, compared = 0.0, 0.0, 0
    for position in range(begin - 1, max(begin - context, first, first - by) - 1, -skip):
        difference = flat[position] - flat[position + by]
        if not np.isnan(difference):
            apart += abs(difference)
            apart_tied += abs(difference - at_start)
            compared += 1
    for position in range(end, min(end + context, last, last - by), skip):
        difference = flat[position] - flat[position + by]
        if not np.isnan(difference):
            apart += abs(difference)
            apart_tied += abs(difference - at_end)
            compared += 1
    return apart, apart_tied, compared


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
    tied: FloatArray,
    untied: FloatArray,
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
        apart, apart_tied, compared = _apart(
            flat, first, last, begin, end, by, at_start, at_end, context, skip
        )
        if compared == 0:
            continue
        cost = (1.0 + wrong / (bottom - top + 1)) / compared
        shifts[count], unlike[count], starts[count], ends[count] = by, wrong, at_start, at_end
        tied[count], untied[count] = apart_tied * cost, apart * cost
        count += 1
        alike += wrong == 0
        if alike >= how.candidates:
            break
    if alike < how.least_alike:
        return count, count
    for index in range(count):
        if unlike[index] > 0:
            tied[index], untied[index] = np.inf, np.inf
    return count, alike


@numba.njit(cache=True, nogil=True, no_cpython_wrapper=True)  # type: ignore[untyped-decorator]
def _resembling_days(
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
    enough of them, else of all, the
    nearest in resemblance are taken: mean distance over the hours before and after the gap, as many as the
    gap is long within
    [context_min, context_max]. TIED: each is first shifted to meet the gap's two neighbours, the shift
    running linearly across the gap;
    mean, and as spread the mean distance from it. UNTIED: as they stand; median; not for gaps shorter than
    the least context, where the
    neighbours say more than any level of another day.
    """
    length, most = end - begin, 2 * how.reach_days
    shifts, chosen = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    starts, ends, tied, untied = np.empty(most), np.empty(most), np.empty(most), np.empty(most)
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
        tied,
        untied,
    )
    if wanted == 0:
        return
    kept = _smallest(tied, count, min(wanted, how.tied_days), chosen)
    row = offset
    for place in range(stride // 2, length, stride):
        passed = (place + 1) / (length + 1)
        total, apart = 0.0, 0.0
        for index in range(kept):
            other = chosen[index]
            tied[index] = (
                flat[begin + place + shifts[other]] + starts[other] + (ends[other] - starts[other]) * passed
            )
            total += tied[index]
        for index in range(kept):
            apart += abs(tied[index] - total / kept)
        estimates[row, TIED] = total / kept
        spread[row] = apart / kept
        row += 1
    if length < how.context_min:
        return
    kept = _smallest(untied, count, min(wanted, how.untied_days), chosen)
    row = offset
    for place in range(stride // 2, length, stride):
        estimates[row, UNTIED] = _median(flat, begin + place, shifts, chosen, kept, tied)
        row += 1
