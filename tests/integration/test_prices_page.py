"""The page of prices in a real browser: its calculator gives what the engine gives, to the fen, and nothing
is loaded from anywhere.
"""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.codes import (
    CustomerClass,
    DemandBasis,
    LineComponent,
    PricingScheme,
    TouPeriod,
    VoltageLevel,
)
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, price_supply
from tests.measured_months import Measured, supply_of
from zhixiang.pages.price_figures import calculator_figures
from zhixiang.pages.prices import write_prices_page

FACTS = load_facts(packaged("conf") / "facts")
SEPTEMBER = BillingMonth(2026, 9)
D = Decimal

USABLE = (TouPeriod.SHARP, TouPeriod.PEAK, TouPeriod.FLAT, TouPeriod.VALLEY)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    browser_path = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser_path is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    path = tmp_path_factory.mktemp("prices") / "index.html"
    write_prices_page(FACTS, SEPTEMBER, path)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        opened = browser.new_page()
        complaints: list[str] = []
        opened.on("console", lambda message: complaints.append(message.text))
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.goto(path.as_uri())
        opened.complaints = complaints  # type: ignore[attr-defined]
        yield opened
        browser.close()


def random_case(draw: random.Random) -> tuple[Contract, Measured]:
    scheme = draw.choice(list(PricingScheme))
    level = draw.choice(
        [VoltageLevel.KV_1_TO_20, VoltageLevel.KV_35]
        if scheme is PricingScheme.TWO_PART
        else [VoltageLevel.BELOW_1KV, VoltageLevel.KV_1_TO_20]
    )
    two = scheme is PricingScheme.TWO_PART
    capacity = draw.choice([D(draw.randrange(101, 2000)), D("100.01"), D("314.99"), D(315)])
    if not two:
        capacity = draw.choice([None, D(1), D("99.99"), D(100), D("100.01"), D(630)])
    running = None if capacity is None else capacity * draw.choice([D(0), D("0.25"), D(1), D(1)])
    contract = Contract(
        draw.choice([CustomerClass.LARGE_INDUSTRY, CustomerClass.GENERAL_COMMERCIAL]),
        scheme,
        level,
        draw.random() < 0.8,
        capacity,
        running,
        draw.choice(list(DemandBasis)) if two else None,
        D(draw.randrange(10, 20000)) / 10 if two else None,
        draw.choice([None, D("0.80"), D("0.85"), D("0.90")]),
    )
    split = {
        period: D(draw.randrange(0, 40_000_00)) / 100 * (draw.random() < 0.8) if period in USABLE else D(0)
        for period in TouPeriod
    }
    energy = sum(split.values(), D(0))
    reactive = D(draw.randrange(0, 60_000_00)) / 100
    lagging = (reactive * draw.randrange(0, 11) / 10).quantize(D("0.01"))
    demand = D(draw.randrange(0, 25000)) / 10
    return contract, Measured(SEPTEMBER, energy, split, demand, lagging, reactive - lagging, D("0.01"))


def as_typed(contract: Contract, month: Measured) -> dict[str, Any]:
    """The case as the page's own function takes it: every quantity in millionths, as text."""

    def micros(value: Decimal | None) -> str:
        return str(int((value or D(0)) * 10**6))

    return {
        "kind": contract.customer_class.value,
        "scheme": contract.pricing_scheme.value,
        "level": contract.voltage_level.value,
        "basis": contract.demand_basis.value if contract.demand_basis else "",
        "timeOfUse": contract.is_time_of_use,
        "standard": f"{contract.power_factor_standard:f}" if contract.power_factor_standard else "",
        "capacity": micros(contract.contract_capacity_kva),
        "running": micros(contract.running_capacity_kva),
        "agreed": micros(contract.contract_demand_kw),
        "demand": micros(month.max_demand_kw),
        "reactive": micros((month.lagging_kvarh or D(0)) + (month.leading_kvarh or D(0))),
        "energy": {period.value: micros(energy) for period, energy in (month.energy_by_period or {}).items()},
    }


