"""The baseline: known parts found again, bands that hold, an independent model beside it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.arrays import BoolArray, FloatArray
from products.efficiency_bill.comparison.baseline import (
    BOTH,
    COOLING,
    DAY_TYPE,
    FLAT,
    HEATING,
    Baseline,
    fit_baselines,
    month_scale,
)
from products.efficiency_bill.served_model import (
    COEFFICIENTS,
    MODEL,
    ServedModel,
    _load_pyfunc,
    read_coefficients,
    write_coefficients,
)
from products.efficiency_bill.settings import BaselineSettings

GRID = [float(point) for point in range(4, 25, 2)]
LEVEL = 0.90
RULES = BaselineSettings(block_days=28, least_days=10, least_weather_ratio=0.8)
DAYS = 364
ORACLE = Path(__file__).parents[4] / "data" / "opendsm" / "daily.csv"


def seasons(days: int = DAYS) -> FloatArray:
    """A year of temperatures between -2 and 32 degrees with day-to-day noise."""
    noise = np.random.default_rng(7).normal(0, 3, days)
    found: FloatArray = 15 - 13 * np.cos(np.arange(days) / 365 * 2 * np.pi) + noise
    return found


WEEKEND: BoolArray = np.arange(DAYS) % 7 >= 5


def fit(energy: FloatArray, temperature: FloatArray | None = None) -> Baseline:
    rows = np.atleast_2d(energy)
    weather = np.full(rows.shape, np.nan) if temperature is None else np.atleast_2d(temperature)
    found = fit_baselines(rows, weather, WEEKEND[: rows.shape[1]], GRID, LEVEL, RULES)[0]
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("kind", "cooling", "heating"),
    [(FLAT, 0.0, 0.0), (COOLING, 12.0, 0.0), (HEATING, 0.0, 9.0), (BOTH, 12.0, 9.0)],
)
def test_known_parts_are_found_again(kind: str, cooling: float, heating: float) -> None:
    celsius = seasons()
    truth = (
        500 - 120 * WEEKEND + cooling * np.maximum(celsius - 20, 0) + heating * np.maximum(12 - celsius, 0)
    )
    found = fit(truth + np.random.default_rng(1).normal(0, 2, DAYS), celsius)
    assert found.kind == kind
    assert found.base_kwh == pytest.approx(500, abs=2)
    assert found.weekend_kwh == pytest.approx(-120, abs=2)
    assert found.cooling == pytest.approx(cooling, abs=0.4)
    assert found.heating == pytest.approx(heating, abs=0.4)
    if cooling:
        assert found.cooling_celsius == 20
    if heating:
        assert found.heating_celsius == 12
    assert np.abs(found.expected(celsius, WEEKEND) - truth).max() < 6


def test_a_slope_against_physics_is_not_taken() -> None:
    celsius = seasons()
    found = fit(500 - 10 * np.maximum(celsius - 20, 0), celsius)
    assert found.cooling >= 0
    assert found.heating >= 0


def test_expectation_never_falls_below_zero() -> None:
    found = fit(np.where(WEEKEND, 0.0, 100.0))
    below = Baseline(**(found.as_dict() | {"weekend_kwh": -150.0}))  # type: ignore[arg-type]
    assert below.expected(np.array([10.0]), np.array([True])).tolist() == [0.0]


def test_without_weather_the_day_of_the_week_alone_counts() -> None:
    found = fit(np.where(WEEKEND, 40.0, 100.0))
    assert found.kind == DAY_TYPE
    assert found.expected(np.full(2, np.nan), np.array([False, True])).tolist() == pytest.approx([100, 40])


def test_weather_counts_from_eighty_percent_of_the_days() -> None:
    celsius, energy = seasons(), 300 + 8 * np.maximum(seasons() - 18, 0)
    hidden = celsius.copy()
    hidden[: int(DAYS * 0.2)] = np.nan
    assert fit(energy, hidden).kind == COOLING
    hidden[: int(DAYS * 0.2) + 2] = np.nan
    assert fit(energy, hidden).kind == DAY_TYPE


@pytest.mark.parametrize(("unknown", "kind"), [(40, COOLING), (41, DAY_TYPE)])
def test_exactly_eighty_percent_of_the_days_are_enough(unknown: int, kind: str) -> None:
    celsius = seasons()[:200].copy()
    energy = 300 + 8 * np.maximum(celsius - 18, 0)
    celsius[:unknown] = np.nan
    (found,) = fit_baselines(energy[None], celsius[None], WEEKEND[:200], GRID, LEVEL, RULES)
    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize(("days", "is_fitted"), [(RULES.least_days - 1, False), (RULES.least_days, True)])
def test_least_days(days: int, is_fitted: bool) -> None:
    energy = np.full((1, 60), np.nan)
    energy[0, :days] = 50.0
    assert (
        fit_baselines(energy, np.full((1, 60), np.nan), WEEKEND[:60], GRID, LEVEL, RULES)[0] is not None
    ) == is_fitted


def test_unknown_days_change_nothing_but_the_count() -> None:
    celsius = seasons()
    energy = 500 + 12 * np.maximum(celsius - 20, 0)
    holes = energy.copy()
    holes[::9] = np.nan
    whole, part = fit(energy, celsius), fit(holes, celsius)
    assert part.days == int(np.isfinite(holes).sum()) < whole.days == DAYS
    assert part.kind == whole.kind
    assert [part.base_kwh, part.cooling] == pytest.approx([whole.base_kwh, whole.cooling])


def test_customers_do_not_touch_each_other() -> None:
    celsius = seasons()
    energies = np.stack([500 + 12 * np.maximum(celsius - 20, 0), 80 + 3 * np.maximum(10 - celsius, 0)])
    together = fit_baselines(energies, np.stack([celsius, celsius]), WEEKEND, GRID, LEVEL, RULES)
    for row, energy in enumerate(energies):
        alone = fit(energy, celsius)
        both = together[row]
        assert both is not None
        assert both.kind == alone.kind
        assert [both.base_kwh, both.cooling, both.heating] == pytest.approx(
            [alone.base_kwh, alone.cooling, alone.heating]
        )


def customers(count: int, days: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Loads whose level also wanders from month to month, as real ones do. (customers x days)"""
    draw = np.random.default_rng(seed)
    celsius = np.tile(seasons(days), (count, 1))
    wander = np.repeat(draw.normal(0, 25, (count, days // RULES.block_days)), RULES.block_days, axis=1)
    return 600 + 9 * np.maximum(celsius - 20, 0) + wander + draw.normal(0, 30, celsius.shape), celsius


def test_bands_hold_as_often_as_they_promise_on_days_never_seen() -> None:
    energy, celsius = customers(400, DAYS, 11)
    held = DAYS - RULES.block_days
    found = fit_baselines(energy[:, :held], celsius[:, :held], WEEKEND[:held], GRID, LEVEL, RULES)
    days, months = [], []
    for row, baseline in enumerate(found):
        assert baseline is not None
        miss = energy[row, held:] - baseline.expected(celsius[row, held:], WEEKEND[held:])
        days.append(np.abs(miss) <= baseline.day_band(LEVEL))
        months.append(abs(miss.sum()) <= baseline.month_band(RULES.block_days, LEVEL))
    assert np.mean(days) == pytest.approx(LEVEL, abs=0.03)
    assert np.mean(months) == pytest.approx(LEVEL, abs=0.05)


def test_a_wandering_level_widens_the_month_but_hardly_the_day() -> None:
    steady = np.random.default_rng(5).normal(600, 30, (1, DAYS))
    wandering, celsius = customers(1, DAYS, 5)
    one, other = fit(steady, celsius), fit(wandering, celsius)
    assert other.month_band(30, LEVEL) > 2 * one.month_band(30, LEVEL)
    assert other.day_band(LEVEL) < 2 * one.day_band(LEVEL)


def test_the_scale_takes_the_quantile_of_errors_over_the_others_spread() -> None:
    means = np.array([[3.0, 4.0], [1.0, -1.0]])
    ratios = [3 / 4, 4 / 3, 1.0, 1.0]
    assert month_scale(means, 0.5) == pytest.approx(max(np.quantile(ratios, 0.5) / 0.6744897501960817, 1.0))
    assert month_scale(np.zeros((2, 3)), 0.9) == 1.0
    assert month_scale(np.full((1, 3), np.nan), 0.9) == 1.0


def test_coefficients_survive_the_file_and_are_the_same_bytes_again(tmp_path: Path) -> None:
    celsius = seasons()
    baseline = fit(500 + 12 * np.maximum(celsius - 20, 0), celsius)
    content = write_coefficients({"B": baseline, "A": baseline})
    assert content == write_coefficients({"A": baseline, "B": baseline})
    (tmp_path / COEFFICIENTS).write_bytes(content)
    served = _load_pyfunc(str(tmp_path))
    frame = pd.DataFrame(
        {
            "customer_id": ["B", "none", "A"],
            "mean_celsius": [30.0, 30.0, 10.0],
            "is_weekend": [False, False, True],
        }
    )
    answer = served.predict(frame)["expected_kwh"]
    assert answer[0] == pytest.approx(500 + 120, abs=0.01)
    assert np.isnan(answer[1])
    assert answer[2] == pytest.approx(500, abs=0.01)
    assert isinstance(served, ServedModel)
    assert read_coefficients({COEFFICIENTS: content})["A"].kind == baseline.kind
    assert MODEL == "efficiency_bill_baseline"


def oracle(meter: str) -> pd.DataFrame:
    with ORACLE.open(encoding="utf-8", newline="") as stream:
        frame = pd.DataFrame([row for row in csv.DictReader(stream) if row["meter"] == meter])
    numbers = frame[["energy_kwh", "mean_fahrenheit", "opendsm_predicted_kwh"]].astype(float)
    return numbers.assign(
        celsius=(numbers["mean_fahrenheit"] - 32) / 1.8, weekend=pd.to_datetime(frame["date"]).dt.weekday >= 5
    )


def fitted(frame: pd.DataFrame) -> tuple[Baseline, FloatArray]:
    energy, celsius, weekend = (frame[name].to_numpy() for name in ("energy_kwh", "celsius", "weekend"))
    found = fit_baselines(energy[None], celsius[None], weekend, GRID, LEVEL, RULES)[0]
    assert found is not None
    return found, found.expected(celsius, weekend)


@pytest.mark.parametrize("meter", ["il-electricity-cdd-hdd-daily", "il-electricity-cdd-only-daily"])
def test_fits_as_well_as_an_independent_model(meter: str) -> None:
    """CV(RMSE) within 5 % of OpenDSM's, which splits the year into seasons and so has more parameters; the
    days within 10 % of the mean.
    """
    frame = oracle(meter)
    _, ours = fitted(frame)
    actual, theirs = frame["energy_kwh"].to_numpy(), frame["opendsm_predicted_kwh"].to_numpy()

    def cv_rmse(expected: FloatArray) -> float:
        return float(np.sqrt(np.mean((actual - expected) ** 2)) / actual.mean())

    assert cv_rmse(ours) <= cv_rmse(theirs) * 1.05
    assert np.abs(ours - theirs).mean() < 0.10 * actual.mean()


def test_finds_the_parts_that_the_meter_was_made_from() -> None:
    """Truth: 2,500 kWh base, 7,500 kWh cooling above 18.3 degrees; loads carry noise of a third, so 10 % of
    the year is the tolerance.
    """
    frame = oracle("il-electricity-cdd-only-daily")
    found, expected = fitted(frame)
    cooling = float((found.cooling * np.maximum(frame["celsius"] - found.cooling_celsius, 0)).sum())
    assert found.kind == COOLING
    assert cooling == pytest.approx(7500, abs=1000)
    assert expected.sum() - cooling == pytest.approx(2500, abs=1000)
    assert found.cooling_celsius == pytest.approx(18.3, abs=2.5)
    assert expected.sum() == pytest.approx(frame["energy_kwh"].sum(), rel=1e-6)
