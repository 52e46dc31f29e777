"""Published error: every method and the chosen one on gaps masked in clean data, by customer class and gap
length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.tables.rows.silver import SilverEstimationErrorsRow
from pipelines.vee.estimation.choice import LEARNING_PHASE, Choice, Series, Trials, choose, try_methods
from pipelines.vee.estimation.estimate import gap_settings, mask_lengths
from pipelines.vee.estimation.estimators import CURVE_ESTIMATORS
from pipelines.vee.estimation.level_sides import split_at_level_steps
from pipelines.vee.estimation.methods import LINEAR
from pipelines.vee.settings import VeeSettings

JUDGING_PHASE = 0.77
"""Where the masks begin that judge; those from which methods are learnt begin elsewhere."""


@dataclass(frozen=True)
class ErrorSummary:
    """Errors of one method on gaps of one length in one group of series.

    group               Number of the group.
    gap_hours           Length of the gaps. [h]
    method              Column of the estimates, -1 for what is chosen.
    series, gaps        How many series and masked gaps it rests on.
    error               Mean absolute error over the series' mean interval.
    linear_error        Mean absolute error over the straight line's, NaN where that is 0.
    energy_error        MAPE: mean over gaps of the summed absolute error over the gap's energy, NaN where no
                        gap has energy.
    bias                Mean error over the series' mean interval.
    bias_error          Standard error of the bias from gap to gap; NaN where there is but one.
    covered             Share of truths inside the band among those that have one, NaN where none has and but
                        for what is chosen.
    chosen              Share of gaps for which the method is taken.
    """

    group: int
    gap_hours: float
    method: int
    series: int
    gaps: int
    error: float
    linear_error: float
    energy_error: float
    bias: float
    bias_error: float
    covered: float
    chosen: float

    def is_over(self, settings: VeeSettings) -> bool:
        """Whether the MAPE of what is chosen lies over the limit for its length."""
        limit = (
            settings.published_errors.short_limit_ratio
            if self.gap_hours <= settings.published_errors.short_gap_hours
            else settings.published_errors.long_limit_ratio
        )
        return self.method < 0 and self.energy_error > limit

    def is_off_band(self, settings: VeeSettings) -> bool:
        """Whether the band of what is chosen holds fewer truths than it should, or is wider than it need
        be.
        """
        return self.method < 0 and (
            self.covered < settings.band.least_coverage_ratio
            or self.covered > settings.band.most_coverage_ratio
        )


def back_test(
    series: Series, groups: IntArray, interval_hours: float, settings: VeeSettings
) -> Iterator[ErrorSummary]:
    """Masks gaps of each length in every series, estimates them as a run would, and compares with what was
    hidden.

    series  Usable values only; estimated ones must be NaN.
    groups  (series) group of each series, for example its customer class.

    The method and band of each series are learnt from other masks than those that judge. A series with too
    few masks is left out; the sides of a told step of level count as series, but for their number.
    """
    how = gap_settings(settings, interval_hours)
    series, of_side = _by_sides(series, settings)
    groups = groups[of_side]
    every = np.arange(groups.size)
    mean = _mean_of_series(series)
    for length in mask_lengths(settings, interval_hours).tolist():
        lengths = np.full(groups.size, length)
        learning = try_methods(series, every, lengths, settings, how, LEARNING_PHASE)
        choice = choose(learning, settings, np.asarray(lengths * interval_hours, dtype=np.float64))
        judging = try_methods(series, every, lengths, settings, how, JUDGING_PHASE)
        for group in np.unique(groups).tolist():
            rows = np.flatnonzero((groups == group) & choice.learnt & (judging.masks > 0) & (mean > 0))
            if rows.size:
                count = np.unique(of_side[rows]).size
                for summary in summaries_of(group, length * interval_hours, judging, choice, rows, mean):
                    yield replace(summary, series=count)


def _by_sides(series: Series, settings: VeeSettings) -> tuple[Series, IntArray]:
    """The series cut where VEE-V40 tells of a step, and which one each side belongs to."""
    starts = series.starts // series.slots
    level = np.where(series.clean, series.flat.reshape(-1, series.slots).sum(axis=1), np.nan)
    sides = split_at_level_steps(level, starts, series.day_types, None, settings)
    return replace(series, starts=sides * series.slots), np.searchsorted(starts, sides[:-1], "right") - 1


def _mean_of_series(series: Series) -> FloatArray:
    there = ~np.isnan(series.flat)
    starts = series.starts[:-1]
    if not starts.size:
        return np.empty(0)
    total = np.add.reduceat(np.where(there, np.abs(series.flat), 0.0), starts)
    return np.asarray(total / np.maximum(np.add.reduceat(there, starts, dtype=np.int64), 1))


def summaries_of(
    group: int, gap_hours: float, trials: Trials, choice: Choice, rows: IntArray, mean: FloatArray
) -> Iterator[ErrorSummary]:
    """Errors of every method and of what is chosen over the masked gaps of one group.

    rows  Pairs of ``trials`` and ``choice`` that belong to it.
    mean  (pairs) mean interval of each series. [kWh or kvarh]
    """
    truths = trials.truths[rows]
    estimates = trials.estimates[rows] * choice.scale[rows][:, None, None]
    there = ~np.isnan(truths)
    masks = there[:, :, 0]
    taken = _taken(estimates, there, choice.ranked[rows])  # (series x masks)
    picked = np.take_along_axis(estimates, np.maximum(taken, 0)[:, :, None, None], axis=3)[..., 0]
    reach = np.take_along_axis(choice.reach[rows], np.maximum(taken, 0), axis=1)[:, :, None]
    margin = np.where(np.isfinite(reach), reach, np.nan) * trials.widths[rows]
    inside, banded = np.abs(picked - truths) <= margin, ~np.isnan(margin)
    line = _mean_error(estimates[..., LINEAR], truths, there, mean[rows])
    for method in range(-1, len(CURVE_ESTIMATORS)):
        value = picked if method < 0 else estimates[..., method]
        reached = there & ~np.isnan(value)
        if not reached.any():
            continue
        off = np.where(reached, value - truths, 0.0)
        energy = np.where(reached, np.abs(truths), 0.0).sum(axis=2)
        with_energy = energy > 0
        share = np.abs(off).sum(axis=2)[with_energy] / energy[with_energy]
        error = _mean_error(value, truths, reached, mean[rows])
        yield ErrorSummary(
            group=group,
            gap_hours=gap_hours,
            method=method,
            series=int(rows.size),
            gaps=int(reached[:, :, 0].sum()),
            error=error,
            linear_error=error / line if line > 0 else np.nan,
            energy_error=float(share.mean()) if share.size else np.nan,
            bias=float((off / mean[rows][:, None, None])[reached].mean()),
            bias_error=_error_of_mean(off.sum(axis=2), reached.sum(axis=2), mean[rows]),
            covered=float(inside[reached & banded].mean())
            if method < 0 and (reached & banded).any()
            else np.nan,
            chosen=1.0 if method < 0 else float((taken == method)[masks].mean()),
        )


def _error_of_mean(off: FloatArray, places: IntArray, mean: FloatArray) -> float:
    """Standard error of the mean over gaps of what each is off by at a place.

    off, places  (series x masks) sum over the places of a gap, and how many there are.
    """
    gap = off[places > 0] / places[places > 0] / np.broadcast_to(mean[:, None], off.shape)[places > 0]
    return float(gap.std(ddof=1) / np.sqrt(gap.size)) if gap.size > 1 else np.nan


def _mean_error(value: FloatArray, truths: FloatArray, where: BoolArray, mean: FloatArray) -> float:
    where = where & ~np.isnan(value)
    return float((np.abs(value - truths) / mean[:, None, None])[where].mean()) if where.any() else np.nan


def _taken(estimates: FloatArray, there: BoolArray, ranked: IntArray) -> IntArray:
    """The best method of each masked gap that fills all of it, -1 where none does. (series x masks)"""
    whole = ((~np.isnan(estimates)) | ~there[..., None]).all(axis=2)  # (series x masks x methods)
    ordered = np.take_along_axis(whole, np.broadcast_to(ranked[:, None, :], whole.shape), axis=2)
    first = np.take_along_axis(
        np.broadcast_to(ranked[:, None, :], whole.shape), ordered.argmax(axis=2)[:, :, None], axis=2
    )[:, :, 0]
    return np.where(ordered.any(axis=2), first, -1)


def plot_lines(rows: Sequence[SilverEstimationErrorsRow]) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """What a report draws: class -> method -> points (gap in hours, MAPE), in rising order of gap.

    rows  Rows of silver_estimation_errors of one interval length, as dictionaries.
    """
    lines: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in sorted(
        rows, key=lambda row: (row["customer_class_code"], row["estimator_id"], row["gap_minutes"])
    ):
        if row["energy_error_ratio"] is not None:
            method = lines.setdefault(row["customer_class_code"], {}).setdefault(row["estimator_id"], [])
            method.append((row["gap_minutes"] / 60.0, row["energy_error_ratio"]))
    return lines
