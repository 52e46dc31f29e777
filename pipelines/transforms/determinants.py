"""What a bill needs of a meter point and month: settled energy, its time-of-use parts, maximum demand, reactive energy, power factor."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.codes import TouPeriod
from pipelines.money import round_half_up, split_by_largest_remainder
from pipelines.periods import BillingMonth
from pipelines.tables.gold import GoldBillingDeterminants
from pipelines.transforms.allocation import usable_step
from pipelines.transforms.buckets import by_bucket, in_buckets, spark_schema
from pipelines.transforms.curve_days import CLASSES, PERIODS, SlotPeriods, summarise_curve_days
from pipelines.transforms.micros import decimal_of
from pipelines.transforms.month_totals import MONTH_TOTALS_SCHEMA, REGISTER_COLUMNS, month_totals

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

DETERMINANTS_SCHEMA = pa.schema([field for field in GoldBillingDeterminants.arrow_schema() if field.name != "computed_run_id"])

CURVE = "curve"
CURVE_INTERVALS = "curve_intervals"
REACTIVE_REGISTERS = "reactive_registers"
REACTIVE_DAYS = "reactive_days"
MISSING_DAYS = "missing_days"
TIME_OF_USE_FACT = "time_of_use_fact"

_POWER_FACTOR_STEP = Decimal("0.01")


def derive_billing_determinants(
    register_energy: DataFrame,
    day_curves: DataFrame,
    customers: DataFrame,
    meter_points: DataFrame,
    slot_periods: SlotPeriods,
    buckets: int = 16,
) -> DataFrame:
    """gold_billing_determinants without ``computed_run_id``: every month in which the registers of a billed meter point settled energy.

    register_energy  silver_register_energy.
    day_curves       silver_day_curves.
    customers        silver_customers; meter_points: silver_meter_points. The terms on the last settled day of the month hold for it.
    slot_periods     ``facts.time_of_use.slot_matrix``; it travels to the workers. [days, class -> (days x 96) indices into TouPeriod]

    Energy is what the registers settled. The curve only splits it over periods, by largest remainder at the register's resolution, and
    only for time-of-use customers with an active curve of 15 minutes or finer. What is lacking is named in ``missing_inputs``:
    ``curve`` (none of 15 minutes or finer), ``curve_intervals`` (it has holes on settled days), ``reactive_registers`` (lagging or leading
    lacks), ``reactive_days`` (they cover fewer days than the active one), ``missing_days`` (not every day is settled),
    ``time_of_use_fact`` (no schedule covers a day: no split).
    """
    from pyspark.sql import functions as F

    totals = (
        by_bucket(summarise_curve_days(day_curves, slot_periods), buckets)
        .cogroup(by_bucket(register_energy.select(*REGISTER_COLUMNS), buckets))
        .applyInArrow(in_buckets(month_totals), spark_schema(MONTH_TOTALS_SCHEMA))
    )
    meters = meter_points.select(
        "meter_point_id", "customer_id", F.col("valid_from_date").alias("_meter_from"), F.col("valid_to_date").alias("_meter_to")
    ).where(F.col("customer_id").isNotNull())
    terms = customers.select(
        F.col("customer_id").alias("_customer_id"),
        F.col("valid_from_date").alias("_terms_from"),
        F.col("valid_to_date").alias("_terms_to"),
        "customer_class_code",
        "is_time_of_use",
    )
    last = F.col("last_date")
    billed = totals.join(meters, "meter_point_id").where(
        (last >= F.col("_meter_from")) & (F.col("_meter_to").isNull() | (last <= F.col("_meter_to")))
    )
    in_force = (
        (F.col("customer_id") == F.col("_customer_id"))
        & (last >= F.col("_terms_from"))
        & (F.col("_terms_to").isNull() | (last <= F.col("_terms_to")))
    )
    joined = billed.join(terms, in_force, "left").select(*MONTH_TOTALS_SCHEMA.names, "customer_id", "customer_class_code", "is_time_of_use")
    return joined.mapInArrow(_determine, spark_schema(DETERMINANTS_SCHEMA))


def _determine(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        rows = [determine(row) for row in batch.to_pylist()]
        yield pa.RecordBatch.from_pylist(rows, DETERMINANTS_SCHEMA)


def determine(totals: dict[str, Any]) -> dict[str, Any]:
    """One row of gold_billing_determinants from a row of month totals with ``customer_id``, ``customer_class_code``, ``is_time_of_use``."""
    energy, resolution = totals["energy_micros"], totals["resolution_micros"]
    step = usable_step(energy, resolution)
    month = BillingMonth.parse(totals["billing_month"])
    split, split_lacks = _time_of_use_split(totals, step)
    lagging, leading = _decimal(totals["lagging_micros"]), _decimal(totals["leading_micros"])
    lacks = {
        CURVE: totals["curve_days"] == 0,
        CURVE_INTERVALS: totals["curve_days"] > 0 and totals["curve_holes"] > 0,
        REACTIVE_REGISTERS: lagging is None or leading is None,
        REACTIVE_DAYS: lagging is not None and leading is not None and totals["reactive_days"] < totals["metered_days"],
        MISSING_DAYS: totals["metered_days"] < month.day_count,
        TIME_OF_USE_FACT: split_lacks,
    }
    return {
        "meter_point_id": totals["meter_point_id"],
        "billing_month": totals["billing_month"],
        "customer_id": totals["customer_id"],
        "energy_kwh": decimal_of(energy),
        **{f"{period.value}_kwh": split[number] if split else None for number, period in enumerate(TouPeriod)},
        "resolution_kwh": decimal_of(step),
        "max_demand_kw": totals["max_demand_kw"],
        "max_demand_date": totals["max_demand_date"],
        "max_demand_slot": totals["max_demand_slot"],
        "lagging_kvarh": lagging,
        "leading_kvarh": leading,
        "power_factor_ratio": None if lagging is None or leading is None else power_factor(decimal_of(energy), lagging, leading),
        "metered_days": totals["metered_days"],
        "month_days": month.day_count,
        "estimated_ratio": totals["estimated_ratio"],
        "missing_inputs": [name for name, lacking in lacks.items() if lacking],
    }


def power_factor(active_kwh: Decimal, lagging_kvarh: Decimal, leading_kvarh: Decimal) -> Decimal | None:
    """Monthly mean power factor, rounded half up to 0.01 in decimals; None where no energy flowed. [1]

    Equation: W / sqrt(W^2 + Q^2) with Q = lagging + |leading|, which is 1 / sqrt(1 + (Q / W)^2).
    Reference: ruling R9.
    """
    reactive = lagging_kvarh + abs(leading_kvarh)
    if active_kwh == 0 and reactive == 0:
        return None
    with localcontext() as exact:
        exact.prec = 60
        return round_half_up(active_kwh / (active_kwh**2 + reactive**2).sqrt(), _POWER_FACTOR_STEP)


def _time_of_use_split(totals: dict[str, Any], step: int) -> tuple[list[Decimal] | None, bool]:
    """The parts of the periods, and whether a schedule was wanted and lacks."""
    if not totals["is_time_of_use"] or not totals["curve_days"]:
        return None, False
    known = [customer_class.value for customer_class in CLASSES]
    if totals["customer_class_code"] not in known or totals["period_kwh"] is None:
        return None, True
    first = known.index(totals["customer_class_code"]) * len(PERIODS)
    weights = totals["period_kwh"][first : first + len(PERIODS)]
    if any(weight is None or weight != weight for weight in weights):
        return None, True
    if sum(weights) <= 0 and totals["energy_micros"]:
        return None, False
    return split_by_largest_remainder(decimal_of(totals["energy_micros"]), weights, decimal_of(step)), False


def _decimal(micros: int | None) -> Decimal | None:
    return None if micros is None else decimal_of(micros)
