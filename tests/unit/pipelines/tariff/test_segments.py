"""Months in which something changes: capacity, price, demand, time of use; worked out by hand."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from pipelines.codes import CustomerClass, DemandBasis, LineComponent, PricingScheme, TouPeriod, VoltageLevel
from pipelines.errors import UsageError
from pipelines.facts import Facts, load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, PricedMonth, Segment, SupplyMonth, change_days, cut_month, price_supply
from tests.measured_months import Measured, supply_of

D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
FACTORY = Contract(
    CustomerClass.LARGE_INDUSTRY,
    PricingScheme.TWO_PART,
    VoltageLevel.KV_1_TO_20,
    is_time_of_use=False,
    contract_capacity_kva=D(800),
    running_capacity_kva=D(800),
    demand_basis=DemandBasis.CAPACITY,
    contract_demand_kw=D(600),
)


def segments(month: str, *parts: tuple[int, Contract, dict[str, Any]]) -> SupplyMonth:
    """Segments of 1,000 kWh that begin on the days given, each but the last ending where the next begins."""
    of = BillingMonth.parse(month)
    begins = [date(of.year, of.month, day) for day, _, _ in parts]
    ends = [date.fromordinal(begin.toordinal() - 1) for begin in begins[1:]] + [of.last_day]
    given = {"energy_kwh": D("1000.00"), "max_demand_kw": D(500)}
    return SupplyMonth(
        of,
        tuple(
            Segment(contract, b, e, **(given | more))
            for b, e, (_, contract, more) in zip(begins, ends, parts, strict=True)
        ),
    )


def lines(bill: PricedMonth, *components: str) -> list[tuple[str, Decimal, Decimal]]:
    return [
        (line.component.value, line.quantity, line.amount_cny)
        for line in bill.lines
        if line.component.value in components
    ]


def changed(**terms: Any) -> Contract:
    return dataclasses.replace(FACTORY, **terms)


@pytest.mark.parametrize(
    ("month", "first", "second"),
    [
        # 15 and 15 of 30 days: 800 x 15/30 x 29.5 and 1250 x 15/30 x 29.5
        ("2026-09", ("400", "11800.00"), ("625", "18437.50")),
        # 15 and 16 days, each a thirtieth: August costs 31 of them
        ("2026-08", ("400", "11800.00"), ("666.666667", "19666.67")),
        # 15 and 13 days of February, 15 and 14 in the leap year
        ("2027-02", ("400", "11800.00"), ("541.666667", "15979.17")),
        ("2028-02", ("400", "11800.00"), ("583.333333", "17208.33")),
    ],
)
def test_more_capacity_from_the_16th_costs_thirtieths_of_either(
    month: str, first: tuple[str, str], second: tuple[str, str]
) -> None:
    larger = changed(contract_capacity_kva=D(1250), running_capacity_kva=D(1250))
    bill = price_supply(segments(month, (1, FACTORY, {}), (16, larger, {})), FACTS)
    expected = [("basic_capacity", D(first[0]), D(first[1])), ("basic_capacity", D(second[0]), D(second[1]))]
    assert lines(bill, "basic_capacity") == expected
    basic = [line for line in bill.lines if line.component is LineComponent.BASIC_CAPACITY]
    assert [
        (line.first_day.day, line.last_day.day) for line in basic if line.first_day and line.last_day
    ] == [
        (1, 15),
        (16, BillingMonth.parse(month).day_count),
    ]
    assert sum(line.amount_cny for line in bill.lines) == bill.total_cny


@pytest.mark.parametrize(
    ("level", "demand", "days", "quantity", "amount"),
    [
        # 4489.4945 x 26 / 30 x 47.2 = 183650.255013...; the quantity alone, cut to 3890.895233, would come to
        # 183650.25
        (VoltageLevel.KV_1_TO_20, "4489.4945", 26, "3890.895233", "183650.26"),
        # 1000.1875 x 7 / 30 x 40.8 = 9521.785 exactly, a half upward; cut to 233.377083 it would be 9521.78
        (VoltageLevel.KV_110, "1000.1875", 7, "233.377083", "9521.79"),
        # 1000.1874 x 7 / 30 x 40.8 = 9521.784048
        (VoltageLevel.KV_110, "1000.1874", 7, "233.377060", "9521.78"),
    ],
)
def test_a_part_of_a_month_is_rounded_once_from_the_exact_product(
    level: VoltageLevel, demand: str, days: int, quantity: str, amount: str
) -> None:
    contract = changed(
        voltage_level=level,
        demand_basis=DemandBasis.ACTUAL_DEMAND,
        contract_capacity_kva=D(8000),
        running_capacity_kva=D(8000),
    )
    supply = supply_of(
        contract,
        Measured(BillingMonth(2026, 9), D(0), None, D(demand), None, None, D("0.01"), running_days=days),
    )
    expected = [("basic_demand", D(quantity), D(amount))]
    assert lines(price_supply(supply, FACTS), "basic_demand") == expected


def test_the_same_change_on_the_first_or_never_is_a_whole_month() -> None:
    whole = price_supply(segments("2026-08", (1, FACTORY, {})), FACTS)
    assert lines(whole, "basic_capacity") == [("basic_capacity", D(800), D("23600.00"))]
    assert whole.lines[0].first_day is None


@pytest.mark.parametrize(("sealed", "amount"), [(2, "786.67"), (16, "11800.00"), (30, "22813.33")])
def test_a_suspended_capacity_costs_nothing_from_its_day_on(sealed: int, amount: str) -> None:
    """800 kVA x (sealed - 1)/30 x 29.5."""
    bill = price_supply(
        segments("2026-09", (1, FACTORY, {}), (sealed, changed(running_capacity_kva=D(0)), {})), FACTS
    )
    assert [row[2] for row in lines(bill, "basic_capacity")] == [D(amount)]


@pytest.mark.parametrize("basis", list(DemandBasis))
@pytest.mark.parametrize("sealed", [1, 2])
def test_a_whole_month_of_suspension_has_no_basic_charge_and_needs_no_demand(
    basis: DemandBasis, sealed: int
) -> None:
    """1,000 kWh x (0.5250 + 0.1250 + 0.02923875) are all there is; sealed from the 2nd, by capacity one
    thirtieth of the charge more, on demand the month's (R17), before the ruling was known a thirtieth too.
    """
    terms, unmetered = changed(demand_basis=basis), {"max_demand_kw": None}
    before = [(1, terms, {})] if sealed == 2 else []
    supply = segments(
        "2026-09", *before, (sealed, dataclasses.replace(terms, running_capacity_kva=D(0)), unmetered)
    )
    bill = price_supply(supply, FACTS)
    # 800 kVA x 29.5, 600 kW x 47.2, 500 kW x 47.2, and each / 30
    charged = {
        DemandBasis.CAPACITY: ("786.67", "786.67"),
        DemandBasis.CONTRACT_DEMAND: ("28320.00", "944.00"),
        DemandBasis.ACTUAL_DEMAND: ("23600.00", "786.67"),
    }
    then = price_supply(supply, FACTS, date(2026, 11, 29))
    for found, amount in zip((bill, then), charged[basis], strict=True):
        assert [row[2] for row in lines(found, "basic_capacity", "basic_demand")] == (
            [D(amount)] if sealed == 2 else []
        )
    assert (bill.total_cny == D("679.24"), bill.missing_inputs) == (sealed == 1, ())


def test_one_of_two_transformers_suspended_inside_the_month_leaves_the_least_contract_demand() -> None:
    """40 % of 800 is 320 kW, which bill the month (R17): 15,104.00; 330 kW lie below 336. As known before, by
    days, with 40 % of 400 from the 11th on: 320 x 10/30 x 47.2 and 200 x 20/30 x 47.2; 240 kW is 30 above
    105 % of 200.
    """
    base = changed(demand_basis=DemandBasis.CONTRACT_DEMAND, contract_demand_kw=D(200))
    half = dataclasses.replace(base, running_capacity_kva=D(400))
    month = segments("2026-09", (1, base, {"max_demand_kw": D(330)}), (11, half, {"max_demand_kw": D(240)}))
    now = lines(price_supply(month, FACTS), "basic_demand", "demand_excess")
    assert now == [("basic_demand", D(320), D("15104.00"))]
    then = price_supply(month, FACTS, date(2026, 11, 29))
    assert lines(then, "basic_demand", "demand_excess") == [
        ("basic_demand", D("106.666667"), D("5034.67")),
        ("basic_demand", D("133.333333"), D("6293.33")),
        ("demand_excess", D(20), D("1888.00")),
    ]


def test_a_change_of_time_of_use_leaves_the_basic_charge_whole() -> None:
    by_period = {"energy_by_period": {TouPeriod.PEAK: D("400.00"), TouPeriod.VALLEY: D("600.00")}}
    supply = segments("2026-08", (1, FACTORY, {}), (10, changed(is_time_of_use=True), by_period))
    bill = price_supply(supply, FACTS)
    assert lines(bill, "basic_capacity") == [("basic_capacity", D(800), D("23600.00"))]
    assert lines(bill, "energy_base") == [
        ("energy_base", D("1000.00"), D("525.00")),
        ("energy_base", D("400.00"), D("388.50")),
        ("energy_base", D("600.00"), D("126.00")),
    ]


def test_actual_demand_of_a_whole_month_is_the_highest_of_its_segments() -> None:
    actual = changed(demand_basis=DemandBasis.ACTUAL_DEMAND)
    bill = price_supply(
        segments("2026-09", (1, actual, {"max_demand_kw": D(480)}), (9, actual, {"max_demand_kw": D(505)})),
        FACTS,
    )
    assert lines(bill, "basic_demand") == [("basic_demand", D(505), D("23836.00"))]


def test_from_single_to_two_part_inside_a_month() -> None:
    single = changed(pricing_scheme=PricingScheme.SINGLE_PART)
    bill = price_supply(segments("2026-09", (1, single, {}), (21, FACTORY, {})), FACTS)
    assert lines(bill, "transmission") == [
        ("transmission", D("1000.00"), D("211.40")),
        ("transmission", D("1000.00"), D("125.00")),
    ]
    assert lines(bill, "basic_capacity") == [("basic_capacity", D("266.666667"), D("7866.67"))]


def test_each_standard_has_its_own_adjustment_of_its_own_lines() -> None:
    first, second = (
        changed(power_factor_standard=D("0.85")),
        changed(power_factor_standard=D("0.90"), running_capacity_kva=D(900)),
    )
    supply = dataclasses.replace(
        segments("2026-09", (1, first, {}), (16, second, {})), lagging_kvarh=D("1500.00"), leading_kvarh=D(0)
    )
    bill = price_supply(supply, FACTS)
    assert bill.power_factor == D("0.80")
    # 525 + 125 + 11800 at +2.5 %, 525 + 125 + 13275 at +5 %
    assert lines(bill, "power_factor_adjustment") == [
        ("power_factor_adjustment", D("12450.00"), D("311.25")),
        ("power_factor_adjustment", D("13925.00"), D("696.25")),
    ]


def test_the_260_rule_weighs_a_changing_capacity_by_its_days() -> None:
    """800 kVA for 15 days and 400 for 15 are 600 on average: 156,000 kWh are 260 each."""
    base = changed(demand_basis=DemandBasis.ACTUAL_DEMAND)
    half = dataclasses.replace(base, contract_capacity_kva=D(400), running_capacity_kva=D(400))
    for energy, price in (("155999.99", "47.2"), ("156000.00", "42.48")):
        parts = {"energy_kwh": D(energy) - 1000}
        bill = price_supply(segments("2026-09", (1, base, parts), (16, half, {})), FACTS)
        assert {line.unit_price for line in bill.lines if line.component is LineComponent.BASIC_DEMAND} == {
            D(price)
        }


def test_tiers_run_on_over_the_segments_of_a_month() -> None:
    home = Contract(
        CustomerClass.RESIDENTIAL, PricingScheme.SINGLE_PART, VoltageLevel.BELOW_1KV, is_time_of_use=False
    )
    supply = dataclasses.replace(
        segments(
            "2026-06",
            (1, home, {"energy_kwh": D("60.00")}),
            (11, dataclasses.replace(home, household_persons=5), {}),
        ),
        year_to_date_kwh=D("2700.00"),
    )
    assert lines(price_supply(supply, FACTS), "tier_1", "tier_2") == [
        ("tier_1", D("60.00"), D("32.28")),
        ("tier_1", D("1000.00"), D("538.00")),
    ]


def later(facts: Facts, factor: str, day: date) -> Facts:
    published = facts.energy_base.versions[-1]
    version = dataclasses.replace(
        published, value=published.value * D(factor), effective_from=day, known_from=day
    )
    return dataclasses.replace(
        facts,
        energy_base=dataclasses.replace(facts.energy_base, versions=(*facts.energy_base.versions, version)),
    )


def test_a_price_that_changes_inside_the_month_prices_either_part_at_its_own() -> None:
    facts = later(FACTS, "2", date(2026, 9, 16))
    determinants = Measured(BillingMonth(2026, 9), D("1000.00"), None, D(500), None, None, D("0.01"))
    assert change_days(FACTORY, determinants.month, FACTS) == ()
    days = change_days(FACTORY, determinants.month, facts)
    assert days == (date(2026, 9, 16),)
    with pytest.raises(UsageError, match="cut_month"):
        price_supply(supply_of(FACTORY, determinants), facts)
    bill = price_supply(cut_month(supply_of(FACTORY, determinants), days, [[300.0], [700.0]]), facts)
    assert lines(bill, "energy_base", "basic_capacity") == [
        ("energy_base", D("300.00"), D("157.50")),
        ("energy_base", D("700.00"), D("735.00")),
        ("basic_capacity", D(800), D("23600.00")),
    ]
    assert change_days(FACTORY, determinants.month, facts, known=date(2026, 9, 15)) == ()


def test_each_period_is_split_by_what_the_curve_saw_in_it() -> None:
    split = {TouPeriod.PEAK: D("600.00"), TouPeriod.FLAT: D("300.00"), TouPeriod.VALLEY: D("100.00")}
    determinants = Measured(BillingMonth(2026, 9), D("1000.00"), split, D(500), None, None, D("0.01"))
    # sharp, peak, flat, valley, deep valley of either segment; the valley, that no segment saw, follows the
    # segments as a whole.
    seen = [[0.0, 1.0, 3.0, 0.0, 0.0], [0.0, 2.0, 1.0, 0.0, 0.0]]
    supply = cut_month(supply_of(FACTORY, determinants), [date(2026, 9, 16)], seen, [D(400), D(500)])
    assert [segment.energy_by_period for segment in supply.segments] == [
        {TouPeriod.PEAK: D("200.00"), TouPeriod.FLAT: D("225.00"), TouPeriod.VALLEY: D("57.14")},
        {TouPeriod.PEAK: D("400.00"), TouPeriod.FLAT: D("75.00"), TouPeriod.VALLEY: D("42.86")},
    ]
    assert [segment.energy_kwh for segment in supply.segments] == [D("482.14"), D("517.86")]
    assert [segment.max_demand_kw for segment in supply.segments] == [D(400), D(500)]
    with pytest.raises(UsageError, match="period by period"):
        cut_month(supply_of(FACTORY, determinants), [date(2026, 9, 16)], [[4.0], [3.0]])


@pytest.mark.parametrize(
    ("supply", "words"),
    [
        (SupplyMonth(BillingMonth(2026, 9), ()), "no segment"),
        (
            SupplyMonth(
                BillingMonth(2026, 9), (Segment(FACTORY, date(2026, 8, 31), date(2026, 9, 5), D(1)),)
            ),
            "does not lie in",
        ),
        (
            SupplyMonth(
                BillingMonth(2026, 9), (Segment(FACTORY, date(2026, 9, 1), date(2026, 9, 5), D(1)),) * 2
            ),
            "Two segments",
        ),
        (
            SupplyMonth(
                BillingMonth(2026, 9),
                (Segment(FACTORY, date(2026, 9, 1), date(2026, 9, 5), D(1)),),
                exported_kwh=D(-1),
            ),
            "fed in",
        ),
    ],
)
def test_segments_that_cannot_be_meant_are_refused(supply: SupplyMonth, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        price_supply(supply, FACTS)


@pytest.mark.parametrize(
    ("days", "weights"),
    [
        ([date(2026, 9, 1)], [[1.0], [1.0]]),
        ([date(2026, 10, 1)], [[1.0], [1.0]]),
        ([date(2026, 9, 5)], [[1.0]]),
    ],
)
def test_a_month_is_split_only_inside(days: list[date], weights: list[list[float]]) -> None:
    determinants = Measured(BillingMonth(2026, 9), D("1000.00"), None, D(500), None, None, D("0.01"))
    with pytest.raises(UsageError):
        cut_month(supply_of(FACTORY, determinants), days, weights)


def test_energy_fed_in_is_paid_at_the_price_of_the_contract() -> None:
    determinants = Measured(
        BillingMonth(2026, 9), D("1000.00"), None, D(500), None, None, D("0.01"), exported_kwh=D("250.50")
    )
    with_price = price_supply(supply_of(changed(export_price_cny_per_kwh=D("0.4153")), determinants), FACTS)
    without = price_supply(supply_of(FACTORY, determinants), FACTS)
    assert lines(with_price, "exported_energy") == [("exported_energy", D("250.50"), D("-104.03"))]
    assert without.total_cny - with_price.total_cny == D("104.03")
