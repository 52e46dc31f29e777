"""Groups of meter points that a worker takes as one Arrow table at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

BUCKET = "_bucket"


def by_bucket(frame: DataFrame, buckets: int) -> Any:
    """The frame grouped by the bucket of its meter point; the same meter point falls into the same bucket in every frame."""
    from pyspark.sql import functions as F

    return frame.withColumn(BUCKET, F.pmod(F.xxhash64("meter_point_id"), F.lit(buckets)).cast("int")).groupBy(BUCKET)


def in_buckets(function: Callable[[pa.Table, pa.Table], pa.Table]) -> Callable[[pa.Table, pa.Table], pa.Table]:
    """A function of two tables without the bucket's column, for ``cogroup(...).applyInArrow``."""

    def apply(left: pa.Table, right: pa.Table) -> pa.Table:
        return function(left.drop_columns([BUCKET]), right.drop_columns([BUCKET]))

    return apply


def spark_schema(schema: pa.Schema) -> StructType:
    """An Arrow schema in Spark's words."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema)
