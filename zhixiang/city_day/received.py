"""Simulated received curves of one day of a city, with planted faults, and the profiles that were kept of the
days before.

Loads are made from four shapes, a level per meter and noise; of the slots 2 % are missing (half in short
gaps, half in long ones), 0.2 % are
spikes of 20 to 100 times and 0.1 % negative; one day in two hundred was sent before with wrong values.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.codes import Channel, CurveMeasure, DayType
from pipelines.periods import EPOCH
from pipelines.storage.data_files import WrittenFile, write_files
from zhixiang.city_day.tables import SimulatedDayProfiles

SLOTS = 96
DAY = date(2026, 9, 16)
DAY_TYPE = DayType.WORKING_DAY
METERS_PER_FILE = 25_000
MULTIPLIERS = (1.0, 1.0, 1.0, 20.0, 40.0)
CAPACITY_MARGIN = 200.0
"""Capacity as a multiple of the mean load: wide, so that a spike is found by its shape."""


@dataclass(frozen=True)
class PlantedFaults:
    """Faults in the curves that count, by kind, in slots; ``sent_twice`` in meter days."""

    missing: int
    spikes: int
    negatives: int
    sent_twice: int

    def as_dict(self) -> dict[str, int]:
        """For JSON."""
        return asdict(self)


def area_name(number: int) -> str:
    """Name of a collection area."""
    return f"A{number:05d}"


def meter_ids(first: int, count: int) -> pa.Array:
    """Meter points from a number on; they say that they are simulated."""
    return pa.array([f"SIM-DAY-{number:08d}" for number in range(first, first + count)])


def meter_number(meter_point_id: str) -> int:
    """The number in a simulated meter point's name."""
    return int(meter_point_id.rsplit("-", 1)[1])


def make_area(
    folder: Path, profiles: str, number: int, first: int, count: int, seed: int
) -> tuple[PlantedFaults, WrittenFile]:
    """Writes the received file and the profiles of one area, with a file of truth beside them that the run
    never reads.

    folder    Gets ``received/AREA.parquet`` and ``truth/AREA.npz``.
    profiles  Folder of the table of profiles.
    """
    random = np.random.default_rng([seed, number])
    likely, multiplier = _likely(random, count)
    energy = likely * random.uniform(0.8, 1.2, (count, SLOTS))
    raw = np.round(energy / multiplier[:, None], 4)
    missing = _gaps(random, count)
    chance = random.random((count, SLOTS))
    spikes, negatives = (
        (chance < 0.002) & ~missing & (raw > 0),
        (chance >= 0.002) & (chance < 0.003) & ~missing & (raw > 0),
    )
    raw[spikes] = np.round(raw[spikes] * random.uniform(20, 100, int(spikes.sum())), 4)
    raw[negatives] = -raw[negatives]
    raw[missing] = np.nan
    again = np.flatnonzero(random.random(count) < 0.005)
    ids = meter_ids(first, count)
    _write_received(folder, area_name(number), ids, raw, again, random)
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        folder / "truth" / f"{area_name(number)}.npz",
        spikes=np.packbits(spikes),
        negatives=np.packbits(negatives),
        missing=np.packbits(missing),
    )
    faults = PlantedFaults(int(missing.sum()), int(spikes.sum()), int(negatives.sum()), again.size)
    return faults, _write_profiles(profiles, area_name(number), ids, likely, multiplier)


def _likely(random: np.random.Generator, count: int) -> tuple[FloatArray, FloatArray]:
    """(meters x slots) mean of like-days [kWh], and the multipliers."""
    hours = np.arange(SLOTS) / 4.0
    shapes = np.stack(
        [
            0.35 + 0.9 * np.exp(-((hours - 19.5) ** 2) / 6) + 0.4 * np.exp(-((hours - 7.5) ** 2) / 3),
            0.25 + 1.1 / (1 + np.exp(-(hours - 8) * 2)) / (1 + np.exp((hours - 18) * 2)),
            0.9 + 0.1 * np.sin(hours / 24 * 2 * np.pi),
            0.3 + 0.8 / (1 + np.exp(-(hours - 10) * 3)) / (1 + np.exp((hours - 21.5) * 3)),
        ]
    )
    shape = shapes[random.integers(0, len(shapes), count)] * random.uniform(0.9, 1.1, (count, SLOTS))
    multiplier = np.array(MULTIPLIERS)[random.integers(0, len(MULTIPLIERS), count)]
    level = random.lognormal(0.0, 0.8, count) * multiplier
    return np.round(shape * level[:, None], 3), multiplier


