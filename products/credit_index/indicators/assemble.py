"""Indicators of a customer and month, point in time: nothing that became known later enters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.arrays import FloatArray
from pipelines.codes import EventCode
from pipelines.transforms.ground.in_force import places_in_force
from products.credit_index.indicator_table import GoldCustomerIndicators
from products.credit_index.indicators.calendar import Calendar
from products.credit_index.indicators.load import LOAD_SCHEMA, nullable, quotient
from products.credit_index.indicators.peers import Compared, group_names

_NEVER = np.iinfo(np.int64).max


def payment_indicators(
    payments: pa.Table, customers: Sequence[str], calendar: Calendar
) -> dict[str, FloatArray]:
    """Indicators of bills as known on each month's last day. Name -> (customers x months)."""
    row = (
        pc.index_in(payments["customer_id"], pa.array(customers))
        .to_numpy(zero_copy_only=False)
        .astype(np.int64)
    )
    due = payments["due_date"].cast(pa.int32()).to_numpy().astype(np.int64)
    paid = pc.fill_null(payments["paid_date"].cast(pa.int32()).cast(pa.int64()), _NEVER).to_numpy()
    billed_fen = np.rint(
        payments["billed_cny"].to_numpy() * 100
    )  # whole numbers add up to the same sum in any order
    count, shape = len(customers), (len(customers), len(calendar.months))
    names = (
        "late_bills_12m",
        "late_bills_3m",
        "max_overdue_12m_days",
        "mean_overdue_12m_days",
        "unpaid_bills",
        "unpaid_days",
        "arrears_12m",
        "unpaid_to_bill_ratio",
        "early_payment_6m_days",
        "on_time_6m_ratio",
    )
    found = {name: np.full(shape, np.nan) for name in names}
    in_arrears = np.zeros(shape)

    def total(weights: NDArray[np.generic]) -> FloatArray:
        return np.bincount(row, weights=weights.astype(float), minlength=count).astype(float)

    def worst(weights: NDArray[np.generic]) -> FloatArray:
        highest = np.zeros(count)
        np.maximum.at(highest, row, weights.astype(float))
        return highest

    for month, today in enumerate(calendar.ends):
        fell_due = due <= today
        overdue = np.where(fell_due, np.maximum(np.minimum(paid, today) - due, 0), 0)
        unpaid = (due < today) & (paid > today)
        year, half, quarter = (
            fell_due & (due > calendar.months_before(month, window)) for window in (12, 6, 3)
        )
        in_time = half & (paid <= due)
        bills = total(year)
        in_arrears[:, month] = total(unpaid) > 0
        found["late_bills_12m"][:, month] = total((overdue > 0) & year)
        found["late_bills_3m"][:, month] = total((overdue > 0) & quarter)
        found["mean_overdue_12m_days"][:, month] = quotient(total(overdue * year), bills)
        found["max_overdue_12m_days"][:, month] = worst(overdue * year)
        found["unpaid_bills"][:, month] = total(unpaid)
        found["unpaid_days"][:, month] = worst(overdue * unpaid)
        found["arrears_12m"][:, month] = in_arrears[:, max(0, month - 11) : month + 1].sum(axis=1)
        found["unpaid_to_bill_ratio"][:, month] = np.nan_to_num(
            quotient(total(billed_fen * unpaid) * bills, total(billed_fen * year))
        )
        found["early_payment_6m_days"][:, month] = quotient(
            total(np.where(in_time, due - np.minimum(paid, due), 0)), total(in_time)
        )
        found["on_time_6m_ratio"][:, month] = quotient(total(in_time), total(half))
    return found


