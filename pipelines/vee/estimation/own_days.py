"""Own like-days where no method of the curve reaches: the shape by which registers are shared out, and its
band.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.codes import IntervalStatus
from pipelines.vee.blocks import CurveBlock
from pipelines.vee.estimation.choice import Series
from pipelines.vee.estimation.estimate import Estimates
from pipelines.vee.estimation.level_sides import split_at_level_steps
from pipelines.vee.estimation.own_day_kernels import errors_between, shape_between, width_between
from pipelines.vee.estimation.reconciliation import RegisterSpans, rows_of_spans
from pipelines.vee.settings import VeeSettings


@dataclass(frozen=True)
class OwnDays:
    """What own like-days show of the days on which intervals are missing; arrays run over those rows.

    rows    Rows of the block, rising.
    shape   (rows x slots) 1 on average over a gap, NaN where there is no clean day.
    margin  (rows x slots) half the width of the band at that scale, NaN where nothing could be learnt.
    """

    rows: IntArray
    shape: FloatArray
    margin: FloatArray


def own_days(
    missing: BoolArray, spans: RegisterSpans, series: Series, block: CurveBlock, settings: VeeSettings
) -> OwnDays | None:
    """Shapes of own like-days for every missing interval that a span covers; none: nothing is missing there,
    or they are not wanted.

    missing  (days x slots)
    series   Usable values.

    Days learn from days of their own side of a told step of level; a register of one day tells its level.
    The band is learnt from gaps as long as the real one, masked in the side's own clean days and scaled to
    their true energy over as many days as the gap's registers close at once.
    """
    count = settings.like_day.far_count
    rows, of_row = rows_of_spans(spans.first_row, spans.last_row)
    closed = np.zeros(missing.shape[0], dtype=np.int64)
    closed[rows] = (spans.last_row - spans.first_row)[of_row]
    wanted = np.flatnonzero(missing.any(axis=1) & (closed > 0))
    if not wanted.size or not count:
        return None
    days = series.flat.reshape(-1, series.slots)
    starts = _sides(days, spans, series, block, settings)
    side = np.searchsorted(starts, wanted, side="right") - 1
    kinds = np.unique(series.day_types, return_inverse=True)[1].astype(np.int64)
    shape, margin = np.full((2, wanted.size, series.slots), np.nan)
    cuts = np.flatnonzero((np.diff(wanted) != 1) | (np.diff(side) != 0)) + 1
    for gap in np.split(np.arange(wanted.size), cuts):  # gaps, not rows of them
        first, last = (int(row) for row in starts[side[gap[0]] : side[gap[0]] + 2])
        begin, end = int(wanted[gap[0]]), int(wanted[gap[-1]]) + 1
        apart = np.empty((gap.size, series.slots))
        shape_between(days, kinds, series.clean, first, last, begin, end, count, shape[gap[0] :], apart)
        level = shape[gap].mean()
        if not level > 0:  # no clean day, or none with energy
            shape[gap] = np.nan
            continue
        span = int(np.median(closed[wanted[gap]]))
        reach = _reach(days, kinds, series.clean, (first, last), gap.size, span, settings)
        width_between(
            shape[gap], apart, settings.band.spread_floor_ratio, settings.band.level_ratio, margin[gap[0] :]
        )
        margin[gap] *= reach / level
        shape[gap] /= level
    return OwnDays(wanted, shape, margin)


def _sides(
    days: FloatArray, spans: RegisterSpans, series: Series, block: CurveBlock, settings: VeeSettings
) -> IntArray:
    """First rows of the sides of told steps; days that are not clean tell their level by their register."""
    energy = np.full(days.shape[0], np.nan)
    single = spans.last_row - spans.first_row == 1
    energy[spans.first_row[single]] = spans.energy[single]
    energy[series.clean] = days[series.clean].sum(axis=1)
    return split_at_level_steps(energy, block.series_starts, block.day_types, block.multiplier, settings)


def _reach(
    days: FloatArray,
    kinds: IntArray,
    clean: BoolArray,
    side: tuple[int, int],
    length: int,
    span: int,
    settings: VeeSettings,
) -> float:
    """Multiple of the widths within which the wanted share of errors lies; NaN: not known."""
    masks, band = settings.back_test.masks, settings.band
    if side[1] - side[0] < 2 * length:
        return np.nan
    scores = np.empty(masks * length * days.shape[1])
    found, tried = errors_between(
        days,
        kinds,
        clean,
        *side,
        length,
        span,
        settings.like_day.far_count,
        masks,
        band.spread_floor_ratio,
        band.level_ratio,
        scores,
    )
    if tried < settings.back_test.least_masks:
        return np.nan
    rank = min(int(np.ceil(band.coverage_ratio * (found + 1))), found) - 1
    return float(np.partition(scores[:found], rank)[rank])


def put_own_days(estimates: Estimates, missing: BoolArray, own: OwnDays) -> Estimates:
    """Marks what registers were shared out by own like-days as such, and gives it its band.

    estimates  After reconciling with ``own.shape`` as profile.
    missing    (days x slots) what had no value before it.
    """
    final, status = estimates.final[own.rows], estimates.status.copy()
    filled = (
        missing[own.rows]
        & ~np.isnan(own.shape)
        & (status[own.rows] == IntervalStatus.ESTIMATED_CLASS_PROFILE)
    )
    energy, shape = (np.where(filled, part, 0.0).sum(axis=1) for part in (final, own.shape))
    scale = np.divide(energy, shape, out=np.zeros_like(energy), where=shape > 0)
    row, slot = np.nonzero(filled)
    status[own.rows[row], slot] = IntervalStatus.ESTIMATED_LIKE_DAY
    places = np.concatenate((estimates.places, own.rows[row] * final.shape[1] + slot))
    margin = np.concatenate((estimates.margin, (own.margin * scale[:, None])[filled]))
    order = np.argsort(places)
    return replace(estimates, status=status, places=places[order], margin=margin[order])
