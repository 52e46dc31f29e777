"""Power factor table, capacity limits, colours, carbon, industries."""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.codes import Confidence, PricingScheme, VoltageLevel
from pipelines.errors import FactNotInForceError, UsageError
from pipelines.facts import load_facts
from pipelines.settings import packaged

FOLDER = packaged("conf") / "facts"
FACTS = load_facts(FOLDER)
DAY = date(2026, 9, 1)
RULE = FACTS.power_factor_adjustment.on(DAY)
CELLS = [(mean, standard, percent) for mean, row in RULE.printed.items() for standard, percent in row.items()]


def twentieths_of_a_percent(mean: int, standard: int) -> int:
    """The rule of 1983 in whole numbers: power factors in hundredths, the answer in 1/20 percent."""
    if mean < standard:
        below = standard - mean
        return 10 * below + 10 * max(0, below - 20) + 20 * max(0, below - 25)
    first, last = {90: (90, 95), 85: (90, 94), 80: (90, 92)}[standard]
    return -2 * max(0, min(mean, first) - standard) - 3 * max(0, min(mean, last) - max(first, standard))


def test_the_table_has_141_cells_from_0_54_to_1_00() -> None:
    assert len(CELLS) == 141
    assert (min(RULE.printed), max(RULE.printed)) == (Decimal("0.54"), Decimal("1.00"))


@pytest.mark.parametrize(("mean", "standard", "percent"), CELLS)
def test_every_printed_cell_is_what_the_rule_gives(
    mean: Decimal, standard: Decimal, percent: Decimal
) -> None:
    assert RULE.ratio(mean, standard) * 100 == percent
    assert twentieths_of_a_percent(int(mean * 100), int(standard * 100)) == percent * 20


@pytest.mark.parametrize("standard", [90, 85, 80])
def test_below_the_table_the_rule_goes_on(standard: int) -> None:
    for mean in range(101):
        ratio = RULE.ratio(Decimal(mean) / 100, Decimal(standard) / 100)
        assert ratio == Decimal(twentieths_of_a_percent(mean, standard)) / 2000


@pytest.mark.parametrize(
    ("mean", "standard", "percent"),
    [
        ("0.77", "0.90", "6.5"),
        ("0.93", "0.90", "-0.45"),
        ("0.64", "0.90", "17"),
        ("0.81", "0.90", "4.5"),
        ("0.90", "0.90", "0"),
        ("0.89", "0.90", "0.5"),
        ("0.53", "0.90", "39"),
        ("0.53", "0.80", "19"),
    ],
)
def test_worked_examples(mean: str, standard: str, percent: str) -> None:
    assert RULE.ratio(Decimal(mean), Decimal(standard)) * 100 == Decimal(percent)


@pytest.mark.parametrize(
    ("mean", "standard"), [("0.815", "0.90"), ("1.01", "0.90"), ("-0.01", "0.90"), ("0.81", "0.88")]
)
def test_what_is_no_power_factor_or_no_standard_is_refused(mean: str, standard: str) -> None:
    with pytest.raises(UsageError):
        RULE.ratio(Decimal(mean), Decimal(standard))


@pytest.mark.parametrize(
    ("capacity", "single", "two"),
    [
        ("100", True, False),
        ("100.01", True, True),
        ("314.99", True, True),
        ("315", False, True),
        ("10", True, False),
        ("800", False, True),
    ],
)
def test_single_or_two_part_by_capacity(capacity: str, single: bool, two: bool) -> None:
    allowed = FACTS.pricing_scheme.on(DAY).allowed(Decimal(capacity))
    assert (PricingScheme.SINGLE_PART in allowed, PricingScheme.TWO_PART in allowed) == (single, two)


