"""The project's own chain on curve input: received 96-point rows -> bronze -> silver -> gold, every table
committed in Delta.

The reader, the bronze columns, the file writing and the commits are the project's; the layout by bucket and
the rules are the benchmark's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.metering.curve_tables import BenchmarkLoadCurves
from benchmarks.metering.measurement import Stages
from benchmarks.metering.own_chain import clean_and_measure, run_chain

RECEIVED_AT = datetime(2026, 3, 1, tzinfo=UTC)
SILVER_COLUMNS = ["meter_point_id", "curve_date", "values_unscaled", "sent_at_utc"]


def run_curves(folder: Path, home: Path, stages: Stages) -> None:
    """The whole chain on ``curves/*.parquet``; arguments as ``run_chain``."""
    from pipelines.formats import FormatSettings
    from pipelines.settings import Settings, packaged

    formats = Settings(packaged("conf"), home).section(FormatSettings)

    def ingest_slab(
        slab: Sequence[str], names: pa.Array, bounds: Sequence[tuple[str, int, int]], root: str
    ) -> list[list[Any]]:
        return _ingest_slab(slab, names, bounds, root, formats)

    run_chain(folder, home, stages, "curves", BenchmarkLoadCurves, ingest_slab, _refine_bucket)


def _ingest_slab(
    slab: Sequence[str], names: pa.Array, bounds: Sequence[tuple[str, int, int]], root: str, formats: Any
) -> list[list[Any]]:
    """What a worker does with some received files: hashes, reads and checks each, writes all laid out by
    bucket, meter and day.
    """
    from pipelines.formats.parquet import DeclaredParquet
    from pipelines.storage.data_files import write_files
    from pipelines.tables.bronze import BronzeLoadCurves

    reader = DeclaredParquet(BronzeLoadCurves)
    parts, values = [], []
    for path in slab:
        content = Path(path).read_bytes()
        answer = reader.read(content, Path(path).name, formats)
        values.append(_dense(answer.rows["values_unscaled"]))
        parts.append(
            _with_origin(
                answer.rows.drop_columns(["values_unscaled"]),
                hashlib.sha256(content).hexdigest(),
                Path(path).name,
            )
        )
    rows = pa.concat_tables(parts).combine_chunks()
    dense = np.concatenate(values)
    meter = pc.index_in(rows["meter_point_id"], names).to_numpy().astype(np.int64)
    order = np.lexsort((rows["curve_date"].cast(pa.int32()).to_numpy(), meter))
    edges = np.searchsorted(meter[order], [low for _, low, _ in bounds] + [bounds[-1][2]])
    written = []
    for place, (bucket, _, _) in enumerate(bounds):
        chosen = order[edges[place] : edges[place + 1]]
        mine = rows.take(pa.array(chosen))
        offsets = pa.array(np.arange(0, chosen.size * 96 + 1, 96, dtype=np.int32))
        lists = pa.ListArray.from_arrays(offsets, pa.array(dense[chosen].reshape(-1), from_pandas=True))
        mine = mine.append_column("values_unscaled", lists).append_column(
            "meter_bucket", pa.array([bucket] * chosen.size, pa.string())
        )
        written += write_files(mine, BenchmarkLoadCurves, root, quick=True)
    return [written]


def _dense(lists: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(rows x slots), NaN where nothing came; the reader has checked that every list has as many values as
    the day has slots.
    """
    flat = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in lists.chunks]
    return np.concatenate(flat).reshape(-1, 96)


def _with_origin(rows: pa.Table, digest: str, name: str) -> pa.Table:
    count = rows.num_rows
    origin = {
        "content_hash": pa.repeat(pa.scalar(digest), count),
        "source_file": pa.repeat(pa.scalar(name), count),
        "received_at_utc": pa.repeat(pa.scalar(RECEIVED_AT, pa.timestamp("us", tz="UTC")), count),
        "run_id": pa.repeat(pa.scalar("benchmark"), count),
    }
    for column, values in origin.items():
        rows = rows.append_column(column, values)
    return rows


def _refine_bucket(
    task: Sequence[Any], names: pa.Array, points: pa.Table, days: tuple[int, int], clean: str, gold: str
) -> list[list[Any]]:
    """What a worker does with one bucket: the latest curves, flags, estimates, clean curves, monthly
    measures.
    """
    paths, bucket, low, high = task
    mine = names.slice(low, high - low)
    first, count = days
    measured = np.full((len(mine), count, 96), np.nan)
    latest = np.full((len(mine), count), np.iinfo(np.int64).min)
    for path in paths:
        rows = pq.ParquetFile(path).read(columns=SILVER_COLUMNS, use_threads=False)
        meter = pc.index_in(rows["meter_point_id"], mine).to_numpy().astype(np.int64)
        day = rows["curve_date"].cast(pa.int32()).to_numpy().astype(np.int64) - first
        sent = rows["sent_at_utc"].cast(pa.int64()).to_numpy()
        dense = _dense(rows["values_unscaled"])
        order = np.lexsort((sent, day, meter))
        last = np.ones(order.size, dtype=np.bool_)
        last[:-1] = (meter[order][1:] != meter[order][:-1]) | (day[order][1:] != day[order][:-1])
        order = order[last]
        order = order[sent[order] > latest[meter[order], day[order]]]
        latest[meter[order], day[order]] = sent[order]
        measured[meter[order], day[order]] = dense[order]
    return clean_and_measure(measured.reshape(len(mine), -1), None, mine, points, days, bucket, clean, gold)
