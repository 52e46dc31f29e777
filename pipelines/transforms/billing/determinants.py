"""What a bill needs of a meter point and month: settled energy, its time-of-use parts, maximum demand,
reactive energy, power factor.
"""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.codes import TouSchedule
from pipelines.money import split_by_largest_remainder
from pipelines.tables.base import rows_of_table
from pipelines.tables.gold import GoldBillingDeterminants, GoldBillingSegments
from pipelines.tables.rows.gold import GoldBillingDeterminantsComputed, GoldBillingSegmentsComputed
from pipelines.tables.silver import SilverSupplyShares
from pipelines.tariff.charges.power_factor import mean_power_factor
from pipelines.transforms.billing.agreed_points import AgreedPoints, Agreements
from pipelines.transforms.billing.month_segments import summed_split
from pipelines.transforms.billing.month_totals import MonthTotalsRow, month_totals
from pipelines.transforms.billing.period_columns import period_columns
from pipelines.transforms.billing.reading_days import days_of_row, reading_days
from pipelines.transforms.days.allocation import REGISTER_COLUMNS, usable_step
from pipelines.transforms.days.curve_days import summarise_days
from pipelines.transforms.ground.in_force import row_in_force
from pipelines.transforms.ground.micros import decimal_of
from pipelines.transforms.ground.slot_periods import PERIODS, SCHEDULES, PeriodsOfDays, SlotPeriods

DETERMINANTS_SCHEMA = pa.schema(
    [column for column in GoldBillingDeterminants.arrow_schema() if column.name != "computed_run_id"]
)
SEGMENTS_SCHEMA = pa.schema(
    [column for column in GoldBillingSegments.arrow_schema() if column.name != "computed_run_id"]
)

CURVE = "curve"
CURVE_INTERVALS = "curve_intervals"
REACTIVE_REGISTERS = "reactive_registers"
REACTIVE_DAYS = "reactive_days"
MISSING_DAYS = "missing_days"
TIME_OF_USE_FACT = "time_of_use_fact"


def derive_billing_determinants(
    register_energy: pa.Table,
    day_curves: pa.Table,
    customers: pa.Table,
    meter_points: pa.Table,
    slot_periods: SlotPeriods,
) -> pa.Table:
    """gold_billing_determinants alone, of supplies without shares and changes; see ``derive_billing``."""
    reading = reading_days(customers, meter_points)
    agreed = Agreements(customers, meter_points, SilverSupplyShares.empty(), reading=reading)
    return derive_billing(register_energy, day_curves, agreed, slot_periods)[0]


def derive_billing(
    register_energy: pa.Table, day_curves: pa.Table, agreed: Agreements, slot_periods: SlotPeriods
) -> tuple[pa.Table, pa.Table]:
    """gold_billing_determinants and gold_billing_segments without ``computed_run_id``, for a set of meter
    points with their whole history:
    every month in which the registers of a billed meter point settled energy. The month of a customer who is
    read on another day than its last is the period that ends in it.

    register_energy  silver_register_energy.
    day_curves       silver_day_curves.
    agreed           Terms, meters and shares. The terms on the last settled day of the month hold for its
                     row.
    slot_periods     ``facts.time_of_use.slot_matrix``. [days, schedule -> (days x 96) indices into TouPeriod]

    Energy is what the registers settled. The curve only splits it over periods, by largest remainder at the
    register's resolution, and
    only for time-of-use customers with an active curve of 15 minutes or finer. What is lacking is named in
    ``missing_inputs``:
    ``curve`` (none of 15 minutes or finer), ``curve_intervals`` (it has holes on settled days),
    ``reactive_registers`` (lagging or leading
    lacks), ``reactive_days`` (they cover fewer days than the active one), ``missing_days`` (not every day is
    settled),
    ``time_of_use_fact`` (no schedule covers a day: no split), ``year_to_date`` (residential: earlier months
    of the year are not settled).
    A sub-meter without a customer of its own belongs to that of its parent; where a share names it, the terms
    of the share hold for it.
    """
    curve_days = summarise_days(day_curves, PeriodsOfDays(slot_periods))
    totals = month_totals(curve_days, register_energy.select(list(REGISTER_COLUMNS)), agreed.reading)
    points, customers = agreed.meter_points, agreed.customers
    meter = row_in_force(
        totals["meter_point_id"], totals["last_date"], points["meter_point_id"], points["valid_from_date"]
    )
    owner, parent = points["customer_id"].take(meter), points["parent_meter_point_id"].take(meter)
    above = row_in_force(parent, totals["last_date"], points["meter_point_id"], points["valid_from_date"])
    totals = totals.append_column(
        "customer_id", pc.coalesce(owner, points["customer_id"].take(above))
    ).append_column("parent_meter_point_id", parent)
    totals = totals.filter(pc.is_valid(totals["customer_id"]))
    terms = row_in_force(
        totals["customer_id"], totals["last_date"], customers["customer_id"], customers["valid_from_date"]
    )
    for name in ("customer_class_code", "is_time_of_use", "is_ev_charging"):
        totals = totals.append_column(name, customers[name].take(terms))
    return settle_months(totals, curve_days, register_energy, agreed)


