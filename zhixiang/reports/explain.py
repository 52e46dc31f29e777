"""The way back from a line of a bill: fact and clause, determinant, days and intervals, file and line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NotRequired, TypedDict

import numpy as np

from pipelines.codes import Channel, Confidence, IntervalStatus, LineComponent, TouPeriod, TouSchedule
from pipelines.errors import UnknownNameError
from pipelines.facts import Facts
from pipelines.facts.listing import FactRow
from pipelines.tables.rows.gold import SupplyMeterRecord
from pipelines.tables.rows.silver import SilverDayCurvesRow
from pipelines.tariff import Contract
from pipelines.transforms.billing.month_segments import Demand
from pipelines.transforms.ground.in_force import FIRST_DAY, row_or_first_on
from products.efficiency_bill.bill import IssuedBill
from products.efficiency_bill.case.text import case_from_text
from products.efficiency_bill.rows import EfficiencyBillLinesV1Inside, EfficiencyBillLinesV1Row
from zhixiang.reports.explained_section import Part, part_behind
from zhixiang.reports.traces import ReceivedLine, SettledSpan, Traces, read_days

Shown = dict[str, object]
"""A row of columns that the line asks for."""


class RegisterDay(SettledSpan):
    """Settled energy of a read, as a bill's reader can follow it."""

    meter_point_id: str
    channel_code: str
    start_register_unscaled: Decimal | None
    end_register_unscaled: Decimal
    multiplier_ratio: float
    energy_kwh_or_kvarh: Decimal | None
    register_rule_code: str


class CurveDay(TypedDict):
    """The slots of a day's curve that count for a line, and what they sum to. [kWh]"""

    meter_point_id: str
    curve_date: date
    interval_minutes: int
    slots: list[int]
    final_kwh: float
    measured_kwh: float
    estimated_slots: list[int]


class Explanation(TypedDict):
    """What lies behind a line; what does not is empty."""

    line: EfficiencyBillLinesV1Row
    fact: Shown
    named_facts: list[Shown]
    contract: dict[str, object]
    determinants: list[Shown]
    days: list[RegisterDay]
    intervals: list[CurveDay]
    received: list[ReceivedLine]
    superseded_by_revision: NotRequired[int]


# Periods are set by the quarter of an hour; a coarser curve is not split into them.
QUARTER_MINUTES = 15

_REACTIVE = (LineComponent.POWER_FACTOR_ADJUSTMENT,)
_TIERS = (LineComponent.TIER_1, LineComponent.TIER_2, LineComponent.TIER_3)
# What a determinant is made of where a transformer stands before the meter.
_LOSSES = {"energy_kwh": "transformer_loss_kwh", "lagging_kvarh": "transformer_loss_kvarh"}
_DEMAND = (LineComponent.BASIC_DEMAND, LineComponent.DEMAND_EXCESS)
_OF_CONTRACT = (LineComponent.BASIC_CAPACITY,)


def explain(traces: Traces, facts: Facts, issued: IssuedBill, line_number: int) -> Explanation:
    """Every step from one line of an issued bill back to what was received.

    traces   Of the bill's month, the bill among those it was made for.
    facts    Those of the run that issued it.
    issued   The bill with its evidence, as ``zhixiang.reports.issued`` gives it.
    Answers ``line``, ``fact``, ``named_facts`` (all others that the line rests on), ``contract``,
    ``determinants``, ``days``, ``intervals`` and
    ``received``; raises UnknownNameError for a line that the bill does not have. What does not lie behind
    this line is empty.
    """
    bill = issued["result"]
    lines = {line["line_number"]: line for line in issued["efficiency_bill_lines_v1"]}
    if line_number not in lines:
        raise UnknownNameError(
            f"line of the bill {bill['customer_id']} {bill['billing_month']}",
            str(line_number),
            [str(n) for n in sorted(lines)],
            f"It has lines 1 to {max(lines, default=0)}.",
        )
    line = lines[line_number]
    component = LineComponent(line["component_code"])
    columns = determinant_columns(component, line["period_code"])
    (kept,) = issued["efficiency_bill_inputs_v1"]
    part = part_behind(
        line,
        case_from_text(kept["case_inputs"]),
        traces.supply_meters.get(bill["customer_id"], ()),
        traces.shares,
    )
    contract, points = part.contract, [*part.meter_points, *part.taken_out]
    days = _register_days(traces, points, _channels(component), part)
    intervals = _intervals(traces, facts, line, part) if line["period_code"] or component in _DEMAND else []
    cited = facts_behind(facts, line, part.first_day, contract)
    return {
        "line": line,
        "fact": cited[0],
        "named_facts": cited[1:],
        "contract": {name: value for name, value in vars(contract).items() if value is not None}
        if contract
        else {},
        "determinants": _determinants(traces, points, columns, part),
        "days": days,
        "intervals": intervals,
        "received": _received(traces, bill["customer_id"], days, intervals, part),
    }


