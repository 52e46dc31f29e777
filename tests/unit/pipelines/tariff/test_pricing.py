"""Lines of a month, edge by edge."""

from __future__ import annotations

import dataclasses
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.codes import (
    Confidence,
    CustomerClass,
    DemandBasis,
    LineComponent,
    PricingScheme,
    TouPeriod,
    VoltageLevel,
)
from pipelines.errors import FactNotInForceError, UsageError
from pipelines.facts import Dated, load_facts, load_prices
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import BillLine, Contract, PricedMonth, price_supply
from pipelines.units import Unit
from tests.measured_months import Measured, supply_of
from zhixiang.home.example_files import example_prices

FOLDER = packaged("conf") / "facts"
FACTS = load_facts(FOLDER)
TWO_PART = Contract(
    CustomerClass.LARGE_INDUSTRY,
    PricingScheme.TWO_PART,
    VoltageLevel.KV_1_TO_20,
    is_time_of_use=True,
    contract_capacity_kva=Decimal(800),
    running_capacity_kva=Decimal(800),
    demand_basis=DemandBasis.CONTRACT_DEMAND,
    contract_demand_kw=Decimal(600),
    power_factor_standard=Decimal("0.90"),
)
SHOP = Contract(
    CustomerClass.GENERAL_COMMERCIAL, PricingScheme.SINGLE_PART, VoltageLevel.BELOW_1KV, is_time_of_use=False
)


def month_of(energy: str = "1000.00", demand: str | None = "500", **more: Any) -> Measured:
    total = Decimal(energy)
    base = Measured(
        BillingMonth.parse("2026-09"),
        total,
        {TouPeriod.FLAT: total},
        Decimal(demand) if demand is not None else None,
        None,
        None,
        Decimal("0.01"),
    )
    return dataclasses.replace(base, **more)


def priced(contract: Contract = TWO_PART, determinants: Measured | None = None, **terms: Any) -> PricedMonth:
    return price_supply(supply_of(dataclasses.replace(contract, **terms), determinants or month_of()), FACTS)


def line(bill: PricedMonth, component: LineComponent, period: TouPeriod | None = None) -> BillLine | None:
    found = [
        each
        for each in bill.lines
        if each.component is component and (period is None or each.period is period)
    ]
    assert len(found) <= 1
    return found[0] if found else None


def sure(found: BillLine | None) -> BillLine:
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("demand", "excess", "amount"),
    [("630.000", None, None), ("630.001", "0.001", "0.09"), ("640", "10", "944.00"), ("505.0", None, None)],
)
def test_demand_up_to_105_percent_of_the_contract_costs_nothing_more(
    demand: str, excess: str | None, amount: str | None
) -> None:
    bill = priced(determinants=month_of(demand=demand))
    assert sure(line(bill, LineComponent.BASIC_DEMAND)).amount_cny == Decimal("28320.00")
    found = line(bill, LineComponent.DEMAND_EXCESS)
    if excess is None:
        assert found is None
    else:
        assert (sure(found).quantity, sure(found).unit_price, sure(found).amount_cny) == (
            Decimal(excess),
            Decimal("94.4"),
            Decimal(str(amount)),
        )


@pytest.mark.parametrize(("agreed", "billed"), [("319.99", "320"), ("320", "320"), ("320.01", "320.01")])
def test_a_contract_demand_below_40_percent_of_the_capacity_is_raised(agreed: str, billed: str) -> None:
    found = sure(
        line(
            priced(determinants=month_of(demand="100"), contract_demand_kw=Decimal(agreed)),
            LineComponent.BASIC_DEMAND,
        )
    )
    assert found.quantity == Decimal(billed)
    assert ("raised to" in found.formula) == (agreed == "319.99")


def test_excess_counts_from_the_raised_contract_demand() -> None:
    raised: dict[str, Any] = {"contract_demand_kw": Decimal(100)}
    assert line(priced(determinants=month_of(demand="336"), **raised), LineComponent.DEMAND_EXCESS) is None
    assert (
        sure(
            line(priced(determinants=month_of(demand="337"), **raised), LineComponent.DEMAND_EXCESS)
        ).quantity
        == 1
    )


