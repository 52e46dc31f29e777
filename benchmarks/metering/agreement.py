"""Do two engines say the same? Flags must be equal, energies and measures within 1e-9."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from benchmarks.metering.rules import MEASURES, SLOTS
from pipelines.arrays import ByteArray, FloatArray

TOLERANCE = 1e-9
DAY_MICROSECONDS = 86_400_000_000


@dataclass(frozen=True)
class Result:
    """What an engine left: (meters x slots) flags and final energy, (meters x months x measures)."""

    flags: ByteArray
    final: FloatArray
    measures: FloatArray


@dataclass(frozen=True)
class Agreement:
    """How far two results are apart.

    slots, flagged     Slots compared, and how many of them carry a flag in the first.
    different_flags    Slots whose flags differ.
    energy, measures   Largest difference, relative to the larger value above one.
    """

    slots: int
    flagged: int
    different_flags: int
    energy: float
    measures: float

    @property
    def holds(self) -> bool:
        return self.different_flags == 0 and self.energy <= TOLERANCE and self.measures <= TOLERANCE

    def as_dict(self) -> dict[str, object]:
        return asdict(self) | {"holds": self.holds}


def compare(first: Result, second: Result, without: Sequence[str] = ()) -> Agreement:
    """without  Names of measures that are not compared."""
    kept = [place for place, name in enumerate(MEASURES) if name not in without]
    return Agreement(
        slots=first.flags.size,
        flagged=int((first.flags > 0).sum()),
        different_flags=int((first.flags != second.flags).sum()),
        energy=_apart(first.final, second.final),
        measures=_apart(first.measures[..., kept], second.measures[..., kept]),
    )


def _apart(left: FloatArray, right: FloatArray) -> float:
    """Largest relative difference; infinite where one is empty and the other not."""
    worst = 0.0
    for a, b in zip(left, right, strict=True):  # meter by meter: copies of everything would not fit
        if (np.isnan(a) != np.isnan(b)).any():
            return float("inf")
        there = ~np.isnan(a)
        scale = np.maximum(1.0, np.maximum(np.abs(a[there]), np.abs(b[there])))
        worst = max(worst, float((np.abs(a[there] - b[there]) / scale).max(initial=0.0)))
    return worst


def read_own(home: Path, names: Sequence[str], first_day: int, days: int) -> Result:
    """The tables of the project's own chain."""
    from benchmarks.metering.tables import BenchmarkCleanDays, BenchmarkMonthMeasures

    tables = home / "tables"
    ids = pa.array(names)
    flags, final = _empty(len(names), days)
    for path in _committed(tables / BenchmarkCleanDays.name):
        rows = (
            pq.ParquetFile(path)
            .read(columns=["meter_id", "reading_date", "final_energy", "flags"])
            .combine_chunks()
        )
        at = (
            pc.index_in(rows["meter_id"], ids).to_numpy().astype(np.int64) * days
            + rows["reading_date"].cast(pa.int32()).to_numpy()
            - first_day
        )
        flags.reshape(-1, SLOTS)[at] = rows["flags"].chunk(0).flatten().to_numpy().reshape(-1, SLOTS)
        final.reshape(-1, SLOTS)[at] = (
            rows["final_energy"].chunk(0).flatten().to_numpy(zero_copy_only=False).reshape(-1, SLOTS)
        )
    rows = pa.concat_tables(
        [pq.ParquetFile(path).read() for path in _committed(tables / BenchmarkMonthMeasures.name)]
    ).combine_chunks()
    values = rows["measures"].chunk(0).flatten().to_numpy().reshape(-1, len(MEASURES))
    return Result(flags, final, _by_month(rows["meter_id"], rows["month"], values, ids))


def _committed(table: Path) -> list[str]:
    from deltalake import DeltaTable

    return sorted(DeltaTable(str(table)).file_uris())


def _empty(meters: int, days: int) -> tuple[ByteArray, FloatArray]:
    return np.full((meters, days * SLOTS), 255, dtype=np.uint8), np.full((meters, days * SLOTS), np.nan)


def read_long_result(home: Path, names: Sequence[str], first_day: int, days: int) -> Result:
    """Long rows and named measures, as the peers write them."""
    ids = pa.array(names)
    flags, final = _empty(len(names), days)
    for batch in ds.dataset(home / "clean", format="parquet").to_batches(
        columns=["meter_id", "ts", "final", "flags"]
    ):
        if batch.num_rows:
            slot = (
                batch["ts"].cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
                // (DAY_MICROSECONDS // SLOTS)
                - first_day * SLOTS
            )
            at = (
                pc.index_in(batch["meter_id"], ids.cast(batch["meter_id"].type)).to_numpy().astype(np.int64)
                * (days * SLOTS)
                + slot
            )
            flags.reshape(-1)[at] = batch["flags"].to_numpy()
            final.reshape(-1)[at] = batch["final"].to_numpy(zero_copy_only=False)
    rows = pq.read_table(home / "measures.parquet").combine_chunks()
    values = np.stack([rows[name].to_numpy().astype(np.float64) for name in MEASURES], axis=1)
    return Result(flags, final, _by_month(rows["meter_id"], rows["month"], values, ids))


def _by_month(
    meter: pa.ChunkedArray, month: pa.ChunkedArray, values: FloatArray, ids: pa.Array
) -> FloatArray:
    months = sorted(pc.unique(month).to_pylist())
    place = pc.index_in(month.cast(pa.string()), pa.array(months)).to_numpy().astype(np.int64)
    found = np.full((len(ids), len(months), values.shape[1]), np.nan)
    found[pc.index_in(meter.cast(pa.string()), ids).to_numpy().astype(np.int64), place] = values
    return found
