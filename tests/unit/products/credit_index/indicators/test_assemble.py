"""Indicators: worked values, windows at their edges, and nothing that became known later."""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines.periods import BillingMonth
from pipelines.settings import load_settings, packaged
from pipelines.tables.gold import GoldDayEnergy
from pipelines.tables.silver import SilverCustomers, SilverEvents, SilverPayments
from products.credit_index.indicator_table import GoldCustomerIndicators
from products.credit_index.indicators.assemble import assemble_indicators
from products.credit_index.indicators.calendar import Calendar
from products.credit_index.indicators.load import load_indicators
from products.credit_index.settings import CreditIndexSettings

START = BillingMonth(2025, 1)
MONTHS = tuple(START.plus(offset) for offset in range(14))
CALENDAR = Calendar(MONTHS)
OPERATION = load_settings(packaged("conf")).section(CreditIndexSettings).operation


def declared(table, rows):
    names = table.columns()
    return pa.Table.from_pylist(
        [{name: row.get(name) for name in names} for row in rows],
        pa.schema([field.with_nullable(True) for field in table.arrow_schema()]),
    )


def bill(customer, month, due, paid, amount=100.0):
    return {
        "customer_id": customer,
        "billing_month": str(month),
        "billed_cny": amount,
        "due_date": due,
        "paid_date": paid,
        "provenance": "simulated",
    }


def event(number, code, started, ended=None):
    return {
        "event_id": f"E{number}",
        "customer_id": "A",
        "event_code": code,
        "started_date": started,
        "ended_date": ended,
        "provenance": "simulated",
    }


def terms(customer, since, until=None, capacity=100.0, **more):
    return {
        "customer_id": customer,
        "valid_from_date": since,
        "valid_to_date": until,
        "customer_name": customer,
        "city": "杭州",
        "industry_code": "31",
        "contract_capacity_kva": capacity,
        "opened_date": date(2020, 1, 1),
        "provenance": "simulated",
    } | more


def days(customer, kwh_of, until=MONTHS[-1]):
    return [
        {
            "meter_point_id": f"MP-{customer}",
            "channel_code": "active_forward",
            "energy_date": day,
            "customer_id": customer,
            "energy_kwh_or_kvarh": float(kwh_of(day)),
            "basis_code": "register",
            "estimated_ratio": 0.0,
            "energy_month": str(month),
        }
        for month in MONTHS
        if month <= until
        for day in month.days
    ]


def due_on(month):
    return month.plus(1).first_day.replace(day=20)


def on_time(customer="A"):
    return [bill(customer, month, due_on(month), due_on(month) - timedelta(days=5)) for month in MONTHS]


def indicators(payments, events=(), customers=None, energy=None):
    load = load_indicators(
        declared(GoldDayEnergy, energy if energy is not None else days("A", lambda day: 240)),
        CALENDAR,
        OPERATION,
    )
    rows = assemble_indicators(
        load,
        declared(SilverPayments, payments),
        declared(SilverEvents, list(events)),
        declared(SilverCustomers, customers or [terms("A", date(2020, 1, 1))]),
        CALENDAR,
    )
    return {(row["customer_id"], row["indicator_month"]): row for row in rows.to_pylist()}


def with_bill(month, paid):
    """All bills paid five days early, but that of one month."""
    return [
        bill("A", each, due_on(each), paid if each == month else due_on(each) - timedelta(days=5))
        for each in MONTHS
    ]


def test_a_bill_paid_in_the_next_month_is_unpaid_on_the_last_day():
    found = indicators(with_bill(BillingMonth(2025, 5), date(2025, 7, 1)))
    june, july = found["A", "2025-06"], found["A", "2025-07"]
    assert (
        june["unpaid_bills"],
        june["unpaid_days"],
        june["late_bills_12m"],
        june["max_overdue_12m_days"],
    ) == (1, 10, 1, 10.0)
    assert (
        july["unpaid_bills"],
        july["unpaid_days"],
        july["late_bills_12m"],
        july["max_overdue_12m_days"],
    ) == (0, 0, 1, 11.0)
    assert (june["arrears_12m"], july["arrears_12m"]) == (1, 1)


