"""Which billing month a day belongs to, where meters are read on another day than the last of the month."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipelines.periods import EPOCH, BillingDays, BillingMonth, BillingPeriod
from pipelines.tables.silver import SilverCustomers, SilverMeterPoints
from pipelines.transforms.billing.reading_days import (
    ReadingDays,
    days_of_row,
    divisor_days,
    firsts_of_months,
    reading_days,
)

Term = tuple[str, str, int | None]
Point = tuple[str, str, str | None, str | None]


def agreed(terms: list[Term], points: list[Point]) -> ReadingDays:
    """Terms as customer, day, reading day; meter points as name, day, customer, parent."""

    def table(kind: Any, rows: list[dict[str, Any]]) -> pa.Table:
        return pa.Table.from_pylist(rows, kind.arrow_schema())

    customers = [
        {"customer_id": name, "valid_from_date": date.fromisoformat(day), "reading_day": reading}
        for name, day, reading in terms
    ]
    meters = [
        {
            "meter_point_id": name,
            "valid_from_date": date.fromisoformat(day),
            "customer_id": customer,
            "parent_meter_point_id": parent,
        }
        for name, day, customer, parent in points
    ]
    return reading_days(table(SilverCustomers, customers), table(SilverMeterPoints, meters))


def months(reading: ReadingDays, point: str, first: str, days: int) -> dict[str, BillingDays]:
    """Billing month -> the days that belong to it, of some days of a meter point."""
    begin = date.fromisoformat(first)
    every = [begin + timedelta(days=place) for place in range(days)]
    numbers = np.array([(day - EPOCH).days for day in every], dtype=np.int64)
    place = np.repeat(reading.places(pa.array([point])), days)
    month = reading.month_of(place, numbers)
    firsts, lasts = (column.to_pylist() for column in reading.period_columns(place, month))
    found: dict[str, BillingDays] = {}
    for number, day, period_first, period_last in zip(month.tolist(), every, firsts, lasts, strict=True):
        name = str(BillingMonth(1970 + number // 12, number % 12 + 1))
        row = {"billing_month": name, "period_first_date": period_first, "period_last_date": period_last}
        told = found.setdefault(name, days_of_row(row))
        assert told == days_of_row(row)
        assert told.first_day <= day <= told.last_day
    return found


def test_a_day_after_the_reading_day_is_of_the_next_month() -> None:
    reading = agreed([("C", "2026-01-01", 25)], [("P", "2026-01-01", "C", None)])
    found = months(reading, "P", "2026-08-01", 70)
    assert [str(days) for days in found.values()] == [
        "2026-07-26 – 2026-08-25",
        "2026-08-26 – 2026-09-25",
        "2026-09-26 – 2026-10-25",
    ]
    assert found["2026-09"] == BillingPeriod.of(BillingMonth(2026, 9), 25)


def test_a_day_that_a_month_lacks_is_its_last() -> None:
    reading = agreed([("C", "2026-01-01", 30)], [("P", "2026-01-01", "C", None)])
    assert [str(days) for days in months(reading, "P", "2026-02-01", 60).values()] == [
        "2026-01-31 – 2026-02-28",
        "2026-03-01 – 2026-03-30",
        "2026-03-31 – 2026-04-30",
    ]


@pytest.mark.parametrize("reading_day", [None, 31])
def test_who_is_read_on_the_last_day_has_calendar_months(reading_day: int | None) -> None:
    terms: list[Term] = [("C", "2026-01-01", reading_day), ("D", "2026-01-01", 25)]
    reading = agreed(terms, [("P", "2026-01-01", "C", None), ("Q", "2026-01-01", "D", None)])
    found = months(reading, "P", "2026-01-01", 59)
    assert list(found.values()) == [BillingMonth(2026, 1), BillingMonth(2026, 2)]
    assert months(reading, "unknown", "2026-01-01", 31) == {"2026-01": BillingMonth(2026, 1)}


def test_a_change_leaves_no_day_out_and_counts_none_twice() -> None:
    """Read on the 25th from September on, and on the last day again from November on; a change inside a
    month waits for the next one.
    """
    terms: list[Term] = [
        ("C", "2026-01-01", None),
        ("C", "2026-08-20", 25),
        ("C", "2026-11-01", None),
    ]
    reading = agreed(terms, [("P", "2026-01-01", "C", None)])
    found = months(reading, "P", "2026-08-01", 122)
    assert [(str(days.first_day), str(days.last_day)) for days in found.values()] == [
        ("2026-08-01", "2026-08-31"),
        ("2026-09-01", "2026-09-25"),
        ("2026-09-26", "2026-10-25"),
        ("2026-10-26", "2026-11-30"),
    ]
    assert [divisor_days(days) for days in found.values()] == [31, 30, 30, 30]
    assert firsts_of_months(found["2026-11"]) == (date(2026, 11, 1),)
    assert firsts_of_months(found["2026-08"]) == ()


def test_meter_points_follow_their_customer_and_sub_meters_the_one_above() -> None:
    reading = agreed(
        [("C", "2026-01-01", 25), ("D", "2026-01-01", None)],
        [
            ("MAIN", "2026-01-01", "D", None),
            ("MAIN", "2026-09-01", "C", None),
            ("SUB", "2026-01-01", None, "MAIN"),
            ("TENANT", "2026-01-01", "D", "MAIN"),
        ],
    )
    for name in ("MAIN", "SUB"):
        found = months(reading, name, "2026-08-01", 62)
        assert [str(days.last_day) for days in found.values()] == ["2026-08-31", "2026-09-25", "2026-10-25"]
    assert set(months(reading, "TENANT", "2026-08-01", 61).values()) == {
        BillingMonth(2026, 8),
        BillingMonth(2026, 9),
    }


def test_nobody_reads_early() -> None:
    reading = agreed([("C", "2026-01-01", None)], [("P", "2026-01-01", "C", None)])
    assert not reading.day.size
    assert months(reading, "P", "2026-09-01", 30) == {"2026-09": BillingMonth(2026, 9)}
