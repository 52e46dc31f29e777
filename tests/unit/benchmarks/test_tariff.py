"""The benchmark of bills in short, without timing: its bills are those of the engine before."""

from __future__ import annotations

from benchmarks.tariff import BEFORE, agrees, digest_of, measure, simulated_supplies
from pipelines.facts import load_facts
from pipelines.settings import packaged
from pipelines.tariff import price_supply

FACTS = load_facts(packaged("conf") / "facts")


def test_the_bills_are_those_of_the_engine_before() -> None:
    assert agrees(min(BEFORE), FACTS) is True
    assert agrees(7, FACTS) is None


def test_a_fen_or_a_letter_tells() -> None:
    (month,) = (price_supply(supply, FACTS) for supply in simulated_supplies(1))
    first, *others = month.lines
    for change in ({"formula": first.formula + " "}, {"section": "x"}, {"amount_cny": first.amount_cny + 1}):
        other = type(month)(**{**month.__dict__, "lines": (first._replace(**change), *others)})
        assert digest_of([other]) != digest_of([month])


def test_every_bill_has_20_lines_and_a_tenth_change_inside_the_month() -> None:
    supplies = list(simulated_supplies(200))
    assert min(len(price_supply(supply, FACTS).lines) for supply in supplies) >= 20
    assert 10 <= sum(len(supply.segments) == 3 for supply in supplies) <= 30


def test_the_benchmark_reports_what_it_measured() -> None:
    found = measure(count=100, compare=200, processes=1)
    assert (found["bills"], found["as_before"], found["compared_bills"]) == (100, True, 200)
    assert found["peak_memory_mb_per_process"] > 0