@pytest.mark.parametrize("basis", [DemandBasis.CONTRACT_DEMAND, DemandBasis.ACTUAL_DEMAND])
@pytest.mark.parametrize(("energy", "price"), [("207999.99", "47.2"), ("208000.00", "42.48")])
def test_the_demand_price_falls_from_260_kwh_per_kva(basis: DemandBasis, energy: str, price: str) -> None:
    found = sure(
        line(priced(determinants=month_of(energy, "700"), demand_basis=basis), LineComponent.BASIC_DEMAND)
    )
    assert found.unit_price == Decimal(price)
    if basis is DemandBasis.CONTRACT_DEMAND:
        excess = sure(
            line(
                priced(determinants=month_of(energy, "700"), demand_basis=basis), LineComponent.DEMAND_EXCESS
            )
        )
        assert excess.unit_price == Decimal(price) * 2


def test_the_discount_uses_the_contract_capacity_and_the_40_percent_the_running_one() -> None:
    bill = priced(
        determinants=month_of("104000.00", "100"),
        running_capacity_kva=Decimal(400),
        contract_demand_kw=Decimal(1),
    )
    found = sure(line(bill, LineComponent.BASIC_DEMAND))
    assert (found.quantity, found.unit_price) == (Decimal(160), Decimal("47.2"))


def test_a_charge_on_capacity_knows_no_discount_and_no_demand() -> None:
    bill = priced(
        determinants=month_of("300000.00", None),
        demand_basis=DemandBasis.CAPACITY,
        running_capacity_kva=Decimal(630),
    )
    found = sure(line(bill, LineComponent.BASIC_CAPACITY))
    assert (found.quantity, found.unit_price, found.amount_cny) == (
        Decimal(630),
        Decimal("29.5"),
        Decimal("18585.00"),
    )
    assert found.fact_id == "transmission.two_part.capacity.1_to_20kv"
    assert line(bill, LineComponent.BASIC_DEMAND) is None


def test_actual_demand_is_charged_as_measured() -> None:
    found = sure(
        line(
            priced(demand_basis=DemandBasis.ACTUAL_DEMAND, determinants=month_of(demand="505.5")),
            LineComponent.BASIC_DEMAND,
        )
    )
    assert (found.quantity, found.amount_cny) == (Decimal("505.5"), Decimal("23859.60"))


@pytest.mark.parametrize(
    ("days", "quantity", "amount"),
    [(30, "800", "23600.00"), (29, "773.333333", "22813.33"), (7, "186.666667", "5506.67")],
)
def test_a_part_of_a_month_costs_a_thirtieth_per_running_day(days: int, quantity: str, amount: str) -> None:
    found = sure(
        line(
            priced(demand_basis=DemandBasis.CAPACITY, determinants=month_of(running_days=days)),
            LineComponent.BASIC_CAPACITY,
        )
    )
    assert (found.quantity, found.amount_cny) == (Decimal(quantity), Decimal(amount))
    assert (found.fact_confidence is Confidence.UNVERIFIED) == (days != 30)


def test_all_31_days_are_one_month_and_30_of_31_are_30_thirtieths() -> None:
    august = BillingMonth.parse("2026-08")
    for days in (None, 31, 30):
        found = priced(
            demand_basis=DemandBasis.CAPACITY, determinants=month_of(month=august, running_days=days)
        )
        assert sure(line(found, LineComponent.BASIC_CAPACITY)).quantity == 800


def test_periods_of_the_illustrative_price_set() -> None:
    split = dict.fromkeys(
        (TouPeriod.SHARP, TouPeriod.PEAK, TouPeriod.FLAT, TouPeriod.VALLEY, TouPeriod.DEEP_VALLEY),
        Decimal("100.00"),
    )
    bill = priced(determinants=month_of("500.00", energy_by_period=split))
    fixed = Decimal("0.1553")
    for period, price in (
        ("valley", "0.3653"),
        ("flat", "0.6803"),
        ("peak", "1.12655"),
        ("sharp", "1.23155"),
        ("deep_valley", "0.2603"),
    ):
        assert sure(line(bill, LineComponent.ENERGY_BASE, TouPeriod(period))).unit_price + fixed == Decimal(
            price
        )
        assert sure(line(bill, LineComponent.TRANSMISSION, TouPeriod(period))).unit_price == Decimal("0.1250")
    assert len(bill.lines) == 16


