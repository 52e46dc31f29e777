"""The pipelines' own steps: bronze to silver, silver to gold."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date, timedelta
from functools import reduce
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.errors import FactNotInForceError
from pipelines.facts import Facts
from pipelines.periods import LOCAL_ZONE
from pipelines.steps import Inputs, Step, WorkerFiles, WriteMode, Written, WrittenFile
from pipelines.store import spark_schema
from pipelines.table_files import write_files
from pipelines.tables.base import Table
from pipelines.tables.bronze import (
    BronzeLoadCurves,
    BronzeRegisterReads,
)
from pipelines.tables.silver import (
    SilverDayCurves,
    SilverFileAccounts,
    SilverMeterPoints,
    SilverQuarantine,
    SilverRegisterEnergy,
)
from pipelines.transforms.curves import refine_curves
from pipelines.transforms.received import hold_back_later
from pipelines.transforms.registers import derive_register_energy
from pipelines.transforms.silver_frames import REFINEMENTS, refine_received, settle_register_reads
from pipelines.vee.settings import VeeSettings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

CURVE_ROWS_PER_TASK = 100_000
MASTER, REGISTERS, CURVES = "silver-master", "silver-registers", "silver-curves"
_REPORT = "report string"


def bucket_of(meter_point_id: str, buckets: int) -> int:
    """The bucket of a meter point: the same on every host and in every run."""
    return zlib.crc32(meter_point_id.encode()) % buckets


def refine_all_curves(inputs: Inputs) -> Mapping[type[Table], Written]:
    """Validates and estimates every curve: one task per bucket of meter points reads, computes and writes without the JVM."""
    meter_points = inputs.frame(SilverMeterPoints).toPandas()
    today = inputs.now.astimezone(LOCAL_ZONE).date()
    source, target = inputs.location(BronzeLoadCurves), inputs.location(SilverDayCurves)
    files = [f"{source}/{path}" for path in inputs.files(BronzeLoadCurves)]
    settings = inputs.settings.section(VeeSettings)
    months, rows = _months_and_rows(files)
    buckets = max(1, min(64, rows // CURVE_ROWS_PER_TASK + 1), inputs.spark.sparkContext.defaultParallelism)
    points = pa.Table.from_pandas(meter_points, schema=SilverMeterPoints.arrow_schema(), preserve_index=False)
    day_types = _day_types(inputs.facts, _days_of(months))
    run_id = inputs.run_id

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            reports = []
            for bucket in batch.column(0).to_pylist():
                bronze = _bucket_rows(files, bucket, buckets)
                outcome = refine_curves(bronze, points, day_types, settings, months, today)
                curves = outcome.curves.append_column("computed_run_id", pa.array([run_id] * outcome.curves.num_rows, pa.string()))
                reports.append(
                    json.dumps(
                        {
                            "files": [file.to_json() for file in write_files(curves, SilverDayCurves, target)],
                            "accounts": outcome.accounts.to_pylist(),
                            "quarantine": outcome.quarantine.to_pylist(),
                            "violations": curve_violations(curves),
                        }
                    )
                )
            yield pa.RecordBatch.from_arrays([pa.array(reports, pa.string())], ["report"])

    frame = inputs.spark.createDataFrame([(bucket,) for bucket in range(buckets)], "bucket int").repartitionByRange(buckets, "bucket")
    reports = [json.loads(row.report) for row in frame.mapInArrow(work, _REPORT).collect()]
    written = [WrittenFile.from_json(text) for report in reports for text in report["files"]]
    violations: dict[str, int] = {}
    for report in reports:
        for promise, count in report["violations"].items():
            violations[promise] = violations.get(promise, 0) + count
    return {
        SilverDayCurves: WorkerFiles(tuple(sorted(written, key=lambda file: file.path)), violations),
        SilverQuarantine: _driver_frame(inputs, SilverQuarantine, _staged(reports, "quarantine", CURVES)),
        SilverFileAccounts: _driver_frame(inputs, SilverFileAccounts, _summed(_staged(reports, "accounts", CURVES))),
    }


def curve_violations(curves: pa.Table) -> dict[str, int]:
    """What must never be: a measured value changed, two rows for one key, arrays of the wrong length."""
    measured = pc.list_flatten(curves.column("measured_kwh_or_kvarh"))
    final = pc.list_flatten(curves.column("final_kwh_or_kvarh"))
    status = pc.list_flatten(curves.column("interval_status_codes"))
    if len(measured) == len(final) == len(status):
        kept = pc.equal(status, 1)
        same = pc.fill_null(pc.equal(measured, final), False)
        changed = int(pc.sum(pc.and_(kept, pc.invert(same))).as_py() or 0)
    else:
        changed = curves.num_rows
    expected = pc.divide(pa.scalar(1440, pa.int32()), curves.column("interval_minutes"))
    wrong = sum(
        int(pc.sum(pc.not_equal(pc.list_value_length(curves.column(name)), expected)).as_py() or 0)
        for name in ("measured_kwh_or_kvarh", "final_kwh_or_kvarh", "interval_status_codes", "failed_check_bits")
    )
    keys = curves.select(list(SilverDayCurves.key()))
    distinct = keys.group_by(keys.column_names).aggregate([]).num_rows
    return {"measured_values_changed": changed, "keys_repeated": keys.num_rows - distinct, "arrays_of_wrong_length": wrong}


def _months_and_rows(files: list[str]) -> tuple[list[str], int]:
    months = sorted({part.split("=", 1)[1] for path in files for part in path.split("/") if part.startswith("curve_month=")})
    return months, sum(ds.dataset(path, format="parquet").count_rows() for path in files)


def _days_of(months: list[str]) -> list[date]:
    if not months:
        return []
    first, last = date.fromisoformat(months[0] + "-01"), date.fromisoformat(months[-1] + "-01") + timedelta(days=31)
    return [first + timedelta(days=offset) for offset in range((last - first).days)]


def _day_types(facts: Facts, days: list[date]) -> dict[date, str]:
    """Day types that the holiday facts cover; curves of other years (and countries) are left to the week's rhythm."""
    found: dict[date, str] = {}
    for day in days:
        with suppress(FactNotInForceError):
            found[day] = facts.holidays.day_type(day)
    return found


