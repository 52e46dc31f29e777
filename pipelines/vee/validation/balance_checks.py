"""Checks of intervals on size and balance: what is no measurement, and what only looks like none."""

from __future__ import annotations

import numpy as np

from pipelines.arrays import BoolArray, IntArray
from pipelines.codes import Severity
from pipelines.vee.blocks import CurveBlock
from pipelines.vee.validation import balance_kernels, spike_kernels
from pipelines.vee.validation.check import TRADE, Check, Level, Parameters
from pipelines.vee.validation.zeros import noise_below_zero


def _negative(block: CurveBlock, parameters: Parameters) -> BoolArray:
    below = np.asarray(block.energy < 0)
    return (
        below & ~noise_below_zero(block, parameters["noise_ratio"], parameters["noise_steps"])
        if below.any()
        else below
    )


def _catch_up(block: CurveBlock, parameters: Parameters) -> BoolArray:
    days, slots = block.energy.shape
    how = (
        parameters["alone"],
        parameters["like_day_ratio"],
        parameters["balance"],
        max(parameters["least_intervals"], block.slots_in(parameters["least_hours"])),
        int(parameters["limit_days"] * slots),
        parameters["like_days"],
        parameters["slots"],
        parameters["reach_days"],
    )
    if (_catch_up, how) not in block.shared:
        outages = np.zeros(days, dtype=np.bool_) if block.outages is None else block.outages
        block.shared[_catch_up, how] = balance_kernels.catch_ups(
            block.energy, block.series_starts, block.day_types, outages, *how
        )
    return np.array(block.shared[_catch_up, how], dtype=np.bool_)


def _lone(block: CurveBlock, parameters: Parameters, mark: int) -> BoolArray:
    """Intervals that stand alone and are no sum that came late, of one mark of ``isolated_spikes``."""
    how = (
        parameters["isolation"],
        parameters["like_day_ratio"],
        parameters["far"],
        parameters["far_like_day_ratio"],
        parameters["far_slots"] // 2,
        parameters["floor"],
        parameters["like_days"],
        parameters["slots"],
        parameters["reach_days"],
        parameters["least_like_days"],
        parameters["alone"],
        parameters["peaky_days"],
        parameters["reached"],
        parameters["height"],
    )
    if (_lone, how) not in block.shared:
        block.shared[_lone, how] = spike_kernels.isolated_spikes(
            block.energy, block.series_starts, block.day_types, *how
        )
    found = np.asarray(block.shared[_lone, how] == mark)
    return found & ~_catch_up(block, parameters) if found.any() else found


def _isolated_spike(block: CurveBlock, parameters: Parameters) -> BoolArray:
    return _lone(block, parameters, spike_kernels.SPIKE)


def _own_peak(block: CurveBlock, parameters: Parameters) -> BoolArray:
    return _lone(block, parameters, spike_kernels.PEAK)


def _scaled_far(block: CurveBlock, parameters: Parameters) -> BoolArray:
    if block.scale is None:
        return np.zeros(block.energy.shape[0], dtype=np.bool_)
    ratio = parameters["ratio"]
    return np.asarray((block.scale > ratio) | (block.scale * ratio < 1.0))


_PLATEAU = (
    "Two and more slots side by side of which none is above `spikes.isolation_ratio` times the highest "
    "beside it: a plateau, such as a shift or a furnace "
    "makes it too. They stay measured and count in every sum. VEE-V07 takes them out beyond a known "
    "capacity; else they are only told of: by VEE-V09 "
    "up to two slots of a day, by VEE-V11 up to four in a row where like-days are lower, by VEE-V24 through "
    "the energy of the day, and by VEE-V29 "
    "where a register is read. Of unequal spikes side by side, each above that ratio times the next, the two "
    "highest are found."
)
_AT_REST = " On a day that rests, a spike no higher than what like-days show, which do not rest."

_CATCH_UP = {
    "alone": "peaks.alone_ratio",
    "like_day_ratio": "spikes.like_day_ratio",
    "balance": "catch_up.balance_ratio",
    "least_intervals": "catch_up.least_intervals",
    "least_hours": "catch_up.least_hours",
    "limit_days": "gaps.limit_days",
    "like_days": "spikes.like_days",
    "slots": "spikes.like_day_slots",
    "reach_days": "like_day.reach_days",
}
_LONE = {
    **_CATCH_UP,
    "isolation": "spikes.isolation_ratio",
    "far": "spikes.far_window_ratio",
    "far_like_day_ratio": "spikes.far_like_day_ratio",
    "far_slots": "spikes.window_slots",
    "floor": "spikes.floor_ratio",
    "least_like_days": "peaks.least_like_days",
    "peaky_days": "peaks.days_ratio",
    "reached": "peaks.reached_ratio",
    "height": "peaks.height_ratio",
}


NEGATIVE = Check(
    "VEE-V03",
    Level.INTERVAL,
    "Negative energy, beyond what noise of the meter may be",
    "负值",
    Severity.INVALID,
    TRADE,
    _negative,
    {"noise_ratio": "negatives.noise_ratio", "noise_steps": "negatives.noise_steps"},
    bit=2,
)

SPIKE = Check(
    "VEE-V06",
    Level.INTERVAL,
    "Spike: an interval stands alone above its neighbours and its like-days",
    "飞走",
    Severity.INVALID,
    TRADE,
    _isolated_spike,
    _LONE,
    bit=5,
    blind=_PLATEAU + _AT_REST,
)

SCALED_FAR = Check(
    "VEE-V41",
    Level.INTERVAL,
    "Scaled far: registers moved an estimate beyond what one may be off",
    "按表码调整过大",
    Severity.WARN,
    (
        "The project's own: where estimates must give way so far, what was measured beside them is "
        "wrong, or the register is."
    ),
    _scaled_far,
    {"ratio": "interval_sum.scale_ratio"},
    bit=14,
)

OWN_PEAK = Check(
    "VEE-V42",
    Level.INTERVAL,
    (
        "Peak: an interval stands alone as a spike does, but its series has such peaks by nature, or too "
        "few like-days can tell"
    ),
    "孤立尖峰",
    Severity.WARN,
    "The project's own: a kettle makes what a fault of a works' meter looks like, so it stays measured.",
    _own_peak,
    _LONE,
    bit=15,
)

CATCH_UP = Check(
    "VEE-V43",
    Level.INTERVAL,
    "Catch-up: zeros or nothing, then about their sum at once; the energy is kept and spread over them",
    "补计电量",
    Severity.INVALID,
    (
        "Follows from counters that go on while the line to them rests: the sum is right, its place in "
        "time is not."
    ),
    _catch_up,
    _CATCH_UP,
    bit=16,
    blind=(
        "Zeros before a sum that lies farther than `catch_up.balance_ratio` from what like-days show, "
        "and any without like-days: the zeros stay measured, and VEE-V04, VEE-V06 or VEE-V42 tell of "
        "what stands out."
    ),
)


def caught_up(bits: IntArray) -> BoolArray:
    """Intervals of runs whose energy came late, by what ``run_checks`` found. (days x slots)"""
    return np.asarray(bits >> (CATCH_UP.bit or 0) & 1 == 1)