def _gaps(random: np.random.Generator, count: int) -> BoolArray:
    missing: BoolArray = np.zeros((count, SLOTS), dtype=np.bool_)
    place = np.arange(SLOTS)
    for low, high in ((1, 8), (12, SLOTS)):
        rows = np.flatnonzero(random.random(count) < 0.01 * SLOTS / ((low + high) / 2))
        width = random.integers(low, high + 1, rows.size)
        begin = np.floor(random.random(rows.size) * (SLOTS - width + 1)).astype(np.int64)
        missing[rows] |= (place >= begin[:, None]) & (place < (begin + width)[:, None])
    return missing


def _write_received(
    folder: Path, area: str, ids: pa.Array, raw: FloatArray, again: IntArray, random: np.random.Generator
) -> None:
    """One file in the project's declared shape, in the order of upload."""
    count = raw.shape[0]
    meter = np.concatenate([np.arange(count), again])
    values = np.concatenate([raw, raw[again] * 1.5])
    midnight = ((DAY - EPOCH).days + 1) * 86_400_000_000
    first_sent: IntArray = np.asarray(midnight + 7_200_000_000 + random.integers(0, 3_600_000_000, count))
    sent = np.concatenate(
        [first_sent, first_sent[again] - random.integers(60_000_000, 7_000_000_000, again.size)]
    )
    order = np.argsort(sent, kind="stable")
    flat = values[order].reshape(-1)
    rows = order.size
    lists = pa.ListArray.from_arrays(
        pa.array(np.arange(0, rows * SLOTS + 1, SLOTS, dtype=np.int32)), pa.array(flat, from_pandas=True)
    )
    columns: dict[str, Any] = {
        "meter_point_id": ids.take(pa.array(meter[order])),
        "channel_code": pa.repeat(pa.scalar(Channel.ACTIVE_FORWARD.value), rows),
        "curve_date": pa.repeat(pa.scalar(DAY, pa.date32()), rows),
        "interval_minutes": pa.repeat(pa.scalar(15, pa.int32()), rows),
        "measure_code": pa.repeat(pa.scalar(CurveMeasure.ENERGY.value), rows),
        "values_unscaled": lists,
        "present_flags": pa.nulls(rows, pa.string()),
        "sender_quality_codes": pa.nulls(rows, pa.list_(pa.string())),
        "sent_at": pa.array(sent[order]).cast(pa.timestamp("us")),
    }
    (folder / "received").mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.table(columns), folder / "received" / f"{area}.parquet", compression="zstd", compression_level=1
    )


def _write_profiles(
    root: str, area: str, ids: pa.Array, likely: FloatArray, multiplier: FloatArray
) -> WrittenFile:
    count = likely.shape[0]
    padded = np.pad(likely, ((0, 0), (2, 2)), mode="edge")
    usual = np.round(np.max([padded[:, shift : shift + SLOTS] for shift in range(5)], axis=0) * 1.15, 3)
    offsets = pa.array(np.arange(0, count * SLOTS + 1, SLOTS, dtype=np.int32))
    level = likely.mean(axis=1)
    rows = pa.table(
        {
            "meter_point_id": ids,
            "day_type_code": pa.repeat(pa.scalar(DAY_TYPE.value), count),
            "usual_kwh": pa.ListArray.from_arrays(offsets, pa.array(usual.astype(np.float32).reshape(-1))),
            "likely_kwh": pa.ListArray.from_arrays(offsets, pa.array(likely.astype(np.float32).reshape(-1))),
            "level_kwh": pa.array(level),
            "capacity_kva": pa.array(level * 4 * CAPACITY_MARGIN),
            "multiplier_ratio": pa.array(multiplier),
            "collection_area": pa.repeat(pa.scalar(area), count),
        }
    )
    # In the order of the received rows: laid out by hash, every value of the day would be gathered from
    # another place.
    return write_files(rows, SimulatedDayProfiles, root, quick=True)[0]


def next_day() -> date:
    """The local day on which the checks run."""
    return DAY + timedelta(days=1)