def _bucket_rows(files: list[str], bucket: int, buckets: int) -> pa.Table:
    """The bronze rows of one bucket of meter points, read without the JVM; the month comes from the folder."""
    wanted = [name for name in BronzeLoadCurves.business_columns() if name != "curve_month"]
    parts = []
    for path in files:
        month = next(part.split("=", 1)[1] for part in path.split("/") if part.startswith("curve_month="))
        rows = ds.dataset(path, format="parquet").to_table(columns=wanted)
        names = pc.unique(rows.column("meter_point_id")).to_pylist()
        mine = [name for name in names if bucket_of(name, buckets) == bucket]
        if mine:
            chosen = rows if len(mine) == len(names) else rows.filter(pc.is_in(rows.column("meter_point_id"), pa.array(mine)))
            parts.append(chosen.append_column("curve_month", pa.array([month] * chosen.num_rows, pa.string())))
    schema = pa.schema([BronzeLoadCurves.arrow_schema().field(name) for name in BronzeLoadCurves.business_columns()])
    if not parts:
        return schema.empty_table()
    return pa.concat_tables(parts).select(schema.names).cast(schema)


def _staged(reports: list[dict[str, Any]], part: str, stage: str) -> list[dict[str, Any]]:
    return [row | {"stage": stage} for report in reports for row in report[part]]


def _summed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per file: its records may lie in several buckets."""
    summed: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["content_hash"], row["table_name"], row["stage"])
        if key not in summed:
            summed[key] = dict(row)
        else:
            for name, value in row.items():
                if name.endswith("_rows"):
                    summed[key][name] += value
    return [summed[key] for key in sorted(summed)]


def _driver_frame(inputs: Inputs, table: type[Table], rows: list[dict[str, Any]]) -> DataFrame:
    """Driver rows as a frame without run columns, which the runner fills."""
    names = list(table.business_columns())
    return inputs.spark.createDataFrame([tuple(row.get(name) for name in names) for row in rows], spark_schema(table, names))


def _own(frame: DataFrame, stage: str) -> DataFrame:
    from pyspark.sql import functions as F

    return frame.withColumn("stage", F.lit(stage))


def refine_master(inputs: Inputs) -> Mapping[type[Table], Written]:
    """Everything received but curves and registers: typed, settled, with history where the table keeps one."""
    frames: dict[type[Table], Written] = {}
    accounts: list[DataFrame] = []
    quarantine: list[DataFrame] = []
    for refinement in REFINEMENTS:
        refined = refine_received(inputs.frame(refinement.bronze), refinement, keep=lambda judged: judged.persist())
        frames[refinement.silver] = refined.frame
        accounts.append(_own(refined.accounts, MASTER))
        quarantine.append(_own(refined.quarantine, MASTER))
    frames[SilverQuarantine] = reduce(lambda left, right: left.unionByName(right), quarantine)
    frames[SilverFileAccounts] = reduce(lambda left, right: left.unionByName(right), accounts)
    return frames


def refine_registers(inputs: Inputs) -> Mapping[type[Table], Written]:
    """Frozen registers: settled, then differences times multiplier with rollover and meter exchange."""
    today = inputs.now.astimezone(LOCAL_ZONE).date()
    settled = settle_register_reads(inputs.frame(BronzeRegisterReads), today)
    settled.judged.persist()
    derived = derive_register_energy(settled.kept, inputs.frame(SilverMeterPoints), inputs.settings.section(VeeSettings))
    derived.derived.persist()
    held = settled.quarantine.unionByName(derived.quarantine)
    return {
        SilverRegisterEnergy: derived.energy,
        SilverQuarantine: _own(held, REGISTERS),
        SilverFileAccounts: _own(hold_back_later(settled.accounts, derived.quarantine), REGISTERS),
    }


STEPS: tuple[Step, ...] = (
    Step(
        stage="silver",
        name=MASTER,
        reads=tuple(refinement.bronze for refinement in REFINEMENTS),
        writes={refinement.silver: WriteMode.REPLACE for refinement in REFINEMENTS}
        | {SilverQuarantine: WriteMode.REPLACE_OWN, SilverFileAccounts: WriteMode.REPLACE_OWN},
        apply=refine_master,
    ),
    Step(
        stage="silver",
        name=REGISTERS,
        reads=(BronzeRegisterReads, SilverMeterPoints),
        writes={SilverRegisterEnergy: WriteMode.REPLACE, SilverQuarantine: WriteMode.REPLACE_OWN, SilverFileAccounts: WriteMode.REPLACE_OWN},
        apply=refine_registers,
    ),
    Step(
        stage="silver",
        name=CURVES,
        reads=(BronzeLoadCurves, SilverMeterPoints),
        writes={SilverDayCurves: WriteMode.COMMIT_FILES, SilverQuarantine: WriteMode.REPLACE_OWN, SilverFileAccounts: WriteMode.REPLACE_OWN},
        apply=refine_all_curves,
    ),
)
