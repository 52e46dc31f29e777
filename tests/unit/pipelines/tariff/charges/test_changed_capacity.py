"""Rulings R16 and R17: a capacity that changes inside the month, by hand; and the same as known before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from pipelines.codes import (
    Confidence,
    ContractNote,
    CustomerClass,
    DemandBasis,
    LineComponent,
    PricingScheme,
    VoltageLevel,
)
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, PricedMonth, Segment, SupplyMonth, price_supply

D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
BEFORE = date(2026, 11, 29)
SHORT, HIGHEST = ContractNote.SUSPENSION_TOO_SHORT, ContractNote.HIGHEST_DEMAND_OF_MONTH
WORKS = Contract(
    CustomerClass.GENERAL_COMMERCIAL,
    PricingScheme.TWO_PART,
    VoltageLevel.KV_1_TO_20,
    False,
    D(1600),
    D(1600),
    DemandBasis.CAPACITY,
)
BY_DEMAND = replace(WORKS, demand_basis=DemandBasis.ACTUAL_DEMAND)
BY_CONTRACT = replace(WORKS, demand_basis=DemandBasis.CONTRACT_DEMAND, contract_demand_kw=D(700))
BASIC = (LineComponent.BASIC_CAPACITY, LineComponent.BASIC_DEMAND, LineComponent.DEMAND_EXCESS)


def month(
    contract: Contract,
    *parts: tuple[int, str, str | None],
    known: date | None = None,
    of: str = "2026-09",
    idle_days: int | None = None,
) -> PricedMonth:
    """Parts of the month: last day, kVA in operation, highest demand."""
    of_month, first, segments = BillingMonth.parse(of), 1, []
    for last, kva, demand in parts:
        terms = replace(contract, running_capacity_kva=D(kva))
        days = date(of_month.year, of_month.month, first), date(of_month.year, of_month.month, last)
        running = idle_days if D(kva) == 0 else None
        kwh = D(0) if D(kva) == 0 else D(100)
        kw = None if demand is None else D(demand)
        segments.append(Segment(terms, *days, kwh, None, kw, running_days=running))
        first = last + 1
    return price_supply(SupplyMonth(of_month, tuple(segments)), FACTS, known)


def basic(priced: PricedMonth) -> list[str]:
    return [str(line.amount_cny) for line in priced.lines if line.component in BASIC]


@pytest.mark.parametrize("idle_days", [None, 0])  # the chain says that a suspended supply runs on no day
def test_a_suspension_of_ten_days_leaves_the_charge_as_it_is(idle_days: int | None) -> None:
    """1,600 kVA x 29.5 = 47,200.00; as known before 20 of 30 days: 15,733.33 twice."""
    parts = (10, "1600", None), (20, "0", None), (30, "1600", None)
    now = month(WORKS, *parts, idle_days=idle_days)
    assert (basic(now), now.notes) == (["47200.00"], (SHORT,))
    (line,) = (line for line in now.lines if line.component is LineComponent.BASIC_CAPACITY)
    assert "basic_charge.suspension" in line.rests_on
    assert (line.first_day, line.last_day) == (None, None)
    before = month(WORKS, *parts, known=BEFORE, idle_days=idle_days)
    assert (basic(before), before.notes) == (["15733.33", "15733.33"], ())


def test_more_months_and_no_whole_transformer_are_priced_and_the_fact_says_what_is_not_checked() -> None:
    """The ruling allows six months a calendar year and whole transformers; a month knows of neither."""
    months = [month(WORKS, (31, "0", None), of=f"2026-{number:02d}") for number in (8, 10, 12)]
    assert [(basic(priced), priced.notes) for priced in months] == [([], ())] * 3
    half = month(WORKS, (30, "777", None))
    assert (basic(half), half.notes) == (["22921.50"], ()), "no transformer has 777 kVA, and nobody asks"
    dated = FACTS.basic_charge.suspension_days
    assert "Not checked" in dated.version_on(date(2026, 9, 1)).citation.note


@pytest.mark.parametrize(
    ("parts", "amounts"),
    [
        # 14 days are short, 15 are not: 15 x 1,573.33... = 23,600.00 in two parts of 5 and 10 days.
        ([(5, "1600"), (19, "0"), (30, "1600")], ["47200.00"]),
        ([(5, "1600"), (20, "0"), (30, "1600")], ["7866.67", "15733.33"]),
        # How long one lasts that begins or ends outside the month cannot be told from it.
        ([(20, "1600"), (30, "0")], ["31466.67"]),
        ([(10, "0"), (30, "1600")], ["31466.67"]),
        # Half of it: 800 kVA go on; then both, one after the other, each of its own length.
        ([(10, "1600"), (20, "800"), (30, "1600")], ["47200.00"]),
        ([(5, "1600"), (10, "0"), (15, "800"), (30, "1600")], ["47200.00"]),
        ([(5, "1600"), (10, "0"), (25, "800"), (30, "1600")], ["7866.67", "15733.33", "7866.67"]),
        # 800 kVA stay suspended after ten days without any: only the other half was suspended too short.
        ([(10, "1600"), (20, "0"), (30, "800")], ["15733.33", "15733.33"]),
    ],
)
def test_how_long_a_suspension_lasts(parts: list[tuple[int, str]], amounts: list[str]) -> None:
    found = month(WORKS, *((last, kva, None) for last, kva in parts))
    assert basic(found) == amounts
    # The days that are charged on are those of the rule alone.
    as_metered = month(WORKS, *((last, kva, None) for last, kva in parts), known=BEFORE)
    assert (SHORT in found.notes) == (basic(found) != basic(as_metered))


def test_a_smaller_contract_is_no_suspension() -> None:
    smaller = replace(WORKS, contract_capacity_kva=D(800), running_capacity_kva=D(800))
    segments = tuple(
        Segment(contract, date(2026, 9, first), date(2026, 9, last), D(100))
        for contract, first, last in ((WORKS, 1, 10), (smaller, 11, 20), (WORKS, 21, 30))
    )
    found = price_supply(SupplyMonth(BillingMonth(2026, 9), segments), FACTS)
    assert (basic(found), found.notes) == (["15733.33", "7866.67", "15733.33"], ())


def test_the_months_highest_demand_bills_a_month_in_which_the_capacity_changes() -> None:
    """1,300 kW x 47.2 = 61,360.00; by days 10/30 of 900, 500 and 1,300 kW are 42,480.00."""
    parts = (10, "800", "900"), (20, "1250", "500"), (30, "1600", "1300")
    now = month(BY_DEMAND, *parts)
    assert (basic(now), now.notes) == (["61360.00"], (HIGHEST,))
    (line,) = (line for line in now.lines if line.component is LineComponent.BASIC_DEMAND)
    assert line.fact_confidence is Confidence.MEDIUM
    assert "basic_charge.changed_month" in line.rests_on
    assert "highest of the month" in line.formula
    before = month(BY_DEMAND, *parts, known=BEFORE)
    assert (sum(map(D, basic(before))), before.notes) == (D("42480.00"), ())


@pytest.mark.parametrize("idle_days", [None, 0])
def test_on_demand_a_suspension_goes_by_calendar_months(idle_days: int | None) -> None:
    """From the eleventh on suspended: the 900 kW of the first ten days bill the month; a whole month costs
    nothing.
    """
    now = month(BY_DEMAND, (10, "1600", "900"), (30, "0", None), idle_days=idle_days)
    assert (basic(now), now.notes) == (["42480.00"], (HIGHEST,))
    assert basic(month(BY_DEMAND, (30, "0", None))) == []


def test_a_contract_demand_is_held_against_the_highest_demand_and_capacity() -> None:
    """700 kW x 47.2 = 33,040.00; 0.40 x 1,600 = 640 kW is below them. 800 kW are 65 over 735: x 94.4 =
    6,136.00.
    """
    found = month(BY_CONTRACT, (10, "800", "800"), (30, "1600", "600"))
    assert (basic(found), found.notes) == (["33040.00", "6136.00"], (HIGHEST,))
    low = replace(BY_CONTRACT, contract_demand_kw=D(500))
    assert basic(month(low, (10, "800", "500"), (30, "1600", "600"))) == ["30208.00"]  # 640 x 47.2


def test_a_capacity_that_stays_is_billed_as_ever() -> None:
    """Another contract demand from the sixteenth on: each half with its own highest demand."""
    later = replace(BY_CONTRACT, contract_demand_kw=D(900))
    segments = tuple(
        Segment(contract, date(2026, 9, first), date(2026, 9, last), D(100), None, D(kw))
        for contract, first, last, kw in ((BY_CONTRACT, 1, 15, 700), (later, 16, 30, 800))
    )
    found = price_supply(SupplyMonth(BillingMonth(2026, 9), segments), FACTS)
    assert (basic(found), found.notes) == (["16520.00", "21240.00"], ())


def test_a_demand_that_is_missing_in_operation_is_asked_for() -> None:
    with pytest.raises(Exception, match="no maximum demand"):
        month(BY_DEMAND, (10, "1250", "900"), (30, "1600", None))
