"""Declared tables as Spark frames and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.tables.base import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


DAY = date(2026, 3, 1)


def frame(spark: SparkSession, table: type[Table], rows: Sequence[dict[str, Any]]) -> DataFrame:
    filled = [dict.fromkeys(table.columns()) | row for row in rows]
    return spark.createDataFrame(
        pa.Table.from_pylist(filled, pa.schema([field.with_nullable(True) for field in table.arrow_schema()]))
    )


def arrow_of(table: type[Table], found: DataFrame) -> pa.Table:
    return found.toArrow().cast(pa.schema([field.with_nullable(True) for field in table.arrow_schema()]))


METER = {
    "meter_point_id": "MP-1",
    "valid_from_date": DAY,
    "customer_id": "C1",
    "meter_id": "M1",
    "multiplier_ratio": 10.0,
    "register_digits": 6,
    "register_decimals": 2,
    "provenance": "simulated",
}
