"""Scores and reasons as the store gives them to the bank file and the pages."""

from __future__ import annotations

from pathlib import Path

from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.settings import Settings, packaged
from products.credit_index.reasons import NAMES
from products.credit_index.settings import CreditIndexSettings

SETTINGS = Settings(packaged("conf"), Path("unused")).section(CreditIndexSettings)
LIMITS = Settings(packaged("conf"), Path("unused")).section(PublicationSettings)
MONTH = BillingMonth(2026, 9)


def score(customer, revision=1, **more):
    return {
        "customer_id": customer,
        "score_month": "2026-09",
        "customer_name": f"模拟企业{customer}",
        "industry_code": "31",
        "default_probability_ratio": 0.0123456789,
        "horizon_months": 3,
        "score_points": 700,
        "scale_label": SETTINGS.scale_label,
        "grade_code": "AA",
        "veto_code": None,
        "veto_zh": None,
        "veto_en": None,
        "warning_code": "none",
        "score_change_points": -12,
        "month_kwh": 1000.0,
        "estimated_ratio": 0.0,
        "model_name": "credit_index",
        "model_version": "4",
        "provenance": "simulated",
        "revision": revision,
    } | more


def reason(customer, rank, revision=1, **more):
    return {
        "customer_id": customer,
        "score_month": "2026-09",
        "reason_rank": rank,
        "reason_id": f"CI-R0{rank}",
        "indicator_name": NAMES[rank - 1],
        "indicator_value": 1.0,
        "effect_points": 10.0 - 8 * rank,
        "text_zh": f"原因{rank}",
        "text_en": f"reason {rank}",
        "revision": revision,
    } | more


def four(customer, revision=1):
    return [reason(customer, rank, revision) for rank in (4, 2, 1, 3)]
