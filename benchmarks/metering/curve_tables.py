"""The received curves of the benchmark: the project's bronze table, laid out by bucket of meters on
arrival.
"""

from __future__ import annotations

from benchmarks.metering.tables import BUCKET
from pipelines.tables.base import STRING, Field
from pipelines.tables.bronze import BronzeLoadCurves


class BenchmarkLoadCurves(BronzeLoadCurves):
    """bronze_load_curves, partitioned by bucket of meter points instead of by month, so that a worker reads
    what it needs and no more.
    """

    name = "benchmark_load_curves"
    partition_by = (BUCKET,)
    meter_bucket = Field(STRING, "Bucket of the meter point.", nullable=False)
