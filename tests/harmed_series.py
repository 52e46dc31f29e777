"""Loads, and what people's files do to them: the truth beside the files that hide it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

FIRST = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday; stamps are written without a zone."""
Values = np.ndarray


@dataclass(frozen=True)
class Told:
    """Files, their mapping, and what they ought to come to.

    files         Text by name.
    mapping       Of long files; empty where all formats are known.
    days_kwh      Energy by channel and local day. [kWh]
    points        Meter points that there are; 0 where no energy makes up for the harm.
    may_lose_kwh  What need not be measured where the harm is named; None: all of it. [kWh]
    flagged       Local days that a check must mark, and the share of them that is enough.
    """

    files: Mapping[str, str]
    mapping: str
    days_kwh: Mapping[str, Mapping[str, float]]
    points: int = 1
    may_lose_kwh: float | None = None
    flagged: tuple[frozenset[str], float] = (frozenset(), 0.0)


@dataclass(frozen=True)
class Load:
    """A load of whole days: a base, a daily shape, noise.

    values    One per interval, in its order. [kWh]
    minutes   Length of an interval. [min]
    """

    values: Values
    minutes: int

    @property
    def slots(self) -> int:
        """Intervals of a day."""
        return 1440 // self.minutes

    @property
    def days(self) -> int:
        """Whole days."""
        return self.values.size // self.slots

    def days_kwh(self, first_day: int = 0) -> dict[str, float]:
        """Energy by day. [kWh]"""
        sums = self.values.reshape(self.days, self.slots).sum(axis=1)
        return {
            str((FIRST + timedelta(days=first_day + day)).date()): float(value)
            for day, value in enumerate(sums)
        }

    def begins(self, first_day: int = 0) -> list[datetime]:
        """The begin of each interval."""
        return [
            FIRST + timedelta(days=first_day, minutes=place * self.minutes)
            for place in range(self.values.size)
        ]

    def of_days(self, first: int, last: int) -> Load:
        """The days from one to another, the last one left out."""
        return Load(self.values[first * self.slots : last * self.slots], self.minutes)


