"""Indicators of a customer and month, point in time: nothing that became known later enters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.codes import Channel, EventCode
from pipelines.periods import BillingMonth
from products.credit_index.indicator_table import GoldCustomerIndicators

OPERATING_SHARE = 0.30  # the 30 % rule of the published power indices
STOP_SHARE = 0.10
BASELINE_MONTHS = 6
_LOAD_ROWS = pa.schema(
    [
        ("meter_point_id", pa.string()),
        ("customer_id", pa.string()),
        ("energy_date", pa.date32()),
        ("energy_kwh_or_kvarh", pa.float64()),
        ("estimated_ratio", pa.float64()),
    ]
)
_NEVER = np.iinfo(np.int64).max

LOAD_SCHEMA = pa.schema(
    [("customer_id", pa.string()), ("indicator_month", pa.string())]
    + [
        (name, pa.float64())
        for name in (
            "history_months",
            "month_kwh",
            "estimated_ratio",
            "energy_yoy_ratio",
            "energy_mom_ratio",
            "energy_trend_3m_ratio",
            "energy_slope_6m_ratio",
            "energy_cv_6m_ratio",
            "day_cv_ratio",
            "zero_use_3m_days",
            "longest_stop_days",
            "operating_ratio",
            "operating_change_ratio",
            "load_ratio",
            "highest_day_kw",
        )
    ]
)


@dataclass(frozen=True)
class Calendar:
    """The months of a data set and their days, counted from 1970."""

    months: tuple[BillingMonth, ...]

    @property
    def first_day(self) -> int:
        """First day of the first month."""
        return _days(self.months[0].first_day)

    @property
    def starts(self) -> IntArray:
        """Index of each month's first day, and one past the last."""
        return np.cumsum([0, *(month.day_count for month in self.months)])

    @property
    def ends(self) -> IntArray:
        """Last day of each month, counted from 1970."""
        return np.array([_days(month.last_day) for month in self.months], dtype=np.int64)

    def months_before(self, month: int, count: int) -> int:
        """Last day of the month so many before; what came later lies in the window of that many months."""
        return _days(self.months[month].plus(-count).last_day)


