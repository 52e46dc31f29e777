"""The hidden health of simulated enterprises, and how they pay their bills with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.periods import BillingMonth

INDUSTRIES = ("13", "17", "18", "26", "29", "30", "31", "33", "34", "35", "38", "39", "51", "52", "62", "65")
DUE_DAY = 20
ROUGH_PRICE_CNY_PER_KWH = 0.72
LAST_SEEN = 31  # days after the last simulated month until which payments are known


@dataclass(frozen=True)
class Health:
    """Hidden state.

    level     Health per enterprise and month, about 0 on average; low is bad. (enterprises x months)
    industry  Index into INDUSTRIES per enterprise.
    closed    Month index from which an enterprise is closed; the number of months where it stays open.
    """

    level: FloatArray
    industry: IntArray
    closed: IntArray


@dataclass(frozen=True)
class Payments:
    """Bills and their payment, (enterprises x months); ``paid_days_after_due`` is NaN for a bill that is
    never paid.
    """

    billed_cny: FloatArray
    paid_days_after_due: FloatArray
    is_default: BoolArray
    due: tuple[date, ...]
    known_until: date


def simulate_health(rng: np.random.Generator, enterprises: int, months: int) -> Health:
    """A slow random walk per enterprise around its own strength, pulled by its industry and by the
    economy.
    """
    industry = rng.integers(0, len(INDUSTRIES), enterprises)
    economy = np.cumsum(rng.normal(0, 0.10, months)) * 0.5
    economy[months // 3 : months // 3 + 4] -= 0.35
    trades = np.cumsum(rng.normal(0, 0.12, (len(INDUSTRIES), months)), axis=1) * 0.6
    strength = rng.normal(0.35, 0.75, enterprises)
    level = np.empty((enterprises, months))
    state = rng.normal(0, 0.6, enterprises)
    for month in range(months):
        state = 0.92 * state + rng.normal(0, 0.30, enterprises) - 0.9 * (rng.random(enterprises) < 0.006)
        level[:, month] = strength + state + economy[month] + trades[industry, month]
    closing = (rng.random((enterprises, months)) < 0.010 * (level < -1.6)) & (np.arange(months) > 11)
    closed = np.where(closing.any(axis=1), closing.argmax(axis=1) + 2, months)
    return Health(level, industry, np.minimum(closed, months))


def simulate_payments(
    rng: np.random.Generator, health: Health, month_kwh: FloatArray, months: Sequence[BillingMonth]
) -> Payments:
    """Bills of month M fall due on the 20th of M + 1. Poor health makes delays likely and long; a default is
    over 30 days, or never.
    """
    shape = health.level.shape
    seen = 0.75 * health.level + rng.normal(0, 0.45, shape)
    early = -np.round(rng.uniform(1, 17, shape))
    late = rng.random(shape) < 1 / (1 + np.exp(2.1 + 1.5 * seen))
    delay = np.ceil(rng.exponential(6.0 * np.exp(-0.35 * np.minimum(seen, 2)), shape))
    days = np.where(late, np.minimum(delay, 30), early)
    habit = rng.normal(0, 0.5, (shape[0], 1))
    defaulted = rng.random(shape) < 1 / (1 + np.exp(5.3 + 2.0 * health.level + habit))
    days = np.where(defaulted, 31 + np.ceil(rng.exponential(45, shape)), days)
    never = defaulted & (rng.random(shape) < 0.35)
    days = np.where(never, np.nan, days)
    due = tuple(month.plus(1).first_day.replace(day=DUE_DAY) for month in months)
    billed = np.round(month_kwh * ROUGH_PRICE_CNY_PER_KWH * rng.normal(1, 0.01, shape), 2)
    open_now = np.arange(shape[1])[None, :] < health.closed[:, None]
    return Payments(
        np.where(open_now, billed, 0.0),
        days,
        defaulted & open_now,
        due,
        months[-1].last_day + timedelta(days=LAST_SEEN),
    )
