"""The sign of what a column tells: net values need a channel for either direction."""

from __future__ import annotations

import numpy as np

from pipelines.arrays import BoolArray, FloatArray
from pipelines.formats.shape.ordered import Ordered

_BEYOND = 1000.0
"""No threshold of what is right: a value beyond so many times the median of its sign says nothing of the size
of the others.
"""


def looks_signed(values: Ordered, least_values: int, ratio: float) -> BoolArray:
    """(series) whether a series has a negative part that is no noise.

    least_values  So many negative values beyond the noise are no chance.
    ratio         Noise is a value no larger than this share of the series' largest, and a negative part that
                  sums to no more than this share of the positive one.

    A spike far beyond all else makes no noise of the others: it is left out.
    """
    size = int(values.series.max()) + 1 if values.series.size else 0
    if not (values.value < 0).any():
        return np.zeros(size, np.bool_)
    values = values.taken(_usual(values))
    largest, magnitude = np.zeros(size), np.abs(values.value)
    np.maximum.at(largest, values.series, magnitude)
    negative = values.value < 0
    beyond = negative & (magnitude > ratio * largest[values.series])
    count = np.bincount(values.series, weights=beyond, minlength=size)
    below, above = (
        np.bincount(values.series, weights=np.where(part, magnitude, 0.0), minlength=size)
        for part in (negative, ~negative)
    )
    return np.asarray((count >= least_values) & (below > ratio * above), np.bool_)


def _usual(values: Ordered) -> BoolArray:
    """(lines) values that do not lie beyond all others of their series and sign."""
    magnitude = np.abs(values.value)
    group = 2 * values.series + (values.value < 0)
    order = np.lexsort((magnitude, group))
    order = order[magnitude[order] > 0]
    begin = np.flatnonzero(np.diff(group[order], prepend=-1))
    end = np.append(begin[1:], order.size)
    median = np.full(int(group.max()) + 1, np.inf)
    median[group[order[begin]]] = magnitude[order[(begin + end) // 2]]
    return np.asarray(magnitude <= _BEYOND * median[group], np.bool_)


def split_signs(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What is positive and what is negative, each as an amount; the other direction is 0, nothing stays
    nothing.
    """
    return np.maximum(values, 0.0), np.maximum(-values, 0.0) + 0.0
