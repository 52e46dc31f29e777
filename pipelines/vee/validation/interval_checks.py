"""Checks of the intervals of load curves."""

from __future__ import annotations

import numpy as np

from pipelines.arrays import BoolArray
from pipelines.codes import Severity
from pipelines.vee.blocks import CurveBlock
from pipelines.vee.validation import interval_kernels, spike_kernels
from pipelines.vee.validation.balance_checks import CATCH_UP, NEGATIVE, OWN_PEAK, SCALED_FAR, SPIKE
from pipelines.vee.validation.check import (
    ACTIVE_FORWARD,
    CAPACITY_KNOWN,
    TIANJIN,
    TRADE,
    Check,
    Eligibility,
    Level,
    Parameters,
)

_OUTAGE_KNOWN = Eligibility("active energy drawn, outage on record", lambda block: block.counts_use)


def _gap(block: CurveBlock, parameters: Parameters) -> BoolArray:
    empty = np.isnan(block.energy)
    return empty if block.disputed is None else empty & ~block.disputed


def _duplicate(block: CurveBlock, parameters: Parameters) -> BoolArray:
    days = np.asarray(block.receptions > 1)
    for marks in (block.told_again, block.disputed):
        if marks is not None:
            days = np.asarray((days if days.ndim == 2 else days[:, None]) | marks)
    return days


def _runs(block: CurveBlock, parameters: Parameters, rows: BoolArray, zeros: bool) -> BoolArray:
    return np.asarray(
        interval_kernels.repeated_runs(
            block.energy,
            block.series_starts,
            rows,
            max(1 if zeros else 2, block.slots_in(parameters["hours"])),
            zeros,
            block.slots_in(parameters["least_hours"]),
            parameters["natural_ratio"],
            parameters["rare_days"],
        )
    )


def _zero_runs(block: CurveBlock, parameters: Parameters) -> BoolArray:
    return _runs(block, parameters, block.counts_use, True)


def _zero_run(block: CurveBlock, parameters: Parameters) -> BoolArray:
    runs = _zero_runs(block, parameters)
    if block.outages is not None and block.outages.any():
        runs &= ~np.asarray(interval_kernels.runs_touching(runs, block.series_starts, block.outages))
    return runs


def _zero_run_in_outage(block: CurveBlock, parameters: Parameters) -> BoolArray:
    if block.outages is None or not block.outages.any():
        return np.zeros(block.energy.shape[0], dtype=np.bool_)
    return np.asarray(
        interval_kernels.runs_touching(_zero_runs(block, parameters), block.series_starts, block.outages)
    )


def _stuck(block: CurveBlock, parameters: Parameters) -> BoolArray:
    return _runs(block, parameters, np.ones(block.energy.shape[0], dtype=np.bool_), False)


def _third_highest(block: CurveBlock, parameters: Parameters) -> BoolArray:
    return np.asarray(spike_kernels.above_third_highest(block.energy, parameters["ratio"]))


def _local_maximum(block: CurveBlock, parameters: Parameters) -> BoolArray:
    return np.asarray(
        spike_kernels.local_maxima(
            block.energy,
            block.series_starts,
            parameters["slots"] // 2,
            parameters["ratio"],
            parameters["floor"],
        )
    )


def _above_like_days(block: CurveBlock, parameters: Parameters) -> BoolArray:
    return np.asarray(
        spike_kernels.above_like_days(
            block.energy,
            block.series_starts,
            block.day_types,
            parameters["ratio"],
            parameters["floor"],
            parameters["like_days"],
            parameters["slots"],
            parameters["reach_days"],
            parameters["window_slots"] // 2,
            parameters["window_ratio"],
        )
    )


def _over_capacity(block: CurveBlock, parameters: Parameters) -> BoolArray:
    limit = parameters["factor"] * block.capacity_kva * block.interval_hours
    return np.asarray(block.energy > limit[:, None])  # false where the capacity is NaN


def _end_stamps(block: CurveBlock, parameters: Parameters) -> BoolArray:
    return np.asarray(interval_kernels.shifted_by_one(block.energy, block.series_starts, block.day_numbers))


def _long_silence(block: CurveBlock, parameters: Parameters) -> BoolArray:
    if block.silent_before is None:
        return np.zeros(block.energy.shape[0], dtype=np.bool_)
    return np.asarray(block.silent_before > parameters["days"])


