"""The data-quality report: what arrived, what became of it, what was estimated, what the gates said."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from pipelines.ledger import Ledger
from pipelines.store import Store
from pipelines.tables.silver import SilverDayCurves, SilverQuarantine, SilverRegisterEnergy
from pipelines.vee import CHECKS
from zhixiang.accounts import file_accounts
from zhixiang.delivery.pages import write_page

PARTS = ("kept", "duplicate", "superseded", "quarantined")


def write_quality_page(store: Store, ledger: Ledger, path: Path) -> dict[str, Any]:
    """Writes the page and returns its figures."""
    accounts = file_accounts(store)
    accepted = [row for row in accounts if row["status"] == "accepted"]
    figures: dict[str, Any] = {
        "files": dict(Counter(row["status"] for row in accounts)),
        "received": sum(row["received"] for row in accepted),
        **{part: sum(row[part] for row in accepted) for part in PARTS},
        "adds_up": all(row["adds_up"] for row in accepted),
        "curves": _curve_months(store),
        "checks": _failed_checks(store),
        "registers": _register_rules(store),
        "reasons": dict(sorted(Counter(store.arrow(SilverQuarantine, ["reason_code"]).column(0).to_pylist()).items())),
        "gates": latest_gates(ledger),
    }
    write_page(path, "quality.html.j2", accounts=accounts, figures=figures, parts=PARTS, bars=_bars(figures["curves"]))
    write_page(path.with_suffix(".json").with_name("quality.json"), "plain.j2", text=json.dumps(figures, ensure_ascii=False, indent=2, default=str))
    return figures


def _curve_months(store: Store) -> list[dict[str, Any]]:
    rows = store.arrow(SilverDayCurves, ["curve_month", "measured_intervals", "estimated_intervals", "missing_intervals"])
    grouped = rows.group_by("curve_month").aggregate([(name, "sum") for name in rows.column_names[1:]])
    return sorted(
        (
            {"month": row["curve_month"], **{name: row[f"{name}_intervals_sum"] for name in ("measured", "estimated", "missing")}}
            for row in grouped.to_pylist()
        ),
        key=lambda row: row["month"],
    )


def _failed_checks(store: Store) -> list[dict[str, Any]]:
    failed = Counter(pc.list_flatten(store.arrow(SilverDayCurves, ["failed_checks"]).column(0)).to_pylist())
    return [
        {"id": check.id, "title": check.title, "title_zh": check.title_zh, "severity": str(check.severity), "days": failed.get(check.id, 0)}
        for check in CHECKS
    ]


def _register_rules(store: Store) -> dict[str, int]:
    return dict(sorted(Counter(store.arrow(SilverRegisterEnergy, ["register_rule_code"]).column(0).to_pylist()).items()))


def latest_gates(ledger: Ledger) -> list[dict[str, Any]]:
    """The newest gate of each table over all runs."""
    newest: dict[str, dict[str, Any]] = {}
    for run in reversed(ledger.runs(50)):
        for step in ledger.steps(run["run_id"]):
            for table, found in step["gates"].items():
                if isinstance(found, dict) and "rules" in found:
                    newest[table] = {"table": table, "run": run["run_id"], "rules": found["rules"], "failures": found["failures"]}
    return [newest[name] for name in sorted(newest)]


def _bars(months: list[dict[str, Any]]) -> list[dict[str, float]]:
    """Stacked shares of measured, estimated and missing intervals, one bar per month, in a box of 100 high."""
    bars = []
    for row in months:
        total = row["measured"] + row["estimated"] + row["missing"] or 1
        bars.append({"month": row["month"], **{name: 100 * row[name] / total for name in ("measured", "estimated", "missing")}})
    return bars
