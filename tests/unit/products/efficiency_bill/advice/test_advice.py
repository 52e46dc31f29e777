"""Advice: every saving found again without the code that advises, and nothing advised that cannot be
computed.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, VoltageLevel
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import Settings, packaged
from pipelines.tariff import Contract, price_supply
from products.efficiency_bill.advice.advice import advise
from products.efficiency_bill.advice.situation import Situation
from products.efficiency_bill.case.case import DayUsage
from products.efficiency_bill.settings import EfficiencyBillSettings
from tests.measured_months import Measured, supply_of
from tests.steel_works import STEEL, STEEL_SEPTEMBER

CONF = packaged("conf")
FACTS = load_facts(CONF / "facts")
SETTINGS = Settings(CONF, CONF).section(EfficiencyBillSettings)
SEPTEMBER = BillingMonth.parse("2026-09")
D = Decimal
# Of an office on 10 kV: 0.5250 energy (illustrative), 0.2114 network, 0.02923875 funds.
OFFICE_PRICES = (D("0.5250"), D("0.2114"), D("0.02923875"))
OFFICE = Contract(CustomerClass.GENERAL_COMMERCIAL, PricingScheme.SINGLE_PART, VoltageLevel.KV_1_TO_20, False)
OFFICE_SEPTEMBER = Measured(SEPTEMBER, D("30000.00"), None, None, None, None, D("0.01"))


def fen(amount: Decimal) -> Decimal:
    return amount.quantize(D("0.01"), rounding=ROUND_HALF_UP)


def office_total(energy_kwh: Decimal) -> Decimal:
    """An office's bill by hand."""
    return sum((fen(energy_kwh * price) for price in OFFICE_PRICES), D(0))


def situation(contract: Contract = OFFICE, measured: Measured = OFFICE_SEPTEMBER, **known: Any) -> Situation:
    empty: dict[str, Any] = {"recent_demand_kw": (), "baseline": None, "intensity": None, "usage": None}
    supply = supply_of(contract, measured)
    has_periods = measured.energy_by_period is not None
    return Situation(supply, measured.energy_kwh, has_periods, price_supply(supply, FACTS), **(empty | known))


def advised(given: Situation, **changed: Any) -> dict[str, dict[str, Any]]:
    settings = SETTINGS.model_copy(update={"advice_count": 9} | changed)
    return {row["advice_id"]: row for row in advise(given, FACTS, settings)}


def office(**known: Any) -> dict[str, dict[str, Any]]:
    """Every advice but the one that only fills an empty place."""
    return {name: row for name, row in advised(situation(**known)).items() if name != "EB-A10"}


def test_the_hand_made_office_bill_is_the_engines() -> None:
    assert office_total(D(30000)) == situation().priced.total_cny == D("22969.16")


@pytest.mark.parametrize(
    ("advice_id", "known", "saved"),
    [
        ("EB-A05", {"baseline": (28000.0, 26000.0, 30500.0)}, D("2000.00")),
        ("EB-A06", {"intensity": (30.0, 26.0, 20.0, 1000.0)}, D("2000.00")),
        ("EB-A06", {"intensity": (25.0, 26.0, 20.0, 1000.0)}, D("2500.00")),
        ("EB-A07", {"usage": DayUsage(18000.0, 0.0, 0.0, 0.0)}, D("1800.00")),
        ("EB-A08", {"usage": DayUsage(0.0, 1500.0, 0.0, 0.0)}, D("450.00")),
        ("EB-A09", {"usage": DayUsage(0.0, 0.0, 333.336, 900.0)}, D("333.34")),
    ],
)
def test_a_saving_of_energy_is_the_difference_of_two_bills(
    advice_id: str, known: dict[str, Any], saved: Decimal
) -> None:
    found = office(**known)
    assert list(found) == [advice_id]
    assert found[advice_id]["saving_cny"] == office_total(D(30000)) - office_total(D(30000) - saved)
    assert D(json.loads(found[advice_id]["advice_inputs"])["saved_kwh"]) == saved


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"baseline": (30000.0, 29000.0, 31000.0)},
        {"baseline": (31000.0, 29000.0, 33000.0)},
        {"intensity": (20.0, 26.0, 20.0, 1000.0)},
        {"intensity": (19.0, 26.0, 20.0, 1000.0)},
        {"usage": DayUsage(0.0, 0.0, 0.0, 0.0)},
    ],
)
def test_nothing_is_advised_to_the_best(known: dict[str, Any]) -> None:
    assert office(**known) == {}


