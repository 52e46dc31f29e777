"""The way back from a line of a bill: fact and clause, determinant, days and intervals, file and line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from pipelines.codes import Channel, CustomerClass, IntervalStatus, LineComponent, TouPeriod
from pipelines.errors import UnknownNameError
from pipelines.facts import Facts
from pipelines.periods import BillingMonth
from pipelines.store import Store
from pipelines.tables.base import Table
from pipelines.tables.bronze import BronzeLoadCurves, BronzeRegisterReads
from pipelines.tables.gold import GoldBillingDeterminants
from pipelines.tables.silver import SilverDayCurves, SilverRegisterEnergy
from products.efficiency_bill.kept_case import case_from_text

Row = dict[str, Any]

# Periods are set by the quarter of an hour; a coarser curve is not split into them.
QUARTER_MINUTES = 15

_REACTIVE = (LineComponent.POWER_FACTOR_ADJUSTMENT,)
_DEMAND = (LineComponent.BASIC_DEMAND, LineComponent.DEMAND_EXCESS)
_OF_CONTRACT = (LineComponent.BASIC_CAPACITY,)


def explain(store: Store, facts: Facts, issued: Mapping[str, Any], line_number: int) -> dict[str, Any]:
    """Every step from one line of an issued bill back to what was received.

    facts    Those of the run that issued it.
    issued   The bill with its evidence, as ``zhixiang.issued`` gives it.
    Answers ``line``, ``fact``, ``contract``, ``determinants``, ``days``, ``intervals`` and ``received``; raises UnknownNameError for a line that
    the bill does not have. What does not lie behind this line is empty.
    """
    bill = issued["result"]
    lines = {line["line_number"]: line for line in issued["efficiency_bill_lines_v1"]}
    if line_number not in lines:
        raise UnknownNameError(f"line of the bill {bill['customer_id']} {bill['billing_month']}", str(line_number), [str(n) for n in sorted(lines)])
    line, month = lines[line_number], BillingMonth.parse(bill["billing_month"])
    component = LineComponent(line["component_code"])
    columns = determinant_columns(component, line["period_code"])
    (kept,) = issued["efficiency_bill_inputs_v1"]
    contract = case_from_text(kept["case_inputs"]).contract
    meter_points = bill["meter_point_ids"]
    metered = _rows(store, GoldBillingDeterminants, [("billing_month", "=", str(month)), ("meter_point_id", "in", meter_points)])
    channels = _channels(component)
    days = _register_days(store, meter_points, channels, month)
    intervals = _intervals(store, facts, metered, line, bill) if line["period_code"] or component in _DEMAND else []
    return {
        "line": line,
        "fact": fact_behind(facts, line["fact_id"], month.first_day),
        "contract": {name: str(value) for name, value in vars(contract).items() if value is not None} if contract else {},
        "determinants": [{name: row[name] for name in ("meter_point_id", *columns)} for row in metered],
        "days": days,
        "intervals": intervals,
        "received": _received(store, days, intervals),
    }


def determinant_columns(component: LineComponent, period: str | None) -> tuple[str, ...]:
    """Columns of gold_billing_determinants that the quantity of a line rests on."""
    if component in _REACTIVE:
        return ("energy_kwh", "lagging_kvarh", "leading_kvarh", "power_factor_ratio")
    if component in _DEMAND:
        return ("max_demand_kw", "max_demand_date", "max_demand_slot")
    if component in _OF_CONTRACT:
        return ()
    return ("energy_kwh", f"{TouPeriod(period).value}_kwh") if period else ("energy_kwh",)


def fact_behind(facts: Facts, fact_id: str, on: date) -> Row:
    """The figure that a line names: all of its citation; for a table of figures the first of it."""
    rows = [row for row in facts.describe(on) if row.fact_id == fact_id or row.fact_id.startswith(f"{fact_id}.")]
    return dict(rows[0].as_dict()) if rows else {"fact_id": fact_id}


def _channels(component: LineComponent) -> list[str]:
    channels = [Channel.ACTIVE_FORWARD.value]
    return [*channels, Channel.REACTIVE_LAGGING.value, Channel.REACTIVE_LEADING.value] if component in _REACTIVE else channels


def _rows(store: Store, table: type[Table], filters: list[tuple[str, str, Any]]) -> list[Row]:
    rows: list[Row] = store.arrow(table, filters=filters).to_pylist()
    return sorted(rows, key=lambda row: tuple(str(row[name]) for name in table.key()))


def _register_days(store: Store, meter_points: Sequence[str], channels: Sequence[str], month: BillingMonth) -> list[Row]:
    """Settled energy of each day: end register, multiplier and rule."""
    rows = _rows(store, SilverRegisterEnergy, [("energy_month", "=", str(month)), ("meter_point_id", "in", list(meter_points))])
    shown = (
        "meter_point_id", "channel_code", "energy_date", "span_days", "start_register_unscaled", "end_register_unscaled", "multiplier_ratio",
        "energy_kwh_or_kvarh", "register_rule_code",
    )  # fmt: skip
    return [{name: row[name] for name in shown} for row in rows if row["channel_code"] in channels]


def _intervals(store: Store, facts: Facts, metered: Sequence[Row], line: Row, bill: Row) -> list[Row]:
    """Of each day with a curve: the intervals that count for the line's period, or the one that set the demand."""
    names = [row["meter_point_id"] for row in metered]
    curves = _rows(store, SilverDayCurves, [("curve_month", "=", bill["billing_month"]), ("meter_point_id", "in", names)])
    peaks = {row["meter_point_id"]: (row["max_demand_date"], row["max_demand_slot"]) for row in metered}
    found = []
    for row in curves:
        if row["channel_code"] != Channel.ACTIVE_FORWARD.value:
            continue
        slots = _slots(facts, row, line["period_code"], CustomerClass(bill["customer_class_code"]), peaks)
        if slots.size:
            final, status = np.array(row["final_kwh_or_kvarh"], dtype=float), np.array(row["interval_status_codes"])
            measured = np.array([np.nan if value is None else value for value in row["measured_kwh_or_kvarh"]])
            found.append({
                "meter_point_id": row["meter_point_id"],
                "curve_date": row["curve_date"],
                "interval_minutes": row["interval_minutes"],
                "slots": slots.tolist(),
                "final_kwh": float(np.nansum(final[slots])),
                "measured_kwh": float(np.nansum(measured[slots])),
                "estimated_slots": [int(slot) for slot in slots if IntervalStatus(status[slot]).is_estimated],
            })  # fmt: skip
    return found


