"""The catalogue of checks and estimators as Markdown, made from the lists."""

from __future__ import annotations

from pipelines.settings import described_keys
from pipelines.vee.estimation.estimators import ESTIMATORS
from pipelines.vee.settings import VeeSettings
from pipelines.vee.validation.check import ALWAYS
from pipelines.vee.validation.checks import CHECKS


def render_check_catalogue() -> str:
    """The page ``docs/checks.md``: every check and estimator with severity, thresholds and source."""
    parts = [
        "# Checks and estimators",
        "",
        "This page is generated from the lists in `pipelines/vee`; the thresholds stand in `conf/vee.yaml`.",
        (
            "An interval that fails an *invalid* check is estimated; its measured value stays beside the "
            "final one."
        ),
        (
            "A record that fails a *quarantine* check does not enter silver. *warn* and *info* leave the "
            "value alone."
        ),
        (
            "What is found on records is kept in `silver_quarantine`, on intervals in `silver_day_curves`, "
            "on registers in"
        ),
        (
            "`silver_register_findings` (a decrease in `silver_quarantine` too), on days of energy in "
            "`gold_day_findings`."
        ),
        "",
        "| Id | Level | Bit | Check | 中文 | Severity | Judged | From | Thresholds | Source |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    parts += [
        f"| {check.id} | {check.level.value} | {'' if check.bit is None else check.bit} | "
        f"{_cell(check.title)} | {check.title_zh} "
        f"| {check.severity.value} | {check.eligibility.text} | "
        f"{'always' if check.valid_from == ALWAYS else check.valid_from.isoformat()} "
        f"| {_keys(check.keys)} | {_cell(check.source)} |"
        for check in CHECKS
    ]
    parts += ["", "What a check does not find though one might expect it to:", ""]
    parts += [f"- {check.id}: {check.blind}" for check in CHECKS if check.blind]
    parts += ["", "| Id | Estimator | 中文 | Status | Thresholds | Source |", "|---|---|---|---|---|---|"]
    parts += [
        f"| {method.id} | {_cell(method.title)} | {method.title_zh} | {method.status.name.lower()} "
        f"({method.status.value}) "
        f"| {_keys(method.settings)} | {_cell(method.source)} |"
        for method in ESTIMATORS
    ]
    parts += ["", "| Threshold | Meaning |", "|---|---|"]
    parts += [
        f"| `{name}` | {_cell(field.description or '')} |" for name, field in described_keys(VeeSettings)
    ]
    return "\n".join(parts) + "\n"


def _keys(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
