"""Laws of the credit index: the future changes nothing, the scale only falls with risk, grades only fall with
the score.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipelines.periods import BillingMonth
from pipelines.settings import Settings, packaged
from products.credit_index.indicators.assemble import event_indicators, payment_indicators
from products.credit_index.indicators.calendar import Calendar
from products.credit_index.indicators.load import load_indicators
from products.credit_index.scoring import grade_of, score_points
from products.credit_index.settings import CreditIndexSettings
from products.credit_index.tables import CreditGrade

SETTINGS = Settings(packaged("conf"), Path("unused")).section(CreditIndexSettings)
MONTHS = tuple(BillingMonth(2025, 1).plus(offset) for offset in range(8))
CALENDAR = Calendar(MONTHS)
OPERATION = SETTINGS.operation
NOW = 4
TODAY = MONTHS[NOW].last_day
after = st.integers(1, 400).map(lambda days: TODAY + timedelta(days=days))
spans = st.lists(
    st.tuples(st.integers(0, 7), st.one_of(st.none(), st.integers(-19, 200))), min_size=1, max_size=12
)


def payments(rows):
    return pa.table(
        {
            "customer_id": pa.array(["A"] * len(rows)),
            "billed_cny": pa.array([100.0] * len(rows)),
            "due_date": pa.array([due for due, _ in rows], pa.date32()),
            "paid_date": pa.array([paid for _, paid in rows], pa.date32()),
        }
    )


@given(spans, st.data())
def test_what_is_paid_later_is_unpaid_now(bills, data):
    """Any payment after the month's last day, moved to any other later day or to never, changes no indicator
    of the month.
    """
    rows = []
    for month, delay in bills:
        due = MONTHS[month].first_day.replace(day=20)
        rows.append((due, None if delay is None else due + timedelta(days=delay)))
    moved = [
        (due, data.draw(st.one_of(st.none(), after))) if paid is None or paid > TODAY else (due, paid)
        for due, paid in rows
    ]
    known, other = (payment_indicators(payments(each), ["A"], CALENDAR) for each in (rows, moved))
    for name, values in known.items():
        np.testing.assert_array_equal(values[:, : NOW + 1], other[name][:, : NOW + 1], err_msg=name)


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(1, 10**8)), min_size=3, max_size=12),
    st.randoms(use_true_random=False),
)
def test_the_order_of_bills_changes_no_bit(bills, order):
    rows = [(MONTHS[month].first_day.replace(day=20), None) for month, _ in bills]
    amounts = [fen / 100 for _, fen in bills]
    places = list(range(len(rows)))
    order.shuffle(places)
    table = payments(rows).set_column(1, "billed_cny", pa.array(amounts))
    known, other = (payment_indicators(each, ["A"], CALENDAR) for each in (table, table.take(places)))
    for name, values in known.items():
        np.testing.assert_array_equal(values, other[name], err_msg=name)


@given(st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
def test_the_order_of_a_customers_meter_points_changes_no_bit(seed, order):
    days = MONTHS[0].days
    points = ["MP-1", "MP-2", "MP-3"]
    count = len(days) * len(points)
    frame = pa.table(
        {
            "meter_point_id": np.repeat(points, len(days)),
            "customer_id": ["A"] * count,
            "channel_code": ["active_forward"] * count,
            "energy_date": pa.array(days * len(points), pa.date32()),
            "energy_kwh_or_kvarh": np.random.default_rng(seed).uniform(0, 100, count),
            "estimated_ratio": np.random.default_rng(seed + 1).uniform(0, 1, count),
        }
    )
    places = list(range(count))
    order.shuffle(places)
    assert load_indicators(frame, CALENDAR, OPERATION).equals(
        load_indicators(frame.take(places), CALENDAR, OPERATION)
    )


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["theft", "contract_violation", "closure", "suspension", "safety_notice_open"]),
            after,
        ),
        max_size=8,
    )
)
def test_events_of_later_days_are_not_known_now(later):
    events = pa.table(
        {
            "customer_id": pa.array(["A"] * len(later), pa.string()),
            "event_code": pa.array([code for code, _ in later], pa.string()),
            "started_date": pa.array([day for _, day in later], pa.date32()),
            "ended_date": pa.array([None] * len(later), pa.date32()),
        }
    )
    assert all(
        (values[:, : NOW + 1] == 0).all() for values in event_indicators(events, ["A"], CALENDAR).values()
    )


@given(st.floats(0, 1000), st.integers(0, 2**32 - 1))
def test_energy_of_later_days_is_not_known_now(later, seed):
    days = [day for month in MONTHS for day in month.days]
    energy = np.random.default_rng(seed).uniform(0, 100, len(days))

    def indicators(values):
        count = len(days)
        frame = pa.table(
            {
                "customer_id": ["A"] * count,
                "channel_code": ["active_forward"] * count,
                "energy_date": pa.array(days, pa.date32()),
                "energy_kwh_or_kvarh": values,
                "estimated_ratio": np.zeros(count),
            }
        )
        return load_indicators(frame, CALENDAR, OPERATION).slice(0, NOW + 1)

    changed = np.where(np.array(days, dtype="datetime64[D]") > np.datetime64(TODAY), later, energy)
    assert indicators(energy).equals(indicators(changed))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=50))
def test_more_risk_never_scores_more(probabilities):
    points = score_points(np.sort(np.array(probabilities)), SETTINGS)
    assert (np.diff(points) <= 0).all()
    assert SETTINGS.min_score_points <= points.min() <= points.max() <= SETTINGS.max_score_points


@given(st.integers(300, 850), st.integers(300, 850))
def test_more_points_never_grade_worse(one, other):
    order = list(CreditGrade)
    low, high = sorted((one, other))
    assert order.index(grade_of(high, None, SETTINGS)) <= order.index(grade_of(low, None, SETTINGS))


def test_today_is_the_last_day_of_a_month():
    assert date(2025, 5, 31) == TODAY
