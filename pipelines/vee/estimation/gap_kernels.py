"""Compiled estimates of gaps by every method at once; a gap never looks into another series."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.vee.estimation.methods import HALFWAY, LIKE_DAY, LINEAR, OFFSET_CORRECTED
from pipelines.vee.estimation.similar_day_kernels import GapSettings, similar_days

GOLDEN = 0.6180339887498949


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
    wanted: IntArray,
    apart: int,
    least: int,
    phase: float,
    begins: IntArray,
) -> None:
    """Chooses, for each series given, gaps that could be masked: whole with their neighbours, evenly strewn
    over the series.

    first, last, length  (series) the series in ``flat`` and the length of its masks.
    wanted               (series) how many masks at most.
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
            found < wanted[series]
            and trial < 3 * wanted[series]
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
    spread     (rows), zero beforehand: how far similar days lie apart.
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
        similar_days(
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
            estimates[row, HALFWAY] = 0.5 * (estimates[row, LINEAR] + estimates[row, OFFSET_CORRECTED])
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
