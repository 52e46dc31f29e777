"""Random contracts and months as plain data, and the engine's view of them."""

from __future__ import annotations

import dataclasses
import os
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

from pipelines.codes import Confidence, CustomerClass, DemandBasis, PricingScheme, TouPeriod, VoltageLevel
from pipelines.facts import Citation, Dated, Facts, Version
from pipelines.facts.prices import EnergyComposition, EnergyPart
from pipelines.periods import BillingMonth
from pipelines.tariff import Contract, Segment, SupplyMonth
from tests.oracles.chinese_tariff import PERIODS, Case
from tests.oracles.chinese_world import World, month_length

# As many random contracts as every run can wait for; `make test-long` takes them all.
CASES = 10_000 if os.environ.get("ZHIXIANG_LONG_TESTS") else 300
# Later notices of the test, some of them inside a month.
WORLD = World(
    {
        "funds": [(date(2026, 10, 16), "1.25")],
        "energy_base": [(date(2026, 11, 11), "0.96"), (date(2027, 1, 1), "1.04")],
        "transmission": [(date(2026, 12, 16), "0.8")],
        "capacity": [(date(2026, 12, 16), "1.2")],
        "demand": [(date(2026, 12, 16), "1.1")],
    },
    composition=("0.4100", "0.0126", "0.1024"),
)
# 2025: prices of the test alone, so that the formula of the notice of 2024 stays provable; none are shipped
# for that year.
MONTHS = [
    (2018, 4),
    *((2025, month) for month in range(1, 13)),
    *((2026, month) for month in range(8, 13)),
    *((2027, month) for month in range(1, 13)),
    (2028, 2),
]
EARLIEST = date(2025, 1, 1)
_LEVELS = ("1_to_20kv", "35kv", "110kv", "220kv_up")
_STANDARDS = (None, "0.90", "0.90", "0.85", "0.80")


def random_case(random: Random) -> Case:
    """A valid case; a tenth to a fifth of them change inside the month, some at a price change."""
    year, month = random.choice(MONTHS)
    residential = random.random() < 0.15
    length = month_length(year, month)
    cuts = set() if (year, month) == (2018, 4) else set(WORLD.change_days(year, month))
    if random.random() < 0.15:
        cuts.update(random.sample(range(2, length + 1), random.choice((1, 1, 2))))
    firsts = [1, *sorted(cuts)]
    lasts = [first - 1 for first in firsts[1:]] + [length]
    terms = _home(random, year, month) if residential else _business(random, (year, month) == (2018, 4))
    segments = []
    for first, last in zip(firsts, lasts, strict=True):
        segments.append({**terms, **_measured(random, terms), "section": "", "first": first, "last": last})
        if not residential and random.random() < 0.7:
            terms = _changed(random, terms, may_switch=(year, month) != (2018, 4))
    if len(segments) == 1 and random.random() < 0.1:
        segments[0]["running_days"] = random.randint(0, length)
    if not residential and (year, month) != (2018, 4) and random.random() < 0.05:
        beside = {**_home(random, year, month), "combined": True, "persons": None, "tou": False}
        segments.append(
            {**beside, **_measured(random, beside), "section": "dormitory", "first": 1, "last": length}
        )
    has_reactive = (year, month) != (2018, 4) and random.random() < 0.9
    total = sum(Decimal(segment["energy"]) for segment in segments)
    return {
        "month": (year, month),
        "segments": segments,
        "lagging": f"{total * Decimal(random.randint(0, 2000)) / 1000:.2f}" if has_reactive else None,
        "leading": f"{total * Decimal(random.randint(-200, 200)) / 1000:.2f}" if has_reactive else None,
        "year_to_date": f"{random.choice((0, random.uniform(0, 6000), 2760, 4800)):.2f}"
        if residential
        else "0",
        "exported": random.choice(("0", "0", f"{random.uniform(0, 90_000):.2f}")),
    }


def suspended_case(random: Random) -> Case:
    """A works whose capacity falls and rises inside a month of 2027; no price changes in it."""
    month = random.randint(1, 12)
    length = month_length(2027, month)
    terms = _business(random, False)
    while terms["scheme"] != "two_part" or terms["running_kva"] == "0":
        terms = _business(random, False)
    terms |= {"market": None, "export": None}
    cuts = sorted(random.sample(range(2, length + 1), random.choice((1, 2, 2, 2, 3))))
    segments = []
    for first, last in zip([1, *cuts], [cut - 1 for cut in cuts] + [length], strict=True):
        running = Decimal(terms["contract_kva"]) * random.choice((0, Decimal("0.5"), 1, 1))
        mine = {**terms, "running_kva": str(running)}
        segments.append({**mine, **_measured(random, mine), "section": "", "first": first, "last": last})
    return {
        "month": (2027, month),
        "segments": segments,
        "lagging": "1000.00",
        "leading": "0.00",
        "year_to_date": "0",
        "exported": "0",
    }


