"""Static pages: the portfolio for a risk officer, one enterprise for whoever must explain its score. No
scripts, nothing loaded from anywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.codes import Provenance
from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings, is_publishable
from products.credit_index.pages.score_charts import (
    distribution_chart,
    grades_chart,
    month_line,
    reasons_chart,
    scale_chart,
)
from products.credit_index.reasons import BY_NAME, INDICATORS, shown
from products.credit_index.rows import CreditIndexReasonsV1Row, CreditIndexV1Row, GoldCustomerIndicatorsRow
from products.credit_index.settings import CreditIndexSettings
from products.credit_index.tables import WarningLevel
from products.page_kit.site import Site
from products.page_kit.words import labels_in_words
from products.provenance import joined_provenance, provenances

WARNINGS = {
    WarningLevel.ALERT.value: ("预警", "alert"),
    WarningLevel.WATCH.value: ("关注", "watch"),
    WarningLevel.NONE.value: ("正常", "none"),
}
_INDUSTRIES_SHOWN = 20
_SITE = Site(
    "products.credit_index.pages", filters={"signed": lambda points: f"{points:+d}" if points else "0"}
)
_TRENDS = (("operating_ratio", "{:.0%}", (0.0, 1.0)), ("on_time_6m_ratio", "{:.0%}", (0.0, 1.0)))


def render_portfolio(
    scores: Sequence[CreditIndexV1Row],
    reasons: Sequence[CreditIndexReasonsV1Row],
    month: BillingMonth,
    settings: CreditIndexSettings,
    publication: PublicationSettings,
    *,
    links: Mapping[str, str] | None = None,
    metrics: Mapping[str, float] | None = None,
    listed: int = 20,
) -> str:
    """All scores of a month: distribution, grades, warnings, industries, and those that need attention first.

    scores   Newest revision of each row of credit_index_v1 of that month, at least one.
    reasons  Rows of credit_index_reasons_v1 of the same keys and revisions; the strongest adverse one stands
             beside each enterprise listed.
    links    Customer -> address of its page; none: no links.
    metrics  Figures of the model's test months (``test_auc`` ...), shown where given.
    listed   Enterprises in the list, worst first.
    """
    adverse = _strongest_adverse(reasons)
    ordered = sorted(scores, key=lambda row: (-float(row["default_probability_ratio"]), row["customer_id"]))
    attention = sorted(
        (row for row in ordered if row["warning_code"] != WarningLevel.NONE.value),
        key=lambda row: (
            list(WARNINGS).index(row["warning_code"]),
            -float(row["default_probability_ratio"]),
            row["customer_id"],
        ),
    )
    points = [int(row["score_points"]) for row in scores]
    return _SITE.page(
        "portfolio.html.j2",
        month=str(month),
        count=len(scores),
        mean_points=sum(points) / len(points),
        expected=sum(float(row["default_probability_ratio"]) for row in scores),
        warnings=[
            (code, *words, sum(row["warning_code"] == code for row in scores))
            for code, words in WARNINGS.items()
        ],
        distribution=distribution_chart(points, settings),
        grades=grades_chart(Counter(row["grade_code"] for row in scores)),
        industries=_by_industry(scores, publication),
        lines=[
            _line(row, adverse.get(row["customer_id"]), (links or {}).get(row["customer_id"], ""))
            for row in attention[:listed]
        ],
        attention=len(attention),
        vetoed=sum(bool(row["veto_code"]) for row in scores),
        metrics=_test_figures(metrics or {}),
        **_shared(scores, settings),
    )


def render_enterprise(
    score: CreditIndexV1Row,
    reasons: Sequence[CreditIndexReasonsV1Row],
    history: Sequence[CreditIndexV1Row],
    settings: CreditIndexSettings,
    publication: PublicationSettings,
    *,
    indicators: Sequence[GoldCustomerIndicatorsRow] = (),
    back: str = "",
) -> str:
    """One enterprise: score, grade, warning, veto, four reasons, its history and the indicators behind it.

    score       Newest revision of a row of credit_index_v1.
    reasons     Its rows of credit_index_reasons_v1.
    history     Rows of credit_index_v1 of the same customer, any months; one point per month, the newest
                revision of each.
    indicators  Rows of gold_customer_indicators of the same customer up to the score's month, any order.
    back        Address of the portfolio; empty for no link.
    """
    known = sorted(
        (row for row in indicators if row["indicator_month"] <= score["score_month"]),
        key=lambda row: str(row["indicator_month"]),
    )
    months = [row["indicator_month"] for row in known]
    by_month = {
        row["score_month"]: row
        for row in sorted([*history, score], key=lambda row: (row["score_month"], row["revision"]))
    }
    past = [month for month in sorted(by_month) if month <= score["score_month"]]
    charts = []
    if len(past) > 1:
        limits = (float(settings.min_score_points), float(settings.max_score_points))
        charts.append(
            (
                "信用分走势",
                "Score over time",
                month_line(
                    past,
                    [float(by_month[month]["score_points"]) for month in past],
                    "{:.0f}",
                    "score",
                    limits,
                ),
            )
        )
    charts.append(
        (
            "月用电量",
            "Energy per month, kWh",
            month_line(months, [row["month_kwh"] for row in known], "{:,.0f} kWh", "monthly energy"),
        )
    )
    for name, form, limits in _TRENDS:
        line = month_line(months, [_number(row, name) for row in known], form, BY_NAME[name].title_en, limits)
        charts.append((BY_NAME[name].title_zh, BY_NAME[name].title_en, line))
    ordered = sorted(reasons, key=lambda row: int(row["reason_rank"]))
    return _SITE.page(
        "enterprise.html.j2",
        score=score,
        warning=WARNINGS[score["warning_code"]],
        scale=scale_chart(int(score["score_points"]), settings),
        reasons=ordered,
        reasons_chart=reasons_chart(ordered),
        charts=[chart for chart in charts if chart[2] is not None],
        values=_values(known[-1]) if known and known[-1]["indicator_month"] == score["score_month"] else [],
        estimated_high=publication.is_estimated_too_much(float(score["estimated_ratio"])),
        back=back,
        **_shared([score], settings),
    )


def _shared(scores: Sequence[CreditIndexV1Row], settings: CreditIndexSettings) -> dict[str, Any]:
    kinds = provenances(joined_provenance(row["provenance"] for row in scores))
    return {
        "settings": settings,
        "scale_label": scores[0]["scale_label"],
        "models": sorted({f"{row['model_name']} v{row['model_version']}" for row in scores}),
        # The banner says that all of it is made up; of part of it only the labels tell.
        "is_simulated": kinds == (Provenance.SIMULATED,),
        "is_partly_simulated": Provenance.SIMULATED in kinds,
        "resting_on": labels_in_words(kind.value for kind in kinds),
        "horizon": scores[0]["horizon_months"],
    }


def _strongest_adverse(reasons: Sequence[CreditIndexReasonsV1Row]) -> dict[str, CreditIndexReasonsV1Row]:
    found: dict[str, CreditIndexReasonsV1Row] = {}
    for reason in reasons:
        known = found.get(reason["customer_id"])
        order = (float(reason["effect_points"]), int(reason["reason_rank"]))
        if order[0] < 0 and (
            known is None or order < (float(known["effect_points"]), int(known["reason_rank"]))
        ):
            found[reason["customer_id"]] = reason
    return found


def _line(row: CreditIndexV1Row, adverse: CreditIndexReasonsV1Row | None, link: str) -> dict[str, Any]:
    because = (
        (row["veto_zh"], row["veto_en"])
        if row["veto_code"]
        else (adverse["text_zh"], adverse["text_en"])
        if adverse
        else ("", "")
    )
    return {
        "row": row,
        "warning": WARNINGS[row["warning_code"]],
        "zh": because[0],
        "en": because[1],
        "link": link,
    }


def _by_industry(
    scores: Sequence[CreditIndexV1Row], publication: PublicationSettings
) -> list[dict[str, Any]]:
    """Means of industries with members enough; every enterprise weighs the same in them (15/15 rule)."""
    groups: dict[str, list[CreditIndexV1Row]] = {}
    for row in scores:
        groups.setdefault(row["industry_code"] or "—", []).append(row)
    lines = [
        {
            "industry": industry,
            "count": len(rows),
            "mean_points": sum(int(row["score_points"]) for row in rows) / len(rows),
            "probability": sum(float(row["default_probability_ratio"]) for row in rows) / len(rows),
            "alerts": sum(row["warning_code"] == WarningLevel.ALERT.value for row in rows),
        }
        for industry, rows in groups.items()
        if is_publishable([1] * len(rows), publication)
    ]
    return sorted(lines, key=lambda line: (line["mean_points"], line["industry"]))[:_INDUSTRIES_SHOWN]


def _test_figures(metrics: Mapping[str, float]) -> list[tuple[str, str, str]]:
    wanted = (
        ("test_auc", "区分能力 AUC", "discrimination", "{:.3f}"),
        ("test_ks", "KS", "KS", "{:.3f}"),
        ("test_brier", "布里尔分", "Brier score", "{:.4f}"),
        ("test_mean_probability", "平均预测违约概率", "mean predicted probability", "{:.2%}"),
        ("test_default_rate", "实际违约率", "observed default rate", "{:.2%}"),
    )
    return [(zh, en, form.format(metrics[name])) for name, zh, en, form in wanted if name in metrics]


def _number(row: Mapping[str, object], indicator: str) -> float | None:
    value = row[indicator]
    return value if isinstance(value, int | float) else None


def _values(row: GoldCustomerIndicatorsRow) -> list[tuple[str, str, str]]:
    found = []
    for indicator in INDICATORS:
        value = _number(row, indicator.name)
        found.append(
            (
                indicator.title_zh,
                indicator.title_en,
                "—" if value is None else shown(indicator.name, float(value)),
            )
        )
    return found
