"""Checks of days of energy: what needs registers, curves, estimates or the other channels side by side."""

from __future__ import annotations

import numpy as np

from pipelines.arrays import BoolArray
from pipelines.codes import Severity
from pipelines.vee.blocks import DayBlock
from pipelines.vee.validation import day_kernels
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

_WHOLE_AND_REGISTER = Eligibility(
    "a register, and whole curves, as received or estimated, on the days that it closes",
    lambda block: (
        ~np.isnan(block.span_register) & ~(np.isnan(block.span_received) & np.isnan(block.span_curve))
    ),
)


_SPAN = Eligibility(
    "a register, and a curve on the days that it closes",
    lambda block: (
        ~np.isnan(block.span_register) & ~(np.isnan(block.span_curve) & np.isnan(block.span_measured))
    ),
)


def _single_days(block: DayBlock) -> BoolArray:
    return np.asarray(block.span_days == 1)


def _day_use(block: DayBlock, parameters: Parameters) -> BoolArray:
    """Not every customer keeps the calendar of holidays: a works that runs through has none, a mall is full
    on them.
    """
    days_of_week = np.maximum(
        (block.day_numbers + 3) % 7 - 4, 0
    )  # 1970-01-01 was a Thursday; working days are of one kind
    judged = _single_days(block)
    usable = judged & (block.estimated_ratio < parameters["estimated"])
    like_days, reach_days = parameters["like_days"], parameters["reach_days"]
    by_calendar, by_week = (
        day_kernels.like_day_medians(
            block.energy, block.series_starts, kinds, judged, usable, like_days, reach_days
        )
        for kinds in (block.day_types, days_of_week)
    )
    return np.asarray(
        day_kernels.outside_like_days(
            block.energy, block.series_starts, by_calendar, by_week, parameters["above"], parameters["below"]
        )
    )


def _trimmed_maximum(block: DayBlock, parameters: Parameters) -> BoolArray:
    return np.asarray(
        day_kernels.above_trimmed_maximum(
            block.energy,
            block.series_starts,
            _single_days(block),
            parameters["ratio"],
            parameters["trim"],
            parameters["least_days"],
        )
    )


def _day_over_capacity(block: DayBlock, parameters: Parameters) -> BoolArray:
    return np.asarray(block.energy > parameters["factor"] * block.capacity_kva * 24.0 * block.span_days)


def _single_phase(block: DayBlock, parameters: Parameters) -> BoolArray:
    """Connections that a single-phase meter of that current can carry: energy above current x voltage x 24 h
    x K / 1000.
    """
    connection_kva = parameters["current_a"] * parameters["voltage_v"] / 1000.0
    small = block.capacity_kva <= connection_kva  # false where the capacity is NaN
    return np.asarray(small & (block.energy > parameters["factor"] * connection_kva * 24.0 * block.span_days))


def _sibling(block: DayBlock, parameters: Parameters) -> BoolArray:
    return np.asarray(
        day_kernels.without_sibling(
            block.series_starts, block.meter_points, block.day_numbers, block.span_days
        )
    )


def _interval_sum(block: DayBlock, parameters: Parameters) -> BoolArray:
    allowed = np.maximum(parameters["tolerance_kwh"], parameters["steps"] * block.resolution)
    # The last bits of a sum of doubles are no difference.
    allowed = allowed * (1 + 1e-9) + 1e-9 * np.abs(block.span_register)
    apart = np.abs(block.span_curve - block.span_register) > allowed
    # Where intervals are missing, the others can only show too much.
    return np.asarray(apart | (block.span_measured - block.span_register > allowed))


def _rate_interval_sum(block: DayBlock, parameters: Parameters) -> BoolArray:
    allowed = np.maximum(parameters["tolerance_kwh"], parameters["steps"] * block.resolution)
    return np.asarray(block.rate_apart > allowed * (1 + 1e-9) + 1e-9 * np.abs(block.register))


def _inactive(block: DayBlock, parameters: Parameters) -> BoolArray:
    limit = int(parameters["days"])
    return np.asarray(
        day_kernels.long_runs(
            block.energy == 0.0, block.series_starts, block.day_numbers, block.span_days, limit, True
        )
    )


def _prolonged_estimation(block: DayBlock, parameters: Parameters) -> BoolArray:
    estimated = block.estimated_ratio >= parameters["share"]
    return np.asarray(
        day_kernels.long_runs(
            estimated, block.series_starts, block.day_numbers, block.span_days, int(parameters["days"]), False
        )
    )


def _unit_of_measure(block: DayBlock, parameters: Parameters) -> BoolArray:
    """What was received over the register is a factor that a wrong unit makes: kilo, the multiplier,
    intervals per hour (mean power taken for energy). What a check took away has been part of it.
    """
    ratio = np.full(block.energy.size, np.nan)
    received = np.where(np.isnan(block.span_received), block.span_curve, block.span_received)
    np.divide(received, block.span_register, out=ratio, where=block.span_register > 0)
    per_hour = np.where(block.interval_minutes > 0, 60.0 / np.maximum(block.interval_minutes, 1), np.nan)
    found = np.zeros(block.energy.size, dtype=np.bool_)
    for factor in (np.full(ratio.size, 1000.0), block.multiplier, per_hour):
        for expected in (factor, 1.0 / factor):
            found |= (np.abs(ratio / expected - 1.0) <= parameters["tolerance"]) & (
                np.abs(expected - 1.0) > parameters["tolerance"]
            )
    return found