def random_home(draw: random.Random) -> tuple[Contract, Measured]:
    """A dwelling: tiers at their edges too, small and large households, supplies that begin in the year,
    combined meters.
    """
    combined = draw.random() < 0.2
    level = (
        draw.choice([VoltageLevel.BELOW_1KV, VoltageLevel.KV_1_TO_20]) if combined else VoltageLevel.BELOW_1KV
    )
    month = draw.randrange(1, 13)
    contract = Contract(
        CustomerClass.RESIDENTIAL,
        PricingScheme.SINGLE_PART,
        level,
        draw.random() < 0.5,
        household_persons=draw.choice([None, 7, 12] if combined else [None, 1, 4, 5, 7]),
        is_combined_meter=combined,
        supply_began=draw.choice([None, date(2026, month, draw.randrange(1, 29)), date(2025, month, 1)]),
    )
    split = {
        TouPeriod.PEAK: D(draw.randrange(0, 900_00)) / 100,
        TouPeriod.VALLEY: D(draw.choice([0, draw.randrange(0, 900_00)])) / 100,
    }
    before = D(draw.choice([0, 230_00, 2760_00, 4800_00, draw.randrange(0, 6000_00)])) / 100
    return contract, Measured(
        SEPTEMBER, sum(split.values(), D(0)), split, None, None, None, D("0.01"), year_to_date_kwh=before
    )


def home_as_typed(contract: Contract, month: Measured) -> dict[str, Any]:
    began = contract.supply_began
    return {
        "kind": "residential",
        "level": contract.voltage_level.value,
        "combined": contract.is_combined_meter,
        "timeOfUse": contract.is_time_of_use,
        "persons": contract.household_persons,
        "months": str(13 - began.month if began is not None and began.year == SEPTEMBER.year else 12),
        "before": str(int(month.year_to_date_kwh * 10**6)),
        "energy": {
            period.value: str(int(energy * 10**6))
            for period, energy in (month.energy_by_period or {}).items()
        },
    }


COMPUTE = """cases => cases.map(c => {
  for (const name of ["capacity", "running", "agreed", "demand", "reactive", "before"])
    if (c[name] !== undefined) c[name] = BigInt(c[name]);
  for (const period of Object.keys(c.energy)) c.energy[period] = BigInt(c.energy[period]);
  const bill = compute(c);
  return bill.error ? bill.error : [bill.sum.toString(), bill.lines.map(line => line.cny.toString()),
    bill.factor, bill.lines.map(line => line.name + " " + line.period)];
})"""


def test_the_calculator_gives_what_the_engine_gives(page: Any) -> None:
    draw = random.Random(77)
    cases = [random_case(draw) for _ in range(400)]
    answers = page.evaluate(COMPUTE, [as_typed(*case) for case in cases])
    kinds = set()
    for (contract, month), (total, lines, factor, _) in zip(cases, answers, strict=True):
        priced = price_supply(supply_of(contract, month), FACTS)
        assert D(total) / 100 == priced.total_cny
        assert [D(line) / 100 for line in lines] == [line.amount_cny for line in priced.lines]
        if contract.power_factor_standard is not None and priced.power_factor is not None:
            assert D(factor) / 100 == priced.power_factor
        kinds |= {line.component for line in priced.lines}
    assert {"demand_excess", "basic_capacity", "basic_demand", "power_factor_adjustment"} <= kinds
    seen = [(contract, month, price_supply(supply_of(contract, month), FACTS)) for contract, month in cases]
    assert any(
        contract.power_factor_standard
        and priced.power_factor
        and contract.contract_capacity_kva
        and contract.contract_capacity_kva < 100
        for contract, month, priced in seen
    ), "whose power factor does not count"
    between = [
        month.energy_kwh
        for contract, month, _ in seen
        if contract.demand_basis in (DemandBasis.CONTRACT_DEMAND, DemandBasis.ACTUAL_DEMAND)
        and contract.running_capacity_kva
        and 260 * contract.running_capacity_kva
        <= month.energy_kwh
        < 260 * (contract.contract_capacity_kva or D(0))
    ]
    assert between, "the contract's capacity tells whether 260 kWh/kVA are reached, not the running one"


