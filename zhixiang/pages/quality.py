"""The data-quality report: whose data suffice, what was estimated, which checks fired, what the gates said,
what became of each file.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.engine.ledger import Ledger
from pipelines.storage.store import Store
from pipelines.tables.rows.silver import SilverEstimationErrorsRow
from pipelines.tables.silver import SilverDayCurves, SilverQuarantine, SilverRegisterEnergy
from pipelines.vee import VeeSettings
from products.page_kit.site import write_bytes
from products.page_kit.words import CLASSES
from zhixiang.pages.quality_charts import (
    check_chart,
    day_chart,
    error_chart,
    gap_chart,
    heat_chart,
    months_chart,
)
from zhixiang.pages.quality_figures import (
    error_limits,
    error_lines,
    estimation_errors,
    known_months,
    month_figures,
)
from zhixiang.pages.quality_rows import MonthIntervals
from zhixiang.pages.site import PAGES
from zhixiang.reports.file_accounts import Part, file_accounts

SEARCH = """
const words = document.getElementById('words'), only = document.getElementById('only'), shown = document.getElementById('shown');
const rows = Array.from(document.querySelectorAll('#points tbody tr'));
function sift() {
  const wanted = words.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let count = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    const fits = wanted.every(word => text.includes(word)) && (!only.checked || row.dataset.bad === '1');
    row.hidden = !fits;
    count += fits ? 1 : 0;
  }
  shown.textContent = count.toLocaleString() + ' / ' + rows.length.toLocaleString();
}
words.addEventListener('input', sift);
only.addEventListener('change', sift);
sift();
"""
CLASS_NAMES = {kind.value: said.zh for kind, said in CLASSES.items()} | {"none": "无类别"}
PARTS: tuple[Part, ...] = ("kept", "duplicate", "superseded", "quarantined")


def write_quality_page(store: Store, ledger: Ledger, path: Path, months: Sequence[str]) -> dict[str, Any]:
    """Writes the page of the last month at ``path`` and one beside it for each month; returns the figures of
    the last.

    months  YYYY-MM, in order; of those without data nothing is written. With none that has data, the page has
            no monthly part.
    """
    figures = run_figures(store, ledger)
    known = set(known_months(store))
    shown = [month for month in months if month in known]
    errors = estimation_errors(store)
    for month in shown:
        write_month_page(path.with_name(f"{month}.html"), figures, month_figures(store, month), errors, shown)
    if shown:
        write_bytes(path, path.with_name(f"{shown[-1]}.html").read_bytes())
    else:
        write_month_page(path, figures, None, errors, [])
    write_bytes(path.with_name("quality.json"), _json(figures).encode())
    return figures


def run_figures(store: Store, ledger: Ledger) -> dict[str, Any]:
    """What holds for the run as a whole: the account of the received records, gates, checks and quarantine of
    all months.
    """
    accounts = file_accounts(store)
    accepted = [row for row in accounts if row["status"] == "accepted"]
    return {
        "accounts": accounts,
        "files": dict(Counter(row["status"] for row in accounts)),
        "received": sum(row["received"] for row in accepted),
        **{part: sum(row[part] for row in accepted) for part in PARTS},
        "adds_up": all(row["adds_up"] for row in accepted),
        "curves": _curve_months(store),
        "registers": _register_rules(store),
        "reasons": dict(
            sorted(Counter(store.arrow(SilverQuarantine, ["reason_code"]).column(0).to_pylist()).items())
        ),
        "gates": latest_gates(ledger),
        "error_limits": error_limits(store.settings.section(VeeSettings)),
    }


def write_month_page(
    path: Path,
    figures: dict[str, Any],
    month: dict[str, Any] | None,
    errors: Sequence[SilverEstimationErrorsRow],
    months: list[str],
) -> None:
    """One page: the month's figures where there are any, then what holds for the run as a whole."""
    charts = {"months": months_chart(figures["curves"])}
    if month is not None:
        charts |= {
            "days": day_chart(month["days"]),
            "checks": check_chart(month["checks"]),
            "gaps": gap_chart(month["gaps"]),
            "heat": heat_chart(month["heat"]),
        }
    PAGES.write_page(
        path,
        "quality.html.j2",
        accounts=figures["accounts"],
        figures=figures,
        parts=PARTS,
        month=month,
        months=months,
        charts=charts,
        errors=errors,
        error_charts=[
            part | {"chart": error_chart(part["lines"], figures["error_limits"])}
            for part in error_lines(errors)
        ],
        class_names=CLASS_NAMES,
        search=SEARCH,
    )


def _json(found: dict[str, Any]) -> str:
    return json.dumps(found, ensure_ascii=False, indent=1, default=str)


def _curve_months(store: Store) -> list[MonthIntervals]:
    month = SilverDayCurves.partition_column()
    rows = store.arrow(
        SilverDayCurves, [month, "measured_intervals", "estimated_intervals", "missing_intervals"]
    )
    grouped = rows.group_by(month).aggregate([(name, "sum") for name in rows.column_names[1:]])
    months: list[MonthIntervals] = [
        {
            "month": row[month],
            "measured": row["measured_intervals_sum"],
            "estimated": row["estimated_intervals_sum"],
            "missing": row["missing_intervals_sum"],
        }
        for row in grouped.to_pylist()
    ]
    return sorted(months, key=lambda row: row["month"])


def _register_rules(store: Store) -> dict[str, int]:
    counted = (
        store.arrow(SilverRegisterEnergy, ["register_rule_code"])
        .group_by("register_rule_code")
        .aggregate([([], "count_all")])
    )
    return dict(sorted((row["register_rule_code"], row["count_all"]) for row in counted.to_pylist()))


def latest_gates(ledger: Ledger) -> list[dict[str, Any]]:
    """The newest gate of each table over all runs."""
    newest: dict[str, dict[str, Any]] = {}
    for run in reversed(ledger.runs(50)):
        for step in ledger.steps(run["run_id"]):
            for table, found in step["gates"].items():
                if isinstance(found, dict) and "rules" in found:
                    newest[table] = {
                        "table": table,
                        "run": run["run_id"],
                        "rules": found["rules"],
                        "failures": found["failures"],
                        "count": len(found["rules"]),
                        "warnings": found.get("warnings", []),
                        "held": found.get("held", {}),
                    }
    return [newest[name] for name in sorted(newest)]