def _determinants(traces: Traces, points: Sequence[str], columns: Sequence[str], part: Part) -> list[Shown]:
    """Of each meter point the month and, where the line covers some of its days, the parts that are these
    days; then the shares.
    """
    found: list[Shown] = []
    for name in points:
        months: Sequence[Mapping[str, object]] = traces.metered.get(name, [])
        for row in months:
            beside = [_LOSSES[column] for column in columns if row.get(_LOSSES.get(column, "")) is not None]
            beside += (
                ["main_period_kwh"] if name in part.taken_out and row["main_period_kwh"] is not None else []
            )
            found.append({each: row[each] for each in ("meter_point_id", *columns, *beside)})
        for cut in traces.parts.get(name, []):
            if part.first_day <= cut["first_date"] and cut["last_date"] <= part.last_day:
                shown: Mapping[str, object] = cut
                found.append(
                    {
                        each: shown[each]
                        for each in (
                            "meter_point_id",
                            "first_date",
                            "last_date",
                            *(each for each in columns if each in shown),
                        )
                    }
                )
    return found + [_share(record) for record in part.shares if columns]


def _share(record: SupplyMeterRecord) -> Shown:
    """A share as its meter in the supply tells it; what does not say how much the share takes is left out."""
    is_metered = record["share_ratio"] is None and record["share_kwh"] is None
    shown = {
        "share_id": record["share_id"],
        "main_meter_point_id": record["main_meter_point_id"],
        "section_name": record["section_name"],
        "share_ratio": record["share_ratio"],
        "share_kwh": record["share_kwh"],
        "sub_meter_point_id": record["meter_point_id"] if is_metered else None,
    }
    return {name: value for name, value in shown.items() if value is not None}


def determinant_columns(component: LineComponent, period: str | None) -> tuple[str, ...]:
    """Columns of gold_billing_determinants that the quantity of a line rests on."""
    if component in _REACTIVE:
        return ("energy_kwh", "lagging_kvarh", "leading_kvarh", "power_factor_ratio")
    if component in _DEMAND:
        return ("max_demand_kw", "max_demand_date", "max_demand_slot")
    if component in _OF_CONTRACT:
        return ()
    if component is LineComponent.EXPORTED_ENERGY:
        return ("exported_kwh",)
    if component in _TIERS and not period:
        return ("energy_kwh", "year_to_date_kwh")
    return ("energy_kwh", f"{TouPeriod(period).value}_kwh") if period else ("energy_kwh",)


def facts_behind(
    facts: Facts, line: EfficiencyBillLinesV1Inside, on: date, contract: Contract | None = None
) -> list[Shown]:
    """Every figure that a line rests on, that of its price first, each with all of its citation.

    A fact of several figures, such as what demand is billed, gives each of them; a term of the contract its
    value.
    """
    described = facts.describe(on)
    found: list[Shown] = []
    for name in line.get("rests_on_fact_ids") or _named_in(line, described):
        rows: list[Shown] = [
            {**row.as_dict()}
            for row in described
            if row.fact_id == name or row.fact_id.startswith(f"{name}.")
        ]
        found += rows or [_term(name, contract)]
    return found


def _term(name: str, contract: Contract | None) -> Shown:
    value = getattr(contract, name.removeprefix("contract."), None)
    return (
        {"fact_id": name}
        if value is None
        else {
            "fact_id": name,
            "value": str(value),
            "document": "contract",
            "confidence": Confidence.UNVERIFIED.value,
        }
    )


def _named_in(line: EfficiencyBillLinesV1Inside, described: Sequence[FactRow]) -> list[str]:
    """Of a line issued before lines kept what they rest on: its own fact, and those that the formula names,
    such as the ratio of a period.
    """
    # A plain word may be a plain word: "without funds" cites no price.
    words = {word.strip("(),") for word in line["formula"].split() if "." in word}
    return [
        line["fact_id"],
        *(row.fact_id for row in described if row.fact_id in words and row.fact_id != line["fact_id"]),
    ]


def _channels(component: LineComponent) -> list[str]:
    if component is LineComponent.EXPORTED_ENERGY:
        return [Channel.ACTIVE_REVERSE.value]
    channels = [Channel.ACTIVE_FORWARD.value]
    return (
        [*channels, Channel.REACTIVE_LAGGING.value, Channel.REACTIVE_LEADING.value]
        if component in _REACTIVE
        else channels
    )


def _register_days(
    traces: Traces, meter_points: Sequence[str], channels: Sequence[str], part: Part
) -> list[RegisterDay]:
    """Settled energy of each day of the part: end register, multiplier and rule. A read that reaches into it
    from before counts.
    """
    rows = [row for name in meter_points for row in traces.settled.get(name, [])]
    return [
        {
            "meter_point_id": row["meter_point_id"],
            "channel_code": row["channel_code"],
            "energy_date": row["energy_date"],
            "span_days": row["span_days"],
            "start_register_unscaled": row["start_register_unscaled"],
            "end_register_unscaled": row["end_register_unscaled"],
            "multiplier_ratio": row["multiplier_ratio"],
            "energy_kwh_or_kvarh": row["energy_kwh_or_kvarh"],
            "register_rule_code": row["register_rule_code"],
        }
        for row in rows
        if row["channel_code"] in channels
        and part.first_day <= row["energy_date"]
        and row["energy_date"] - timedelta(max((row["span_days"] or 1) - 1, 0)) <= part.last_day
    ]