def test_prices_of_the_fourth_period_begin_on_the_first_of_august() -> None:
    energy = FACTS.transmission.two_part_energy
    with pytest.raises(FactNotInForceError, match="transmission"):
        energy.on(date(2026, 7, 31))
    assert energy.on(date(2026, 8, 1)) == {
        VoltageLevel.KV_1_TO_20: Decimal("0.1250"),
        VoltageLevel.KV_35: Decimal("0.0895"),
        VoltageLevel.KV_110: Decimal("0.0767"),
        VoltageLevel.KV_220_UP: Decimal("0.0663"),
    }
    assert FACTS.transmission.single_part_energy.on(DAY) == {
        VoltageLevel.BELOW_1KV: Decimal("0.2412"),
        VoltageLevel.KV_1_TO_20: Decimal("0.2114"),
    }


def test_every_level_of_the_table_breaks_even_at_five_eighths_of_the_capacity() -> None:
    capacity, demand = (
        FACTS.transmission.two_part_capacity.on(DAY),
        FACTS.transmission.two_part_demand.on(DAY),
    )
    assert {capacity[level] / demand[level] for level in capacity} == {Decimal("0.625")}


def test_the_printed_reading_is_a_choice_in_the_file(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(FOLDER, tmp_path / "facts"))
    path = folder / "tariffs/transmission.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("reading: corrected_labels", "reading: printed_labels"),
        encoding="utf-8",
    )
    prices = load_facts(folder).transmission
    assert prices.reading == "printed_labels"
    assert prices.two_part_energy.on(DAY)[VoltageLevel.BELOW_1KV] == Decimal("0.1250")
    assert prices.single_part_energy.on(DAY)[VoltageLevel.KV_110] == Decimal("0.1700")


def test_funds_are_the_sum_of_their_three_parts() -> None:
    water = Decimal("0.01436") * Decimal("0.75") * Decimal("0.75") * Decimal("0.5")
    assert FACTS.funds.on(DAY) == Decimal("0.019") + Decimal("0.0062") + water


def test_colours_of_the_fee_code_by_version() -> None:
    first, second = FACTS.transfer_supply.on(date(2020, 11, 9)), FACTS.transfer_supply.on(date(2020, 11, 10))
    assert (first.colour_rule, first.red_min_ratio, first.green_max_ratio) == ("discount_share", None, None)
    assert first.verification_after_months is None
    assert (second.red_min_ratio, second.green_max_ratio) == (Decimal("0.30"), Decimal("0.05"))
    assert second.green_max_alternatives_ratio == (Decimal("0.05"), Decimal("0.15"))
    assert (second.loss_cap_ratio, second.verification_after_months) == (0, 2)
    assert second.lawful_modes == ("state_price_per_kwh", "shared_by_kwh")
    with pytest.raises(FactNotInForceError):
        FACTS.transfer_supply.on(date(2020, 2, 29))
    assert FACTS.transfer_supply.loss_caps_elsewhere.on(DAY)["shandong"] == Decimal("0.12")


def test_carbon_factors_by_data_year_and_by_knowledge() -> None:
    now = FACTS.emission_factor.on(DAY)
    assert (now.data_year, now.national, now.east_china, now.fossil) == (
        2023,
        Decimal("0.5306"),
        Decimal("0.5500"),
        Decimal("0.8273"),
    )
    earlier = FACTS.emission_factor.on(DAY, known=date(2025, 12, 31))
    assert (earlier.data_year, earlier.national, earlier.east_china) == (2022, Decimal("0.5366"), None)


def test_industries_are_the_20_sections_and_97_divisions() -> None:
    sections = [code for code in FACTS.industries if code.isalpha()]
    divisions = [code for code in FACTS.industries if code.isdigit()]
    assert (len(sections), len(divisions)) == (20, 97)
    assert divisions == sorted(divisions)
    assert [FACTS.industries[code].section for code in divisions] == sorted(
        FACTS.industries[code].section for code in divisions
    )
    steel = FACTS.industries["31"]
    assert (steel.section, steel.name_zh, steel.confidence) == (
        "C",
        "黑色金属冶炼和压延加工业",
        Confidence.UNVERIFIED,
    )
    manufacturing = [code for code in divisions if FACTS.industries[code].section == "C"]
    assert (manufacturing[0], manufacturing[-1]) == ("13", "43")
