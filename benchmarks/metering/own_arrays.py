"""Between Arrow and dense (meters x slots) arrays: what the workers of the project's own chain do with long
rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.metering.rules import SLOTS
from pipelines.arrays import ByteArray, FloatArray, Int8Array, Int32Array, IntArray

NEVER = np.iinfo(np.int32).min
"""Stands where no reading was received."""
DAY_MICROSECONDS = 86_400_000_000
SLOT_MICROSECONDS = DAY_MICROSECONDS // SLOTS
# A day with fewer first readings than this is kept as single readings instead of arrays.
FEW_READINGS = 24


@dataclass(frozen=True)
class LongRows:
    """Rows of received files as flat arrays; ``slot`` counts from 1970-01-01, ``received`` from the local day
    of the reading. [s]
    """

    meter: Int32Array
    slot: IntArray
    active: FloatArray
    reactive: FloatArray
    quality: Int8Array
    received: Int32Array


def read_long(path: str, meters: pa.Array) -> LongRows:
    """One received file.

    meters  Names of all known meters; a row's meter becomes its place in them.
    """
    rows = pq.ParquetFile(path, read_dictionary=["meter_id"]).read(use_threads=False)
    codes = [
        pc.index_in(chunk.dictionary, meters).to_numpy().astype(np.int32)[chunk.indices.to_numpy()]
        for chunk in rows["meter_id"].chunks
    ]
    stamp, received = (_flat(rows[name].cast(pa.int64())) for name in ("ts", "received_at"))
    day = stamp // DAY_MICROSECONDS
    return LongRows(
        np.concatenate(codes),
        stamp // SLOT_MICROSECONDS,
        _flat(rows["kwh"]),
        _flat(rows["kvarh"]),
        _flat(rows["quality"]),
        ((received - day * DAY_MICROSECONDS) // 1_000_000).astype(np.int32),
    )


def _flat(column: pa.ChunkedArray) -> NDArray:  # type: ignore[type-arg]
    return np.asarray(column.chunk(0).to_numpy() if column.num_chunks == 1 else column.to_numpy())


@dataclass(frozen=True)
class Gathered:
    """(meters x days x slots) first readings, NEVER received where there is none, and all further readings
    row by row.
    """

    first_day: int
    active: FloatArray
    reactive: FloatArray
    quality: Int8Array
    received: Int32Array
    further: LongRows


def gather(files: Sequence[LongRows], meters: int) -> Gathered:
    """Lays the rows of several files out by meter, day and slot."""
    first_day = min(int(rows.slot.min()) for rows in files) // SLOTS
    days = max(int(rows.slot.max()) for rows in files) // SLOTS - first_day + 1
    shape = (meters, days, SLOTS)
    active, reactive = np.zeros(shape), np.zeros(shape)
    quality, received = np.zeros(shape, np.int8), np.full(shape, NEVER, np.int32)
    further = []
    for rows in files:
        second = _place(
            rows.meter,
            rows.slot - first_day * SLOTS,
            rows.active,
            rows.reactive,
            rows.quality,
            rows.received,
            active.reshape(meters, -1),
            reactive.reshape(meters, -1),
            quality.reshape(meters, -1),
            received.reshape(meters, -1),
        )
        further.append(LongRows(*(getattr(rows, name)[second] for name in LongRows.__dataclass_fields__)))
    few = (received != NEVER).sum(axis=2) < FEW_READINGS
    meter, day, slot = np.nonzero((received != NEVER) & few[:, :, None])
    at = (meter, day, slot)
    further.append(
        LongRows(
            meter.astype(np.int32),
            (first_day + day) * SLOTS + slot,
            active[at],
            reactive[at],
            quality[at],
            received[at],
        )
    )
    received[at] = NEVER
    together = LongRows(
        *(np.concatenate([getattr(rows, name) for rows in further]) for name in LongRows.__dataclass_fields__)
    )
    return Gathered(first_day, active, reactive, quality, received, together)


@numba.njit(cache=True, nogil=True)
def _place(
    meter, slot, active, reactive, quality, received, all_active, all_reactive, all_quality, all_received
):  # type: ignore[no-untyped-def]
    """Places first readings; returns the rows whose slot was taken."""
    second = np.empty(meter.size, dtype=np.int64)
    count = 0
    for row in range(meter.size):
        m, s = meter[row], slot[row]
        if all_received[m, s] != NEVER:
            second[count] = row
            count += 1
            continue
        all_active[m, s] = active[row]
        all_reactive[m, s] = reactive[row]
        all_quality[m, s] = quality[row]
        all_received[m, s] = received[row]
    return second[:count].copy()


def received_rows(gathered: Gathered, low: int, high: int, names: pa.Array, bucket: str) -> pa.Table:
    """The rows of benchmark_received_days of the meters from ``low`` to ``high`` (exclusive)."""
    there = (gathered.received[low:high] != NEVER).any(axis=2)
    days = there.shape[1]
    mine = np.flatnonzero((gathered.further.meter >= low) & (gathered.further.meter < high))
    key = (
        (gathered.further.meter[mine] - low).astype(np.int64) * days
        + gathered.further.slot[mine] // SLOTS
        - gathered.first_day
    )
    mine = mine[np.lexsort((mine, key))]
    rows = there.reshape(-1).copy()
    rows[key] = True
    chosen = np.flatnonzero(rows)
    arrays = there.reshape(-1)[chosen]
    counts = np.bincount(key, minlength=there.size)[chosen]
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
    lists = pa.array(np.concatenate(([0], np.cumsum(arrays * SLOTS))).astype(np.int32)), pa.array(~arrays)
    at = chosen[arrays]
    whole = at.size == there.size
    absent = _rows_of(gathered.received[low:high], at, whole).reshape(-1) == NEVER
    mask = absent if absent.any() else None

    def dense(values: NDArray) -> pa.Array:  # type: ignore[type-arg]
        return pa.ListArray.from_arrays(
            lists[0], pa.array(_rows_of(values[low:high], at, whole).reshape(-1), mask=mask), mask=lists[1]
        )

    def sparse(values: NDArray) -> pa.Array:  # type: ignore[type-arg]
        return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values[mine]))

    further = gathered.further
    return pa.table(
        {
            "meter_id": names.slice(low, high - low).take(pa.array(chosen // days)),
            "reading_date": pa.array((gathered.first_day + chosen % days).astype(np.int32)).cast(pa.date32()),
            "active": dense(gathered.active),
            "reactive": dense(gathered.reactive),
            "quality": dense(gathered.quality),
            "received_second": dense(gathered.received),
            "further_slot": sparse((further.slot % SLOTS).astype(np.int16)),
            "further_active": sparse(further.active),
            "further_reactive": sparse(further.reactive),
            "further_quality": sparse(further.quality),
            "further_received_second": sparse(further.received),
            "meter_bucket": pa.array([bucket] * chosen.size, pa.string()),
        }
    )


def _rows_of(values: NDArray, at: IntArray, whole: bool) -> NDArray:  # type: ignore[type-arg]
    flat = values.reshape(-1, SLOTS)
    return flat if whole else flat[at]


@dataclass(frozen=True)
class Latest:
    """(meters x slots) the latest reading of each slot before the multiplier, NaN where none came."""

    active: FloatArray
    reactive: FloatArray


def latest_readings(parts: Sequence[pa.Table], names: pa.Array, first_day: int, days: int) -> Latest:
    """What counts of all received days of some meters.

    parts  Rows of benchmark_received_days, columns but the quality; in any order.
    names  Names of these meters.
    """
    shape = (len(names), days * SLOTS)
    active, reactive, received = (
        np.full(shape, np.nan),
        np.full(shape, np.nan),
        np.full(shape, NEVER, np.int32),
    )
    for part in parts:
        rows = part.combine_chunks()
        meter = pc.index_in(rows["meter_id"].chunk(0), names).to_numpy().astype(np.int64)
        day = rows["reading_date"].chunk(0).cast(pa.int32()).to_numpy().astype(np.int64) - first_day
        lists = [rows[name].chunk(0) for name in ("active", "reactive", "received_second")]
        filled = np.flatnonzero(lists[0].is_valid().to_numpy(zero_copy_only=False))
        values = [column.flatten().to_numpy(zero_copy_only=False) for column in lists[:2]]
        when = lists[2].flatten().fill_null(NEVER).to_numpy(zero_copy_only=False)
        _lay_days(meter[filled], day[filled], values[0], values[1], when, active, reactive, received)
        further = [
            rows["further_" + name].chunk(0) for name in ("slot", "active", "reactive", "received_second")
        ]
        row = np.repeat(np.arange(rows.num_rows), np.diff(further[0].offsets.to_numpy()))
        flat = [column.flatten().to_numpy(zero_copy_only=False) for column in further]
        _lay_further(
            meter[row], day[row] * SLOTS + flat[0], flat[1], flat[2], flat[3], active, reactive, received
        )
    return Latest(active, reactive)


@numba.njit(cache=True, nogil=True)
def _lay_days(meter, day, active, reactive, when, all_active, all_reactive, all_received):  # type: ignore[no-untyped-def]
    for row in range(meter.size):
        m, first = meter[row], day[row] * SLOTS
        for slot in range(SLOTS):
            at = row * SLOTS + slot
            if when[at] > all_received[m, first + slot]:
                all_received[m, first + slot] = when[at]
                all_active[m, first + slot] = active[at]
                all_reactive[m, first + slot] = reactive[at]


@numba.njit(cache=True, nogil=True)
def _lay_further(meter, slot, active, reactive, when, all_active, all_reactive, all_received):  # type: ignore[no-untyped-def]
    for row in range(meter.size):
        m, s = meter[row], slot[row]
        if when[row] > all_received[m, s]:
            all_received[m, s] = when[row]
            all_active[m, s] = active[row]
            all_reactive[m, s] = reactive[row]


def clean_rows(
    names: pa.Array, first_day: int, measured: FloatArray, final: FloatArray, flags: ByteArray, bucket: str
) -> pa.Table:
    """Rows of benchmark_clean_days; arrays are (meters x slots)."""
    meters, days = len(names), measured.shape[1] // SLOTS
    count = meters * days
    offsets = pa.array(np.arange(0, count * SLOTS + 1, SLOTS, dtype=np.int32))
    day = (first_day + np.arange(days)).astype(np.int32)
    return pa.table(
        {
            "meter_id": names.take(pa.array(np.repeat(np.arange(meters), days))),
            "reading_date": pa.array(np.tile(day, meters)).cast(pa.date32()),
            "measured_energy": pa.ListArray.from_arrays(
                offsets, pa.array(measured.reshape(-1), from_pandas=True)
            ),
            "final_energy": pa.ListArray.from_arrays(offsets, pa.array(final.reshape(-1), from_pandas=True)),
            "flags": pa.ListArray.from_arrays(offsets, pa.array(flags.reshape(-1))),
            "meter_bucket": pa.array([bucket] * count, pa.string()),
        }
    )


def day_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days
