"""The way back from a line of a bill: fact and clause, determinant, days and intervals, file and line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np

from pipelines.codes import Channel, CustomerClass, IntervalStatus, LineComponent, TouPeriod
from pipelines.errors import UnknownNameError
from pipelines.facts import Facts
from pipelines.periods import BillingMonth
from pipelines.store import Store
from pipelines.tables.base import Table
from pipelines.tables.bronze import BronzeCustomers, BronzeLoadCurves, BronzeRegisterReads
from pipelines.tables.gold import GoldBillingDeterminants
from pipelines.tables.silver import SilverDayCurves, SilverRegisterEnergy
from products.efficiency_bill.kept_case import case_from_text

Row = dict[str, Any]

# Periods are set by the quarter of an hour; a coarser curve is not split into them.
QUARTER_MINUTES = 15

_REACTIVE = (LineComponent.POWER_FACTOR_ADJUSTMENT,)
_DEMAND = (LineComponent.BASIC_DEMAND, LineComponent.DEMAND_EXCESS)
_OF_CONTRACT = (LineComponent.BASIC_CAPACITY,)


class Traces:
    """What lies behind the bills of a month: each table is read once, however many lines ask for it.

    meter_points  Those of the bills that are to be explained; customers: likewise.
    """

    def __init__(self, store: Store, month: BillingMonth, meter_points: Sequence[str], customers: Sequence[str]) -> None:
        self._store, self.month, self._meter_points, self._customers = store, month, sorted(set(meter_points)), sorted(set(customers))

    @cached_property
    def metered(self) -> dict[str, list[Row]]:
        """Rows of gold_billing_determinants by meter point."""
        return self._by_meter_point(GoldBillingDeterminants, "billing_month")

    @cached_property
    def settled(self) -> dict[str, list[Row]]:
        """Rows of silver_register_energy by meter point."""
        return self._by_meter_point(SilverRegisterEnergy, "energy_month")

    @cached_property
    def curves(self) -> dict[str, list[Row]]:
        """Active curves of silver_day_curves by meter point."""
        found = self._by_meter_point(SilverDayCurves, "curve_month")
        return {name: [row for row in rows if row["channel_code"] == Channel.ACTIVE_FORWARD.value] for name, rows in found.items()}

    @cached_property
    def register_lines(self) -> dict[tuple[str, str, date], list[Row]]:
        """File and line of each register read by meter point, channel and day."""
        days = {day for rows in self.settled.values() for row in rows for day in _read_days(row)}
        return self._lines(BronzeRegisterReads, "read_date", "read_month", days)

    @cached_property
    def curve_lines(self) -> dict[tuple[str, str, date], list[Row]]:
        """File and line of each received curve by meter point, channel and day."""
        return self._lines(BronzeLoadCurves, "curve_date", "curve_month", {row["curve_date"] for rows in self.curves.values() for row in rows})

    @cached_property
    def contract_lines(self) -> dict[str, list[Row]]:
        """File and line of the newest terms received of each customer for the month."""
        columns = ["customer_id", "valid_from_date", "source_file", "line_number", "content_hash"]
        rows: list[Row] = self._store.arrow(BronzeCustomers, columns, [("customer_id", "in", self._customers)]).to_pylist()
        latest: dict[str, date] = {}
        for row in rows:
            if row["valid_from_date"] <= self.month.last_day:
                latest[row["customer_id"]] = max(row["valid_from_date"], latest.get(row["customer_id"], row["valid_from_date"]))
        found: dict[str, list[Row]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: (row["customer_id"], row["content_hash"], row["line_number"])):
            if latest.get(row["customer_id"]) == row["valid_from_date"]:
                found[row["customer_id"]].append({"table": BronzeCustomers.name, "day": row.pop("valid_from_date"), **row})
        return found

    def _by_meter_point(self, table: type[Table], month_column: str) -> dict[str, list[Row]]:
        rows: list[Row] = self._store.arrow(
            table, filters=[(month_column, "=", str(self.month)), ("meter_point_id", "in", self._meter_points)]
        ).to_pylist()
        found: dict[str, list[Row]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: tuple(str(row[name]) for name in table.key())):
            found[row["meter_point_id"]].append(row)
        return found

    def _lines(self, table: type[Table], day_column: str, month_column: str, days: set[date]) -> dict[tuple[str, str, date], list[Row]]:
        months = sorted({f"{day:%Y-%m}" for day in days})
        columns = ["meter_point_id", "channel_code", day_column, "source_file", "line_number", "content_hash"]
        rows: list[Row] = self._store.arrow(table, columns, [(month_column, "in", months), ("meter_point_id", "in", self._meter_points)]).to_pylist()
        found: dict[tuple[str, str, date], list[Row]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: (row["content_hash"], row["line_number"])):
            line = {"table": table.name, "day": row.pop(day_column), **row}
            found[line["meter_point_id"], line["channel_code"], line["day"]].append(line)
        return found


def traces_of(store: Store, bills: Sequence[Mapping[str, Any]]) -> Traces:
    """What lies behind bills of one month, given as rows of efficiency_bill_v1."""
    (month,) = {bill["billing_month"] for bill in bills}
    meter_points = [name for bill in bills for name in bill["meter_point_ids"]]
    return Traces(store, BillingMonth.parse(month), meter_points, [bill["customer_id"] for bill in bills])


def explain(traces: Traces, facts: Facts, issued: Mapping[str, Any], line_number: int) -> dict[str, Any]:
    """Every step from one line of an issued bill back to what was received.

    traces   Of the bill's month, the bill among those it was made for.
    facts    Those of the run that issued it.
    issued   The bill with its evidence, as ``zhixiang.issued`` gives it.
    Answers ``line``, ``fact``, ``named_facts`` (others that the formula names), ``contract``, ``determinants``, ``days``, ``intervals`` and
    ``received``; raises UnknownNameError for a line that the bill does not have. What does not lie behind this line is empty.
    """
    bill = issued["result"]
    lines = {line["line_number"]: line for line in issued["efficiency_bill_lines_v1"]}
    if line_number not in lines:
        raise UnknownNameError(f"line of the bill {bill['customer_id']} {bill['billing_month']}", str(line_number), [str(n) for n in sorted(lines)])
    line = lines[line_number]
    component = LineComponent(line["component_code"])
    columns = determinant_columns(component, line["period_code"])
    (kept,) = issued["efficiency_bill_inputs_v1"]
    contract = case_from_text(kept["case_inputs"]).contract
    metered = [row for name in sorted(bill["meter_point_ids"]) for row in traces.metered.get(name, [])]
    days = _register_days(traces, sorted(bill["meter_point_ids"]), _channels(component))
    intervals = _intervals(traces, facts, metered, line, bill) if line["period_code"] or component in _DEMAND else []
    return {
        "line": line,
        "fact": fact_behind(facts, line["fact_id"], traces.month.first_day),
        "named_facts": _named_facts(facts, line, traces.month.first_day),
        "contract": {name: str(value) for name, value in vars(contract).items() if value is not None} if contract else {},
        "determinants": [{name: row[name] for name in ("meter_point_id", *columns)} for row in metered],
        "days": days,
        "intervals": intervals,
        "received": _received(traces, bill["customer_id"], days, intervals),
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


def _named_facts(facts: Facts, line: Row, on: date) -> list[Row]:
    """Facts that the formula names beside the line's own, such as the ratio of a period."""
    # A plain word may be a plain word: "without funds" cites no price.
    words = {word.strip("(),") for word in line["formula"].split() if "." in word}
    return [dict(row.as_dict()) for row in facts.describe(on) if row.fact_id in words and row.fact_id != line["fact_id"]]