def test_a_bill_paid_on_the_last_day_is_paid():
    june = indicators(with_bill(BillingMonth(2025, 5), date(2025, 6, 30)))["A", "2025-06"]
    assert (june["unpaid_bills"], june["late_bills_12m"], june["max_overdue_12m_days"]) == (0, 1, 10.0)


@pytest.mark.parametrize(("paid_day", "late"), [(20, 0), (21, 1)])
def test_the_due_day_itself_is_in_time(paid_day, late):
    june = indicators(with_bill(BillingMonth(2025, 5), date(2025, 6, paid_day)))["A", "2025-06"]
    assert june["late_bills_3m"] == late


def test_an_unpaid_bill_counts_in_units_of_the_mean_bill_and_goes_on():
    found = indicators(with_bill(BillingMonth(2025, 5), None))
    assert found["A", "2025-06"]["unpaid_to_bill_ratio"] == pytest.approx(1.0)
    assert found["A", "2025-09"]["arrears_12m"] == 4
    assert found["A", "2025-09"]["unpaid_days"] == (date(2025, 9, 30) - date(2025, 6, 20)).days


@pytest.mark.parametrize(("month", "counted"), [("2025-08", 1), ("2025-09", 0)])
def test_a_late_bill_leaves_the_three_month_window_with_its_month(month, counted):
    found = indicators(with_bill(BillingMonth(2025, 5), date(2025, 6, 25)))
    assert found["A", month]["late_bills_3m"] == counted


@pytest.mark.parametrize(("started", "counted"), [(date(2025, 6, 30), 1), (date(2025, 7, 1), 0)])
def test_an_event_counts_from_the_day_on_which_it_began(started, counted):
    assert indicators(on_time(), [event(1, "theft", started)])["A", "2025-06"]["thefts_24m"] == counted


@pytest.mark.parametrize(("started", "counted"), [(date(2025, 1, 31), 0), (date(2025, 2, 1), 1)])
def test_a_violation_leaves_the_twelve_months(started, counted):
    row = indicators(on_time(), [event(1, "contract_violation", started)])["A", "2026-01"]
    assert (row["violations_12m"], row["violations_24m"]) == (counted, 1)


@pytest.mark.parametrize(
    ("ended", "is_open"), [(date(2025, 6, 29), 0), (date(2025, 6, 30), 1), (date(2025, 8, 1), 1), (None, 1)]
)
def test_a_notice_is_open_through_its_last_day(ended, is_open):
    assert (
        indicators(on_time(), [event(1, "safety_notice_open", date(2025, 6, 3), ended)])["A", "2025-06"][
            "open_safety_notices"
        ]
        == is_open
    )


def test_terms_are_those_of_the_months_last_day():
    customers = [
        terms("A", date(2020, 1, 1), date(2025, 6, 30), 100.0),
        terms("A", date(2025, 7, 1), None, 200.0),
    ]
    found = indicators(on_time(), customers=customers)
    assert found["A", "2025-06"]["capacity_use_ratio"] == pytest.approx(0.10)  # 240 kWh a day are 10 kW
    assert found["A", "2025-07"]["capacity_use_ratio"] == pytest.approx(0.05)


def test_an_account_is_closed_from_its_day_on():
    found = indicators(on_time(), customers=[terms("A", date(2020, 1, 1), closed_date=date(2025, 7, 1))])
    assert [found["A", month]["is_closed"] for month in ("2025-06", "2025-07")] == [0, 1]