def _slots(
    facts: Facts, row: Row, period: str | None, customer_class: CustomerClass, peaks: Mapping[str, tuple[date, int]]
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Slots of a day's curve that lie in the period, or the one of the highest demand where the line has no period."""
    if period is None:
        day, slot = peaks[row["meter_point_id"]]
        return np.array([slot] if row["curve_date"] == day else [], dtype=np.int64)
    quarters = facts.time_of_use.slot_matrix([row["curve_date"]], customer_class)[0]
    return np.flatnonzero(np.repeat(quarters, QUARTER_MINUTES // row["interval_minutes"]) == list(TouPeriod).index(TouPeriod(period)))


def _received(store: Store, days: Sequence[Row], intervals: Sequence[Row]) -> list[Row]:
    """File and line of every register read and curve behind the line."""
    found: list[Row] = []
    if days:
        wanted = {
            (row["meter_point_id"], row["channel_code"], day)
            for row in days
            for day in (row["energy_date"], row["energy_date"] - timedelta(row["span_days"] or 0))
        }
        found += _lines_of(store, BronzeRegisterReads, "read_date", "read_month", wanted)
    if intervals:
        curves = {(row["meter_point_id"], Channel.ACTIVE_FORWARD.value, row["curve_date"]) for row in intervals}
        found += _lines_of(store, BronzeLoadCurves, "curve_date", "curve_month", curves)
    return found


def _lines_of(store: Store, table: type[Table], day_column: str, month_column: str, wanted: set[tuple[str, str, date]]) -> list[Row]:
    months = sorted({f"{day:%Y-%m}" for _, _, day in wanted})
    filters: list[tuple[str, str, Any]] = [(month_column, "in", months), ("meter_point_id", "in", sorted({name for name, _, _ in wanted}))]
    columns = ["meter_point_id", "channel_code", day_column, "source_file", "line_number", "content_hash"]
    rows: list[Row] = store.arrow(table, columns, filters).to_pylist()
    mine = [row for row in rows if (row["meter_point_id"], row["channel_code"], row[day_column]) in wanted]
    mine.sort(key=lambda row: (row["meter_point_id"], row["channel_code"], row[day_column], row["content_hash"], row["line_number"]))
    return [{"table": table.name, "day": row.pop(day_column), **row} for row in mine]
