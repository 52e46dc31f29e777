"""Bills a second: the batch engine on a city of two-part customers, beside the same bills priced one by one.

    python -m benchmarks.tariff [--bills 200000] [--compare 10000] [--without-formulas] [--json]

Every bill has 20 lines or more: five periods by three components, demand and its excess, adjustment, a
dormitory beside the factory and
energy fed in; a tenth of them change their capacity inside the month. All input is simulated from one seed.
Each of two processes prices half of the bills in batches of 20,000; the first batch asks for the prices and
is part of the time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from decimal import Decimal
from multiprocessing import get_context
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import IntArray
from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod, VoltageLevel
from pipelines.facts import Facts, load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, Segment, SupplyMonth, price_supply
from pipelines.tariff.batch.bills import price_batch
from pipelines.tariff.batch.columns import BILLS_SCHEMA, PERIODS, QUANTITY, SEGMENT_FIELDS
from pipelines.tariff.batch.exact import decimal_column
from pipelines.tariff.batch.months import priced_months
from pipelines.tariff.batch.price_sheets import PriceSheets

MONTH = BillingMonth(2026, 9)
BATCH = 20_000
LEVELS = (VoltageLevel.KV_1_TO_20, VoltageLevel.KV_35, VoltageLevel.KV_110, VoltageLevel.KV_220_UP)
_EPOCH = date(1970, 1, 1)


def simulated_bills(count: int, seed: int = 5) -> pa.Table:
    """So many bills of ``BILLS_SCHEMA``, the same for the same seed."""
    random = np.random.default_rng(seed)
    changes = random.random(count) < 0.1
    sizes = np.where(changes, 3, 2)
    bill = np.repeat(np.arange(count), sizes)
    place = np.arange(bill.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    home = place == sizes[bill] - 1
    capacity = (np.array([400, 630, 800, 1250, 2000, 5000])[random.integers(0, 6, count)] * 1_000_000).astype(
        np.int64
    )
    first = (MONTH.first_day - _EPOCH).days
    last = (MONTH.last_day - _EPOCH).days
    cut = random.integers(2, MONTH.day_count, count) + first
    later = (place == 1) & ~home
    split = random.integers(1, 4_000_000, (bill.size, len(PERIODS))) * 10_000
    split[home] = 0
    energy = np.where(home, random.integers(1, 500_000, bill.size) * 10_000, split.sum(axis=1))
    basis = np.full(count, tuple(DemandBasis).index(DemandBasis.CONTRACT_DEMAND))
    running = np.where(later, capacity[bill] // 2, capacity[bill])
    agreed = (capacity * 0.5).astype(np.int64)
    demand = np.where(home, 0, capacity[bill] * random.integers(55, 90, bill.size) // 100)
    level = random.integers(0, len(LEVELS), count)
    standard = np.array([900_000, 850_000])[random.integers(0, 2, count)]
    reactive = np.zeros(count, dtype=np.int64)
    np.add.at(reactive, bill, energy)

    def words(values: Iterable[Any]) -> pa.Array:
        return pa.array([value.value for value in values], pa.string())

    def numbers(values: IntArray, mask: Any = None) -> pa.Array:
        column = decimal_column(np.ascontiguousarray(values, dtype=np.int64), QUANTITY)
        return column if mask is None else pc.if_else(pa.array(mask), pa.scalar(None, QUANTITY), column)

    classes, schemes = tuple(CustomerClass), tuple(PricingScheme)
    industry, residential = (
        classes.index(CustomerClass.LARGE_INDUSTRY),
        classes.index(CustomerClass.RESIDENTIAL),
    )
    two_part, single_part = schemes.index(PricingScheme.TWO_PART), schemes.index(PricingScheme.SINGLE_PART)
    below = len(LEVELS)
    days = pa.int32()
    columns = {
        "section": pa.array(["", "dormitory"]).take(pa.array(home.astype(np.int64))),
        "first_date": pa.array(np.where(later, cut[bill], first), days).cast(pa.date32()),
        "last_date": pa.array(np.where((place == 0) & changes[bill], cut[bill] - 1, last), days).cast(
            pa.date32()
        ),
        "customer_class_code": words(classes).take(pa.array(np.where(home, residential, industry))),
        "pricing_scheme_code": words(schemes).take(pa.array(np.where(home, single_part, two_part))),
        "voltage_level_code": words((*LEVELS, VoltageLevel.BELOW_1KV)).take(
            pa.array(np.where(home, below, level[bill]))
        ),
        "is_time_of_use": pa.array(~home),
        "contract_capacity_kva": numbers(capacity[bill], home),
        "running_capacity_kva": numbers(running, home),
        "demand_basis_code": words(DemandBasis).take(pa.array(basis[bill], mask=home)),
        "contract_demand_kw": numbers(agreed[bill], home),
        "power_factor_standard_ratio": numbers(standard[bill], home),
        "is_combined_meter": pa.array(home),
        "export_price_cny_per_kwh": pa.array([Decimal("0.4153")])
        .cast(SEGMENT_FIELDS.field("export_price_cny_per_kwh").type)
        .take(pa.array(np.zeros(bill.size, dtype=np.int64))),
        "energy_kwh": numbers(energy),
        **{f"{period.value}_kwh": numbers(split[:, number], home) for number, period in enumerate(TouPeriod)},
        "max_demand_kw": numbers(demand, home),
    }
    # Digits as they come from meters and contracts: a hundredth, for some meters ten-thousandths of a
    # kilowatt-hour.
    fine = np.where(random.random(count) < 0.1, 4, 2)
    written = {
        "running_capacity_kva": 1,
        "contract_demand_kw": 1,
        "power_factor_standard_ratio": 2,
        "export_price_cny_per_kwh": 4,
        "max_demand_kw": 4,
    }
    kind = SEGMENT_FIELDS.field("decimals").type
    places = [
        np.full(bill.size, written[field.name]) if field.name in written else fine[bill] for field in kind
    ]
    columns["decimals"] = pa.StructArray.from_arrays(
        [pa.array(each.astype(np.int8)) for each in places], fields=list(kind)
    )
    arrays = [
        columns.get(field.name, pa.nulls(bill.size, field.type)).cast(field.type) for field in SEGMENT_FIELDS
    ]
    offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32))
    segments = pa.ListArray.from_arrays(
        offsets, pa.StructArray.from_arrays(arrays, fields=list(SEGMENT_FIELDS))
    )
    names = pa.array([f"SIM-BENCH-{number:07d}" for number in range(count)])
    months = pa.array([str(MONTH)] * count)
    lagging = numbers(reactive // 1000 * random.integers(200, 1000, count))
    exported = numbers(random.integers(1, 10_000_000, count) * 10_000)
    zero = numbers(np.zeros(count, dtype=np.int64))
    of_bill = pa.StructArray.from_arrays(
        [pa.array(fine.astype(np.int8))] * 2, fields=list(BILLS_SCHEMA.field("decimals").type)
    )
    return pa.table(
        [
            names,
            months,
            lagging,
            zero,
            zero,
            exported,
            pa.nulls(count, QUANTITY),
            segments.cast(BILLS_SCHEMA.field("segments").type),
            of_bill,
        ],
        schema=BILLS_SCHEMA,
    )


def supplies(bills: pa.Table) -> Iterable[tuple[str, SupplyMonth]]:
    """The same bills as the single engine takes them."""
    for row in map(as_written, bills.to_pylist()):
        segments = tuple(_segment(segment) for segment in row["segments"])
        month = BillingMonth.parse(row["billing_month"])
        yield (
            row["account_id"],
            SupplyMonth(
                month,
                segments,
                row["lagging_kvarh"],
                row["leading_kvarh"],
                row["year_to_date_kwh"],
                row["exported_kwh"],
                row["power_factor_kwh"],
            ),
        )


def as_written(row: dict[str, Any]) -> dict[str, Any]:
    """A bill or segment with its numbers written with as many decimals as stand beside them."""
    decimals = row["decimals"] or {}
    found = {
        name: value
        if value is None or decimals.get(name) is None
        else value.quantize(Decimal(1).scaleb(-decimals[name]))
        for name, value in row.items()
    }
    return (
        found | {"segments": [as_written(segment) for segment in row["segments"]]}
        if "segments" in row
        else found
    )


def _segment(row: dict[str, Any]) -> Segment:
    contract = Contract(
        CustomerClass(row["customer_class_code"]),
        PricingScheme(row["pricing_scheme_code"]),
        VoltageLevel(row["voltage_level_code"]),
        row["is_time_of_use"],
        row["contract_capacity_kva"],
        row["running_capacity_kva"],
        DemandBasis(row["demand_basis_code"]) if row["demand_basis_code"] else None,
        row["contract_demand_kw"],
        row["power_factor_standard_ratio"],
        row["household_persons"],
        bool(row["is_combined_meter"]),
        row["supply_began_date"],
        row["market_price_cny_per_kwh"],
        row["export_price_cny_per_kwh"],
    )
    periods = {period: row[f"{period.value}_kwh"] for period in TouPeriod} if row["is_time_of_use"] else None
    return Segment(
        contract,
        row["first_date"],
        row["last_date"],
        row["energy_kwh"],
        periods,
        row["max_demand_kw"],
        row["section"],
        row["running_days"],
    )


def differences(bills: pa.Table, facts: Facts) -> tuple[int, float]:
    """How many bills the batch and the single engine price differently in anything, formulas too, and the
    seconds that the single one took.
    """
    batch = price_batch(bills, facts)
    found = dict(priced_months(batch.lines, batch.months))
    different, spent = 0, 0.0
    for account, supply in supplies(bills):
        began = time.perf_counter()
        priced = price_supply(supply, facts)
        spent += time.perf_counter() - began
        different += priced != found.get(account)
    return different, spent


def _price_share(arguments: tuple[int, int, bool]) -> tuple[int, int, float, float]:
    """One process: its share of the bills, with or without formulas. (bills, lines, seconds, megabytes)"""
    count, seed, formulas = arguments
    bills = simulated_bills(count, seed)
    facts = load_facts(packaged("conf") / "facts")
    began, lines = time.perf_counter(), 0
    sheets = PriceSheets(facts, None)
    for start in range(0, count, BATCH):
        priced = price_batch(bills.slice(start, BATCH), facts, None, sheets, formulas)
        lines += priced.lines.num_rows
        if priced.refused.num_rows:
            raise SystemExit(f"refused: {priced.refused.to_pylist()[0]}")
    seconds = time.perf_counter() - began
    return count, lines, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(count: int, compare: int, processes: int = 2, formulas: bool = True) -> dict[str, Any]:
    """All figures of a run, by name; the comparison has formulas always."""
    share = count // processes
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        shares = list(pool.map(_price_share, [(share, seed, formulas) for seed in range(processes)]))
    priced, lines = sum(each[0] for each in shares), sum(each[1] for each in shares)
    seconds = max(each[2] for each in shares)
    facts = load_facts(packaged("conf") / "facts")
    different, single = differences(simulated_bills(compare), facts)
    return {
        "bills": priced,
        "lines_per_bill": round(lines / priced, 2),
        "formulas": formulas,
        "processes": processes,
        "cpus": os.cpu_count(),
        "seconds": round(seconds, 3),
        "bills_per_second": round(priced / seconds),
        "peak_memory_mb_per_process": round(max(each[3] for each in shares), 1),
        "compared_bills": compare,
        "different_bills": different,
        "single_bills_per_second": round(compare / single) if single else None,
    }


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; ends with 1 where batch and single differ."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tariff", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--bills", type=int, default=200_000)
    parser.add_argument("--compare", type=int, default=10_000)
    parser.add_argument("--without-formulas", action="store_true")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    found = measure(chosen.bills, chosen.compare, formulas=not chosen.without_formulas)
    text = (
        json.dumps(found, indent=1)
        if chosen.json
        else "\n".join(f"{name:28} {value}" for name, value in found.items())
    )
    sys.stdout.write(text + "\n")
    return 1 if found["different_bills"] else 0


if __name__ == "__main__":
    sys.exit(main())
