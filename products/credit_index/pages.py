"""Static pages for a bank: the portfolio, and one enterprise with its reasons. No scripts, nothing loaded from anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.tables.credit_index import CreditGrade, WarningLevel

if TYPE_CHECKING:
    from jinja2 import Environment

Row = Mapping[str, Any]
GRADE_COLOURS = {"AAA": "#00695c", "AA": "#00897b", "A": "#4db6ac", "B": "#f6c344", "C": "#ef8a3c", "D": "#c0392b"}
WARNINGS = {"none": ("正常", "normal"), "watch": ("关注", "watch"), "alert": ("预警", "alert")}
_LOW, _HIGH, _BIN = 300, 850, 25


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def distribution(scores: Sequence[Row]) -> list[dict[str, Any]]:
    """Scores in bins of 25 points with the grade most common in each, for the bars."""
    bins: dict[int, Counter[str]] = {edge: Counter() for edge in range(_LOW, _HIGH, _BIN)}
    for row in scores:
        edge = min(max(_LOW + (int(row["score_points"]) - _LOW) // _BIN * _BIN, _LOW), _HIGH - _BIN)
        bins[edge][str(row["grade_code"])] += 1
    most = max((sum(found.values()) for found in bins.values()), default=1) or 1
    return [
        {
            "edge": edge,
            "count": sum(found.values()),
            "height": 150 * sum(found.values()) / most,
            "colour": GRADE_COLOURS[min(found, key=lambda grade: (-found[grade], grade))] if found else "#dddddd",
        }
        for edge, found in bins.items()
    ]


def score_chart(scores: Sequence[Row]) -> str:
    """The distribution of scores as an SVG file of its own."""
    return _environment().get_template("distribution.svg.j2").render(bins=distribution(scores), width=660, height=210)


def render_portfolio(scores: Sequence[Row], month: str, metrics: Mapping[str, float], links: Mapping[str, str]) -> str:
    """The portfolio of a month.

    scores   Rows of credit_index_v1, newest revisions.
    metrics  Of the champion model.
    links    Customer -> address of its page, where it has one.
    """
    grades, warnings = Counter(str(row["grade_code"]) for row in scores), Counter(str(row["warning_code"]) for row in scores)
    alerts = sorted((row for row in scores if row["warning_code"] == WarningLevel.ALERT.value), key=lambda row: (-row["default_probability_ratio"], row["customer_id"]))
    return _environment().get_template("portfolio.html.j2").render(
        month=month,
        count=len(scores),
        grades=[{"grade": grade.value, "count": grades[grade.value], "colour": GRADE_COLOURS[grade.value]} for grade in CreditGrade],
        warnings=[{"zh": zh, "en": en, "count": warnings[code], "code": code} for code, (zh, en) in WARNINGS.items()],
        chart=score_chart(scores),
        alerts=alerts[:25],
        best=sorted(scores, key=lambda row: (-row["score_points"], row["customer_id"]))[:10],
        metrics=metrics,
        scale=scores[0]["scale_label"] if scores else "",
        model=f"{scores[0]['model_name']} v{scores[0]['model_version']}" if scores else "",
        links=links,
        words=WARNINGS,
        colours=GRADE_COLOURS,
    )


def render_enterprise(score: Row, reasons: Sequence[Row], energy: Sequence[tuple[str, float]]) -> str:
    """One enterprise: score, grade, warning, the reasons with their points, and its energy month by month.

    score    A row of credit_index_v1; reasons: its rows of credit_index_reasons_v1.
    energy   (month, kWh) in order of time.
    """
    most = max((abs(float(row["effect_points"])) for row in reasons), default=1.0) or 1.0
    bars = [{**row, "width": 46 * abs(float(row["effect_points"])) / most, "is_good": float(row["effect_points"]) >= 0} for row in reasons]
    highest = max((value for _, value in energy), default=1.0) or 1.0
    columns = [{"month": month, "height": 110 * value / highest, "value": value} for month, value in energy]
    place = (float(score["score_points"]) - _LOW) / (_HIGH - _LOW)
    return _environment().get_template("enterprise.html.j2").render(
        score=score, reasons=bars, energy=columns, place=min(max(place, 0.0), 1.0), colour=GRADE_COLOURS[score["grade_code"]], warning=WARNINGS[score["warning_code"]]
    )