def _channels(component: LineComponent) -> list[str]:
    channels = [Channel.ACTIVE_FORWARD.value]
    return [*channels, Channel.REACTIVE_LAGGING.value, Channel.REACTIVE_LEADING.value] if component in _REACTIVE else channels


def _register_days(traces: Traces, meter_points: Sequence[str], channels: Sequence[str]) -> list[Row]:
    """Settled energy of each day: end register, multiplier and rule."""
    shown = (
        "meter_point_id", "channel_code", "energy_date", "span_days", "start_register_unscaled", "end_register_unscaled", "multiplier_ratio",
        "energy_kwh_or_kvarh", "register_rule_code",
    )  # fmt: skip
    rows = [row for name in meter_points for row in traces.settled.get(name, [])]
    return [{name: row[name] for name in shown} for row in rows if row["channel_code"] in channels]


def _read_days(row: Row) -> tuple[date, date]:
    """The days whose registers settle a row of silver_register_energy."""
    day: date = row["energy_date"]
    return day, day - timedelta(row["span_days"] or 0)


def _intervals(traces: Traces, facts: Facts, metered: Sequence[Row], line: Row, bill: Row) -> list[Row]:
    """Of each day with a curve: the intervals that count for the line's period, or the one that set the demand."""
    peaks = {row["meter_point_id"]: (row["max_demand_date"], row["max_demand_slot"]) for row in metered}
    found = []
    for row in (row for name in peaks for row in traces.curves.get(name, [])):
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


def _received(traces: Traces, customer_id: str, days: Sequence[Row], intervals: Sequence[Row]) -> list[Row]:
    """File and line of the contract's terms and of every register read and curve behind the line."""
    reads = sorted({(row["meter_point_id"], row["channel_code"], day) for row in days for day in _read_days(row)})
    curves = sorted({(row["meter_point_id"], Channel.ACTIVE_FORWARD.value, row["curve_date"]) for row in intervals})
    found = [line for key in reads for line in traces.register_lines.get(key, [])]
    found += [line for key in curves for line in traces.curve_lines.get(key, [])]
    return [*traces.contract_lines.get(customer_id, []), *found]
