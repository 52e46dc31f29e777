"""Indicators put together and written by the workers, each for the customers of its bucket, after others have
compared the customers of each industry. The driver holds no customer but those whose meter points lie in
several buckets.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import FloatArray
from pipelines.engine.revisions import Bucket
from pipelines.engine.step import Inputs, WorkerFiles
from pipelines.incremental.workers import bucket_count
from pipelines.storage.constraints import constraint_violations
from pipelines.storage.data_files import WrittenFile, discard_files, write_files
from pipelines.storage.hash_layout import bucket_column
from pipelines.storage.unchanged_rows import all_stand, current_columns, with_run
from pipelines.tables.base import CUSTOMER, Table
from pipelines.tables.silver import SilverCustomers, SilverEvents, SilverPayments
from products.credit_index.indicator_table import GoldCustomerIndicators
from products.credit_index.indicators.assemble import Grouped, assemble_indicators, grouped
from products.credit_index.indicators.calendar import Calendar
from products.credit_index.indicators.load import LOAD_SCHEMA
from products.credit_index.indicators.load_in_buckets import FROM, LoadOfCustomers
from products.credit_index.indicators.peers import Compared

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
_BUCKET, _GROUP, _REPORT = "bucket", "peers", "report string"
_ASKED = f"{_BUCKET} int, {_GROUP} string, months binary, trend binary, kwh binary"
_ANSWERED = f"{_BUCKET} int, {_GROUP} string, growth_gap binary, size_rank binary"
"""A row is what one bucket has of one group: an array of floats a column, one for each customer and month."""


@dataclass(frozen=True)
class _Buckets:
    """What a worker finds the rows of its bucket by; it travels to the workers.

    files  Table -> addresses of its data files.
    """

    files: Mapping[type[Table], Sequence[str]]
    calendar: Calendar
    count: int

    def rows(self, number: int, table: type[Table], columns: Sequence[str]) -> pa.Table:
        """The rows of a bucket."""
        return Bucket(CUSTOMER, number, self.count).rows(self.files[table], table, columns)

    def grouped(self, load: pa.Table, payments: pa.Table, customers: pa.Table) -> Grouped:
        """What is compared of the customers of a bucket.

        load       At least customer, month, trend and energy of its rows of load_indicators.
        payments   Its payments, at least whose they are.
        customers  Its terms.
        """
        names = sorted(pc.unique(payments[CUSTOMER]).to_pylist())
        return grouped(load, names, customers, self.calendar)


def write_by_customers(inputs: Inputs, load: LoadOfCustomers, calendar: Calendar) -> WorkerFiles:
    """The files of all indicators, written by the workers."""
    from pyspark.sql import functions as F

    table = GoldCustomerIndicators
    sources: tuple[type[Table], ...] = (SilverPayments, SilverEvents, SilverCustomers)
    files = {source: inputs.paths(source) for source in sources}
    files[table] = inputs.current_paths(table)
    count = bucket_count(inputs, files[SilverCustomers], CUSTOMERS_PER_TASK)
    buckets, root, run_id = _Buckets(files, calendar, count), inputs.location(table), inputs.run_id

    def written(number: int, rows: pa.Table, answers: pa.Table) -> dict[str, Any]:
        payments = buckets.rows(number, SilverPayments, _PAID)
        before = buckets.rows(number, table, current_columns(table))
        if not payments.num_rows:
            stands = not before.num_rows
            return _report([], constraint_violations(table.empty(), table), stands=stands)
        events = buckets.rows(number, SilverEvents, SilverEvents.business_columns())
        customers = buckets.rows(number, SilverCustomers, _TERMS)
        compared = _compared(buckets.grouped(rows, payments, customers), answers)
        made = assemble_indicators(rows, payments, events, customers, calendar, compared)
        fresh = with_run(made, run_id, table, before)
        stands = bool(before.num_rows) and all_stand(fresh, before, run_id)
        return _report(write_files(fresh, table, root), constraint_violations(made, table), stands=stands)

    def run(_key: Any, rows: pa.Table, answers: pa.Table) -> pa.Table:
        number = int(answers[_BUCKET][0].as_py())
        mine = rows.select(LOAD_SCHEMA.names).cast(LOAD_SCHEMA)
        return pa.table({"report": [json.dumps(written(number, mine, answers))]})

    with load.held(inputs) as held:
        dealt = held.withColumn(_BUCKET, bucket_column(CUSTOMER, count))
        # Every bucket has an answer of no group, so that it is there without any load.
        every = inputs.spark.range(count).select(
            F.col("id").cast("int").alias(_BUCKET),
            *(F.lit(None).cast(kind).alias(name) for name, kind in map(str.split, _ANSWERED.split(", ")[1:])),
        )
        answers = _answers(dealt.select(_BUCKET, *_COMPARED), buckets).unionByName(every)
        both = dealt.drop(FROM).groupBy(_BUCKET).cogroup(answers.groupBy(_BUCKET))
        reports = [json.loads(row.report) for row in both.applyInArrow(run, _REPORT).collect()]
    return _worker_files(inputs, reports)


def _answers(dealt: DataFrame, buckets: _Buckets) -> DataFrame:
    """The rows of all customers compared, by a worker for each industry of each city."""

    def asked(rows: pa.Table) -> pa.Table:
        number = int(rows[_BUCKET][0].as_py())
        payers = buckets.rows(number, SilverPayments, (CUSTOMER,))
        found = buckets.grouped(rows, payers, buckets.rows(number, SilverCustomers, _TERMS))
        members = [found.numbers == group for group in range(len(found.groups))]
        return pa.table(
            {
                _BUCKET: pa.repeat(pa.scalar(number, pa.int32()), len(members)),
                _GROUP: pa.array(found.groups, pa.string()),
                "months": _packed([np.nonzero(mine)[1].astype(np.float64) for mine in members]),
                "trend": _packed([found.trend[mine] for mine in members]),
                "kwh": _packed([found.kwh[mine] for mine in members]),
            }
        )

    def answered(rows: pa.Table) -> pa.Table:
        months, trend, kwh = (_unpacked(rows[name]) for name in ("months", "trend", "kwh"))
        found = Compared.of_group(np.concatenate(months), np.concatenate(trend), np.concatenate(kwh))
        edges = np.cumsum([each.size for each in months])[:-1]
        return pa.table(
            {
                _BUCKET: rows[_BUCKET],
                _GROUP: rows[_GROUP],
                "growth_gap": _packed(np.split(found.growth_gap, edges)),
                "size_rank": _packed(np.split(found.size_rank, edges)),
            }
        )

    of_buckets = dealt.groupBy(_BUCKET).applyInArrow(asked, _ASKED)
    return of_buckets.groupBy(_GROUP).applyInArrow(answered, _ANSWERED)


def _compared(asked: Grouped, answers: pa.Table) -> Compared:
    """The answers on the groups of a bucket, in the places that it asked from."""
    found = Compared.nothing(asked.numbers.shape)
    told = answers.filter(pc.is_valid(answers[_GROUP]))
    each = zip(
        told[_GROUP].to_pylist(), _unpacked(told["growth_gap"]), _unpacked(told["size_rank"]), strict=True
    )
    for name, growth_gap, size_rank in each:
        found.place(asked.numbers == asked.groups.index(name), Compared(growth_gap, size_rank))
    return found


def _packed(arrays: Sequence[FloatArray]) -> pa.Array:
    return pa.array([each.tobytes() for each in arrays], pa.binary())


def _unpacked(column: pa.ChunkedArray) -> list[FloatArray]:
    return [np.frombuffer(each, np.float64) for each in column.to_pylist()]


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
