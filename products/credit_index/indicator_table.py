"""Indicators of a customer's electricity behaviour, as known on the last day of a month."""

from __future__ import annotations

from pipelines.tables.base import CUSTOMER, DOUBLE, INTEGER, STRING, Field, Layer, Table
from pipelines.units import Unit


class Indicators:
    """The indicators themselves; those of a score are kept with it."""

    history_months = Field(
        INTEGER, "Months of metering known so far.", unit=Unit.MONTHS, nullable=False, minimum=0
    )
    late_bills_12m = Field(
        INTEGER, "Bills that fell due in the last 12 months and were not paid in time.", minimum=0
    )
    late_bills_3m = Field(INTEGER, "The same over 3 months.", minimum=0)
    max_overdue_12m_days = Field(
        DOUBLE,
        "Longest delay of a bill that fell due in the last 12 months, as known then.",
        unit=Unit.DAYS,
        minimum=0,
    )
    mean_overdue_12m_days = Field(
        DOUBLE, "Mean delay over all bills that fell due in the last 12 months.", unit=Unit.DAYS, minimum=0
    )
    unpaid_bills = Field(INTEGER, "Bills overdue and not paid on that day.", minimum=0)
    unpaid_days = Field(
        INTEGER, "Days that the oldest unpaid bill was overdue; 0 where none was.", unit=Unit.DAYS, minimum=0
    )
    arrears_12m = Field(
        INTEGER, "Month ends among the last 12 on which a bill was overdue and unpaid.", minimum=0, maximum=12
    )
    unpaid_to_bill_ratio = Field(
        DOUBLE,
        "Amount overdue and unpaid over the mean bill of the last 12 months.",
        unit=Unit.RATIO,
        minimum=0,
    )
    early_payment_6m_days = Field(
        DOUBLE,
        "Mean days before the due date of bills paid in time, last 6 months; empty where none was.",
        unit=Unit.DAYS,
        minimum=0,
    )
    on_time_6m_ratio = Field(
        DOUBLE,
        "Share of the bills of the last 6 months that were paid in time.",
        unit=Unit.RATIO,
        minimum=0,
        maximum=1,
    )
    energy_yoy_ratio = Field(
        DOUBLE,
        (
            "Mean day of the month over that of the same month of the year before, less 1; empty without "
            "that month."
        ),
        unit=Unit.RATIO,
    )
    energy_mom_ratio = Field(
        DOUBLE, "Mean day of the month over that of the month before, less 1.", unit=Unit.RATIO
    )
    energy_trend_3m_ratio = Field(
        DOUBLE, "Mean day of the last 3 months over that of the 3 months before, less 1.", unit=Unit.RATIO
    )
    energy_slope_6m_ratio = Field(
        DOUBLE, "Slope of the mean day over 6 months, per month, over its mean.", unit=Unit.RATIO
    )
    energy_cv_6m_ratio = Field(
        DOUBLE, "Coefficient of variation of the mean day over 6 months.", unit=Unit.RATIO, minimum=0
    )
    day_cv_ratio = Field(
        DOUBLE, "Coefficient of variation of the days of the month.", unit=Unit.RATIO, minimum=0
    )
    zero_use_3m_days = Field(INTEGER, "Days of the last 3 months without use.", unit=Unit.DAYS, minimum=0)
    longest_stop_days = Field(
        INTEGER,
        "Longest run of days of the month below a tenth of the own baseline day.",
        unit=Unit.DAYS,
        minimum=0,
    )
    operating_ratio = Field(
        DOUBLE,
        "Share of the month's days with at least 30 % of the own baseline day (mean of the 6 months before).",
        unit=Unit.RATIO,
        minimum=0,
        maximum=1,
    )
    operating_change_ratio = Field(
        DOUBLE, "Operating share less its mean over the 3 months before.", unit=Unit.RATIO
    )
    load_ratio = Field(
        DOUBLE, "Mean day over highest day of the last 3 months.", unit=Unit.RATIO, minimum=0, maximum=1
    )
    capacity_use_ratio = Field(
        DOUBLE, "Highest mean day power of 3 months over the contract capacity.", unit=Unit.RATIO, minimum=0
    )
    violations_24m = Field(INTEGER, "Contract violations of the last 24 months.", minimum=0)
    violations_12m = Field(INTEGER, "Contract violations of the last 12 months.", minimum=0)
    thefts_24m = Field(INTEGER, "Thefts of electricity of the last 24 months.", minimum=0)
    over_capacity_12m = Field(INTEGER, "Over-capacity events of the last 12 months.", minimum=0)
    open_safety_notices = Field(INTEGER, "Safety notices open on that day.", minimum=0)
    capacity_increases_12m = Field(INTEGER, "Increases of capacity in the last 12 months.", minimum=0)
    capacity_decreases_12m = Field(INTEGER, "Decreases and suspensions in the last 12 months.", minimum=0)
    ownership_changes_12m = Field(INTEGER, "Changes of ownership in the last 12 months.", minimum=0)
    industry_growth_gap_ratio = Field(
        DOUBLE, "3-month trend less the median of the same industry in the city.", unit=Unit.RATIO
    )
    industry_size_percentile_ratio = Field(
        DOUBLE,
        "Share of the others of the same industry in the city that used less in the month.",
        unit=Unit.RATIO,
        minimum=0,
        maximum=1,
    )
    account_age_years = Field(DOUBLE, "Years since the account was opened.", unit=Unit.YEARS, minimum=0)
    is_closed = Field(INTEGER, "1 where the account was closed by that day.", minimum=0, maximum=1)
    estimated_ratio = Field(
        DOUBLE,
        "Share of the month's energy that was estimated.",
        unit=Unit.RATIO,
        nullable=False,
        minimum=0,
        maximum=1,
    )
    month_kwh = Field(DOUBLE, "Energy of the month; shown, not learned from.", unit=Unit.KWH, minimum=0)


class GoldCustomerIndicators(Indicators, Table):
    """Indicators per customer and month, point in time: only what was known on the month's last day. Only
    customers with payments.
    """

    name = "gold_customer_indicators"
    layer = Layer.GOLD
    partition_by = ("indicator_month",)
    subject = CUSTOMER
    customer_id = Field(STRING, "Customer.", key=True)
    indicator_month = Field(STRING, "Month, YYYY-MM.", key=True)
    computed_run_id = Field(STRING, "The run that computed the row.", run=True)
