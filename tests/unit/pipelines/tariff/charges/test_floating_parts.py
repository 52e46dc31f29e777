"""Provinces where only a part of the energy price floats: the official table of Hubei, a Jiangsu-like month,
and what a month without its three components is told.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.codes import CustomerClass, DemandBasis, LineComponent, PricingScheme, TouPeriod, VoltageLevel
from pipelines.errors import FactFileError, FactNotInForceError
from pipelines.facts import Facts, load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, PricedMonth, Segment, SupplyMonth, price_supply
from tests.steel_works import STEEL

D = Decimal
BY_CAPACITY = replace(
    STEEL, demand_basis=DemandBasis.CAPACITY, contract_demand_kw=None, power_factor_standard=None
)
JANUARY, SEPTEMBER = BillingMonth(2026, 1), BillingMonth(2026, 9)
CITED = (
    "document: none\nclause: none\nissuer: none\nsource: a test\nretrieved: not recorded\n"
    "confidence: illustrative\n"
)


def fact(fact_id: str, unit: str, value: str) -> str:
    cited = "".join(f"        {line}\n" for line in CITED.splitlines())
    return (
        f"  - fact_id: {fact_id}\n    title_zh: t\n    title_en: t\n    unit: {unit!r}\n    versions:\n"
        f"      - effective_from: 2026-01-01\n        known_from: 2026-01-01\n{cited}        value: {value}\n"
    )


def province(
    folder: Path,
    floating: str,
    ratios: str,
    prices: dict[str, str] | None,
    *,
    month: BillingMonth = SEPTEMBER,
    funds: str = "0",
    two_part: str = "{1_to_20kv: 0}",
    single_part: str = "{1_to_20kv: 0}",
    base: str = "0.5",
) -> Facts:
    """The facts of a province whose every price a test sets; the rest is national and as shipped."""
    own = packaged("conf") / "facts"
    for path in own.rglob("*"):
        if path.is_file():
            (folder / path.relative_to(own)).parent.mkdir(parents=True, exist_ok=True)
            (folder / path.relative_to(own)).write_bytes(path.read_bytes())
    hours = (
        '{seasons: [{months: [1,2,3,4,5,6,7,8,9,10,11,12], hours: {flat: ["00:00-24:00"]}}], holidays: []}'
    )
    classes = ("large_industry", "general_commercial")
    files = {
        "tariffs/energy_base.yaml": [fact("energy_base", "CNY/kWh", base)],
        "tariffs/funds.yaml": [fact("funds", "CNY/kWh", funds)],
        "tariffs/transmission.yaml": [
            fact("transmission.two_part.energy", "CNY/kWh", f"{{read: {two_part}}}"),
            fact("transmission.single_part.energy", "CNY/kWh", f"{{read: {single_part}}}"),
            fact(
                "transmission.two_part.capacity",
                "CNY/kVA",
                "{read: {1_to_20kv: 30, 35kv: 30, 110kv: 30, 220kv_up: 30}}",
            ),
            fact("transmission.line_loss", "1", "0.04"),
        ],
        "tariffs/residential_tiers.yaml": [],
        "tariffs/catalogue.yaml": [],
        "time_of_use.yaml": [
            *(fact(f"time_of_use.schedule.{each}", "none", hours) for each in classes),
            *(fact(f"time_of_use.ratios.{each}", "1", ratios) for each in classes),
            fact("time_of_use.floating", "none", floating),
            fact("time_of_use.mandatory_classes", "none", "[large_industry]"),
        ],
    }
    for name, parts in files.items():
        head = "province: elsewhere\n" + ("reading: read\n" if "transmission" in name else "")
        text = head + ("facts:\n" + "".join(parts) if parts else "facts: []\n")
        (folder / name).write_text(text, encoding="utf-8")
    if prices is not None:
        rows = [f"{month},{name},{price},none,{month}-01" for name, price in prices.items()]
        header = "month,component,price_cny_per_kwh,document,published_on"
        (folder / "tariffs/energy_base_monthly.csv").write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return load_facts(folder)


def priced(
    facts: Facts, month: BillingMonth, energy: dict[TouPeriod, str], contract: Contract
) -> PricedMonth:
    split = {period: D(kwh) for period, kwh in energy.items()}
    segment = Segment.of_month(contract, month, sum(split.values(), D(0)), split, D(400))
    return price_supply(SupplyMonth(month, (segment,)), facts)


def all_in(found: PricedMonth) -> dict[TouPeriod, Decimal]:
    """What a kWh costs in each period. [CNY/kWh]"""
    cells: dict[TouPeriod, Decimal] = {}
    for line in found.lines:
        if line.period is not None:
            cells[line.period] = cells.get(line.period, D(0)) + line.unit_price
    return cells


TWO_PART_LEVELS = {
    VoltageLevel.KV_1_TO_20: ("0.1263", "1.049999", "0.651886", "0.432924"),
    VoltageLevel.KV_35: ("0.1065", "1.030199", "0.632086", "0.413124"),
    VoltageLevel.KV_110: ("0.0884", "1.012099", "0.613986", "0.395024"),
    VoltageLevel.KV_220_UP: ("0.0694", "0.993099", "0.594986", "0.376024"),
}
HUBEI = {"purchase": "0.398113", "line_loss": "0", "system_operation": "0.082273"}
"""The table prints purchase and loss as one figure, which floats; the rest does not."""
ASKED = (TouPeriod.SHARP, TouPeriod.FLAT, TouPeriod.VALLEY)


def test_the_official_table_of_hubei_to_six_decimals(tmp_path: Path) -> None:
    """Agent purchase of 2026-01 (public copy): purchase with loss floats alone, at 2, 1 and 0.45. 15 cells;
    the single-part flat cell of the table stands 0.0002 below the sum of its own parts.
    """
    two_part = ", ".join(f"{level.value}: {cells[0]}" for level, cells in TWO_PART_LEVELS.items())
    facts = province(
        tmp_path / "facts",
        "[purchase, line_loss]",
        "{sharp: 2, peak: 1.5, flat: 1, valley: 0.45}",
        HUBEI,
        month=JANUARY,
        funds="0.0452",
        two_part=f"{{{two_part}}}",
        single_part="{below_1kv: 0.2103}",
    )
    energy = dict.fromkeys(ASKED, "1000")
    table = [(PricingScheme.TWO_PART, level, cells[1:]) for level, cells in TWO_PART_LEVELS.items()]
    table.append((PricingScheme.SINGLE_PART, VoltageLevel.BELOW_1KV, ("1.133999", "0.735686", "0.516924")))
    found = []
    for scheme, level, printed in table:
        contract = replace(BY_CAPACITY, pricing_scheme=scheme, voltage_level=level)
        cells = all_in(priced(facts, JANUARY, energy, contract))
        found += [cells[period] - D(cell) for period, cell in zip(ASKED, printed, strict=True)]
    assert len(found) == 15
    assert [each.quantize(D("0.000001")) for each in found] == [D(0)] * 13 + [D("0.000200"), D(0)]


JIANGSU_LIKE = {"purchase": "0.4012", "line_loss": "0.0180", "system_operation": "0.0356"}
"""Illustrative: nobody published them together. What does not float with them is 0.0536 CNY/kWh."""
LIKE_RATIOS = "{peak: 1.8, flat: 1, valley: 0.35}"
LIKE_ENERGY = {TouPeriod.PEAK: "120000", TouPeriod.FLAT: "80000", TouPeriod.VALLEY: "100000"}


def base_lines(found: PricedMonth) -> dict[TouPeriod | None, Decimal]:
    return {
        line.period: line.amount_cny for line in found.lines if line.component is LineComponent.ENERGY_BASE
    }


def test_a_jiangsu_like_month_is_wrong_where_the_base_floats_as_a_whole(tmp_path: Path) -> None:
    whole = province(tmp_path / "whole", "[energy_base]", LIKE_RATIOS, JIANGSU_LIKE)
    alone = province(tmp_path / "alone", "[purchase]", LIKE_RATIOS, JIANGSU_LIKE)
    before, after = (priced(each, SEPTEMBER, LIKE_ENERGY, BY_CAPACITY) for each in (whole, alone))
    wrong, right = base_lines(before), base_lines(after)
    assert {period: wrong[period] - right[period] for period in wrong} == {
        TouPeriod.PEAK: D("5145.60"),
        TouPeriod.FLAT: D("0.00"),
        TouPeriod.VALLEY: D("-3484.00"),
    }
    # 120,000 x (0.4012 x 1.8 + 0.0536) and 100,000 x (0.4012 x 0.35 + 0.0536).
    assert (right[TouPeriod.PEAK], right[TouPeriod.VALLEY]) == (D("93091.20"), D("19402.00"))
    peak = next(line for line in after.lines if line.component is LineComponent.ENERGY_BASE)
    assert peak.formula == (
        "120000 kWh × (purchase 0.4012 × 1.8 time_of_use.ratios.large_industry.peak + 0.0536)"
    )
    assert {"energy_base", "energy_composition", "time_of_use.floating"} <= set(peak.rests_on)


@pytest.mark.parametrize(
    ("floating", "peak"),
    [
        ("[purchase]", "0.77576"),  # 0.4012 x 1.8 + 0.0180 + 0.0356
        ("[purchase, line_loss]", "0.79016"),
        ("[purchase, system_operation]", "0.80424"),
        ("[line_loss]", "0.46920"),
        ("[purchase, line_loss, system_operation]", "0.81864"),
        ("[energy_base]", "0.81864"),
    ],
)
def test_each_part_floats_by_its_own_key(tmp_path: Path, floating: str, peak: str) -> None:
    facts = province(tmp_path / "facts", floating, LIKE_RATIOS, JIANGSU_LIKE)
    found = priced(facts, SEPTEMBER, {TouPeriod.PEAK: "1"}, BY_CAPACITY)
    assert all_in(found) == {TouPeriod.PEAK: D(peak)}


def test_a_market_price_floats_in_place_of_the_purchase(tmp_path: Path) -> None:
    """0.40 x 1.8 + 0.40 x 0.04 + 0.0356."""
    facts = province(tmp_path / "facts", "[purchase]", LIKE_RATIOS, JIANGSU_LIKE)
    contract = replace(BY_CAPACITY, market_price_cny_per_kwh=D("0.40"))
    found = priced(facts, SEPTEMBER, {TouPeriod.PEAK: "1"}, contract)
    assert all_in(found) == {TouPeriod.PEAK: D("0.7716")}


def test_without_time_of_use_nothing_floats(tmp_path: Path) -> None:
    facts = province(tmp_path / "facts", "[purchase]", LIKE_RATIOS, JIANGSU_LIKE)
    contract = replace(BY_CAPACITY, customer_class=CustomerClass.GENERAL_COMMERCIAL, is_time_of_use=False)
    segment = Segment.of_month(contract, SEPTEMBER, D(1000), None, None)
    found = price_supply(SupplyMonth(SEPTEMBER, (segment,)), facts)
    assert base_lines(found) == {None: D("454.80")}


def test_a_sum_alone_does_not_say_what_floats_of_it(tmp_path: Path) -> None:
    facts = province(tmp_path / "facts", "[purchase]", LIKE_RATIOS, None)
    with pytest.raises(FactNotInForceError) as raised:
        priced(facts, SEPTEMBER, LIKE_ENERGY, BY_CAPACITY)
    assert raised.value.fact_id == "energy_composition"


def test_a_period_without_a_ratio_has_no_price_where_a_part_floats(tmp_path: Path) -> None:
    facts = province(tmp_path / "facts", "[purchase]", LIKE_RATIOS, JIANGSU_LIKE)
    with pytest.raises(FactNotInForceError) as raised:
        priced(facts, SEPTEMBER, {TouPeriod.SHARP: "1"}, BY_CAPACITY)
    assert raised.value.fact_id == "time_of_use.ratios.large_industry.sharp"


def test_hours_that_a_province_does_not_state_are_nobodys(tmp_path: Path) -> None:
    facts = province(tmp_path / "facts", "[purchase]", LIKE_RATIOS, JIANGSU_LIKE)
    with pytest.raises(FactNotInForceError):
        facts.time_of_use.slot_periods(date(2026, 9, 1), CustomerClass.RESIDENTIAL)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("[energy_base, purchase]", "energy_base floats as a whole, so purchase cannot float beside it"),
        ("[purchases]", "'purchases' is no known component"),
        ("[purchase, basic_demand]", "only components of energy float, not basic_demand"),
    ],
)
def test_what_cannot_float_is_refused(tmp_path: Path, value: str, words: str) -> None:
    province(tmp_path / "facts", "[purchase]", LIKE_RATIOS, JIANGSU_LIKE)
    path = tmp_path / "facts" / "time_of_use.yaml"
    text = path.read_text(encoding="utf-8")
    line = 1 + text[: text.index("value: [purchase]")].count("\n")
    path.write_text(text.replace("value: [purchase]", f"value: {value}"), encoding="utf-8")
    with pytest.raises(FactFileError) as raised:
        load_facts(tmp_path / "facts")
    assert (raised.value.path, raised.value.line) == ("time_of_use.yaml", line)
    assert words in raised.value.message
