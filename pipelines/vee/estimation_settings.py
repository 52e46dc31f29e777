"""Settings of the estimators, of the choice among them and of what is published of their errors."""

from __future__ import annotations

from pydantic import Field

from pipelines.settings import FrozenSettings


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
    far_count: int = Field(
        ge=0,
        description=(
            "VEE-E02: in gaps whose energy registers alone know, the mean of so many nearest clean "
            "like-days before the gap and as many after it, however far, is scaled to them; 0: the profile "
            "of the class, or evenly."
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
