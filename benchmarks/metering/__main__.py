"""``python -m benchmarks.metering``: makes seeded data, runs every engine on it in processes of their own,
compares, reports.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.metering import report
from benchmarks.metering.agreement import compare, read_long_result, read_own
from benchmarks.metering.measurement import Measured, measure
from benchmarks.metering.received import Loads, write_curves, write_long, write_meters

LONG_ENGINES = ("own", "duckdb", "polars", "production-long")
CURVE_ENGINES = ("curves", "production")
AT_LARGEST = ("production", "production-long")
"""Engines that run at the largest size alone.
"""
FULL_METERS = 2000


def main() -> int:
    chosen = _arguments()
    root = chosen.dir or Path(tempfile.mkdtemp(prefix="zhixiang-bench-"))
    sizes = [chosen.meters >> step for step in reversed(range(chosen.sizes)) if chosen.meters >> step > 0]
    runs: list[dict[str, Any]] = []
    agreements: list[dict[str, Any]] = []
    began = time.monotonic()
    try:
        if len(sizes) > 1:
            _warm_up(root / "warm-up", chosen.engines)
        for meters in sizes:
            folder = root / f"meters-{meters}"
            made = _make(folder, meters, chosen)
            largest = meters == sizes[-1]
            for engine in chosen.engines:
                if engine in AT_LARGEST and not largest:
                    continue
                run = _run(engine, folder, chosen.repeat)
                rows = made["long" if engine in LONG_ENGINES else "curves"]
                reads = rows["rows"] * (1 if engine in LONG_ENGINES else 96)
                runs.append({"engine": engine, "meters": meters, "reads": reads, "is_largest": largest} | run)
                _say(f"{report.NAMES[engine]}, {reads / 1e6:.1f} M reads: {run['wall_s']:.1f} s")
            agreements += [{"meters": meters} | found for found in _agree(folder, chosen.engines)]
            made_last = made
            if not chosen.keep:
                shutil.rmtree(folder)
    finally:
        if not chosen.keep and chosen.dir is None:
            shutil.rmtree(root, ignore_errors=True)
    figures = report.figures(runs, agreements, made_last, chosen.days, time.monotonic() - began)
    _publish(figures, chosen)
    return 0 if all(found["holds"] for found in agreements) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metering", description=__doc__)
    parser.add_argument("--meters", type=int, default=FULL_METERS, help="meters of the largest size")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--sizes", type=int, default=3, help="how many sizes, each half of the next")
    parser.add_argument(
        "--repeat", type=int, default=1, help="runs of each engine at each size; the median counts"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--engines",
        nargs="+",
        choices=(*LONG_ENGINES, *CURVE_ENGINES),
        default=[*LONG_ENGINES, *CURVE_ENGINES],
    )
    parser.add_argument("--dir", type=Path, help="folder for the data; default: a temporary one")
    parser.add_argument("--keep", action="store_true", help="leave the data there")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON instead of a table")
    parser.add_argument("--out", type=Path, help="folder for bench_metering.json, .md and .png")
    return parser.parse_args()


def _warm_up(folder: Path, engines: list[str]) -> None:
    """Compiles the kernels of this version into the cache on disk, where they are in operation too; a few
    meters, outside the clock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    loads = Loads(4, 40, 1)
    write_meters(loads, folder / "meters.parquet")
    write_long(loads, folder / "long")
    write_curves(loads, folder / "curves")
    for engine in engines:
        if engine not in ("duckdb", "polars"):
            _run(engine, folder, 1)
    shutil.rmtree(folder)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _make(folder: Path, meters: int, chosen: argparse.Namespace) -> dict[str, dict[str, int]]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    loads = Loads(meters, chosen.days, chosen.seed)
    write_meters(loads, folder / "meters.parquet")
    return {
        "long": write_long(loads, folder / "long").as_dict(),
        "curves": write_curves(loads, folder / "curves").as_dict(),
    }


def _run(engine: str, folder: Path, repeat: int) -> dict[str, Any]:
    """Runs a job so often; median wall and CPU time, highest memory, and the stages of the run with the
    median wall time.
    """
    done: list[Measured] = []
    for _ in range(repeat):
        out = folder / f"out-{engine}"
        shutil.rmtree(out, ignore_errors=True)
        arguments = [
            engine,
            "--folder",
            str(folder),
            "--out",
            str(out),
            "--result",
            str(folder / f"{engine}.json"),
        ]
        done.append(measure("benchmarks.metering.job", arguments, folder / f"{engine}.json"))
    median = statistics.median_low([run.wall_s for run in done])
    middle = next(run for run in done if run.wall_s == median)
    return {
        "wall_s": middle.wall_s,
        "cpu_s": statistics.median([run.cpu_s for run in done]),
        "peak_gb": max(run.peak_pss_gb for run in done),
        "stages": middle.stages,
        "facts": middle.facts,
        "walls_s": [run.wall_s for run in done],
        "cpus_s": [run.cpu_s for run in done],
    }


def _agree(folder: Path, engines: list[str]) -> list[dict[str, Any]]:
    """The peers against the project's own chain on the same long rows; the curves' chain against the same
    measured values.
    """
    if "own" not in engines:
        return []
    points = pq.read_table(folder / "meters.parquet")
    names = sorted(pc.unique(points["meter_id"]).to_pylist())
    first, last = (
        choose(points[name]).as_py() for choose, name in ((pc.min, "valid_from"), (pc.max, "valid_to"))
    )
    first_day, days = report.day_number(first), (last - first).days + 1
    own = read_own(folder / "out-own", names, first_day, days)
    found = []
    for engine in ("duckdb", "polars"):
        if engine in engines:
            other = read_long_result(folder / f"out-{engine}", names, first_day, days)
            found.append({"with": engine} | compare(own, other).as_dict())
    if "curves" in engines:
        # Curve input has no reactive energy, so measures that rest on it are left out.
        other = read_own(folder / "out-curves", names, first_day, days)
        found.append(
            {"with": "curves"}
            | compare(own, other, without=("reactive_kvarh", "power_factor_ratio")).as_dict()
        )
    return found


def _publish(figures: dict[str, Any], chosen: argparse.Namespace) -> None:
    table = report.markdown(figures)
    if chosen.out is not None:
        chosen.out.mkdir(parents=True, exist_ok=True)
        (chosen.out / "bench_metering.json").write_text(json.dumps(figures, indent=2) + "\n")
        (chosen.out / "bench_metering.md").write_text(table)
        report.plot(figures, chosen.out / "bench_metering.png")
    sys.stdout.write((json.dumps(figures, indent=2) if chosen.json else table) + "\n")


if __name__ == "__main__":
    sys.exit(main())