_NATURAL_RUN = {
    "least_hours": "runs.least_hours",
    "natural_ratio": "runs.natural_ratio",
    "rare_days": "runs.rare_days",
}
INTERVAL_CHECKS: tuple[Check, ...] = (
    Check(
        "VEE-V01",
        Level.INTERVAL,
        "Gap: nothing came for the interval",
        "缺数",
        Severity.INVALID,
        TRADE,
        _gap,
        bit=0,
    ),
    Check(
        "VEE-V02",
        Level.INTERVAL,
        "Duplicate: the day, or the interval in its file, came more than once",
        "重复",
        Severity.INFO,
        TRADE,
        _duplicate,
        bit=1,
    ),
    NEGATIVE,
    Check(
        "VEE-V04",
        Level.INTERVAL,
        "Zero run: active energy rests at zero, and no outage is on record",
        "零值段",
        Severity.WARN,
        TRADE,
        _zero_run,
        {"hours": "runs.zero_hours", **_NATURAL_RUN},
        ACTIVE_FORWARD,
        bit=3,
    ),
    Check(
        "VEE-V05",
        Level.INTERVAL,
        "Stuck: one non-zero value repeats",
        "数值不变",
        Severity.WARN,
        TRADE,
        _stuck,
        {"hours": "runs.stuck_hours", **_NATURAL_RUN},
        bit=4,
    ),
    SPIKE,
    Check(
        "VEE-V07",
        Level.INTERVAL,
        "Over capacity: power beyond what the connection can carry",
        "超容",
        Severity.INVALID,
        f"Rule |P| x multiplier > K x contract capacity, {TIANJIN}; K is the project's own.",
        _over_capacity,
        {"factor": "capacity.over_factor"},
        CAPACITY_KNOWN,
        bit=6,
    ),
    # Bit 7 stands for VEE-V08, which is decided on the record before it comes here.
    Check(
        "VEE-V09",
        Level.INTERVAL,
        "Spike against the day: an interval far above the third highest of its day",
        "日内极值突出",
        Severity.INFO,
        (
            "Highest against third highest with 180 % is a common rule of metering systems; alone it is "
            "blind where a day has three high intervals."
        ),
        _third_highest,
        {"ratio": "spikes.third_highest_ratio"},
        bit=8,
    ),
    Check(
        "VEE-V10",
        Level.INTERVAL,
        "Spike against the hour: the highest of nine slots, far above the other eight",
        "局部极值",
        Severity.INFO,
        TRADE,
        _local_maximum,
        {"slots": "spikes.window_slots", "ratio": "spikes.window_ratio", "floor": "spikes.floor_ratio"},
        bit=9,
    ),
    Check(
        "VEE-V11",
        Level.INTERVAL,
        (
            "Spike against like-days: an interval far above what own like-days show around the same time, "
            "and above most of its own hour"
        ),
        "同类日突变",
        Severity.INFO,
        TRADE,
        _above_like_days,
        {
            "ratio": "spikes.own_days_ratio",
            "floor": "spikes.own_days_floor_ratio",
            "like_days": "spikes.like_days",
            "slots": "spikes.like_day_slots",
            "reach_days": "like_day.reach_days",
            "window_slots": "spikes.window_slots",
            "window_ratio": "spikes.own_days_window_ratio",
        },
        bit=10,
    ),
    Check(
        "VEE-V12",
        Level.INTERVAL,
        "Zero run in an outage: active energy rests at zero while an outage is on record",
        "停电零值段",
        Severity.INFO,
        TRADE,
        _zero_run_in_outage,
        {"hours": "runs.zero_hours", **_NATURAL_RUN},
        _OUTAGE_KNOWN,
        bit=11,
    ),
    Check(
        "VEE-V13",
        Level.INTERVAL,
        (
            "Stamps of the other end: a series lacks only the first slot of its first day and ends with one "
            "alone, or begins with one and lacks only the last"
        ),
        "时标起止混淆",
        Severity.WARN,
        (
            "Follows from the two conventions: stamps at one end of intervals, read as those of the other, "
            "shift a whole series by one slot."
        ),
        _end_stamps,
        bit=12,
    ),
    Check(
        "VEE-V35",
        Level.INTERVAL,
        "Long silence: before the day nothing came for more days than are told one by one as missing",
        "长期无数据",
        Severity.WARN,
        (
            "The project's own: what a silence of that length would hold is not written out, so that it "
            "costs nothing."
        ),
        _long_silence,
        {"days": "gaps.longest_silence_days"},
        bit=13,
    ),
    SCALED_FAR,
    OWN_PEAK,
    CATCH_UP,
)
