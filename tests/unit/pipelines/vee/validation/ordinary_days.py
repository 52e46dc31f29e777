"""A series of ordinary days, and edits that plant a fault in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import yaml

from pipelines.settings import packaged
from pipelines.vee.blocks import CurveBlock
from pipelines.vee.settings import VeeSettings
from pipelines.vee.validation.checks import (
    INTERVAL_CHECKS,
    run_checks,
)

SETTINGS = VeeSettings.model_validate(
    yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8"))
)
DAYS = 15
Edit = Callable[[CurveBlock], CurveBlock]


def ordinary(days: int = DAYS) -> CurveBlock:
    """One series of ordinary days: 2 at night, 10 by day, no value twice in a row. [kWh]"""
    hours = np.arange(96) / 4
    shape = np.where((hours >= 8) & (hours < 18), 10.0, 2.0) + np.arange(96) % 7 / 100
    return CurveBlock(
        energy=np.tile(shape, (days, 1)),
        interval_minutes=15,
        series_starts=np.array([0, days]),
        day_numbers=20_000 + np.arange(days),
        day_types=np.zeros(days, dtype=np.int64),
        capacity_kva=np.full(days, 100.0),
        counts_use=np.ones(days, dtype=np.bool_),
        receptions=np.ones(days, dtype=np.int64),
        today_number=20_000 + days,
    )


def with_energy(value: float, *where: tuple[int, slice | int]) -> Edit:
    def edit(block: CurveBlock) -> CurveBlock:
        energy = block.energy.copy()
        for day, slots in where:
            energy[day, slots] = value
        return replace(block, energy=energy)

    return edit


def whole_day(day: int) -> set[tuple[int, int]]:
    return {(day, slot) for slot in range(96)}


def found_by(block: CurveBlock) -> set[tuple[str, tuple[int, int]]]:
    bits, _ = run_checks(block, SETTINGS)
    return {
        (check.id, (int(day), int(slot)))
        for check in INTERVAL_CHECKS
        for day, slot in np.argwhere(bits >> (check.bit or 0) & 1)
    }
