"""Metering of a simulated mall: quarter-hour curves on a real half-hour shape, and registers that agree with
them to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from pipelines.arrays import FloatArray, IntArray
from pipelines.errors import UsageError

POINTS = 96
DECIMALS = 5
SHAPES = Path("shapes", "half_hour_load_shapes.parquet")
# The shape was measured in the southern hemisphere: its summer is half a year away.
SEASON_SHIFT_DAYS = 182
CURVE_HEADER = (
    "ID",
    "DATA_DATE",
    "DATA_TYPE",
    "DATA_POINT_FLAG",
    "DATA_WHOLE_FLAG",
    *(f"P{point}" for point in range(1, POINTS + 1)),
    "INSERT_TIME",
)
READ_HEADER = (
    "ID",
    "READ_TYPE",
    "DATA_DATE",
    "COLL_TIME",
    "R",
    "R1",
    "R2",
    "R3",
    "R4",
    "STATUS",
    "INSERT_TIME",
)
# (DATA_TYPE of the curve, READ_TYPE of the register) of active, lagging and leading; 9 is the project's own
# extension.
CHANNELS = (("1", "1"), ("5", "2"), ("9", "6"))


@dataclass(frozen=True)
class MasterMeter:
    """A mall's master meter and how it is used.

    multiplier         CT ratio x PT ratio. [1]
    mean_kw            Mean power over the real shape before opening hours act. [kW]
    night_share        Power outside opening hours as a share. [1]
    power_factor       Where the lagging reactive energy is drawn from. [1]
    start_register     Register before the first day, all channels. [units before the multiplier]
    """

    meter_point_id: str
    meter_id: str
    multiplier: int
    mean_kw: float
    night_share: float
    opens_slot: int
    closes_slot: int
    power_factor: float
    start_register: int


@dataclass(frozen=True)
class MeteredDays:
    """Curves of consecutive days; integers of 0.00001 kW or kvar before the multiplier, (channels, days,
    96).
    """

    meter: MasterMeter
    days: tuple[date, ...]
    power: IntArray

    def energy_kwh(self, first: date, last: date) -> Decimal:
        """Active energy of the days from first to last by the registers. [kWh]"""
        registers = self.registers()[0]
        start, stop = self.days.index(first), self.days.index(last) + 1
        return Decimal(int(registers[stop] - registers[start])).scaleb(-DECIMALS) * self.meter.multiplier

    def registers(self) -> IntArray:
        """Registers at the end of the day before the first and of each day, integers of 0.00001 units,
        (channels, days + 1).
        """
        quarters = self.power.sum(axis=2)  # 0.00001 kW over quarter hours: a fourth of it is 0.00001 kWh
        running = np.concatenate(
            [np.zeros((len(CHANNELS), 1), np.int64), np.cumsum(quarters, axis=1)], axis=1
        )
        return np.asarray(self.meter.start_register * 10**DECIMALS + running // 4)


def real_shape(samples: Path) -> tuple[FloatArray, IntArray]:
    """Relative half-hour loads (days, 48) of ``samples/shapes`` and the weekday of each day, 0 being
    Monday.
    """
    rows = pq.read_table(samples / SHAPES).sort_by(
        [("shape_id", "ascending"), ("day_number", "ascending"), ("slot", "ascending")]
    )
    loads = rows["relative_load_ratio"].to_numpy()
    if len(loads) % 48:
        raise UsageError(
            f"{samples / SHAPES} does not hold whole days of 48 half hours.", "Make the samples again."
        )
    return loads.reshape(-1, 48), rows["weekday"].to_numpy()[::48].astype(np.int64)


def metered_days(
    meter: MasterMeter, days: Sequence[date], shape: tuple[FloatArray, IntArray], rng: np.random.Generator
) -> MeteredDays:
    """Curves of the days: for each the real day of the same weekday and season, opening hours laid over it, a
    little noise.
    """
    loads, weekdays = shape
    real = np.stack([loads[_like_day(day, weekdays)] for day in days])
    quarter = np.repeat(real, 2, axis=1)
    quarter = (quarter + np.roll(quarter, 1, axis=1)) / 2  # half hours joined without steps
    slots = np.arange(POINTS)
    open_share = np.clip((slots - meter.opens_slot + 4) / 4, 0, 1) * np.clip(
        (meter.closes_slot + 4 - slots) / 4, 0, 1
    )
    profile = meter.night_share + (1 - meter.night_share) * open_share
    weekend = np.array([1.08 if day.weekday() >= 5 else 1.0 for day in days])[:, None]
    active = (
        meter.mean_kw
        * quarter
        * profile
        * weekend
        * (1 + 0.02 * rng.standard_normal((len(days), POINTS)).clip(-3, 3))
    )
    tangent = np.tan(np.arccos(meter.power_factor)) * (
        1 + 0.03 * rng.standard_normal((len(days), POINTS)).clip(-3, 3)
    )
    lagging = active * tangent * (0.35 + 0.65 * open_share)
    leading = active * 0.01 * (1 - open_share)
    power = np.rint(np.stack([active, lagging, leading]) / meter.multiplier * 10**DECIMALS).astype(np.int64)
    return MeteredDays(meter, tuple(days), power)


def _like_day(day: date, weekdays: IntArray) -> int:
    wanted = (day.timetuple().tm_yday + SEASON_SHIFT_DAYS) % 365
    candidates = np.flatnonzero(weekdays == day.weekday())
    away = np.abs(candidates % 365 - wanted)
    return int(candidates[np.argmin(np.minimum(away, 365 - away))])


def curve_rows(metered: MeteredDays, first: date, last: date) -> Iterator[tuple[str, ...]]:
    """Rows of E_MP_POWER_CURVE of the days from first to last."""
    for number, day in enumerate(metered.days):
        if first <= day <= last:
            for channel, (data_type, _) in enumerate(CHANNELS):
                points = [_fixed(int(value)) for value in metered.power[channel, number]]
                yield (
                    metered.meter.meter_point_id,
                    day.isoformat(),
                    data_type,
                    "1",
                    "1" * POINTS,
                    *points,
                    _sent(day),
                )


def read_rows(metered: MeteredDays, first: date, last: date) -> Iterator[tuple[str, ...]]:
    """Rows of E_MP_DAY_READ: registers at the end of each day; before the first day of all, one that closes
    the day before.
    """
    registers = metered.registers()
    closing = [metered.days[0] - timedelta(days=1), *metered.days]
    for number, day in enumerate(closing):
        if first <= day <= last or (number == 0 and first == metered.days[0]):
            for channel, (_, read_type) in enumerate(CHANNELS):
                taken = f"{(day + timedelta(days=1)).isoformat()} 00:00:00"
                register = _fixed(int(registers[channel, number]))
                yield (
                    metered.meter.meter_point_id,
                    read_type,
                    day.isoformat(),
                    taken,
                    register,
                    "",
                    "",
                    "",
                    "",
                    "",
                    _sent(day),
                )


def _fixed(value: int) -> str:
    return f"{Decimal(value).scaleb(-DECIMALS):.{DECIMALS}f}"


def _sent(day: date) -> str:
    return f"{(day + timedelta(days=1)).isoformat()} 01:10:00"
