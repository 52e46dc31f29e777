"""Months and local days."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest

from pipelines.errors import (
    UsageError,
)
from pipelines.periods import BillingMonth, BillingPeriod, local_midnight_utc


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


@pytest.mark.parametrize(
    ("first", "last", "is_one_month"),
    [
        ("2026-08-26", "2026-09-25", True),
        ("2026-09-01", "2026-09-30", True),
        ("2026-01-31", "2026-02-28", True),  # read on the 30th
        ("2026-02-01", "2026-02-28", True),
        ("2026-03-01", "2026-03-30", True),  # read on the 30th: February ends on its last day
        ("2026-08-26", "2026-09-24", False),
        ("2026-08-25", "2026-09-25", False),
        ("2026-07-26", "2026-09-25", False),
        ("2026-09-01", "2026-09-25", False),
    ],
)
def test_a_month_runs_from_a_reading_to_that_of_the_same_day(
    first: str, last: str, is_one_month: bool
) -> None:
    end = date.fromisoformat(last)
    period = BillingPeriod(BillingMonth.of(end), date.fromisoformat(first), end)
    assert period.is_one_month is is_one_month
    assert period.day_count == len(period.days)


def test_periods_of_a_reading_day_follow_one_another() -> None:
    for reading_day in range(1, 32):
        periods = [BillingPeriod.of(BillingMonth(2027, 11).plus(place), reading_day) for place in range(16)]
        for earlier, later in pairwise(periods):
            assert (later.first_day - earlier.last_day).days == 1
            assert later.is_one_month
    assert BillingPeriod.of(BillingMonth(2028, 2), 31).last_day == date(2028, 2, 29)
