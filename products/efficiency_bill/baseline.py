"""What a customer's own past and the weather let expect: change-point regression, vectorised over customers.

y = a + w [weekend] + c max(T - Tc, 0) + h max(Th - T, 0), with c, h >= 0; the form (flat, cooling, heating, both) by the Bayesian
information criterion. The idea is that of ASHRAE's inverse models; every grid point is one batch of normal equations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FLAT, COOLING, HEATING, BOTH, DAY_TYPE = "flat", "cooling", "heating", "cooling_heating", "day_type"


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline.

    base_kwh      Energy of a weekday without heating or cooling. [kWh/d]
    weekend_kwh   What a Saturday or Sunday adds. [kWh/d]
    cooling       Slope above ``cooling_celsius``. [kWh/d/K]
    heating       Slope below ``heating_celsius``. [kWh/d/K]
    sigma_kwh     Standard deviation of a day's residual. [kWh]
    rho           Correlation of one day's residual with the next.
    """

    kind: str
    base_kwh: float
    weekend_kwh: float
    cooling: float
    cooling_celsius: float
    heating: float
    heating_celsius: float
    sigma_kwh: float
    rho: float
    days: int
    cv_rmse: float

    def expected(self, temperature: Floats, weekend: Bools) -> Floats:
        """Expected energy of each day; never below 0. [kWh]"""
        value = self.base_kwh + self.weekend_kwh * weekend
        if self.kind != DAY_TYPE:
            value = value + self.cooling * np.maximum(temperature - self.cooling_celsius, 0) + self.heating * np.maximum(self.heating_celsius - temperature, 0)
        return np.maximum(np.asarray(value, dtype=float), 0)

    def day_band(self, level: float) -> float:
        """Half width of a day's band. [kWh]"""
        return _quantile(level) * self.sigma_kwh

    def month_band(self, days: int, level: float) -> float:
        """Half width of the band of a sum of days whose residuals are correlated. [kWh]"""
        rho = min(max(self.rho, 0.0), 0.95)
        lags = np.arange(1, days)
        inflation = 1 + 2 * float(np.sum((1 - lags / days) * rho**lags)) if days > 1 else 1.0
        return _quantile(level) * self.sigma_kwh * float(np.sqrt(days * inflation))

    def as_dict(self) -> dict[str, object]:
        """Plain values, rounded so that they are the same on every host."""
        return {name: round(value, 9) if isinstance(value, float) else value for name, value in asdict(self).items()}


def _quantile(level: float) -> float:
    return NormalDist().inv_cdf(0.5 + level / 2)


def fit_baselines(energy: Floats, temperature: Floats, weekend: Bools, change_points: Sequence[float]) -> list[Baseline | None]:
    """One baseline per customer; None where fewer than ten days are known.

    energy       NaN where unknown. [kWh] (customers x days)
    temperature  NaN where unknown. [degC] (customers x days)
    weekend      (days)
    """
    if not len(energy):
        return []
    has_weather = np.isfinite(temperature).sum(axis=1) >= 0.8 * np.isfinite(energy).sum(axis=1)
    known = np.isfinite(energy) & (np.isfinite(temperature) | ~has_weather[:, None])
    y = np.where(known, energy, 0.0)
    t = np.where(np.isfinite(temperature), temperature, 0.0)
    count = known.sum(axis=1)
    best = _Best(len(energy))
    ones = np.broadcast_to(np.ones(energy.shape[1]), energy.shape)
    off = np.broadcast_to(weekend.astype(float), energy.shape)
    best.offer(FLAT, [ones, off], y, known, count, np.nan, np.nan, np.ones(len(energy), dtype=bool))
    grid = sorted(change_points)
    for point in grid:
        best.offer(COOLING, [ones, off, np.maximum(t - point, 0)], y, known, count, point, np.nan, has_weather)
        best.offer(HEATING, [ones, off, np.maximum(point - t, 0)], y, known, count, np.nan, point, has_weather)
    for low, high in product(grid, grid):
        if low <= high:
            best.offer(BOTH, [ones, off, np.maximum(t - high, 0), np.maximum(low - t, 0)], y, known, count, high, low, has_weather)
    return [best.baseline(row, energy[row], t[row], weekend, known[row], bool(has_weather[row])) if count[row] >= 10 else None for row in range(len(energy))]


class _Best:
    """The best form of each customer so far."""

    def __init__(self, customers: int) -> None:
        self.criterion = np.full(customers, np.inf)
        self.kind = np.full(customers, FLAT, dtype=object)
        self.parameters = np.zeros((customers, 6))  # base, weekend, cooling, cooling point, heating, heating point

    def offer(self, kind: str, terms: list[Floats], y: Floats, known: Bools, count: NDArray[np.int64], cool_at: float, heat_at: float, allowed: Bools) -> None:
        """Fits one form at one grid point to all customers and keeps it where it is better and its slopes are not negative."""
        X = np.stack(terms, axis=2) * known[:, :, None]
        gram = np.einsum("cdi,cdj->cij", X, X) + 1e-9 * np.eye(len(terms))
        solution = np.linalg.solve(gram, np.einsum("cdi,cd->ci", X, y)[:, :, None])[:, :, 0]
        residual = np.where(known, y - np.einsum("cdi,ci->cd", X, solution), 0.0)
        squares = np.maximum((residual**2).sum(axis=1), 1e-12)
        extra = len(terms) + (kind in (COOLING, HEATING)) + 2 * (kind == BOTH)
        safe = np.maximum(count, 1)
        criterion = safe * np.log(squares / safe) + extra * np.log(safe)
        better = allowed & (solution[:, 2:] >= 0).all(axis=1) & (criterion < self.criterion - 1e-9)
        self.criterion[better] = criterion[better]
        self.kind[better] = kind
        columns = {COOLING: [2], HEATING: [4], BOTH: [2, 4]}.get(kind, [])
        self.parameters[better] = 0.0
        self.parameters[better, 0], self.parameters[better, 1] = solution[better, 0], solution[better, 1]
        for place, column in enumerate(columns):
            self.parameters[better, column] = solution[better, 2 + place]
            self.parameters[better, column + 1] = cool_at if column == 2 else heat_at

    def baseline(self, row: int, energy: Floats, temperature: Floats, weekend: Bools, known: Bools, has_weather: bool) -> Baseline:
        """The winner with its residuals measured."""
        base, off, cool, cool_at, heat, heat_at = (float(value) for value in self.parameters[row])
        kind = str(self.kind[row]) if has_weather else DAY_TYPE
        draft = Baseline(kind, base, off, cool, cool_at, heat, heat_at, 0.0, 0.0, int(known.sum()), 0.0)
        residual = (energy - draft.expected(temperature, weekend))[known]
        freedom = max(len(residual) - 3, 1)
        sigma = float(np.sqrt((residual**2).sum() / freedom))
        centred = residual - residual.mean()
        spread = float((centred**2).sum())
        rho = float((centred[1:] * centred[:-1]).sum() / spread) if spread > 0 else 0.0
        mean = float(energy[known].mean())
        return Baseline(kind, base, off, cool, cool_at, heat, heat_at, sigma, rho, len(residual), sigma / mean if mean > 0 else 0.0)