def test_periods_without_energy_have_no_line_and_a_month_without_any_has_one_of_nothing() -> None:
    split = {TouPeriod.FLAT: Decimal("1.00"), TouPeriod.VALLEY: Decimal("0.00")}
    assert (
        line(
            priced(determinants=month_of("1.00", energy_by_period=split)),
            LineComponent.FUNDS,
            TouPeriod.VALLEY,
        )
        is None
    )
    nothing = priced(determinants=month_of("0.00"))
    assert sure(line(nothing, LineComponent.ENERGY_BASE)).amount_cny == 0
    assert nothing.average_price_cny_per_kwh is None


def test_a_single_part_month_without_time_of_use() -> None:
    bill = priced(SHOP, month_of("1234.56", None, energy_by_period=None))
    assert [(each.component.value, each.period, each.amount_cny) for each in bill.lines] == [
        ("energy_base", None, Decimal("648.14")),
        ("transmission", None, Decimal("297.78")),
        ("funds", None, Decimal("36.10")),
    ]
    assert bill.total_cny == Decimal("982.02")
    assert bill.missing_inputs == ()
    assert {each.quantity_unit for each in bill.lines} == {Unit.KWH.value}


def test_a_level_without_price_is_not_in_force() -> None:
    with pytest.raises(FactNotInForceError, match=r"transmission.single_part.energy.35kv"):
        priced(SHOP, month_of(energy_by_period=None), voltage_level=VoltageLevel.KV_35)
    with pytest.raises(FactNotInForceError, match=r"transmission.two_part.energy.below_1kv"):
        priced(voltage_level=VoltageLevel.BELOW_1KV)


def test_agriculture_has_no_price() -> None:
    with pytest.raises(FactNotInForceError, match="agricult"):
        priced(SHOP, month_of(energy_by_period=None), customer_class=CustomerClass.AGRICULTURE)


@pytest.mark.parametrize(
    ("determinants", "words"),
    [
        (month_of(energy_by_period=None), "no energy by time-of-use period"),
        (month_of(energy_by_period={TouPeriod.FLAT: Decimal("999.99")}), "sum to 999.99"),
        (
            month_of(energy_by_period={TouPeriod.FLAT: Decimal("1001.00"), TouPeriod.PEAK: Decimal("-1.00")}),
            "sum to",
        ),
        (month_of(demand=None), "no maximum demand"),
        (month_of("-1.00"), "must not be negative"),
        (month_of(running_days=31), "31 running days"),
    ],
)
def test_what_the_contract_needs_must_be_there(determinants: Measured, words: str) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        priced(determinants=determinants)
    assert raised.value.message


