"""Months and local days."""

from __future__ import annotations

from datetime import date

import pytest

from pipelines.errors import (
    UsageError,
)
from pipelines.periods import BillingMonth, local_midnight_utc


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "2026-9", "2026/09", "26-09", "", "2026-09-01", " 2026-09"]
)
def test_what_is_no_month_is_refused_at_the_door(text: str) -> None:
    with pytest.raises(UsageError, match="billing month"):
        BillingMonth.parse(text)


@pytest.mark.parametrize(
    ("text", "days", "last"),
    [("2026-02", 28, 28), ("2024-02", 29, 29), ("2026-12", 31, 31), ("2026-09", 30, 30)],
)
def test_months_know_their_days(text: str, days: int, last: int) -> None:
    month = BillingMonth.parse(text)
    assert (month.day_count, month.last_day.day, len(month.days), str(month)) == (days, last, days, text)


def test_months_step_over_years() -> None:
    assert str(BillingMonth(2026, 12).plus(1)) == "2027-01"
    assert str(BillingMonth(2026, 1).previous()) == "2025-12"
    assert BillingMonth(2025, 12) < BillingMonth(2026, 1)


def test_a_local_day_begins_eight_hours_before_utc() -> None:
    assert local_midnight_utc(date(2026, 9, 1)).isoformat() == "2026-08-31T16:00:00+00:00"