def test_energy_indicators_of_a_worked_case():
    def kwh(day):
        return (
            100 if day < date(2025, 7, 1) else 25 if day.day <= 10 else 130
        )  # 25 is under the 30 % rule, 130 above

    found = indicators(on_time(), energy=days("A", kwh))
    july = found["A", "2025-07"]
    mean = (10 * 25 + 21 * 130) / 31
    assert july["operating_ratio"] == pytest.approx(21 / 31)
    assert july["energy_mom_ratio"] == pytest.approx(mean / 100 - 1)
    assert july["energy_trend_3m_ratio"] == pytest.approx((200 + mean) / 300 - 1)
    assert july["month_kwh"] == pytest.approx(31 * mean)
    assert july["longest_stop_days"] == 0
    assert july["energy_yoy_ratio"] is None
    assert found["A", "2026-01"]["energy_yoy_ratio"] == pytest.approx(mean / 100 - 1)


@pytest.mark.parametrize(("kwh", "operating"), [(30, 1.0), (29.9, 0.0)])
def test_a_day_of_thirty_percent_of_the_baseline_is_a_day_of_work(kwh, operating):
    found = indicators(on_time(), energy=days("A", lambda day: 100 if day < date(2025, 7, 1) else kwh))
    assert found["A", "2025-07"]["operating_ratio"] == operating


@pytest.mark.parametrize(("kwh", "longest"), [(10, 0), (9.9, 8)])
def test_a_stop_is_below_a_tenth_of_the_baseline(kwh, longest):
    found = indicators(
        on_time(), energy=days("A", lambda day: kwh if date(2025, 7, 3) <= day <= date(2025, 7, 10) else 100)
    )
    assert found["A", "2025-07"]["longest_stop_days"] == longest


def test_days_that_were_never_read_are_not_days_of_rest():
    energy = [
        row
        for row in days("A", lambda day: 100)
        if not date(2025, 7, 1) <= row["energy_date"] <= date(2025, 7, 15)
    ]
    july = indicators(on_time(), energy=energy)["A", "2025-07"]
    assert (july["operating_ratio"], july["longest_stop_days"], july["zero_use_3m_days"]) == (1.0, 0, 0)
    assert july["day_cv_ratio"] == pytest.approx(0.0)
    assert july["energy_mom_ratio"] == pytest.approx(0.0)


def test_peers_are_of_the_same_industry_and_city_and_equals_share_their_place():
    customers = [terms(name, date(2020, 1, 1)) for name in "ABC"] + [
        terms("D", date(2020, 1, 1), industry_code="62")
    ]
    energy = [
        row
        for name, kwh in (("A", 100), ("B", 100), ("C", 300), ("D", 1))
        for row in days(name, lambda day, kwh=kwh: kwh)
    ]
    found = indicators([row for name in "ABCD" for row in on_time(name)], customers=customers, energy=energy)
    assert [found[name, "2025-06"]["industry_size_percentile_ratio"] for name in "ABCD"] == [
        0.0,
        0.0,
        1.0,
        None,
    ]


def test_only_customers_with_payments_are_told_of():
    found = indicators(on_time(), energy=days("A", lambda day: 1) + days("B", lambda day: 1))
    assert {customer for customer, _ in found} == {"A"}
    assert len(found) == len(MONTHS)


def test_rows_keep_the_promises_of_their_declaration():
    load = load_indicators(declared(GoldDayEnergy, days("A", lambda day: day.day)), CALENDAR, OPERATION)
    rows = assemble_indicators(
        load,
        declared(SilverPayments, on_time()),
        declared(SilverEvents, []),
        declared(SilverCustomers, [terms("A", date(2020, 1, 1))]),
        CALENDAR,
    )
    for field in GoldCustomerIndicators.fields():
        if field.name in rows.column_names:
            column = rows[field.name]
            assert field.nullable or column.null_count == 0, field.name
            if field.minimum is not None:
                assert (pc.min(column).as_py() or 0) >= field.minimum, field.name
            if field.maximum is not None:
                assert (pc.max(column).as_py() or 0) <= field.maximum, field.name
    assert sum(name not in ("customer_id", "indicator_month") for name in rows.column_names) >= 20