def settle_months(
    totals: pa.Table, curve_days: pa.Table, register_energy: pa.Table, agreed: Agreements
) -> tuple[pa.Table, pa.Table]:
    """The rows of both tables out of month totals with the customer and its terms; only the few months that
    are cut, whose transformer is
    metered on its low side, or that have tiers look at single days, plates and years."""
    points = AgreedPoints(totals, curve_days, register_energy, agreed)
    whole: list[GoldBillingDeterminantsComputed] = []
    parts: list[GoldBillingSegmentsComputed] = []
    for plain in rows_of_table(totals, MonthTotalsRow):
        row = points.with_terms(plain)
        found = determine(row)
        found["parent_meter_point_id"] = row["parent_meter_point_id"]
        cut = points.parts(row, found)
        summed = summed_split(cut)
        whole.append(points.completed(row, found if summed is None else {**found, **summed}))
        parts += cut
    return pa.Table.from_pylist(whole, DETERMINANTS_SCHEMA), pa.Table.from_pylist(parts, SEGMENTS_SCHEMA)


def determine(totals: MonthTotalsRow) -> GoldBillingDeterminantsComputed:
    """One row of gold_billing_determinants from a row of month totals with ``customer_id``,
    ``customer_class_code``, ``is_time_of_use``;
    loss, year to date and parent are left to the caller."""
    energy, resolution = totals["energy_micros"], totals["resolution_micros"]
    step = usable_step(energy, resolution)
    days = days_of_row(totals)
    split, split_lacks = _time_of_use_split(totals, step)
    lagging, leading = _decimal(totals["lagging_micros"]), _decimal(totals["leading_micros"])
    lacks = {
        CURVE: totals["curve_days"] == 0,
        CURVE_INTERVALS: totals["curve_days"] > 0 and totals["curve_holes"] > 0,
        REACTIVE_REGISTERS: lagging is None or leading is None,
        REACTIVE_DAYS: lagging is not None
        and leading is not None
        and totals["reactive_days"] < totals["metered_days"],
        MISSING_DAYS: totals["metered_days"] < days.day_count,
        TIME_OF_USE_FACT: split_lacks,
    }
    return {
        "meter_point_id": totals["meter_point_id"],
        "billing_month": totals["billing_month"],
        "customer_id": totals["customer_id"],
        "energy_kwh": decimal_of(energy),
        **period_columns(split),
        "resolution_kwh": decimal_of(step),
        "max_demand_kw": totals["max_demand_kw"],
        "max_demand_date": totals["max_demand_date"],
        "max_demand_slot": totals["max_demand_slot"],
        "lagging_kvarh": lagging,
        "leading_kvarh": leading,
        "power_factor_ratio": mean_power_factor(decimal_of(energy), lagging, leading),
        "metered_days": totals["metered_days"],
        "month_days": days.day_count,
        "estimated_ratio": totals["estimated_ratio"],
        "missing_inputs": [name for name, lacking in lacks.items() if lacking],
        "exported_kwh": _decimal(totals.get("exported_micros")),
        "transformer_loss_kwh": None,
        "transformer_loss_kvarh": None,
        "year_to_date_kwh": None,
        "parent_meter_point_id": None,
        "main_period_kwh": None,
        "period_first_date": totals["period_first_date"],
        "period_last_date": totals["period_last_date"],
    }


def _time_of_use_split(totals: MonthTotalsRow, step: int) -> tuple[list[Decimal] | None, bool]:
    """The parts of the periods, and whether a schedule was wanted and lacks."""
    if not totals["is_time_of_use"] or not totals["curve_days"]:
        return None, False
    price_class = totals["customer_class_code"]
    schedule = None if price_class is None else TouSchedule.of(price_class, totals.get("is_ev_charging"))
    if schedule is None or totals["period_kwh"] is None:
        return None, True
    first = SCHEDULES.index(schedule) * len(PERIODS)
    places = totals["period_kwh"][first : first + len(PERIODS)]
    weights = [weight for weight in places if weight == weight]
    if len(weights) < len(places):
        return None, True
    if sum(weights) <= 0 and totals["energy_micros"]:
        return None, False
    return split_by_largest_remainder(decimal_of(totals["energy_micros"]), weights, decimal_of(step)), False


def _decimal(micros: int | None) -> Decimal | None:
    return None if micros is None else decimal_of(micros)
