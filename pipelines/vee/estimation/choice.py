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
from pipelines.vee.estimation_settings import BandSettings, BiasSettings
from pipelines.vee.settings import VeeSettings

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
    scale   (pairs x methods) what takes the bias off the estimates; 1 where there is none to speak of.
    line    (pairs) whether the straight line errs least, caution aside.
    """

    ranked: IntArray
    reach: FloatArray
    learnt: BoolArray
    scale: FloatArray
    line: BoolArray


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
    pairs, at_most = pair_series.size, settings.back_test.places
    apart = settings.back_test.least_masks
    first, last = series.starts[pair_series], series.starts[pair_series + 1]
    wanted = _masks_wanted((last - first) // series.slots, settings)
    masks = int(wanted.max(initial=1))
    begins = np.empty((pairs, masks), dtype=np.int64)
    place_masks(series.flat, first, last, pair_length, wanted, apart, 2 * series.slots, phase, begins)
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


def _masks_wanted(days: IntArray, settings: VeeSettings) -> IntArray:
    """(pairs) masks of each series: more of them the longer it is."""
    of = settings.back_test
    many = np.minimum(np.floor(days * of.masks_a_day), of.most_masks).astype(np.int64)
    return np.asarray(np.maximum(many, of.masks))


def choose(trials: Trials, settings: VeeSettings, at_length: FloatArray | None = None) -> Choice:
    """Corrects the methods for their bias on the masks and ranks them by mean absolute error, in which an odd
    mask weighs less; the straight line yields only to a gain beyond ``linear.caution_ratio`` standard errors.

    A method whose energy stays off beyond the bounds of the correction comes after those that keep it.

    at_length  (pairs) length of the gaps that will be filled; beyond ``linear.caution_hours`` no caution
               holds. [h] None: short ones.
    """
    masks = trials.masks
    learnt = masks >= settings.back_test.least_masks
    there = ~np.isnan(trials.truths)
    scale, is_off = bias_scales(trials, settings.bias)
    error = np.abs(trials.estimates * scale[:, None, None] - trials.truths[..., None])
    counted = np.where(there[..., None], error, 0.0).sum(axis=2)
    of_mask = counted / np.maximum(there.sum(axis=2), 1)[..., None]  # (pairs x masks x methods)
    present = there[:, :, 0]
    weight = mask_weights(of_mask, present, settings.back_test.odd_ratio)
    total = np.maximum(weight.sum(axis=1), np.finfo(float).tiny)
    mean = np.where(present[..., None], of_mask * weight[..., None], 0.0).sum(axis=1) / total[:, None]
    reaches = np.where(np.isnan(mean), np.inf, mean)
    ranked = np.lexsort((reaches, is_off & np.isfinite(reaches), np.isinf(reaches)), axis=1)
    line = ranked[:, 0] == LINEAR

    gain = np.where(
        present,
        of_mask[:, :, LINEAR] - np.take_along_axis(of_mask, ranked[:, None, :1], axis=2)[:, :, 0],
        0.0,
    )
    average = (gain * weight).sum(axis=1) / total
    deviation = np.sqrt((weight**2 * (gain - average[:, None]) ** 2).sum(axis=1)) / total
    stays = ~(average > settings.linear.caution_ratio * deviation) & ~np.isnan(mean[:, LINEAR])
    if at_length is not None:
        stays &= at_length <= settings.linear.caution_hours
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
    wanted = (
        np.clip(np.ceil(settings.band.coverage_ratio * (kept + 1)).astype(np.int64), 1, np.maximum(kept, 1))
        - 1
    )
    reach = np.full(ranked.shape, np.nan)
    for rank in np.unique(wanted[learnt]).tolist():
        rows = np.flatnonzero(learnt & (wanted == rank))
        reach[rows] = np.partition(score[rows], rank, axis=1)[:, rank]
    reach[np.isnan(mean)] = np.nan
    return Choice(ranked, reach, learnt, scale, line)


def mask_weights(of_mask: FloatArray, present: BoolArray, odd_ratio: float) -> FloatArray:
    """(pairs x masks) what each mask weighs: 1, and less where the methods err more on it than on all but
    ``odd_ratio`` of the masks, so that its errors count as theirs; 0 where there is no mask.

    of_mask  (pairs x masks x methods) mean error.
    """
    reached = ~np.isnan(np.where(present[..., None], of_mask, 0.0)).any(axis=1, keepdims=True)
    level = np.where(reached, of_mask, 0.0).sum(axis=2)
    ordered = np.sort(np.where(present, level, np.inf), axis=1)
    count = present.sum(axis=1)
    place = np.maximum(count - 1 - (odd_ratio * count).astype(np.int64), 0)
    most = np.take_along_axis(ordered, place[:, None], axis=1)
    weight = np.where(level > most, most / np.where(level > 0, level, 1.0), 1.0)
    return np.asarray(np.where(present, weight, 0.0))


def bias_scales(trials: Trials, bias: BiasSettings) -> tuple[FloatArray, BoolArray]:
    """(pairs x methods) what the estimates of each method are multiplied with so that the masks keep their
    energy, and whether even so more than ``bias.limit_ratio`` is off.

    1 within that limit or within the noise of the masks, where a method does not reach every mask, and for
    the straight line, which its neighbours hold.
    """
    there = ~np.isnan(trials.truths)
    truth = np.where(there, trials.truths, 0.0).sum(axis=2)[..., None]
    guess = np.where(there[..., None], trials.estimates, 0.0).sum(axis=2)  # (pairs x masks x methods)
    all_truth, all_guess = truth.sum(axis=1), guess.sum(axis=1)
    known = (all_truth > 0) & (all_guess > 0)
    ratio = np.divide(all_truth, all_guess, out=np.ones_like(all_guess), where=known)
    off = np.sqrt(((truth - ratio[:, None] * guess) ** 2).sum(axis=1))
    error = np.divide(off, all_guess, out=np.full_like(all_guess, np.inf), where=known)
    apart = np.abs(ratio - 1.0)
    biased = known & (apart > bias.limit_ratio) & (apart > bias.certain_ratio * error)
    biased[:, LINEAR] = False
    # Only what is surely lost is made up for: scaling costs single intervals some of their error.
    aimed = ratio - np.sign(ratio - 1.0) * bias.caution_ratio * np.where(biased, error, 0.0)
    scale = np.where(biased, np.clip(aimed, 1.0 / bias.most_ratio, bias.most_ratio), 1.0)
    return scale, biased & (np.abs(aimed / scale - 1.0) > bias.limit_ratio)
