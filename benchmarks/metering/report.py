"""The figures of a run as a table, a plot and JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

NAMES = {
    "own": "own chain, long input",
    "duckdb": "DuckDB, long input",
    "polars": "Polars, long input",
    "curves": "own chain, curve input",
    "production": "steps of `zhixiang run`, curve input",
    "production-long": "steps of `zhixiang run`, long input",
}
FULL_READS = 65_000_000
WHAT_IS_WHOSE = """What is measured:

* *own chain*: session, store, file writing and Delta commits are production code, for curve input the reader, its checks and the bronze
  columns too; the layout by bucket on arrival and the rules are the benchmark's, because the comparison needs rules that SQL can express.
  Bronze, silver and gold are Delta tables, committed; the peers persist results only.
* *steps of `zhixiang run`*: production code alone, with every check and estimator of the catalogue: more work than the peers do.
* Wall time runs from the start of the process to the last commit, start of Python and Spark included; memory is the proportional set size of
  the process tree. All data are simulated from a seed.
"""


def day_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def figures(
    runs: Sequence[Mapping[str, Any]],
    agreements: Sequence[Mapping[str, Any]],
    made: Mapping[str, Any],
    days: int,
    seconds: float,
) -> dict[str, Any]:
    """Everything that was measured and what follows from it."""
    duckdb = {run["meters"]: run["wall_s"] for run in runs if run["engine"] == "duckdb"}
    shown = [
        dict(run)
        | {
            "reads_per_second": run["reads"] / run["wall_s"],
            "ratio_to_duckdb": run["wall_s"] / duckdb[run["meters"]] if run["meters"] in duckdb else None,
        }
        for run in runs
    ]
    return {
        "machine": {
            "cores": os.cpu_count(),
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
            "python": platform.python_version(),
        },
        "versions": {name: version(name) for name in ("pyspark", "deltalake", "pyarrow", "duckdb", "polars")},
        "days": days,
        "planted": made,
        "runs": shown,
        "agreement": list(agreements),
        "growth": _growth(shown),
        "goals": _goals(shown, agreements),
        "seconds": seconds,
    }


def _growth(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Seconds per further million reads between neighbouring sizes of each engine."""
    grown = []
    for engine in NAMES:
        mine = sorted((run for run in runs if run["engine"] == engine), key=lambda run: run["reads"])
        steps = [
            {
                key: (after[key] - before[key]) / (after["reads"] - before["reads"]) * 1e6
                for key in ("wall_s", "cpu_s")
            }
            for before, after in pairwise(mine)
        ]
        if steps:
            ratio = steps[-1]["wall_s"] / steps[0]["wall_s"] if len(steps) > 1 else None
            cpu_ratio = steps[-1]["cpu_s"] / steps[0]["cpu_s"] if len(steps) > 1 else None
            grown.append(
                {
                    "engine": engine,
                    "wall_s_per_million": [step["wall_s"] for step in steps],
                    "cpu_s_per_million": [step["cpu_s"] for step in steps],
                    "later_over_earlier": ratio,
                    "later_over_earlier_cpu": cpu_ratio,
                }
            )
    return grown


