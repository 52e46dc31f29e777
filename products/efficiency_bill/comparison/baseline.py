"""What a customer's own past and the weather let expect: change-point regression, vectorised over customers.

y = a + w [weekend] + c max(T - Tc, 0) + h max(Th - T, 0), with c, h >= 0 and Th <= Tc; the form (flat,
cooling, heating, both) by the
Bayesian information criterion, as in ASHRAE's inverse models. Every grid point is one batch of normal
equations, summed over blocks of
some weeks, so that fits which leave one block out cost next to nothing: the bands come from blocks that the
fit has not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from statistics import NormalDist

import numpy as np

from pipelines.arrays import BoolArray, FloatArray
from products.efficiency_bill.settings import BaselineSettings

FLAT, COOLING, HEATING, BOTH, DAY_TYPE = "flat", "cooling", "heating", "cooling_heating", "day_type"
# Keeps the equations solvable where all days are working days; far below the resolution of a register.
_RIDGE = 1e-9


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline.

    base_kwh           Energy of a weekday without heating or cooling. [kWh/d]
    weekend_kwh        What a Saturday or Sunday adds. [kWh/d]
    cooling            Slope above ``cooling_celsius``. [kWh/d/K]
    heating            Slope below ``heating_celsius``. [kWh/d/K]
    day_sigma_kwh      Standard deviation of a day in a block that the fit has not seen. [kWh/d]
    month_sigma_kwh    The same of the mean of such a block, scaled so that the band level holds over all
                       customers. [kWh/d]
    days               Days learned from.
    cv_rmse            Root mean square of the residuals over the mean, in the sample. [1]
    cv_rmse_unseen     The same over blocks that the fit has not seen. [1]
    """

    kind: str
    base_kwh: float
    weekend_kwh: float
    cooling: float
    cooling_celsius: float
    heating: float
    heating_celsius: float
    day_sigma_kwh: float
    month_sigma_kwh: float
    days: int
    cv_rmse: float
    cv_rmse_unseen: float

    def expected(self, temperature: FloatArray, weekend: BoolArray) -> FloatArray:
        """Expected energy of each day, never below 0; NaN where the weather counts and is not known. [kWh]"""
        value = self.base_kwh + self.weekend_kwh * weekend.astype(float)
        if self.kind != DAY_TYPE:
            value = (
                value
                + self.cooling * np.maximum(temperature - self.cooling_celsius, 0)
                + self.heating * np.maximum(self.heating_celsius - temperature, 0)
            )
        found: FloatArray = np.maximum(value, 0.0)
        return found

    def day_band(self, level: float) -> float:
        """Half width of a day's band. [kWh]"""
        return _quantile(level) * self.day_sigma_kwh

    def month_band(self, days: int, level: float) -> float:
        """Half width of the band of the sum of a month's days. [kWh]"""
        return _quantile(level) * self.month_sigma_kwh * days

    def as_dict(self) -> dict[str, object]:
        """Plain values, rounded so that they are the same on every host."""
        return {
            name: round(value, 6) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }


def _quantile(level: float) -> float:
    return NormalDist().inv_cdf(0.5 + level / 2)


def fit_baselines(
    energy: FloatArray,
    temperature: FloatArray,
    weekend: BoolArray,
    change_points: Sequence[float],
    level: float,
    rules: BaselineSettings,
) -> list[Baseline | None]:
    """One baseline per customer; None where fewer than ``rules.least_days`` are known.

    energy       NaN where unknown. [kWh] (customers x days)
    temperature  NaN where unknown. [degC] (customers x days)
    weekend      (days)
    level        Share of blocks that the month's band is scaled to hold. [1]
    rules        How many days a baseline and a block need.
    """
    if not len(energy):
        return []
    has_weather = np.isfinite(temperature).sum(axis=1) >= rules.least_weather_ratio * np.maximum(
        np.isfinite(energy).sum(axis=1), 1
    )
    fits = _Fits(energy, temperature, weekend, has_weather, rules)
    fits.offer(FLAT, np.nan, np.nan, np.ones(len(energy), dtype=bool))
    grid = sorted(change_points)
    for point in grid:
        fits.offer(COOLING, point, np.nan, has_weather)
        fits.offer(HEATING, np.nan, point, has_weather)
    for heat_at, cool_at in product(grid, grid):
        if heat_at <= cool_at:
            fits.offer(BOTH, cool_at, heat_at, has_weather)
    return fits.baselines(has_weather, level)


