"""Who defaulted within the horizon: both sides of every edge."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from pipelines.periods import BillingMonth
from products.credit_index.labels import label_customers

JUNE = BillingMonth(2026, 6)
END = date(2026, 9, 30)


def label(*bills, month=JUNE, known_until=END, overdue_days=30, horizon=3):
    """The label of one customer with these (due, paid) bills."""
    payments = pa.table(
        {
            "customer_id": pa.array(["A"] * len(bills), pa.string()),
            "due_date": pa.array([due for due, _ in bills], pa.date32()),
            "paid_date": pa.array([paid for _, paid in bills], pa.date32()),
        }
    )
    return float(label_customers(payments, ["A"], [month], overdue_days, horizon, known_until)[0, 0])


@pytest.mark.parametrize(("days", "expected"), [(30, 0.0), (31, 1.0)])
def test_thirty_days_are_late_and_thirty_one_a_default(days, expected):
    due = date(2026, 7, 20)
    assert label((due, due + timedelta(days=days))) == expected


@pytest.mark.parametrize(
    ("due", "expected"), [(END - timedelta(days=31), 1.0), (END - timedelta(days=30), 0.0)]
)
def test_an_unpaid_bill_defaults_only_if_its_day_lies_within_the_horizon(due, expected):
    assert label((due, None)) == expected


@pytest.mark.parametrize(("turned", "expected"), [(date(2026, 6, 30), float("nan")), (date(2026, 7, 1), 1.0)])
def test_a_default_that_stands_on_the_months_last_day_is_neither(turned, expected):
    assert label((turned - timedelta(days=31), None)) == pytest.approx(expected, nan_ok=True)


def test_a_default_that_was_paid_before_is_history():
    due = date(2026, 4, 20)
    assert label((due, due + timedelta(days=60)), (date(2026, 7, 20), date(2026, 7, 18))) == 0.0


@pytest.mark.parametrize(("known_until", "is_known"), [(END, True), (END - timedelta(days=1), False)])
def test_a_horizon_that_was_not_wholly_seen_has_no_label(known_until, is_known):
    assert np.isfinite(label((date(2026, 7, 20), date(2026, 7, 1)), known_until=known_until)) == is_known


@pytest.mark.parametrize(("overdue_days", "horizon", "expected"), [(10, 3, 1.0), (60, 3, 0.0), (10, 1, 0.0)])
def test_days_and_horizon_are_settings(overdue_days, horizon, expected):
    assert (
        label((date(2026, 7, 25), date(2026, 8, 20)), overdue_days=overdue_days, horizon=horizon) == expected
    )
