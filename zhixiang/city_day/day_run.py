"""The timed part: ``python -m zhixiang.city_day.day_run FOLDER RESULT`` reads files and profiles, refines,
and commits silver.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import FloatArray, IntArray
from pipelines.errors import UsageError
from pipelines.periods import DAY_MINUTES, EPOCH
from pipelines.storage.data_files import WrittenFile
from pipelines.storage.scan import partition_of, read_columns
from pipelines.tables.silver import SilverDayCurves
from zhixiang.city_day.tables import AREA, SimulatedDayProfiles

if TYPE_CHECKING:
    from pipelines.formats import FormatSettings
    from pipelines.vee import VeeSettings
    from pipelines.vee.estimation.day_profiles import ProfiledBlock

RUN_ID = "city-day"
TASKS_PER_CORE = 4
SLOTS = 96
METERS_AT_ONCE = 2_500
"""Arrays of so many meters stay in the processor's cache from check to check."""
KEEP_FREED_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": "2000000000",
    "MALLOC_TRIM_THRESHOLD_": "4000000000",
    "MALLOC_TOP_PAD_": "268435456",
}
"""For the workers' allocator: each file needs the same arrays again, and fresh pages cost a sixth of the
time.
"""
_FOUND_COLUMNS = ("meter_point_id", "failed_check_bits", "interval_status_codes")
PROFILE_COLUMNS = [name for name in SimulatedDayProfiles.columns() if name not in (AREA, "day_type_code")]


def main() -> None:
    """Entry point of the timed process; ends at once, because the JVM's farewell is no part of the job."""
    began = time.monotonic()
    folder, result = Path(sys.argv[1]), Path(sys.argv[2])
    told = refine_city(folder)
    # The clock has stopped; what was found is read back from the committed table.
    told["found"] |= against_truth(folder)
    partial = result.with_suffix(".partial")
    partial.write_text(json.dumps({"began": began} | told))
    partial.replace(result)
    sys.stdout.flush()
    os._exit(0)


def refine_city(folder: Path) -> dict[str, Any]:
    """Refines every received file; answers with what was found and when each stage ended (monotonic
    clock).
    """
    from pipelines.formats import FormatSettings
    from pipelines.settings import Settings, load_settings
    from pipelines.storage.data_files import commit_files
    from pipelines.storage.session.spark import start_session
    from pipelines.storage.store import Store

    for name, value in KEEP_FREED_MEMORY.items():
        os.environ.setdefault(name, value)
    settings = Settings(load_settings().conf_dir, folder / "home")
    spark = start_session(settings, "city-day")
    store = Store(settings, spark)
    started = time.monotonic()
    if store.version(SimulatedDayProfiles) is None:
        raise UsageError(f"{folder} holds no kept profiles.", "Make the city first: zhixiang bench city-day.")
    profiles = {
        partition_of(path, SimulatedDayProfiles): path for path in store.data_paths(SimulatedDayProfiles)
    }
    work = [(str(path), profiles[path.stem]) for path in sorted((folder / "received").glob("*.parquet"))]
    hands = min(len(work), TASKS_PER_CORE * spark.sparkContext.defaultParallelism)
    formats, root, conf_dir, home = (
        settings.section(FormatSettings),
        store.path(SilverDayCurves),
        settings.conf_dir,
        settings.home,
    )

    def run(hand: int) -> list[str]:
        # The compiler of the kernels takes a second to load: here, not on the driver.
        from pipelines.vee import VeeSettings

        vee = Settings(conf_dir, home).section(VeeSettings)
        return [
            json.dumps(refine_file(path, profile, vee, formats, root)) for path, profile in work[hand::hands]
        ]

    reports = [
        json.loads(text)
        for text in spark.sparkContext.parallelize(range(hands), hands).flatMap(run).collect()
    ]
    computed = time.monotonic()
    files = [WrittenFile.from_json(text) for report in reports for text in report["files"]]
    commit_files(store, SilverDayCurves, files, RUN_ID, 1, overwrite=True)
    found: dict[str, int] = {}
    for report in reports:
        for name, count in report["found"].items():
            found[name] = found.get(name, 0) + count
    cpu = sum(report["cpu_s"] for report in reports)
    return {
        "started": started,
        "computed": computed,
        "committed": time.monotonic(),
        "worker_cpu_s": cpu,
        "silver_bytes": sum(file.size_bytes for file in files),
        "found": found,
    }