class _Fits:
    """The best form of each customer so far: on all days (place 0) and without each block (the
    other places).
    """

    def __init__(
        self,
        energy: FloatArray,
        temperature: FloatArray,
        weekend: BoolArray,
        has_weather: BoolArray,
        rules: BaselineSettings,
    ) -> None:
        self.rules, length = rules, rules.block_days
        known = np.isfinite(energy) & (np.isfinite(temperature) | ~has_weather[:, None])
        self.known = _blocks(known.astype(float), length)
        self.y = _blocks(np.where(known, energy, 0.0), length)
        self.t = _blocks(np.where(np.isfinite(temperature), temperature, 0.0), length)
        self.weekend = _blocks(np.broadcast_to(weekend.astype(float), energy.shape), length)
        self.count = self.known.sum(axis=2)
        self.squares = (self.y**2).sum(axis=2)
        customers, blocks = self.count.shape
        self.criterion = np.full((customers, blocks + 1), np.inf)
        self.kind = np.full(customers, FLAT, dtype=object)
        self.residual_squares = np.zeros(customers)
        self.terms = np.full(customers, 2)
        self.parameters = np.zeros(
            (customers, 6)
        )  # base, weekend, cooling, cooling point, heating, heating point
        self.unseen_sum = np.zeros((customers, blocks))
        self.unseen_squares = np.zeros((customers, blocks))

    def offer(self, kind: str, cool_at: float, heat_at: float, allowed: BoolArray) -> None:
        """Fits one form at one grid point to everything and keeps it where it is better and its slopes are
        not negative.
        """
        terms = [self.known, self.weekend * self.known]
        if np.isfinite(cool_at):
            terms.append(np.maximum(self.t - cool_at, 0) * self.known)
        if np.isfinite(heat_at):
            terms.append(np.maximum(heat_at - self.t, 0) * self.known)
        X = np.stack(terms, axis=3)
        transposed = np.swapaxes(X, 2, 3)
        gram, moment = np.matmul(transposed, X), np.matmul(transposed, self.y[..., None])[..., 0]
        all_gram, all_moment, all_squares, all_count = (
            _all_and_without(part) for part in (gram, moment, self.squares, self.count)
        )
        solution: FloatArray = np.asarray(
            np.linalg.solve(all_gram + _RIDGE * np.eye(len(terms)), all_moment[..., None])[..., 0],
            dtype=np.float64,
        )
        residual: FloatArray = np.maximum(
            all_squares - (solution * all_moment).sum(axis=2), 1e-12 * np.maximum(all_squares, 1.0)
        )
        size = len(terms) + len(terms) - 2  # every slope brings a change point
        safe = np.maximum(all_count, 1.0)
        criterion = safe * np.log(residual / safe) + size * np.log(safe)
        better = allowed[:, None] & (solution[..., 2:] >= 0).all(axis=2) & (criterion < self.criterion - 1e-9)
        self.criterion[better] = criterion[better]
        self._keep(kind, cool_at, heat_at, solution[:, 0], residual[:, 0], size, better[:, 0])
        without, chosen = solution[:, 1:], better[:, 1:]
        missed = self.y.sum(axis=2) - (gram[:, :, 0, :] * without).sum(axis=2)
        squares = (
            self.squares
            - 2 * (without * moment).sum(axis=2)
            + np.einsum("cki,ckij,ckj->ck", without, gram, without)
        )
        self.unseen_sum[chosen] = missed[chosen]
        self.unseen_squares[chosen] = np.maximum(squares[chosen], 0.0)

    def _keep(
        self,
        kind: str,
        cool_at: float,
        heat_at: float,
        solution: FloatArray,
        residual: FloatArray,
        size: int,
        better: BoolArray,
    ) -> None:
        self.kind[better], self.residual_squares[better], self.terms[better] = kind, residual[better], size
        self.parameters[better] = 0.0
        self.parameters[better, 0], self.parameters[better, 1] = solution[better, 0], solution[better, 1]
        places = [place for place, point in ((2, cool_at), (4, heat_at)) if np.isfinite(point)]
        for column, place in enumerate(places, start=2):
            self.parameters[better, place] = solution[better, column]
            self.parameters[better, place + 1] = cool_at if place == 2 else heat_at

    def baselines(self, has_weather: BoolArray, level: float) -> list[Baseline | None]:
        """The winners with their residuals measured."""
        count = self.count.sum(axis=1)
        # A block with fewer known days than half of it says too little of a month.
        whole = self.count >= self.rules.block_days // 2
        # With one block alone nothing is unseen; the residuals of the fit must do.
        usable = whole.sum(axis=1) >= 2
        in_sample = np.sqrt(self.residual_squares / np.maximum(count - self.terms, 1))
        unseen = np.sqrt(
            (self.unseen_squares * whole).sum(axis=1) / np.maximum((self.count * whole).sum(axis=1), 1)
        )
        day_sigma = np.where(usable, np.maximum(unseen, in_sample), in_sample)
        means = np.where(whole, self.unseen_sum / np.maximum(self.count, 1), np.nan)
        month_sigma = np.where(
            usable, month_scale(means[usable], level) * _root_mean_square(means), in_sample
        )
        mean = self.y.sum(axis=(1, 2)) / np.maximum(count, 1)
        over = np.where(mean > 0, mean, np.inf)
        found: list[Baseline | None] = []
        for row, values in enumerate(self.parameters):
            kind = str(self.kind[row]) if has_weather[row] else DAY_TYPE
            base, off, cool, cool_at, heat, heat_at = (float(value) for value in values)
            baseline = Baseline(
                kind,
                base,
                off,
                cool,
                cool_at,
                heat,
                heat_at,
                float(day_sigma[row]),
                float(month_sigma[row]),
                int(count[row]),
                float(in_sample[row] / over[row]),
                float(day_sigma[row] / over[row]),
            )
            found.append(baseline if count[row] >= self.rules.least_days else None)
        return found


