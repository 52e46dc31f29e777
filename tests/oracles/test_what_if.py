"""What-ifs against trying every choice by itself, priced by the oracle that knows nothing of the engine: a
hundred random cases of schemes in every run and a thousand in `make test-long`, 800 of the others.
"""

from __future__ import annotations

import math
from decimal import Decimal
from random import Random
from typing import Any

from pipelines.codes import DemandBasis, TouPeriod
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import SupplyMonth
from pipelines.tariff.whatif.choices import scheme_choices, time_of_use_choices, with_shift
from pipelines.tariff.whatif.compensation import with_capacitors
from tests.measured_months import Measured, supply_of
from tests.oracles import chinese_tariff as oracle
from tests.oracles.chinese_world import World
from tests.oracles.random_cases import CASES, supply_of_case

D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
WORLD = World()
SEPTEMBER = BillingMonth(2026, 9)
PUBLISHED_BASES = tuple(DemandBasis)


def random_month(random: Random, **terms: Any) -> oracle.Case:
    """A shop or works at 1 to 20 kV in September 2026, between 100 and 315 kVA, where either scheme may be
    chosen.
    """
    capacity = random.choice(("100.01", "160", "200", "250", "314.99"))
    periods = {
        name: f"{random.uniform(0, float(capacity) * random.choice((10, 60, 120, 240))):.2f}"
        if random.random() < 0.85
        else "0.00"
        for name in oracle.PERIODS
    }
    segment = {
        "class": "general_commercial",
        "scheme": "two_part",
        "level": "1_to_20kv",
        "tou": random.random() < 0.7,
        "contract_kva": capacity,
        "running_kva": capacity,
        "basis": random.choice(PUBLISHED_BASES).value,
        "contract_kw": str(random.randint(30, 300)),
        "standard": "0.90",
        "persons": None,
        "combined": False,
        "began": None,
        "market": None,
        "export": None,
        "running_days": None,
        "section": "",
        "first": 1,
        "last": 30,
        "periods": periods,
        "energy": str(sum(map(D, periods.values()))),
        "demand": f"{random.uniform(0.05, 1.2) * float(capacity):.1f}",
    } | terms
    total = D(segment["energy"])
    return {
        "month": (2026, 9),
        "segments": [segment],
        "lagging": f"{total * random.randint(0, 1500) / 1000:.2f}",
        "leading": f"{total * random.randint(0, 100) / 1000:.2f}",
        "year_to_date": "0",
        "exported": "0",
    }


def changed(case: oracle.Case, terms: dict[str, Any], **month: Any) -> oracle.Case:
    return {**case, **month, "segments": [{**case["segments"][0], **terms}]}


def total(case: oracle.Case) -> Decimal:
    return D(sum(line[2] for line in oracle.price_case(case, WORLD))) / 100


def as_engine(case: oracle.Case) -> SupplyMonth:
    segment = case["segments"][0]
    contract = supply_of_case(case).segments[0].contract
    periods = {TouPeriod(name): D(kwh) for name, kwh in segment["periods"].items()}
    measured = Measured(
        SEPTEMBER,
        D(segment["energy"]),
        periods,
        D(segment["demand"]),
        D(case["lagging"]),
        D(case["leading"]),
        D("0.01"),
    )
    return supply_of(contract, measured)


