"""The steel works jumps from 3 to 120 kWh every working day: its own days are no spikes, planted spikes
are.
"""

from __future__ import annotations

import csv

import numpy as np
import pytest
import yaml

from pipelines.settings import packaged
from pipelines.vee.blocks import CurveBlock
from pipelines.vee.estimation.estimate import estimate_missing_intervals
from pipelines.vee.settings import VeeSettings
from pipelines.vee.validation.checks import CHECKS, run_checks

SETTINGS = VeeSettings.model_validate(
    yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8"))
)
SPIKE = next(check.bit for check in CHECKS if check.id == "VEE-V06")
TYPES = {"1": "active", "5": "lagging", "9": "leading"}


def load(kind: str) -> np.ndarray:
    """(273 x 96) energy of the whole days, the first a Monday. [kWh or kvarh]"""
    days = {}
    for path in sorted((packaged("samples") / "steel").glob("E_MP_POWER_CURVE_*.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                if TYPES[row["DATA_TYPE"]] == kind and row["P96"]:
                    days[row["DATA_DATE"]] = [float(row[f"P{point}"]) * 250 for point in range(1, 97)]
    return np.array([days[day] for day in sorted(days)])


def block(energy: np.ndarray) -> CurveBlock:
    days = len(energy)
    weekday = np.arange(days) % 7
    return CurveBlock(
        energy=energy,
        interval_minutes=15,
        series_starts=np.array([0, days]),
        day_numbers=np.arange(days) + 20_000,
        day_types=np.where(weekday < 5, 0, weekday),
        capacity_kva=np.full(days, np.nan),
        counts_use=np.ones(days, dtype=np.bool_),
        receptions=np.ones(days, dtype=np.int64),
        today_number=30_000,
    )


@pytest.mark.parametrize("kind", TYPES.values())
def test_clean_days_are_almost_never_flagged(kind: str) -> None:
    energy = load(kind)
    assert energy.shape == (273, 96)
    bits, _ = run_checks(block(energy), SETTINGS)
    assert (bits >> SPIKE & 1).any(axis=1).mean() <= 0.01


@pytest.mark.parametrize("seed", range(12))
def test_planted_spikes_are_found(seed: int) -> None:
    energy = load("active")
    random = np.random.default_rng(seed)
    planted = (random.random(energy.shape) < 0.002) & (energy > 0)
    energy[planted] *= random.uniform(20, 100, planted.sum())
    bits, invalid = run_checks(block(energy), SETTINGS)
    found = (bits >> SPIKE & 1).astype(bool)
    assert found[planted].mean() >= 0.95
    assert (found & ~planted).any(axis=1).mean() <= 0.01
    assert invalid[found].all()


@pytest.mark.parametrize(("hours", "share"), [(24, 0.7), (72, 0.8)])
def test_like_days_beat_a_straight_line_on_long_gaps(hours: int, share: float) -> None:
    truth = load("active")
    like_days, line = [], []
    for seed in range(8):
        lost = np.zeros(truth.size, dtype=np.bool_)
        for begin in np.random.default_rng(seed).integers(14 * 96, truth.size - 14 * 96, 6):
            lost[begin : begin + hours * 4] = True
        gaps = lost.reshape(truth.shape)
        holed = block(np.where(gaps, np.nan, truth))
        final = estimate_missing_intervals(holed, gaps, np.zeros_like(gaps), SETTINGS).final
        assert not np.isnan(final).any()
        like_days.append(np.abs(final - truth)[gaps].mean())
        straight = np.interp(np.arange(truth.size), np.flatnonzero(~lost), truth.reshape(-1)[~lost]).reshape(
            truth.shape
        )
        line.append(np.abs(straight - truth)[gaps].mean())
    assert np.mean(like_days) <= share * np.mean(line)


def test_measured_values_are_never_changed_unless_they_are_impossible() -> None:
    random = np.random.default_rng(3)
    energy = load("active")
    energy[random.random(energy.shape) < 0.02] = np.nan
    energy[random.random(energy.shape) < 0.001] *= -1
    _, invalid = run_checks(block(energy), SETTINGS)
    found = estimate_missing_intervals(block(energy), invalid, np.zeros_like(invalid), SETTINGS)
    final, status = found.final, found.status
    assert (final[~invalid] == energy[~invalid]).all()
    assert (status[~invalid] == 1).all()
    assert (status[invalid] != 1).all()
    assert np.isnan(final[status == 0]).all()