def load(seed: int, days: int, minutes: int, base_kw: float) -> Load:
    """A load that no day repeats: highest in the evening, lower on weekends, never zero."""
    random = np.random.default_rng(seed)
    hours = np.arange(days * 1440 // minutes) * minutes / 60
    shape = (
        1 + 0.5 * np.sin((hours % 24 - 13) / 24 * 2 * np.pi) + 0.4 * np.exp(-((hours % 24 - 19.5) ** 2) / 3)
    )
    week = np.where(hours // 24 % 7 >= 5, 0.85, 1.0)
    level = np.repeat(random.uniform(0.9, 1.1, days), 1440 // minutes)
    noise = random.lognormal(0, 0.08, hours.size)
    return Load(np.round(base_kw * minutes / 60 * shape * week * level * noise, 3), minutes)


def sun(seed: int, days: int, minutes: int, peak_kw: float) -> Load:
    """What a roof feeds in: nothing from 19:00 to 06:00, clouds by the day and by the interval."""
    random = np.random.default_rng(seed)
    hours = np.arange(days * 1440 // minutes) * minutes / 60 % 24
    light = np.where((hours >= 6) & (hours < 19), np.sin((hours + minutes / 120 - 6) / 13 * np.pi), 0.0)
    clouds = np.repeat(random.uniform(0.3, 1.0, days), 1440 // minutes) * random.uniform(0.7, 1.0, hours.size)
    values = np.round(peak_kw * minutes / 60 * np.clip(light, 0, None) * clouds, 3)
    return Load(np.where((light > 0) & (values < 0.002), 0.002, values), minutes)


def household(seed: int, days: int, minutes: int, base_kw: float) -> Load:
    """A home: little at most times, and appliances that run for an interval or two."""
    random = np.random.default_rng(seed)
    quiet = load(seed, days, minutes, base_kw)
    hours = np.arange(quiet.values.size) * minutes / 60 % 24
    likely = np.where((hours > 6) & (hours < 23), 0.10, 0.01)
    runs = random.random(hours.size) < likely
    return Load(
        np.round(quiet.values * (1 + runs * random.uniform(3, 9, hours.size)), 3),
        minutes,
    )


def mapping(
    minutes: int,
    place: str = "interval_start",
    channel: str = "active_forward",
    unit: str = "kWh",
    stamp: str = "",
) -> str:
    """The mapping of a long file with the columns meter, ts and kwh.

    stamp  More keys of ``stamp``, each behind a comma.
    """
    return (
        f"id: told\ninterval_minutes: {minutes}\nmeter_point: {{column: meter}}\n"
        f'stamp: {{column: ts, place: {place}, zone: "+08:00"{stamp}}}\n'
        f"values:\n  - {{column: kwh, unit: {unit}, channel: {channel}}}\n"
    )


def lines(
    begins: Sequence[datetime],
    values: Sequence[object] | Values,
    meter: str = "A",
    form: str = "%Y-%m-%d %H:%M",
) -> list[str]:
    """Lines of a long file; values are written as they are, numbers with three decimals."""
    return [
        f"{meter},{moment.strftime(form)},{value if isinstance(value, str) else f'{value:.3f}'}"
        for moment, value in zip(begins, values, strict=True)
    ]


def text(rows: Sequence[str], more: str = "") -> str:
    """A long file of these lines.

    more  Names of further columns, each behind a comma.
    """
    return "\n".join([f"meter,ts,kwh{more}", *rows]) + "\n"


def curve_rows(of: Load, cuts: Sequence[int], meter: str = "M") -> str:
    """E_MP_POWER_CURVE of quarter hours whose days came in parts, each row with the points since the one
    before.

    cuts  Points after which a row was sent, the last of them 96.
    """
    head = ["ID", "DATA_DATE", "DATA_TYPE", "DATA_POINT_FLAG", "DATA_WHOLE_FLAG"]
    rows = [",".join([*head, *(f"P{point}" for point in range(1, 97)), "INSERT_TIME"])]
    powers = of.values.reshape(of.days, 96) * 4
    for day in range(of.days):
        begin, date = 0, FIRST + timedelta(days=day)
        for cut in cuts:
            sent = [begin <= point < cut for point in range(96)]
            flag = "".join("1" if each else "0" for each in sent)
            cells = [f"{value:.3f}" if each else "" for value, each in zip(powers[day], sent, strict=True)]
            told = date + timedelta(minutes=15 * cut + 10)
            rows.append(
                ",".join([meter, f"{date:%Y-%m-%d}", "1", "1", flag, *cells, f"{told:%Y-%m-%d %H:%M:%S}"])
            )
            begin = cut
    return "\n".join(rows) + "\n"


def register_files(of: Load, meter: str, capacity_kva: float) -> dict[str, str]:
    """meter_points and daily reads that tell the truth of a load."""
    point = (
        "meter_point_id,valid_from_date,customer_id,meter_id,multiplier_ratio,register_digits,"
        "register_decimals,start_register_unscaled,previous_end_register_unscaled,capacity_kva,provenance,"
        f"sent_at\n{meter},2026-02-01,C1,METER-A,1,8,3,0,,{capacity_kva:g},real,2026-02-01 08:00:00\n"
    )
    reads, register = ["ID,READ_TYPE,DATA_DATE,COLL_TIME,R,R1,R2,R3,R4,STATUS,INSERT_TIME"], 1000.0
    for day, energy in enumerate([0.0, *of.days_kwh().values()]):
        register += energy
        date = FIRST + timedelta(days=day - 1)
        end = date + timedelta(days=1)
        reads.append(
            f"{meter},1,{date:%Y-%m-%d},{end:%Y-%m-%d} 00:00:00,{register:.3f},,,,,,{end:%Y-%m-%d} 01:00:00"
        )
    return {"meter_points.csv": point, "reads.csv": "\n".join(reads) + "\n"}
