"""What the model learns from: each indicator with the direction in which risk may only rise, and the reason it gives."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.tables.indicators import GoldCustomerIndicators
from pipelines.units import Unit


@dataclass(frozen=True)
class Indicator:
    """One input of the model.

    risk   +1: a larger value never lowers the probability; -1: never raises it; 0: free.
    """

    id: str
    name: str
    risk: int
    zh: str
    en: str


INDICATORS: tuple[Indicator, ...] = (
    Indicator("CI-R01", "late_bills_12m", 1, "近12个月逾期账单 {value} 笔", "{value} late bills in 12 months"),
    Indicator("CI-R02", "late_bills_3m", 1, "近3个月逾期账单 {value} 笔", "{value} late bills in 3 months"),
    Indicator("CI-R03", "max_overdue_12m_days", 1, "近12个月最长逾期 {value} 天", "longest delay in 12 months: {value} days"),
    Indicator("CI-R04", "mean_overdue_12m_days", 1, "近12个月平均逾期 {value} 天", "mean delay in 12 months: {value} days"),
    Indicator("CI-R05", "unpaid_bills", 1, "未结清账单 {value} 笔", "{value} bills unpaid"),
    Indicator("CI-R06", "unpaid_to_bill_ratio", 1, "欠费为月均电费的 {value} 倍", "unpaid amount is {value} times the mean bill"),
    Indicator("CI-R07", "early_payment_6m_days", -1, "平均提前 {value} 天缴费", "bills paid {value} days early on average"),
    Indicator("CI-R08", "on_time_6m_ratio", -1, "近6个月按时缴费率 {value}", "{value} of bills paid in time over 6 months"),
    Indicator("CI-R09", "energy_yoy_ratio", -1, "用电量同比 {value}", "energy against the year before: {value}"),
    Indicator("CI-R10", "energy_mom_ratio", 0, "用电量环比 {value}", "energy against the month before: {value}"),
    Indicator("CI-R11", "energy_trend_3m_ratio", -1, "近3个月用电趋势 {value}", "3-month trend of energy: {value}"),
    Indicator("CI-R12", "energy_slope_6m_ratio", -1, "近6个月用电斜率 {value}/月", "6-month slope of energy: {value} a month"),
    Indicator("CI-R13", "energy_cv_6m_ratio", 1, "近6个月用电波动系数 {value}", "variation of energy over 6 months: {value}"),
    Indicator("CI-R14", "day_cv_ratio", 0, "当月日用电波动系数 {value}", "variation of the month's days: {value}"),
    Indicator("CI-R15", "zero_use_3m_days", 1, "近3个月零用电 {value} 天", "{value} days without use in 3 months"),
    Indicator("CI-R16", "longest_stop_days", 1, "当月最长停产 {value} 天", "longest stop of the month: {value} days"),
    Indicator("CI-R17", "operating_ratio", -1, "开工率 {value}", "operating share {value}"),
    Indicator("CI-R18", "operating_change_ratio", -1, "开工率变化 {value}", "change of the operating share: {value}"),
    Indicator("CI-R19", "load_ratio", 0, "负荷率 {value}", "load ratio {value}"),
    Indicator("CI-R20", "capacity_use_ratio", 0, "容量利用率 {value}", "use of the contract capacity {value}"),
    Indicator("CI-R21", "violations_24m", 1, "近24个月违约用电 {value} 次", "{value} contract violations in 24 months"),
    Indicator("CI-R22", "over_capacity_12m", 1, "近12个月超容 {value} 次", "{value} over-capacity events in 12 months"),
    Indicator("CI-R23", "open_safety_notices", 1, "未整改安全隐患 {value} 项", "{value} open safety notices"),
    Indicator("CI-R24", "capacity_increases_12m", -1, "近12个月增容 {value} 次", "{value} capacity increases in 12 months"),
    Indicator("CI-R25", "capacity_decreases_12m", 1, "近12个月减容或暂停 {value} 次", "{value} capacity decreases or suspensions in 12 months"),
    Indicator("CI-R26", "ownership_changes_12m", 0, "近12个月过户 {value} 次", "{value} changes of ownership in 12 months"),
    Indicator("CI-R27", "industry_growth_gap_ratio", -1, "相对同行业增长 {value}", "growth against the industry: {value}"),
    Indicator("CI-R28", "industry_size_percentile_ratio", 0, "同行业用电规模分位 {value}", "size within the industry: {value}"),
    Indicator("CI-R29", "account_age_years", -1, "立户 {value} 年", "account opened {value} years ago"),
)

NAMES: tuple[str, ...] = tuple(indicator.name for indicator in INDICATORS)

# Published rating rules veto a good grade on theft and on closed accounts.
VETOES: dict[str, tuple[str, str, str]] = {
    "thefts_24m": ("CI-V01", "近24个月有窃电记录", "theft of electricity in 24 months"),
    "is_closed": ("CI-V02", "已销户", "the account is closed"),
}


def worded(indicator: Indicator, value: float | None) -> tuple[str, str]:
    """The reason with its value, in Chinese and English; a missing value is said to be missing.

    >>> worded(INDICATORS[0], 3.0)
    ('近12个月逾期账单 3 笔', '3 late bills in 12 months')
    """
    if value is None:
        return indicator.zh.replace("{value}", "无数据"), indicator.en.replace("{value}", "no data")
    text = _shown(indicator.name, value)
    return indicator.zh.replace("{value}", text), indicator.en.replace("{value}", text)


def _shown(name: str, value: float) -> str:
    field = next(field for field in GoldCustomerIndicators.fields() if field.name == name)
    if field.unit is Unit.RATIO and name not in ("unpaid_to_bill_ratio", "energy_cv_6m_ratio", "day_cv_ratio"):
        return f"{value:+.0%}" if field.minimum is None else f"{value:.0%}"
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"
