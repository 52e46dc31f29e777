"""What the runs show: medians, what a customer more costs, the rule on the later doubling, what a million
would take.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from benchmarks.city_month.process_tree import DRIVER, JVM, WORKERS

MOST_LATER_OVER_EARLIER = 1.05
MOST_DRIVER_GROWTH = 1.25
"""Peak of the driver's Python at the largest city over that at the smallest; its customers are four times
as many.
"""
MILLION = 1_000_000


def figures(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """All figures by name.

    runs  What each run told, with ``customers`` and ``repeat``.
    """
    sizes = [_size(count, [run for run in runs if run["customers"] == count]) for count in _counts(runs)]
    marginal = [
        {
            "from": small["customers"],
            "to": large["customers"],
            "cpu_s_per_1000": 1000 * _slope(small, large, "cpu_s"),
            "wall_s_per_1000": 1000 * _slope(small, large, "wall_s"),
        }
        for small, large in pairwise(sizes)
    ]
    found: dict[str, Any] = {"simulated": True, "sizes": sizes, "marginal": marginal}
    if len(marginal) > 1:
        ratio = marginal[-1]["cpu_s_per_1000"] / marginal[-2]["cpu_s_per_1000"]
        found["later_over_earlier"] = {
            "cpu": ratio,
            "at_most": MOST_LATER_OVER_EARLIER,
            "holds": ratio <= MOST_LATER_OVER_EARLIER,
        }
    if marginal:
        growth = sizes[-1]["peak_mb"][DRIVER] / sizes[0]["peak_mb"][DRIVER]
        found["driver_growth"] = {
            "ratio": growth,
            "at_most": MOST_DRIVER_GROWTH,
            "holds": growth <= MOST_DRIVER_GROWTH,
        }
        last, more = sizes[-1], (MILLION - sizes[-1]["customers"]) / 1000
        found["a_million"] = {
            "estimate": "linear from what a customer more cost last",
            "cpu_s": last["cpu_s"] + more * marginal[-1]["cpu_s_per_1000"],
            "wall_s": last["wall_s"] + more * marginal[-1]["wall_s_per_1000"],
        }
    return found


def _counts(runs: Sequence[Mapping[str, Any]]) -> list[int]:
    return sorted({run["customers"] for run in runs})


def _slope(small: Mapping[str, Any], large: Mapping[str, Any], name: str) -> float:
    return float((large[name] - small[name]) / (large["customers"] - small["customers"]))


def _size(customers: int, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Medians of the runs of a size; memory is the highest of them."""

    def median(value: Any) -> float:
        return statistics.median(value(run) for run in runs)

    parts = {
        name: {
            "wall_s": median(lambda run, name=name: run["parts"][name][0]),
            "cpu_s": median(lambda run, name=name: run["parts"][name][1]),
        }
        for name in runs[0]["parts"]
    }
    return {
        "customers": customers,
        "runs": len(runs),
        "wall_s": median(lambda run: run["wall_s"]),
        "cpu_s": median(lambda run: run["cpu_s"]),
        "cpu_s_each": [run["cpu_s"] for run in runs],
        "cpu_by_kind_s": {
            kind: median(lambda run, kind=kind: run["cpu_by_kind_s"].get(kind, 0.0))
            for kind in (DRIVER, JVM, WORKERS)
        },
        "parts": parts,
        "peak_mb": {
            kind: max(run["peak_bytes"].get(kind, 0) for run in runs) / 1e6 for kind in (DRIVER, JVM, WORKERS)
        },
        "workers_together_mb": max(run["together_bytes"].get(WORKERS, 0) for run in runs) / 1e6,
        "rows": runs[0]["rows"],
        "bills_with_a_total": runs[0]["bills_with_a_total"],
    }


def in_words(found: Mapping[str, Any]) -> str:
    """The figures as text."""
    lines = ["A billing month of a simulated city: determinants to bills, scores and codes in Delta", ""]
    lines += _table(
        [
            "customers",
            "runs",
            "wall s",
            "CPU s",
            "driver CPU",
            "JVM",
            "workers",
            "driver MB",
            "JVM MB",
            "a worker MB",
        ],
        [
            [
                f"{size['customers']:,}",
                str(size["runs"]),
                *(
                    f"{value:.1f}"
                    for value in (size["wall_s"], size["cpu_s"], *size["cpu_by_kind_s"].values())
                ),
                *(f"{value:.0f}" for value in size["peak_mb"].values()),
            ]
            for size in found["sizes"]
        ],
    )
    lines += ["", "Wall and CPU seconds of each step", ""]
    names = [*found["sizes"][0]["parts"]]
    lines += _table(
        ["customers", *names],
        [
            [
                f"{size['customers']:,}",
                *(
                    f"{size['parts'][name]['wall_s']:.1f} / {size['parts'][name]['cpu_s']:.1f}"
                    for name in names
                ),
            ]
            for size in found["sizes"]
        ],
    )
    lines.append("")
    for each in found["marginal"]:
        lines.append(
            f"{each['from']:,} to {each['to']:,}: {each['cpu_s_per_1000']:.3f} CPU s and "
            f"{each['wall_s_per_1000']:.3f} s per 1,000 customers more"
        )
    for name, what in (
        ("later_over_earlier", "later doubling over the earlier by CPU time"),
        ("driver_growth", "peak of the driver's Python, largest city over smallest"),
    ):
        if name in found:
            value = found[name].get("cpu", found[name].get("ratio"))
            verdict = "holds" if found[name]["holds"] else "does not hold"
            lines.append(f"{what}: {value:.3f}, at most {found[name]['at_most']}: {verdict}")
    if "a_million" in found:
        lines.append(
            f"a million customers, {found['a_million']['estimate']}: "
            f"{found['a_million']['cpu_s']:.0f} CPU s, {found['a_million']['wall_s']:.0f} s here"
        )
    last = found["sizes"][-1]
    rows = ", ".join(f"{count:,} {name}" for name, count in last["rows"].items() if count)
    lines.append(f"rows of the largest: {rows}; {last['bills_with_a_total']:,} bills have a total")
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
