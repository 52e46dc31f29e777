"""What the figures of the data-quality report are made of, row by row."""

from __future__ import annotations

from typing import TypedDict


class Judged(TypedDict):
    """Columns by which a meter point's month, or a customer's, is better or worse than another."""

    missing_ratio: float
    estimated_interval_ratio: float
    longest_gap_hours: float
    failed_info_checks: int
    failed_warn_checks: int
    failed_invalid_checks: int
    is_sufficient: bool


class CustomerMonth(Judged):
    """A customer's month over all its meter points."""

    customer_id: str
    customer_name: str
    provenance: list[str]
    meter_points: int
    expected_days: int
    valid_days: int
    estimated_ratio: float
    insufficient_reasons: list[str]


class DayShares(TypedDict):
    """A day over all its curves and registers; the shares are empty where there are none."""

    day: str
    series: int
    estimated_ratio: float | None
    missing_ratio: float | None


class FiredCheck(TypedDict):
    """On how many days a check fired."""

    id: str
    title: str
    title_zh: str
    severity: str
    days: int


class GapClass(TypedDict):
    """How many meter points have their longest gap between two lengths; the last class has no upper end."""

    above_hours: float
    to_hours: float | None
    count: int


class HeatRow(TypedDict):
    """A meter point's share of valid days, month by month; empty where there is no data."""

    meter_point_id: str
    valid_ratios: list[float | None]


class Heat(TypedDict):
    """Shares of valid days of several meter points over the same months."""

    months: list[str]
    rows: list[HeatRow]


class MonthIntervals(TypedDict):
    """Intervals of all curves of a month, by how they came about."""

    month: str
    measured: int
    estimated: int
    missing: int


class ErrorLimit(TypedDict):
    """The error above which what is chosen is flagged, for gaps of these lengths."""

    above_hours: float
    to_hours: float | None
    limit_ratio: float