def _interval_length(block: DayBlock, parameters: Parameters) -> BoolArray:
    return np.asarray(day_kernels.unlike_most(block.interval_minutes, block.series_starts))


DAY_CHECKS: tuple[Check, ...] = (
    Check(
        "VEE-V24",
        Level.DAY,
        "High or low day: use far from the median of own like-days",
        "日电量突增或突减",
        Severity.INFO,
        "Limits of +20 % and -50 % are common defaults of metering systems.",
        _day_use,
        {
            "above": "day_use.above_ratio",
            "below": "day_use.below_ratio",
            "like_days": "day_use.like_days",
            "reach_days": "like_day.reach_days",
            "estimated": "prolonged_estimation.ratio",
        },
        ACTIVE_FORWARD,
    ),
    Check(
        "VEE-V25",
        Level.DAY,
        "Very high day: use beyond three times the trimmed maximum of the series",
        "日电量异常高",
        Severity.WARN,
        TRADE,
        _trimmed_maximum,
        {
            "ratio": "trimmed_maximum.ratio",
            "trim": "trimmed_maximum.share_ratio",
            "least_days": "trimmed_maximum.least_days",
        },
    ),
    Check(
        "VEE-V26",
        Level.DAY,
        "Day over capacity: more energy than the connection can carry in 24 hours",
        "日电量超容",
        Severity.WARN,
        (
            f"Daily energy beyond a limit made from the capacity, {TIANJIN}; the form K x capacity x 24 h is "
            "the project's own."
        ),
        _day_over_capacity,
        {"factor": "capacity.over_factor"},
        CAPACITY_KNOWN,
    ),
    Check(
        "VEE-V27",
        Level.DAY,
        "Single-phase ceiling: more energy in a day than a single-phase meter can carry",
        "单相表日电量上限",
        Severity.WARN,
        (
            "60 A x 220 V x 24 h x K / 1000 = 316.8 kWh with K = 1 at low voltage, as a public State Grid "
            "job has it."
        ),
        _single_phase,
        {
            "current_a": "single_phase.current_a",
            "voltage_v": "single_phase.voltage_v",
            "factor": "single_phase.factor",
        },
        Eligibility(
            "active energy drawn, capacity within what such a meter carries", lambda block: block.counts_use
        ),
    ),
    Check(
        "VEE-V28",
        Level.DAY,
        "Sibling channel missing: another channel of the meter point has no energy on the day",
        "同点通道缺数",
        Severity.INFO,
        TRADE,
        _sibling,
    ),
    Check(
        "VEE-V29",
        Level.DAY,
        (
            "Intervals against registers: the curve of the days that a read closes does not sum to the "
            "register, or what of it was measured is more"
        ),
        "曲线与示值不符",
        Severity.WARN,
        TRADE,
        _interval_sum,
        {"tolerance_kwh": "interval_sum.tolerance_kwh", "steps": "interval_sum.tolerance_steps"},
        _SPAN,
    ),
    Check(
        "VEE-V30",
        Level.DAY,
        "Inactive meter: no active energy, or no read at all, for a long time",
        "长期零电量",
        Severity.INFO,
        TRADE,
        _inactive,
        {"days": "runs.inactive_days"},
        ACTIVE_FORWARD,
    ),
    Check(
        "VEE-V31",
        Level.DAY,
        "Prolonged estimation: days in a row that rest on estimates",
        "连续估计",
        Severity.WARN,
        TRADE,
        _prolonged_estimation,
        {"days": "prolonged_estimation.days", "share": "prolonged_estimation.ratio"},
    ),
    Check(
        "VEE-V32",
        Level.DAY,
        (
            "Unit of measure: the curve as received and the register differ by 1000, by the multiplier or by "
            "the intervals of an hour"
        ),
        "单位或倍率错误",
        Severity.WARN,
        TRADE,
        _unit_of_measure,
        {"tolerance": "interval_sum.unit_factor_tolerance_ratio"},
        _WHOLE_AND_REGISTER,
    ),
    Check(
        "VEE-V33",
        Level.DAY,
        "Interval length changed: not the one that most days of the series have",
        "间隔长度变化",
        Severity.INFO,
        TRADE,
        _interval_length,
    ),
    Check(
        "VEE-V34",
        Level.DAY,
        (
            "Intervals against time-of-use registers: the curve's intervals of a rate do not sum to the "
            "rate's register"
        ),
        "曲线与分时示值不符",
        Severity.WARN,
        (
            "Follows from the schedule of the customer's class and the order of the rates, which is assumed "
            "for meters (`rate_periods`)."
        ),
        _rate_interval_sum,
        {"tolerance_kwh": "interval_sum.tolerance_kwh", "steps": "interval_sum.tolerance_steps"},
        Eligibility(
            "a whole curve, registers of rates that sum to the total, a schedule",
            lambda block: ~np.isnan(block.rate_apart),
        ),
    ),
)
