"""Thresholds of steps of level, a group of ``conf/vee.yaml``."""

from __future__ import annotations

from pydantic import Field

from pipelines.settings import FrozenSettings


class LevelStepSettings(FrozenSettings):
    """Levels of days that step by a factor and stay."""

    window_days: int = Field(
        ge=3, description="VEE-V40: days on either side of a step that are looked at, at most."
    )
    least_days: int = Field(
        ge=3, description="VEE-V40: days on either side of a step that a factor below `far_ratio` needs."
    )
    least_days_far: int = Field(ge=2, description="VEE-V40: and one beyond it.")
    far_ratio: float = Field(
        gt=1, description="VEE-V40: factors from here on are far from what a load does of itself."
    )
    tolerance_ratio: float = Field(
        gt=0,
        lt=0.2,
        description=(
            "VEE-V40: the median of like-days after over before may miss a factor by this share of the "
            "factor's logarithm; beyond `far_ratio` by this logarithm, or by twice its standard error."
        ),
    )
    spread_ratio: float = Field(
        gt=0,
        description=(
            "VEE-V40: factors below `far_ratio` are told where the days of a side spread by no more than "
            "this share of the factor's logarithm."
        ),
    )
