"""Work for Spark's Python workers: what each task is given, and workers that are there before the first."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession


def task_frame(spark: SparkSession, given: Sequence[int] | Sequence[str], column: str) -> DataFrame:
    """One row and one task for each number or text given; dealt without a shuffle, and without the workers of
    another kind that ``createDataFrame`` starts to translate rows.
    """
    from pyspark.sql import functions as F

    texts = F.array(*(F.lit(each) for each in given))
    return spark.range(0, len(given), 1, len(given)).select(
        F.get(texts, F.col("id").cast("int")).alias(column)
    )


def wake_workers(spark: SparkSession) -> threading.Thread:
    """Starts the workers' daemon beside what the driver does meanwhile; what is wrong with it, the first task
    tells.
    """

    def work() -> None:
        with suppress(Exception):
            task_frame(spark, [0], "number").mapInArrow(_same, "number int").collect()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def _same(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from batches
