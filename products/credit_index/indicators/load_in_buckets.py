"""Indicators of load by the workers, each for the meter points of its bucket.

Days are laid out by meter point, so that a bucket reads its own alone. Of nearly all customers every meter
point lies in one bucket; the others show by having rows from several, and theirs are made anew out of all
their days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.engine.step import Inputs
from pipelines.incremental.workers import bucket_count, bucket_frame
from pipelines.storage.hash_layout import bucket_of
from pipelines.storage.scan import bucket_rows, read_columns
from pipelines.tables.base import CUSTOMER, POINT
from pipelines.tables.gold import GoldDayEnergy
from products.credit_index.indicators.calendar import Calendar
from products.credit_index.indicators.load import LOAD_SCHEMA, deducted_days, load_indicators
from products.credit_index.settings import OperationSettings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

DAYS_PER_TASK = 1_200_000
SPREAD_PER_TASK = 2_500
"""Customers with meter points in several buckets, who are made anew."""
FROM = "from_bucket"
WITH_BUCKET = LOAD_SCHEMA.append(pa.field(FROM, pa.int32()))
_DECISIVE = (
    "meter_point_id",
    "channel_code",
    CUSTOMER,
    "energy_date",
    "energy_kwh_or_kvarh",
    "estimated_ratio",
)


@dataclass(frozen=True)
class LoadOfCustomers:
    """Where the days are, and how they are looked at; it travels to the workers.

    files   Data files of gold_day_energy.
    behind  Days of sub-meters that are deducted from another's account, see ``deducted_days``; few.
    """

    files: Sequence[str]
    calendar: Calendar
    operation: OperationSettings
    behind: pa.Table

    @classmethod
    def of(cls, inputs: Inputs, calendar: Calendar, operation: OperationSettings) -> LoadOfCustomers:
        """The days that a step is given."""
        files = inputs.paths(GoldDayEnergy)
        columns = (*_DECISIVE, "deducted_customer_id")
        behind = read_columns(files, GoldDayEnergy, columns, ds.field("deducted_customer_id").is_valid())
        return cls(files, calendar, operation, deducted_days(behind))

    def rows(self, inputs: Inputs) -> pa.Table:
        """The rows of all customers. (LOAD_SCHEMA)"""
        found = self.frame(inputs).toArrow().cast(WITH_BUCKET)
        spread = spread_customers(found)
        if spread:
            anew = self.frame_of(inputs, spread).toArrow().cast(WITH_BUCKET)
            found = pa.concat_tables([_without(found, spread), anew])
        return found.drop_columns([FROM])

    @contextmanager
    def held(self, inputs: Inputs) -> Iterator[DataFrame]:
        """The rows of all customers, held by Spark within the block. (WITH_BUCKET)"""
        from pyspark.sql import functions as F

        by_bucket = self.frame(inputs).persist()
        persisted = [by_bucket]
        frame = by_bucket
        edges = by_bucket.groupBy(CUSTOMER).agg(F.min(FROM).alias("first"), F.max(FROM).alias("last"))
        spread = edges.where("first < last").select(CUSTOMER)
        names = sorted(spread.toArrow()[CUSTOMER].to_pylist())
        if names:
            anew = self.frame_of(inputs, names).persist()
            persisted.append(anew)
            frame = by_bucket.join(F.broadcast(spread), CUSTOMER, "left_anti").unionByName(anew)
        try:
            yield frame
        finally:
            for each in persisted:
                each.unpersist()

    def frame(self, inputs: Inputs) -> DataFrame:
        """Rows by bucket of meter points; a customer in several buckets has wrong ones. (WITH_BUCKET)"""
        files, buckets = self.files, bucket_count(inputs, self.files, DAYS_PER_TASK)

        def made(number: int) -> pa.Table:
            days = bucket_rows(files, GoldDayEnergy, number, buckets, POINT, _DECISIVE)
            return load_indicators(days, self.calendar, self.operation, self.behind)

        return _dealt(inputs, buckets, made)

    def frame_of(self, inputs: Inputs, names: Sequence[str]) -> DataFrame:
        """Rows of some customers out of all their days. (WITH_BUCKET)"""
        files, count = self.files, len(names) // SPREAD_PER_TASK + 1
        parts = [[name for name in names if bucket_of(name, count) == number] for number in range(count)]

        def made(number: int) -> pa.Table:
            mine = ds.field(CUSTOMER).isin(pa.array(parts[number], pa.string()))
            days = read_columns(files, GoldDayEnergy, _DECISIVE, mine, use_threads=False)
            return load_indicators(days, self.calendar, self.operation, self.behind)

        return _dealt(inputs, count, made)


def spread_customers(found: pa.Table) -> list[str]:
    """Customers with rows from more than one bucket.

    found  Columns ``customer_id`` and ``from_bucket``.
    """
    pairs = found.select([CUSTOMER, FROM]).group_by([CUSTOMER, FROM]).aggregate([])
    counts = pairs.group_by([CUSTOMER]).aggregate([(FROM, "count")])
    return sorted(counts.filter(pc.greater(counts[f"{FROM}_count"], 1))[CUSTOMER].to_pylist())


def _without(found: pa.Table, names: Sequence[str]) -> pa.Table:
    return found.filter(pc.invert(pc.is_in(found[CUSTOMER], pa.array(names, pa.string()))))


def _dealt(inputs: Inputs, count: int, made: Callable[[int], pa.Table]) -> DataFrame:
    from pyspark.sql.pandas.types import from_arrow_schema

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                rows = made(number)
                place = pa.repeat(pa.scalar(number, pa.int32()), rows.num_rows)
                yield from rows.append_column(FROM, place).cast(WITH_BUCKET).to_batches()

    return bucket_frame(inputs, range(count)).mapInArrow(run, from_arrow_schema(WITH_BUCKET))
