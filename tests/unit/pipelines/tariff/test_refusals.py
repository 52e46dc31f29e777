"""What the engine does not price: a level without tiers, a dwelling on the market, days without a segment,
funds nobody published, odd files.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.codes import CustomerClass, LineComponent, PricingScheme, VoltageLevel
from pipelines.errors import FactFileError, FactNotForContractError, FactNotInForceError, UsageError
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, Segment, SupplyMonth, price_supply
from pipelines.tariff.cases.case_files import read_case
from tests.measured_months import Measured, supply_of
from zhixiang.cli.main import run_app

D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
SEPTEMBER, APRIL = BillingMonth(2026, 9), BillingMonth(2018, 4)
HOME = Contract(CustomerClass.RESIDENTIAL, PricingScheme.SINGLE_PART, VoltageLevel.BELOW_1KV, False)
SHOP = Contract(CustomerClass.GENERAL_COMMERCIAL, PricingScheme.SINGLE_PART, VoltageLevel.BELOW_1KV, False)
SHOP_FILE = (
    "title: t\n"
    "contract: {customer_class: general_commercial, pricing_scheme: single_part, voltage_level: below_1kv, "
    "is_time_of_use: false%s}\nmonths:\n"
)


def month(contract: Contract, energy: str = "100") -> SupplyMonth:
    return SupplyMonth(SEPTEMBER, (Segment(contract, SEPTEMBER.first_day, SEPTEMBER.last_day, D(energy)),))


def test_tiers_hold_below_1_kv_alone() -> None:
    high = month(dataclasses.replace(HOME, voltage_level=VoltageLevel.KV_1_TO_20))
    with pytest.raises(
        FactNotForContractError, match=r"residential\.tiers.*dwellings at below_1kv, not at 1_to_20kv"
    ):
        price_supply(high, FACTS)
    # Behind a combined meter the level has a price of its own: 100 x 0.538.
    combined = month(dataclasses.replace(HOME, voltage_level=VoltageLevel.KV_1_TO_20, is_combined_meter=True))
    assert price_supply(combined, FACTS).total_cny == D("53.80")


def test_a_dwelling_has_no_market_price() -> None:
    bought = month(dataclasses.replace(HOME, market_price_cny_per_kwh=D("0.4")))
    with pytest.raises(UsageError, match="not on the market"):
        price_supply(bought, FACTS)


def test_days_between_two_segments_are_not_left_out() -> None:
    first = Segment(SHOP, date(2026, 9, 1), date(2026, 9, 10), D(100))
    for begins, is_whole in ((11, True), (12, False)):
        supply = SupplyMonth(
            SEPTEMBER, (first, Segment(SHOP, date(2026, 9, begins), date(2026, 9, 30), D(200)))
        )
        if is_whole:
            price_supply(supply, FACTS)
            continue
        with pytest.raises(UsageError, match="No segment of 2026-09 prices 2026-09-11 to 2026-09-11"):
            price_supply(supply, FACTS)
    # A supply may begin and end inside the month, and a part beside the main one may pause.
    price_supply(SupplyMonth(SEPTEMBER, (dataclasses.replace(first, first_day=date(2026, 9, 5)),)), FACTS)
    home = dataclasses.replace(HOME, is_combined_meter=True)
    spans = ((1, 5), (20, 30))
    beside = tuple(
        Segment(home, date(2026, 9, a), date(2026, 9, b), D(10), section="dormitory") for a, b in spans
    )
    whole = Segment(SHOP, SEPTEMBER.first_day, SEPTEMBER.last_day, D(100))
    supply = SupplyMonth(SEPTEMBER, (whole, *beside))
    assert price_supply(supply, FACTS).total_cny > 0


def test_funds_inside_the_catalogue_are_asked_for_and_can_be_entered() -> None:
    """1,000 kWh at 0.7897 are 789.70; without 30.00 of funds at 0.03 the base is 759.70, and 0.80 against
    0.90 adds 5 %: 37.99 (37.985).
    """
    contract = dataclasses.replace(
        SHOP,
        voltage_level=VoltageLevel.KV_1_TO_20,
        power_factor_standard=D("0.90"),
        contract_capacity_kva=D(200),
    )
    measured = Measured(APRIL, D(1000), None, None, D(750), D(0), D("0.01"))
    with pytest.raises(FactNotInForceError) as caught:
        price_supply(supply_of(contract, measured), FACTS)
    assert "funds inside catalogue prices" in caught.value.hint
    assert "tariffs/funds.yaml" in caught.value.hint
    assert "unverified" in caught.value.hint
    (published,) = FACTS.funds.versions
    read = dataclasses.replace(
        published,
        value=D("0.03"),
        effective_from=APRIL.first_day,
        effective_to=APRIL.last_day,
        known_from=APRIL.first_day,
    )
    facts = dataclasses.replace(FACTS, funds=dataclasses.replace(FACTS.funds, versions=(read, published)))
    bill = price_supply(supply_of(contract, measured), facts)
    assert [(line.component, line.amount_cny) for line in bill.lines] == [
        (LineComponent.CATALOGUE_ENERGY, D("789.70")),
        (LineComponent.POWER_FACTOR_ADJUSTMENT, D("37.99")),
    ]


@pytest.mark.parametrize(
    ("months", "line", "says"),
    [
        ('  - {month: 2026-09, energy_kwh: "1e500"}', 4, "plain decimals"),
        ('  - {month: 2026-09, energy_kwh: "1E3"}', 4, "plain decimals"),
        ("  - {month: 2026-09, energy_kwh: 1e3}", 4, "plain decimals"),
        ("  - {month: 2026-09, energy_kwh: 12345678901234567}", 4, "plain decimals"),
        (
            "  - &m {month: 2026-09, energy_kwh: 1, energy_by_period: *m}",
            4,
            "stands inside the part that it names",
        ),
    ],
)
def test_odd_numbers_and_aliases_are_told_with_their_line(
    months: str, line: int, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(SHOP_FILE % "" + months + "\n", encoding="utf-8")
    with pytest.raises(FactFileError, match=f"{path}:{line}: .*{says}"):
        read_case(path)


def test_aliases_that_grow_without_end_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    grown = "\n".join(
        [
            "a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]",
            *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)),
        ]
    )
    path.write_text(grown + "\n", encoding="utf-8")
    with pytest.raises(FactFileError, match="unfolds to more than 100,000 values"):
        read_case(path)


@pytest.mark.parametrize(
    ("terms", "key"),
    [
        ("is_ev_charging: true", "is_ev_charging"),
        ("market_price_cny_per_kwh: 0.4", "market_price_cny_per_kwh"),
    ],
)
def test_a_dwellings_case_says_what_it_cannot_have(terms: str, key: str, tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    text = SHOP_FILE.replace("general_commercial", "residential").replace("false%s", "true, " + terms)
    path.write_text(
        text + "  - {month: 2026-09, energy_kwh: 2, energy_by_period: {peak: 1, valley: 1}}\n",
        encoding="utf-8",
    )
    with pytest.raises(FactFileError, match=f"contract.{key}: "):
        read_case(path)


@pytest.mark.parametrize(
    ("terms", "months", "lacks"),
    [
        ("", ["2026-09"], [True]),
        ("", ["2026-01"], [False]),
        ("", ["2026-08", "2026-09"], [True, True]),
        ("", ["2026-08, year_to_date_kwh: 0", "2026-09"], [False, False]),
        ("", ["2026-01", "2026-02", "2026-09"], [False, False, True]),
        ("", ["2026-09, year_to_date_kwh: 0"], [False]),
        (", supply_began: 2026-09-03", ["2026-09"], [False]),
        (", supply_began: 2026-05-03", ["2026-09"], [True]),
        (", is_combined_meter: true", ["2026-09"], [False]),
    ],
)
def test_a_year_that_is_not_told_is_a_missing_input(
    terms: str,
    months: list[str],
    lacks: list[bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "case.yaml"
    text = SHOP_FILE.replace("general_commercial", "residential") % terms
    path.write_text(
        text + "".join(f"  - {{month: {each}, energy_kwh: 100}}\n" for each in months), encoding="utf-8"
    )
    monkeypatch.setattr(sys, "argv", ["zhixiang", "tariff", "price", str(path), "--json"])
    assert run_app() == 0
    told = json.loads(capsys.readouterr().out)["months"]
    assert [each["missing_inputs"] == ["year_to_date_kwh"] for each in told] == lacks
