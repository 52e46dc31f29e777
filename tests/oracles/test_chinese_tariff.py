"""The engine against the clauses written down a second time: equal to the fen, line by line, on random
contracts and months.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest

from pipelines.codes import CustomerClass, TouPeriod
from pipelines.facts import load_facts
from pipelines.money import split_by_largest_remainder
from pipelines.settings import packaged
from pipelines.tariff import late_payment_lines, power_factor, price_supply
from tests.oracles import chinese_tariff as oracle
from tests.oracles.chinese_figures import PRINTED
from tests.oracles.chinese_hours import hour_period
from tests.oracles.chinese_world import World
from tests.oracles.random_cases import (
    CASES,
    WORLD,
    facts_of_world,
    fit_to_periods,
    random_case,
    supply_of_case,
    suspended_case,
)

SHIPPED = load_facts(packaged("conf") / "facts")
FACTS = facts_of_world(SHIPPED)


def test_random_contracts_and_months_cost_the_same_to_the_fen() -> None:
    random = Random(20260901)
    components: set[str] = set()
    for number in range(CASES):
        case = fit_to_periods(random_case(random))
        bill = price_supply(supply_of_case(case), FACTS)
        lines = [
            (line.component.value, line.period.value if line.period else "", int(line.amount_cny * 100))
            for line in bill.lines
        ]
        assert lines == oracle.price_case(case, WORLD), (number, case)
        assert bill.total_cny * 100 == sum(line[2] for line in lines)
        beside = any(segment["standard"] and not oracle.standard_of(segment) for segment in case["segments"])
        said = {*oracle.rulings(case), *(["power_factor_not_adjusted"] if beside else [])}
        assert {note.value for note in bill.notes} == said, (number, case)
        components.update(line[0] for line in lines)
    assert components >= {
        "energy_base",
        "transmission",
        "funds",
        "basic_capacity",
        "basic_demand",
        "demand_excess",
        "power_factor_adjustment",
        "tier_1",
        "tier_2",
        "tier_3",
        "catalogue_energy",
        "exported_energy",
    }


@pytest.mark.parametrize("floats", [(0,), (0, 1), (2,), (0, 1, 2)])
def test_where_parts_of_the_energy_price_float_alone_it_costs_the_same_to_the_fen(
    floats: tuple[int, ...],
) -> None:
    world = World(WORLD.changes, WORLD.composition, floats)
    facts, random, differ = facts_of_world(SHIPPED, world), Random(f"parts {floats}"), 0
    for number in range(CASES):
        case = fit_to_periods(random_case(random))
        supply = supply_of_case(case)
        lines = [
            (line.component.value, line.period.value if line.period else "", int(line.amount_cny * 100))
            for line in price_supply(supply, facts).lines
        ]
        assert lines == oracle.price_case(case, world), (number, case)
        differ += lines != oracle.price_case(case, WORLD)
    assert (differ > CASES / 10) is (len(floats) < 3)


def test_months_in_which_the_capacity_changes_cost_the_same_to_the_fen() -> None:
    """Suspensions of every length at every place of the month, whole and in part, and what comes after."""
    random, seen = Random(20261130), dict.fromkeys(("suspension_too_short", "highest_demand_of_month"), 0)
    for number in range(CASES):
        case = fit_to_periods(suspended_case(random))
        supply = supply_of_case(case)
        bill = price_supply(supply, FACTS)
        lines = [
            (line.component.value, line.period.value if line.period else "", int(line.amount_cny * 100))
            for line in bill.lines
        ]
        assert lines == oracle.price_case(case, WORLD), (number, case)
        assert {note.value for note in bill.notes} == oracle.rulings(case), (number, case)
        for note in bill.notes:
            seen[note.value] += 1
        # As it was issued before anybody knew of the rulings.
        assert price_supply(supply, FACTS, date(2026, 11, 29)).notes == ()
    assert min(seen.values()) > CASES / 10


@pytest.mark.parametrize("standard", ["0.90", "0.85", "0.80"])
def test_the_printed_cells_and_the_rule_below_them(standard: str) -> None:
    rule = SHIPPED.power_factor_adjustment.versions[-1].value
    for hundredths in range(101):
        assert rule.ratio(Decimal(hundredths) / 100, Decimal(standard)) * 100 == Decimal(
            str(float(oracle.adjustment_percent(standard, hundredths)))
        )
    assert len(PRINTED[standard]) == 47


def test_power_factors_of_random_energies() -> None:
    random = Random(3)
    for _ in range(3000):
        active, reactive = random.randint(0, 10**8), random.randint(0, 10**8)
        active += active == reactive == 0
        hundredths = oracle.power_factor_hundredths(Fraction(active), Fraction(reactive))
        assert power_factor(Decimal(reactive) / 100, Decimal(0), Decimal(active) / 100) * 100 == hundredths


def test_every_quarter_hour_of_three_years_lies_in_the_period_of_its_notice() -> None:
    day = date(2024, 3, 1)
    while day < date(2027, 1, 1):
        expected = tuple(TouPeriod(hour_period(day, slot / 4)) for slot in range(96))
        assert SHIPPED.time_of_use.slot_periods(day, CustomerClass.LARGE_INDUSTRY) == expected, day
        day += timedelta(days=1)


def test_energy_is_split_by_largest_remainder() -> None:
    random = Random(4)
    for _ in range(1000):
        step = random.choice(["0.01", "0.1", "1", "0.06"])
        total = random.randint(0, 10**7) * Decimal(step)
        weights = [random.choice((0.0, random.random() * 1000, 1.5)) for _ in range(5)]
        weights[0] += 0.25
        expected = oracle.largest_remainder(Fraction(total), weights, Fraction(step))
        assert split_by_largest_remainder(total, weights, Decimal(step)) == [
            Decimal(part.numerator) / part.denominator for part in expected
        ]


def test_penalties_of_random_delays() -> None:
    random = Random(5)
    for _ in range(1000):
        kind = random.choice([CustomerClass.RESIDENTIAL, CustomerClass.LARGE_INDUSTRY])
        unpaid = Decimal(random.randint(0, 10**7)) / 100
        due = date(2026, 1, 1) + timedelta(days=random.randint(0, 500))
        paid = due + timedelta(days=random.randint(-3, 300))
        lines = late_payment_lines(kind, unpaid, due, paid, SHIPPED)
        expected = oracle.late_payment_fen(kind is CustomerClass.RESIDENTIAL, Fraction(unpaid), due, paid)
        assert sum(int(line.amount_cny * 100) for line in lines) == expected, (kind, unpaid, due, paid)


def test_the_second_writing_imports_nothing_of_the_first() -> None:
    for path in Path(oracle.__file__).parent.glob("chinese_*.py"):
        imported = {
            line.split()[1].removeprefix("tests.oracles.chinese_")
            for line in path.read_text(encoding="utf-8").splitlines()
            if line.startswith(("import ", "from "))
        }
        known = {"__future__", "itertools", "collections.abc", "collections", "datetime", "fractions", "math"}
        assert imported <= known | {"typing", "figures", "hours", "world"}, path.name
