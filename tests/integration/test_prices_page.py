"""The page of prices in a real browser: its calculator gives what the engine gives, to the fen, and nothing is loaded from anywhere."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod, VoltageLevel
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, Determinants, price_month
from zhixiang.delivery.prices import calculator_figures, write_prices_page

FACTS = load_facts(packaged("conf") / "facts")
SEPTEMBER = BillingMonth(2026, 9)
USABLE = (TouPeriod.SHARP, TouPeriod.PEAK, TouPeriod.FLAT, TouPeriod.VALLEY)
D = Decimal


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


def random_case(draw: random.Random) -> tuple[Contract, Determinants]:
    scheme = draw.choice(list(PricingScheme))
    level = draw.choice(
        [VoltageLevel.KV_1_TO_20, VoltageLevel.KV_35] if scheme is PricingScheme.TWO_PART else [VoltageLevel.BELOW_1KV, VoltageLevel.KV_1_TO_20]
    )
    two = scheme is PricingScheme.TWO_PART
    capacity = D(draw.randrange(100, 2000))
    contract = Contract(
        draw.choice([CustomerClass.LARGE_INDUSTRY, CustomerClass.GENERAL_COMMERCIAL]), scheme, level, draw.random() < 0.8, capacity if two else None,
        capacity if two else None, draw.choice(list(DemandBasis)) if two else None, D(draw.randrange(10, 20000)) / 10 if two else None,
        draw.choice([None, D("0.80"), D("0.85"), D("0.90")]),
    )  # fmt: skip
    split = {period: D(draw.randrange(0, 40_000_00)) / 100 * (draw.random() < 0.8) if period in USABLE else D(0) for period in TouPeriod}
    energy = sum(split.values(), D(0))
    reactive = D(draw.randrange(0, 60_000_00)) / 100
    lagging = (reactive * draw.randrange(0, 11) / 10).quantize(D("0.01"))
    demand = D(draw.randrange(0, 25000)) / 10
    return contract, Determinants(SEPTEMBER, energy, split, demand, lagging, reactive - lagging, D("0.01"))


def as_typed(contract: Contract, month: Determinants) -> dict[str, Any]:
    """The case as the page's own function takes it: every quantity in millionths, as text."""

    def micros(value: Decimal | None) -> str:
        return str(int((value or D(0)) * 10**6))

    return {
        "kind": contract.customer_class.value, "scheme": contract.pricing_scheme.value, "level": contract.voltage_level.value,
        "basis": contract.demand_basis.value if contract.demand_basis else "", "timeOfUse": contract.is_time_of_use,
        "standard": f"{contract.power_factor_standard:f}" if contract.power_factor_standard else "", "capacity": micros(contract.running_capacity_kva),
        "agreed": micros(contract.contract_demand_kw), "demand": micros(month.max_demand_kw),
        "reactive": micros((month.lagging_kvarh or D(0)) + (month.leading_kvarh or D(0))),
        "energy": {period.value: micros(energy) for period, energy in (month.energy_by_period or {}).items()},
    }  # fmt: skip


COMPUTE = """cases => cases.map(c => {
  for (const name of ["capacity", "agreed", "demand", "reactive"]) c[name] = BigInt(c[name]);
  for (const period of Object.keys(c.energy)) c.energy[period] = BigInt(c.energy[period]);
  const bill = compute(c);
  return bill.error ? bill.error : [bill.sum.toString(), bill.lines.map(line => line.cny.toString()), bill.factor];
})"""


def test_the_calculator_gives_what_the_engine_gives(page: Any) -> None:
    draw = random.Random(77)
    cases = [random_case(draw) for _ in range(400)]
    answers = page.evaluate(COMPUTE, [as_typed(*case) for case in cases])
    kinds = set()
    for (contract, month), (total, lines, factor) in zip(cases, answers, strict=True):
        priced = price_month(contract, month, FACTS)
        assert D(total) / 100 == priced.total_cny
        assert [D(line) / 100 for line in lines] == [line.amount_cny for line in priced.lines]
        if contract.power_factor_standard is not None and priced.power_factor is not None:
            assert D(factor) / 100 == priced.power_factor
        kinds |= {line.component for line in priced.lines}
    assert {"demand_excess", "basic_capacity", "basic_demand", "power_factor_adjustment"} <= kinds


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
    assert page.complaints == []


def test_the_page_holds_every_document_and_loads_nothing(page: Any) -> None:
    text = page.content()
    for row in FACTS.describe(SEPTEMBER.first_day):
        if row.fact_id.startswith(("transmission.", "funds", "energy_base")):
            assert row.document in text
    assert "示意电价" in text
    assert page.evaluate("performance.getEntriesByType('resource').length") == 0
    figures = calculator_figures(FACTS, SEPTEMBER)
    assert figures["energy"]["large_industry"]["two_part"]["1_to_20kv"]["transmission"]["peak"] == "0.1250"


def test_the_page_is_written_whole(tmp_path: Path) -> None:
    write_prices_page(FACTS, SEPTEMBER, tmp_path / "prices" / "index.html")
    assert [path.name for path in (tmp_path / "prices").iterdir()] == ["index.html"]