def _days(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def load_indicators(day_energy: pa.Table, calendar: Calendar, behind: pa.Table | None = None) -> pa.Table:
    """Indicators that need nothing but a customer's own days. (LOAD_SCHEMA)

    day_energy  gold_day_energy of a set of customers, whole history.
    behind      Rows of all customers' sub-meters whose energy is deducted from another's, see
                ``deducted_days``.
    """
    active = day_energy.filter(
        pc.and_(
            pc.equal(day_energy["channel_code"], Channel.ACTIVE_FORWARD.value),
            pc.is_valid(day_energy["customer_id"]),
        )
    )
    if not active.num_rows:
        return LOAD_SCHEMA.empty_table()
    names = sorted(pc.unique(active["customer_id"]).to_pylist())
    own_rows = active.num_rows
    if behind is not None and behind.num_rows:
        theirs = behind.filter(pc.is_in(behind["customer_id"], value_set=pa.array(names, pa.string())))
        active = pa.concat_tables([active.select(_LOAD_ROWS.names).cast(_LOAD_ROWS), theirs])
    row = pc.index_in(active["customer_id"], pa.array(names)).to_numpy(zero_copy_only=False).astype(np.int64)
    column = active["energy_date"].cast(pa.int32()).to_numpy().astype(np.int64) - calendar.first_day
    inside = (column >= 0) & (column < calendar.starts[-1])
    shape = (len(names), int(calendar.starts[-1]))
    energy, estimated = np.zeros(shape), np.zeros(shape)
    seen = np.zeros(shape, dtype=bool)
    value = active["energy_kwh_or_kvarh"].to_numpy()
    order = np.flatnonzero(inside)
    own = order[order < own_rows]
    seen[row[own], column[own]] = True
    order = order[
        seen[row[order], column[order]]
    ]  # what others took on a day without the main meter tells nothing
    if np.count_nonzero(seen) < len(
        order
    ):  # several meter points of a customer: floats must add up in one order only
        points = pa.array(sorted(pc.unique(active["meter_point_id"]).to_pylist()))
        order = order[
            np.argsort(
                pc.index_in(active["meter_point_id"], points).to_numpy(zero_copy_only=False)[order],
                kind="stable",
            )
        ]
    cell = row[order], column[order]
    np.add.at(energy, cell, value[order])
    np.add.at(estimated, cell, (value * active["estimated_ratio"].to_numpy())[order])
    return _load_table(names, _by_month(energy, estimated, seen, calendar), calendar)


def deducted_days(day_energy: pa.Table) -> pa.Table:
    """Rows of gold_day_energy that are deducted from another customer, as negative energy of that customer;
    the few that there are.
    """
    rows = day_energy.filter(
        pc.and_(
            pc.equal(day_energy["channel_code"], Channel.ACTIVE_FORWARD.value),
            pc.is_valid(day_energy["deducted_customer_id"]),
        )
    )
    columns = {name: rows[name] for name in _LOAD_ROWS.names}
    columns |= {
        "customer_id": rows["deducted_customer_id"],
        "energy_kwh_or_kvarh": pc.negate(rows["energy_kwh_or_kvarh"]),
    }
    return pa.table(columns).cast(_LOAD_ROWS)


def _by_month(
    energy: FloatArray, estimated: FloatArray, seen: BoolArray, calendar: Calendar
) -> dict[str, FloatArray]:
    count = len(calendar.months)
    starts = calendar.starts
    shape = (len(energy), count)
    found = {name: np.full(shape, np.nan) for name in LOAD_SCHEMA.names[2:]}
    month_kwh = np.add.reduceat(energy, starts[:-1], axis=1)
    days = np.add.reduceat(seen.astype(float), starts[:-1], axis=1)
    mean_day = np.divide(month_kwh, days, out=np.full(shape, np.nan), where=days > 0)
    found["month_kwh"] = np.where(days > 0, month_kwh, np.nan)
    found["history_months"] = np.cumsum(days > 0, axis=1).astype(float)
    estimated_kwh = np.add.reduceat(estimated, starts[:-1], axis=1)
    found["estimated_ratio"] = np.clip(
        np.divide(estimated_kwh, month_kwh, out=np.zeros(shape), where=month_kwh > 0), 0, 1
    )
    highest = np.maximum.reduceat(energy, starts[:-1], axis=1)
    zero = np.add.reduceat((seen & (energy <= 0)).astype(float), starts[:-1], axis=1)
    for month in range(count):
        one = slice(starts[month], starts[month + 1])
        recent = slice(max(0, month - 2), month + 1)
        found["zero_use_3m_days"][:, month] = zero[:, recent].sum(axis=1)
        top = highest[:, recent].max(axis=1)
        found["highest_day_kw"][:, month] = top / 24
        found["load_ratio"][:, month] = np.minimum(_ratio(_mean(mean_day[:, recent]), top), 1)
        known, today = np.where(seen[:, one], energy[:, one], np.nan), np.maximum(days[:, month], 1)
        spread = np.sqrt(np.nansum((known - mean_day[:, month, None]) ** 2, axis=1) / today)
        found["day_cv_ratio"][:, month] = _ratio(spread, mean_day[:, month])
        if month >= 1:
            found["energy_mom_ratio"][:, month] = _change(mean_day[:, month], mean_day[:, month - 1])
            before = _mean(mean_day[:, max(0, month - BASELINE_MONTHS) : month])[:, None]
            operating = (known >= OPERATING_SHARE * before).sum(axis=1) / today
            found["operating_ratio"][:, month] = np.where(
                (before[:, 0] > 0) & (days[:, month] > 0), operating, np.nan
            )
            found["longest_stop_days"][:, month] = _longest_run(known < STOP_SHARE * before)
        if month >= 4:
            found["operating_change_ratio"][:, month] = found["operating_ratio"][:, month] - _mean(
                found["operating_ratio"][:, month - 3 : month]
            )
        if month >= 5:
            last, earlier = (
                _mean(mean_day[:, month - 2 : month + 1]),
                _mean(mean_day[:, month - 5 : month - 2]),
            )
            found["energy_trend_3m_ratio"][:, month] = _change(last, earlier)
            six = mean_day[:, month - 5 : month + 1]
            weights = np.arange(6) - 2.5
            found["energy_slope_6m_ratio"][:, month] = _ratio(
                (six * weights).sum(axis=1) / (weights**2).sum(), six.mean(axis=1)
            )
            found["energy_cv_6m_ratio"][:, month] = _ratio(six.std(axis=1), six.mean(axis=1))
        if month >= 12:
            found["energy_yoy_ratio"][:, month] = _change(mean_day[:, month], mean_day[:, month - 12])
    return found


def _mean(values: FloatArray) -> FloatArray:
    """Mean of each row over the months that are known; NaN where none is."""
    known = np.isfinite(values)
    count = known.sum(axis=1)
    mean: FloatArray = np.divide(
        np.where(known, values, 0.0).sum(axis=1), count, out=np.full(len(values), np.nan), where=count > 0
    )
    return mean


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    ratio: FloatArray = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return ratio


def _change(now: FloatArray, before: FloatArray) -> FloatArray:
    """Relative change, cut at +300 % so that a restart from nearly nothing does not rule every mean."""
    return np.clip(_ratio(now, before) - 1, -1, 3)


def _longest_run(flags: BoolArray) -> FloatArray:
    run, longest = np.zeros(len(flags)), np.zeros(len(flags))
    for column in range(flags.shape[1]):
        run = np.where(flags[:, column], run + 1, 0)
        longest = np.maximum(longest, run)
    return longest


def _load_table(names: Sequence[str], found: Mapping[str, FloatArray], calendar: Calendar) -> pa.Table:
    count = len(calendar.months)
    columns: dict[str, pa.Array] = {
        "customer_id": pa.array(np.repeat(np.array(names, dtype=object), count), pa.string()),
        "indicator_month": pa.array([str(month) for month in calendar.months] * len(names), pa.string()),
    }
    columns |= {name: _nullable(values.ravel()) for name, values in found.items()}
    return pa.table(columns).select(LOAD_SCHEMA.names).cast(LOAD_SCHEMA)


def _nullable(values: FloatArray) -> pa.Array:
    return pa.array(values, mask=~np.isfinite(values))


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
        found["mean_overdue_12m_days"][:, month] = _ratio(total(overdue * year), bills)
        found["max_overdue_12m_days"][:, month] = worst(overdue * year)
        found["unpaid_bills"][:, month] = total(unpaid)
        found["unpaid_days"][:, month] = worst(overdue * unpaid)
        found["arrears_12m"][:, month] = in_arrears[:, max(0, month - 11) : month + 1].sum(axis=1)
        found["unpaid_to_bill_ratio"][:, month] = np.nan_to_num(
            _ratio(total(billed_fen * unpaid) * bills, total(billed_fen * year))
        )
        found["early_payment_6m_days"][:, month] = _ratio(
            total(np.where(in_time, due - np.minimum(paid, due), 0)), total(in_time)
        )
        found["on_time_6m_ratio"][:, month] = _ratio(total(in_time), total(half))
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
    load: pa.Table, payments: pa.Table, events: pa.Table, customers: pa.Table, calendar: Calendar
) -> pa.Table:
    """gold_customer_indicators without ``computed_run_id``: every customer with payments, every month, in the
    order of both.

    load       Rows of load_indicators.
    customers  silver_customers; the terms in force on the month's last day give industry, city, capacity and
               age.
    """
    names = sorted(pc.unique(payments["customer_id"]).to_pylist())
    months = [str(month) for month in calendar.months]
    shape = (len(names), len(months))
    place = pc.index_in(load["customer_id"], pa.array(names)).to_numpy(zero_copy_only=False)
    known = np.isfinite(place.astype(float))
    at = (
        place[known].astype(np.int64),
        pc.index_in(load["indicator_month"], pa.array(months))
        .to_numpy(zero_copy_only=False)
        .astype(np.int64)[known],
    )
    found: dict[str, FloatArray] = {}
    for name in LOAD_SCHEMA.names[2:]:
        grid = np.full(shape, np.nan)
        grid[at] = pc.fill_null(load[name], np.nan).to_numpy()[known]
        found[name] = grid
    found |= payment_indicators(payments, names, calendar)
    found |= event_indicators(events, names, calendar)
    terms = _terms_in_force(customers, names, calendar)
    found["capacity_use_ratio"] = _ratio(found.pop("highest_day_kw"), terms["capacity"])
    found["account_age_years"] = np.maximum(calendar.ends[None, :] - terms["opened"], 0) / 365.25
    found["is_closed"] = np.maximum(found["is_closed"], terms["closed"] <= calendar.ends[None, :])
    found["industry_growth_gap_ratio"] = found["energy_trend_3m_ratio"] - _peer_median(
        found["energy_trend_3m_ratio"], terms["peers"]
    )
    found["industry_size_percentile_ratio"] = _peer_rank(found["month_kwh"], terms["peers"])
    found["estimated_ratio"] = np.nan_to_num(found["estimated_ratio"])
    found["history_months"] = np.nan_to_num(found["history_months"])
    schema = pa.schema(
        [field for field in GoldCustomerIndicators.arrow_schema() if field.name != "computed_run_id"]
    )
    columns: dict[str, pa.Array] = {
        "customer_id": pa.array(np.repeat(np.array(names, dtype=object), len(months)), pa.string()),
        "indicator_month": pa.array(months * len(names), pa.string()),
    }
    columns |= {name: _nullable(values.ravel()) for name, values in found.items()}
    return pa.table(columns).select(schema.names).cast(schema)


