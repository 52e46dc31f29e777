"""The project's own chain on long input: received files -> bronze -> silver -> gold, every table committed in
Delta.

Session, store, file writing and commits are the project's; the workers' functions are in ``own_arrays`` and
``rules``, because the
comparison needs rules that SQL can express.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.metering.measurement import Stages
from benchmarks.metering.tables import (
    BUCKET,
    BenchmarkCleanDays,
    BenchmarkMonthMeasures,
    BenchmarkReceivedDays,
)
from pipelines.arrays import FloatArray
from pipelines.tables.base import Table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from pipelines.storage.store import Store

IngestSlab = Callable[[Sequence[str], pa.Array, Sequence[tuple[str, int, int]], str], list[list[Any]]]
RefineBucket = Callable[[Sequence[Any], pa.Array, pa.Table, tuple[int, int], str, str], list[list[Any]]]
METERS_PER_BUCKET = 250
FILES_PER_SLAB = 23
TASKS_PER_CORE = 2
SILVER_COLUMNS = [
    name for name in BenchmarkReceivedDays.columns() if "quality" not in name and name != BUCKET
]


def run_own_long(folder: Path, home: Path, stages: Stages) -> None:
    """The whole chain on ``long/*.parquet``; arguments as ``run_chain``."""
    run_chain(folder, home, stages, "long", BenchmarkReceivedDays, _ingest_slab, _refine_bucket)


def run_chain(
    folder: Path,
    home: Path,
    stages: Stages,
    received: str,
    bronze: type[Table],
    ingest_slab: IngestSlab,
    refine_bucket: RefineBucket,
) -> None:
    """Received files to gold, every table committed.

    folder         ``meters.parquet``, and the received files in the folder ``received``.
    home           Empty folder for the tables.
    bronze         What ``ingest_slab`` writes of some received files; it answers the files written, target by
                   target.
    refine_bucket  What a worker does with one bucket of it.
    """
    from pipelines.settings import Settings, packaged
    from pipelines.storage.data_files import commit_files
    from pipelines.storage.session.spark import start_session
    from pipelines.storage.store import Store

    settings = Settings(packaged("conf"), home)
    spark = start_session(settings, "benchmark")
    store = Store(settings, spark)
    stages.done("start-up")
    points = pq.read_table(folder / "meters.parquet")
    names, bounds = meters_in_buckets(points)
    files = sorted(str(path) for path in (folder / received).glob("*.parquet"))
    root = store.path(bronze)
    slabs = [files[at : at + FILES_PER_SLAB] for at in range(0, len(files), FILES_PER_SLAB)]
    (kept,) = run_on_workers(spark, slabs, lambda slab: ingest_slab(slab, names, bounds, root))
    stages.done("bronze files")
    commit_files(store, bronze, kept, "benchmark", 1, overwrite=True)
    stages.done("bronze commit")

    paths = paths_by_bucket(store, bronze)
    days = day_range(points)
    clean, gold = store.path(BenchmarkCleanDays), store.path(BenchmarkMonthMeasures)
    work = [(sorted(paths[bucket]), bucket, low, high) for bucket, low, high in bounds]
    written = run_on_workers(spark, work, lambda task: refine_bucket(task, names, points, days, clean, gold))
    stages.done("silver and gold files")
    commit_files(store, BenchmarkCleanDays, written[0], "benchmark", 1, overwrite=True)
    commit_files(store, BenchmarkMonthMeasures, written[1], "benchmark", 1, overwrite=True)
    stages.done("silver and gold commit")


def day_range(points: pa.Table) -> tuple[int, int]:
    """First day, counted from 1970-01-01, and number of days."""
    first, last = (
        choose(points[name].cast(pa.int32())).as_py()
        for choose, name in ((pc.min, "valid_from"), (pc.max, "valid_to"))
    )
    return first, last - first + 1


def meters_in_buckets(points: pa.Table) -> tuple[pa.Array, list[tuple[str, int, int]]]:
    """Meters ordered by bucket and name, and (bucket, first, end) of each bucket."""
    from pipelines.storage.hash_layout import bucket_of

    ids = pc.unique(points["meter_id"]).to_pylist()
    buckets = max(2, -(-len(ids) // METERS_PER_BUCKET))
    ordered = sorted((bucket_of(name, buckets), name) for name in ids)
    number = np.array([bucket for bucket, _ in ordered])
    ends = np.searchsorted(number, np.arange(buckets + 1))
    bounds = [
        (f"{bucket:03d}", int(ends[bucket]), int(ends[bucket + 1]))
        for bucket in range(buckets)
        if ends[bucket] < ends[bucket + 1]
    ]
    return pa.array([name for _, name in ordered]), bounds


def paths_by_bucket(store: Store, table: type[Table]) -> dict[str, list[str]]:
    """The data files of the committed table, by bucket."""
    found = store.delta(table)
    assert found is not None
    paths: dict[str, list[str]] = {}
    for path in found.file_uris():
        paths.setdefault(path.rsplit(f"{BUCKET}=", 1)[1].split("/")[0], []).append(path)
    return paths


def run_on_workers(
    spark: SparkSession, tasks: Sequence[Any], work: Callable[[Any], Sequence[Sequence[Any]]]
) -> list[list[Any]]:
    """Deals the tasks to the workers and gathers the files that they wrote, target by target.

    A Spark task costs a tenth of a second in itself, so each takes several of ours, dealt in turn.
    """
    from pipelines.storage.data_files import WrittenFile

    hands = min(len(tasks), TASKS_PER_CORE * spark.sparkContext.defaultParallelism)

    def run(hand: int) -> list[str]:
        return [
            json.dumps([[file.to_json() for file in files] for files in work(task)])
            for task in tasks[hand::hands]
        ]

    # Tasks are plain numbers and answers short texts: through an RDD the first job is two seconds faster than
    # through a frame.
    reports = [
        json.loads(text)
        for text in spark.sparkContext.parallelize(range(hands), hands).flatMap(run).collect()
    ]
    return [
        [WrittenFile.from_json(text) for report in reports for text in report[target]]
        for target in range(len(reports[0]))
    ]


def _ingest_slab(
    slab: Sequence[str], names: pa.Array, bounds: Sequence[tuple[str, int, int]], root: str
) -> list[list[Any]]:
    """What a worker does with some received files: reads them once, writes them laid out by bucket, meter,
    day and slot.
    """
    from benchmarks.metering.own_arrays import gather, read_long, received_rows
    from pipelines.storage.data_files import write_files

    gathered = gather([read_long(path, names) for path in slab], len(names))
    return [
        [
            file
            for bucket, low, high in bounds
            for file in write_files(
                received_rows(gathered, low, high, names, bucket), BenchmarkReceivedDays, root, quick=True
            )
        ]
    ]


def _refine_bucket(
    task: Sequence[Any], names: pa.Array, points: pa.Table, days: tuple[int, int], clean: str, gold: str
) -> list[list[Any]]:
    """What a worker does with one bucket: the latest readings, flags, estimates, clean curves, monthly
    measures.
    """
    from benchmarks.metering.own_arrays import latest_readings

    paths, bucket, low, high = task
    mine = names.slice(low, high - low)
    latest = latest_readings(
        [pq.ParquetFile(path).read(columns=SILVER_COLUMNS, use_threads=False) for path in paths], mine, *days
    )
    return clean_and_measure(latest.active, latest.reactive, mine, points, days, bucket, clean, gold)


def clean_and_measure(
    active: FloatArray,
    reactive: FloatArray | None,
    names: pa.Array,
    points: pa.Table,
    days: tuple[int, int],
    bucket: str,
    clean: str,
    gold: str,
) -> list[list[Any]]:
    """Applies the rules to (meters x slots) readings before the multiplier, which are overwritten; writes
    silver and gold of one bucket.
    """
    from benchmarks.metering import rules
    from benchmarks.metering.own_arrays import clean_rows
    from pipelines.storage.data_files import write_files

    first, count = days
    multiplier = _multipliers(points, names, first, count)
    shape = (len(names), count, rules.SLOTS)
    for readings in (active, reactive):
        if readings is not None:
            by_day = readings.reshape(shape)
            np.multiply(by_day, multiplier[:, :, None], out=by_day)
    flags = rules.flag_slots(active)
    final = rules.fill_slots(active, flags)
    day = np.datetime64("1970-01-01") + np.arange(first, first + count)
    months, month_of_day = np.unique(day.astype("datetime64[M]"), return_inverse=True)
    weekend = (np.arange(first, first + count) + 3) % 7 >= 5
    found = rules.month_measures(
        final, np.full_like(active, np.nan) if reactive is None else reactive, flags, month_of_day, weekend
    )
    silver = write_files(
        clean_rows(names, first, active, final, flags, bucket), BenchmarkCleanDays, clean, quick=True
    )
    width = len(rules.MEASURES)
    rows = pa.table(
        {
            "meter_id": names.take(pa.array(np.repeat(np.arange(len(names)), months.size))),
            "month": pa.array(months.astype(str).tolist()).take(
                pa.array(np.tile(np.arange(months.size), len(names)))
            ),
            "measures": pa.ListArray.from_arrays(
                pa.array(np.arange(0, found.size + 1, width, dtype=np.int32)), pa.array(found.reshape(-1))
            ),
        }
    )
    return [silver, write_files(rows, BenchmarkMonthMeasures, gold)]


def _multipliers(
    points: pa.Table, names: pa.Array, first: int, count: int
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(meters x days) multiplier in force."""
    place = {name: row for row, name in enumerate(names.to_pylist())}
    found = np.full((len(names), count), np.nan)
    columns = [points[name].to_pylist() for name in ("meter_id", "multiplier")]
    begins, ends = (points[name].cast(pa.int32()).to_numpy() - first for name in ("valid_from", "valid_to"))
    for meter, ratio, begin, end in zip(*columns, begins.tolist(), ends.tolist(), strict=True):
        if meter in place:
            found[place[meter], begin : end + 1] = ratio
    return found
