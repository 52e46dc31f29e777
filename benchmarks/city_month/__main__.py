"""``python -m benchmarks.city_month``: makes each city outside the clock, runs its month, reports."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.city_month.home import SEED, make_home
from benchmarks.city_month.month_run import STEPS
from benchmarks.city_month.report import figures, in_words
from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from products.efficiency_bill.tables import EfficiencyBillV1

SIZES = [25_000, 50_000, 100_000]


class MonthFailedError(Exception):
    """A month did not come to its end; the message is the end of what it said."""


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; ends with 1 where the later doubling costs more than it may."""
    chosen = _arguments(arguments)
    root = chosen.dir or Path(tempfile.mkdtemp(prefix="zhixiang-city-month-"))
    runs: list[dict[str, Any]] = []
    try:
        for customers in sorted(chosen.customers):
            city = root / f"city-{customers}"
            made = make_home(city, customers, chosen.seed, _say)
            _say(f"{customers:,} customers: {sum(made.values()):,} rows and the models, outside the clock")
            for repeat in range(chosen.repeats):
                runs.append(_run(city, root / "home", customers, repeat))
            if not chosen.keep:
                shutil.rmtree(city)
    finally:
        if chosen.dir is None and not chosen.keep:
            shutil.rmtree(root, ignore_errors=True)
    found = figures(runs)
    if chosen.out is not None:
        chosen.out.mkdir(parents=True, exist_ok=True)
        (chosen.out / "bench_city_month.json").write_text(json.dumps(found | {"runs": runs}, indent=1))
        (chosen.out / "bench_city_month.md").write_text(in_words(found) + "\n", encoding="utf-8")
    sys.stdout.write((json.dumps(found, indent=1) if chosen.json else in_words(found)) + "\n")
    return 0 if found.get("later_over_earlier", {"holds": True})["holds"] else 1


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.city_month", description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=SIZES, help="sizes of the city")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each size; the median counts")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", type=Path, help="folder for the figures and the table")
    parser.add_argument("--dir", type=Path, help="folder for the homes; default: a temporary one")
    parser.add_argument("--keep", action="store_true", help="leave the homes there")
    return parser.parse_args(arguments)


def _run(city: Path, home: Path, customers: int, repeat: int) -> dict[str, Any]:
    """One month of a city in a fresh home. Input files are linked: the steps add to tables and change no
    file.
    """
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(city / "tables", home / "tables", copy_function=os.link)
    for part in sorted(city.iterdir()):
        if part.name != "tables":
            (shutil.copytree if part.is_dir() else shutil.copy2)(part, home / part.name)
    result, log = home.with_suffix(".json"), home.with_suffix(".log")
    with log.open("w") as said:
        code = subprocess.run(
            [sys.executable, "-m", "benchmarks.city_month.measured_run", str(home), str(result)],
            stdout=said,
            stderr=said,
            check=False,
        ).returncode
    if code:
        raise MonthFailedError(
            f"The month of {customers:,} customers ended with {code}: {log.read_text()[-2000:]}"
        )
    run: dict[str, Any] = json.loads(result.read_text())
    undone = [name for name in STEPS if run["statuses"].get(name) != "done"]
    if undone:
        raise MonthFailedError(f"Steps did nothing: {', '.join(undone)}.")
    totals = Store(Settings(packaged("conf"), home)).arrow(EfficiencyBillV1, ["total_cny"])
    run["bills_with_a_total"] = totals.num_rows - totals["total_cny"].null_count
    _say(f"{customers:,} customers, run {repeat + 1}: {run['wall_s']:.1f} s, {run['cpu_s']:.1f} CPU s")
    shutil.rmtree(home)
    return {"customers": customers, "repeat": repeat} | run


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
