"""The electricity credit index: score, grade and warning, and the reasons under the same key."""

from __future__ import annotations

from enum import StrEnum

from pipelines.tables.base import CUSTOMER, DOUBLE, INTEGER, STRING, Field, Layer, Table
from pipelines.tables.revised import Revised, RevisedResult
from pipelines.units import Unit
from products.credit_index.indicator_table import Indicators


class CreditGrade(StrEnum):
    """Grades of the project's own scale, best first."""

    AAA = "AAA"
    AA = "AA"
    A = "A"
    B = "B"
    C = "C"
    D = "D"


class WarningLevel(StrEnum):
    """Early warning."""

    NONE = "none"
    WATCH = "watch"
    ALERT = "alert"


class CreditIndexV1(RevisedResult, Table):
    """One score per customer and month: a calibrated probability of electricity-payment default on the
    project's own scale.
    """

    name = "credit_index_v1"
    layer = Layer.PRODUCT
    partition_by = ("score_month",)
    subject = CUSTOMER
    customer_id = Field(STRING, "Customer.", key=True)
    score_month = Field(STRING, "Month on whose last day the score stands, YYYY-MM.", key=True)
    customer_name = Field(STRING, "Name; simulated names say so.", nullable=False)
    industry_code = Field(STRING, "GB/T 4754-2017 two-digit class.")
    default_probability_ratio = Field(
        DOUBLE,
        "Calibrated probability of a payment default within the horizon.",
        unit=Unit.RATIO,
        nullable=False,
        minimum=0,
        maximum=1,
    )
    horizon_months = Field(
        INTEGER, "Months ahead that the probability speaks of.", unit=Unit.MONTHS, nullable=False, minimum=1
    )
    score_points = Field(INTEGER, "Score on the scale named beside it.", unit=Unit.POINTS, nullable=False)
    scale_label = Field(STRING, "Whose scale it is.", nullable=False)
    grade_code = Field(STRING, "Grade; no better than a veto allows.", codes=CreditGrade, nullable=False)
    veto_code = Field(STRING, "The strictest rule that forbids a better grade, CI-V..; empty for none.")
    veto_zh = Field(STRING, "The veto in Chinese, with the value.")
    veto_en = Field(STRING, "The veto in English, with the value.")
    warning_code = Field(STRING, "Early warning.", codes=WarningLevel, nullable=False)
    score_change_points = Field(
        INTEGER, "Score less that of `compared_months` before; empty without one.", unit=Unit.POINTS
    )
    month_kwh = Field(DOUBLE, "Energy of the month.", unit=Unit.KWH)
    estimated_ratio = Field(
        DOUBLE,
        "Share of the month's energy that was estimated.",
        unit=Unit.RATIO,
        nullable=False,
        minimum=0,
        maximum=1,
    )
    model_name = Field(STRING, "Registered model.", nullable=False)
    model_version = Field(STRING, "Its version.", nullable=False)
    provenance = Field(
        STRING, "real, dates_shifted, derived, assumed, simulated; joined by +.", nullable=False
    )


class CreditIndexReasonsV1(Revised, Table):
    """The four reasons of a score: what moved it most, by how many points, with the value that did it."""

    name = "credit_index_reasons_v1"
    layer = Layer.PRODUCT
    partition_by = ("score_month",)
    subject = CUSTOMER
    customer_id = Field(STRING, "Customer.", key=True)
    score_month = Field(STRING, "Month of the score, YYYY-MM.", key=True)
    reason_rank = Field(INTEGER, "1 for the strongest.", key=True, minimum=1)
    reason_id = Field(STRING, "Reason of the catalogue, CI-R...", nullable=False)
    indicator_name = Field(STRING, "Column of gold_customer_indicators.", nullable=False)
    indicator_value = Field(DOUBLE, "Its value on that day; empty where it was not known.")
    effect_points = Field(
        DOUBLE,
        "What the indicator adds to the score against the average customer.",
        unit=Unit.POINTS,
        nullable=False,
    )
    text_zh = Field(STRING, "The reason in Chinese, with the value.", nullable=False)
    text_en = Field(STRING, "The reason in English, with the value.", nullable=False)


class CreditIndexInputsV1(Indicators, Revised, Table):
    """The indicators that a score was computed from, as they were: with the model's version they give the
    score again.
    """

    name = "credit_index_inputs_v1"
    layer = Layer.PRODUCT
    partition_by = ("score_month",)
    subject = CUSTOMER
    customer_id = Field(STRING, "Customer.", key=True)
    score_month = Field(STRING, "Month of the score, YYYY-MM.", key=True)