def event_indicators(events: pa.Table, customers: Sequence[str], calendar: Calendar) -> dict[str, FloatArray]:
    """Counts of events as known on each month's last day. Name -> (customers x months)."""
    known = events.filter(pc.is_in(events["customer_id"], pa.array(customers)))
    row = (
        pc.index_in(known["customer_id"], pa.array(customers)).to_numpy(zero_copy_only=False).astype(np.int64)
    )
    started = known["started_date"].cast(pa.int32()).to_numpy().astype(np.int64)
    ended = pc.fill_null(known["ended_date"].cast(pa.int32()).cast(pa.int64()), _NEVER).to_numpy()
    code = np.array(known["event_code"].to_pylist(), dtype=object)
    rules: dict[str, tuple[set[EventCode], int]] = {
        "violations_24m": ({EventCode.CONTRACT_VIOLATION}, 24),
        "violations_12m": ({EventCode.CONTRACT_VIOLATION}, 12),
        "thefts_24m": ({EventCode.THEFT}, 24),
        "over_capacity_12m": ({EventCode.OVER_CAPACITY}, 12),
        "capacity_increases_12m": ({EventCode.CAPACITY_INCREASE}, 12),
        "capacity_decreases_12m": ({EventCode.CAPACITY_DECREASE, EventCode.SUSPENSION}, 12),
        "ownership_changes_12m": ({EventCode.OWNERSHIP_CHANGE}, 12),
    }
    shape = (len(customers), len(calendar.months))
    found = {name: np.zeros(shape) for name in (*rules, "open_safety_notices", "is_closed")}
    for month, today in enumerate(calendar.ends):
        for name, (codes, window) in rules.items():
            chosen = (
                np.isin(code, [member.value for member in codes])
                & (started <= today)
                & (started > calendar.months_before(month, window))
            )
            found[name][:, month] = np.bincount(row[chosen], minlength=shape[0])
        notice = (code == EventCode.SAFETY_NOTICE_OPEN.value) & (started <= today) & (ended >= today)
        found["open_safety_notices"][:, month] = np.bincount(row[notice], minlength=shape[0])
        closed = (code == EventCode.CLOSURE.value) & (started <= today)
        found["is_closed"][:, month] = np.minimum(np.bincount(row[closed], minlength=shape[0]), 1)
    return found


def assemble_indicators(
    load: pa.Table,
    payments: pa.Table,
    events: pa.Table,
    customers: pa.Table,
    calendar: Calendar,
    compared: Compared | None = None,
) -> pa.Table:
    """gold_customer_indicators without ``computed_run_id``: every customer with payments, every month, in the
    order of both.

    load       Rows of load_indicators.
    customers  silver_customers; the terms in force on the month's last day give industry, city, capacity and
               age.
    compared   How these stand among all customers; None: these are all. (customers x months, as the rows)
    """
    names = sorted(pc.unique(payments["customer_id"]).to_pylist())
    months = [str(month) for month in calendar.months]
    found = load_grids(load, names, calendar, LOAD_SCHEMA.names[2:])
    found |= payment_indicators(payments, names, calendar)
    found |= event_indicators(events, names, calendar)
    terms = _terms_in_force(customers, names, calendar, _groups(customers))
    if compared is None:
        compared = Compared.of(terms["group"], found["energy_trend_3m_ratio"], found["month_kwh"])
    found["capacity_use_ratio"] = quotient(found.pop("highest_day_kw"), terms["capacity"])
    found["account_age_years"] = np.maximum(calendar.ends[None, :] - terms["opened"], 0) / 365.25
    found["is_closed"] = np.maximum(found["is_closed"], terms["closed"] <= calendar.ends[None, :])
    found["industry_growth_gap_ratio"] = compared.growth_gap
    found["industry_size_percentile_ratio"] = compared.size_rank
    found["estimated_ratio"] = np.nan_to_num(found["estimated_ratio"])
    found["history_months"] = np.nan_to_num(found["history_months"])
    schema = pa.schema(
        [field for field in GoldCustomerIndicators.arrow_schema() if field.name != "computed_run_id"]
    )
    columns: dict[str, pa.Array] = {
        "customer_id": pa.array(np.repeat(np.array(names, dtype=object), len(months)), pa.string()),
        "indicator_month": pa.array(months * len(names), pa.string()),
    }
    columns |= {name: nullable(values.ravel()) for name, values in found.items()}
    return pa.table(columns).select(schema.names).cast(schema)