def _number(random: Random, low: float, high: float, places: int) -> str:
    return f"{random.uniform(low, high):.{places}f}"


def _business(random: Random, catalogue: bool) -> dict[str, Any]:
    two_part = random.random() < 0.75
    level = random.choice(_LEVELS) if two_part else random.choice(("below_1kv", "1_to_20kv"))
    kind = "large_industry" if two_part and random.random() < 0.7 else "general_commercial"
    tou = random.random() < 0.7
    if catalogue:
        kind = "large_industry" if two_part else kind
        tou = tou and kind == "large_industry" and level == "1_to_20kv"
    # Up to 100 kVA one part, from 315 kVA two, between them either; large industry has time of use.
    if two_part:
        capacity = random.choice(
            (100.01, 101, 315, 400, 800, 1250, 20000, round(random.uniform(101, 5000), random.choice((0, 3))))
        )
    else:
        capacity = random.choice(
            (8, 99.99, 100, 100.01, 314.99, round(random.uniform(20, 314), random.choice((0, 3))))
        )
    tou = tou or (kind == "large_industry" and not catalogue)
    return {
        "class": kind,
        "scheme": "two_part" if two_part else "single_part",
        "level": level,
        "tou": tou,
        "contract_kva": str(capacity),
        "running_kva": str(capacity) if random.random() < 0.97 else "0",
        "basis": random.choice(("capacity", "contract_demand", "actual_demand")),
        "contract_kw": _number(random, 0.2 * capacity, 1.1 * capacity, random.choice((0, 2))),
        "standard": None if catalogue else random.choice(_STANDARDS),
        "persons": None,
        "combined": False,
        "began": None,
        "market": None if catalogue or random.random() < 0.85 else _number(random, 0.3, 0.5, 5),
        "export": random.choice((None, "0.4153")),
        "running_days": None,
    }


def _home(random: Random, year: int, month: int) -> dict[str, Any]:
    began = random.choice((None, None, (year, random.randint(1, month)), (year - 1, 12)))
    combined = random.random() < 0.2
    return {
        "class": "residential",
        "scheme": "single_part",
        "level": random.choice(("below_1kv", "1_to_20kv")) if combined else "below_1kv",
        "tou": random.random() < 0.5 and not combined,
        "contract_kva": "8",
        "running_kva": "8",
        "basis": "capacity",
        "contract_kw": "8",
        "standard": random.choice((None, None, "0.90")),
        "persons": random.choice((None, 7, 9)) if combined else random.choice((None, 1, 4, 5, 6, 7)),
        "combined": combined,
        "began": began,
        "market": None,
        "export": random.choice((None, "0.4153")),
        "running_days": None,
    }


def _changed(random: Random, terms: dict[str, Any], may_switch: bool) -> dict[str, Any]:
    """More or less capacity, suspension, another demand, another basis, another scheme of time of use, or
    nothing.
    """
    capacity = Decimal(terms["contract_kva"])
    options: list[dict[str, Any]] = [
        {"running_kva": str(capacity / 2)},
        {"running_kva": "0"},
        {"contract_kva": str(capacity + 315), "running_kva": str(capacity + 315)}
        if terms["scheme"] == "two_part"
        else {},
        {"contract_kw": str(round(Decimal(terms["contract_kw"]) + 50, 2))},
        {"basis": random.choice(("capacity", "contract_demand", "actual_demand"))},
        {"standard": random.choice(_STANDARDS)} if terms["standard"] else {},
        {"export": random.choice((None, "0.3953", "0.4153"))},
        {"tou": not terms["tou"]} if may_switch and terms["class"] == "general_commercial" else {},
        {},
    ]
    return {**terms, **random.choice(options)}


def _measured(random: Random, terms: dict[str, Any]) -> dict[str, Any]:
    capacity = max(float(terms["contract_kva"]), 1.0)
    size = 400.0 if terms["class"] == "residential" else capacity * random.choice((50, 260, 261, 500))
    names = PERIODS
    if terms["class"] == "residential":
        names = ("peak", "valley")
    periods = dict.fromkeys(PERIODS, "0.00")
    for name in names:
        if random.random() < 0.9:
            periods[name] = _number(random, 0, 2 * size / len(names), 2)
    if random.random() < 0.02:
        periods = dict.fromkeys(PERIODS, "0.00")
    demand = random.choice((0.3, 1.0, 1.3)) * random.uniform(0.5, 1) * capacity
    return {
        "energy": str(sum(Decimal(kwh) for kwh in periods.values())),
        "periods": periods,
        "demand": f"{demand:.4f}",
    }


