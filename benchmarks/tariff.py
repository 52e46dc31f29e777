"""Bills a second: the tariff engine on a city of two-part customers, lines with their formulae.

    python -m benchmarks.tariff [--bills 200000] [--compare 10000] [--json]

Every bill has 20 lines or more: five periods by three components, demand and its excess, adjustment, a
dormitory beside the factory and energy fed in; a tenth of them change their capacity inside the month. All
input is simulated from one seed. Each of two processes prices half of the bills; the first ones ask for the
prices and are part of the time. The compared bills are held against the digest of what the engine before this
one gave for them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from multiprocessing import get_context
from typing import Any

import numpy as np

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod, VoltageLevel
from pipelines.facts import Facts, load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, PricedMonth, Segment, SupplyMonth, price_supply

MONTH = BillingMonth(2026, 9)
LEVELS = (VoltageLevel.KV_1_TO_20, VoltageLevel.KV_35, VoltageLevel.KV_110, VoltageLevel.KV_220_UP)
CAPACITIES = (400, 630, 800, 1250, 2000, 5000)
STANDARDS = (Decimal("0.90"), Decimal("0.85"))
EXPORT_PRICE = Decimal("0.4153")
CHUNK = 10_000
BEFORE = {
    200: "4d6b90d8e36789073b8f88ea7b008d0cfc7484e4e4754369a012712792496711",
    10_000: "0b6061e5644613302a62248a8f692090d998484810a9d8e2bbcf6a93c1aa068c",
}
"""Bills of seed 5 -> SHA-256 of their lines as the engine of release 0.2.0 priced them."""
KNOWN = date(2026, 11, 29)
"""Day on which they were priced: nobody knew of the rulings on a capacity that changes inside a month."""


def simulated_supplies(count: int, seed: int = 5) -> Iterator[SupplyMonth]:
    """So many supplies, the same for the same seed."""
    random = np.random.default_rng(seed)
    changes = (random.random(count) < 0.1).tolist()
    sizes = np.where(changes, 3, 2)
    bill = np.repeat(np.arange(count), sizes)
    capacity = np.array(CAPACITIES)[random.integers(0, 6, count)]
    cut = random.integers(2, MONTH.day_count, count).tolist()
    split = random.integers(1, 4_000_000, (bill.size, len(TouPeriod))).tolist()
    home = random.integers(1, 500_000, bill.size).tolist()
    demand = (capacity[bill] * 1_000_000 * random.integers(55, 90, bill.size) // 100).tolist()
    level = random.integers(0, len(LEVELS), count).tolist()
    standard = random.integers(0, 2, count).tolist()
    # Digits as they come from meters and contracts: a hundredth, for some meters ten-thousandths of a
    # kilowatt-hour.
    fine = np.where(random.random(count) < 0.1, 4, 2).tolist()
    reactive = random.integers(200, 1000, count).tolist()
    exported = random.integers(1, 10_000_000, count).tolist()
    row = 0
    for number, size in enumerate(sizes.tolist()):
        kva, digits = int(capacity[number]), fine[number]
        cuts = [MONTH.first_day + timedelta(days=cut[number])] if changes[number] else []
        firsts = [MONTH.first_day, *cuts]
        lasts = [*(day - timedelta(days=1) for day in cuts), MONTH.last_day]
        segments, total = [], 0
        for place, (first, last) in enumerate(zip(firsts, lasts, strict=True)):
            terms = _factory(LEVELS[level[number]], kva, place, digits, STANDARDS[standard[number]])
            total += sum(split[row + place])
            segments.append(_measured(terms, first, last, split[row + place], digits, demand[row + place]))
        beside = home[row + size - 1]
        segments.append(
            Segment(
                _DORMITORY,
                MONTH.first_day,
                MONTH.last_day,
                _number(beside * 10_000, digits),
                section="dormitory",
            )
        )
        row += size
        yield SupplyMonth(
            MONTH,
            tuple(segments),
            _number((total + beside) * 10_000 // 1000 * reactive[number], digits),
            _number(0, 6),
            _number(0, 6),
            _number(exported[number] * 10_000, digits),
        )


def _number(millionths: int, digits: int) -> Decimal:
    return Decimal(millionths).scaleb(-6).quantize(Decimal(1).scaleb(-digits))


_DORMITORY = Contract(
    CustomerClass.RESIDENTIAL,
    PricingScheme.SINGLE_PART,
    VoltageLevel.BELOW_1KV,
    is_time_of_use=False,
    is_combined_meter=True,
    export_price_cny_per_kwh=EXPORT_PRICE,
)


def _factory(level: VoltageLevel, kva: int, place: int, digits: int, standard: Decimal) -> Contract:
    running = kva // 2 if place else kva
    return Contract(
        CustomerClass.LARGE_INDUSTRY,
        PricingScheme.TWO_PART,
        level,
        True,
        _number(kva * 1_000_000, digits),
        _number(running * 1_000_000, 1),
        DemandBasis.CONTRACT_DEMAND,
        _number(kva * 500_000, 1),
        standard,
        export_price_cny_per_kwh=EXPORT_PRICE,
    )


def _measured(
    terms: Contract, first: date, last: date, split: list[int], digits: int, demand: int
) -> Segment:
    periods = {period: _number(each * 10_000, digits) for period, each in zip(TouPeriod, split, strict=True)}
    return Segment(terms, first, last, sum(periods.values(), Decimal(0)), periods, _number(demand, 4))


def digest_of(priced: Iterable[PricedMonth]) -> str:
    """SHA-256 over everything that a bill says, each number with its digits. [hex]"""
    found = hashlib.sha256()
    for month in priced:
        of_month = (
            month.total_cny,
            month.lowest_confidence.value,
            month.power_factor,
            month.adjustment_ratio,
            month.average_price_cny_per_kwh,
            *month.missing_inputs,
        )
        found.update("|".join(map(str, of_month)).encode())
        for line in month.lines:
            told = (
                line.line_number,
                line.component.value,
                line.period.value if line.period else None,
                line.quantity,
                line.quantity_unit,
                line.unit_price,
                line.price_unit,
                line.amount_cny,
                line.fact_confidence.value,
                line.formula,
                line.first_day,
                line.last_day,
                line.section,
                *line.rests_on,
                line.standard,
            )
            found.update("|".join(map(str, told)).encode())
    return found.hexdigest()


def _price_share(arguments: tuple[int, int]) -> tuple[int, int, float, float, float]:
    """One process: its share of the bills. (bills, lines, seconds, CPU seconds, megabytes)"""
    count, seed = arguments
    facts, lines, wall, cpu = load_facts(packaged("conf") / "facts"), 0, 0.0, 0.0
    supplies = simulated_supplies(count, seed)
    while chunk := list(islice(supplies, CHUNK)):
        began, cpu_began = time.perf_counter(), time.process_time()
        priced = [price_supply(supply, facts) for supply in chunk]
        wall, cpu = wall + time.perf_counter() - began, cpu + time.process_time() - cpu_began
        lines += sum(len(month.lines) for month in priced)
    return count, lines, wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def agrees(count: int, facts: Facts) -> bool | None:
    """Whether so many bills are those of the engine before; None where their digest was not kept."""
    kept = BEFORE.get(count)
    if kept is None:
        return None
    return digest_of(price_supply(supply, facts, KNOWN) for supply in simulated_supplies(count)) == kept


def measure(count: int, compare: int, processes: int = 2) -> dict[str, Any]:
    """All figures of a run, by name."""
    share = count // processes
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        shares = list(pool.map(_price_share, [(share, seed) for seed in range(processes)]))
    priced, lines = sum(each[0] for each in shares), sum(each[1] for each in shares)
    seconds, cpu = max(each[2] for each in shares), sum(each[3] for each in shares)
    return {
        "bills": priced,
        "lines_per_bill": round(lines / priced, 2),
        "processes": processes,
        "cpus": os.cpu_count(),
        "seconds": round(seconds, 3),
        "bills_per_second": round(priced / seconds),
        "bills_per_cpu_second": round(priced / cpu),
        "peak_memory_mb_per_process": round(max(each[4] for each in shares), 1),
        "compared_bills": compare,
        "as_before": agrees(compare, load_facts(packaged("conf") / "facts")),
    }


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; ends with 1 where a bill is not what it was before."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tariff", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--bills", type=int, default=200_000)
    parser.add_argument("--compare", type=int, choices=sorted(BEFORE), default=max(BEFORE))
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    found = measure(chosen.bills, chosen.compare)
    text = (
        json.dumps(found, indent=1)
        if chosen.json
        else "\n".join(f"{name:28} {value}" for name, value in found.items())
    )
    sys.stdout.write(text + "\n")
    return 1 if found["as_before"] is False else 0


if __name__ == "__main__":
    sys.exit(main())
