"""Gold of a part of the city: energy of days, determinants of months, parts of the month that is cut."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.city_month.city import BILLED, Block, curves_of, meter_point_id
from benchmarks.city_month.columns import dates, day_number, decimals, table_of, texts, words
from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.codes import Channel, CustomerClass, SegmentBasis, TouPeriod
from pipelines.facts import Facts
from pipelines.periods import BillingMonth
from pipelines.tables.base import ENERGY
from pipelines.tables.gold import GoldBillingDeterminants, GoldBillingSegments, GoldDayEnergy
from zhixiang.simulation.city_health import INDUSTRIES
from zhixiang.simulation.city_records import TRADES_FROM_DIVISION

PERIODS = tuple(TouPeriod)
_FLAT = PERIODS.index(TouPeriod.FLAT)
_LACKS = (["curve", "reactive_registers"], [])


@dataclass(frozen=True)
class Part:
    """What the meters counted on some days of a month, in hundredths of a kWh; the rest is of those with a
    curve.

    period  (customers x periods)
    demand  Highest mean power of a quarter hour. [kW]
    day     Place of its day in the month.
    slot    Of its day.
    """

    energy: IntArray
    period: IntArray
    demand: FloatArray
    day: IntArray
    slot: IntArray


def day_energy_of(block: Block, month: BillingMonth) -> pa.Table:
    """Energy of each day of a month, by register."""
    open_now = np.flatnonzero(block.is_open(month))
    energy = block.city.metering.day_kwh[open_now, block.days_of(month)]
    count, days = energy.shape
    who = pa.array(np.repeat(np.arange(count), days))
    points = texts(meter_point_id(number) for number in block.numbers[open_now])
    customers = texts(block.city.customer_ids[place] for place in open_now)
    return table_of(
        GoldDayEnergy,
        energy.size,
        {
            "meter_point_id": points.take(who),
            "channel_code": Channel.ACTIVE_FORWARD.value,
            "energy_date": dates(np.tile(day_number(month.first_day) + np.arange(days), count)),
            "customer_id": customers.take(who),
            "energy_kwh_or_kvarh": energy.ravel(),
            "basis_code": "register",
            "curve_kwh_or_kvarh": pa.array(energy.ravel(), mask=~np.repeat(block.has_curve[open_now], days)),
            "estimated_ratio": np.zeros(energy.size),
            "energy_month": str(month),
        },
    )


def determinants_of(
    block: Block, samples: Path, month: BillingMonth, facts: Facts
) -> tuple[pa.Table, pa.Table]:
    """Determinants of a month, and the parts of those whose terms change in it."""
    days = np.arange(month.day_count)[None, :]
    cut = block.cut if month == BILLED else np.full(len(block.numbers), month.day_count)
    curves = curves_of(block, samples, month)
    hours = _hours(block, month, facts)
    parts = [
        _part(block, month, curves, hours, chosen) for chosen in (days < cut[:, None], days >= cut[:, None])
    ]
    first, second = parts
    later = second.demand > first.demand
    whole = Part(
        first.energy + second.energy,
        first.period + second.period,
        np.where(later, second.demand, first.demand),
        np.where(later, second.day, first.day),
        np.where(later, second.slot, first.slot),
    )
    is_open, count = block.is_open(month), len(block.numbers)
    lagging = np.zeros(count, dtype=np.int64)
    factor = np.floor(block.power_factor * 100 + 0.5) / 100
    lagging[:] = np.rint(whole.energy * np.sqrt(1 / factor**2 - 1))
    none = ~block.has_curve
    rows = table_of(
        GoldBillingDeterminants,
        count,
        {
            **_measured(block, month, whole),
            "resolution_kwh": decimals(block.step, ENERGY, 2),
            "lagging_kvarh": decimals(lagging, ENERGY, 2, missing=none),
            "leading_kvarh": decimals(np.zeros(count, np.int64), ENERGY, 2, missing=none),
            "power_factor_ratio": decimals(np.rint(factor * 100).astype(np.int64), ENERGY, 2, missing=none),
            "metered_days": month.day_count,
            "month_days": month.day_count,
            "estimated_ratio": np.zeros(count),
            "missing_inputs": words((_LACKS, block.has_curve.astype(int))),
        },
    )
    if month != BILLED:
        return rows.filter(pa.array(is_open)), GoldBillingSegments.empty()
    begin, cut_day = day_number(month.first_day), day_number(month.first_day) + block.cut
    last = day_number(month.last_day)
    of_parts = [
        table_of(
            GoldBillingSegments,
            count,
            {
                **_measured(block, month, part),
                "first_date": dates(np.full(count, begin) if part is first else cut_day),
                "last_date": dates(cut_day - 1 if part is first else np.full(count, last)),
                "basis_code": texts(np.where(block.has_curve, SegmentBasis.CURVE, SegmentBasis.REGISTERS)),
            },
        ).filter(pa.array(is_open & block.changes))
        for part in parts
    ]
    return rows.filter(pa.array(is_open)), pa.concat_tables(of_parts)


def _measured(block: Block, month: BillingMonth, part: Part) -> dict[str, Any]:
    """The columns that a month and its parts have in common."""
    none = ~block.has_curve
    columns: dict[str, Any] = {
        "meter_point_id": texts(meter_point_id(number) for number in block.numbers),
        "billing_month": str(month),
        "customer_id": texts(block.city.customer_ids),
        "energy_kwh": decimals(part.energy, ENERGY, 2),
        "max_demand_kw": pa.array(part.demand, mask=none),
        "max_demand_date": dates(day_number(month.first_day) + part.day, missing=none),
        "max_demand_slot": pa.array(part.slot.astype(np.int32), mask=none),
    }
    for place, period in enumerate(PERIODS):
        columns[f"{period.value}_kwh"] = decimals(part.period[:, place], ENERGY, 2, missing=none)
    return columns


def _hours(block: Block, month: BillingMonth, facts: Facts) -> IntArray:
    """Period of each quarter hour of those with a curve, by their class. (customers x days x 96)"""
    days = list(month.days)
    matrices = np.stack(
        [
            facts.time_of_use.slot_matrix(days, kind)
            for kind in (CustomerClass.GENERAL_COMMERCIAL, CustomerClass.LARGE_INDUSTRY)
        ]
    )
    industry = np.array(INDUSTRIES)[block.city.health.industry[block.has_curve]]
    return np.asarray(matrices[(industry < TRADES_FROM_DIVISION).astype(int)])


def _part(block: Block, month: BillingMonth, curves: FloatArray, hours: IntArray, chosen: BoolArray) -> Part:
    """What was counted on the chosen days. (chosen: customers x days)"""
    count, curved = len(block.numbers), block.has_curve
    steps = (block.day_steps[:, block.days_of(month)] * chosen).sum(axis=1)
    energy = curves * chosen[curved][:, :, None]
    shares = np.stack([(energy * (hours == place)).sum(axis=(1, 2)) for place in range(len(PERIODS))], axis=1)
    shares = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-9)
    split = np.floor(shares * steps[curved][:, None]).astype(np.int64)
    split[:, _FLAT] += steps[curved] - split.sum(axis=1)
    flat = energy.reshape(len(energy), -1)
    highest = flat.argmax(axis=1)
    period, demand = np.zeros((count, len(PERIODS)), np.int64), np.zeros(count)
    day, slot = np.zeros(count, np.int64), np.zeros(count, np.int64)
    period[curved] = split * block.step[curved][:, None]
    demand[curved] = np.round(flat[np.arange(len(flat)), highest] * 4, 3)
    day[curved], slot[curved] = np.divmod(highest, curves.shape[2])
    return Part(steps * block.step, period, demand, day, slot)
