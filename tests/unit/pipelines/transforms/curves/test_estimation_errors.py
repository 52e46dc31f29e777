"""The published error of estimates: what it counts, whom it samples, when it flags."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
import yaml

from pipelines.codes import IntervalStatus
from pipelines.facts import load_facts
from pipelines.settings import load_settings, packaged
from pipelines.tables.estimation import ERRORS_SCHEMA
from pipelines.transforms.curves.estimation_errors import (
    measure_estimation_errors,
    sampled_meter_points,
    usable_series,
)
from pipelines.vee.estimation.back_test import ErrorSummary, back_test, plot_lines, summaries_of
from pipelines.vee.estimation.choice import Choice, Series, Trials, widths
from pipelines.vee.settings import VeeSettings
from zhixiang.vee_files.run import run_vee

SETTINGS = VeeSettings.model_validate(
    yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8"))
)
FIRST = date(2026, 1, 5)
MEASURED = int(IntervalStatus.MEASURED)


def curves(
    series: dict[str, np.ndarray], status: np.ndarray | None = None, channel: str = "active_forward"
) -> pa.Table:
    rows = [
        {
            "meter_point_id": name,
            "channel_code": channel,
            "curve_date": FIRST + timedelta(days=day),
            "interval_minutes": 15,
            "measured_kwh_or_kvarh": [None if np.isnan(value) else value for value in values],
            "interval_status_codes": [MEASURED] * 96 if status is None else status[day].tolist(),
        }
        for name, days in series.items()
        for day, values in enumerate(days)
    ]
    types = {
        "curve_date": pa.date32(),
        "interval_minutes": pa.int32(),
        "interval_status_codes": pa.list_(pa.int8()),
    }
    table = pa.Table.from_pylist(rows)
    return table.cast(
        pa.schema([pa.field(field.name, types.get(field.name, field.type)) for field in table.schema])
    )


def shaped(days: int, noise: float, seed: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    level = 1.0 + 0.2 * random.random((days, 1))
    return level * (2.0 + np.sin(np.linspace(0, 2 * np.pi, 96, endpoint=False))) + np.abs(
        random.normal(0, noise, (days, 96))
    )


def line(values: np.ndarray, day_types: np.ndarray | None = None) -> Series:
    days = len(values)
    types = np.zeros(days, dtype=np.int64) if day_types is None else day_types
    return Series(
        values.reshape(-1).copy(), 96, np.array([0, days * 96]), types, ~np.isnan(values).any(axis=1)
    )


def test_rows_are_those_of_the_declared_table_and_name_class_length_and_method() -> None:
    table = measure_estimation_errors(
        curves({"A": shaped(60, 0.02), "B": shaped(60, 0.02, 2)}), {"A": "large_industry"}, {}, SETTINGS
    )
    assert table.schema == ERRORS_SCHEMA
    rows = table.to_pylist()
    assert {row["customer_class_code"] for row in rows} == {"large_industry", "none"}
    assert {row["gap_minutes"] for row in rows} == {30, 120, 480, 1440, 4320}
    day = {
        row["estimator_id"]: row
        for row in rows
        if row["customer_class_code"] == "none" and row["gap_minutes"] == 1440
    }
    assert set(day) == {"chosen", "VEE-E01", "VEE-E02", "VEE-E03", "VEE-E04", "VEE-E05"}
    assert sum(row["chosen_ratio"] for name, row in day.items() if name != "chosen") == pytest.approx(1.0)
    assert day["VEE-E01"]["linear_error_ratio"] == pytest.approx(1.0)
    assert day["chosen"]["error_ratio"] <= min(row["error_ratio"] for row in day.values()) * 1.05
    assert day["VEE-E03"]["covered_ratio"] is None


def test_days_that_repeat_exactly_are_estimated_without_error() -> None:
    for summary in back_test(
        line(np.tile(shaped(1, 0.0), (40, 1))), np.zeros(1, dtype=np.int64), 0.25, SETTINGS
    ):
        if summary.method < 0:
            assert summary.error == pytest.approx(0.0, abs=1e-12)
            assert summary.covered >= 0.8


@pytest.mark.parametrize("factor", [1000.0, 0.001])
def test_a_told_step_of_level_is_no_error_of_the_estimates(factor: float) -> None:
    """Two months as they are, and two more in another unit: one curve, two sides."""
    values = shaped(120, 0.02)
    plain, stepped = (
        {
            row["gap_minutes"]: row
            for row in measure_estimation_errors(curves({"A": days}), {}, {}, SETTINGS).to_pylist()
            if row["estimator_id"] == "chosen"
        }
        for days in (values, values * np.where(np.arange(120) < 60, 1.0, factor)[:, None])
    )
    assert plain.keys() == stepped.keys()
    for minutes, row in stepped.items():
        assert row["series_count"] == 1
        assert row["energy_error_ratio"] < 1.3 * plain[minutes]["energy_error_ratio"]
        assert not row["is_flagged"]


def test_errors_by_hand() -> None:
    # One series with a mean interval of 5, one masked gap of two intervals of 10; every method says 11 and
    # 12, give or take 1.
    truths = np.array([[[10.0, 10.0]]])
    estimates = np.repeat(np.array([[[11.0, 12.0]]])[..., None], 5, axis=3)
    trials = Trials(truths, estimates, np.ones((1, 1, 2)))
    choice = Choice(
        np.array([[2, 0, 1, 3, 4]]), np.ones((1, 5)), np.array([True]), np.ones((1, 5)), np.array([False])
    )
    found = {
        summary.method: summary
        for summary in summaries_of(0, 0.5, trials, choice, np.array([0]), np.array([5.0]))
    }
    assert set(found) == {-1, 0, 1, 2, 3, 4}
    chosen = found[-1]
    assert (chosen.series, chosen.gaps) == (1, 1)
    assert chosen.error == pytest.approx(1.5 / 5)
    assert chosen.bias == pytest.approx(1.5 / 5)
    assert chosen.energy_error == pytest.approx(3 / 20)
    assert chosen.linear_error == pytest.approx(1.0)
    assert chosen.covered == 0.5
    assert (found[2].chosen, found[0].chosen) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("hours", "energy_error", "flagged"),
    [(2.0, 0.15, False), (2.0, 0.151, True), (24.0, 0.25, False), (24.0, 0.251, True), (8.0, 0.2, False)],
)
def test_flags_stand_just_beyond_their_limit(hours: float, energy_error: float, flagged: bool) -> None:
    chosen = ErrorSummary(0, hours, -1, 1, 32, 0.1, 0.5, energy_error, 0.0, 0.0, 0.9, 1.0)
    assert chosen.is_over(SETTINGS) is flagged
    assert replace(chosen, method=2).is_over(SETTINGS) is False


@pytest.mark.parametrize(
    ("covered", "flagged"), [(0.799, True), (0.80, False), (0.95, False), (0.951, True), (np.nan, False)]
)
def test_a_band_that_covers_too_little_or_too_much_is_flagged_and_none_is_not(
    covered: float, flagged: bool
) -> None:
    chosen = ErrorSummary(0, 2.0, -1, 1, 32, 0.1, 0.5, 0.1, 0.0, 0.0, covered, 1.0)
    assert chosen.is_off_band(SETTINGS) is flagged
    assert replace(chosen, method=2).is_off_band(SETTINGS) is False


def test_where_there_is_no_band_no_coverage_is_published() -> None:
    # Two masks of one interval: the band of the first holds its truth, no band is known for the second
    # series.
    truths, estimates = np.array([[[10.0]], [[10.0]]]), np.full((2, 1, 1, 5), 11.0)
    trials = Trials(truths, estimates, np.ones((2, 1, 1)))
    choice = Choice(
        np.tile(np.arange(5), (2, 1)),
        np.array([[1.0] * 5, [np.inf] * 5]),
        np.array([True, True]),
        np.ones((2, 5)),
        np.array([False, False]),
    )

    def covered(rows: list[int]) -> float:
        return next(iter(summaries_of(0, 0.25, trials, choice, np.array(rows), np.array([5.0, 5.0])))).covered

    assert covered([0]) == covered([0, 1]) == 1.0
    assert np.isnan(covered([1]))


def test_where_no_days_lie_apart_the_band_is_as_wide_as_what_masks_erred() -> None:
    """Width of a gap whose like-days all say the same: a tenth of the series' mean interval of 4, not zero;
    beside it one that has a spread.
    """
    values = np.concatenate((np.full(96, 2.0), np.full(96, 6.0), np.full(96, 30.0)))
    series = Series(
        values, 96, np.array([0, 192, 288]), np.zeros(3, dtype=np.int64), np.ones(3, dtype=np.bool_)
    )
    spread, gap = np.array([0.0, 0.0, 1.0, 0.0, 0.0]), np.array([0, 0, 1, 1, 2])
    assert widths(spread, gap, series, np.array([0, 0, 1]), SETTINGS.band).tolist() == [
        0.4,
        0.4,
        1.125,
        0.125,
        3.0,
    ]


def test_every_gap_length_of_a_short_solar_file_has_a_band_that_holds_what_it_should() -> None:
    path = packaged("samples") / "nem12" / "valid" / "Example_NEM12_month_solar.csv"
    settings = load_settings(packaged("conf"))
    result = run_vee([path], None, settings, load_facts(settings.facts_dir), date(2026, 11, 1))
    chosen = {row["gap_minutes"]: row for row in result.errors.to_pylist() if row["estimator_id"] == "chosen"}
    assert set(chosen) == {30, 120, 480, 1440, 4320}
    for row in chosen.values():
        # The 72-hour row held 0 %: the file has room for one like-day, and one day lies nowhere apart. Of the
        # 384 masked truths of eight hours one more than 95 % lies inside.
        assert 0.8 <= row["covered_ratio"] <= 0.955


@pytest.mark.parametrize("noise", [0.01, 0.2])
def test_the_band_covers_80_to_95_percent_of_masked_truths(noise: float) -> None:
    series = {f"M{number}": shaped(120, noise, number) for number in range(12)}
    rows = measure_estimation_errors(curves(series), {}, {}, SETTINGS).to_pylist()
    chosen = [row for row in rows if row["estimator_id"] == "chosen"]
    assert len(chosen) == 5
    for row in chosen:
        assert 0.80 <= row["covered_ratio"] <= 0.95, row


def test_only_measured_active_energy_counts_and_days_that_never_came_are_there() -> None:
    values, status = shaped(5, 0.1), np.full((5, 96), MEASURED)
    status[1, 3] = IntervalStatus.ESTIMATED_LINEAR
    rows = curves({"A": values}, status).filter(pa.array([True, True, False, True, True]))
    series, names = usable_series(rows, 15, {})
    assert names == ["A"]
    assert series.starts.tolist() == [0, 5 * 96]
    days = series.flat.reshape(5, 96)
    assert np.isnan(days[1, 3])
    assert np.isnan(days[2]).all()
    assert series.clean.tolist() == [True, False, False, True, True]
    assert (
        measure_estimation_errors(
            curves({"A": values}, channel="reactive_lagging"), {}, {}, SETTINGS
        ).num_rows
        == 0
    )


def test_series_too_short_to_learn_from_publish_nothing() -> None:
    assert measure_estimation_errors(curves({"A": shaped(1, 0.1)}), {}, {}, SETTINGS).num_rows == 0


def test_the_sample_is_bounded_by_class_and_the_same_in_any_order() -> None:
    names = [f"MP-{number}" for number in range(50)]
    classes = dict.fromkeys(names[:30], "residential")
    sample = sampled_meter_points(names, classes, 10)
    assert len(sample) == 20
    assert sum(name in classes for name in sample) == 10
    assert sample == sampled_meter_points(names[::-1], classes, 10)


def test_plot_lines_rise_with_the_gap() -> None:
    rows = measure_estimation_errors(curves({"A": shaped(60, 0.05)}), {}, {}, SETTINGS).to_pylist()
    lines = plot_lines(rows)
    assert [hours for hours, _ in lines["none"]["chosen"]] == [0.5, 2.0, 8.0, 24.0, 72.0]
