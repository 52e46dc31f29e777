"""The check of levels: a step that no load makes and that stays."""

from __future__ import annotations

import numpy as np

from pipelines.arrays import BoolArray, FloatArray
from pipelines.codes import Severity
from pipelines.vee.blocks import DayBlock
from pipelines.vee.validation import step_kernels
from pipelines.vee.validation.check import TRADE, Check, Level, Parameters


def level_factors(block: DayBlock, parameters: Parameters) -> FloatArray:
    """By what factor the level of each day stands off the one before the last step; 1 where there is none."""
    usable = (block.span_days == 1) & (block.estimated_ratio < parameters["estimated"])
    return np.asarray(
        step_kernels.levels_kept(
            block.energy,
            block.series_starts,
            block.day_types,
            usable,
            block.multiplier,
            int(parameters["window_days"]),
            int(parameters["least_days"]),
            int(parameters["least_days_far"]),
            parameters["far"],
            parameters["tolerance"],
            parameters["spread"],
        )
    )


def _level_step(block: DayBlock, parameters: Parameters) -> BoolArray:
    return np.asarray(level_factors(block, parameters) != 1.0)


STEP_CHECKS: tuple[Check, ...] = (
    Check(
        "VEE-V40",
        Level.DAY,
        (
            "Level step that stays: from a day on by 1000, 100, the multiplier, 2 or 4 higher or lower, or "
            "at two thirds; every day until it ends"
        ),
        "电量水平突变",
        Severity.WARN,
        TRADE,
        _level_step,
        {
            "window_days": "level_step.window_days",
            "least_days": "level_step.least_days",
            "least_days_far": "level_step.least_days_far",
            "far": "level_step.far_ratio",
            "tolerance": "level_step.tolerance_ratio",
            "spread": "level_step.spread_ratio",
            "estimated": "prolonged_estimation.ratio",
        },
        blind=(
            "A factor that is none of these; 2, 4 and two thirds within `level_step.least_days` of either "
            "end of a series or of another step, or where the days of a side spread by more than "
            "`level_step.spread_ratio` allows, as those of most households do; a series that is wrong from "
            "its first day on (its end is then told as the step). Days of no energy tell no level."
        ),
    ),
)
