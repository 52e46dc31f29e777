"""What counts as zero though it did not come as one: noise below zero, nights of a channel that feeds in."""

from __future__ import annotations

import numpy as np

from pipelines.arrays import BoolArray, IntArray
from pipelines.vee.balance_settings import NightSettings
from pipelines.vee.blocks import CurveBlock
from pipelines.vee.settings import VeeSettings
from pipelines.vee.validation.balance_kernels import noise_limits


def noise_below_zero(block: CurveBlock, ratio: float, steps: float) -> BoolArray:
    """Intervals below zero by no more than noise; see ``noise_limits``. (days x slots)"""
    limits = noise_limits(block.energy, block.series_starts, ratio, steps)
    return np.asarray((block.energy < 0) & (block.energy >= -limits[:, None]))


def zeros_by_rule(block: CurveBlock, settings: VeeSettings) -> BoolArray | None:
    """Intervals whose energy is zero, whatever came for them; none where there are none. (days x slots)"""
    negatives = settings.negatives
    zeros = missing_nights(block, settings.nights)
    if (block.energy < 0).any():
        zeros |= noise_below_zero(block, negatives.noise_ratio, negatives.noise_steps)
    return zeros if zeros.any() else None


def missing_nights(block: CurveBlock, nights: NightSettings) -> BoolArray:
    """Intervals of a channel that feeds in that did not come at a time of day at which it rests. (days x
    slots)

    It rests at a time of day if within reach no value above zero came then, nor beside it for the length of a
    night.
    """
    marks = np.zeros(block.energy.shape, dtype=np.bool_)
    if block.feeds_in is None or not block.feeds_in.any():
        return marks
    rows = np.flatnonzero(block.feeds_in & np.isnan(block.energy).any(axis=1))
    lit = block.energy > 0
    of_series = np.searchsorted(block.series_starts, rows, side="right") - 1
    begin = np.maximum(rows - nights.reach_days, block.series_starts[of_series])
    end = np.minimum(rows + nights.reach_days + 1, block.series_starts[of_series + 1])
    live, above = _sums_before(np.asarray(lit.any(axis=1))), _sums_before(lit)
    rests = (above[end] == above[begin]) & (live[end] - live[begin] >= nights.least_days)[:, None]
    marks[rows] = _in_long_runs(rests, block.slots_in(nights.least_hours)) & np.isnan(block.energy[rows])
    return marks


def _sums_before(values: BoolArray) -> IntArray:
    """How often something was true before each row, and in all. (rows ...) -> (rows + 1 ...)"""
    return np.concatenate((np.zeros((1, *values.shape[1:]), dtype=np.int64), np.cumsum(values, axis=0)))


def _in_long_runs(values: BoolArray, length: int) -> BoolArray:
    """True values with so many true ones side by side, midnight being no end. (days x slots)"""
    slots = values.shape[1]
    around = np.concatenate((values, values, values), axis=1).T
    sums = _sums_before(around)
    whole = sums[length:] - sums[:-length] == length  # begins of runs
    begins = _sums_before(whole)
    at = np.arange(slots, 2 * slots)
    return np.asarray((begins[at + 1] > begins[at - length + 1]).T)
