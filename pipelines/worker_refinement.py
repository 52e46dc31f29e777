"""Bronze to silver by the workers themselves: one task per bucket of meter points reads, computes and writes without the JVM."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.bucket_rows import bucket_rows
from pipelines.promises import promises
from pipelines.steps import Inputs, WorkerFiles, Written, WrittenFile
from pipelines.store import spark_schema
from pipelines.table_files import write_files
from pipelines.tables.base import Table
from pipelines.tables.silver import SilverFileAccounts, SilverQuarantine
from pipelines.unchanged_rows import standing_columns, with_run

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_REPORT = "report string"

Columns = Mapping[type[Table], Sequence[str]]
NO_COLUMNS: Columns = {}


@dataclass(frozen=True)
class BucketOutcome:
    """What one bucket gives: rows without run columns, accounts, quarantine, counts of broken promises, and what checks found."""

    rows: pa.Table
    accounts: pa.Table
    quarantine: pa.Table
    violations: Mapping[str, int]
    findings: pa.Table | None = None


def refine_in_buckets(
    inputs: Inputs,
    stage: str,
    source: type[Table],
    target: type[Table],
    refine: Callable[[pa.Table], BucketOutcome],
    rows_per_task: int,
    findings: type[Table] | None = None,
) -> Mapping[type[Table], Written]:
    """Runs ``refine`` on all bronze rows of each bucket of meter points.

    source         Bronze table with ``meter_point_id``, partitioned by one month column.
    target         Silver table; the workers write its files, the runner commits them.
    refine         Pure function; it travels to the workers with all that it holds.
    rows_per_task  How many rows make one more bucket worth its start.
    findings       Table of what checks found, written beside the target.
    """
    files, reports = _run_buckets(inputs, (source,), target, lambda tables: refine(tables[0]), rows_per_task, findings)
    return {
        **files,
        SilverQuarantine: driver_frame(inputs, SilverQuarantine, _staged(reports, "quarantine", stage)),
        SilverFileAccounts: driver_frame(inputs, SilverFileAccounts, _summed(_staged(reports, "accounts", stage))),
    }


def derive_in_buckets(
    inputs: Inputs,
    sources: Sequence[type[Table]],
    target: type[Table],
    derive: Callable[[Sequence[pa.Table]], pa.Table],
    rows_per_task: int,
    columns: Columns = NO_COLUMNS,
) -> Mapping[type[Table], Written]:
    """Runs ``derive`` on the rows of each bucket of meter points, one Arrow table per source; nothing is held back here."""
    return derive_with_findings(inputs, sources, target, None, lambda tables: (derive(tables), None), rows_per_task, columns)


def derive_with_findings(
    inputs: Inputs,
    sources: Sequence[type[Table]],
    target: type[Table],
    findings: type[Table] | None,
    derive: Callable[[Sequence[pa.Table]], tuple[pa.Table, pa.Table | None]],
    rows_per_task: int,
    columns: Columns = NO_COLUMNS,
) -> Mapping[type[Table], Written]:
    """The same where ``derive`` gives the rows of the target and those of ``findings``.

    columns  What is read of a source, where that is not every business column.
    """

    def outcome(tables: Sequence[pa.Table]) -> BucketOutcome:
        rows, found = derive(tables)
        return BucketOutcome(rows, pa.table({}), pa.table({}), promises(rows, target), found)

    return _run_buckets(inputs, sources, target, outcome, rows_per_task, findings, columns)[0]


def driver_files(inputs: Inputs, table: type[Table], rows: pa.Table) -> WorkerFiles:
    """Files of rows that the driver holds already, to be committed as those of workers are."""
    return WorkerFiles(tuple(write_files(with_run(rows, inputs.run_id), table, inputs.location(table))), promises(rows, table))


def map_buckets(
    inputs: Inputs, source: type[Table], derive: Callable[[pa.Table], pa.Table], schema: pa.Schema, subject: str, rows_per_task: int
) -> pa.Table:
    """Runs ``derive`` on the rows of each bucket of subjects and brings the (far fewer) rows it gives to the driver.

    subject  Column whose values stay together, for example ``customer_id``.
    """
    files = [f"{inputs.location(source)}/{path}" for path in inputs.files(source)]
    buckets = _bucket_count(inputs, files, rows_per_task)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for bucket in batch.column(0).to_pylist():
                yield from derive(bucket_rows(files, source, bucket, buckets, subject)).cast(schema).to_batches()

    from pyspark.sql.pandas.types import from_arrow_schema

    return _bucket_frame(inputs, buckets).mapInArrow(run, from_arrow_schema(schema)).toArrow().cast(schema)


def _bucket_count(inputs: Inputs, files: Sequence[str], rows_per_task: int) -> int:
    rows = sum(pq.read_metadata(path).num_rows for path in files)
    return int(max(min(64, rows // rows_per_task + 1), inputs.spark.sparkContext.defaultParallelism))


def _bucket_frame(inputs: Inputs, buckets: int) -> DataFrame:
    return inputs.spark.createDataFrame([(bucket,) for bucket in range(buckets)], "bucket int").repartitionByRange(buckets, "bucket")


def _run_buckets(
    inputs: Inputs,
    sources: Sequence[type[Table]],
    target: type[Table],
    work: Callable[[Sequence[pa.Table]], BucketOutcome],
    rows_per_task: int,
    findings: type[Table] | None = None,
    columns: Columns = NO_COLUMNS,
) -> tuple[dict[type[Table], WorkerFiles], list[dict[str, Any]]]:
    run_id = inputs.run_id
    targets = (target,) if findings is None else (target, findings)
    roots = [inputs.location(table) for table in targets]
    files = {source: [f"{inputs.location(source)}/{path}" for path in inputs.files(source)] for source in sources}
    standing = [[f"{root}/{path}" for path in inputs.standing(table)] for table, root in zip(targets, roots, strict=True)]
    buckets = _bucket_count(inputs, [path for paths in files.values() for path in paths], rows_per_task)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            reports = []
            for bucket in batch.column(0).to_pylist():
                outcome = work([bucket_rows(files[source], source, bucket, buckets, columns=columns.get(source)) for source in sources])
                given = [outcome.rows] if outcome.findings is None else [outcome.rows, outcome.findings]
                written = []
                for rows, table, root, stands in zip(given, targets, roots, standing, strict=True):
                    before = bucket_rows(stands, table, bucket, buckets, columns=standing_columns(table)) if stands else None
                    written.append([file.to_json() for file in write_files(with_run(rows, run_id, table, before), table, root)])
                report = {
                    "files": written,
                    "accounts": outcome.accounts.to_pylist(),
                    "quarantine": outcome.quarantine.to_pylist(),
                    "violations": [dict(outcome.violations), *(promises(rows, table) for rows, table in zip(given[1:], targets[1:], strict=True))],
                }
                reports.append(json.dumps(report))
            yield pa.RecordBatch.from_arrays([pa.array(reports, pa.string())], ["report"])

    reports = [json.loads(row.report) for row in _bucket_frame(inputs, buckets).mapInArrow(run, _REPORT).collect()]
    return {table: _worker_files(reports, place) for place, table in enumerate(targets)}, reports


def _worker_files(reports: list[dict[str, Any]], place: int) -> WorkerFiles:
    written = [WrittenFile.from_json(text) for report in reports for text in report["files"][place]]
    return WorkerFiles(tuple(sorted(written, key=lambda file: file.path)), _total(report["violations"][place] for report in reports))


def driver_frame(inputs: Inputs, table: type[Table], rows: list[dict[str, Any]]) -> DataFrame:
    """Driver rows as a frame without run columns, which the runner fills."""
    names = list(table.business_columns())
    return inputs.spark.createDataFrame([tuple(row.get(name) for name in names) for row in rows], spark_schema(table, names))


def _total(counts: Iterator[Mapping[str, int]]) -> dict[str, int]:
    return reduce(lambda sums, found: {name: sums.get(name, 0) + count for name, count in found.items()}, counts, {})


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
