"""What the model learns from: each indicator with the direction in which risk may only rise, and the reason
it gives.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.units import Unit
from products.credit_index.indicator_table import GoldCustomerIndicators


@dataclass(frozen=True)
class Indicator:
    """One input of the model.

    risk      +1: a larger value never lowers the probability; -1: never raises it; 0: free.
    title_zh  What it is, without a value; ``title_en`` the same in English.
    zh        The reason with its value; ``en`` the same in English.
    """

    id: str
    name: str
    risk: int
    title_zh: str
    title_en: str
    zh: str
    en: str


INDICATORS: tuple[Indicator, ...] = (
    Indicator(
        "CI-R01",
        "late_bills_12m",
        1,
        "近12个月逾期账单",
        "late bills, 12 months",
        "近12个月逾期账单 {value} 笔",
        "late bills in 12 months: {value}",
    ),
    Indicator(
        "CI-R02",
        "late_bills_3m",
        1,
        "近3个月逾期账单",
        "late bills, 3 months",
        "近3个月逾期账单 {value} 笔",
        "late bills in 3 months: {value}",
    ),
    Indicator(
        "CI-R03",
        "max_overdue_12m_days",
        1,
        "近12个月最长逾期",
        "longest delay, 12 months",
        "近12个月最长逾期 {value} 天",
        "longest delay in 12 months: {value} days",
    ),
    Indicator(
        "CI-R04",
        "mean_overdue_12m_days",
        1,
        "近12个月平均逾期",
        "mean delay, 12 months",
        "近12个月平均逾期 {value} 天",
        "mean delay in 12 months: {value} days",
    ),
    Indicator(
        "CI-R05",
        "unpaid_bills",
        1,
        "未结清账单",
        "unpaid bills",
        "未结清账单 {value} 笔",
        "bills unpaid: {value}",
    ),
    Indicator(
        "CI-R06",
        "unpaid_to_bill_ratio",
        1,
        "欠费与月均电费之比",
        "unpaid amount over the mean bill",
        "欠费为月均电费的 {value} 倍",
        "unpaid amount is {value} times the mean bill",
    ),
    Indicator(
        "CI-R07",
        "early_payment_6m_days",
        -1,
        "近6个月提前缴费天数",
        "days paid early, 6 months",
        "平均提前 {value} 天缴费",
        "bills paid {value} days early on average",
    ),
    Indicator(
        "CI-R08",
        "on_time_6m_ratio",
        -1,
        "近6个月按时缴费率",
        "bills paid in time, 6 months",
        "近6个月按时缴费率 {value}",
        "{value} of bills paid in time over 6 months",
    ),
    Indicator(
        "CI-R09",
        "energy_yoy_ratio",
        -1,
        "用电量同比",
        "energy against the year before",
        "用电量同比 {value}",
        "energy against the year before: {value}",
    ),
    Indicator(
        "CI-R10",
        "energy_mom_ratio",
        0,
        "用电量环比",
        "energy against the month before",
        "用电量环比 {value}",
        "energy against the month before: {value}",
    ),
    Indicator(
        "CI-R11",
        "energy_trend_3m_ratio",
        -1,
        "近3个月用电趋势",
        "3-month trend of energy",
        "近3个月用电趋势 {value}",
        "3-month trend of energy: {value}",
    ),
    Indicator(
        "CI-R12",
        "energy_slope_6m_ratio",
        -1,
        "近6个月用电斜率",
        "6-month slope of energy",
        "近6个月用电斜率 {value}/月",
        "6-month slope of energy: {value} a month",
    ),
    Indicator(
        "CI-R13",
        "energy_cv_6m_ratio",
        1,
        "近6个月用电波动系数",
        "variation of energy, 6 months",
        "近6个月用电波动系数 {value}",
        "variation of energy over 6 months: {value}",
    ),
    Indicator(
        "CI-R14",
        "day_cv_ratio",
        0,
        "当月日用电波动系数",
        "variation of the month's days",
        "当月日用电波动系数 {value}",
        "variation of the month's days: {value}",
    ),
    Indicator(
        "CI-R15",
        "zero_use_3m_days",
        1,
        "近3个月零用电天数",
        "days without use, 3 months",
        "近3个月零用电 {value} 天",
        "days without use in 3 months: {value}",
    ),
    Indicator(
        "CI-R16",
        "longest_stop_days",
        1,
        "当月最长停产",
        "longest stop of the month",
        "当月最长停产 {value} 天",
        "longest stop of the month: {value} days",
    ),
    Indicator(
        "CI-R17",
        "operating_ratio",
        -1,
        "开工率",
        "operating share",
        "开工率 {value}",
        "operating share {value}",
    ),
    Indicator(
        "CI-R18",
        "operating_change_ratio",
        -1,
        "开工率变化",
        "change of the operating share",
        "开工率变化 {value}",
        "change of the operating share: {value}",
    ),
    Indicator("CI-R19", "load_ratio", 0, "负荷率", "load ratio", "负荷率 {value}", "load ratio {value}"),
    Indicator(
        "CI-R20",
        "capacity_use_ratio",
        0,
        "容量利用率",
        "use of the contract capacity",
        "容量利用率 {value}",
        "use of the contract capacity {value}",
    ),
    Indicator(
        "CI-R21",
        "violations_24m",
        1,
        "近24个月违约用电",
        "contract violations, 24 months",
        "近24个月违约用电 {value} 次",
        "contract violations in 24 months: {value}",
    ),
    Indicator(
        "CI-R22",
        "over_capacity_12m",
        1,
        "近12个月超容",
        "over-capacity events, 12 months",
        "近12个月超容 {value} 次",
        "over-capacity events in 12 months: {value}",
    ),
    Indicator(
        "CI-R23",
        "open_safety_notices",
        1,
        "未整改安全隐患",
        "open safety notices",
        "未整改安全隐患 {value} 项",
        "open safety notices: {value}",
    ),
    Indicator(
        "CI-R24",
        "capacity_increases_12m",
        -1,
        "近12个月增容",
        "capacity increases, 12 months",
        "近12个月增容 {value} 次",
        "capacity increases in 12 months: {value}",
    ),
    Indicator(
        "CI-R25",
        "capacity_decreases_12m",
        1,
        "近12个月减容或暂停",
        "capacity decreases or suspensions, 12 months",
        "近12个月减容或暂停 {value} 次",
        "capacity decreases or suspensions in 12 months: {value}",
    ),
    Indicator(
        "CI-R26",
        "ownership_changes_12m",
        0,
        "近12个月过户",
        "changes of ownership, 12 months",
        "近12个月过户 {value} 次",
        "changes of ownership in 12 months: {value}",
    ),
    Indicator(
        "CI-R27",
        "industry_growth_gap_ratio",
        -1,
        "相对同行业增长",
        "growth against the industry",
        "相对同行业增长 {value}",
        "growth against the industry: {value}",
    ),
    Indicator(
        "CI-R28",
        "industry_size_percentile_ratio",
        0,
        "同行业用电规模分位",
        "size within the industry",
        "同行业用电规模分位 {value}",
        "size within the industry: {value}",
    ),
    Indicator(
        "CI-R29",
        "account_age_years",
        -1,
        "立户年限",
        "age of the account",
        "立户 {value} 年",
        "account opened {value} years ago",
    ),
    Indicator(
        "CI-R30",
        "arrears_12m",
        1,
        "近12个月欠费月数",
        "months in arrears of 12",
        "近12个月中 {value} 个月末有欠费",
        "{value} of 12 month ends in arrears",
    ),
    Indicator(
        "CI-R31",
        "unpaid_days",
        1,
        "最早未结清账单逾期",
        "overdue of the oldest unpaid bill",
        "最早未结清账单已逾期 {value} 天",
        "oldest unpaid bill overdue by {value} days",
    ),
)

NAMES: tuple[str, ...] = tuple(indicator.name for indicator in INDICATORS)

BY_NAME: dict[str, Indicator] = {indicator.name: indicator for indicator in INDICATORS}


@dataclass(frozen=True)
class Veto:
    """A rule that forbids a better grade whatever the score; the best grade it allows stands in the settings.

    limit    ``veto_limits`` of the settings holds the value up to which the rule sleeps, under this id.
    source   Whose published rule it follows.
    """

    id: str
    name: str
    zh: str
    en: str
    source: str


_WUHAN = (
    "Wuhan customer credit rating, 2005: theft within 2 years, violation within 1 year, arrears in 3 months "
    "of the year, facilities not made safe; no best grade with an unpaid bill"
)
_OWN = "the project's own rule"

VETOES: tuple[Veto, ...] = (
    Veto(
        "CI-V01",
        "thefts_24m",
        "近24个月窃电 {value} 次",
        "thefts of electricity in 24 months: {value}",
        _WUHAN,
    ),
    Veto("CI-V02", "is_closed", "已销户", "the account is closed", _OWN),
    Veto(
        "CI-V03",
        "violations_12m",
        "近12个月违约用电 {value} 次",
        "contract violations in 12 months: {value}",
        _WUHAN,
    ),
    Veto(
        "CI-V04",
        "arrears_12m",
        "近12个月中 {value} 个月末有欠费",
        "{value} of 12 month ends in arrears",
        _WUHAN,
    ),
    Veto(
        "CI-V05",
        "open_safety_notices",
        "未整改安全隐患 {value} 项",
        "safety notices not complied with: {value}",
        _WUHAN,
    ),
    Veto(
        "CI-V06",
        "unpaid_days",
        "已违约：欠费逾期 {value} 天",
        "in default: a bill is overdue by {value} days",
        _OWN,
    ),
    Veto("CI-V07", "unpaid_bills", "有 {value} 笔逾期未结清账单", "overdue bills unpaid: {value}", _WUHAN),
)


def worded(indicator: Indicator, value: float | None) -> tuple[str, str]:
    """The reason with its value, in Chinese and English; a missing value is said to be missing.

    >>> worded(INDICATORS[0], 3.0)
    ('近12个月逾期账单 3 笔', 'late bills in 12 months: 3')
    >>> worded(INDICATORS[8], None)
    ('用电量同比：无数据', 'energy against the year before: not known')
    """
    if value is None:
        return f"{indicator.title_zh}：无数据", f"{indicator.title_en}: not known"
    text = shown(indicator.name, value)
    return indicator.zh.replace("{value}", text), indicator.en.replace("{value}", text)


_PLAIN_RATIOS = {"unpaid_to_bill_ratio", "energy_cv_6m_ratio", "day_cv_ratio"}


def shown(name: str, value: float) -> str:
    """A value as people read it: shares and changes in percent, changes with their sign."""
    field = _FIELDS[name]
    if field.unit is Unit.RATIO and name not in _PLAIN_RATIOS:
        return f"{value:+.0%}" if field.minimum is None else f"{value:.0%}"
    if name in _PLAIN_RATIOS:
        return f"{value:.2f}" if value else "0"
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"


_FIELDS = {field.name: field for field in GoldCustomerIndicators.fields()}
