"""Where the keys of an earlier ``conf/vee.yaml`` stand now, and what held before later ones were keys.

Conf that lies beside issued results is read through these; an operator's own is told of them.
"""

from __future__ import annotations

from collections.abc import Mapping

MOVED: Mapping[str, str] = {
    "zero_run_hours": "runs.zero_hours",
    "stuck_hours": "runs.stuck_hours",
    "inactive_days": "runs.inactive_days",
    "spike_isolation_ratio": "spikes.isolation_ratio",
    "spike_like_day_ratio": "spikes.like_day_ratio",
    "spike_floor_ratio": "spikes.floor_ratio",
    "spike_like_days": "spikes.like_days",
    "spike_like_day_slots": "spikes.like_day_slots",
    "spike_third_highest_ratio": "spikes.third_highest_ratio",
    "spike_window_slots": "spikes.window_slots",
    "spike_window_ratio": "spikes.window_ratio",
    "spike_own_days_ratio": "spikes.own_days_ratio",
    "spike_own_days_floor_ratio": "spikes.own_days_floor_ratio",
    "spike_own_days_window_ratio": "spikes.own_days_window_ratio",
    "over_capacity_factor": "capacity.over_factor",
    "single_phase_current_a": "single_phase.current_a",
    "single_phase_voltage_v": "single_phase.voltage_v",
    "single_phase_factor": "single_phase.factor",
    "rate_sum_tolerance_steps": "registers.rate_sum_tolerance_steps",
    "rollover_max_share": "registers.rollover_max_share",
    "rollover_capacity_factor": "registers.rollover_capacity_factor",
    "interval_sum_tolerance_kwh": "interval_sum.tolerance_kwh",
    "interval_sum_tolerance_steps": "interval_sum.tolerance_steps",
    "unit_factor_tolerance_ratio": "interval_sum.unit_factor_tolerance_ratio",
    "day_use_above_ratio": "day_use.above_ratio",
    "day_use_below_ratio": "day_use.below_ratio",
    "day_use_like_days": "day_use.like_days",
    "trimmed_maximum_ratio": "trimmed_maximum.ratio",
    "trimmed_share_ratio": "trimmed_maximum.share_ratio",
    "trimmed_least_days": "trimmed_maximum.least_days",
    "prolonged_estimation_days": "prolonged_estimation.days",
    "prolonged_estimation_ratio": "prolonged_estimation.ratio",
    "like_day_limit_days": "gaps.limit_days",
    "longest_silence_days": "gaps.longest_silence_days",
    "linear_limit_hours": "linear.limit_hours",
    "linear_caution_ratio": "linear.caution_ratio",
    "like_day_count": "like_day.count",
    "like_day_reach_days": "like_day.reach_days",
    "like_day_neighbour_hours": "like_day.neighbour_hours",
    "like_day_scale_min": "like_day.scale_min",
    "like_day_scale_max": "like_day.scale_max",
    "resembling_context_min_hours": "similar_day.context_min_hours",
    "resembling_context_max_hours": "similar_day.context_max_hours",
    "resembling_compared": "similar_day.compared",
    "resembling_candidates": "similar_day.candidates",
    "resembling_least_alike": "similar_day.least_alike",
    "resembling_tied_days": "similar_day.offset_corrected_days",
    "resembling_untied_days": "similar_day.uncorrected_days",
    "profile_least_days": "profile.least_days",
    "back_test_gap_hours": "back_test.gap_hours",
    "back_test_masks": "back_test.masks",
    "back_test_least_masks": "back_test.least_masks",
    "band_coverage_ratio": "band.coverage_ratio",
    "band_least_coverage_ratio": "band.least_coverage_ratio",
    "band_most_coverage_ratio": "band.most_coverage_ratio",
    "back_test_series": "published_errors.series",
    "flag_short_error_ratio": "published_errors.short_limit_ratio",
    "flag_long_error_ratio": "published_errors.long_limit_ratio",
}
"""Key of an earlier version -> the dotted key that it is now."""
TOLD_AS: Mapping[str, str] = {now: before for before, now in MOVED.items()}
"""Dotted key -> the name under which tables tell of it; names in data do not change."""
LATER: Mapping[str, int | float] = {
    "back_test.places": 12,
    "band.spread_floor_ratio": 0.25,
    "band.level_ratio": 0.1,
    "registers.look_ahead_reads": 5,
    "published_errors.short_gap_hours": 2.0,
    "level_step.window_days": 14,
    "level_step.least_days": 1_000_000_000,
    "level_step.least_days_far": 1_000_000_000,
    "level_step.far_ratio": 10.0,
    "level_step.tolerance_ratio": 0.05,
    "level_step.spread_ratio": 0.07,
}
"""Dotted key that came later -> the constant in its place before."""
