"""How far apart the values of a series stand: stretch by stretch, for a series may change it.

Hourly values under a declaration of 15 minutes would be four times the power, and every fourth of 15 minutes
under one of an hour a quarter of the energy.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipelines.arrays import BoolArray, IntArray
from pipelines.formats.shape.ordered import UNBOUNDED, Ordered

_MOST_LENGTHS = 16


def told_every(stamps: Ordered, length: int, least_steps: int, *, ends: bool) -> IntArray:
    """The length of the interval that each value stands for: ``length``, but in stretches whose values stand
    regularly nearer together or farther apart. (lines) [us]

    stamps       One line of each stamp.
    length       The declared interval. [us]
    least_steps  So many steps of one other length, one after the other, are no chance.
    ends         Whether stamps name the end of an interval: a value then stands for the step before its
                 stamp, else for the step after.

    Of a series most of whose steps are of one other length, and of one without a step of the declared length
    in a file most of whose steps are of another, fewer in a row will do. Stamps that stray leave no stretch;
    values lost at random one in some ten thousand values at most, whatever share is lost.
    """
    after = stamps.steps()
    every = np.full(after.size, length)
    odd = (after != length) & (after != UNBOUNDED)
    if not odd.any():
        return every
    before = np.append(UNBOUNDED, after[:-1])
    own, other = (before, after) if ends else (after, before)
    for step, stretch in _stretches(stamps, after, odd, length, least_steps):
        leading = np.append(False, stretch[:-1])
        mine, beside = (leading, stretch) if ends else (stretch, leading)
        # What ends a stretch has no step of its own: its series ends there, or a gap follows.
        open_end = (own > step) & (own != length) & (other != UNBOUNDED) & beside
        every[mine | open_end] = step
    return every


def _stretches(
    stamps: Ordered, after: IntArray, odd: BoolArray, length: int, least_steps: int
) -> Iterator[tuple[int, BoolArray]]:
    """Each odd step of which there is a stretch, the most frequent last, and the steps of its stretches.

    A stretch is a run of such steps; single others that a lost value makes, whole multiples, are part of it.
    """
    starts = np.flatnonzero(np.append(True, (after[1:] != after[:-1]) | ~odd[1:] | ~odd[:-1]))
    count = np.diff(np.append(starts, after.size))
    sure = odd[starts] & ((count >= least_steps) | _usual(stamps, after, odd, length, least_steps)[starts])
    if not sure.any():
        return
    lengths, seen = np.unique(np.repeat(after[starts[sure]], count[sure]), return_counts=True)
    for step in lengths[np.argsort(seen, kind="stable")][-_MOST_LENGTHS:].tolist():
        equal = np.flatnonzero(after == step)
        alien = np.cumsum((after == UNBOUNDED) | (after % step != 0))
        apart = np.diff(equal) - 1
        joined = (alien[equal[1:]] == alien[equal[:-1]]) & (apart < least_steps)
        group = np.cumsum(np.append(0, ~joined))
        seeded = np.zeros(int(group[-1]) + 1, np.bool_)
        seeds = starts[sure & (after[starts] == step)]
        seeded[group[np.searchsorted(equal, seeds)]] = True
        edges = np.zeros(after.size + 1, np.int64)
        ends_of = np.append(np.flatnonzero(~joined), equal.size - 1)
        begins_of = np.append(0, ends_of[:-1] + 1)
        np.add.at(edges, equal[begins_of][seeded], 1)
        np.add.at(edges, equal[ends_of][seeded] + 1, -1)
        yield int(step), np.cumsum(edges[:-1]) > 0


def _usual(stamps: Ordered, after: IntArray, odd: BoolArray, length: int, least_steps: int) -> BoolArray:
    """Steps of another length that are the usual ones of their series, or of the file where their series has
    no step of the declared length.
    """
    size = int(stamps.series.max()) + 1
    single = np.bincount(stamps.series[after == length], minlength=size)
    lengths, rank = np.unique(after[odd], return_inverse=True)
    packed, count = np.unique(stamps.series[odd] * lengths.size + rank, return_counts=True)
    series, place = packed // lengths.size, packed % lengths.size
    most = np.zeros(size, np.int64)
    np.maximum.at(most, series, count)
    usual = (count == most[series]) & (count >= least_steps) & (count > single[series])
    together = np.bincount(place, weights=count, minlength=lengths.size)
    if together.max() >= max(least_steps, single.sum() + 1):
        usual |= (place == together.argmax()) & (single[series] == 0)
    found = np.zeros(after.size, np.bool_)
    found[odd] = np.isin(stamps.series[odd] * lengths.size + rank, packed[usual])
    return found