@pytest.mark.parametrize(
    "terms",
    [
        {"demand_basis": None},
        {"contract_demand_kw": None},
        {"running_capacity_kva": None},
        {"contract_capacity_kva": Decimal(0)},
    ],
)
def test_a_two_part_contract_must_be_complete(terms: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        priced(**terms)


def test_missing_inputs_are_named_and_only_the_adjustment_is_left_out() -> None:
    bill = priced()
    assert bill.missing_inputs == ("reactive_registers",)
    assert (bill.power_factor, bill.adjustment_ratio) == (None, None)
    assert line(bill, LineComponent.POWER_FACTOR_ADJUSTMENT) is None


@pytest.mark.parametrize(("lagging", "amount"), [("0", "-0.75"), ("1000.00", "10")])
def test_the_adjustment_takes_off_and_adds_on_everything_but_funds(lagging: str, amount: str) -> None:
    kvarh = Decimal("1020.20") if lagging != "0" else Decimal(0)
    bill = priced(determinants=month_of(lagging_kvarh=kvarh, leading_kvarh=Decimal(0)))
    found = sure(line(bill, LineComponent.POWER_FACTOR_ADJUSTMENT))
    assert found.quantity == Decimal("525.00") + Decimal("125.00") + Decimal("28320.00")
    assert found.unit_price * 100 == Decimal(amount)
    assert sum(each.amount_cny for each in bill.lines) == bill.total_cny


def test_at_the_standard_the_adjustment_is_a_line_of_nothing() -> None:
    bill = priced(determinants=month_of("900.00", lagging_kvarh=Decimal("435.89"), leading_kvarh=Decimal(0)))
    assert bill.power_factor == Decimal("0.90")
    assert sure(line(bill, LineComponent.POWER_FACTOR_ADJUSTMENT)).amount_cny == 0


def test_without_any_energy_there_is_no_power_factor() -> None:
    assert (
        priced(determinants=month_of("0.00", lagging_kvarh=Decimal(0), leading_kvarh=Decimal(0))).power_factor
        is None
    )


def test_a_price_that_changes_inside_the_month_is_refused_and_the_same_price_under_a_new_notice_is_not() -> (
    None
):
    first = FACTS.funds.versions[0]
    for value, refused in ((Decimal("0.03"), True), (first.value, False)):
        later = dataclasses.replace(first, value=value, effective_from=date(2026, 9, 16))
        facts = dataclasses.replace(FACTS, funds=dataclasses.replace(FACTS.funds, versions=(first, later)))
        if refused:
            with pytest.raises(UsageError, match="funds changes on 2026-09-16"):
                price_supply(supply_of(TWO_PART, month_of()), facts)
        else:
            assert price_supply(supply_of(TWO_PART, month_of()), facts).total_cny == priced().total_cny


def test_a_fact_that_ends_inside_the_month_is_not_in_force() -> None:
    ended = dataclasses.replace(FACTS.funds.versions[0], effective_to=date(2026, 9, 29))
    facts = dataclasses.replace(
        FACTS, funds=Dated("funds", "基金", "funds", Unit.CNY_PER_KWH, "tariffs/funds.yaml", (ended,))
    )
    with pytest.raises(FactNotInForceError) as raised:
        price_supply(supply_of(TWO_PART, month_of()), facts)
    assert raised.value.on == date(2026, 9, 30)


def test_what_was_not_known_yet_prices_nothing() -> None:
    with pytest.raises(FactNotInForceError, match="transmission"):
        price_supply(supply_of(TWO_PART, month_of()), FACTS, date(2026, 7, 31))
    assert (
        price_supply(supply_of(TWO_PART, month_of()), FACTS, date(2026, 8, 1)).total_cny == priced().total_cny
    )


def test_with_published_prices_a_bill_is_illustrative_no_more(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(FOLDER, tmp_path / "facts"))
    with (folder / "tariffs/energy_base_monthly.csv").open("a", encoding="utf-8") as stream:
        stream.writelines(
            f"2026-09,{name},{price},n,2026-08-28\n"
            for name, price in (("purchase", "0.4"), ("line_loss", "0.01"), ("system_operation", "0.05"))
        )
    bill = price_supply(supply_of(SHOP, month_of(energy_by_period=None)), load_facts(folder))
    assert (bill.is_illustrative, bill.lowest_confidence) == (False, Confidence.UNVERIFIED)
    assert bill.lines[0].amount_cny == Decimal("460.00")


def test_the_example_prices_of_a_new_home_make_an_illustrative_bill(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(packaged("conf") / "facts", tmp_path / "facts"))
    (tmp_path / "prices.csv").write_text(example_prices(), encoding="utf-8")
    load_prices(tmp_path / "prices.csv", folder)
    facts = load_facts(folder)
    bill = price_supply(supply_of(SHOP, month_of(energy_by_period=None)), facts)
    assert (bill.is_illustrative, bill.lowest_confidence) == (True, Confidence.ILLUSTRATIVE)
