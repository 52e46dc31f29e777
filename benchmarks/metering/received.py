"""Seeded received files with known faults: long rows in upload order, and the same loads as 96-point curves.

Everything here is simulated. Shares of faults: 2 % of the slots missing (half in short gaps of 1 to 8, half
in long ones of 12 to 288),
0.5 % sent twice with a corrected value, 0.2 % spikes of 20 to 100 times, 0.1 % negative, 1 % late by one to
five days; one meter in a
hundred is exchanged for one with another multiplier; now and then a meter rests at zero.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipelines.arrays import BoolArray, FloatArray, IntArray

SLOTS = 96
SLOT_MICROSECONDS = 900_000_000
DAY_MICROSECONDS = SLOTS * SLOT_MICROSECONDS
FIRST_DAY = date(2025, 1, 1)
LATE_DAYS = 5
MULTIPLIERS = (1.0, 10.0, 20.0, 40.0, 1000.0)

LONG_SCHEMA = pa.schema(
    [
        ("meter_id", pa.string()),
        ("ts", pa.timestamp("us")),
        ("kwh", pa.float64()),
        ("kvarh", pa.float64()),
        ("quality", pa.int8()),
        ("received_at", pa.timestamp("us")),
    ]
)


@dataclass(frozen=True)
class Shares:
    """How often each fault is planted, as a share of all slots (of the meters for exchanges, of the meter
    days for rests).
    """

    missing: float = 0.02
    resent: float = 0.005
    spike: float = 0.002
    negative: float = 0.001
    late: float = 0.01
    exchanged: float = 0.01
    resting: float = 0.003


@dataclass(frozen=True)
class Planted:
    """What was made: rows on disk and faults in them."""

    meters: int
    days: int
    rows: int
    bytes_on_disk: int
    missing: int
    resent: int
    spikes: int
    negatives: int
    late: int
    exchanges: int

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def meter_names(meters: int) -> list[str]:
    return [f"M{number:07d}" for number in range(meters)]


class Loads:
    """True loads and faults of all meters; one day at a time.

    meters  Number of meters; the seed and the number fix every value.
    """

    def __init__(self, meters: int, days: int, seed: int, shares: Shares | None = None) -> None:
        self.meters, self.days, self.seed, self.shares = meters, days, seed, shares or Shares()
        random = np.random.default_rng([seed, 0])
        hours = np.arange(SLOTS) / 4.0
        kinds = np.stack(
            [
                0.35 + 0.9 * np.exp(-((hours - 19.5) ** 2) / 6) + 0.4 * np.exp(-((hours - 7.5) ** 2) / 3),
                0.25 + 1.1 / (1 + np.exp(-(hours - 8) * 2)) / (1 + np.exp((hours - 18) * 2)),
                0.9 + 0.1 * np.sin(hours / 24 * 2 * np.pi),
                0.3 + 0.8 / (1 + np.exp(-(hours - 10) * 3)) / (1 + np.exp((hours - 21.5) * 3)),
            ]
        )
        self._shape = kinds[random.integers(0, len(kinds), meters)] * random.uniform(
            0.9, 1.1, (meters, SLOTS)
        )
        self._level = random.lognormal(0.0, 0.8, meters)
        self._weekend = random.uniform(0.4, 1.1, meters)
        self._tangent = random.uniform(0.1, 0.6, meters)
        self.missing = _gaps(random, meters, days * SLOTS, self.shares.missing)
        self.first_multiplier = np.array(MULTIPLIERS)[random.integers(0, len(MULTIPLIERS), meters)]
        exchanged = np.sort(
            random.choice(meters, max(1, round(meters * self.shares.exchanged)), replace=False)
        )
        self.exchanges = [
            (
                int(meter),
                int(random.integers(days // 4, max(days // 4 + 1, 3 * days // 4))),
                float(random.choice(MULTIPLIERS)),
            )
            for meter in exchanged
        ]

    def day(self, number: int) -> tuple[FloatArray, FloatArray, BoolArray, BoolArray]:
        """(meters x slots): kWh and kvarh before the multiplier as the meter shows them, and where a spike
        and a negative were planted.
        """
        random = np.random.default_rng([self.seed, 1, number])
        day = FIRST_DAY + timedelta(days=number)
        season = 1 + 0.25 * np.cos((number - 15) / 365 * 2 * np.pi)
        weekly = np.where(day.weekday() >= 5, self._weekend, 1.0)
        noise = random.uniform(0.8, 1.2, (self.meters, SLOTS))
        kwh = np.round(
            self._shape * (self._level * weekly * season * self._shown(number))[:, None] * noise, 4
        )
        kwh[random.random(self.meters) < self.shares.resting] = 0.0
        kvarh = np.round(kwh * self._tangent[:, None], 4)
        chance = random.random((self.meters, SLOTS))
        spikes = chance < self.shares.spike
        negatives = (chance >= self.shares.spike) & (chance < self.shares.spike + self.shares.negative)
        kwh[spikes] = np.round(kwh[spikes] * random.uniform(20, 100, int(spikes.sum())), 4)
        kwh[negatives] = -kwh[negatives]
        return kwh, kvarh, spikes, negatives

    def _shown(self, number: int) -> FloatArray:
        """(meters) what a meter shows of the energy, relative to the first meter in its place: another
        multiplier changes the reading.
        """
        ratio = np.ones(self.meters)
        for meter, day, multiplier in self.exchanges:
            if number >= day:
                ratio[meter] = self.first_multiplier[meter] / multiplier
        return ratio


def _gaps(random: np.random.Generator, meters: int, slots: int, share: float) -> BoolArray:
    """(meters x slots) true where nothing will ever come; half of the share in short gaps, half in long
    ones.
    """
    missing = np.zeros((meters, slots), dtype=np.bool_)
    for low, high in ((1, 8), (12, 288)):
        count = round(meters * slots * share / 2 / ((low + high) / 2))
        meter, begin = random.integers(0, meters, count), random.integers(0, slots, count)
        length = random.integers(low, high + 1, count)
        for row, first, width in zip(meter.tolist(), begin.tolist(), length.tolist(), strict=True):
            missing[row, first : first + width] = True
    return missing


def write_meters(loads: Loads, path: Path) -> None:
    """The meters with their multiplier and the days from and to which it holds, both inclusive."""
    names = meter_names(loads.meters)
    end = FIRST_DAY + timedelta(days=loads.days - 1)
    last = dict.fromkeys(range(loads.meters), end)
    rows = []
    for meter, day, multiplier in loads.exchanges:
        exchanged = FIRST_DAY + timedelta(days=day)
        last[meter] = exchanged - timedelta(days=1)
        rows.append((names[meter], exchanged, end, multiplier))
    rows += [
        (names[meter], FIRST_DAY, last[meter], float(loads.first_multiplier[meter]))
        for meter in range(loads.meters)
    ]
    rows.sort()
    columns = [[row[place] for row in rows] for place in range(4)]
    schema = pa.schema(
        [
            ("meter_id", pa.string()),
            ("valid_from", pa.date32()),
            ("valid_to", pa.date32()),
            ("multiplier", pa.float64()),
        ]
    )
    pq.write_table(pa.table(dict(zip(schema.names, columns, strict=True)), schema=schema), path)


def write_long(loads: Loads, folder: Path) -> Planted:
    """One Parquet file a received day: every meter uploads each hour, after a delay of its own; rows stand in
    the order of their upload.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = pa.array(meter_names(loads.meters))
    waiting: list[list[NDArray[np.int64 | np.float64]]] = [[] for _ in range(loads.days + LATE_DAYS + 1)]
    counts = dict.fromkeys(("rows", "resent", "spikes", "negatives", "late"), 0)
    for number in range(loads.days + LATE_DAYS + 1):
        if number < loads.days:
            _upload(loads, number, waiting, counts)
        parts = waiting[number]
        waiting[number] = []
        if not parts:
            continue
        meter, slot, kwh, kvarh, quality, received = (
            np.concatenate([part[place] for part in parts]) for place in range(6)
        )
        order = np.argsort(received, kind="stable")
        start = (FIRST_DAY - date(1970, 1, 1)).days * DAY_MICROSECONDS
        rows = pa.table(
            [
                names.take(pa.array(meter[order])),
                pa.array(start + slot[order] * SLOT_MICROSECONDS).cast(pa.timestamp("us")),
                pa.array(kwh[order]),
                pa.array(kvarh[order]),
                pa.array(quality[order].astype(np.int8)),
                pa.array(start + received[order]).cast(pa.timestamp("us")),
            ],
            schema=LONG_SCHEMA,
        )
        pq.write_table(
            rows, folder / f"received_{number:04d}.parquet", compression="zstd", compression_level=1
        )
        counts["rows"] += rows.num_rows
    return _planted(loads, folder, counts)


