"""Checks of received curve records: what is unfit never enters silver."""

from __future__ import annotations

import numpy as np

from pipelines.arrays import BoolArray, IntArray
from pipelines.codes import RejectReason, Severity
from pipelines.periods import DAY_MINUTES
from pipelines.vee.blocks import NO_DAY, RecordBlock
from pipelines.vee.validation.check import TIANJIN, Check, Level, Parameters


def future_dated(day_numbers: IntArray, today_number: int) -> BoolArray:
    """Days after today. (days) -> (days)"""
    return np.asarray(day_numbers > today_number)


def _divides_the_day(block: RecordBlock) -> BoolArray:
    return np.asarray(
        (block.interval_minutes > 0) & (DAY_MINUTES % np.maximum(block.interval_minutes, 1) == 0)
    )


def _interval_size(block: RecordBlock, parameters: Parameters) -> BoolArray:
    return ~_divides_the_day(block)


def _points(block: RecordBlock, parameters: Parameters) -> BoolArray:
    expected = DAY_MINUTES // np.maximum(block.interval_minutes, 1)
    flags = (block.flags > 0) & (block.flags != expected)
    qualities = (block.qualities > 0) & (block.qualities != expected)
    return np.asarray(_divides_the_day(block) & ((block.values != expected) | flags | qualities))


def _unit_of_measure(block: RecordBlock, parameters: Parameters) -> BoolArray:
    return ~(block.has_measure & block.has_channel)


def _pre_installation(block: RecordBlock, parameters: Parameters) -> BoolArray:
    return np.asarray((block.first_installed != NO_DAY) & (block.day_numbers < block.first_installed))


def _unknown_meter(block: RecordBlock, parameters: Parameters) -> BoolArray:
    return ~block.has_meter & ~_pre_installation(block, parameters)


def _future(block: RecordBlock, parameters: Parameters) -> BoolArray:
    return future_dated(block.day_numbers, block.today_number)


_DECLARED = "Follows from the declaration of the received table."

RECORD_CHECKS: tuple[Check, ...] = (
    Check(
        "VEE-V14",
        Level.RECORD,
        "Wrong interval size: the length of an interval does not divide the day",
        "间隔长度错误",
        Severity.QUARANTINE,
        _DECLARED,
        _interval_size,
        reason=(
            RejectReason.BAD_STRUCTURE,
            "interval_minutes",
            "The length of an interval does not divide the day.",
        ),
    ),
    Check(
        "VEE-V15",
        Level.RECORD,
        "96 points: the number of values, flags or quality codes does not fit the length of the interval",
        "点数不符",
        Severity.QUARANTINE,
        (
            "96 points of 15 minutes and a completeness flag of as many characters are the layout of "
            "E_MP_POWER_CURVE."
        ),
        _points,
        reason=(
            RejectReason.BAD_STRUCTURE,
            "values_unscaled",
            "The number of values, flags or quality codes does not fit the length of the interval.",
        ),
    ),
    Check(
        "VEE-V16",
        Level.RECORD,
        "Unit of measure: the kind of the values or what is counted is not in its closed list",
        "计量单位或通道代码错误",
        Severity.QUARANTINE,
        _DECLARED,
        _unit_of_measure,
        reason=(
            RejectReason.BAD_CODE,
            "measure_code",
            "Neither the kind of the values nor the channel may stand outside its closed list.",
        ),
    ),
    Check(
        "VEE-V17",
        Level.RECORD,
        "Pre-installation: the local day lies before the first meter of the meter point",
        "早于装表日期",
        Severity.QUARANTINE,
        f"Records earlier than the installation are dropped, {TIANJIN}.",
        _pre_installation,
        reason=(
            RejectReason.PRE_INSTALLATION,
            "curve_date",
            "The local day lies before the installation of the first meter.",
        ),
    ),
    Check(
        "VEE-V18",
        Level.RECORD,
        "Unknown meter: no meter with a multiplier counts at the meter point on the day",
        "无对应计量点",
        Severity.QUARANTINE,
        _DECLARED,
        _unknown_meter,
        reason=(
            RejectReason.UNKNOWN_METER_POINT,
            "meter_point_id",
            "No meter with a multiplier is known for this meter point on this day.",
        ),
    ),
    Check(
        "VEE-V08",
        Level.RECORD,
        "Future-dated: the local day has not come yet",
        "日期超前",
        Severity.QUARANTINE,
        f"Records later than now are dropped, {TIANJIN}.",
        _future,
        bit=7,
        reason=(RejectReason.FUTURE_DATED, "curve_date", "The local day lies after the day of the run."),
    ),
)