def _goals(
    runs: Sequence[Mapping[str, Any]], agreements: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    # Goals of speed are stated for a year of 2,000 meters; start-up alone would fail them on less.
    largest = {run["engine"]: run for run in runs if run["is_largest"] and run["reads"] >= FULL_READS}
    goals: list[dict[str, Any]] = []

    def add(what: str, goal: float, found: float | None, *, at_least: bool) -> None:
        if found is not None:
            goals.append(
                {
                    "what": what,
                    "goal": goal,
                    "found": found,
                    "at_least": at_least,
                    "met": found >= goal if at_least else found <= goal,
                }
            )

    if "own" in largest:
        add(
            "long input, received files to gold, wall over DuckDB",
            0.40,
            largest["own"]["ratio_to_duckdb"],
            at_least=False,
        )
        add("peak memory, long input [GB]", 6.0, largest["own"]["peak_gb"], at_least=False)
    if "production-long" in largest:
        add(
            "long input, steps of `zhixiang run`, received files to gold, wall over DuckDB",
            0.30,
            largest["production-long"]["ratio_to_duckdb"],
            at_least=False,
        )
    for engine, silver in (
        ("curves", ("silver and gold files", "silver and gold commit")),
        ("production", ("silver-curves", "gold-day-energy")),
    ):
        if engine in largest:
            run = largest[engine]
            add(
                f"{NAMES[engine]}, received files to gold [M reads/s]",
                3.0,
                run["reads_per_second"] / 1e6,
                at_least=True,
            )
            seconds = sum(run["stages"][name] for name in silver)
            add(
                f"{NAMES[engine]}, committed bronze to gold [M reads/s]",
                6.0,
                run["reads"] / seconds / 1e6,
                at_least=True,
            )
    for grown in _growth(runs):
        if (
            grown["engine"] in largest
            and grown["engine"] in ("own", "curves")
            and grown["later_over_earlier"] is not None
        ):
            # Wall seconds of the small sizes are start-up and whatever else ran: processor time tells more.
            for by, ratio in (("wall", "later_over_earlier"), ("CPU", "later_over_earlier_cpu")):
                add(
                    f"marginal cost by {by}, later over earlier doubling, {NAMES[grown['engine']]}",
                    1.05,
                    grown[ratio],
                    at_least=False,
                )
    if agreements:
        add(
            "slots whose flags differ between engines",
            0,
            max(found["different_flags"] for found in agreements),
            at_least=False,
        )
        add(
            "largest relative difference of energies and measures",
            1e-9,
            max(max(found["energy"], found["measures"]) for found in agreements),
            at_least=False,
        )
    return goals


def markdown(found: Mapping[str, Any]) -> str:
    """The tables of the report."""
    machine, versions = found["machine"], found["versions"]
    lines = [
        f"{machine['cores']} cores, {machine['memory_gb']} GB, Python {machine['python']}, "
        + ", ".join(f"{name} {number}" for name, number in versions.items())
        + ".",
        "",
        "| engine | meters | M reads | wall s | CPU s | peak GB | M reads/s | × DuckDB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for run in found["runs"]:
        ratio = f"{run['ratio_to_duckdb']:.2f}" if run["ratio_to_duckdb"] is not None else ""
        lines.append(
            f"| {NAMES[run['engine']]} | {run['meters']:,} | {run['reads'] / 1e6:.1f} | {run['wall_s']:.1f} "
            f"| {run['cpu_s']:.0f} | {run['peak_gb']:.1f} "
            f"| {run['reads_per_second'] / 1e6:.2f} | {ratio} |"
        )
    lines += ["", "| stage (largest size) | seconds |", "|---|---|"]
    for run in found["runs"]:
        if run["is_largest"] and run["engine"] in ("own", "curves", "production", "production-long"):
            lines += [
                f"| {NAMES[run['engine']]}: {name} | {seconds:.1f} |"
                for name, seconds in run["stages"].items()
            ]
    if found["growth"]:
        lines += [
            "",
            "| growth | s per further million reads | CPU s | later over earlier | by CPU |",
            "|---|---|---|---|---|",
        ]
        for grown in found["growth"]:
            ratios = [
                f"{grown[key]:.2f}" if grown[key] is not None else ""
                for key in ("later_over_earlier", "later_over_earlier_cpu")
            ]
            walls, cpus = (
                ", ".join(f"{value:.2f}" for value in grown[key])
                for key in ("wall_s_per_million", "cpu_s_per_million")
            )
            lines.append(f"| {NAMES[grown['engine']]} | {walls} | {cpus} | {ratios[0]} | {ratios[1]} |")
    if found["agreement"]:
        lines += [
            "",
            "| own chain against | meters | slots | flagged | flags that differ | energy | measures |",
            "|---|---|---|---|---|---|---|",
        ]
        for one in found["agreement"]:
            lines.append(
                f"| {NAMES[one['with']]} | {one['meters']:,} | {one['slots']:,} | {one['flagged']:,} | "
                f"{one['different_flags']} "
                f"| {one['energy']:.1e} | {one['measures']:.1e} |"
            )
    lines += ["", "| goal | wanted | found | |", "|---|---|---|---|"]
    for goal in found["goals"]:
        sign = "≥" if goal["at_least"] else "≤"
        lines.append(
            f"| {goal['what']} | {sign} {goal['goal']:g} | {goal['found']:.3g} | "
            f"{'met' if goal['met'] else 'missed'} |"
        )
    if not any("M reads" in goal["what"] or "wall" in goal["what"] for goal in found["goals"]):
        lines += [
            "",
            (
                f"The goals of speed are stated for {FULL_READS / 1e6:.0f} M reads and more; this run is too "
                "short to judge them."
            ),
        ]
    return "\n".join([*lines, "", WHAT_IS_WHOSE])


def plot(found: Mapping[str, Any], path: Path) -> None:
    """Wall time over size, and seconds of the stages at the largest size."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    colours = {
        "own": "#0b6e4f",
        "duckdb": "#c8963e",
        "polars": "#7a5195",
        "curves": "#2f9e78",
        "production": "#0b3c5d",
        "production-long": "#3d7ea6",
    }
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2))
    for engine, colour in colours.items():
        runs = sorted((run for run in found["runs"] if run["engine"] == engine), key=lambda run: run["reads"])
        if runs:
            left.plot(
                [run["reads"] / 1e6 for run in runs],
                [run["wall_s"] for run in runs],
                "o-",
                color=colour,
                label=NAMES[engine].replace("`", ""),
            )
    left.set(xlabel="million reads", ylabel="wall time [s]", title="received files to gold")
    left.set_xlim(left=0)
    left.set_ylim(bottom=0)
    left.legend(frameon=False, fontsize=8)
    largest = [run for run in found["runs"] if run["is_largest"]]
    right.barh(
        [NAMES[run["engine"]].replace("`", "") for run in largest],
        [run["cpu_s"] for run in largest],
        color="#d9d9d9",
        label="CPU",
    )
    right.barh(
        [NAMES[run["engine"]].replace("`", "") for run in largest],
        [run["wall_s"] for run in largest],
        height=0.45,
        color=[colours[run["engine"]] for run in largest],
        label="wall",
    )
    right.invert_yaxis()
    right.set(xlabel="seconds: wall (coloured), CPU (grey)", title="largest size")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
