"""Thresholds of what looks wrong and is not: own peaks, sums that came late, noise below zero, nights."""

from __future__ import annotations

from pydantic import Field

from pipelines.settings import FrozenSettings


class PeakSettings(FrozenSettings):
    """Series whose intervals stand alone by nature, such as households."""

    least_like_days: int = Field(
        ge=0,
        description=(
            "VEE-V06 calls nothing invalid with fewer like-days; VEE-V42 tells of it instead. 0: without any "
            "like-day the condition counts as met."
        ),
    )
    alone_ratio: float = Field(
        gt=1,
        description=(
            "VEE-V06: a peak stands alone where it exceeds its larger neighbour by more than this factor, "
            "and `spikes.floor_ratio`; VEE-V43: and a late sum the value after it."
        ),
    )
    days_ratio: float = Field(
        gt=0,
        le=1,
        description="VEE-V06: a series with lone peaks on more than this share of days has them by nature.",
    )
    reached_ratio: float = Field(
        gt=0,
        lt=1,
        description="VEE-V06: its regular height is what the highest interval of this share of days reaches.",
    )
    height_ratio: float = Field(
        gt=0,
        description=(
            "VEE-V06: in such a series only what exceeds the regular height by more than this factor is "
            "invalid; VEE-V42 tells of the rest."
        ),
    )


class CatchUpSettings(FrozenSettings):
    """Zeros or a gap, then the sum at once."""

    least_intervals: int = Field(
        ge=1, description="VEE-V43: so many intervals of zero or of nothing come before the sum, at least."
    )
    least_hours: float = Field(
        gt=0, description="VEE-V43: and for so long; a load of its own may rest for less, then start high."
    )
    balance_ratio: float = Field(
        gt=1,
        description=(
            "VEE-V43: the sum lies within this factor of what own like-days show for the whole run."
        ),
    )


class NegativeSettings(FrozenSettings):
    """Values a little below zero."""

    noise_ratio: float = Field(
        ge=0,
        description=(
            "VEE-V03 and VEE-E08: a value below zero is noise up to this share of the mean of the series' "
            "intervals above zero, ..."
        ),
    )
    noise_steps: float = Field(
        ge=0,
        description=(
            "VEE-V03 and VEE-E08: ... or up to so many of the smallest steps between the series' values, and "
            "a tenth of that mean."
        ),
    )


class NightSettings(FrozenSettings):
    """Hours in which a channel of energy fed in rests."""

    reach_days: int = Field(
        ge=1,
        description="VEE-E08: days before and after that tell at what time of day the channel rests.",
    )
    least_days: int = Field(
        ge=1, description="VEE-E08: with fewer days that hold a value above zero nothing is told."
    )
    least_hours: float = Field(
        gt=0,
        description=(
            "VEE-E08: a night is at least so long; shorter stretches without a value above zero are gaps."
        ),
    )