def month_scale(means: FloatArray, level: float) -> float:
    """Factor on a customer's root mean square of block errors with which the band of that level holds for an
    unseen block. [1]

    means  Mean error of each block that the fit has not seen; NaN where a block is too short. [kWh/d]
           (customers x blocks)

    Each error is divided by the root mean square of the customer's other blocks; the quantile of these ratios
    over all customers takes
    the place of a table that would assume a distribution. Never below 1: a narrower band than the spread seen
    is not claimed.
    """
    squares = means**2
    others = np.isfinite(means).sum(axis=1, keepdims=True) - 1
    spread = np.sqrt(
        np.maximum(np.nansum(squares, axis=1, keepdims=True) - squares, 0.0) / np.maximum(others, 1)
    )
    ratio = np.divide(np.abs(means), spread, out=np.full(means.shape, np.nan), where=spread > 0)
    ratio = ratio[np.isfinite(ratio)]
    return max(float(np.quantile(ratio, level)) / _quantile(level), 1.0) if len(ratio) else 1.0


def _root_mean_square(values: FloatArray) -> FloatArray:
    known = np.maximum(np.isfinite(values).sum(axis=1), 1)
    found: FloatArray = np.sqrt(np.nansum(values**2, axis=1) / known)
    return found


def _blocks(values: FloatArray, length: int) -> FloatArray:
    """Days cut into blocks of that length, the last one filled up with 0. (customers x blocks x days)"""
    customers, days = values.shape
    blocks = -(-days // length)
    return np.pad(values, ((0, 0), (0, blocks * length - days))).reshape(customers, blocks, length)


def _all_and_without(parts: FloatArray) -> FloatArray:
    """Sums over all blocks, then over all but each one. (customers x 1 + blocks x ...)"""
    total = parts.sum(axis=1, keepdims=True)
    return np.concatenate([total, total - parts], axis=1)