def load_grids(
    load: pa.Table, names: Sequence[str], calendar: Calendar, columns: Sequence[str]
) -> dict[str, FloatArray]:
    """Columns of rows of load_indicators; NaN where there is no row. Name -> (customers x months)."""
    months = [str(month) for month in calendar.months]
    place = pc.index_in(load["customer_id"], pa.array(names, pa.string())).to_numpy(zero_copy_only=False)
    known = np.isfinite(place.astype(float))
    at = (
        place[known].astype(np.int64),
        pc.index_in(load["indicator_month"], pa.array(months))
        .to_numpy(zero_copy_only=False)
        .astype(np.int64)[known],
    )
    found: dict[str, FloatArray] = {}
    for name in columns:
        found[name] = np.full((len(names), len(months)), np.nan)
        found[name][at] = pc.fill_null(load[name], np.nan).to_numpy()[known]
    return found


@dataclass(frozen=True)
class Grouped:
    """What is compared of some customers. (customers x months)

    groups   Industries of cities.
    numbers  Place of each customer's group; NaN before the first terms.
    trend    3-month trend; NaN where it is not known.
    kwh      Energy of the month, the same.
    """

    groups: list[str]
    numbers: FloatArray
    trend: FloatArray
    kwh: FloatArray


def grouped(load: pa.Table, names: Sequence[str], customers: pa.Table, calendar: Calendar) -> Grouped:
    """Customers with their groups, in the order of the names.

    load  At least customer, month, trend and energy of their rows of load_indicators.
    """
    grids = load_grids(load, names, calendar, ("energy_trend_3m_ratio", "month_kwh"))
    groups = _groups(customers)
    numbers = _terms_in_force(customers, names, calendar, groups)["group"]
    return Grouped(groups, numbers, grids["energy_trend_3m_ratio"], grids["month_kwh"])


def _groups(customers: pa.Table) -> list[str]:
    return sorted(pc.unique(group_names(customers)).to_pylist())


def _terms_in_force(
    customers: pa.Table, names: Sequence[str], calendar: Calendar, groups: Sequence[str]
) -> dict[str, FloatArray]:
    """Terms on each month's last day (customers x months); NaN before the first terms. ``group`` is the place
    of each industry of each city among the groups.
    """
    known = customers.filter(pc.is_in(customers["customer_id"], pa.array(names, pa.string())))
    row = (
        pc.index_in(known["customer_id"], pa.array(names, pa.string()))
        .to_numpy(zero_copy_only=False)
        .astype(np.int64)
    )
    since = known["valid_from_date"].cast(pa.int32()).to_numpy().astype(np.int64)
    shape = len(names), len(calendar.ends)
    customer, end = np.broadcast_arrays(np.arange(len(names))[:, None], calendar.ends[None, :])
    place = places_in_force(customer.ravel(), end.ravel(), row, since).reshape(shape)

    def as_of(values: FloatArray) -> FloatArray:
        # The last place, -1, stands for no terms.
        return np.append(values, np.nan)[place]

    def days(name: str) -> FloatArray:
        return np.asarray(pc.fill_null(known[name].cast(pa.int32()).cast(pa.float64()), np.nan), dtype=float)

    group = pc.index_in(group_names(known), pa.array(groups, pa.string()))
    return {
        "capacity": as_of(pc.fill_null(known["contract_capacity_kva"], np.nan).to_numpy()),
        "opened": as_of(days("opened_date")),
        "closed": as_of(days("closed_date")),
        "group": as_of(group.to_numpy(zero_copy_only=False).astype(float)),
    }
