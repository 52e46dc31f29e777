"""Indicators put together and written by the workers, each for the customers of its bucket. The driver holds
of each customer a name and, month by month, energy and trend: what the comparison with the industry needs.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.engine.revisions import Bucket
from pipelines.engine.step import Inputs, WorkerFiles
from pipelines.incremental.workers import bucket_count
from pipelines.storage.constraints import constraint_violations
from pipelines.storage.data_files import WrittenFile, discard_files, write_files
from pipelines.storage.hash_layout import HASH_BITS, subject_hashes
from pipelines.storage.scan import read_columns
from pipelines.storage.unchanged_rows import all_stand, current_columns, with_run
from pipelines.tables.base import CUSTOMER
from pipelines.tables.silver import SilverCustomers, SilverEvents, SilverPayments
from products.credit_index.indicator_table import GoldCustomerIndicators
from products.credit_index.indicators.assemble import assemble_indicators, peers_of
from products.credit_index.indicators.calendar import Calendar
from products.credit_index.indicators.load import LOAD_SCHEMA
from products.credit_index.indicators.load_in_buckets import (
    FROM,
    LoadOfCustomers,
    spread_customers,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

CUSTOMERS_PER_TASK = 25_000
"""Each bucket looks through all payments for its own: the fewer the better, as far as they fit a worker."""
_COMPARED = (CUSTOMER, "indicator_month", "energy_trend_3m_ratio", "month_kwh")
_TERMS = (
    CUSTOMER,
    "valid_from_date",
    "city",
    "industry_code",
    "contract_capacity_kva",
    "opened_date",
    "closed_date",
)
_PAID = (CUSTOMER, "billed_cny", "due_date", "paid_date")
_BUCKET, _REPORT = "bucket", "report string"


def write_by_customers(
    inputs: Inputs, load: LoadOfCustomers, names: Sequence[str], calendar: Calendar
) -> WorkerFiles:
    """The files of all indicators, written by the workers.

    names  All customers with payments, in order.
    """
    from pyspark.sql import functions as F

    table = GoldCustomerIndicators
    held = load.frame(inputs).persist()
    persisted = [held]
    compared = held.select(*_COMPARED, FROM).toArrow()
    spread = spread_customers(compared)
    frame: DataFrame = held
    if spread:
        anew = load.frame_of(inputs, spread).persist()
        persisted.append(anew)
        names_of_spread = inputs.spark.createDataFrame([(name,) for name in spread], f"{CUSTOMER} string")
        frame = held.join(F.broadcast(names_of_spread), CUSTOMER, "left_anti").unionByName(anew)
        others = compared.filter(pc.invert(pc.is_in(compared[CUSTOMER], pa.array(spread, pa.string()))))
        compared = pa.concat_tables([others, anew.select(*_COMPARED, FROM).toArrow()])
    files = {source: inputs.paths(source) for source in (SilverPayments, SilverEvents, SilverCustomers)}
    terms = read_columns(files[SilverCustomers], SilverCustomers, _TERMS)
    peers = inputs.spark.sparkContext.broadcast(peers_of(compared, names, terms, calendar))
    del compared, terms
    count = bucket_count(inputs, files[SilverCustomers], CUSTOMERS_PER_TASK)
    root, current, run_id = inputs.location(table), inputs.current_paths(table), inputs.run_id

    def written(number: int, rows: pa.Table) -> dict[str, Any]:
        bucket = Bucket(CUSTOMER, number, count)
        payments = bucket.rows(files[SilverPayments], SilverPayments, _PAID)
        events = bucket.rows(files[SilverEvents], SilverEvents, SilverEvents.business_columns())
        before = bucket.rows(current, table, current_columns(table))
        if not payments.num_rows:
            stands = not before.num_rows
            return _report([], constraint_violations(table.empty(), table), stands=stands)
        customers = bucket.rows(files[SilverCustomers], SilverCustomers, _TERMS)
        made = assemble_indicators(rows, payments, events, customers, calendar, peers.value)
        fresh = with_run(made, run_id, table, before)
        stands = bool(before.num_rows) and all_stand(fresh, before, run_id)
        return _report(write_files(fresh, table, root), constraint_violations(made, table), stands=stands)

    def run(batch: pa.Table) -> pa.Table:
        # Every bucket has a row without a customer, so that it is there without any load.
        rows = batch.filter(pc.is_valid(batch[CUSTOMER])).select(LOAD_SCHEMA.names).cast(LOAD_SCHEMA)
        report = written(int(batch[_BUCKET][0].as_py()), rows)
        return pa.table({"report": [json.dumps(report)]})

    dealt = frame.drop(FROM).mapInArrow(_dealing(count), _dealt_schema())
    every = inputs.spark.range(count).select(
        *(F.lit(None).cast(field.dataType).alias(field.name) for field in frame.drop(FROM).schema),
        F.col("id").cast("int").alias(_BUCKET),
    )
    reports = [
        json.loads(row.report)
        for row in dealt.unionByName(every).groupBy(_BUCKET).applyInArrow(run, _REPORT).collect()
    ]
    for each in persisted:
        each.unpersist()
    return _worker_files(inputs, reports)


def _dealt_schema() -> Any:
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(LOAD_SCHEMA.append(pa.field(_BUCKET, pa.int32())))


def _dealing(count: int) -> Any:
    """Adds the bucket of each row's customer."""

    def run(batches: Any) -> Any:
        for batch in batches:
            rows = pa.Table.from_batches([batch])
            place = subject_hashes(rows[CUSTOMER]) * count >> HASH_BITS
            rows = rows.append_column(_BUCKET, pa.array(place, pa.int32()))
            yield from rows.to_batches()

    return run


def _report(files: Sequence[WrittenFile], violations: Mapping[str, int], *, stands: bool) -> dict[str, Any]:
    return {"files": [file.to_json() for file in files], "violations": dict(violations), "stands": stands}


def _worker_files(inputs: Inputs, reports: Sequence[Mapping[str, Any]]) -> WorkerFiles:
    """What the workers wrote; where all rows stand as they are, the table stays."""
    table = GoldCustomerIndicators
    files = [WrittenFile.from_json(text) for report in reports for text in report["files"]]
    violations: Counter[str] = Counter()
    for report in reports:
        violations.update(report["violations"])
    current = frozenset(inputs.current(table))
    if current and all(report["stands"] for report in reports):
        discard_files(inputs.location(table), files)
        return WorkerFiles((), dict(violations), current)
    return WorkerFiles(tuple(sorted(files, key=lambda file: file.path)), dict(violations))
