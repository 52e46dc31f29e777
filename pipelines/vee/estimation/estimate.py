"""Estimation of missing intervals: measured values are kept, and what nobody can estimate stays empty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.arrays import BoolArray, FloatArray, Int8Array, IntArray
from pipelines.codes import IntervalStatus
from pipelines.vee.blocks import CurveBlock
from pipelines.vee.estimation.choice import LEARNING_PHASE, Choice, Series, choose, try_methods, widths
from pipelines.vee.estimation.estimators import CURVE_ESTIMATORS
from pipelines.vee.estimation.gap_kernels import Gaps, estimate_gaps
from pipelines.vee.estimation.known_energy import keep_known_energy
from pipelines.vee.estimation.level_sides import split_at_level_steps
from pipelines.vee.estimation.methods import LINEAR, METHODS
from pipelines.vee.estimation.similar_day_kernels import GapSettings
from pipelines.vee.settings import VeeSettings
from pipelines.vee.validation.interval_kernels import split_invalid

_STATUS_OF_METHOD = np.array(
    [estimator.status for estimator in CURVE_ESTIMATORS] + [IntervalStatus.MISSING], dtype=np.int8
)


@dataclass(frozen=True)
class Estimates:
    """Final values of a block.

    final   (days x slots) energy, NaN where nothing could be estimated. [kWh or kvarh]
    status  (days x slots) IntervalStatus.
    places  (estimates) position of each estimated interval among days x slots, rising.
    margin  (estimates) half the width of its expected-error band, NaN where the series is too short to tell.
            [kWh or kvarh]
    scale   (days x slots) what registers multiplied each estimate with, 1 elsewhere; none: no register was
            asked.
    series  The usable values that they were learnt from; none: nothing was to be estimated.
    """

    final: FloatArray
    status: Int8Array
    places: IntArray
    margin: FloatArray
    scale: FloatArray | None = None
    series: Series | None = None


def gap_settings(settings: VeeSettings, interval_hours: float) -> GapSettings:
    """Thresholds in intervals."""
    return GapSettings(
        like_days=settings.like_day.count,
        reach_days=settings.like_day.reach_days,
        beside=_whole_intervals(settings.like_day.neighbour_hours, interval_hours),
        scale_min=settings.like_day.scale_min,
        scale_max=settings.like_day.scale_max,
        context_min=max(1, _whole_intervals(settings.similar_day.context_min_hours, interval_hours)),
        context_max=max(1, _whole_intervals(settings.similar_day.context_max_hours, interval_hours)),
        compared=settings.similar_day.compared,
        candidates=settings.similar_day.candidates,
        offset_corrected_days=settings.similar_day.offset_corrected_days,
        uncorrected_days=settings.similar_day.uncorrected_days,
        least_alike=settings.similar_day.least_alike,
    )


def mask_lengths(settings: VeeSettings, interval_hours: float) -> IntArray:
    """Lengths of masked gaps in intervals, rising and distinct."""
    return np.unique(
        [max(1, round(hours / interval_hours)) for hours in settings.back_test.gap_hours]
    ).astype(np.int64)


def _whole_intervals(hours: float, interval_hours: float) -> int:
    return int(hours / interval_hours + 1e-9)


def estimate_missing_intervals(
    block: CurveBlock,
    invalid: BoolArray,
    substituted: BoolArray,
    settings: VeeSettings,
    barred: BoolArray | None = None,
    known: BoolArray | None = None,
    zeros: BoolArray | None = None,
) -> Estimates:
    """Final value, status and expected error of each interval.

    invalid      (days x slots) the value is missing or failed an invalid check.
    substituted  (days x slots) the sender says that the value is not a measured one.
    barred       (days x slots) intervals that stay empty: nobody knows whether anything was counted there;
                 none: none.
    known        (days x slots) runs of invalid intervals whose energy is what was received in them; none:
                 none.
    zeros        (days x slots) intervals that count as zero whatever came for them, unless they are barred;
                 they are no estimates. None: none.

    A day with an outage or with any interval that is missing, invalid or substituted is no like-day, and what
    lies beyond a step of level that VEE-V40 tells of teaches nothing. The method is the one that erred least
    on gaps of a like length masked in the series' own values; see ``choice.choose``.
    """
    if zeros is not None:
        zeros = zeros if barred is None else zeros & ~barred
        invalid = invalid & ~zeros
    final, status, clean = split_invalid(
        block.energy,
        invalid,
        substituted,
        IntervalStatus.MEASURED.value,
        IntervalStatus.MISSING.value,
        IntervalStatus.SUBSTITUTED_BY_SENDER.value,
    )
    if zeros is not None:
        final[zeros], status[zeros] = 0.0, IntervalStatus.COUNTED_AS_ZERO
    if not invalid.any():
        return Estimates(final, status, np.empty(0, dtype=np.int64), np.empty(0))
    if block.outages is not None:
        clean &= ~block.outages
    slots = final.shape[1]
    sides = _sides(final, clean, invalid, block, settings)
    series = Series(final.reshape(-1), slots, sides * slots, block.day_types, clean)
    places, values, methods, margin = _fill(series, settings, block.interval_hours, barred)
    final.reshape(-1)[places] = values
    status.reshape(-1)[places] = _STATUS_OF_METHOD[methods]
    if known is not None and known.any():
        wide = np.full(final.shape, np.nan)
        wide.reshape(-1)[places] = margin
        keep_known_energy(block.energy, known, block.series_starts, final, status, wide)
        places = places[status.reshape(-1)[places] != IntervalStatus.MEASURED]
        margin = wide.reshape(-1)[places]
    return Estimates(final, status, places, margin, series=series)


def _sides(
    final: FloatArray, clean: BoolArray, invalid: BoolArray, block: CurveBlock, settings: VeeSettings
) -> IntArray:
    """First rows of the sides of told steps; only in series in which something is to be estimated."""
    starts = block.series_starts
    is_open = np.logical_or.reduceat(invalid.any(axis=1), starts[:-1])
    tells = np.flatnonzero(clean & np.repeat(is_open, np.diff(starts)))
    level = np.full(clean.size, np.nan)
    level[tells] = final[tells].sum(axis=1)
    return split_at_level_steps(level, starts, block.day_types, block.multiplier, settings)


def _fill(
    series: Series, settings: VeeSettings, interval_hours: float, barred: BoolArray | None
) -> tuple[IntArray, FloatArray, IntArray, FloatArray]:
    """Position, value, method and margin of every interval that could be estimated."""
    of_series, begin, length = _find_gaps(
        series, barred, _whole_intervals(settings.gaps.limit_days * 24, interval_hours)
    )
    if not length.size:
        return np.empty(0, dtype=np.int64), np.empty(0), np.empty(0, dtype=np.int64), np.empty(0)
    how = gap_settings(settings, interval_hours)
    offset = np.cumsum(length) - length
    rows = int(length.sum())
    estimates, spread = np.full((rows, METHODS), np.nan), np.zeros(rows)
    gaps = Gaps(
        series.starts[of_series], series.starts[of_series + 1], begin, length, np.ones_like(length), offset
    )
    estimate_gaps(
        series.flat,
        series.slots,
        series.day_types,
        series.clean,
        gaps,
        False,
        how,
        estimates,
        spread,
        np.empty(0),
    )

    lengths = mask_lengths(settings, interval_hours)
    # A series too short for masks of the nearest length learns from the longest that it has room for.
    longest = (
        np.searchsorted(
            lengths * (settings.back_test.least_masks + 1) + 1,
            np.diff(series.starts)[of_series],
            side="right",
        )
        - 1
    )
    kind = np.minimum(np.searchsorted(lengths[:-1] * lengths[1:], length * length), np.maximum(longest, 0))
    pairs, pair = np.unique(of_series * lengths.size + kind, return_inverse=True)
    trials = try_methods(
        series, pairs // lengths.size, lengths[pairs % lengths.size], settings, how, LEARNING_PHASE
    )
    choice = choose(
        trials, settings, np.asarray(lengths[pairs % lengths.size] * interval_hours, dtype=np.float64)
    )
    method = _first_that_reaches(estimates, length, offset, choice, pair, settings, interval_hours)

    gap = np.repeat(np.arange(length.size), length)
    chosen = method[gap]
    values = np.take_along_axis(estimates, chosen[:, None], axis=1)[:, 0] * choice.scale[pair[gap], chosen]
    reach = choice.reach[pair[gap], chosen]
    margin = np.where(np.isfinite(reach), reach, np.nan) * widths(
        spread, gap, series, of_series, settings.band
    )
    filled = ~np.isnan(values)
    places = begin[gap] + np.arange(rows) - offset[gap]
    return places[filled], values[filled], chosen[filled], margin[filled]


def _find_gaps(series: Series, barred: BoolArray | None, limit: int) -> tuple[IntArray, IntArray, IntArray]:
    """Series, begin and length of every run of missing values of at most ``limit`` intervals that may be
    estimated.
    """
    open_values = np.isnan(series.flat)
    if barred is not None:
        open_values &= ~barred.reshape(-1)
    missing = np.flatnonzero(open_values)
    if not missing.size:
        return missing, missing, missing
    of_series = np.searchsorted(series.starts, missing, side="right") - 1
    fresh = np.flatnonzero(
        np.concatenate(([True], (missing[1:] != missing[:-1] + 1) | (of_series[1:] != of_series[:-1])))
    )
    length = np.diff(np.concatenate((fresh, [missing.size])))
    kept = length <= limit
    return of_series[fresh[kept]], missing[fresh[kept]], length[kept]


def _first_that_reaches(
    estimates: FloatArray,
    length: IntArray,
    offset: IntArray,
    choice: Choice,
    pair: IntArray,
    settings: VeeSettings,
    interval_hours: float,
) -> IntArray:
    """The best method that fills a whole gap, else the best that fills part of it. (gaps)

    Where nothing was learnt, short gaps take the methods in the order of the catalogue, longer ones like-days
    first and no straight line. Where something was, a straight line longer than its caution is taken only if
    its measured error is least, and none beyond ``linear.longest_hours``.
    """
    short = length <= _whole_intervals(settings.linear.limit_hours, interval_hours)
    learnt, ranked = choice.learnt[pair], choice.ranked[pair]
    holes = np.add.reduceat(np.isnan(estimates), offset, axis=0, dtype=np.int64)
    order = np.where(
        learnt[:, None],
        ranked,
        np.where(short[:, None], np.arange(METHODS), np.roll(np.arange(METHODS), -1)),
    )
    far = length > _whole_intervals(settings.linear.caution_hours, interval_hours)
    longest = length > _whole_intervals(settings.linear.longest_hours, interval_hours)
    barred = np.where(learnt, longest | (far & ~choice.line[pair]), ~short)
    holes[barred, LINEAR] = holes.max(initial=0) + 1
    of_order = np.take_along_axis(holes, order, axis=1)
    whole = of_order == 0
    first = np.where(whole.any(axis=1), whole.argmax(axis=1), of_order.argmin(axis=1))
    return np.asarray(np.take_along_axis(order, first[:, None], axis=1)[:, 0])
