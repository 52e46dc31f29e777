"""Compiled shapes of long gaps: what own like-days before and after them show."""

from __future__ import annotations

import numba
import numpy as np

from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.vee.estimation.gap_kernels import GOLDEN

ANY_KIND = -1


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _beside(
    days: FloatArray,
    kinds: IntArray,
    clean: BoolArray,
    kind: int,
    row: int,
    stop: int,
    step: int,
    count: int,
    mean: FloatArray,
    apart: FloatArray,
) -> int:
    """Mean of the ``count`` first clean days of a kind from ``row`` on, and how far they lie from it; returns
    how many there are.
    """
    mean[:], apart[:] = 0.0, 0.0
    found = np.empty(count, dtype=np.int64)
    kept = 0
    while row != stop and kept < count:
        if clean[row] and (kind == ANY_KIND or kinds[row] == kind):
            found[kept] = row
            kept += 1
        row += step
    for index in range(kept):
        for slot in range(mean.size):
            mean[slot] += days[found[index], slot] / kept
    for index in range(kept):
        for slot in range(mean.size):
            apart[slot] += abs(days[found[index], slot] - mean[slot]) / kept
    return kept


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def shape_between(
    days: FloatArray,
    kinds: IntArray,
    clean: BoolArray,
    first: int,
    last: int,
    begin: int,
    end: int,
    count: int,
    shape: FloatArray,
    apart: FloatArray,
) -> None:
    """Fills the rows of a gap with the mean of the nearest clean days of the same kind before it and of those
    after it, each weighed by how near the gap's day is to that end.

    days         (days x slots); kinds (days) numbers from 0 on.
    first, last  Rows of the side of the series: [first, last).
    begin, end   Rows of the gap: [begin, end).
    count        Days before and days after, at most.
    shape        (end - begin x slots) NaN where the side has no clean day at all. Where it has none of the
                 kind, any kind serves.
    apart        (end - begin x slots) how far these days lie from their mean.
    """
    slots, most = days.shape[1], kinds[begin:end].max() + 1
    kept = np.full((most, 2), -1, dtype=np.int64)
    mean, off = np.empty((most, 2, slots)), np.empty((most, 2, slots))
    for row in range(begin, end):
        kind, place = kinds[row], row - begin
        if kept[kind, 0] < 0:
            for wanted in (kind, ANY_KIND):
                kept[kind, 0] = _beside(
                    days, kinds, clean, wanted, begin - 1, first - 1, -1, count, mean[kind, 0], off[kind, 0]
                )
                kept[kind, 1] = _beside(
                    days, kinds, clean, wanted, end, last, 1, count, mean[kind, 1], off[kind, 1]
                )
                if kept[kind, 0] + kept[kind, 1] > 0:
                    break
        passed = (place + 1.0) / (end - begin + 1.0)
        before, after = (1.0 - passed) * kept[kind, 0], passed * kept[kind, 1]
        for slot in range(slots):
            if before + after > 0.0:
                share = after / (before + after)
                shape[place, slot] = (1.0 - share) * mean[kind, 0, slot] + share * mean[kind, 1, slot]
                apart[place, slot] = (1.0 - share) * off[kind, 0, slot] + share * off[kind, 1, slot]
            else:
                shape[place, slot], apart[place, slot] = np.nan, np.nan


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def errors_between(
    days: FloatArray,
    kinds: IntArray,
    clean: BoolArray,
    first: int,
    last: int,
    length: int,
    span: int,
    count: int,
    masks: int,
    floor_ratio: float,
    level_ratio: float,
    scores: FloatArray,
) -> tuple[int, int]:
    """Errors of such shapes on gaps masked in the side's own clean days, as multiples of ``width_between``;
    returns how many there are, and on how many masks.

    length  Days of a mask; span: days that one register closes, by whose true energy they are scaled.
    scores  Room for the errors: masks x length x slots.
    """
    slots, room = days.shape[1], last - first - length
    shape, apart = np.empty((length, slots)), np.empty((length, slots))
    width = np.empty((length, slots))
    found, tried = 0, 0
    for mask in range(masks):
        begin = first + int((mask + 0.5) * GOLDEN % 1.0 * (room + 1))
        shape_between(days, kinds, clean, first, last, begin, begin + length, count, shape, apart)
        width_between(shape, apart, floor_ratio, level_ratio, width)
        before = found
        for top in range(0, length, span):
            bottom = min(top + span, length)
            truth, guess = 0.0, 0.0
            for place in range(top, bottom):
                if clean[begin + place]:
                    truth += days[begin + place].sum()
                    guess += shape[place].sum()
            if not (truth > 0.0 and guess > 0.0):
                continue
            for place in range(top, bottom):
                for slot in range(slots if clean[begin + place] else 0):
                    error = abs(shape[place, slot] * truth / guess - days[begin + place, slot])
                    scores[found] = error / (width[place, slot] * truth / guess)
                    found += 1
        tried += found > before
    return found, tried


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def width_between(
    shape: FloatArray, apart: FloatArray, floor_ratio: float, level_ratio: float, width: FloatArray
) -> None:
    """What an expected error is measured in: how far like-days lie apart, never much less than over the whole
    gap; where they lie nowhere apart, a share of their level. (rows x slots)
    """
    floor = floor_ratio * apart.mean()
    if floor == 0.0:
        floor = level_ratio * shape.mean()
    for row in range(shape.shape[0]):
        for slot in range(shape.shape[1]):
            width[row, slot] = apart[row, slot] + floor
