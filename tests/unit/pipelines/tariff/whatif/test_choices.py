"""What-ifs: every optimum is the one that trying all finds; every edge comes with its other side."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

import pytest

from pipelines.codes import (
    CustomerClass,
    DemandBasis,
    LineComponent,
    PricingScheme,
    TouPeriod,
    VoltageLevel,
)
from pipelines.errors import UsageError
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, price_supply
from pipelines.tariff.whatif.changed_supplies import under
from pipelines.tariff.whatif.choices import (
    Alternative,
    as_agreed,
    basic_charge_choices,
    scheme_choices,
    time_of_use_choices,
    together,
    with_shift,
)
from pipelines.tariff.whatif.compensation import with_capacitors
from tests.measured_months import Measured, supply_of
from tests.steel_works import STEEL, STEEL_SEPTEMBER
from zhixiang.cli.products.what_if_rows import rows_of

D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
SEPTEMBER = BillingMonth(2026, 9)
STEP = 10
STEEL_MONTH = supply_of(STEEL, STEEL_SEPTEMBER)
NOTHING = D(0)


def random_case(draw: random.Random, kva: int | None = None) -> tuple[Contract, Measured]:
    capacity = kva or draw.randrange(100, 500, 5)
    energy = D(draw.randrange(0, capacity * 400)) / 1
    demand = D(draw.randrange(0, capacity * 11)) / 10
    reactive = D(draw.randrange(0, max(1, int(energy))))
    contract = replace(
        STEEL,
        is_time_of_use=False,
        contract_capacity_kva=D(capacity),
        running_capacity_kva=D(capacity),
        power_factor_standard=draw.choice([None, D("0.85"), D("0.90")]),
    )
    return contract, Measured(SEPTEMBER, energy, None, demand, reactive, D(0), D("0.01"))


def fen(amount: Decimal) -> Decimal:
    return amount.quantize(D("0.01"), rounding=ROUND_HALF_UP)


def basic_by_hand(kva: Decimal, month: Measured, basis: DemandBasis, kw: Decimal = NOTHING) -> Decimal:
    """The basic charge as its clauses say it, without the engine: 29.5 CNY/kVA or 47.2 CNY/kW, nine tenths of
    that from 260 kWh/kVA on.
    """
    demand, price = (
        month.max_demand_kw or D(0),
        D("47.2") * (D("0.9") if month.energy_kwh >= 260 * kva else 1),
    )
    if basis is DemandBasis.CAPACITY:
        return fen(kva * D("29.5"))
    if basis is DemandBasis.ACTUAL_DEMAND:
        return fen(demand * price)
    billed = max(kw, D("0.4") * kva)
    return fen(billed * price) + fen(max(D(0), demand - D("1.05") * billed) * 2 * price)


def least_by_hand(kva: Decimal, months: list[Measured], basis: DemandBasis) -> Decimal:
    """Every contract demand tried for every month, to beyond what the highest demand asks for."""
    if basis is not DemandBasis.CONTRACT_DEMAND:
        return sum((basic_by_hand(kva, month, basis) for month in months), D(0))
    tried = [D(kw) for kw in range(STEP, int(kva) + 6 * STEP, STEP)]
    return sum((min(basic_by_hand(kva, month, basis, kw) for kw in tried) for month in months), D(0))


def constant_by_hand(kva: Decimal, months: list[Measured], contract: Contract) -> Decimal:
    """One contract demand tried for all months; an adjustment turns on the month, so it is left to the bill
    that costs least.
    """
    tried = [D(kw) for kw in range(STEP, int(kva) + 6 * STEP, STEP)]

    def cost(kw: Decimal) -> tuple[Decimal, Decimal]:
        choice = [
            price_supply(
                supply_of(
                    replace(contract, demand_basis=DemandBasis.CONTRACT_DEMAND, contract_demand_kw=kw), month
                ),
                FACTS,
            ).total_cny
            for month in months
        ]
        return sum(choice, D(0)), kw

    _, best = min(map(cost, tried))
    by_contract = DemandBasis.CONTRACT_DEMAND
    return sum((basic_by_hand(kva, month, by_contract, best) for month in months), D(0))


def basic_of(choice: Alternative) -> Decimal:
    return sum(
        (
            line.amount_cny
            for planned in choice.months
            for line in planned.priced.lines
            if line.component in BASIC
        ),
        D(0),
    )


BASIC = (LineComponent.BASIC_CAPACITY, LineComponent.BASIC_DEMAND, LineComponent.DEMAND_EXCESS)


def test_the_cheapest_basis_and_contract_demands_are_those_that_trying_all_by_hand_finds() -> None:
    """300 contracts over one to three months; the optimum of each basis, and the cheapest of them."""
    draw = random.Random(20260923)
    chosen: set[str] = set()
    for _ in range(300):
        contract, month = random_case(draw)
        kva = contract.running_capacity_kva or D(0)
        others = [random_case(draw, int(kva))[1] for _ in range(draw.choice((0, 0, 0, 1, 2)))]
        months = [replace(each, month=SEPTEMBER.plus(place)) for place, each in enumerate([month, *others])]
        choices = basic_charge_choices([supply_of(contract, each) for each in months], FACTS, step_kw=STEP)
        found = {choice.name: basic_of(choice) for choice in choices}
        by_name = {basis: f"basis {basis.value}" for basis in DemandBasis}
        if len(months) > 1:  # each month its own is hindsight, and last
            by_name[DemandBasis.CONTRACT_DEMAND] += ", fitted to each month in hindsight"
            assert choices[-1].name == by_name[DemandBasis.CONTRACT_DEMAND]
        assert {basis: found[name] for basis, name in by_name.items()} == {
            basis: least_by_hand(kva, months, basis) for basis in DemandBasis
        }
        assert found["basis contract_demand"] == constant_by_hand(kva, months, contract)
        if contract.power_factor_standard is None:  # an adjustment may turn two that are a fen apart
            ahead = [choice for choice in choices if len(months) == 1 or not choice.is_hindsight]
            assert basic_of(choices[0]) == min(map(basic_of, ahead))
        chosen.add(choices[0].changes["demand_basis"])
    assert chosen == {basis.value for basis in DemandBasis}


def test_the_cheapest_basis_is_the_cheapest_of_all() -> None:
    choices = basic_charge_choices([STEEL_MONTH], FACTS)
    assert {choice.changes["demand_basis"] for choice in choices} == {basis.value for basis in DemandBasis}
    assert [choice.total_cny for choice in choices] == sorted(choice.total_cny for choice in choices)
    now = as_agreed([STEEL_MONTH], FACTS)
    # By capacity: 800 kVA x 29.5 = 23,600 instead of 600 kW x 47.2 = 28,320; the adjustment of 4.5 % falls
    # with it.
    assert choices[0].total_cny <= now.total_cny - D("4932.40")
    two = basic_charge_choices(
        [STEEL_MONTH, supply_of(STEEL, replace(STEEL_SEPTEMBER, max_demand_kw=D("360")))], FACTS
    )
    fitted = two[-1]
    assert fitted.is_hindsight
    # 505 / 1.05 = 480.95, 360 / 1.05 = 342.86, both up
    assert fitted.changes["contract_demand_kw"] == "481, 343"


def test_a_contract_demand_that_can_be_asked_for_stands_before_hindsight() -> None:
    """600 kW agreed = 28,320.00 a month; demands of 630, 420 and 525 kW, of which 600, 400 and 500 kW are
    the 105th part. One demand for all costs least at 500 kW: 3 x 23,600.00 and 2 x 105 kW x 47.2 = 9,912.00
    above 525 kW; lower ones pay 2.1 kW of excess in two of three months for each kW less in all.
    """
    agreed = replace(STEEL, is_time_of_use=False, power_factor_standard=None)
    months = [
        supply_of(agreed, Measured(SEPTEMBER.plus(place), D(60_000), None, D(demand), None, None, D("0.01")))
        for place, demand in enumerate((630, 420, 525))
    ]
    now, choices = as_agreed(months, FACTS), basic_charge_choices(months, FACTS)
    found = {choice.name: (now.total_cny - choice.total_cny, choice.is_hindsight) for choice in choices}
    assert found == {
        # 3 x 800 x 29.5 = 70,800.00 of 84,960.00
        "basis capacity": (D("14160.00"), False),
        # (630 + 420 + 525) x 47.2 = 74,340.00
        "basis actual_demand": (D("10620.00"), False),
        "basis contract_demand": (D("4248.00"), False),
        # 600 as agreed, then 600 and 400: 28,320.00 + 28,320.00 + 18,880.00 + 105 x 94.4
        "basis contract_demand, that of the month before": (D("-472.00"), False),
        # 600 + 400 + 500 kW: 70,800.00
        "basis contract_demand, fitted to each month in hindsight": (D("14160.00"), True),
    }
    assert [choice.is_hindsight for choice in choices] == [False] * 4 + [True]
    one, followed = choices[2], choices[3]
    assert (one.changes["contract_demand_kw"], one.changes["margin_kw"]) == ("500", "-105")
    assert (followed.changes["contract_demand_kw"], followed.changes["margin_kw"]) == (
        "600, 600, 400",
        "-105",
    )
    # Fitted to a single month it is hindsight too, whatever its name.
    (single,) = (each for each in basic_charge_choices(months[:1], FACTS) if each.is_hindsight)
    assert (single.name, single.changes["margin_kw"]) == ("basis contract_demand", "0")


def test_levers_pulled_together_are_priced_once() -> None:
    """By capacity 23,600.00 instead of 28,320.00 and a power factor of 0.90 without an adjustment: each alone
    saves 4,932.40 and 3,260.80, together the adjustment is not saved twice: 4,720.00 + 3,260.80.
    """
    now = as_agreed([STEEL_MONTH], FACTS)
    choices = {choice.name: choice for choice in basic_charge_choices([STEEL_MONTH], FACTS)}
    by_capacity, bank = choices["basis capacity"], with_capacitors([STEEL_MONTH], D("0.90"), FACTS)
    both = together([by_capacity, bank], now, FACTS)
    assert now.total_cny - both.total_cny == D("7980.80")
    assert both.name == "basis capacity + power factor 0.90"
    shifted = with_shift([STEEL_MONTH], D("0.1"), (TouPeriod.PEAK,), TouPeriod.VALLEY, FACTS)
    three = together([by_capacity, bank, shifted], now, FACTS)
    month = three.months[0].supply
    assert month.segments[0].energy_by_period == shifted.months[0].supply.segments[0].energy_by_period
    assert month.lagging_kvarh == bank.months[0].supply.lagging_kvarh
    assert three.total_cny < both.total_cny


def test_schemes_follow_the_capacity() -> None:
    shop = Contract(
        CustomerClass.GENERAL_COMMERCIAL,
        PricingScheme.SINGLE_PART,
        VoltageLevel.BELOW_1KV,
        False,
        D(100),
        D(100),
    )
    month = Measured(SEPTEMBER, D(9000), None, D(40), None, None, D("0.01"))
    assert [choice.name for choice in scheme_choices([supply_of(shop, month)], FACTS)[0]] == ["single-part"]
    wider = replace(
        shop,
        contract_capacity_kva=D("100.1"),
        running_capacity_kva=D("100.1"),
        voltage_level=VoltageLevel.KV_1_TO_20,
    )
    assert {choice.name.split(",")[0] for choice in scheme_choices([supply_of(wider, month)], FACTS)[0]} == {
        "single-part",
        "two-part",
    }
    with pytest.raises(UsageError, match="capacity"):
        scheme_choices([supply_of(replace(shop, contract_capacity_kva=None), month)], FACTS)


def test_time_of_use_is_a_choice_only_for_some() -> None:
    shop = Contract(
        CustomerClass.GENERAL_COMMERCIAL,
        PricingScheme.SINGLE_PART,
        VoltageLevel.BELOW_1KV,
        True,
        D(50),
        D(50),
    )
    night = Measured(
        SEPTEMBER,
        D(1000),
        dict.fromkeys(TouPeriod, D(0)) | {TouPeriod.VALLEY: D(1000)},
        None,
        None,
        None,
        D("0.01"),
    )
    day = replace(night, energy_by_period=dict.fromkeys(TouPeriod, D(0)) | {TouPeriod.PEAK: D(1000)})
    assert time_of_use_choices([supply_of(shop, night)], FACTS)[0].name == "time-of-use"
    assert time_of_use_choices([supply_of(shop, day)], FACTS)[0].name == "one price all day"
    # Only the other choice binds anew: the shop has time of use already.
    assert [
        choice.changes.get("bound_months") for choice in time_of_use_choices([supply_of(shop, day)], FACTS)
    ] == [
        "12",
        None,
    ]
    with pytest.raises(UsageError, match="no choice"):
        time_of_use_choices([STEEL_MONTH], FACTS)
    with pytest.raises(UsageError, match="split"):
        time_of_use_choices([supply_of(shop, replace(night, energy_by_period=None))], FACTS)


def test_capacitors_take_the_adjustment_away() -> None:
    now, then = (
        as_agreed([STEEL_MONTH], FACTS),
        with_capacitors([STEEL_MONTH], D("0.90"), FACTS),
    )
    assert (now.total_cny, now.total_cny - then.total_cny) == (D("77504.18"), D("3260.80"))
    assert D(then.changes["power_factor_reached"]) == D("0.90")
    with pytest.raises(UsageError, match="power factor"):
        with_capacitors([STEEL_MONTH], D("1.01"), FACTS)


@pytest.mark.parametrize("target", ["0.85", "0.90", "0.95", "1"])
def test_who_is_over_compensated_is_told_to_buy_nothing(target: str) -> None:
    """60,000 kWh with 10,000 lagging and 30,000 leading kvarh: 0.83; the leading energy alone gives 0.89."""
    month = replace(
        supply_of(STEEL, replace(STEEL_SEPTEMBER, energy_kwh=D(60_000), energy_by_period=None)),
        lagging_kvarh=D(10_000),
        leading_kvarh=D(30_000),
    )
    month = under(month, is_time_of_use=False)
    found = with_capacitors([month], D(target), FACTS)
    if target == "0.85":
        assert found.changes == {"bank_kvar_at_mean_power": "4", "power_factor_reached": "0.85"}
    else:
        assert found.changes == {
            "bank_kvar_at_mean_power": "0",
            "power_factor_reached": "0.83",
            "power_factor_at_most": "0.89",
        }
        now = as_agreed([month], FACTS)
        assert found.total_cny == now.total_cny
        (row,) = rows_of([found], now, 100.0)
        assert row["saving_cny_at_most"] is None, "a smaller goal may save: nothing is the most of no bank"
        assert row["bound"].startswith("leading energy alone keeps the factor below the target")


def test_a_shift_moves_energy_and_loses_none() -> None:
    then = with_shift([STEEL_MONTH], D("0.1"), (TouPeriod.PEAK,), TouPeriod.VALLEY, FACTS)
    (month,) = then.months
    assert sum((month.supply.segments[0].energy_by_period or {}).values()) == D("60916.39")
    assert then.changes["moved_kwh"] == "1979.83"
    assert as_agreed([STEEL_MONTH], FACTS).total_cny - then.total_cny == D("1574.96")
    assert with_shift([STEEL_MONTH], D(0), (TouPeriod.PEAK,), TouPeriod.VALLEY, FACTS).total_cny == D(
        "77504.18"
    )


@pytest.mark.parametrize(("share", "needed"), [("0.1", None), ("0.11", "100.2"), ("0.2", "101.7")])
def test_a_valley_that_is_full_takes_no_more(share: str, needed: str | None) -> None:
    """September has 300 hours of valley: at 100 kW they hold 30,000 kWh, and 29,500 are there already."""
    split = {TouPeriod.PEAK: D(5000), TouPeriod.FLAT: D(7000), TouPeriod.VALLEY: D(29_500)}
    month = Measured(SEPTEMBER, D(41_500), split, D(100), D(0), D(0), D("0.01"))
    then = with_shift([supply_of(STEEL, month)], D(share), (TouPeriod.PEAK,), TouPeriod.VALLEY, FACTS)
    assert then.is_bound is (needed is not None)
    assert then.changes.get("needed_kw") == needed
    now = as_agreed([supply_of(STEEL, month)], FACTS)
    (row, _) = rows_of([then, now], now, None)[:: -1 if then.is_bound else 1]
    assert (row["saving_cny"] is None) is then.is_bound
    assert "needed_kw" not in row or row["bound"].startswith("the hours it is moved into")