def fit_to_periods(case: Case) -> Case:
    """Energy of a period that a month's prices do not know goes to the valley: no flat and no deep one in the
    catalogue, no deep one before 2026.
    """
    year = case["month"][0]
    unknown = {2018: ("flat", "deep_valley"), 2025: ("deep_valley",)}.get(year, ())
    segments = []
    for segment in case["segments"]:
        periods = dict(segment["periods"])
        if segment["class"] != "residential":
            moved = sum((Decimal(periods[name]) for name in unknown), Decimal(0))
            periods.update(dict.fromkeys(unknown, "0.00"), valley=str(Decimal(periods["valley"]) + moved))
        segments.append({**segment, "periods": periods})
    return {**case, "segments": segments}


def supply_of_case(case: Case) -> SupplyMonth:
    """The engine's view of a case."""
    year, month = case["month"]
    segments = tuple(_segment(segment, year, month) for segment in case["segments"])
    return SupplyMonth(
        BillingMonth(year, month),
        segments,
        _decimal(case["lagging"]),
        _decimal(case["leading"]),
        Decimal(case["year_to_date"]),
        Decimal(case["exported"]),
    )


def _segment(segment: dict[str, Any], year: int, month: int) -> Segment:
    two_part = segment["scheme"] == "two_part"
    contract = Contract(
        CustomerClass(segment["class"]),
        PricingScheme(segment["scheme"]),
        VoltageLevel(segment["level"]),
        segment["tou"],
        Decimal(segment["contract_kva"]),
        Decimal(segment["running_kva"]) if two_part else None,
        DemandBasis(segment["basis"]) if two_part else None,
        Decimal(segment["contract_kw"]) if two_part else None,
        _decimal(segment["standard"]),
        segment["persons"],
        segment["combined"],
        date(*segment["began"], 15) if segment["began"] else None,
        _decimal(segment["market"]),
        _decimal(segment["export"]),
    )
    periods = (
        {TouPeriod(name): Decimal(kwh) for name, kwh in segment["periods"].items()}
        if segment["tou"]
        else None
    )
    first, last = date(year, month, segment["first"]), date(year, month, segment["last"])
    demand = Decimal(segment["demand"]) if two_part and segment["basis"] != "capacity" else None
    return Segment(
        contract,
        first,
        last,
        Decimal(segment["energy"]),
        periods,
        demand,
        segment["section"],
        segment["running_days"],
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def facts_of_world(facts: Facts, world: World = WORLD) -> Facts:
    """The shipped facts with the world's later notices."""
    transmission = facts.transmission
    single = transmission.single_part_energy
    composition = EnergyComposition(*(Decimal(part) for part in world.composition or ("0", "0", "0")))
    cited = Citation("notice of the test", "all", "the test", "the test", "not recorded", Confidence.OFFICIAL)
    published = Version(composition, cited, EARLIEST, None, EARLIEST, 1)
    compositions = [published]
    for first, factor in world.changes["energy_base"] if world.floats else ():
        parts = dataclasses.astuple(composition)
        scaled = EnergyComposition(*(part * Decimal(factor) for part in parts))
        compositions.append(
            dataclasses.replace(published, value=scaled, effective_from=first, known_from=first)
        )
    hours = facts.time_of_use
    *before, latest = hours.floating.versions
    if world.floats:
        latest = dataclasses.replace(
            latest, value=frozenset(tuple(EnergyPart)[place] for place in world.floats)
        )
    return dataclasses.replace(
        facts,
        funds=_changed_fact(facts.funds, world, "funds"),
        energy_base=_changed_fact(facts.energy_base, world, "energy_base"),
        energy_composition=dataclasses.replace(facts.energy_composition, versions=tuple(compositions)),
        time_of_use=dataclasses.replace(
            hours, floating=dataclasses.replace(hours.floating, versions=(*before, latest))
        ),
        transmission=dataclasses.replace(
            transmission,
            line_loss=_earlier(transmission.line_loss),
            single_part_energy=_earlier(single),
            two_part_energy=_changed_fact(transmission.two_part_energy, world, "transmission"),
            two_part_capacity=_changed_fact(transmission.two_part_capacity, world, "capacity"),
            two_part_demand=_changed_fact(transmission.two_part_demand, world, "demand"),
        ),
    )


def _earlier(dated: Dated[Any]) -> Dated[Any]:
    """The only version of a fact, as if it had held since 2025 began."""
    (published,) = dated.versions
    return dataclasses.replace(
        dated, versions=(dataclasses.replace(published, effective_from=EARLIEST, known_from=EARLIEST),)
    )


def _changed_fact(dated: Dated[Any], world: World, name: str) -> Dated[Any]:
    (published,) = _earlier(dated).versions
    versions = [published]
    for first, factor in world.changes[name]:
        by = Decimal(factor)
        value = (
            {level: price * by for level, price in published.value.items()}
            if isinstance(published.value, dict)
            else published.value * by
        )
        versions.append(dataclasses.replace(published, value=value, effective_from=first, known_from=first))
    return dataclasses.replace(dated, versions=tuple(versions))
