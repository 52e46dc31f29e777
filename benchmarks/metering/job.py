"""One job of the comparison in a process of its own: ``python -m benchmarks.metering.job ENGINE --folder F
--out O --result R``.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benchmarks.metering.measurement import Stages, tell


def main() -> None:
    stages = Stages()
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "engine", choices=("own", "duckdb", "polars", "curves", "production", "production-long")
    )
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--result", type=Path, required=True)
    chosen = parser.parse_args()
    match chosen.engine:
        case "own":
            from benchmarks.metering.own_chain import run_own_long as run
        case "duckdb":
            from benchmarks.metering.duckdb_job import run_duckdb as run
        case "polars":
            from benchmarks.metering.polars_job import run_polars as run
        case "production":
            from benchmarks.metering.production_chain import run_production as run
        case "production-long":
            from benchmarks.metering.production_chain import run_production_long as run
        case _:
            from benchmarks.metering.curve_chain import run_curves as run
    run(chosen.folder, chosen.out, stages)
    tell(stages, chosen.result)
    sys.stdout.flush()
    os._exit(0)  # the JVM's farewell is no part of the job


if __name__ == "__main__":
    main()
