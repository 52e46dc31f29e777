"""The checks, as one list: flagging, quarantine, documentation and tests iterate over it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.codes import Severity
from pipelines.vee import kernels
from pipelines.vee.blocks import BoolArray, CurveBlock, IntArray
from pipelines.vee.settings import VeeSettings

Kernel = Callable[[CurveBlock, VeeSettings], BoolArray]


@dataclass(frozen=True)
class Check:
    """One validation rule.

    id        Stable name, never used again for another rule.
    bit       Position in ``failed_check_bits``; equals the position in the list.
    title     What is found; ``title_zh`` the same in the trade's Chinese.
    severity  invalid: the value is estimated; quarantine: the record never enters silver; warn and info: the value stays.
    source    Where the rule comes from.
    settings  Names of the thresholds of ``vee.yaml`` that steer it.
    kernel    (days x slots) array, true where the rule fails; every kernel sees the values as they were received.
    """

    id: str
    bit: int
    title: str
    title_zh: str
    severity: Severity
    source: str
    settings: tuple[str, ...]
    kernel: Kernel


def future_dated(day_numbers: IntArray, today_number: int) -> BoolArray:
    """Days after today. (days) -> (days)"""
    return np.asarray(day_numbers > today_number)


def _whole_days(block: CurveBlock, days: BoolArray) -> BoolArray:
    return np.repeat(days[:, None], block.energy.shape[1], axis=1)


def _gap(block: CurveBlock, settings: VeeSettings) -> BoolArray:
    return np.isnan(block.energy)


def _duplicate(block: CurveBlock, settings: VeeSettings) -> BoolArray:
    return _whole_days(block, block.receptions > 1)


def _negative(block: CurveBlock, settings: VeeSettings) -> BoolArray:
    return np.asarray(block.energy < 0)


def _zero_run(block: CurveBlock, settings: VeeSettings) -> BoolArray:
    limit = block.slots_in(settings.zero_run_hours)
    return np.asarray(kernels.repeated_runs(block.energy, block.series_starts, block.counts_use, limit, True))


def _stuck(block: CurveBlock, settings: VeeSettings) -> BoolArray:
    every = np.ones(block.energy.shape[0], dtype=np.bool_)
    limit = max(2, block.slots_in(settings.stuck_hours))
    return np.asarray(kernels.repeated_runs(block.energy, block.series_starts, every, limit, False))


def _spike(block: CurveBlock, settings: VeeSettings) -> BoolArray:
    return np.asarray(
        kernels.isolated_spikes(
            block.energy,
            block.series_starts,
            block.day_types,
            settings.spike_isolation_ratio,
            settings.spike_like_day_ratio,
            settings.spike_floor_ratio,
            settings.spike_like_days,
            settings.spike_like_day_slots,
            settings.like_day_reach_days,
        )
    )


def _over_capacity(block: CurveBlock, settings: VeeSettings) -> BoolArray:
    limit = settings.over_capacity_factor * block.capacity_kva * block.interval_hours
    return np.asarray(block.energy > limit[:, None])  # false where the capacity is NaN


def _future(block: CurveBlock, settings: VeeSettings) -> BoolArray:
    return _whole_days(block, future_dated(block.day_numbers, block.today_number))


_TRADE = "Names in common use in the trade; thresholds are the project's own."

CHECKS: tuple[Check, ...] = (
    Check("VEE-V01", 0, "Gap: nothing came for the interval", "缺数", Severity.INVALID, _TRADE, (), _gap),
    Check("VEE-V02", 1, "Duplicate: the day was received more than once", "重复", Severity.INFO, _TRADE, (), _duplicate),
    Check("VEE-V03", 2, "Negative energy", "负值", Severity.INVALID, _TRADE, (), _negative),
    Check("VEE-V04", 3, "Zero run: active energy rests at zero", "零值段", Severity.WARN, _TRADE, ("zero_run_hours",), _zero_run),
    Check("VEE-V05", 4, "Stuck: one non-zero value repeats", "数值不变", Severity.WARN, _TRADE, ("stuck_hours",), _stuck),
    Check(
        "VEE-V06",
        5,
        "Spike: an interval stands alone above its neighbours and its like-days",
        "飞走",
        Severity.INVALID,
        _TRADE,
        ("spike_isolation_ratio", "spike_like_day_ratio", "spike_floor_ratio", "spike_like_days", "spike_like_day_slots", "like_day_reach_days"),
        _spike,
    ),
    Check(
        "VEE-V07",
        6,
        "Over capacity: power beyond what the connection can carry",
        "超容",
        Severity.INVALID,
        "Rule |P| x multiplier > K x contract capacity, State Grid Tianjin 2018 (handmsg.com, 2018-07-11); K is the project's own.",
        ("over_capacity_factor",),
        _over_capacity,
    ),
    Check(
        "VEE-V08",
        7,
        "Future-dated: the local day has not come yet",
        "日期超前",
        Severity.QUARANTINE,
        "Records later than now are dropped, State Grid Tianjin 2018 (handmsg.com, 2018-07-11).",
        (),
        _future,
    ),
)


def run_checks(block: CurveBlock, settings: VeeSettings) -> tuple[IntArray, BoolArray]:
    """Failed checks of each interval, and whether one of them makes the value invalid.

    Returns (days x slots) bits, bit i standing for ``CHECKS[i]``, and (days x slots) booleans.
    """
    bits = np.zeros(block.energy.shape, dtype=np.int64)
    invalid = np.zeros(block.energy.shape, dtype=np.bool_)
    for check in CHECKS:
        failed = check.kernel(block, settings)
        bits |= failed.astype(np.int64) << check.bit
        if check.severity is Severity.INVALID:
            invalid |= failed
    return bits, invalid
