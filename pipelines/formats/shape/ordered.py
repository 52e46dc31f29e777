"""The values of one column of a long file, series by series in the order of their stamps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.arrays import BoolArray, FloatArray, IntArray

UNBOUNDED = np.iinfo(np.int64).max
"""Step before the first and after the last stamp of a series."""


@dataclass(frozen=True)
class Ordered:
    """Lines that carry a value of one column, by series and stamp; arrays run over them.

    place   Each line's place in the records.
    series  Number of its meter point and channel.
    stamp   Its stamp on the clock in which days are cut. [us]
    value   Its value.
    first   Whether it is the first line of its series and stamp.
    """

    place: IntArray
    series: IntArray
    stamp: IntArray
    value: FloatArray
    first: BoolArray

    def of_stamps(self) -> Ordered:
        """One line of each stamp alone: the last of the sender's times, then of the file."""
        last = np.append(self.first[1:], np.ones(min(1, self.first.size), np.bool_))
        return self if last.all() else self.taken(last)

    def taken(self, rows: BoolArray) -> Ordered:
        """Some of the lines."""
        series, stamp = self.series[rows], self.stamp[rows]
        return Ordered(self.place[rows], series, stamp, self.value[rows], _first(series, stamp))

    def steps(self) -> IntArray:
        """From each line's stamp to the next of its series, UNBOUNDED at the last. (lines) [us]"""
        steps = np.full(self.stamp.size, UNBOUNDED)
        same = self.series[1:] == self.series[:-1]
        steps[:-1][same] = (self.stamp[1:] - self.stamp[:-1])[same]
        return steps


def ordered(told: BoolArray, series: IntArray, stamp: IntArray, sent: IntArray, value: FloatArray) -> Ordered:
    """The lines that tell a value, by series, stamp, sender's time and place in the file."""
    place = np.arange(told.size) if told.all() else np.flatnonzero(told)
    mine, when = series[place], stamp[place]
    rising = (mine[1:] > mine[:-1]) | ((mine[1:] == mine[:-1]) & (when[1:] > when[:-1]))
    if not rising.all():
        place = place[np.lexsort((sent[place], when, mine))]
        mine, when = series[place], stamp[place]
    return Ordered(place, mine, when, value[place], _first(mine, when))


def _first(series: IntArray, stamp: IntArray) -> BoolArray:
    first = np.ones(series.size, np.bool_)
    first[1:] = (series[1:] != series[:-1]) | (stamp[1:] != stamp[:-1])
    return first