@pytest.mark.parametrize(("least", "count"), [(0.76, 1), (0.78, 0)])
def test_a_saving_below_the_least_is_no_advice(least: float, count: int) -> None:
    """1 kWh less: 0.53 + 0.21 + 0.03 = 0.77 CNY."""
    given = situation(baseline=(29999.0, 0.0, 1.0))
    assert len(advised(given, least_saving_cny=least)) == count


def test_the_works_three_pieces_of_advice_priced_by_hand() -> None:
    found = advised(situation(STEEL, STEEL_SEPTEMBER, recent_demand_kw=(D("486.7"), D("505.0"), D("534.8"))))
    # Capacity: 800 kVA x 29.5 = 23,600 against 600 kW x 47.2 = 28,320; the adjustment of 4.5 % falls with its
    # base.
    assert found["EB-A01"]["saving_cny"] == fen(D("4720") + D("4720") * D("0.045"))
    assert json.loads(found["EB-A01"]["advice_inputs"])["basis_advised"] == "capacity"
    # At the standard the adjustment is 0: all of it is saved.
    adjustment = [
        line.amount_cny
        for line in situation(STEEL, STEEL_SEPTEMBER).priced.lines
        if line.component.value == "power_factor_adjustment"
    ]
    assert [found["EB-A03"]["saving_cny"]] == adjustment == [D("3260.80")]
    # Qc = P (tan acos 0.8112 - tan acos 0.90) with P = 60,916.39 / 720 kW: 19.96 kvar, rounded up to the next
    # ten.
    assert json.loads(found["EB-A03"]["advice_inputs"])["bank_kvar"] == 20
    # A tenth of the peak into the valley, each line rounded by itself.
    moved = D("1979.83")
    before = fen(D("19798.27") * D("0.97125")) + fen(D("13613.86") * D("0.21"))
    after = fen((D("19798.27") - moved) * D("0.97125")) + fen((D("13613.86") + moved) * D("0.21"))
    assert found["EB-A04"]["saving_cny"] == pytest.approx((before - after) * D("1.045"), abs=D("0.03"))
    assert [row["advice_id"] for row in advise(situation(STEEL, STEEL_SEPTEMBER), FACTS, SETTINGS)] == [
        "EB-A01",
        "EB-A03",
        "EB-A04",
    ]


def test_of_two_ways_to_change_the_basic_charge_the_better_one_stands() -> None:
    # 505 kW by contract: at 480 kW (x 1.05 = 504) one kW costs double, 480 x 47.2 + 2 x 47.2 = 22,750.40; at
    # 490 kW none does, 23,128; by capacity 23,600.
    found = advised(situation(STEEL, STEEL_SEPTEMBER, recent_demand_kw=(D("505.0"),)))
    assert "EB-A01" not in found
    assert found["EB-A02"]["saving_cny"] == fen(D("5569.60") + D("5569.60") * D("0.045"))
    assert json.loads(found["EB-A02"]["advice_inputs"])["advised_kw"] == "480"
    # 534.8 kW in one of the three months: 510 kW, 24,072, so capacity is better.
    assert "EB-A02" not in advised(
        situation(STEEL, STEEL_SEPTEMBER, recent_demand_kw=(D("534.8"), D("505.0")))
    )


WORKS = replace(STEEL, power_factor_standard=None)
# 800 kVA x 29.5 = 23,600 CNY by capacity; a kilowatt 47.2, above 105 % of a contract demand 94.4; 76 kWh/kVA,
# so without the discount.


def basis_advised(
    current: DemandBasis, demand: str, history: bool = False, **terms: Any
) -> tuple[str, Decimal, dict[str, Any]] | None:
    measured = replace(STEEL_SEPTEMBER, max_demand_kw=D(demand))
    given = situation(
        replace(WORKS, demand_basis=current, **terms),
        measured,
        recent_demand_kw=(D(demand), D("100")) if history else (),
    )
    rows = {
        name: row
        for name, row in advised(given, advice_count=20, least_saving_cny=0.01).items()
        if name in ("EB-A01", "EB-A02")
    }
    if not rows:
        return None
    ((name, row),) = rows.items()
    return name, row["saving_cny"], json.loads(row["advice_inputs"])


@pytest.mark.parametrize(("demand", "saving"), [("499", None), ("500", None), ("501", D("47.20"))])
def test_above_five_eighths_of_the_capacity_the_capacity_is_cheaper(
    demand: str, saving: Decimal | None
) -> None:
    """29.5 / 47.2 = 62.5 %: 500 of 800 kVA cost the same either way."""
    found = basis_advised(DemandBasis.ACTUAL_DEMAND, demand)
    assert found == (
        None
        if saving is None
        else ("EB-A01", saving, {"basis_now": "actual_demand", "basis_advised": "capacity"})
    )


