"""A small Delta job with an Arrow function: proves that the Java found by the project can run the chain."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from pipelines.settings import Settings, packaged
from pipelines.storage.session.spark import find_java, java_major, start_session


def double(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Twice the only column."""
    for batch in batches:
        yield pa.RecordBatch.from_arrays([pa.compute.multiply(batch.column(0), 2)], ["id"])


with tempfile.TemporaryDirectory() as home:
    spark = start_session(Settings(packaged("conf"), Path(home)))
    spark.range(1000).mapInArrow(double, "id long").write.format("delta").save(f"{home}/t")
    total = spark.read.format("delta").load(f"{home}/t").groupBy().sum("id").collect()[0][0]
    spark.stop()
sys.stdout.write(f"Java {java_major(find_java())} in {find_java()}: sum {total}\n")
sys.exit(0 if total == 999_000 else 1)