def refine_file(
    path: str, profile: str, vee: VeeSettings, formats: FormatSettings, root: str
) -> dict[str, Any]:
    """What a worker does with one area: reads its curves and profiles, settles what was sent twice, judges,
    estimates, writes.
    """
    from pipelines.formats.parquet import DeclaredParquet
    from pipelines.storage.data_files import write_files
    from pipelines.tables.bronze import BronzeLoadCurves
    from pipelines.vee.estimation.day_profiles import refine_day

    began = time.process_time()
    answer = DeclaredParquet(BronzeLoadCurves).read(Path(path).read_bytes(), Path(path).name, formats)
    profiles = read_columns([profile], SimulatedDayProfiles, PROFILE_COLUMNS, use_threads=False)
    profiles = profiles.combine_chunks()
    latest = _latest(answer.rows, profiles["meter_point_id"])
    values = _flat(answer.rows["values_unscaled"]).reshape(-1, SLOTS)
    parts = []
    for low in range(0, profiles.num_rows, METERS_AT_ONCE):
        part = profiles.slice(low, METERS_AT_ONCE)
        block = _block(values, latest, part, low, int(answer.rows["curve_date"][0].cast(pa.int32()).as_py()))
        parts.append(_silver_rows(block, part["meter_point_id"], *refine_day(block, vee)))
    files = write_files(pa.concat_tables(parts), SilverDayCurves, root, quick=True)
    return {
        "files": [file.to_json() for file in files],
        "cpu_s": time.process_time() - began,
        "found": {
            "sent_twice": int((latest.receptions > 1).sum()),
            "received_rows": int(answer.received_rows),
            "refused_rows": int(answer.rejects.num_rows),
        },
    }


def _bits() -> Mapping[str, int]:
    from pipelines.vee.estimation.day_profiles import DAY_CHECK_BITS

    return DAY_CHECK_BITS


@dataclass(frozen=True)
class _Latest:
    """Per meter of the profiles: the row that counts among those received, -1 where none came, and how many
    came.
    """

    row: IntArray
    receptions: IntArray


def _latest(rows: pa.Table, ids: pa.ChunkedArray) -> _Latest:
    """The larger time that the sender put in the row wins; a meter without a profile has no place here."""
    meter = (
        pc.fill_null(pc.index_in(rows["meter_point_id"], ids.combine_chunks()), -1)
        .to_numpy()
        .astype(np.int64)
    )
    sent = rows["sent_at_utc"].cast(pa.int64()).to_numpy()
    order = np.lexsort((sent, meter))
    order = order[meter[order] >= 0]
    latest = np.full(len(ids), -1, dtype=np.int64)
    latest[meter[order]] = order  # of several, the last assignment stands
    return _Latest(latest, np.bincount(meter[order], minlength=len(ids)))


def _block(values: FloatArray, latest: _Latest, profiles: pa.Table, low: int, day: int) -> ProfiledBlock:
    """Energy and profiles of some meters, in the order of the profiles.

    low  Place of the first of them among all profiles of the area.
    """
    from pipelines.vee.blocks import CurveBlock
    from pipelines.vee.estimation.day_profiles import profiled_block
    from zhixiang.city_day.received import next_day

    count = profiles.num_rows
    row = latest.row[low : low + count]
    energy = values[row]
    energy *= profiles["multiplier_ratio"].to_numpy()[:, None]
    energy[row < 0] = np.nan
    block = CurveBlock(
        energy=energy,
        interval_minutes=DAY_MINUTES // SLOTS,
        series_starts=np.arange(count + 1),
        day_numbers=np.full(count, day),
        day_types=np.zeros(count, dtype=np.int64),
        capacity_kva=profiles["capacity_kva"].to_numpy(),
        counts_use=np.ones(count, dtype=np.bool_),
        receptions=latest.receptions[low : low + count],
        today_number=(next_day() - EPOCH).days,
    )
    usual, likely = (_flat(profiles[name]).reshape(-1, SLOTS) for name in ("usual_kwh", "likely_kwh"))
    return profiled_block(block, usual, likely, profiles["level_kwh"].to_numpy())


