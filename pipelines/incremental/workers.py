"""Buckets and months dealt to workers, one task each, without the JVM looking at a row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from pipelines.engine.step import Inputs
from pipelines.storage.scan import row_count
from pipelines.storage.session.tasks import task_frame

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Given = TypeVar("Given", int, str)
_REPORT, _MOST_BUCKETS = "report string", 64


def bucket_count(inputs: Inputs, files: Sequence[str], rows_per_task: int) -> int:
    """Into how many buckets the rows of some files are dealt.

    rows_per_task  How many rows make one more bucket worth its start.
    """
    buckets = min(_MOST_BUCKETS, row_count(files) // rows_per_task + 1)
    return int(max(buckets, inputs.spark.sparkContext.defaultParallelism))


def bucket_frame(inputs: Inputs, buckets: Sequence[int]) -> DataFrame:
    """One row and one task for each bucket."""
    return task_frame(inputs.spark, buckets, "bucket")


def reports_of(
    inputs: Inputs,
    given: Sequence[Given],
    told: Callable[[Given], Mapping[str, Any]],
    *,
    is_alone: bool = False,
) -> list[dict[str, Any]]:
    """What ``told`` reports of each bucket or month, in their order, one task each; a report is fit for JSON.

    is_alone  Whether the driver does it: a worker takes longer to start than a few subjects take. Either way
              gives the same reports.
    """
    if is_alone or not given:
        # Sent to a worker and back as JSON, so that it is the same from either.
        return [json.loads(json.dumps(told(each))) for each in given]

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            found = [json.dumps(told(each)) for each in batch.column(0).to_pylist()]
            yield pa.RecordBatch.from_arrays([pa.array(found, pa.string())], ["report"])

    rows = task_frame(inputs.spark, given, "given").mapInArrow(run, _REPORT).collect()
    return [json.loads(row.report) for row in rows]
