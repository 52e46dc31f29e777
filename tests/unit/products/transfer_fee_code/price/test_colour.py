"""Colours by worked cases and by pairs of edges; what grey means."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from pipelines.codes import FeeCodeColour, GreyReason
from pipelines.facts import load_facts
from pipelines.facts.transfer_supply import TransferSupplyRules
from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.settings import load_settings
from products.transfer_fee_code.page.words import comparison_in_words, signed_percent
from products.transfer_fee_code.price.colour import (
    NO_REFERENCE,
    Declaration,
    Verdict,
    judge,
    quantised,
    shown_percent,
    usual_energy,
)
from products.transfer_fee_code.price.lawful_reference import MasterBill
from products.transfer_fee_code.settings import TransferFeeCodeSettings

SEPTEMBER = BillingMonth(2026, 9)
SETTINGS = load_settings().section(TransferFeeCodeSettings)
LIMITS = load_settings().section(PublicationSettings)
FACTS = load_facts(load_settings().facts_dir)
RULES = FACTS.transfer_supply.on(SEPTEMBER.last_day)


def master(total: str, energy: str) -> MasterBill:
    return MasterBill(
        "S", "模拟商场", None, total_cny=Decimal(total), energy_kwh=Decimal(energy), estimated_ratio=0.0
    )


def judged(
    fee: str,
    energy: str,
    bill: MasterBill,
    *,
    green_max: str = "0.05",
    other: str = "0",
    rules: TransferSupplyRules = RULES,
) -> Verdict:
    chosen = replace(rules, green_max_ratio=Decimal(green_max))
    return judge(Declaration(Decimal(energy), Decimal(fee), Decimal(other)), bill, chosen, SETTINGS)


def test_the_facts_in_force_are_the_second_version_with_the_ruling_for_yellow() -> None:
    assert (RULES.colour_rule, RULES.red_min_ratio, RULES.green_max_ratio, RULES.loss_cap_ratio) == (
        "mark_up",
        Decimal("0.30"),
        Decimal("0.05"),
        0,
    )


@pytest.mark.parametrize(
    ("green_max", "colour"), [("0.15", FeeCodeColour.GREEN), ("0.05", FeeCodeColour.YELLOW)]
)
def test_the_wenzhou_case(green_max: str, colour: FeeCodeColour) -> None:
    # Reference 0.6656, charged 0.7177 CNY/kWh: +7.83 %, and 57,410 CNY too much on 1,101,921.9 kWh, whatever
    # the colour.
    verdict = judged("790849.35", "1101921.9", master("6656000", "10000000"), green_max=green_max)
    assert verdict.colour is colour
    assert verdict.mark_up_pct == Decimal("7.83")
    assert verdict.over_reference is not None
    assert quantised(verdict.over_reference, 0) == Decimal("57410")


def test_the_gongshu_case() -> None:
    # Paid 1,135,538.15, charged 1,881,738.91 for the same energy; the excess is 746,200.76.
    verdict = judged("1881738.91", "1000000", master("1135538.15", "1000000"))
    assert verdict.colour is FeeCodeColour.RED
    assert verdict.mark_up_pct == Decimal("65.71")
    assert verdict.over_reference == Fraction("746200.76")


def test_the_shanghai_case() -> None:
    verdict = judged("1174359.77", "1200000", master("1080373.57", "1200000"))
    assert (verdict.colour, verdict.mark_up_pct, verdict.over_reference) == (
        FeeCodeColour.YELLOW,
        Decimal("8.70"),
        Fraction("93986.20"),
    )


@pytest.mark.parametrize(
    ("fee", "colour"),
    [
        ("1300.00", FeeCodeColour.RED),
        ("1299.99", FeeCodeColour.YELLOW),
        ("1050.01", FeeCodeColour.YELLOW),
        ("1050.00", FeeCodeColour.GREEN),
        ("1000.00", FeeCodeColour.GREEN),
        ("900.00", FeeCodeColour.GREEN),
    ],
)
def test_edges_of_the_bands_in_pairs(fee: str, colour: FeeCodeColour) -> None:
    verdict = judged(fee, "1000", master("7000", "7000"))
    assert verdict.colour is colour
    assert verdict.over_reference == max(Fraction(0), Fraction(fee) - 1000)


@pytest.mark.parametrize(
    ("fee", "colour"), [("1150.00", FeeCodeColour.GREEN), ("1150.01", FeeCodeColour.YELLOW)]
)
def test_edges_of_the_other_reading_of_green(fee: str, colour: FeeCodeColour) -> None:
    assert judged(fee, "1000", master("7000", "7000"), green_max="0.15").colour is colour


def test_an_edge_that_no_decimal_division_meets() -> None:
    # Reference 1/3 CNY/kWh: 1.30 x 3 kWh / 3 is exactly the red edge; rounded prices would miss it.
    bill = master("1000", "3000")
    assert judged("1.30", "3", bill).colour is FeeCodeColour.RED
    assert judged("1.299999", "3", bill).colour is FeeCodeColour.YELLOW


@pytest.mark.parametrize(
    ("mark_up", "shown"),
    [
        ("0.299951", "29.995"),
        ("0.2999999", "29.9999"),
        ("0.3", "30.00"),
        ("0.300001", "30.0001"),
        ("0.0500001", "5.0001"),
        ("0.05", "5.00"),
        ("-0.12345", "-12.35"),
    ],
)
def test_a_shown_percentage_never_crosses_the_edge(mark_up: str, shown: str) -> None:
    assert shown_percent(Fraction(mark_up), (Decimal("0.05"), Decimal("0.30"))) == Decimal(shown)


def test_other_charges_belong_to_the_price() -> None:
    assert judged("1000", "1000", master("7000", "7000")).colour is FeeCodeColour.GREEN
    assert judged("1000", "1000", master("7000", "7000"), other="300").colour is FeeCodeColour.RED


def test_a_configured_loss_cap_raises_the_reference() -> None:
    rules = replace(RULES, loss_cap_ratio=Decimal("0.10"))
    verdict = judged("1200", "1080", master("7000", "7000"), rules=rules)
    assert verdict.fair_fee == Fraction(1200)
    assert verdict.mark_up == 0
    declared = Declaration(Decimal(1080), Decimal(1200))
    assert "loss up to 10.00 % = 1.1111 CNY/kWh" in comparison_in_words(
        declared, master("7000", "7000"), verdict, rules
    )


@pytest.mark.parametrize(
    ("fee", "energy", "reason", "over"),
    [
        ("100", "0", GreyReason.ZERO_ENERGY, "100"),
        ("0", "0", GreyReason.ZERO_ENERGY, "0"),
        ("3.01", "1", GreyReason.IMPLAUSIBLE_PRICE, "2.01"),
        ("3.00", "1", None, "2"),
        ("0.20", "1", None, "0"),
        ("0.19", "1", GreyReason.IMPLAUSIBLE_PRICE, "0"),
        ("7000", "7000", None, "0"),
        ("7000", "7000.01", GreyReason.ENERGY_ABOVE_MASTER, "0"),
    ],
)
def test_a_declaration_that_looks_like_a_slip_has_no_colour_and_still_its_yuan(
    fee: str, energy: str, reason: GreyReason | None, over: str
) -> None:
    """Reference 1 CNY/kWh; the yuan show whatever the colour (R14)."""
    verdict = judged(fee, energy, master("7000", "7000"))
    assert verdict.grey_reason is reason
    assert (verdict.colour is FeeCodeColour.GREY) == (reason is not None)
    assert verdict.over_reference == Fraction(over)
    if reason is not None:
        assert (verdict.mark_up, verdict.mark_up_pct) == (None, None)


def test_the_pattern_of_kaitu_is_red_with_its_yuan() -> None:
    """凯图, Gongshu, 2018 to 2020: 1.07 CNY/kWh and 300 to 4,500 CNY a month as a capacity fee. 300 kWh x
    1.07 + 1,000 = 1,321 against 300 x 0.6456 = 193.68 (its purchase price by the totals of the case).
    """
    verdict = judged("321", "300", master("6456000", "10000000"), other="1000")
    assert (verdict.colour, verdict.grey_reason) == (FeeCodeColour.RED, None)
    assert verdict.over_reference == Fraction("1127.32")
    assert verdict.mark_up_pct == Decimal("582.05")
    at_once = judged("1321", "300", master("6456000", "10000000"))
    assert (at_once.grey_reason, at_once.over_reference) == (
        GreyReason.IMPLAUSIBLE_PRICE,
        Fraction("1127.32"),
    ), "4.40 CNY/kWh as the fee alone may be a slip: asked back, with the yuan"


def test_a_vacant_shop_that_was_charged_is_told_the_yuan() -> None:
    verdict = judged("0", "0", master("7000", "7000"), other="300")
    assert (verdict.grey_reason, verdict.over_reference) == (GreyReason.ZERO_ENERGY, Fraction(300))


def test_where_the_suppliers_own_bill_does_not_hold_no_yuan_follow() -> None:
    for reason in NO_REFERENCE:
        verdict = judged("100", "10", replace(master("7000", "7000"), refusal=reason))
        assert (verdict.grey_reason, verdict.over_reference) == (reason, None)


@pytest.mark.parametrize(
    ("before", "energy", "reason"),
    [
        (("90", "110", "100"), "599.99", None),
        (("90", "110", "100"), "600", GreyReason.ENERGY_UNLIKE_BEFORE),
        (("90", "110"), "1200", None),
        (("0", "0", "0", "100"), "1200", None),
    ],
)
def test_a_years_energy_in_a_month_is_asked_back(
    before: tuple[str, ...], energy: str, reason: GreyReason | None
) -> None:
    """Six times the median of at least three months with energy."""
    usual = usual_energy([Decimal(each) for each in before], SETTINGS)
    declared = Declaration(Decimal(energy), Decimal(energy), usual_kwh=usual)
    verdict = judge(declared, master("7000", "7000"), RULES, SETTINGS)
    assert verdict.grey_reason is reason
    assert verdict.over_reference == 0


def test_the_first_version_of_the_code_has_no_bands() -> None:
    first = FACTS.transfer_supply.on(date(2020, 4, 1))
    assert (
        judge(Declaration(Decimal(1), Decimal(1)), master("1", "1"), first, SETTINGS).grey_reason
        is GreyReason.NO_COLOUR_RULE
    )


def test_signed_percent() -> None:
    assert [
        signed_percent(Decimal(text)) for text in ("7.8300", "-0.5000", "29.9990", "0.0000", "100.0000")
    ] == [
        "+7.83",
        "-0.50",
        "+29.999",
        "+0.00",
        "+100.00",
    ]
