"""Checks of settled register reads. A register's own walk (what is a rollover, what an exchange) stands in
``register_kernel``.
"""

from __future__ import annotations

import numpy as np

from pipelines.arrays import BoolArray
from pipelines.codes import Severity
from pipelines.vee.blocks import RegisterBlock
from pipelines.vee.validation.check import TRADE, Check, Eligibility, Level, Parameters

_RATES_SENT = Eligibility("registers of the rates sent", lambda block: (block.rates >= 0).any(axis=1))
_HAS_BEFORE = Eligibility("a read before", lambda block: block.before >= 0)


def _decrease(block: RegisterBlock, parameters: Parameters) -> BoolArray:
    return block.decreased.copy()


def _jump(block: RegisterBlock, parameters: Parameters) -> BoolArray:
    return block.jumped.copy()


def _rollover(block: RegisterBlock, parameters: Parameters) -> BoolArray:
    return block.rolled_over.copy()


def _exchange(block: RegisterBlock, parameters: Parameters) -> BoolArray:
    return block.exchanged.copy()


def _over_capacity(block: RegisterBlock, parameters: Parameters) -> BoolArray:
    return block.over_capacity.copy()


def _restart(block: RegisterBlock, parameters: Parameters) -> BoolArray:
    return block.restarted.copy()


def _rate_sum(block: RegisterBlock, parameters: Parameters) -> BoolArray:
    if not block.rates.size:
        return np.zeros(block.series.size, dtype=np.bool_)
    apart = np.abs(np.where(block.rates >= 0, block.rates, 0).sum(axis=1) - block.register)
    # Each register begins again by itself, the total first: until the rates follow, their sum is whole turns
    # ahead.
    turn = np.where(block.rolls_over_at > 0, block.rolls_over_at, np.iinfo(np.int64).max)
    apart = np.minimum(apart % turn, np.where(block.rolls_over_at > 0, turn - apart % turn, apart))
    return np.asarray(apart > parameters["steps"] * block.step)


def _time_of_use_registers(block: RegisterBlock, parameters: Parameters) -> BoolArray:
    """A register of a rate fell and cannot have rolled over, or one that the read before had is missing; an
    exchange explains a fall.
    """
    if not block.rates.size:
        return np.zeros(block.series.size, dtype=np.bool_)
    before = block.rates[np.maximum(block.before, 0)]
    missing = (before >= 0) & (block.rates < 0)
    fell = (before >= 0) & (block.rates >= 0) & (block.rates < before) & ~block.rate_known
    return np.asarray(missing.any(axis=1) | (fell.any(axis=1) & ~block.exchanged))


REGISTER_CHECKS: tuple[Check, ...] = (
    Check(
        "VEE-V19",
        Level.REGISTER,
        "Register decrease: below the read before, and no rollover",
        "示值下降",
        Severity.QUARANTINE,
        TRADE,
        _decrease,
    ),
    Check(
        "VEE-V20",
        Level.REGISTER,
        "Rollover: the register passed its last digit",
        "示值翻转",
        Severity.INFO,
        TRADE,
        _rollover,
    ),
    Check(
        "VEE-V21",
        Level.REGISTER,
        "Meter exchange: the energy since the read before lies on two meters",
        "换表",
        Severity.INFO,
        TRADE,
        _exchange,
    ),
    Check(
        "VEE-V22",
        Level.REGISTER,
        "Sum of rates: the registers of the rates do not sum to the total",
        "费率和不等于总",
        Severity.WARN,
        TRADE,
        _rate_sum,
        {"steps": "registers.rate_sum_tolerance_steps"},
        _RATES_SENT,
    ),
    Check(
        "VEE-V23",
        Level.REGISTER,
        "Time-of-use registers: a rate's register fell, or is missing where the read before had it",
        "分时示值异常",
        Severity.WARN,
        TRADE,
        _time_of_use_registers,
        eligibility=_HAS_BEFORE,
    ),
    Check(
        "VEE-V36",
        Level.REGISTER,
        "Register jump: above the reads that follow it",
        "示值飞走",
        Severity.QUARANTINE,
        TRADE,
        _jump,
    ),
    Check(
        "VEE-V37",
        Level.REGISTER,
        "More energy since the read before than the connection can have carried: none is settled",
        "电量超出容量",
        Severity.WARN,
        TRADE,
        _over_capacity,
    ),
    Check(
        "VEE-V38",
        Level.REGISTER,
        "The register began anew: an exchange that nobody reported, or a reset; no energy is settled over it",
        "示值重新起算（换表未报）",
        Severity.WARN,
        TRADE,
        _restart,
    ),
)
