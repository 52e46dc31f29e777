"""Gap filling inside short windows of ETTh1, set up as published comparisons do: nothing from outside a
window is looked at.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines.arrays import FloatArray

TEST_FROM = "2018-01-26"
STEPS = 48
SEEDS = range(5)
PUBLISHED = {
    0.1: {"LOCF": 0.315, "linear": 0.197, "best deep model": 0.144},
    0.5: {"LOCF": 0.425, "linear": 0.267, "best deep model": 0.223},
    0.9: {"LOCF": 0.763, "linear": 0.616, "best deep model": 0.507},
}
"""Mean absolute errors by share of missing points, from TSI-Bench."""
NOISE_VARIANCE = 0.05


def straight_lines(window: FloatArray) -> FloatArray:
    """Linear interpolation of each column; the nearest value beyond its ends, the mean (0) where a column is
    empty. (steps x columns)
    """
    steps = np.arange(window.shape[0])
    filled = np.zeros_like(window)
    for column in range(window.shape[1]):
        there = ~np.isnan(window[:, column])
        if there.any():
            filled[:, column] = np.interp(steps, steps[there], window[there, column])
    return filled


class WindowCovariance:
    """Mean and covariance of whole windows, learnt on the part before the test; fills a window from its own
    values alone.
    """

    def __init__(self, earlier: FloatArray, first_hour: int, steps: int) -> None:
        begins = np.arange(first_hour, earlier.shape[0] - steps + 1, 24)
        windows = np.stack([earlier[begin : begin + steps].reshape(-1) for begin in begins])
        self.mean = windows.mean(axis=0)
        self.covariance = np.cov(windows.T)

    def fill(self, window: FloatArray) -> FloatArray:
        """Expectation of the missing values given the others, for a normal distribution with noise. (steps x
        columns)
        """
        flat = window.reshape(-1)
        missing = np.isnan(flat)
        there = ~missing
        within = self.covariance[np.ix_(there, there)] + NOISE_VARIANCE * np.eye(int(there.sum()))
        filled = flat.copy()
        weights = np.linalg.solve(within, flat[there] - self.mean[there])
        filled[missing] = self.mean[missing] + self.covariance[np.ix_(missing, there)] @ weights
        return np.asarray(filled.reshape(window.shape))


def compare(data: Path) -> list[dict[str, Any]]:
    """Mean absolute error on standardised values by share of missing points, mean over the seeds.

    data  Folder that holds ``ETTh1.csv``.
    """
    table = pd.read_csv(data / "ETTh1.csv")
    values = table.drop(columns="date").to_numpy(dtype=np.float64)
    cut = int(np.flatnonzero(table["date"] >= TEST_FROM)[0])
    scaled = (values - values[:cut].mean(axis=0)) / values[:cut].std(axis=0)
    count = (scaled.shape[0] - cut) // STEPS
    windows = scaled[cut : cut + count * STEPS].reshape(count, STEPS, -1)
    covariance = WindowCovariance(scaled[:cut], cut % 24, STEPS)
    rows = []
    for share, published in PUBLISHED.items():
        errors = np.array([_errors(windows, share, seed, covariance) for seed in SEEDS])
        rows.append(
            {
                "missing_ratio": share,
                "windows": count,
                "linear": float(errors[:, 0].mean()),
                "window covariance": float(errors[:, 1].mean()),
                "published": published,
            }
        )
    return rows


def _errors(
    windows: FloatArray, share: float, seed: int, covariance: WindowCovariance
) -> tuple[float, float]:
    hidden = np.random.default_rng(seed).random(windows.shape) < share
    seen = np.where(hidden, np.nan, windows)
    line = np.stack([straight_lines(window) for window in seen])
    ours = np.stack([covariance.fill(window) for window in seen])
    return float(np.abs(line - windows)[hidden].mean()), float(np.abs(ours - windows)[hidden].mean())