@pytest.mark.parametrize(("demand", "saving"), [("499", D("47.20")), ("500", None), ("501", None)])
def test_below_five_eighths_of_the_capacity_the_demand_is_cheaper(
    demand: str, saving: Decimal | None
) -> None:
    found = basis_advised(DemandBasis.CAPACITY, demand, contract_demand_kw=None)
    assert found == (
        None
        if saving is None
        else ("EB-A01", saving, {"basis_now": "capacity", "basis_advised": "actual_demand"})
    )


@pytest.mark.parametrize(
    ("demand", "saving", "advised_kw"),
    [
        ("514.5", D("472.00"), "490"),  # 490 kW and all of its tolerance: 23,128
        ("519.4", D("9.44"), "490"),  # 4.9 kW of it double: 23,590.56
        ("519.5", None, None),  # 5 kW double come to the capacity's 23,600, as 500 kW do
        ("525", None, None),
    ],
)
def test_a_contract_demand_is_advised_to_who_has_none_as_long_as_it_is_cheaper(
    demand: str, saving: Decimal | None, advised_kw: str | None
) -> None:
    found = basis_advised(DemandBasis.CAPACITY, demand, history=True, contract_demand_kw=None)
    inputs = {
        "basis_now": "capacity",
        "basis_advised": "contract_demand",
        "advised_kw": advised_kw,
        "highest_kw": demand,
    }
    assert found == (None if saving is None else ("EB-A01", saving, inputs))


@pytest.mark.parametrize(
    ("demand", "saving", "basis"),
    [("320", D("8496.00"), "actual_demand"), ("320.1", D("8496.00"), "contract_demand")],
)
def test_of_three_bases_the_cheapest_is_advised(demand: str, saving: Decimal, basis: str) -> None:
    """320 kW are the least contract demand of 800 kVA: up to it the actual demand is at least as cheap, then
    the tolerance is free.
    """
    found = basis_advised(DemandBasis.CAPACITY, demand, history=True, contract_demand_kw=None)
    assert found is not None
    assert (found[1], found[2]["basis_advised"]) == (saving, basis)


@pytest.mark.parametrize(("agreed", "saving"), [("300", D("8307.20")), ("480", None), ("490", D("377.60"))])
def test_a_contract_demand_too_small_or_too_large_is_mended(agreed: str, saving: Decimal | None) -> None:
    """505 kW: at 480 kW one of them double, 22,750.40; 300 are raised to 320 and 169 double, 31,057.60; 490
    cost 23,128.
    """
    found = basis_advised(DemandBasis.CONTRACT_DEMAND, "505", history=True, contract_demand_kw=D(agreed))
    inputs = {"contract_demand_kw": agreed, "advised_kw": "480", "highest_kw": "505"}
    assert found == (None if saving is None else ("EB-A02", saving, inputs))


def test_a_suspended_capacity_gives_no_advice_on_the_basis() -> None:
    """By actual demand a month without running capacity has a price; by capacity or contract demand it has
    none to compare.
    """
    assert basis_advised(DemandBasis.ACTUAL_DEMAND, "600", history=True, running_capacity_kva=D(0)) is None
    assert (
        basis_advised(DemandBasis.ACTUAL_DEMAND, "600", history=True, running_capacity_kva=D(800)) is not None
    )


def test_an_advice_on_the_basis_tells_when_each_term_may_change() -> None:
    """The basis quarterly with 15 working days' notice, the contract demand monthly with 5."""
    measured = replace(STEEL_SEPTEMBER, max_demand_kw=D("514.5"))
    capacity = replace(WORKS, demand_basis=DemandBasis.CAPACITY, contract_demand_kw=None)
    row = advised(situation(capacity, measured, recent_demand_kw=(D("514.5"),)))["EB-A01"]
    assert "计费方式可按季变更，须提前15个工作日申请" in row["assumption_zh"]
    assert "合同需量可按月变更，须提前5个工作日申请" in row["assumption_zh"]
    assert "the basis may change quarterly, 15 working days ahead" in row["assumption_en"]
    assert "it may change monthly, 5 working days ahead" in row["assumption_en"]
    assert "490 kW" in row["advice_zh"]
    assert "490 kW" in row["advice_en"]
    fewer = advised(situation(STEEL, STEEL_SEPTEMBER))["EB-A01"]
    assert ("按季" in fewer["assumption_zh"], "按月变更" in fewer["assumption_zh"]) == (True, False)


