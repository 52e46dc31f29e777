"""Thresholds of validation and estimation: ``conf/vee.yaml``, one group a concept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from pipelines.settings import FrozenSettings, SettingsFile
from pipelines.vee.balance_settings import CatchUpSettings, NegativeSettings, NightSettings, PeakSettings
from pipelines.vee.estimation_settings import (
    BackTestSettings,
    BandSettings,
    BiasSettings,
    GapLimitSettings,
    LikeDaySettings,
    LinearSettings,
    ProfileSettings,
    PublishedErrorSettings,
    SimilarDaySettings,
)
from pipelines.vee.level_settings import LevelStepSettings
from pipelines.vee.moved_settings import LATER, MOVED


class RunSettings(FrozenSettings):
    """Runs of one value, of nothing, and of days without energy."""

    zero_hours: float = Field(
        gt=0, description="VEE-V04 fires on a run of zeros of active energy at least so long."
    )
    stuck_hours: float = Field(
        gt=0, description="VEE-V05 fires on one non-zero value that repeats for at least so long."
    )
    least_hours: float = Field(
        gt=0,
        description=(
            "VEE-V04 and VEE-V05 also fire on shorter runs, if they are `runs.natural_ratio` times as long "
            "as the series' own longest and at least so long."
        ),
    )
    natural_ratio: float = Field(
        gt=1,
        description="VEE-V04 and VEE-V05: multiple of the series' own longest run at which one stands out.",
    )
    rare_days: int = Field(
        ge=1,
        description=(
            "VEE-V04 and VEE-V05: the longest run, and another for so many days, is left aside before the "
            "own longest run is taken: what comes less often is no habit."
        ),
    )
    inactive_days: int = Field(
        ge=2, description="VEE-V30 fires on a run of days without energy at least so long."
    )


class SpikeSettings(FrozenSettings):
    """Intervals that stand alone."""

    isolation_ratio: float = Field(
        gt=1, description="VEE-V06: an interval must exceed its larger neighbour by more than this factor."
    )
    like_day_ratio: float = Field(
        gt=0,
        description="VEE-V06: and what like-days show around the same time of day by more than this factor.",
    )
    far_window_ratio: float = Field(
        gt=1,
        description=(
            "VEE-V06: what exceeds every other interval of its window by more than this factor stands in a "
            "day that rests, whose like-days need not: `spikes.far_like_day_ratio` holds in place of "
            "`spikes.like_day_ratio`, unless the series has peaks of its own."
        ),
    )
    far_like_day_ratio: float = Field(
        gt=0,
        description=("VEE-V06: on such a day it must exceed what like-days show by more than this factor."),
    )
    floor_ratio: float = Field(
        ge=0, description="VEE-V06: and the mean of the series' non-zero intervals by more than this factor."
    )
    like_days: int = Field(ge=1, description="VEE-V06: number of nearest like-days that are looked at.")
    like_day_slots: int = Field(
        ge=0, description="VEE-V06: slots on either side of the time of day that are looked at in a like-day."
    )
    third_highest_ratio: float = Field(
        gt=1,
        description="VEE-V09: an interval exceeds the third highest of its day by more than this factor.",
    )
    window_slots: int = Field(
        ge=3,
        description="VEE-V06, VEE-V10 and VEE-V11: slots of the window in whose middle an interval stands.",
    )
    window_ratio: float = Field(
        gt=1, description="VEE-V10: it exceeds every other interval of the window by more than this factor."
    )
    own_days_ratio: float = Field(
        gt=1,
        description=(
            "VEE-V11: an interval exceeds what like-days show around the time by more than this factor."
        ),
    )
    own_days_floor_ratio: float = Field(
        ge=0, description="VEE-V11: and the mean of the series' non-zero intervals by more than this factor."
    )
    own_days_window_ratio: float = Field(
        gt=1, description="VEE-V11: and most other intervals of the window by more than this factor."
    )


class CapacitySettings(FrozenSettings):
    """More than the connection can carry."""

    over_factor: float = Field(
        gt=0, description="VEE-V07: mean power above this multiple of the capacity in kVA is not possible."
    )


class SinglePhaseSettings(FrozenSettings):
    """More than a single-phase meter can carry."""

    current_a: float = Field(gt=0, description="VEE-V27: current that a single-phase meter carries.")
    voltage_v: float = Field(gt=0, description="VEE-V27: voltage of its phase.")
    factor: float = Field(
        gt=0,
        description="VEE-V27: multiple of the energy of such a meter at full load that is still possible.",
    )


class RegisterSettings(FrozenSettings):
    """Steps and rollovers of registers."""

    rate_sum_tolerance_steps: int = Field(
        ge=0,
        description=(
            "VEE-V22: steps of the register by which the sum of the rates may differ from the total; rates "
            "farther off are not followed."
        ),
    )
    rollover_max_share: float = Field(
        gt=0,
        le=0.5,
        description="A decrease is a rollover only if it then advances by at most this share of the range.",
    )
    rollover_capacity_factor: float = Field(
        gt=0,
        description="And, where the capacity is known, at most this multiple of capacity x elapsed hours.",
    )
    look_ahead_reads: int = Field(
        ge=2,
        description=(
            "Reads that tell whether one before them was too high: most of them must lie below it, "
            "and two at least."
        ),
    )


class IntervalSumSettings(FrozenSettings):
    """Curves against registers."""

    tolerance_kwh: float = Field(
        gt=0, description="VEE-V29 and VEE-V34: intervals and register may differ by this, ..."
    )
    tolerance_steps: int = Field(
        ge=1, description="VEE-V29 and VEE-V34: ... or by so many steps of the register, whichever is more."
    )
    unit_factor_tolerance_ratio: float = Field(
        gt=0, lt=1, description="VEE-V32: how near to such a factor curve over register must lie."
    )
    scale_ratio: float = Field(
        gt=1,
        description=(
            "VEE-V41 fires where reconciling multiplies an estimate with more than this, or with less than "
            "one over this."
        ),
    )


class DayUseSettings(FrozenSettings):
    """Days of energy against own like-days."""

    above_ratio: float = Field(
        gt=0, description="VEE-V24 fires on a day above the median of own like-days by more than this share."
    )
    below_ratio: float = Field(
        gt=0, lt=1, description="VEE-V24: and on a day below that median by more than this share."
    )
    like_days: int = Field(ge=1, description="VEE-V24: number of nearest like-days whose median is taken.")


class TrimmedMaximumSettings(FrozenSettings):
    """Days of energy against the trimmed maximum of their series."""

    ratio: float = Field(
        gt=1, description="VEE-V25 fires on a day above this multiple of the trimmed maximum."
    )
    share_ratio: float = Field(
        gt=0, lt=1, description="VEE-V25: share of the largest days that is cut off first."
    )
    least_days: int = Field(ge=2, description="VEE-V25: series of fewer days are not judged.")


class ProlongedEstimationSettings(FrozenSettings):
    """Days in a row that rest on estimates."""

    days: int = Field(ge=2, description="VEE-V31 fires on a run of estimated days at least so long.")
    ratio: float = Field(
        gt=0,
        le=1,
        description=(
            "VEE-V31: a day counts as estimated where at least this share of its energy is; VEE-V24: and is "
            "no like-day."
        ),
    )


class VeeSettings(SettingsFile):
    """When a check fires and how far an estimate may reach."""

    file: ClassVar[str] = "vee.yaml"
    moved: ClassVar[Mapping[str, str]] = MOVED
    later: ClassVar[Mapping[str, Any]] = LATER

    runs: RunSettings
    spikes: SpikeSettings
    peaks: PeakSettings
    catch_up: CatchUpSettings
    negatives: NegativeSettings
    nights: NightSettings
    capacity: CapacitySettings
    single_phase: SinglePhaseSettings
    registers: RegisterSettings
    interval_sum: IntervalSumSettings
    day_use: DayUseSettings
    level_step: LevelStepSettings
    trimmed_maximum: TrimmedMaximumSettings
    prolonged_estimation: ProlongedEstimationSettings
    gaps: GapLimitSettings
    linear: LinearSettings
    bias: BiasSettings
    like_day: LikeDaySettings
    similar_day: SimilarDaySettings
    profile: ProfileSettings
    back_test: BackTestSettings
    band: BandSettings
    published_errors: PublishedErrorSettings