def _upload(loads: Loads, number: int, waiting: list[list], counts: dict[str, int]) -> None:  # type: ignore[type-arg]
    """Puts the rows of a day into the files in which they will arrive."""
    kwh, kvarh, spikes, negatives = loads.day(number)
    random = np.random.default_rng([loads.seed, 2, number])
    present = ~loads.missing[:, number * SLOTS : (number + 1) * SLOTS]
    # Microseconds since the first day: end of the hour, and what the way takes; all rows of a meter's hour
    # come together.
    delay = random.integers(60_000_000, 1_500_000_000, (loads.meters, 24))
    hour = np.arange(SLOTS) // 4
    received = number * DAY_MICROSECONDS + (hour + 1) * 3_600_000_000 + delay[:, hour]
    late = (random.random(present.shape) < loads.shares.late) & present
    resent = (random.random(present.shape) < loads.shares.resent) & present
    quality = (random.random(present.shape) < 0.001).astype(np.int8)
    meter, slot = np.nonzero(present)
    late_rows, resent_rows = late[present], resent[present]
    behind = np.where(late_rows, random.integers(1, LATE_DAYS + 1, meter.size), 0)
    arrives = received[present] + behind * DAY_MICROSECONDS
    value = kwh[present]
    wrong = np.where(resent_rows, np.round(value * random.uniform(0.5, 1.5, value.size), 4), value)
    columns = (meter, number * SLOTS + slot, wrong, kvarh[present], quality[present], arrives)
    again = np.flatnonzero(resent_rows)
    # Half of the corrections follow within the hour, half the next day.
    later = np.where(random.random(again.size) < 0.5, 1_800_000_000, DAY_MICROSECONDS) + random.integers(
        0, 60_000_000, again.size
    )
    corrected = (
        meter[again],
        number * SLOTS + slot[again],
        value[again],
        kvarh[present][again],
        quality[present][again],
        arrives[again] + later,
    )
    for rows in (columns, corrected):
        # What arrives shortly after midnight still belongs to the file of the day before.
        file_of = np.minimum((rows[5] - 3_600_000_000) // DAY_MICROSECONDS, len(waiting) - 1)
        for day in np.unique(file_of).tolist():
            chosen = file_of == day
            waiting[day].append([column[chosen] for column in rows])
    counts["late"] += int(late_rows.sum())
    counts["resent"] += again.size
    counts["spikes"] += int((spikes & present).sum())
    counts["negatives"] += int((negatives & present).sum())


def _planted(loads: Loads, folder: Path, counts: dict[str, int]) -> Planted:
    return Planted(
        meters=loads.meters,
        days=loads.days,
        rows=counts["rows"],
        bytes_on_disk=sum(path.stat().st_size for path in folder.glob("*.parquet")),
        missing=int(loads.missing.sum()),
        resent=counts["resent"],
        spikes=counts["spikes"],
        negatives=counts["negatives"],
        late=counts["late"],
        exchanges=len(loads.exchanges),
    )


def write_curves(loads: Loads, folder: Path) -> Planted:
    """The same loads as received curves in the project's declared shape: one row per meter and day, one
    Parquet file a received day.

    Here a day is sent again or late as a whole: a day with any corrected interval would be sent again, so the
    shares hold per day.
    """
    from pipelines.codes import Channel, CurveMeasure

    folder.mkdir(parents=True, exist_ok=True)
    names = pa.array(meter_names(loads.meters))
    counts = dict.fromkeys(("rows", "resent", "spikes", "negatives", "late"), 0)
    waiting: list[list[tuple[IntArray, int, FloatArray, IntArray]]] = [
        [] for _ in range(loads.days + LATE_DAYS + 1)
    ]
    for number in range(loads.days + LATE_DAYS + 1):
        if number < loads.days:
            kwh, _, spikes, negatives = loads.day(number)
            random = np.random.default_rng([loads.seed, 3, number])
            missing = loads.missing[:, number * SLOTS : (number + 1) * SLOTS]
            kwh[missing] = np.nan
            counts["spikes"] += int((spikes & ~missing).sum())
            counts["negatives"] += int((negatives & ~missing).sum())
            sent = ~missing.all(axis=1)
            chance = random.random(loads.meters)
            late = sent & (chance < loads.shares.late)
            again = np.flatnonzero(
                sent & (chance >= loads.shares.late) & (chance < loads.shares.late + loads.shares.resent)
            )
            behind = np.where(late, random.integers(1, LATE_DAYS + 1, loads.meters), 0)
            counts["late"] += int(late.sum())
            counts["resent"] += again.size
            order = random.permutation(np.flatnonzero(sent))
            sent_at = (
                (number + 1) * DAY_MICROSECONDS
                + behind * DAY_MICROSECONDS
                + random.integers(60_000_000, 7_200_000_000, loads.meters)
            )
            wrong = kwh.copy()
            wrong[again] = np.round(wrong[again] * 1.5, 4)
            for day in np.unique(behind[order]).tolist():
                rows = order[behind[order] == day]
                waiting[number + day].append((rows, number, wrong[rows], sent_at[rows]))
            if again.size:
                waiting[number + 1].append((again, number, kwh[again], sent_at[again] + DAY_MICROSECONDS))
        parts = waiting[number]
        waiting[number] = []
        if not parts:
            continue
        meter = np.concatenate([part[0] for part in parts])
        day = (
            np.concatenate([np.full(part[0].size, part[1]) for part in parts])
            + (FIRST_DAY - date(1970, 1, 1)).days
        )
        values = np.concatenate([part[2] for part in parts])
        sent_at = (
            np.concatenate([part[3] for part in parts])
            + (FIRST_DAY - date(1970, 1, 1)).days * DAY_MICROSECONDS
        )
        rows = meter.size
        flat = values.reshape(-1)
        lists = pa.ListArray.from_arrays(
            pa.array(np.arange(0, rows * SLOTS + 1, SLOTS, dtype=np.int32)),
            pa.array(flat, mask=np.isnan(flat)),
        )
        table = pa.table(
            {
                "meter_point_id": names.take(pa.array(meter)),
                "channel_code": pa.array([Channel.ACTIVE_FORWARD.value] * rows),
                "curve_date": pa.array(day.astype(np.int32)).cast(pa.date32()),
                "interval_minutes": pa.array(np.full(rows, 15, dtype=np.int32)),
                "measure_code": pa.array([CurveMeasure.ENERGY.value] * rows),
                "values_unscaled": lists,
                "present_flags": pa.nulls(rows, pa.string()),
                "sender_quality_codes": pa.nulls(rows, pa.list_(pa.string())),
                "sent_at": pa.array(sent_at).cast(pa.timestamp("us")),
            }
        )
        pq.write_table(
            table, folder / f"received_{number:04d}.parquet", compression="zstd", compression_level=1
        )
        counts["rows"] += rows
    return _planted(loads, folder, counts)