@pytest.mark.parametrize(("lagging", "is_advised"), [("29503.2", False), ("31000.0", True)])
def test_power_factor_at_the_standard_needs_no_capacitors(lagging: str, is_advised: bool) -> None:
    """0.90 needs reactive energy of at most 0.4843 of the active: 29,503 kvarh; 31,000 gives 0.89."""
    measured = replace(STEEL_SEPTEMBER, lagging_kvarh=D(lagging), leading_kvarh=D(0))
    found = advised(situation(STEEL, measured))
    assert ("EB-A03" in found) is is_advised
    if is_advised:
        after = replace(
            measured,
            lagging_kvarh=measured.lagging_kvarh
            - D(json.loads(found["EB-A03"]["advice_inputs"])["kvarh_compensated"]),
        )  # type: ignore[operator]
        assert price_supply(supply_of(STEEL, after), FACTS).power_factor == D("0.90")


def test_reactive_energy_alone_gives_no_advice_on_capacitors() -> None:
    """A transformer that stands idle: 500 kvarh, not a kilowatt-hour."""
    idle = replace(
        STEEL_SEPTEMBER,
        energy_kwh=D("0.00"),
        energy_by_period=dict.fromkeys(STEEL_SEPTEMBER.energy_by_period or {}, D("0.00")),
        lagging_kvarh=D(500),
        leading_kvarh=D(0),
    )
    assert "EB-A03" not in advised(situation(STEEL, idle))


def test_less_energy_of_a_works_keeps_the_periods_whole() -> None:
    """The same relief on the works: priced again by the engine with parts that sum to what is left."""
    given = situation(
        replace(STEEL, demand_basis=DemandBasis.CAPACITY, power_factor_standard=None),
        STEEL_SEPTEMBER,
        usage=DayUsage(20000.0, 0.0, 0.0, 0.0),
    )
    found = advised(given)["EB-A07"]
    saved = D(json.loads(found["advice_inputs"])["saved_kwh"])
    assert saved == D("2000.00")
    # Energy lines only: each period keeps its share, so the saving is 2000 kWh at the mean price of the
    # energy lines, to rounding.
    energy = sum(line.amount_cny for line in given.priced.lines if line.period is not None)
    assert found["saving_cny"] == pytest.approx(energy * saved / D("60916.39"), abs=D("0.10"))
    assert "不变" in found["assumption_zh"]


def test_what_changes_the_terms_comes_before_what_asks_for_less() -> None:
    usage = DayUsage(60000.0, 20000.0, 9000.0, 2500.0)
    chosen = advise(situation(STEEL, STEEL_SEPTEMBER, usage=usage), FACTS, SETTINGS)
    assert {row["advice_id"] for row in chosen} == {"EB-A01", "EB-A03", "EB-A04"}
    fallback = advise(
        situation(replace(STEEL, power_factor_standard=None), STEEL_SEPTEMBER, usage=usage), FACTS, SETTINGS
    )
    assert {row["advice_id"] for row in fallback} > {"EB-A01", "EB-A04"}
    assert len(fallback) == 3


def test_use_above_the_base_load_fills_a_place_that_would_stay_empty() -> None:
    """5 % of 30,000 - 18,000 kWh are 600 kWh."""
    usage = DayUsage(18000.0, 1500.0, 0.0, 0.0)
    chosen = {row["advice_id"]: row for row in advise(situation(usage=usage), FACTS, SETTINGS)}
    assert set(chosen) == {"EB-A07", "EB-A08", "EB-A10"}
    assert chosen["EB-A10"]["saving_cny"] == office_total(D(30000)) - office_total(D(29400)) == D("459.38")
    fuller = advise(situation(usage=replace(usage, high_excess_kwh=10.0)), FACTS, SETTINGS)
    assert {row["advice_id"] for row in fuller} == {"EB-A07", "EB-A08", "EB-A09"}, (
        "also where it would save more"
    )


def test_ranks_follow_the_savings_and_no_advice_promises() -> None:
    rows = advise(
        situation(
            baseline=(28000.0, 0.0, 1.0),
            intensity=(30.0, 26.0, 20.0, 1000.0),
            usage=DayUsage(18000.0, 1500.0, 333.0, 900.0),
        ),
        FACTS,
        SETTINGS,
    )
    assert [row["rank"] for row in rows] == [1, 2, 3]
    assert [row["saving_cny"] for row in rows] == sorted((row["saving_cny"] for row in rows), reverse=True)
    for row in rows:
        assert not re.search(r"一定|保证|必定|will save|guarantee", row["advice_zh"] + row["advice_en"])
        assert f"{row['saving_cny']:,.2f}" in row["advice_zh"]
        assert f"{row['saving_cny']:,.2f}" in row["advice_en"]
        assert row["assumption_zh"]
        assert row["assumption_en"]
