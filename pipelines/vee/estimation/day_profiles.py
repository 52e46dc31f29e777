"""One day of many meters, judged and filled with what was kept of the days before: no curve of another day is
read again.

A kept profile holds, per series and kind of day, what the rules would otherwise look up in the like-days'
curves; ids, bits, severities and
thresholds are those of the catalogue. What one day cannot show stays out: a run of zeros or of one value
counts within the day, an interval's
neighbours are those of the day, and the choice among estimators by their measured error (VEE-E03 on) needs
the curves; gaps here take VEE-E01
up to its limit and VEE-E02 beyond. Whether a series has peaks of its own by nature, or a sum came late, shows
over many days only: VEE-V42 and VEE-V43 stay out, and so does the lower bar of VEE-V06 for what stands far
alone, which holds in series without own peaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numba
import numpy as np

from pipelines.arrays import BoolArray, Float32Array, FloatArray, Int8Array, IntArray
from pipelines.codes import IntervalStatus
from pipelines.vee.blocks import CurveBlock
from pipelines.vee.settings import VeeSettings
from pipelines.vee.validation.check import Check, Kernel, Parameters
from pipelines.vee.validation.checks import INTERVAL_CHECKS, run_checks
from pipelines.vee.validation.spike_kernels import NEIGHBOUR_REACH

LINEAR, LIKE_DAY = int(IntervalStatus.ESTIMATED_LINEAR), int(IntervalStatus.ESTIMATED_LIKE_DAY)
MISSING, MEASURED = int(IntervalStatus.MISSING), int(IntervalStatus.MEASURED)


@dataclass(frozen=True, kw_only=True)
class ProfiledBlock(CurveBlock):
    """One day of many series, and their kept profiles; every row is a series.

    usual   (days x slots) median over the like-days of the largest value near each time of day, NaN where
            unknown. [kWh or kvarh]
    likely  (days x slots) mean of the nearest clean like-days, NaN where unknown. [kWh or kvarh]
    level   (days) mean of the series' intervals above zero. [kWh or kvarh]
    """

    usual: Float32Array
    likely: Float32Array
    level: FloatArray


def profiled_block(
    block: CurveBlock, usual: Float32Array, likely: Float32Array, level: FloatArray
) -> ProfiledBlock:
    """A block of single days with its profiles; ``series_starts`` becomes one row per series."""
    parts = {
        name: getattr(block, name) for name, part in CurveBlock.__dataclass_fields__.items() if part.init
    }
    return ProfiledBlock(
        **(parts | {"series_starts": np.arange(block.energy.shape[0] + 1)}),
        usual=usual,
        likely=likely,
        level=level,
    )


def _isolated(block: ProfiledBlock, parameters: Parameters) -> BoolArray:
    ratios = parameters["isolation"], parameters["like_day_ratio"], parameters["floor"]
    without = parameters["least_like_days"] == 0
    return np.asarray(
        isolated_from_profile(block.energy, block.usual, block.level, *ratios, NEIGHBOUR_REACH, without)
    )


_DECIDED = ("VEE-V01", "VEE-V02", "VEE-V03", "VEE-V04", "VEE-V05", "VEE-V06", "VEE-V07")
_FROM_PROFILE: Mapping[str, Kernel] = {"VEE-V06": _isolated}

DAY_RULES: Mapping[str, Check] = {
    check.id: replace(check, kernel=_FROM_PROFILE.get(check.id, check.kernel))
    for check in INTERVAL_CHECKS
    if check.id in _DECIDED
}
"""The checks of the catalogue that a single day with kept profiles decides; one that looks at like-days asks
the profile instead.
"""

DAY_CHECK_BITS: Mapping[str, int] = {name: int(check.bit or 0) for name, check in DAY_RULES.items()}


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def isolated_from_profile(
    energy: FloatArray,
    usual: Float32Array,
    level: FloatArray,
    isolation: float,
    like_day_ratio: float,
    floor_ratio: float,
    reach: int,
    without: bool,
) -> BoolArray:
    """Intervals that stand alone above their neighbours and above what the profile shows at that time; two
    passes, as ``isolated_spikes``.

    without  Whether an interval without a profile may be one.
    """
    days, slots = energy.shape
    flags = np.zeros((days, slots), dtype=np.bool_)
    for day in range(days):
        row, marks = energy[day], flags[day]
        floor = floor_ratio * level[day]
        for step in range(2):
            fresh = False
            for slot in range(slots):
                value = row[slot]
                if marks[slot] or not value > floor:
                    continue
                # Most intervals have an equal beside them, which settles it without any search.
                if slot > 0 and not (step and marks[slot - 1]) and row[slot - 1] * isolation >= value:
                    continue
                larger = np.nan
                for side in (-1, 1):
                    for distance in range(1, reach + 1):
                        near = slot + side * distance
                        if near < 0 or near >= slots:
                            break
                        # What this pass finds is still a neighbour in it; what the first found is none in the
                        # second.
                        if np.isnan(row[near]) or (marks[near] and step):
                            continue
                        larger = row[near] if np.isnan(larger) else max(larger, row[near])
                        break
                if value > isolation * larger and (
                    (without and np.isnan(usual[day, slot])) or value > like_day_ratio * usual[day, slot]
                ):
                    marks[slot] = True
                    fresh = True
            if not fresh:
                break
    return flags


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _fill(
    energy: FloatArray,
    invalid: BoolArray,
    likely: Float32Array,
    linear: int,
    beside: int,
    scale_min: float,
    scale_max: float,
) -> tuple[FloatArray, Int8Array]:
    days, slots = energy.shape
    final = energy.copy()
    status = np.full((days, slots), MEASURED, dtype=np.int8)
    for day in range(days):
        row, wrong, out, mark = energy[day], invalid[day], final[day], status[day]
        slot = 0
        while slot < slots:
            if not wrong[slot]:
                slot += 1
                continue
            begin = slot
            while slot < slots and wrong[slot]:
                slot += 1
            width = slot - begin
            if width <= linear and begin > 0 and slot < slots:
                left, right = row[begin - 1], row[slot]
                for offset in range(width):
                    out[begin + offset] = left + (right - left) * (offset + 1) / (width + 1)
                    mark[begin + offset] = LINEAR
                continue
            here, there = 0.0, 0.0
            for near in range(max(0, begin - beside), min(slots, slot + beside)):
                if (near < begin or near >= slot) and not wrong[near] and not np.isnan(likely[day, near]):
                    here += row[near]
                    there += likely[day, near]
            scale = min(max(here / there, scale_min), scale_max) if there > 0.0 else 1.0
            for inside in range(begin, slot):
                out[inside] = scale * likely[day, inside]
                mark[inside] = MISSING if np.isnan(likely[day, inside]) else LIKE_DAY
    return final, status


def refine_day(block: ProfiledBlock, settings: VeeSettings) -> tuple[IntArray, FloatArray, Int8Array]:
    """Failed checks, final value and status of each interval of one day.

    Returns (days x slots) bits as ``run_checks`` gives them, energy, NaN where nothing could be estimated
    [kWh or kvarh], and IntervalStatus.
    """
    bits, invalid = run_checks(block, settings, tuple(DAY_RULES.values()))
    linear = int(settings.linear.limit_hours / block.interval_hours + 1e-9)
    beside = int(settings.like_day.neighbour_hours / block.interval_hours + 1e-9)
    final, status = _fill(
        block.energy,
        invalid,
        block.likely,
        linear,
        beside,
        settings.like_day.scale_min,
        settings.like_day.scale_max,
    )
    return bits, final, status