def test_one_part_against_two_parts_is_the_cheapest_of_all_that_can_be_agreed() -> None:
    """Single-part, by capacity, by actual demand, and by every contract demand in whole kW or at the least
    that is billed.
    """
    random, winners = Random(31), set()
    for _ in range(min(CASES // 3, 1000)):  # each tries every contract demand in whole kW
        case = random_month(random)
        month = as_engine(case)
        tried = {"single-part": total(changed(case, {"scheme": "single_part"}))}
        for basis in ("capacity", "actual_demand"):
            tried[basis] = total(changed(case, {"scheme": "two_part", "basis": basis}))
        least = D(case["segments"][0]["running_kva"]) * D("0.4")
        demands = [
            least,
            *range(
                math.ceil(least), max(math.ceil(least), math.ceil(month.segments[0].max_demand_kw or 0)) + 2
            ),
        ]
        tried["contract_demand"] = min(
            total(
                changed(case, {"scheme": "two_part", "basis": "contract_demand", "contract_kw": str(demand)})
            )
            for demand in demands
        )
        found, _ = scheme_choices([month], FACTS)
        assert found[0].total_cny == min(tried.values()), (case, tried)
        assert {choice.name: choice.total_cny for choice in found}["single-part"] == tried["single-part"]
        winners.add(min(tried, key=lambda name: tried[name]))
    assert winners == {"single-part", "capacity", "actual_demand", "contract_demand"}, (
        "each is the cheapest somewhere"
    )


def test_the_time_of_use_option_is_the_cheaper_of_two() -> None:
    random, winners = Random(32), set()
    for _ in range(min(CASES, 400)):
        case = random_month(random)
        month = as_engine(case)
        tried = {is_chosen: total(changed(case, {"tou": is_chosen})) for is_chosen in (False, True)}
        found = time_of_use_choices([month], FACTS)
        assert [choice.total_cny for choice in found] == sorted(tried.values())
        assert {
            choice.months[0].supply.contract.is_time_of_use: choice.total_cny for choice in found
        } == tried
        winners.add(min(tried, key=lambda chosen: tried[chosen]))
    assert winners == {False, True}


def test_capacitors_are_as_large_as_the_target_asks_for_and_no_larger() -> None:
    """Of all compensations in steps of 0.01 kvarh the least whose exact factor reaches the target, or all
    there is; priced by the oracle.
    """
    random, compensated = Random(33), 0
    for _ in range(250):
        case = random_month(random)
        month = as_engine(case)
        target = random.choice(("0.85", "0.90", "0.95", "1"))
        (planned,) = with_capacitors([month], D(target), FACTS).months
        left, active = planned.supply.lagging_kvarh or D(0), float(month.energy_kwh)
        leading = float(month.leading_kvarh or 0)
        if active and active / math.hypot(active, leading) < float(target) - 0.005:
            # Over-compensated beyond the target: no bank reaches it, none is counted.
            assert left == month.lagging_kvarh
            assert planned.priced.total_cny == total(case)
            continue

        def factor(lagging: Decimal, active: float = active, leading: float = leading) -> float:
            reactive = float(lagging) + leading
            return active / math.hypot(active, reactive) if active or reactive else 1.0

        assert left == 0 or factor(left - D("0.01")) >= float(target) - 1e-12
        assert left == (month.lagging_kvarh or D(0)) or factor(left + D("0.01")) < float(target) + 1e-12
        assert planned.priced.total_cny == total(changed(case, {}, lagging=str(left)))
        compensated += left != month.lagging_kvarh
    assert compensated > 100


def test_moved_load_costs_what_the_oracle_says() -> None:
    """A share of sharp and peak energy in the valley, in steps of 0.01 kWh, half up."""
    random, moved = Random(34), 0
    for _ in range(250):
        case = random_month(random, tou=True)
        month = as_engine(case)
        share = D(random.randint(0, 100)) / 100
        periods = {name: D(kwh) for name, kwh in case["segments"][0]["periods"].items()}
        taken = {name: (periods[name] * share * 100 + D("0.5")) // 1 / 100 for name in ("sharp", "peak")}
        after = {name: kwh - taken.get(name, D(0)) for name, kwh in periods.items()}
        after["valley"] += sum(taken.values())
        found = with_shift([month], share, (TouPeriod.SHARP, TouPeriod.PEAK), TouPeriod.VALLEY, FACTS)
        assert found.total_cny == total(
            changed(case, {"periods": {name: str(kwh) for name, kwh in after.items()}})
        )
        assert sum(after.values()) == sum(periods.values())
        moved += sum(taken.values()) > 0
    assert moved > 200
