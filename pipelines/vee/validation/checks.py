"""The checks, as one list: flagging, quarantine, findings, documentation and tests iterate over it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipelines.arrays import BoolArray, Int8Array, IntArray
from pipelines.codes import Severity
from pipelines.vee.blocks import CurveBlock, DayBlock, RecordBlock, RegisterBlock
from pipelines.vee.settings import VeeSettings
from pipelines.vee.validation import day_checks
from pipelines.vee.validation.check import Check, Level
from pipelines.vee.validation.interval_checks import INTERVAL_CHECKS
from pipelines.vee.validation.record_checks import RECORD_CHECKS, future_dated
from pipelines.vee.validation.register_checks import REGISTER_CHECKS
from pipelines.vee.validation.step_checks import STEP_CHECKS

__all__ = [
    "CHECKS",
    "DAY_CHECKS",
    "INTERVAL_CHECKS",
    "RECORD_CHECKS",
    "REGISTER_CHECKS",
    "Check",
    "Level",
    "find_failures",
    "future_dated",
    "record_faults",
    "run_checks",
]

DAY_CHECKS: tuple[Check, ...] = (*day_checks.DAY_CHECKS, *STEP_CHECKS)
CHECKS: tuple[Check, ...] = tuple(
    sorted(
        (*INTERVAL_CHECKS, *RECORD_CHECKS, *REGISTER_CHECKS, *DAY_CHECKS),
        key=lambda check: int(check.id.removeprefix("VEE-V")),
    )
)


def run_checks(
    block: CurveBlock, settings: VeeSettings, checks: Sequence[Check] = INTERVAL_CHECKS
) -> tuple[IntArray, BoolArray]:
    """Failed checks of each interval, and whether one of them makes the value invalid.

    Returns (days x slots) bits, bit i standing for the check with ``bit`` i, and (days x slots) booleans.
    """
    bits = np.zeros(block.energy.shape, dtype=np.int64)
    invalid = np.zeros(block.energy.shape, dtype=np.bool_)
    for check in checks:
        failed = check.failed(block, settings)
        # Findings are few: looking for them is quicker than passing over every interval.
        found = np.flatnonzero(failed)
        if found.size and check.bit is not None:
            marks = (bits, invalid) if failed.ndim == 1 else (bits.reshape(-1), invalid.reshape(-1))
            marks[0][found] |= np.int64(1 << check.bit)
            if check.severity is Severity.INVALID:
                marks[1][found] = True
    return bits, invalid


def record_faults(
    block: RecordBlock, settings: VeeSettings, checks: Sequence[Check] = RECORD_CHECKS
) -> Int8Array:
    """0 where a record is fit, else 1 + the place of the first check that it fails. (records)"""
    faults = np.zeros(block.day_numbers.size, dtype=np.int8)
    for place in reversed(range(len(checks))):
        faults[checks[place].failed(block, settings)] = place + 1
    return faults


def find_failures(
    block: RegisterBlock | DayBlock, settings: VeeSettings, checks: Sequence[Check]
) -> tuple[IntArray, IntArray]:
    """Every failure as (row of the block, place of the check in the list), by row and then by place.
    (failures), (failures)
    """
    found = [np.flatnonzero(check.failed(block, settings)) for check in checks]
    rows = np.concatenate([np.empty(0, dtype=np.int64), *found])
    places = np.repeat(np.arange(len(checks)), [part.size for part in found])
    order = np.lexsort((places, rows))
    return rows[order], places[order]
