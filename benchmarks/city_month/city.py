"""What is drawn of a part of the city before its tables are written: load, payments, terms, curves.

Load, health and payments are those of the simulated city of the demo. A tenth of the customers have a
two-part price and a curve; a tenth change their capacity inside the billed month.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.periods import BillingMonth
from zhixiang.simulation.city_health import simulate_health, simulate_payments
from zhixiang.simulation.city_load import real_shapes, simulate_metering
from zhixiang.simulation.city_records import simulate_capacity
from zhixiang.simulation.city_shape import City

BILLED = BillingMonth(2026, 9)
HISTORY_MONTHS = 13
"""Months of days and payments: a change against the year before needs the month twelve before."""
METERED_MONTHS = 3
"""Months of determinants: those whose demands an advised contract demand is tried on."""
CUSTOMERS_PER_BLOCK = 12_500
SLOTS = 96
_TWO_PART_DAY_KWH, _SINGLE_PART_DAY_KWH = 6_000.0, 1_500.0
"""A two-part customer uses so much a day at least, another at most."""
_TWO_PART_LEAST_KVA, _SINGLE_PART_MOST_KVA = 350, 250
_CURVE_FILES = ("half_hour_load_shapes.parquet", "hourly_load_shapes.parquet")


@dataclass(frozen=True)
class Block:
    """Some customers of the city. Days are those of ``city.days``.

    numbers    Number of each customer.
    city       Load, health and payments; ``metering.day_kwh`` in whole steps of the meter.
    step       Smallest step of each meter, in hundredths of a kWh.
    day_steps  Energy in such steps. (customers x days)
    capacity   At first. [kVA]
    running    From the day of the change on. [kVA]
    cut        Days of the billed month before the change; all of them where nothing changes.
    has_curve  Who has a two-part price and a curve.
    shape      Place of each customer's first day among the days of ``load_days``.
    power_factor  Where reactive energy is drawn from; of those with a curve.
    """

    numbers: IntArray
    city: City
    step: IntArray
    day_steps: IntArray
    capacity: IntArray
    running: IntArray
    cut: IntArray
    has_curve: BoolArray
    shape: IntArray
    power_factor: FloatArray

    @property
    def changes(self) -> BoolArray:
        """Whose terms change inside the billed month."""
        return self.cut < BILLED.day_count

    def days_of(self, month: BillingMonth) -> slice:
        """Places of a month's days."""
        first = (month.first_day - self.city.days[0]).days
        return slice(first, first + month.day_count)

    def is_open(self, month: BillingMonth) -> BoolArray:
        """Whose account is not closed in a month."""
        return self.city.health.closed > self.city.months.index(month)


def months_until(last: BillingMonth, count: int) -> tuple[BillingMonth, ...]:
    """So many months, the last of them given."""
    return tuple(last.plus(offset - count + 1) for offset in range(count))


def draw_block(
    samples: Path,
    seed: int,
    first: int,
    count: int,
    months: int = HISTORY_MONTHS,
    last: BillingMonth = BILLED,
) -> Block:
    """Customers ``first`` to ``first + count``; the same arguments give the same block."""
    rng = np.random.default_rng([seed, first])
    span = months_until(last, months)
    days = tuple(day for month in span for day in month.days)
    numbers = np.arange(first, first + count)
    has_curve = numbers % 10 == 0
    health = simulate_health(rng, count, months)
    metering = simulate_metering(rng, real_shapes(samples), health, span, days)
    mean = np.maximum(metering.day_kwh.mean(axis=1), 1.0)
    wanted = np.where(has_curve, np.maximum(mean, _TWO_PART_DAY_KWH), np.minimum(mean, _SINGLE_PART_DAY_KWH))
    multiplier = np.select([wanted > 8000, wanted > 2500, wanted > 800], [400, 100, 20], 1)
    day_steps = np.rint(metering.day_kwh * (wanted / mean / multiplier)[:, None] * 100).astype(np.int64)
    metering = replace(
        metering, day_kwh=day_steps * (multiplier[:, None] / 100), multiplier=multiplier.astype(np.int64)
    )
    payments = simulate_payments(rng, health, metering.month_kwh(span, days), span)
    city = City([customer_id(number) for number in numbers], span, days, health, metering, payments)
    capacity = simulate_capacity(city, rng)
    capacity = np.where(
        has_curve, np.maximum(2 * capacity, _TWO_PART_LEAST_KVA), np.minimum(capacity, _SINGLE_PART_MOST_KVA)
    )
    changes = (numbers // 10) % 10 == 3
    cut = np.where(changes, rng.integers(3, BILLED.day_count - 3, count), BILLED.day_count)
    starts = _starts(samples, days_before(span, METERED_MONTHS)[0].weekday())
    return Block(
        numbers=numbers,
        city=city,
        step=multiplier.astype(np.int64),
        day_steps=day_steps,
        capacity=capacity,
        running=np.where(changes, capacity - capacity // 5, capacity),
        cut=cut,
        has_curve=has_curve,
        shape=starts[rng.integers(0, len(starts), count)],
        power_factor=rng.uniform(0.82, 0.97, count),
    )


def customer_id(number: int) -> str:
    """Name of a customer; it says that it is simulated."""
    return f"SIM-MONTH-{number:07d}"


def meter_point_id(number: int) -> str:
    """Name of a customer's meter point."""
    return f"MP-{customer_id(number)}"


def days_before(span: Sequence[BillingMonth], count: int) -> tuple[date, ...]:
    """Days of the last so many months."""
    return tuple(day for month in span[-count:] for day in month.days)


def curves_of(block: Block, samples: Path, month: BillingMonth) -> FloatArray:
    """Energy of each quarter hour of a month of those with a curve: a sample's days, each scaled to the
    customer's own day. [kWh] (customers with a curve x days x 96)
    """
    loads, _ = load_days(samples)
    began = days_before(block.city.months, METERED_MONTHS)[0]
    days = np.arange(month.day_count) + (month.first_day - began).days
    shapes = loads[block.shape[block.has_curve][:, None] + days[None, :]]
    own = block.city.metering.day_kwh[block.has_curve, block.days_of(month)]
    return np.asarray(shapes * own[:, :, None])


@cache
def load_days(samples: Path) -> tuple[FloatArray, IntArray]:
    """Days of the load samples as shares of each day in quarter hours, and the weekday of each, 0 being
    Monday; sample after sample. (days x 96), (days)
    """
    parts, weekdays = [], []
    for name in _CURVE_FILES:
        rows = pq.read_table(samples / "shapes" / name).sort_by(
            [(column, "ascending") for column in ("shape_id", "day_number", "slot")]
        )
        slots = int(rows["slot"].to_numpy().max()) + 1
        loads = np.maximum(rows["relative_load_ratio"].to_numpy().reshape(-1, slots), 0.0)
        parts.append(np.repeat(loads, SLOTS // slots, axis=1))
        weekdays.append(rows["weekday"].to_numpy().reshape(-1, slots)[:, 0])
    loads = np.concatenate(parts) + 1e-6
    return loads / loads.sum(axis=1, keepdims=True), np.concatenate(weekdays).astype(np.int64)


def _starts(samples: Path, weekday: int) -> IntArray:
    """Places among ``load_days`` from which the months with curves follow in the right order of weekdays."""
    _, weekdays = load_days(samples)
    needed = len(days_before(months_until(BILLED, METERED_MONTHS), METERED_MONTHS))
    wanted = (weekday + np.arange(needed)) % 7
    places = np.arange(len(weekdays) - needed)
    follow = np.array([(weekdays[place : place + needed] == wanted).all() for place in places])
    return places[follow]
