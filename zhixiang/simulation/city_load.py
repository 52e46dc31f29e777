"""Load of simulated enterprises: a real daily shape, aligned by weekday, scaled, and bent by holidays, growth
and health.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from zhixiang.simulation.city_health import Health

WEEKS = 52
REGISTER_DIGITS = 6
SPRING_FESTIVAL = "spring_festival"


@dataclass(frozen=True)
class Metering:
    """Energy and registers.

    day_kwh              (enterprises x days)
    multiplier           Per enterprise.
    register_hundredths  Counter at the end of the day before the first day, then at the end of each day, in
                         hundredths. (enterprises x days + 1)
    is_read              Whether that read is delivered.
    exchange_day         Day index from which a new meter counts; -1 for none.
    exchange_end         Last counter of the old meter, in hundredths.
    """

    day_kwh: FloatArray
    multiplier: IntArray
    register_hundredths: IntArray
    is_read: BoolArray
    exchange_day: IntArray
    exchange_end: IntArray

    def month_kwh(self, months: Sequence[BillingMonth], days: Sequence[date]) -> FloatArray:
        """Energy per month. (enterprises x months)"""
        index = np.array([(day.year * 12 + day.month) for day in days])
        return np.stack(
            [self.day_kwh[:, index == month.year * 12 + month.month].sum(axis=1) for month in months], axis=1
        )


def real_shapes(samples: Path) -> tuple[FloatArray, IntArray]:
    """Real daily load shapes of 364 days with mean 1, and the weekday of each shape's first day. (shapes x
    364), (shapes)
    """
    table = (
        pq.read_table(samples / "shapes" / "daily_load_shapes.parquet")
        .to_pandas()
        .sort_values(["shape_id", "day_number"])
    )
    shapes, weekdays = [], []
    for _, group in table.groupby("shape_id", sort=True):
        energy = group["energy_kwh"].to_numpy(dtype=float)[: WEEKS * 7]
        if len(energy) == WEEKS * 7 and np.isfinite(energy).all() and energy.mean() > 0:
            shapes.append(np.clip(energy / energy.mean(), 0.02, 4.0))
            weekdays.append(int(group["weekday"].iloc[0]))
    return np.array(shapes), np.array(weekdays)


def holiday_factors(days: Sequence[date]) -> tuple[FloatArray, BoolArray]:
    """How a working enterprise's load drops on public holidays, and which days belong to the Spring
    Festival.
    """
    holidays = load_facts(packaged("conf") / "facts").holidays
    festival = np.array([holidays.festival(day) == SPRING_FESTIVAL for day in days])
    off = np.array([bool(holidays.festival(day)) for day in days])
    near = np.convolve(festival.astype(float), np.ones(9), mode="same") > 0
    return np.where(festival, 0.25, np.where(near, 0.65, np.where(off, 0.75, 1.0))), festival


def simulate_metering(
    rng: np.random.Generator,
    shapes: tuple[FloatArray, IntArray],
    health: Health,
    months: Sequence[BillingMonth],
    days: Sequence[date],
) -> Metering:
    """Energy per day, and the registers that would have counted it."""
    energy, weekday = shapes
    enterprises = len(health.industry)
    chosen = rng.integers(0, len(energy), enterprises)
    first = days[0].weekday()
    start = (first - weekday[chosen]) % 7
    place = (start[:, None] + np.arange(len(days))[None, :]) % (WEEKS * 7)
    load = energy[chosen[:, None], place]
    scale = np.exp(rng.normal(7.0, 1.1, enterprises))
    growth = np.exp(rng.normal(0.0, 0.10, enterprises)[:, None] * np.arange(len(days))[None, :] / 365)
    month_index = np.array([(day.year - months[0].year) * 12 + day.month - months[0].month for day in days])
    # Strength beyond a point shows in no load; weakness does, months before bills stay unpaid.
    shown = np.minimum(health.level, 0.8)
    vigour = np.clip(1 / (1 + np.exp(-(shown + 1.9) * 1.3)), 0.05, 1.0)
    factor, _ = holiday_factors(days)
    exposure = rng.uniform(0.4, 1.0, enterprises)
    holiday = 1 - exposure[:, None] * (1 - factor[None, :])
    noise = np.exp(rng.normal(0, 0.06, load.shape))
    day_kwh = scale[:, None] * load * growth * vigour[:, month_index] * holiday * noise
    day_kwh *= month_index[None, :] < health.closed[:, None]
    return _registers(rng, day_kwh, scale, days)


def _registers(
    rng: np.random.Generator, day_kwh: FloatArray, scale: FloatArray, days: Sequence[date]
) -> Metering:
    """Counters of two decimals behind a multiplier; some roll over, a few meters are exchanged, a few reads
    never arrive.
    """
    enterprises, count = day_kwh.shape
    multiplier = np.select([scale > 8000, scale > 2500, scale > 800], [400, 100, 20], 1).astype(np.int64)
    steps = np.round(day_kwh / multiplier[:, None] * 100).astype(np.int64)
    limit = 10 ** (REGISTER_DIGITS + 2)
    begin = rng.integers(0, limit // 2, enterprises)
    soon = rng.random(enterprises) < 0.02
    begin = np.where(soon, limit - steps.sum(axis=1) // 2 - 1, begin) % limit
    counter = np.concatenate([begin[:, None], begin[:, None] + np.cumsum(steps, axis=1)], axis=1)
    exchange = np.where(
        rng.random(enterprises) < 0.01, rng.integers(200, count - 200, enterprises) if count > 400 else -1, -1
    )
    ends = np.zeros(enterprises, dtype=np.int64)
    for index in np.flatnonzero(exchange >= 0):
        day = exchange[index]
        ends[index] = counter[index, day] % limit
        counter[index, day + 1 :] -= counter[index, day]
    is_read = rng.random(counter.shape) > 0.002
    middle = np.array([True, *(5 < day.day < 25 for day in days)])
    is_read |= ~middle[None, :]
    is_read[:, 0] = True
    for index in np.flatnonzero(exchange >= 0):
        is_read[index, exchange[index] : exchange[index] + 3] = True
    return Metering(
        np.round(steps * multiplier[:, None] / 100, 2), multiplier, counter % limit, is_read, exchange, ends
    )
