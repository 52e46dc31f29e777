"""Thresholds of validation and estimation: ``conf/vee.yaml``, one group a concept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from pipelines.settings import FrozenSettings, SettingsFile
from pipelines.vee.balance_settings import CatchUpSettings, NegativeSettings, NightSettings, PeakSettings
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
        ge=3, description="VEE-V10 and VEE-V11: slots of the window in whose middle an interval stands."
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


class GapLimitSettings(FrozenSettings):
    """Which gaps are estimated at all."""

    limit_days: float = Field(gt=0, description="Longer gaps stay empty, unless registers cover them.")
    longest_silence_days: int = Field(
        ge=1,
        description=(
            "So many days without anything are told one by one as missing; a longer silence ends the series, "
            "and VEE-V35 marks the day after."
        ),
    )


class LinearSettings(FrozenSettings):
    """The straight line."""

    limit_hours: float = Field(
        gt=0,
        description="Where a series is too short to measure errors, VEE-E01 fills gaps up to this length.",
    )
    caution_ratio: float = Field(
        ge=0,
        description=(
            "VEE-E01 yields to a method only if that gains more than this multiple of the gain's standard "
            "error."
        ),
    )
    caution_hours: float = Field(
        gt=0,
        description=(
            "That caution holds up to this length; longer gaps take VEE-E01 only where its measured error is "
            "least."
        ),
    )
    longest_hours: float = Field(
        gt=0, description="VEE-E01 fills no gap beyond this length, whatever its measured error."
    )


class BiasSettings(FrozenSettings):
    """Energy that the estimates of a method lose or add."""

    limit_ratio: float = Field(
        gt=0,
        description=(
            "VEE-E02 to VEE-E05: estimates are scaled where those of masked gaps hold more or less energy "
            "than was measured in them by more than this share."
        ),
    )
    certain_ratio: float = Field(
        ge=0, description="And by more than this multiple of the standard error of that share."
    )
    caution_ratio: float = Field(
        ge=0, description="This multiple of the standard error is left, for the sake of single intervals."
    )
    most_ratio: float = Field(
        gt=1, description="They are scaled by no more than this factor, and by no less than one over it."
    )


class LikeDaySettings(FrozenSettings):
    """Like-days: the nearest clean days of the same type."""

    count: int = Field(ge=1, description="VEE-E02: number of nearest clean like-days whose mean is taken.")
    reach_days: int = Field(
        ge=1,
        description=(
            "VEE-E02 to VEE-E05, VEE-V06 and VEE-V24: how far before and after a day like-days are sought."
        ),
    )
    neighbour_hours: float = Field(
        ge=0, description="VEE-E02: time before and after a gap that sets the scale; 0: no scale."
    )
    scale_min: float = Field(ge=0, description="VEE-E02: smallest scale.")
    scale_max: float = Field(gt=0, description="VEE-E02: largest scale.")


class SimilarDaySettings(FrozenSettings):
    """Similar days: the clean days that run most alike beside a gap."""

    context_min_hours: float = Field(
        gt=0,
        description=(
            "VEE-E03 to VEE-E05 compare days over as many hours before and after a gap as it is long, at "
            "least this."
        ),
    )
    context_max_hours: float = Field(gt=0, description="VEE-E03 to VEE-E05: and at most this.")
    compared: int = Field(
        ge=1,
        description=(
            "VEE-E03 to VEE-E05: intervals on either side that are compared, evenly spaced over those hours."
        ),
    )
    candidates: int = Field(
        ge=1,
        description="VEE-E03 to VEE-E05: number of nearest clean days of the same types that are compared.",
    )
    least_alike: int = Field(
        ge=1,
        description=(
            "VEE-E03 to VEE-E05: with fewer clean days of the same types, days of other types are compared "
            "too."
        ),
    )
    offset_corrected_days: int = Field(
        ge=1, description="VEE-E03 and VEE-E04: number of most alike days whose mean is taken."
    )
    uncorrected_days: int = Field(
        ge=1, description="VEE-E05: number of most alike days whose median is taken."
    )


class ProfileSettings(FrozenSettings):
    """Profiles of customer classes."""

    least_days: int = Field(
        ge=1, description="VEE-E06: clean days of a class and day type that make a profile."
    )


class BackTestSettings(FrozenSettings):
    """Gaps masked in measured values, on which methods are tried."""

    gap_hours: tuple[float, ...] = Field(
        min_length=1,
        description=(
            "Lengths of the masked gaps on which methods are tried, rising; a real gap learns from the "
            "nearest one by ratio."
        ),
    )
    masks: int = Field(ge=2, description="Masked gaps per series and length, at least.")
    masks_a_day: float = Field(
        ge=0, description="Long series have more of them: so many for each of their days."
    )
    most_masks: int = Field(ge=2, description="And at most so many.")
    odd_ratio: float = Field(
        ge=0,
        lt=1,
        description=(
            "Share of the masks on which the methods err most; there errors count as on the largest of the "
            "others, so that one odd mask does not choose the method."
        ),
    )
    least_masks: int = Field(
        ge=2,
        description=(
            "With fewer, or without room for so many beside each other, nothing is learnt: linear up to its "
            "limit, then like-days, no band."
        ),
    )
    places: int = Field(
        ge=1, description="At most so many intervals of a masked gap are estimated, evenly spaced."
    )


class BandSettings(FrozenSettings):
    """The expected-error band of an estimate."""

    coverage_ratio: float = Field(
        gt=0, lt=1, description="Share of masked truths that the expected-error band shall cover."
    )
    least_coverage_ratio: float = Field(
        gt=0, lt=1, description="Published bands that cover a smaller share of masked truths are flagged."
    )
    most_coverage_ratio: float = Field(gt=0, le=1, description="And those that cover a larger one.")
    spread_floor_ratio: float = Field(
        ge=0,
        description=(
            "An expected error is measured in how far similar days lie apart at an interval, plus this share "
            "of their mean distance over the whole gap."
        ),
    )
    level_ratio: float = Field(
        gt=0,
        description=(
            "Where no similar days lie apart, as where there is but one, it is measured in this share of the "
            "series' mean interval."
        ),
    )


class PublishedErrorSettings(FrozenSettings):
    """Errors of estimation as the quality report publishes them."""

    series: int = Field(
        ge=1, description="Load curves of each customer class on which the published errors rest, at most."
    )
    short_gap_hours: float = Field(gt=0, description="Gaps up to this length are short.")
    short_limit_ratio: float = Field(
        gt=0, description="Published errors are flagged where the MAPE of short gaps lies over this."
    )
    long_limit_ratio: float = Field(
        gt=0, description="And where that of longer gaps, such as a day, lies over this."
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
