"""What every line rests on: all the facts of its quantity and price, no surer than the least sure of them,
and named when a late one changes it.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
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
from pipelines.facts import Dated, Facts, load_facts
from pipelines.facts.price_files import load_prices
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, PricedMonth, SupplyMonth, corrections_between, price_supply
from products.efficiency_bill.issue import rows_of_lines
from tests.measured_months import Measured, supply_of
from tests.steel_works import STEEL
from zhixiang.reports.explain import facts_behind

D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
SEPTEMBER, OCTOBER = BillingMonth(2026, 9), BillingMonth(2026, 10)
FACTORY = STEEL
HOME = Contract(
    CustomerClass.RESIDENTIAL, PricingScheme.SINGLE_PART, VoltageLevel.BELOW_1KV, is_time_of_use=False
)
SPLIT = {TouPeriod.PEAK: D("900.00"), TouPeriod.VALLEY: D("100.00")}
MEASURED = Measured(SEPTEMBER, D("1000.00"), SPLIT, D(700), D("480.00"), D(0), D("0.01"))
HOURS = "time_of_use.schedule.large_industry.months_2_3_4_5_6_9_10_11"
HOLIDAY = "time_of_use.schedule.large_industry.holidays.labour_day_national_day"
PRICE = "transmission.two_part.demand.1_to_20kv"


def priced(supply: SupplyMonth, facts: Facts = FACTS) -> PricedMonth:
    return price_supply(supply, facts)


def rests_on(bill: PricedMonth) -> dict[tuple[str, str], tuple[str, ...]]:
    return {
        (line.component.value, line.period.value if line.period else ""): line.rests_on for line in bill.lines
    }


def measured(month: BillingMonth = SEPTEMBER, **more: Any) -> Measured:
    return dataclasses.replace(MEASURED, month=month, **more)


def test_every_line_of_a_factory_names_every_fact() -> None:
    assert rests_on(priced(supply_of(FACTORY, MEASURED))) == {
        ("energy_base", "peak"): (
            "energy_base",
            "time_of_use.ratios.large_industry.peak",
            "time_of_use.floating",
            HOURS,
        ),
        ("energy_base", "valley"): (
            "energy_base",
            "time_of_use.ratios.large_industry.valley",
            "time_of_use.floating",
            HOURS,
        ),
        ("transmission", "peak"): ("transmission.two_part.energy.1_to_20kv", "time_of_use.floating", HOURS),
        ("transmission", "valley"): ("transmission.two_part.energy.1_to_20kv", "time_of_use.floating", HOURS),
        ("funds", "peak"): ("funds", "time_of_use.floating", HOURS),
        ("funds", "valley"): ("funds", "time_of_use.floating", HOURS),
        ("basic_demand", ""): (PRICE, "basic_charge.demand"),
        ("demand_excess", ""): (PRICE, "basic_charge.demand"),
        ("power_factor_adjustment", ""): ("power_factor.adjustment", "power_factor.base_excludes"),
    }


@pytest.mark.parametrize(
    ("terms", "more", "component", "expected"),
    [
        # 260 kWh per kVA of 800 are 208,000 kWh.
        (
            {},
            {"energy_kwh": D(208000)},
            "basic_demand",
            (PRICE, "basic_charge.demand", "basic_charge.utilisation"),
        ),
        ({}, {"energy_kwh": D("207999.99")}, "basic_demand", (PRICE, "basic_charge.demand")),
        (
            {},
            {"running_days": 29},
            "basic_demand",
            (PRICE, "basic_charge.demand", "basic_charge.running_days_per_month"),
        ),
        ({}, {"running_days": 30}, "basic_demand", (PRICE, "basic_charge.demand")),
        ({"demand_basis": DemandBasis.ACTUAL_DEMAND}, {}, "basic_demand", (PRICE,)),
        (
            {"demand_basis": DemandBasis.CAPACITY},
            {"running_days": 1},
            "basic_capacity",
            ("transmission.two_part.capacity.1_to_20kv", "basic_charge.running_days_per_month"),
        ),
        (
            {"export_price_cny_per_kwh": D("0.4153")},
            {"exported_kwh": D(10)},
            "exported_energy",
            ("contract.export_price_cny_per_kwh",),
        ),
    ],
)
def test_a_line_names_a_rule_from_the_edge_on_where_it_holds(
    terms: dict[str, Any], more: dict[str, Any], component: str, expected: tuple[str, ...]
) -> None:
    contract = dataclasses.replace(FACTORY, is_time_of_use=False, **terms)
    assert (
        rests_on(priced(supply_of(contract, measured(energy_by_period=None, **more))))[component, ""]
        == expected
    )


def test_an_hour_of_a_holiday_rests_on_the_rule_of_the_holiday_too() -> None:
    """October has the first three days of 国庆节, September none; of two segments only the one with those
    days names them.
    """
    contract = dataclasses.replace(FACTORY, power_factor_standard=None)
    whole = supply_of(contract, measured(OCTOBER))
    assert {line.rests_on[-2:] for line in priced(whole).lines if line.period} == {(HOURS, HOLIDAY)}
    (segment,) = whole.segments
    parts = tuple(
        dataclasses.replace(
            segment,
            first_day=date(2026, 10, first),
            last_day=date(2026, 10, last),
            energy_kwh=D(5),
            energy_by_period={TouPeriod.PEAK: D(5)},
        )
        for first, last in ((1, 3), (4, 31))
    )
    found = priced(dataclasses.replace(whole, segments=parts))
    assert [
        (line.rests_on[-1], line.fact_confidence)
        for line in found.lines
        if line.component is LineComponent.FUNDS
    ] == [
        (HOLIDAY, Confidence.UNVERIFIED),
        (HOURS, Confidence.SECONDARY),
    ]


def test_charging_points_rest_on_hours_of_their_own() -> None:
    charging = dataclasses.replace(FACTORY, is_ev_charging=True)
    for month, more in (
        (SEPTEMBER, set()),
        (OCTOBER, {"time_of_use.schedule.ev_charging.holidays.labour_day_national_day"}),
    ):
        bill = priced(supply_of(charging, measured(month)))
        named = {name for line in bill.lines for name in line.rests_on if ".schedule." in name}
        assert named == {"time_of_use.schedule.ev_charging.months_2_3_4_5_6_9_10_11"} | more
        assert bill.total_cny == priced(supply_of(FACTORY, measured(month))).total_cny


def test_no_line_is_surer_than_what_it_rests_on() -> None:
    """Against the list that people read: the least sure of the cited figures is the line's own, where nothing
    is put together by an own reading.
    """
    order = list(Confidence)
    for month, energy in ((SEPTEMBER, "1000.00"), (OCTOBER, "1000.00"), (SEPTEMBER, "208000.00")):
        described = {row.fact_id: row.confidence for row in FACTS.describe(month.first_day)}
        split = {TouPeriod.PEAK: D(energy) - 1, TouPeriod.DEEP_VALLEY: D(1)}
        bill = priced(supply_of(FACTORY, measured(month, energy_kwh=D(energy), energy_by_period=split)))
        for line in bill.lines:
            cited = [
                sure
                for name, sure in described.items()
                if any(name == each or name.startswith(f"{each}.") for each in line.rests_on)
            ]
            assert len(cited) >= len(line.rests_on)
            assert line.fact_confidence is max((Confidence(sure) for sure in cited), key=order.index), line


def test_own_readings_and_terms_of_a_contract_say_that_no_document_was_read() -> None:
    def sure(contract: Contract, **more: Any) -> list[Confidence]:
        return [
            line.fact_confidence
            for line in priced(supply_of(contract, measured(energy_by_period=None, **more))).lines
        ]

    # A supply that began in January has the whole year's limits; one that began in February has eleven
    # twelfths (ruling R13).
    of_january = dataclasses.replace(HOME, supply_began=date(2026, 1, 31))
    assert sure(HOME) == sure(of_january) == [Confidence.SECONDARY]
    assert sure(dataclasses.replace(HOME, supply_began=date(2026, 2, 1))) == [Confidence.UNVERIFIED]
    assert (
        sure(dataclasses.replace(HOME, export_price_cny_per_kwh=D("0.4153")), exported_kwh=D(1))[-1]
        is Confidence.UNVERIFIED
    )
    discount = FACTS.basic_charge.utilisation
    assert [
        discount.version_on(date(2026, month, day)).citation.confidence.value
        for month, day in ((7, 31), (8, 1))
    ] == ["secondary", "unverified"]


def late(dated: Dated[Any], change: Callable[[Any], Any]) -> Dated[Any]:
    """The newest version changed from September on by a notice that becomes known in October."""
    newest = dated.versions[-1]
    citation = dataclasses.replace(newest.citation, document="late notice")
    changed = dataclasses.replace(
        newest,
        value=change(newest.value),
        citation=citation,
        effective_from=date(2026, 9, 1),
        known_from=date(2026, 10, 10),
    )
    return dataclasses.replace(dated, versions=(*dated.versions, changed))


def by_basic(name: str, **changes: Any) -> Facts:
    changed = late(getattr(FACTS.basic_charge, name), lambda value: dataclasses.replace(value, **changes))
    return dataclasses.replace(FACTS, basic_charge=dataclasses.replace(FACTS.basic_charge, **{name: changed}))


def by_floating() -> Facts:
    floating = late(FACTS.time_of_use.floating, lambda value: value | {LineComponent.TRANSMISSION})
    return dataclasses.replace(FACTS, time_of_use=dataclasses.replace(FACTS.time_of_use, floating=floating))


@pytest.mark.parametrize(
    ("facts", "changed"),
    [
        # 600 kW x 47.2 x (0.85 - 0.9), and 70 kW above 630 x 94.4 x the same; the adjustment follows.
        (
            by_basic("utilisation", price_ratio=D("0.85")),
            {"basic_demand": "-1416.00", "demand_excess": "-330.40"},
        ),
        # 800 kVA reach 260 kWh each already; from 250 kWh on nothing changes.
        (by_basic("utilisation", threshold_kwh_per_kva=D(250)), {}),
        # From 300 kWh per kVA on 220,000 kWh are too few: the tenth of both lines is charged, though the
        # lines as they are now rest on no discount.
        (
            by_basic("utilisation", threshold_kwh_per_kva=D(300)),
            {"basic_demand": "2832.00", "demand_excess": "660.80"},
        ),
        # 110 % of 600 are 660 kW: 40 instead of 70 kW above, x 47.2 x 0.9 x 2
        (by_basic("demand", tolerance_ratio=D("1.10")), {"demand_excess": "-2548.80"}),
        # 220,000 x 0.125 x (1.85 - 1)
        (by_floating(), {"transmission": "23375.00"}),
        # The base grows by the funds: 220,000 x 0.02923875 = 6432.53, 0.15 % less of it is paid.
        (
            dataclasses.replace(
                FACTS,
                power_factor_base_excludes=late(FACTS.power_factor_base_excludes, lambda _value: frozenset()),
            ),
            {},
        ),
    ],
)
def test_a_late_notice_of_a_rule_is_named_by_every_line_that_it_changes(
    facts: Facts, changed: dict[str, str]
) -> None:
    # 97,000 kvarh beside 220,000 kWh: power factor 0.915 = 0.92, and -0.30 %.
    month = Measured(SEPTEMBER, D(220000), {TouPeriod.PEAK: D(220000)}, D(700), D(97000), D(0), D("0.01"))
    before, after = date(2026, 10, 5), date(2026, 10, 15)
    issued, now = (price_supply(supply_of(FACTORY, month), facts, known).lines for known in (before, after))
    found = corrections_between(issued, now, SEPTEMBER, facts, lambda _: before, after)
    adjustments = [each for each in found if each.line.component is LineComponent.POWER_FACTOR_ADJUSTMENT]
    others = [each for each in found if each not in adjustments]
    assert {each.line.component.value: str(each.amount_cny) for each in others} == changed
    assert {each.notices for each in others} <= {("late notice",)}
    assert len(adjustments) == (
        1 if changed or facts.power_factor_base_excludes is not FACTS.power_factor_base_excludes else 0
    )
    if not changed and adjustments:
        # One line, not one gone and one come: 6432.53 x -0.30 %.
        assert [(str(each.amount_cny), each.notices) for each in adjustments] == [
            ("-19.30", ("late notice",))
        ]


@pytest.mark.parametrize(
    ("terms", "more", "component", "expected"),
    [
        (
            {},
            {"energy_kwh": D(208000), "running_days": 29},
            "demand_excess",
            [
                PRICE,
                "basic_charge.demand.tolerance_ratio",
                "basic_charge.demand.excess_multiple",
                "basic_charge.demand.minimum_capacity_ratio",
                "basic_charge.utilisation.threshold_kwh_per_kva",
                "basic_charge.utilisation.price_ratio",
                "basic_charge.utilisation.bases",
                "basic_charge.running_days_per_month",
            ],
        ),
        ({}, {}, "power_factor_adjustment", ["power_factor.adjustment", "power_factor.base_excludes"]),
        (
            {"export_price_cny_per_kwh": D("0.4153")},
            {"exported_kwh": D(10)},
            "exported_energy",
            ["contract.export_price_cny_per_kwh"],
        ),
    ],
)
def test_explain_cites_every_figure_behind_a_line(
    terms: dict[str, Any], more: dict[str, Any], component: str, expected: list[str]
) -> None:
    contract = dataclasses.replace(FACTORY, is_time_of_use=False, **terms)
    bill = price_supply(supply_of(contract, measured(energy_by_period=None, **more)), FACTS)
    (line,) = (row for row in rows_of_lines(bill) if row["component_code"] == component)
    cited = facts_behind(FACTS, line, SEPTEMBER.first_day, contract)
    assert [fact["fact_id"] for fact in cited] == expected
    assert all(fact["document"] and fact["value"] for fact in cited)
    assert (
        max((Confidence(fact["confidence"]) for fact in cited), key=list(Confidence).index)
        == line["fact_confidence_code"]
    )


def test_a_market_price_rests_on_the_loss_rate_and_the_contract(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(packaged("conf") / "facts", tmp_path / "facts"))
    prices = "".join(
        f"2026-09,{name},{price},notice 9,2026-08-28\n"
        for name, price in (("purchase", "0.4"), ("line_loss", "0"), ("system_operation", "0.05"))
    )
    (tmp_path / "prices.csv").write_text(
        "month,component,price_cny_per_kwh,document,published_on\n" + prices, encoding="utf-8"
    )
    load_prices(tmp_path / "prices.csv", folder)
    facts = load_facts(folder)
    contract = dataclasses.replace(FACTORY, is_time_of_use=False, market_price_cny_per_kwh=D("0.45"))
    bill = priced(supply_of(contract, measured(energy_by_period=None)), facts)
    line = rows_of_lines(bill)[0]
    cited = facts_behind(facts, line, SEPTEMBER.first_day, contract)
    assert [
        (fact["fact_id"], fact["value"], fact["document"])
        for fact in cited
        if "composition" not in fact["fact_id"]
    ] == [
        ("transmission.line_loss", "0.0307", "发改价格〔2026〕1077号"),
        ("contract.market_price_cny_per_kwh", "0.45", "contract"),
    ]
    assert {fact["document"] for fact in cited if "composition" in fact["fact_id"]} == {"notice 9"}
    assert (line["fact_id"], line["fact_confidence_code"]) == ("energy_composition", "unverified")
