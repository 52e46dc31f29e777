"""The gate on a large table: twenty expectations, from a Delta table on disk to the verdict of Great
Expectations.

    python -m benchmarks.quality_gate [--rows 50000000] [--direct] [--out FOLDER] [--json]

Simulated interval reads are written outside the clock. The clock runs from reading the table to the result:
one pass of Spark over all
columns, one shuffle of key hashes, and the library's judgement of the counts. Then one row is broken in three
ways, and the gate must
say so. ``--direct`` also hands the frame itself to the library, with the same expectations, for comparison.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.codes import Channel, RegisterRule, Severity
from pipelines.settings import Settings, packaged
from pipelines.tables.base import DATE, DOUBLE, INTEGER, STRING, Field, Layer, Table
from pipelines.units import Unit

SLOTS, DAYS, CHUNK = 96, 100, 1_000_000
FIRST_DAY = 20_000


class BenchIntervalReads(Table):
    """Simulated interval reads for the gate alone."""

    name = "bench_interval_reads"
    layer = Layer.SILVER
    meter_point_id = Field(STRING, "Meter point.", key=True)
    channel_code = Field(STRING, "What is counted.", codes=Channel, key=True)
    read_date = Field(DATE, "Local day.", key=True)
    slot = Field(INTEGER, "Slot of the day.", key=True, minimum=0, maximum=95)
    energy_kwh = Field(
        DOUBLE, "Energy of the interval.", unit=Unit.KWH, nullable=False, minimum=0, maximum=1e6
    )
    power_kw = Field(DOUBLE, "Mean power.", unit=Unit.KW, nullable=False, minimum=0, maximum=4e6)
    multiplier_ratio = Field(
        DOUBLE, "CT ratio x PT ratio.", unit=Unit.RATIO, nullable=False, minimum=1, maximum=1e5
    )
    status = Field(INTEGER, "IntervalStatus.", nullable=False, minimum=0, maximum=11)
    rule_code = Field(STRING, "How it was found.", codes=RegisterRule, nullable=False)
    quality_ratio = Field(
        DOUBLE, "Share of good samples.", unit=Unit.RATIO, nullable=False, minimum=0, maximum=1
    )
    interval_minutes = Field(
        INTEGER, "Length of an interval.", unit=Unit.MINUTES, minimum=1, maximum=60, severity=Severity.WARN
    )


def simulated_reads(rows: int, seed: int = 7) -> Iterator[pa.RecordBatch]:
    """So many rows in upload order: all meters of a day, slot by slot; the same for the same seed."""
    random = np.random.default_rng(seed)
    meters = max(1, -(-rows // (SLOTS * DAYS)))
    names = pa.array([f"MP-BENCH-{number:07d}" for number in range(meters)])
    channel, rule = pa.array([Channel.ACTIVE_FORWARD.value]), pa.array([RegisterRule.NORMAL.value])
    for first in range(0, rows, CHUNK):
        number = np.arange(first, min(rows, first + CHUNK))
        meter, slot, day = number % meters, number // meters % SLOTS, number // (meters * SLOTS)
        energy = np.round(random.gamma(2.0, 1.5, number.size), 3)
        nothing = pa.array(np.zeros(number.size, dtype=np.int32))
        yield pa.RecordBatch.from_arrays(
            [
                names.take(pa.array(meter)),
                channel.take(nothing),
                pa.array((FIRST_DAY + day).astype(np.int32)).cast(DATE),
                pa.array(slot.astype(np.int32)),
                pa.array(energy),
                pa.array(energy * 4),
                pa.array(np.full(number.size, 1000.0)),
                pa.array(np.ones(number.size, dtype=np.int32)),
                rule.take(nothing),
                pa.array(np.ones(number.size)),
                pa.array(np.full(number.size, 15, dtype=np.int32)),
            ],
            schema=pa.schema([field.with_nullable(True) for field in BenchIntervalReads.arrow_schema()]),
        )


def measure(rows: int, folder: Path, *, direct: bool) -> dict[str, Any]:
    """Seconds of the gate and what it found, on sound rows and on broken ones."""
    from deltalake import write_deltalake
    from pyspark.sql import functions as F

    from pipelines.engine import gate
    from pipelines.storage.session.spark import start_session

    schema = pa.schema([field.with_nullable(True) for field in BenchIntervalReads.arrow_schema()])
    path = str(folder / "reads")
    write_deltalake(
        path, pa.RecordBatchReader.from_batches(schema, simulated_reads(rows)), target_file_size=64 << 20
    )
    spark = start_session(Settings(packaged("conf"), folder / "home"), "quality-gate")
    rules = gate.rules_of(BenchIntervalReads)
    processor = _processor_seconds()
    began = time.monotonic()
    found = gate.check_counted(spark.read.format("delta").load(path), BenchIntervalReads.name, rules)
    seconds = time.monotonic() - began
    figures: dict[str, Any] = {
        "rows": rows,
        "expectations": len(rules),
        "seconds": round(seconds, 1),
        "rows_per_second": round(rows / seconds),
        "processor_seconds": round(_processor_seconds() - processor, 1),
        "cores": os.cpu_count(),
        "failures": list(found.failures),
        "rules": list(found.rules),
    }
    few = spark.read.format("delta").load(path).limit(min(rows, 300_000))
    one = few.limit(1)
    spoilt = few.unionByName(one).unionByName(
        one.withColumn("slot", F.lit(96)).withColumn("rule_code", F.lit("invented"))
    )
    figures["found_when_broken"] = _complaints(gate, spoilt, rules)
    if direct:
        began = time.monotonic()
        gate.check(spark.read.format("delta").load(path), "direct", rules)
        figures["direct_seconds"] = round(time.monotonic() - began, 1)
    spark.stop()
    return figures


def _complaints(gate: Any, frame: Any, rules: Any) -> list[str]:
    from pipelines.errors import GateHaltedError

    try:
        gate.check_counted(frame, "broken", rules)
    except GateHaltedError as halted:
        return list(halted.failures)
    return []


def _processor_seconds() -> float:
    """Of this process and of those it has waited for; the virtual machine of Spark counts once it has ended,
    so it is read from the kernel.
    """
    own = resource.getrusage(resource.RUSAGE_SELF)
    total = own.ru_utime + own.ru_stime
    ticks = os.sysconf("SC_CLK_TCK")
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rsplit(")", 1)[1].split()
            group = os.getpgid(int(entry.parent.name))
        except (OSError, ValueError):
            continue
        if group == os.getpgid(0) and int(entry.parent.name) != os.getpid():
            total += sum(int(value) for value in fields[11:15]) / ticks
    return total


def main() -> int:
    """Makes the data, times the gate, prints the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=50_000_000)
    parser.add_argument("--direct", action="store_true", help="also hand the frame itself to the library")
    parser.add_argument(
        "--out", type=Path, help="folder for the data; default: a temporary one that is removed"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder = options.out or Path(tempfile.mkdtemp(prefix="quality-gate-"))
    try:
        figures = measure(options.rows, folder, direct=options.direct)
    finally:
        if options.out is None:
            shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    else:
        for name in (
            "rows",
            "expectations",
            "seconds",
            "rows_per_second",
            "processor_seconds",
            "cores",
            "direct_seconds",
        ):
            if name in figures:
                sys.stdout.write(f"{name:<20} {figures[name]:,}\n")
        sys.stdout.write("".join(f"found when broken    {text}\n" for text in figures["found_when_broken"]))
    return 0 if not figures["failures"] and len(figures["found_when_broken"]) == 3 else 1


if __name__ == "__main__":
    sys.exit(main())
