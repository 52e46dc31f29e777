"""The estimators of load curves, as one list: choice, documentation and tests iterate over it."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.codes import IntervalStatus
from pipelines.vee.estimation import methods


@dataclass(frozen=True)
class Estimator:
    """One way to fill a gap.

    id        Stable name.
    title     What it does; ``title_zh`` the same in the trade's Chinese.
    status    The status that its values carry; no two estimators share one.
    source    Where the method comes from.
    settings  Dotted names of the thresholds of ``vee.yaml`` that steer it.
    row       Its row in the matrix that ``gap_kernels.estimate_gap`` fills; none for what needs the
              registers.
    is_scaled Whether registers may scale its values.
    """

    id: str
    title: str
    title_zh: str
    status: IntervalStatus
    source: str
    settings: tuple[str, ...]
    row: int | None = None
    is_scaled: bool = True


_TRADE = "Practice of the trade; number, reach and scale are the project's own."
_OWN = (
    "The project's own; measured against the straight line and the mean of like-days in docs/estimation.md."
)
_SIMILAR_DAY = (
    "similar_day.context_min_hours",
    "similar_day.context_max_hours",
    "similar_day.compared",
    "similar_day.candidates",
    "similar_day.least_alike",
    "like_day.reach_days",
)

ESTIMATORS: tuple[Estimator, ...] = (
    Estimator(
        "VEE-E01",
        "Straight line between the gap's two neighbours",
        "线性插值",
        IntervalStatus.ESTIMATED_LINEAR,
        (
            "Practice of the trade for short gaps; the limit, which holds where no error could be measured, "
            "is the project's own."
        ),
        ("linear.limit_hours", "linear.caution_ratio", "linear.caution_hours", "linear.longest_hours"),
        methods.LINEAR,
    ),
    Estimator(
        "VEE-E02",
        (
            "Mean of the nearest clean like-days, scaled to the gap's neighbours; in a gap whose energy "
            "registers alone know, of those before and after it, scaled to the registers"
        ),
        "同类日均值",
        IntervalStatus.ESTIMATED_LIKE_DAY,
        _TRADE,
        (
            "like_day.count",
            "like_day.reach_days",
            "like_day.far_count",
            "gaps.limit_days",
            "like_day.neighbour_hours",
            "like_day.scale_min",
            "like_day.scale_max",
        ),
        methods.LIKE_DAY,
    ),
    Estimator(
        "VEE-E03",
        (
            "Mean of similar days, the clean ones that run most alike beside the gap, each "
            "offset-corrected to its neighbours"
        ),
        "相似日均值（偏移校正）",
        IntervalStatus.ESTIMATED_TIED_DAYS,
        _OWN,
        ("similar_day.offset_corrected_days", *_SIMILAR_DAY),
        methods.OFFSET_CORRECTED,
    ),
    Estimator(
        "VEE-E04",
        "Half way between the straight line and offset-corrected similar days",
        "线性与相似日折中",
        IntervalStatus.ESTIMATED_HALFWAY,
        _OWN,
        ("similar_day.offset_corrected_days", *_SIMILAR_DAY),
        methods.HALFWAY,
    ),
    Estimator(
        "VEE-E05",
        "Median of the clean days that run most alike beside the gap, as they stand",
        "相似日中位数",
        IntervalStatus.ESTIMATED_DAY_MEDIAN,
        _OWN,
        ("similar_day.uncorrected_days", *_SIMILAR_DAY),
        methods.UNCORRECTED,
    ),
    Estimator(
        "VEE-E06",
        "Profile of the customer class, scaled to what the registers leave for the gap",
        "行业典型曲线按表码电量分摊",
        IntervalStatus.ESTIMATED_CLASS_PROFILE,
        "Practice of the trade where a meter has no like-days of its own.",
        ("profile.least_days",),
    ),
    Estimator(
        "VEE-E07",
        "What the registers leave for the gap, spread evenly over it",
        "表码电量均摊",
        IntervalStatus.ESTIMATED_EVEN_SHARE,
        "Practice of the trade as a last resort.",
        (),
    ),
    Estimator(
        "VEE-E08",
        (
            "Zero, and no estimate: noise below zero, or an interval that did not come at an hour of the "
            "night in which the channel of energy fed in rests all month"
        ),
        "记为零",
        IntervalStatus.COUNTED_AS_ZERO,
        "The project's own; at night nothing is generated, and no meter counts backwards by its last digit.",
        (
            "negatives.noise_ratio",
            "negatives.noise_steps",
            "nights.reach_days",
            "nights.least_days",
            "nights.least_hours",
        ),
        is_scaled=False,
    ),
)

CURVE_ESTIMATORS: tuple[Estimator, ...] = tuple(
    estimator for estimator in ESTIMATORS if estimator.row is not None
)
"""Those that work on a curve alone, in the order of their rows."""