def test_the_calculator_gives_what_the_engine_gives_a_dwelling(page: Any) -> None:
    draw = random.Random(78)
    cases = [random_home(draw) for _ in range(400)]
    answers = page.evaluate(COMPUTE, [home_as_typed(*case) for case in cases])
    seen = set()
    for (contract, month), (total, lines, _, names) in zip(cases, answers, strict=True):
        priced = price_supply(supply_of(contract, month), FACTS)
        assert D(total) / 100 == priced.total_cny
        assert [D(line) / 100 for line in lines] == [line.amount_cny for line in priced.lines]
        assert names == [
            f"{line.component.value} {line.period.value if line.period else ''}" for line in priced.lines
        ]
        seen |= {
            (line.component, contract.is_time_of_use, contract.is_combined_meter) for line in priced.lines
        }
    tiers = (LineComponent.TIER_1, LineComponent.TIER_2, LineComponent.TIER_3)
    assert {(tier, timed, False) for tier in tiers for timed in (True, False)} <= seen
    assert (LineComponent.TIER_1, False, True) in seen


def test_a_household_types_and_reads(page: Any) -> None:
    page.select_option("#kind", "residential")
    page.fill("#before", "2600")
    page.fill("#e_peak", "190")
    page.fill("#e_valley", "120")
    # 190 x 0.568 + 120 x 0.288 = 107.92 + 34.56; 2,600 + 310 is 150 above 2,760, at 0.05 more each: 7.50.
    assert page.inner_text("#total") == "149.98"
    assert page.locator("#lines tr").count() == 3
    assert not page.locator("#capacity").is_visible()
    assert not page.locator("#e_sharp").is_visible()
    page.uncheck("#tou")
    page.fill("#e_all", "310")
    # 160 x 0.538 + 150 x 0.588 = 86.08 + 88.20
    assert page.inner_text("#total") == "174.28"
    page.fill("#persons", "5")
    # The limit is 3,960 then: 310 x 0.538
    assert page.inner_text("#total") == "166.78"
    page.select_option("#combined", "yes")
    assert page.inner_text("#total") == "—"
    assert "7人及以上" in page.inner_text("#said")
    page.fill("#persons", "7")
    page.select_option("#level", "below_1kv")
    # 310 x 0.558
    assert page.inner_text("#total") == "172.98"
    page.fill("#persons", "")
    page.select_option("#combined", "no")
    page.check("#tou")
    page.select_option("#kind", "large_industry")
    page.select_option("#level", "1_to_20kv")


@pytest.mark.parametrize(
    ("scheme", "level", "capacity", "is_priced", "said"),
    [
        ("two_part", "1_to_20kv", "100", False, "100 kVA 及以下执行单一制"),
        ("two_part", "1_to_20kv", "100.01", True, "可自选"),
        ("two_part", "1_to_20kv", "314.99", True, "可自选"),
        ("two_part", "1_to_20kv", "315", True, ""),
        ("single_part", "1_to_20kv", "100", True, ""),
        ("single_part", "1_to_20kv", "314.99", True, "可自选"),
        ("single_part", "1_to_20kv", "315", True, "存量单一制用户"),
    ],
)
def test_a_scheme_that_the_capacity_does_not_allow_is_told(
    page: Any, scheme: str, level: str, capacity: str, is_priced: bool, said: str
) -> None:
    page.select_option("#kind", "large_industry")
    page.select_option("#scheme", scheme)
    page.select_option("#level", level)
    page.fill("#capacity", capacity)
    assert (page.inner_text("#total") != "—") == is_priced
    assert said in page.inner_text("#hint" if is_priced else "#said")
    assert is_priced or page.locator("#lines tr").count() == 0
    if not said:
        assert page.inner_text("#hint") == ""
    page.select_option("#scheme", "two_part")
    page.fill("#capacity", "800")


def test_a_customer_types_and_reads(page: Any) -> None:
    for name, value in {
        "e_peak": "19,798.27",
        "e_flat": "27504.26",
        "e_valley": "13613.86",
        "demand": "505",
        "lagging": "34985.37",
        "leading": "8885.74",
    }.items():
        page.fill(f"#{name}", value)
    assert page.inner_text("#total") == "77,504.18"
    assert "0.81" in page.inner_text("#said")
    assert page.locator("#lines tr").count() == 11
    page.fill("#e_flat", "abc")
    assert page.inner_text("#total") == "—"
    assert "请填" in page.inner_text("#said")
    page.fill("#e_flat", "27504.26")
    page.select_option("#basis", "capacity")
    assert page.inner_text("#total") == "72,571.78"
    # A quarter suspended: 600 kVA x 29.5 are 5,900.00 less, 4.5 % of that 265.50.
    page.fill("#running", "６００．0")
    assert page.inner_text("#total") == "66,406.28"
    page.fill("#running", "")
    page.select_option("#basis", "contract_demand")
    assert page.complaints == []