def _flat(lists: pa.ChunkedArray) -> Any:
    parts = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in lists.chunks]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _silver_rows(block: ProfiledBlock, ids: pa.Array, bits: Any, final: Any, status: Any) -> pa.Table:
    from pipelines.codes import Channel, IntervalStatus

    count = len(ids)
    of_day = np.bitwise_or.reduce(bits, axis=1)
    names = list(_bits())
    failed = np.stack([(of_day >> bit) & 1 == 1 for bit in _bits().values()], axis=1)
    failed_offsets = np.concatenate(([0], np.cumsum(failed.sum(axis=1)))).astype(np.int32)
    measured, missing = (
        (status == code).sum(axis=1).astype(np.int32)
        for code in (IntervalStatus.MEASURED, IntervalStatus.MISSING)
    )
    month = str(np.datetime64(int(block.day_numbers[0]), "D").astype("datetime64[M]"))
    columns: dict[str, Any] = {
        "meter_point_id": ids,
        "channel_code": pa.repeat(pa.scalar(Channel.ACTIVE_FORWARD.value), count),
        "curve_date": pa.array(block.day_numbers.astype(np.int32)).cast(pa.date32()),
        "interval_minutes": pa.repeat(pa.scalar(block.interval_minutes, pa.int32()), count),
        "measured_kwh_or_kvarh": _lists(block.energy, holes=True),
        "final_kwh_or_kvarh": _lists(final, holes=True),
        "interval_status_codes": _lists(status),
        "failed_check_bits": _lists(bits),
        "failed_checks": pa.ListArray.from_arrays(
            pa.array(failed_offsets), pa.array(names).take(pa.array(np.nonzero(failed)[1]))
        ),
        "measured_intervals": pa.array(measured),
        "estimated_intervals": pa.array(final.shape[1] - measured - missing),
        "missing_intervals": pa.array(missing),
        "curve_month": pa.repeat(pa.scalar(month), count),
        "computed_run_id": pa.repeat(pa.scalar(RUN_ID), count),
    }
    for (
        field
    ) in SilverDayCurves.fields():  # what a single day does not know, such as an error band, stays empty
        if field.name not in columns and field.nullable:
            columns[field.name] = pa.nulls(count, field.dtype)
    return pa.table(columns)


def _lists(values: Any, holes: bool = False) -> pa.Array:
    rows, slots = values.shape
    offsets = pa.array(np.arange(0, rows * slots + 1, slots, dtype=np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array(values.reshape(-1), from_pandas=holes))


def against_truth(folder: Path) -> dict[str, int]:
    """Planted faults that committed silver shows, intervals by status and by failed check, and spikes where
    none was planted.
    """
    from pipelines.codes import IntervalStatus
    from pipelines.settings import Settings, load_settings
    from pipelines.storage.store import Store
    from zhixiang.city_day.received import METERS_PER_FILE, area_name, meter_number

    store = Store(Settings(load_settings().conf_dir, folder / "home"))
    if store.version(SilverDayCurves) is None:
        raise UsageError(f"{folder} holds no silver.", "The timed run commits it.")
    found: dict[str, int] = {}

    def count(name: str, flags: Any) -> None:
        found[name] = found.get(name, 0) + int(flags.sum())

    for path in store.data_paths(SilverDayCurves):
        rows = read_columns([path], SilverDayCurves, _FOUND_COLUMNS, use_threads=False)
        bits = _flat(rows["failed_check_bits"])
        area = area_name(meter_number(rows["meter_point_id"][0].as_py()) // METERS_PER_FILE)
        truth = {
            name: np.unpackbits(packed, count=bits.size).astype(np.bool_)
            for name, packed in np.load(folder / "truth" / f"{area}.npz").items()
        }
        flags = {check: (bits >> bit) & 1 == 1 for check, bit in _bits().items()}
        for check, failed in flags.items():
            count(check, failed)
        for code, number in enumerate(
            np.bincount(_flat(rows["interval_status_codes"]), minlength=len(IntervalStatus))
        ):
            count(IntervalStatus(code).name.lower(), number)
        count("missing_found", flags["VEE-V01"] & truth["missing"])
        count("negatives_found", flags["VEE-V03"] & truth["negatives"])
        spike = flags["VEE-V06"] | flags["VEE-V07"]
        count("spikes_found", spike & truth["spikes"])
        count("spikes_beside", spike & ~truth["spikes"])
    return {name: number for name, number in found.items() if number or name.endswith(("found", "beside"))}


if __name__ == "__main__":
    main()
