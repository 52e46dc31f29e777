"""Choice of method: every series is tried on gaps masked in its own usable values, and fills its real gaps
with what erred least.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.vee.estimation.gap_kernels import GOLDEN, Gaps, estimate_gaps, place_masks
from pipelines.vee.estimation.methods import LINEAR, METHODS
from pipelines.vee.estimation.similar_day_kernels import GapSettings
from pipelines.vee.settings import BandSettings, VeeSettings

LEARNING_PHASE = 0.5 * GOLDEN


@dataclass(frozen=True)
class Series:
    """The usable values of a block, seen as one line.

    flat       All values, NaN wherever nothing usable stands.
    slots      Intervals of a day.
    starts     (series + 1) first position of each series.
    day_types  (days) code of the kind of day.
    clean      (days) days that may serve as like-days.
    """

    flat: FloatArray
    slots: int
    starts: IntArray
    day_types: IntArray
    clean: BoolArray


@dataclass(frozen=True)
class Trials:
    """Masked gaps of some (series, length) pairs with their truths and estimates; NaN where a mask or an
    interval is not there.

    truths     (pairs x masks x places)
    estimates  (pairs x masks x places x methods)
    widths     (pairs x masks x places) what an expected error is measured in.
    """

    truths: FloatArray
    estimates: FloatArray
    widths: FloatArray

    @property
    def masks(self) -> IntArray:
        """How many masks each pair found."""
        return np.asarray((~np.isnan(self.truths[:, :, 0])).sum(axis=1))


@dataclass(frozen=True)
class Choice:
    """What was learnt about each (series, length) pair.

    ranked  (pairs x methods) methods, best first.
    reach   (pairs x methods) multiple of the widths within which the wanted share of errors lies; NaN: not
            known.
    learnt  (pairs) whether there were masks enough.
    """

    ranked: IntArray
    reach: FloatArray
    learnt: BoolArray


def mean_intervals(series: Series, which: IntArray) -> FloatArray:
    """Mean of what some of the series have measured, by amount; 0 where nothing was. [kWh or kvarh]"""
    found = np.zeros(which.size)
    for place, number in enumerate(which.tolist()):
        values = series.flat[series.starts[number] : series.starts[number + 1]]
        there = values[~np.isnan(values)]
        found[place] = np.abs(there).mean() if there.size else 0.0
    return found


def widths(
    spread: FloatArray, gap: IntArray, series: Series, of_series: IntArray, band: BandSettings
) -> FloatArray:
    """What an expected error is measured in: how far similar days lie apart at each interval, never much
    less than over its whole gap.

    gap        (rows) number of the gap of each row.
    of_series  (gaps) number of the series of each.
    """
    count = np.bincount(gap, minlength=of_series.size)
    mean = np.bincount(gap, weights=spread, minlength=of_series.size) / np.maximum(count, 1)
    wide = spread + band.spread_floor_ratio * mean[gap]
    # Nothing apart is no certainty: a width of zero would promise an estimate without error.
    flat = np.flatnonzero(wide == 0.0)
    if flat.size:
        which, place = np.unique(of_series[gap[flat]], return_inverse=True)
        wide[flat] = band.level_ratio * mean_intervals(series, which)[place]
    return np.asarray(wide)


def try_methods(
    series: Series,
    pair_series: IntArray,
    pair_length: IntArray,
    settings: VeeSettings,
    how: GapSettings,
    phase: float,
) -> Trials:
    """Masks gaps of each (series, length) pair and estimates them by every method; see ``place_masks`` for
    ``phase``.

    how  The same settings in intervals.
    """
    pairs, masks, at_most = pair_series.size, settings.back_test.masks, settings.back_test.places
    apart = settings.back_test.least_masks
    first, last = series.starts[pair_series], series.starts[pair_series + 1]
    begins = np.empty((pairs, masks), dtype=np.int64)
    place_masks(series.flat, first, last, pair_length, apart, 2 * series.slots, phase, begins)
    begin = begins.reshape(-1)
    length = np.where(begin >= 0, np.repeat(pair_length, masks), 0)
    stride = np.maximum(1, -(-length // at_most))
    places = np.where(length > 0, -(-(length - stride // 2) // stride), 0)
    gaps = Gaps(
        np.repeat(first, masks),
        np.repeat(last, masks),
        begin,
        length,
        stride,
        np.arange(begin.size) * at_most,
    )
    rows = begin.size * at_most
    estimates, spread, truths = np.full((rows, METHODS), np.nan), np.zeros(rows), np.full(rows, np.nan)
    estimate_gaps(
        series.flat, series.slots, series.day_types, series.clean, gaps, True, how, estimates, spread, truths
    )
    there = np.flatnonzero(np.arange(rows) % at_most < np.repeat(places, at_most))
    wide = np.zeros(rows)
    wide[there] = widths(
        spread[there], there // at_most, series, np.repeat(pair_series, masks), settings.band
    )
    shape = (pairs, masks, at_most)
    return Trials(truths.reshape(shape), estimates.reshape(*shape, METHODS), wide.reshape(shape))


def choose(trials: Trials, least_masks: int, coverage: float, caution: float) -> Choice:
    """Ranks the methods by mean absolute error over the masks; the straight line yields only to a gain beyond
    ``caution`` standard errors.

    least_masks  With fewer nothing is learnt.
    coverage     Share of errors that ``reach`` shall hold.
    """
    masks = trials.masks
    learnt = masks >= least_masks
    error = np.abs(trials.estimates - trials.truths[..., None])
    there = ~np.isnan(trials.truths)
    counted = np.where(there[..., None], error, 0.0).sum(axis=2)
    of_mask = counted / np.maximum(there.sum(axis=2), 1)[..., None]  # (pairs x masks x methods)
    present = there[:, :, 0]
    mean = np.where(present[..., None], of_mask, 0.0).sum(axis=1) / np.maximum(masks, 1)[:, None]
    ranked = np.argsort(np.where(np.isnan(mean), np.inf, mean), axis=1, kind="stable")

    gain = np.where(
        present,
        of_mask[:, :, LINEAR] - np.take_along_axis(of_mask, ranked[:, None, :1], axis=2)[:, :, 0],
        0.0,
    )
    average = gain.sum(axis=1) / np.maximum(masks, 1)
    deviation = np.sqrt(np.where(present, (gain - average[:, None]) ** 2, 0.0).sum(axis=1)) / np.maximum(
        masks, 1
    )
    stays = ~(average > caution * deviation) & ~np.isnan(mean[:, LINEAR])
    others = np.argsort(ranked == LINEAR, axis=1, kind="stable")[:, :-1]
    led = np.concatenate(
        (np.full((ranked.shape[0], 1), LINEAR), np.take_along_axis(ranked, others, axis=1)), axis=1
    )
    ranked = np.where(stays[:, None], led, ranked)

    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(error == 0.0, 0.0, error / trials.widths[..., None])
    score = np.where(there[..., None] & ~np.isnan(score), score, np.inf).reshape(
        *ranked.shape[:1], -1, METHODS
    )
    kept = there.sum(axis=(1, 2))
    wanted = np.clip(np.ceil(coverage * (kept + 1)).astype(np.int64), 1, np.maximum(kept, 1)) - 1
    reach = np.full(ranked.shape, np.nan)
    for rank in np.unique(wanted[learnt]).tolist():
        rows = np.flatnonzero(learnt & (wanted == rank))
        reach[rows] = np.partition(score[rows], rank, axis=1)[:, rank]
    reach[np.isnan(mean)] = np.nan
    return Choice(ranked, reach, learnt)
