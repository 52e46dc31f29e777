"""Compiled loops between received rows and dense (days x slots) arrays."""

from __future__ import annotations

from typing import TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

from pipelines.arrays import BoolArray, FloatArray, Int8Array, Int32Array, IntArray

Element = TypeVar("Element", bound=np.generic)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def scaled_rows(flat: FloatArray, offsets: IntArray, slots: int, scale: FloatArray) -> FloatArray:
    """(rows x slots) out of a flat buffer, each row times its scale.

    offsets  (rows) where each row begins in the buffer.
    """
    out = np.empty((offsets.size, slots))
    for row in range(offsets.size):
        first, factor = offsets[row], scale[row]
        for slot in range(slots):
            out[row, slot] = flat[first + slot] * factor
    return out


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def gathered_rows(flat: NDArray[Element], offsets: IntArray, slots: int) -> NDArray[Element]:
    """The same as they stand, of any kind of element."""
    out = np.empty((offsets.size, slots), dtype=flat.dtype)
    for row in range(offsets.size):
        first = offsets[row]
        for slot in range(slots):
            out[row, slot] = flat[first + slot]
    return out


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def day_counts(status: Int8Array, is_estimated: BoolArray, missing: int, counts: Int32Array) -> None:
    """Fills (3 x days) how many intervals of each day are measured, estimated, missing.

    status        (days x slots) IntervalStatus.
    is_estimated  (statuses) whether a status is an estimate.
    """
    for day in range(status.shape[0]):
        of_measured, of_estimated, of_missing = 0, 0, 0
        for slot in range(status.shape[1]):
            code = status[day, slot]
            of_measured += code != missing and not is_estimated[code]
            of_missing += code == missing
            of_estimated += is_estimated[code]
        counts[0, day], counts[1, day], counts[2, day] = of_measured, of_estimated, of_missing


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def highest_slots(energy: FloatArray) -> IntArray:
    """(days) slot of the highest value, the first of equals; -1 where every value is NaN. energy is (days x
    slots).
    """
    found = np.full(energy.shape[0], -1, dtype=np.int64)
    for day in range(energy.shape[0]):
        best = -np.inf
        for slot in range(energy.shape[1]):
            value = energy[day, slot]
            if value > best or (found[day] < 0 and not np.isnan(value)):
                best, found[day] = value, slot
    return found


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def any_bits(bits: IntArray) -> IntArray:
    """(days) the bits that any interval of a day carries; bits is (days x slots)."""
    found = np.zeros(bits.shape[0], dtype=np.int64)
    for day in range(bits.shape[0]):
        for slot in range(bits.shape[1]):
            found[day] |= bits[day, slot]
    return found


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def band_lists(
    rows: IntArray,
    places: IntArray,
    margin: FloatArray,
    final: FloatArray,
    has: BoolArray,
    low: FloatArray,
    high: FloatArray,
) -> None:
    """Lays the ends of expected-error bands out day by day.

    rows            (rows) days that are wanted, rising.
    places, margin  (estimates) position among days x slots, rising, and half the width of the band, NaN where
                    there is none.
    final           (days x slots) the estimates themselves.
    has             (rows) gets whether the day has a band; low, high: (days that have one x slots), NaN
                    beforehand.
    """
    slots = final.shape[1]
    filled, at = 0, 0
    for row in range(rows.size):
        first = rows[row] * slots
        while at < places.size and places[at] < first:
            at += 1
        while at < places.size and places[at] < first + slots:
            if not np.isnan(margin[at]):
                slot = places[at] - first
                value = final[rows[row], slot]
                has[row] = True
                low[filled, slot] = max(value - margin[at], 0.0)
                high[filled, slot] = value + margin[at]
            at += 1
        filled += has[row]
