"""What-ifs: every optimum is the one that trying all finds; every edge comes with its other side."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod, VoltageLevel
from pipelines.errors import FactNotInForceError, UsageError
from pipelines.facts import load_facts
from pipelines.facts.contract_rules import NoticeRule
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, Determinants, price_month
from pipelines.tariff.what_if import (
    as_agreed,
    basic_charge_choices,
    best_contract_demand,
    first_month_of_change,
    first_month_of_time_of_use_choice,
    scheme_choices,
    time_of_use_choices,
    with_capacitors,
    with_shift,
)
from tests.steel_works import STEEL, STEEL_SEPTEMBER

D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
SEPTEMBER = BillingMonth(2026, 9)
STEP = 10


def random_case(draw: random.Random) -> tuple[Contract, Determinants]:
    capacity = draw.randrange(100, 500, 5)
    energy = D(draw.randrange(0, capacity * 400)) / 1
    demand = D(draw.randrange(0, capacity * 11)) / 10
    reactive = D(draw.randrange(0, max(1, int(energy))))
    contract = replace(
        STEEL, is_time_of_use=False, contract_capacity_kva=D(capacity), running_capacity_kva=D(capacity),
        power_factor_standard=draw.choice([None, D("0.85"), D("0.90")]),
    )  # fmt: skip
    return contract, Determinants(SEPTEMBER, energy, None, demand, reactive, D(0), D("0.01"))


def test_the_best_contract_demand_is_the_one_that_trying_all_finds() -> None:
    draw = random.Random(20260923)
    for _ in range(1000):
        contract, month = random_case(draw)
        chosen = best_contract_demand(contract, month, FACTS, step_kw=STEP)
        cost = price_month(chosen, month, FACTS).total_cny
        tried = range(STEP, int(contract.running_capacity_kva or 0) + 6 * STEP, STEP)
        assert cost == min(price_month(replace(contract, contract_demand_kw=D(kw)), month, FACTS).total_cny for kw in tried)


def test_the_cheapest_basis_is_the_cheapest_of_all() -> None:
    choices = basic_charge_choices(STEEL, [STEEL_SEPTEMBER], FACTS)
    assert {choice.changes["demand_basis"] for choice in choices} == {basis.value for basis in DemandBasis}
    assert [choice.total_cny for choice in choices] == sorted(choice.total_cny for choice in choices)
    now = as_agreed(STEEL, [STEEL_SEPTEMBER], FACTS)
    # By capacity: 800 kVA x 29.5 = 23,600 instead of 600 kW x 47.2 = 28,320; the adjustment of 4.5 % falls with it.
    assert choices[0].total_cny <= now.total_cny - D("4932.40")
    two = basic_charge_choices(STEEL, [STEEL_SEPTEMBER, replace(STEEL_SEPTEMBER, max_demand_kw=D("360"))], FACTS)
    fitted = next(choice for choice in two if choice.changes["demand_basis"] == "contract_demand")
    assert fitted.changes["contract_demand_kw"] == "481, 343"  # 505 / 1.05 = 480.95, 360 / 1.05 = 342.86, both up


def test_schemes_follow_the_capacity() -> None:
    shop = Contract(CustomerClass.GENERAL_COMMERCIAL, PricingScheme.SINGLE_PART, VoltageLevel.BELOW_1KV, False, D(100), D(100))
    month = Determinants(SEPTEMBER, D(9000), None, D(40), None, None, D("0.01"))
    assert [choice.name for choice in scheme_choices(shop, [month], FACTS)] == ["single-part"]
    wider = replace(shop, contract_capacity_kva=D("100.1"), running_capacity_kva=D("100.1"), voltage_level=VoltageLevel.KV_1_TO_20)
    assert {choice.name.split(",")[0] for choice in scheme_choices(wider, [month], FACTS)} == {"single-part", "two-part"}
    with pytest.raises(UsageError, match="capacity"):
        scheme_choices(replace(shop, contract_capacity_kva=None), [month], FACTS)


def test_time_of_use_is_a_choice_only_for_some() -> None:
    shop = Contract(CustomerClass.GENERAL_COMMERCIAL, PricingScheme.SINGLE_PART, VoltageLevel.BELOW_1KV, True, D(50), D(50))
    night = Determinants(SEPTEMBER, D(1000), dict.fromkeys(TouPeriod, D(0)) | {TouPeriod.VALLEY: D(1000)}, None, None, None, D("0.01"))
    day = replace(night, energy_by_period=dict.fromkeys(TouPeriod, D(0)) | {TouPeriod.PEAK: D(1000)})
    assert time_of_use_choices(shop, [night], FACTS)[0].name == "time-of-use"
    assert time_of_use_choices(shop, [day], FACTS)[0].name == "one price all day"
    # Only the other choice binds anew: the shop has time of use already.
    assert [choice.changes.get("bound_months") for choice in time_of_use_choices(shop, [day], FACTS)] == ["12", None]
    with pytest.raises(UsageError, match="no choice"):
        time_of_use_choices(STEEL, [STEEL_SEPTEMBER], FACTS)
    with pytest.raises(UsageError, match="split"):
        time_of_use_choices(shop, [replace(night, energy_by_period=None)], FACTS)


def test_capacitors_take_the_adjustment_away() -> None:
    now, then = as_agreed(STEEL, [STEEL_SEPTEMBER], FACTS), with_capacitors(STEEL, [STEEL_SEPTEMBER], D("0.90"), FACTS)
    assert (now.total_cny, now.total_cny - then.total_cny) == (D("77504.18"), D("3260.80"))
    assert D(then.changes["power_factor_reached"]) == D("0.90")
    with pytest.raises(UsageError, match="power factor"):
        with_capacitors(STEEL, [STEEL_SEPTEMBER], D("1.01"), FACTS)


def test_a_shift_moves_energy_and_loses_none() -> None:
    then = with_shift(STEEL, [STEEL_SEPTEMBER], D("0.1"), (TouPeriod.PEAK,), TouPeriod.VALLEY, FACTS)
    (month,) = then.months
    assert sum((month.determinants.energy_by_period or {}).values()) == D("60916.39")
    assert then.changes["moved_kwh"] == "1979.83"
    assert as_agreed(STEEL, [STEEL_SEPTEMBER], FACTS).total_cny - then.total_cny == D("1574.96")
    assert with_shift(STEEL, [STEEL_SEPTEMBER], D(0), (TouPeriod.PEAK,), TouPeriod.VALLEY, FACTS).total_cny == D("77504.18")


@pytest.mark.parametrize(
    ("asked", "notice", "last", "first"),
    [
        # September 2026: working days after the 23rd: 24, 28, 29, 30 (25 to 27 Mid-Autumn); the fifth is in October.
        (date(2026, 9, 22), 5, None, "2026-10"),
        (date(2026, 9, 23), 5, None, "2026-11"),
        (date(2026, 8, 10), 15, None, "2026-09"),
        (date(2026, 8, 11), 15, None, "2026-10"),
        (date(2026, 8, 10), 15, "2026-08", "2026-11"),
    ],
)
def test_notice_in_working_days(asked: date, notice: int, last: str | None, first: str) -> None:
    rule = NoticeRule(3, notice)
    changed = BillingMonth.parse(last) if last else None
    assert str(first_month_of_change(asked, rule, FACTS.holidays, changed)) == first


@pytest.mark.parametrize(
    ("asked", "since", "first"),
    [
        (date(2026, 9, 1), None, "2026-10"),
        (date(2026, 9, 30), "2025-10", "2026-10"),  # twelve months have run out
        (date(2026, 9, 30), "2025-11", "2026-11"),  # one month is left
        (date(2026, 9, 30), "2026-09", "2027-09"),
        (date(2026, 12, 31), "2024-03", "2027-01"),
    ],
)
def test_a_time_of_use_choice_holds_for_twelve_months(asked: date, since: str | None, first: str) -> None:
    chosen = BillingMonth.parse(since) if since else None
    assert str(first_month_of_time_of_use_choice(asked, CustomerClass.GENERAL_COMMERCIAL, FACTS, chosen)) == first


def test_who_has_no_time_of_use_choice_is_told_so() -> None:
    with pytest.raises(UsageError, match="large_industry is bound"):
        first_month_of_time_of_use_choice(date(2026, 9, 1), CustomerClass.LARGE_INDUSTRY, FACTS)


def test_the_notice_of_an_unknown_calendar_is_refused() -> None:
    with pytest.raises(FactNotInForceError):
        first_month_of_change(date(2031, 9, 1), NoticeRule(1, 5), FACTS.holidays)