def test_every_figure_that_rests_on_an_illustrative_price_says_so(page: Any) -> None:
    lines = page.locator("#lines tr")
    marked = [row.locator(".tag.illustrative").count() for row in lines.all()]
    names = [row.locator("td").first.inner_text() for row in lines.all()]
    assert [bool(mark) for mark in marked] == [name.startswith(("电能量电费", "力调电费")) for name in names]
    assert page.locator("#doubt").is_visible()
    assert "4.5 %" in lines.last.inner_text()
    whole = page.locator("details", has_text="大工业").first.locator("tbody tr")
    assert all(row.locator("td.n").count() == row.locator("td.n.doubt").count() for row in whole.all())
    page.select_option("#kind", "residential")
    assert page.locator("#doubt").is_hidden()
    assert page.locator("#lines .tag").count() == 0
    page.select_option("#kind", "large_industry")
    page.select_option("#level", "1_to_20kv")


def test_hours_late_payment_and_power_factor_have_their_documents(page: Any) -> None:
    for title in (
        "分时电价时段（大工业）",
        "分时电价时段（电动汽车充电设施）",
        "电费违约金日率",
        "不实行功率因数调整的用户",
    ):
        fact = page.locator("details.fact", has_text=title)
        assert fact.count() == 1
        dated = fact.locator("tbody tr.holds td").nth(1).text_content()
        assert re.search(r"\d{4}-\d\d-\d\d", dated)


def test_the_page_holds_every_document_and_loads_nothing(page: Any) -> None:
    text = page.content()
    for row in FACTS.describe(SEPTEMBER.first_day):
        if row.fact_id.startswith(("transmission.", "funds", "energy_base")):
            assert row.document in text
    assert "示意电价" in text
    assert page.evaluate("performance.getEntriesByType('resource').length") == 0
    figures = calculator_figures(FACTS, SEPTEMBER)
    (span,) = figures["spans"]
    assert span["energy"]["large_industry"]["two_part"]["1_to_20kv"]["transmission"]["peak"] == "0.1250"


def test_the_hours_of_charging_points_are_drawn_with_how_sure_they_are(page: Any, tmp_path: Path) -> None:
    panel = page.locator(".panel", has_text="工商业充电设施")
    assert "未核实 unverified" in panel.text_content()
    # The draft of 浙发改价格〔2026〕112号: midday valley 10:30-13:30, so after the night's valley to 7 come
    # 3.5 hours flat and 3 of valley.
    winter = next(
        row for row in panel.locator(".day").all() if row.locator("b").first.text_content() == "1、7–8、12月"
    )
    assert [span.get_attribute("class").split(" ")[1] for span in winter.locator(".strip span").all()] == [
        f"quarters{count}" for count in (28, 14, 12, 10, 8, 16, 4, 4)
    ]
    write_prices_page(FACTS, BillingMonth(2026, 6), tmp_path / "index.html")
    assert (
        "工商业充电设施"
        not in (tmp_path / "index.html").read_text(encoding="utf-8").split("电量电价<small>")[0]
    )


def test_the_history_has_the_figures_of_every_version(page: Any) -> None:
    ratios = page.locator("details.fact", has_text="分时电价比价（大工业，平段为1）")
    rows = ratios.locator("tbody tr").all_text_contents()[1:]
    assert ["2.05" in row for row in rows] == [True, False]
    assert ["1.98" in row for row in rows] == [False, True]
    assert [row.count("浙发改价格〔2026〕112号") for row in rows] == [1, 0]
    assert ratios.locator("tr.holds").count() == 1
    assert "至 2026-06-30" in rows[1]
    assert "至" not in rows[0]
    tiers = page.locator("details.fact", has_text="居民阶梯电价").text_content()
    assert "一档上限 kWh2760" in tiers.replace("\n", "")
