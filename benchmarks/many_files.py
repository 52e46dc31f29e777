"""``zhixiang vee`` on a folder of many files: how much memory and time it takes, measured from outside.

    python -m benchmarks.many_files --files 300 --days 365

Each file is of one meter point: a year of quarter hours of NEM12, with gaps and a spike here and there.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np

SLOTS = 96
FIRST = date(2025, 3, 1)


def write_file(path: Path, number: int, days: int) -> None:
    """A year of one meter point: a load of the day and the week, seeded by its number."""
    random = np.random.default_rng(number)
    day, slot = np.arange(days)[:, None], np.arange(SLOTS)[None, :]
    shape = 1.5 + np.sin(2 * np.pi * (slot - 30) / SLOTS) - 0.3 * (day % 7 >= 5)
    load = shape * (1 + number % 9) * random.lognormal(0, 0.15, (days, SLOTS))
    lines = ["100,NEM12,202603010000,MDP,RET", f"200,NMI{number:07d},E1,1,E1,N1,METER{number},kWh,15,"]
    lost = set(random.choice(days, max(1, days // 90), replace=False).tolist())
    load[random.integers(days), random.integers(SLOTS)] *= 40
    for place in range(days):
        if place in lost:
            continue
        values = ",".join(f"{value:.3f}" for value in load[place])
        lines.append(f"300,{FIRST + timedelta(days=place):%Y%m%d},{values},A,,,20260301000000,")
    path.write_text("\n".join([*lines, "900", ""]), encoding="utf-8")


def measure(files: int, days: int, folder: Path) -> dict[str, float]:
    """Runs the command on as many files; seconds, and the most memory that its process held. [MB]"""
    inbox = folder / "inbox"
    inbox.mkdir()
    for number in range(files):
        write_file(inbox / f"meter_{number:04d}.csv", number, days)
    begin = time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "zhixiang.cli.main",
        "vee",
        str(inbox),
        "--out",
        str(folder / "out"),
        "--json",
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    figures = json.loads(done.stdout)
    return {
        "files": files,
        "intervals": figures["intervals"],
        "estimated": figures["estimated"],
        "exit_code": done.returncode,
        "seconds": round(seconds, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, 1),
        "report_kb": round((folder / "out/report.html").stat().st_size / 1024, 1),
    }


def main() -> None:
    """Prints what was measured, as JSON."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--files", type=int, default=300)
    arguments.add_argument("--days", type=int, default=365)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        sys.stdout.write(json.dumps(measure(asked.files, asked.days, Path(name)), indent=2) + "\n")


if __name__ == "__main__":
    main()
