"""Gaps whose energy came, though late: estimates of their intervals sum to it."""

from __future__ import annotations

import numpy as np

from pipelines.arrays import BoolArray, FloatArray, Int8Array, IntArray
from pipelines.codes import IntervalStatus


def keep_known_energy(
    received: FloatArray,
    known: BoolArray,
    series_starts: IntArray,
    final: FloatArray,
    status: Int8Array,
    margin: FloatArray,
) -> None:
    """Scales the estimates of each run of intervals to what was received in it; changes the last three.

    received  (days x slots), NaN where nothing came. [kWh or kvarh]
    known     (days x slots) intervals of runs whose energy is known together.
    margin    (days x slots) half the width of the band of each estimate.

    Where an interval of a run could not be estimated, what was received in the run stands as it came. What is
    estimated to nothing shares evenly.
    """
    slots = received.shape[1]
    places = np.flatnonzero(known)
    if not places.size:
        return
    series = np.searchsorted(series_starts * slots, places, side="right")
    fresh = np.concatenate(([True], (np.diff(places) != 1) | (np.diff(series) != 0)))
    run = np.cumsum(fresh) - 1
    came, guess = received.reshape(-1)[places], final.reshape(-1)[places]
    energy, shape = np.bincount(run, np.nan_to_num(came)), np.bincount(run, guess)
    length = np.bincount(run)
    scaled = shape > 0  # a NaN is not
    factor = np.divide(energy, shape, out=np.zeros_like(energy), where=scaled)
    value = np.where(scaled[run], guess * factor[run], (energy / length)[run])
    unreached = np.isnan(shape)[run]
    value = np.where(unreached, np.where(np.isnan(came), guess, came), value)
    stands = places[unreached & ~np.isnan(came)]
    final.reshape(-1)[places] = value
    status.reshape(-1)[stands] = IntervalStatus.MEASURED
    margin.reshape(-1)[places] *= np.where(scaled[run], factor[run], np.nan)
