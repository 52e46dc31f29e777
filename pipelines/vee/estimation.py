"""The estimators, as one list; measured values are kept, and what nobody can estimate stays empty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from pipelines.codes import IntervalStatus
from pipelines.vee.blocks import BoolArray, CurveBlock, FloatArray, IntArray
from pipelines.vee.kernels import nearest_like_days
from pipelines.vee.settings import VeeSettings

StatusArray = NDArray[np.int8]


@dataclass(frozen=True)
class Estimator:
    """One way to fill a gap.

    id        Stable name.
    title     What it does; ``title_zh`` the same in the trade's Chinese.
    status    The status that its values carry.
    source    Where the method comes from.
    settings  Names of the thresholds of ``vee.yaml`` that steer it.
    kernel    Takes the block and its usable values (NaN where one is wanted); answers (days x slots), NaN where it does not reach.
    """

    id: str
    title: str
    title_zh: str
    status: IntervalStatus
    source: str
    settings: tuple[str, ...]
    kernel: Callable[[CurveBlock, FloatArray, VeeSettings], FloatArray]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _between_neighbours(usable: FloatArray, series_starts: IntArray, limit: int) -> FloatArray:
    """Straight line across gaps of at most ``limit`` intervals that have a neighbour on either side."""
    slots = usable.shape[1]
    flat = usable.reshape(-1)
    filled = np.full(flat.size, np.nan)
    for series in range(series_starts.size - 1):
        first, last = series_starts[series] * slots, series_starts[series + 1] * slots
        left = -1
        for position in range(first, last):
            if np.isnan(flat[position]):
                continue
            width = position - left - 1
            if left >= 0 and 0 < width <= limit:
                for offset in range(1, width + 1):
                    filled[left + offset] = flat[left] + (flat[position] - flat[left]) * offset / (width + 1)
            left = position
    return filled.reshape(usable.shape)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _mean_over(usable: FloatArray, found: IntArray, count: int, slot: int) -> float:
    total = 0.0
    for index in range(count):
        total += usable[found[index], slot]
    return total / count


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _beside(
    usable: FloatArray,
    top: int,
    bottom: int,
    begin: int,
    end: int,
    beside: int,
    day_types: IntArray,
    clean: BoolArray,
    reach_days: int,
    found: IntArray,
) -> tuple[float, float]:
    """What was measured within ``beside`` intervals before ``begin`` and from ``end`` on, and what like-days show there."""
    slots = usable.shape[1]
    here, there = 0.0, 0.0
    row, kept = -1, 0
    for near in range(max(top * slots, begin - beside), min(bottom * slots, end + beside)):
        day, slot = near // slots, near % slots
        if begin <= near < end or np.isnan(usable[day, slot]):
            continue
        if day != row:
            row = day
            kept = nearest_like_days(row, top, bottom, day_types, clean, reach_days, found)
        if kept:
            here += usable[day, slot]
            there += _mean_over(usable, found, kept, slot)
    return here, there


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _from_like_days(
    usable: FloatArray,
    series_starts: IntArray,
    day_types: IntArray,
    clean: BoolArray,
    count: int,
    reach_days: int,
    limit: int,
    beside: int,
    scale_min: float,
    scale_max: float,
) -> FloatArray:
    """Mean of the nearest clean days of the same type, scaled so that it agrees with the intervals beside the gap.

    A gap may run over midnight; each of its days looks for its own like-days. One scale holds for the whole gap: what was measured in
    ``beside`` intervals before and after it, over what like-days show there, kept within [scale_min, scale_max].
    """
    slots = usable.shape[1]
    flat = usable.reshape(-1)
    filled = np.full(flat.size, np.nan)
    found = np.empty(count, dtype=np.int64)
    for series in range(series_starts.size - 1):
        top, bottom = series_starts[series], series_starts[series + 1]
        first, last = top * slots, bottom * slots
        position = first
        while position < last:
            if not np.isnan(flat[position]):
                position += 1
                continue
            begin = position
            while position < last and np.isnan(flat[position]):
                position += 1
            end = position
            if end - begin > limit:
                continue
            here, there = _beside(usable, top, bottom, begin, end, beside, day_types, clean, reach_days, found)
            scale = min(max(here / there, scale_min), scale_max) if there > 0.0 else 1.0
            row, kept = -1, 0
            for inside in range(begin, end):
                if inside // slots != row:
                    row = inside // slots
                    kept = nearest_like_days(row, top, bottom, day_types, clean, reach_days, found)
                if kept:
                    filled[inside] = scale * _mean_over(usable, found, kept, inside - row * slots)
    return filled.reshape(usable.shape)


def _linear(block: CurveBlock, usable: FloatArray, settings: VeeSettings) -> FloatArray:
    limit = int(settings.linear_limit_hours / block.interval_hours + 1e-9)
    return np.asarray(_between_neighbours(usable, block.series_starts, limit))


def _like_day(block: CurveBlock, usable: FloatArray, settings: VeeSettings) -> FloatArray:
    return np.asarray(
        _from_like_days(
            usable,
            block.series_starts,
            block.day_types,
            ~np.isnan(usable).any(axis=1),
            settings.like_day_count,
            settings.like_day_reach_days,
            int(settings.like_day_limit_days * 24 / block.interval_hours + 1e-9),
            int(settings.like_day_neighbour_hours / block.interval_hours + 1e-9),
            settings.like_day_scale_min,
            settings.like_day_scale_max,
        )
    )


ESTIMATORS: tuple[Estimator, ...] = (
    Estimator(
        "VEE-E01",
        "Straight line between the gap's two neighbours",
        "线性插值",
        IntervalStatus.ESTIMATED_LINEAR,
        "Practice of the trade for short gaps; the limit is the project's own.",
        ("linear_limit_hours",),
        _linear,
    ),
    Estimator(
        "VEE-E02",
        "Mean of the nearest clean like-days, scaled to the gap's neighbours",
        "同类日均值",
        IntervalStatus.ESTIMATED_LIKE_DAY,
        "Practice of the trade for long gaps; number, reach and scale are the project's own.",
        (
            "like_day_count",
            "like_day_reach_days",
            "like_day_limit_days",
            "like_day_neighbour_hours",
            "like_day_scale_min",
            "like_day_scale_max",
        ),
        _like_day,
    ),
)


def estimate_missing_intervals(
    block: CurveBlock, invalid: BoolArray, substituted: BoolArray, settings: VeeSettings
) -> tuple[FloatArray, StatusArray]:
    """Final value and status of each interval.

    invalid      (days x slots) the value is missing or failed an invalid check.
    substituted  (days x slots) the sender says that the value is not a measured one.
    Returns (days x slots) energy, NaN where nothing could be estimated [kWh or kvarh], and (days x slots) IntervalStatus.
    """
    final = np.where(invalid, np.nan, block.energy)
    status = np.where(invalid, IntervalStatus.MISSING, IntervalStatus.MEASURED).astype(np.int8)
    status[substituted & ~invalid] = IntervalStatus.SUBSTITUTED_BY_SENDER
    if not invalid.any():
        return final, status
    usable = final.copy()
    for estimator in ESTIMATORS:
        wanted = status == IntervalStatus.MISSING
        if not wanted.any():
            break
        estimate = estimator.kernel(block, usable, settings)
        reached = wanted & ~np.isnan(estimate)
        final[reached] = estimate[reached]
        status[reached] = estimator.status
    return final, status
