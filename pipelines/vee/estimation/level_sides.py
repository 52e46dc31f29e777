"""Sides of told steps of level: what counts by another factor teaches nothing about days before it."""

from __future__ import annotations

import numpy as np

from pipelines.arrays import FloatArray, IntArray
from pipelines.vee.settings import VeeSettings
from pipelines.vee.validation.step_kernels import levels_kept


def split_at_level_steps(
    energy: FloatArray,
    series_starts: IntArray,
    day_types: IntArray,
    multiplier: FloatArray | None,
    settings: VeeSettings,
) -> IntArray:
    """(sides + 1) first row of each side of a step that VEE-V40 tells; a series without any is one side.

    energy      (days) energy of each day, NaN where it tells no level. [kWh or kvarh]
    multiplier  (days) CT ratio x PT ratio, NaN where unknown; none: nowhere known.
    """
    how = settings.level_step
    factors = levels_kept(
        energy,
        series_starts,
        day_types,
        ~np.isnan(energy),
        np.full(energy.size, np.nan) if multiplier is None else multiplier,
        how.window_days,
        how.least_days,
        how.least_days_far,
        how.far_ratio,
        how.tolerance_ratio,
        how.spread_ratio,
    )
    return np.union1d(series_starts, np.flatnonzero(factors[1:] != factors[:-1]) + 1)