def _terms_in_force(customers: pa.Table, names: Sequence[str], calendar: Calendar) -> dict[str, FloatArray]:
    """Terms on each month's last day (customers x months); NaN before the first terms. ``peers`` numbers each
    industry of each city.
    """
    known = customers.filter(pc.is_in(customers["customer_id"], pa.array(names)))
    row = pc.index_in(known["customer_id"], pa.array(names)).to_numpy(zero_copy_only=False).astype(np.int64)
    since = known["valid_from_date"].cast(pa.int32()).to_numpy().astype(np.int64)
    order = np.lexsort((since, row))
    span = 1 << 32
    asked = np.arange(len(names))[:, None] * span + calendar.ends[None, :]
    place = np.searchsorted((row * span + since)[order], asked, side="right") - 1
    belongs = (place >= 0) & (np.append(row[order], -1)[place] == np.arange(len(names))[:, None])

    def as_of(values: FloatArray) -> FloatArray:
        return np.where(belongs, np.append(values[order], np.nan)[place], np.nan)

    def days(name: str) -> FloatArray:
        return np.asarray(pc.fill_null(known[name].cast(pa.int32()).cast(pa.float64()), np.nan), dtype=float)

    group = pc.binary_join_element_wise(
        pc.fill_null(known["city"], ""), pc.fill_null(known["industry_code"], ""), "/"
    )
    return {
        "capacity": as_of(pc.fill_null(known["contract_capacity_kva"], np.nan).to_numpy()),
        "opened": as_of(days("opened_date")),
        "closed": as_of(days("closed_date")),
        "peers": as_of(pc.index_in(group, pc.unique(group)).to_numpy(zero_copy_only=False).astype(float)),
    }


def _peer_median(values: FloatArray, peers: FloatArray) -> FloatArray:
    """Median of each month over the customers of the same group."""
    middle = np.full(values.shape, np.nan)
    for month in range(values.shape[1]):
        known = np.isfinite(values[:, month]) & np.isfinite(peers[:, month])
        for group in np.unique(peers[known, month]):
            rows = known & (peers[:, month] == group)
            middle[rows, month] = np.median(values[rows, month])
    return middle


def _peer_rank(values: FloatArray, peers: FloatArray) -> FloatArray:
    """Share of the others of the same group with a smaller value; NaN for a group of one."""
    rank = np.full(values.shape, np.nan)
    for month in range(values.shape[1]):
        known = np.isfinite(values[:, month]) & np.isfinite(peers[:, month])
        for group in np.unique(peers[known, month]):
            rows = np.flatnonzero(known & (peers[:, month] == group))
            if len(rows) > 1:
                own = values[rows, month]
                rank[rows, month] = np.searchsorted(np.sort(own), own, side="left") / (len(rows) - 1)
    return rank