def _intervals(traces: Traces, facts: Facts, line: EfficiencyBillLinesV1Inside, part: Part) -> list[CurveDay]:
    """Of each day of the part with a curve: the intervals that count for the line's period, or the one that
    set the demand.
    """
    peaks = {name: peak for name in part.meter_points if (peak := _peak(traces, name, part)) is not None}
    found: list[CurveDay] = []
    for row in (
        row
        for name in peaks
        for row in traces.curves.get(name, [])
        if part.first_day <= row["curve_date"] <= part.last_day
    ):
        slots = _slots(facts, row, line["period_code"], part.schedule, peaks)
        if slots.size:
            final, status = (
                np.array(row["final_kwh_or_kvarh"], dtype=float),
                np.array(row["interval_status_codes"]),
            )
            measured = np.array(
                [np.nan if value is None else value for value in row["measured_kwh_or_kvarh"]]
            )
            found.append(
                {
                    "meter_point_id": row["meter_point_id"],
                    "curve_date": row["curve_date"],
                    "interval_minutes": row["interval_minutes"],
                    "slots": slots.tolist(),
                    "final_kwh": float(np.nansum(final[slots])),
                    "measured_kwh": float(np.nansum(measured[slots])),
                    "estimated_slots": [
                        int(slot) for slot in slots if IntervalStatus(status[slot]).is_estimated
                    ],
                }
            )
    return found


def _peak(traces: Traces, meter_point: str, part: Part) -> tuple[date, int] | None:
    """Day and slot of the highest demand on the days of the part."""
    inside = [
        row
        for row in traces.parts.get(meter_point, [])
        if part.first_day <= row["first_date"] and row["last_date"] <= part.last_day
    ]
    rows: Sequence[Demand] = inside or traces.metered.get(meter_point, [])
    known = [
        (demand, day, slot)
        for row in rows
        if (demand := row["max_demand_kw"]) is not None
        and (day := row["max_demand_date"]) is not None
        and (slot := row["max_demand_slot"]) is not None
    ]
    highest = max(known, key=lambda each: each[0], default=None)
    return None if highest is None else highest[1:]


def _slots(
    facts: Facts,
    row: SilverDayCurvesRow,
    period: str | None,
    schedule: TouSchedule | None,
    peaks: Mapping[str, tuple[date, int]],
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Slots of a day's curve that lie in the period, or the one of the highest demand where the line has no
    period.
    """
    if period is None:
        day, slot = peaks[row["meter_point_id"]]
        return np.array([slot] if row["curve_date"] == day else [], dtype=np.int64)
    if schedule is None:
        return np.array([], dtype=np.int64)
    quarters = facts.time_of_use.slot_matrix([row["curve_date"]], schedule)[0]
    return np.flatnonzero(
        np.repeat(quarters, QUARTER_MINUTES // row["interval_minutes"])
        == list(TouPeriod).index(TouPeriod(period))
    )


def _received(
    traces: Traces, customer_id: str, days: Sequence[RegisterDay], intervals: Sequence[CurveDay], part: Part
) -> list[ReceivedLine]:
    """File and line of the terms on the part's last day, of shares, sub-meters and transformers, and of every
    register read and curve.
    """
    reads = sorted(
        {(row["meter_point_id"], row["channel_code"], day) for row in days for day in read_days(row)}
    )
    curves = sorted(
        {(row["meter_point_id"], Channel.ACTIVE_FORWARD.value, row["curve_date"]) for row in intervals}
    )
    found = [line for key in reads for line in traces.register_lines.get(key, [])]
    found += [line for key in curves for line in traces.curve_lines.get(key, [])]
    agreed = _held_lines(traces.contract_lines.get(customer_id, []), part.last_day)
    for share in part.shares:
        lines, first = traces.share_lines.get(share["share_id"] or "", []), share["share_from_date"]
        agreed += _held_lines(lines, first or part.first_day)
    for name in (*part.meter_points, *part.taken_out):
        if name in traces.plates:
            agreed += _held_lines(traces.meter_lines.get(name, []), part.last_day)
    return [*agreed, *found]


def _held_lines(lines: Sequence[ReceivedLine], day: date) -> list[ReceivedLine]:
    """Of records in order of their days those that hold on a day, every one received; the first ones for a
    day before all.
    """
    held = row_or_first_on([{FIRST_DAY: line["day"]} for line in lines], day)
    return [line for line in lines if held is not None and line["day"] == held[FIRST_DAY]]
