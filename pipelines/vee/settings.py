"""Thresholds of validation and estimation: ``conf/vee.yaml``."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from pipelines.settings import SettingsFile


class VeeSettings(SettingsFile):
    """When a check fires and how far an estimate may reach."""

    file: ClassVar[str] = "vee.yaml"

    zero_run_hours: float = Field(gt=0, description="VEE-V04 fires on a run of zeros of active energy at least so long.")
    stuck_hours: float = Field(gt=0, description="VEE-V05 fires on one non-zero value that repeats for at least so long.")
    spike_isolation_ratio: float = Field(gt=1, description="VEE-V06: an interval must exceed its larger neighbour by more than this factor.")
    spike_like_day_ratio: float = Field(gt=0, description="VEE-V06: and what like-days show around the same time of day by more than this factor.")
    spike_floor_ratio: float = Field(ge=0, description="VEE-V06: and the mean of the series' non-zero intervals by more than this factor.")
    spike_like_days: int = Field(ge=1, description="VEE-V06: number of nearest like-days that are looked at.")
    spike_like_day_slots: int = Field(ge=0, description="VEE-V06: slots on either side of the time of day that are looked at in a like-day.")
    over_capacity_factor: float = Field(gt=0, description="VEE-V07: mean power above this multiple of the capacity in kVA is not possible.")
    linear_limit_hours: float = Field(gt=0, description="VEE-E01 fills gaps up to this length from their two neighbours.")
    like_day_count: int = Field(ge=1, description="VEE-E02: number of nearest clean like-days whose mean is taken.")
    like_day_reach_days: int = Field(ge=1, description="VEE-E02 and VEE-V06: how far before and after a day like-days are sought.")
    like_day_limit_days: float = Field(gt=0, description="VEE-E02 leaves longer gaps empty.")
    like_day_neighbour_hours: float = Field(ge=0, description="VEE-E02: time before and after a gap that sets the scale; 0: no scale.")
    like_day_scale_min: float = Field(ge=0, description="VEE-E02: smallest scale.")
    like_day_scale_max: float = Field(gt=0, description="VEE-E02: largest scale.")
    rollover_max_share: float = Field(
        gt=0, le=0.5, description="A decrease is a rollover only if it then advances by at most this share of the range."
    )
    rollover_capacity_factor: float = Field(gt=0, description="And, where the capacity is known, at most this multiple of capacity x elapsed hours.")
