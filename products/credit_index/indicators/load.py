"""Indicators of a customer's load, month by month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, FloatArray
from pipelines.codes import Channel
from products.credit_index.indicators.calendar import Calendar
from products.credit_index.settings import OperationSettings

_LOAD_ROWS = pa.schema(
    [
        ("meter_point_id", pa.string()),
        ("customer_id", pa.string()),
        ("energy_date", pa.date32()),
        ("energy_kwh_or_kvarh", pa.float64()),
        ("estimated_ratio", pa.float64()),
    ]
)


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


def load_indicators(
    day_energy: pa.Table,
    calendar: Calendar,
    operation: OperationSettings,
    behind: pa.Table | None = None,
) -> pa.Table:
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
    return _load_table(names, _by_month(energy, estimated, seen, calendar, operation), calendar)


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
    energy: FloatArray,
    estimated: FloatArray,
    seen: BoolArray,
    calendar: Calendar,
    operation: OperationSettings,
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
        found["load_ratio"][:, month] = np.minimum(quotient(_mean(mean_day[:, recent]), top), 1)
        known, today = np.where(seen[:, one], energy[:, one], np.nan), np.maximum(days[:, month], 1)
        spread = np.sqrt(np.nansum((known - mean_day[:, month, None]) ** 2, axis=1) / today)
        found["day_cv_ratio"][:, month] = quotient(spread, mean_day[:, month])
        if month >= 1:
            found["energy_mom_ratio"][:, month] = _change(mean_day[:, month], mean_day[:, month - 1])
            before = _mean(mean_day[:, max(0, month - operation.baseline_months) : month])[:, None]
            operating = (known >= operation.operating_ratio * before).sum(axis=1) / today
            found["operating_ratio"][:, month] = np.where(
                (before[:, 0] > 0) & (days[:, month] > 0), operating, np.nan
            )
            found["longest_stop_days"][:, month] = _longest_run(known < operation.stop_ratio * before)
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
            found["energy_slope_6m_ratio"][:, month] = quotient(
                (six * weights).sum(axis=1) / (weights**2).sum(), six.mean(axis=1)
            )
            found["energy_cv_6m_ratio"][:, month] = quotient(six.std(axis=1), six.mean(axis=1))
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


def quotient(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Part over whole, NaN where the whole is not positive."""
    found: FloatArray = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return found


def _change(now: FloatArray, before: FloatArray) -> FloatArray:
    """Relative change, cut at +300 % so that a restart from nearly nothing does not rule every mean."""
    return np.clip(quotient(now, before) - 1, -1, 3)


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
    columns |= {name: nullable(values.ravel()) for name, values in found.items()}
    return pa.table(columns).select(LOAD_SCHEMA.names).cast(LOAD_SCHEMA)


def nullable(values: FloatArray) -> pa.Array:
    """Values as an Arrow array, null where they are not finite."""
    return pa.array(values, mask=~np.isfinite(values))
