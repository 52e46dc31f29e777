"""One real series alone, laid out for checks and estimators."""

from __future__ import annotations

import numpy as np

from pipelines.arrays import FloatArray, IntArray
from pipelines.vee.blocks import CurveBlock


def alone(energy: FloatArray, day_types: IntArray) -> CurveBlock:
    """A block of one series: every day received once, its capacity not known. (days x slots) [kWh]"""
    days, slots = energy.shape
    return CurveBlock(
        energy=energy,
        interval_minutes=1440 // slots,
        series_starts=np.array([0, days]),
        day_numbers=np.arange(days),
        day_types=day_types,
        capacity_kva=np.full(days, np.nan),
        counts_use=np.ones(days, dtype=np.bool_),
        receptions=np.ones(days, dtype=np.int64),
        today_number=days,
    )
