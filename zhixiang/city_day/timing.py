"""Makes the simulated city outside the clock, then times the run in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import MachineError

BYTES_PER_METER = 96 * 3 * 8 + 2000
"""Generous: received file, profiles and silver together."""
GOAL_SECONDS = 60.0


@dataclass(frozen=True)
class CityDay:
    """What one city day gave.

    reads            Intervals of the day, one per meter and slot.
    total_s          From the start of the process to the commit of silver. [s]
    refine_s         The same without the start of interpreter and Spark session. [s]
    worker_cpu_s     Processor time of the workers' functions; on a machine that others use too it tells more
                     than the clock. [s]
    reads_per_second Over ``total_s``.
    planted, found   Faults planted in the curves that count, and what was found; ``spikes_beside`` are spikes
                     found where none was planted.
    """

    meters: int
    reads: int
    files: int
    cores: int
    start_s: float
    refine_s: float
    commit_s: float
    total_s: float
    worker_cpu_s: float
    reads_per_second: float
    received_gb: float
    profiles_gb: float
    silver_gb: float
    planted: dict[str, int]
    found: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"goal_s": GOAL_SECONDS, "simulated": True}


def run_city_day(
    folder: Path, meters: int, seed: int, *, keep: bool, say: Callable[[str], None] = lambda _text: None
) -> CityDay:
    """Makes and times a city day.

    folder  Empty or new; removed at the end unless ``keep``.
    """
    free = shutil.disk_usage(_existing(folder)).free
    if free < meters * BYTES_PER_METER:
        raise MachineError(
            (
                f"{meters} meters need about {meters * BYTES_PER_METER / 1e9:.0f} GB; {folder} has "
                f"{free / 1e9:.0f} GB free."
            ),
            "Choose another folder with --dir, or fewer meters with --meters.",
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        say(f"making files and profiles of {meters:,} simulated meters, outside the clock")
        planted = make_city(folder, meters, seed)
        say("timing: received files and kept profiles to committed silver")
        return _timed(folder, meters, planted)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def make_city(folder: Path, meters: int, seed: int) -> dict[str, int]:
    """Received files, truth and committed profiles; returns the planted faults."""
    from pipelines.settings import Settings, load_settings
    from pipelines.storage.data_files import commit_files
    from pipelines.storage.store import Store
    from zhixiang.city_day.received import METERS_PER_FILE, make_area
    from zhixiang.city_day.tables import SimulatedDayProfiles

    store = Store(Settings(load_settings().conf_dir, folder / "home"))
    root = store.path(SimulatedDayProfiles)
    areas = [
        (number, first, min(METERS_PER_FILE, meters - first))
        for number, first in enumerate(range(0, meters, METERS_PER_FILE))
    ]
    # The children are no copies of this process: a fork of one with native threads may hang.
    import multiprocessing

    with ProcessPoolExecutor(
        min(len(areas), os.cpu_count() or 1), multiprocessing.get_context("spawn")
    ) as pool:
        made = list(pool.map(make_area, *zip(*[(folder, root, *area, seed) for area in areas], strict=True)))
    commit_files(store, SimulatedDayProfiles, [file for _, file in made], "city-day", 1, overwrite=True)
    planted: dict[str, int] = {}
    for faults, _ in made:
        for name, count in faults.as_dict().items():
            planted[name] = planted.get(name, 0) + count
    return planted


def _timed(folder: Path, meters: int, planted: dict[str, int]) -> CityDay:
    result, log = folder / "result.json", folder / "run.log"
    began = time.monotonic()
    with log.open("w") as said:
        code = subprocess.run(
            [sys.executable, "-m", "zhixiang.city_day.day_run", str(folder), str(result)],
            stdout=said,
            stderr=said,
            check=False,
        ).returncode
    if code or not result.exists():
        raise MachineError(
            f"The timed run ended with {code}: {log.read_text()[-600:].strip()}",
            "Run it again with fewer meters.",
        )
    told = json.loads(result.read_text())
    slots = 96
    total = told["committed"] - began
    return CityDay(
        meters=meters,
        reads=meters * slots,
        files=len(list((folder / "received").glob("*.parquet"))),
        cores=os.cpu_count() or 1,
        start_s=told["started"] - began,
        refine_s=told["computed"] - told["started"],
        commit_s=told["committed"] - told["computed"],
        total_s=total,
        worker_cpu_s=told["worker_cpu_s"],
        reads_per_second=meters * slots / total,
        received_gb=_gigabytes(folder / "received"),
        profiles_gb=_gigabytes(folder / "home" / "tables" / "silver_simulated_day_profiles"),
        silver_gb=told["silver_bytes"] / 1e9,
        planted=planted,
        found=told["found"],
    )


def _gigabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*.parquet")) / 1e9


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder
