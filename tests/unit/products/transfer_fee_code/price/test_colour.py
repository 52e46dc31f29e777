"""Colours by worked cases and by pairs of edges; what grey means; the master bill's refusals."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from pipelines.codes import Confidence, FeeCodeColour, GreyReason, LineComponent
from pipelines.errors import SettingsError, UsageError
from pipelines.facts import Facts, load_facts
from pipelines.facts.transfer_supply import TransferSupplyRules
from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.settings import Settings, load_settings
from pipelines.tariff import BillLine, PricedMonth, SupplyMonth
from pipelines.transforms.billing.account_terms import account_totals
from pipelines.transforms.billing.supply import Accounts
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
from products.transfer_fee_code.price.lawful_reference import MasterBill, master_bills
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


# -- master bills
# ------------------------------------------------------------------------------------------------------------


def customer(**changes: Any) -> dict[str, Any]:
    terms: dict[str, Any] = {
        "customer_id": "S",
        "customer_name": "模拟商场",
        "valid_from_date": date(2026, 1, 1),
        "valid_to_date": None,
        "customer_class_code": "general_commercial",
        "pricing_scheme_code": "single_part",
        "voltage_level_code": "1_to_20kv",
        "is_time_of_use": False,
        "contract_capacity_kva": 250.0,
        "running_capacity_kva": 250.0,
        "demand_basis_code": None,
        "contract_demand_kw": None,
        "power_factor_standard_ratio": None,
        "provenance": "simulated",
    }
    return terms | changes


def metered(**changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(
        (
            "sharp_kwh",
            "peak_kwh",
            "flat_kwh",
            "valley_kwh",
            "deep_valley_kwh",
            "lagging_kvarh",
            "leading_kvarh",
            "max_demand_kw",
        )
    )
    row |= {
        "meter_point_id": "MP",
        "customer_id": "S",
        "billing_month": "2026-09",
        "energy_kwh": Decimal("10000"),
        "resolution_kwh": Decimal("0.01"),
    }
    return row | {"metered_days": 30, "month_days": 30, "estimated_ratio": 0.0} | changes


def bill_of(
    customers: list[dict[str, Any]],
    determinants: list[dict[str, Any]],
    facts: Facts = FACTS,
    settings: TransferFeeCodeSettings = SETTINGS,
) -> MasterBill:
    return master_bills({"S"}, Accounts(customers, determinants), SEPTEMBER, facts, settings, LIMITS)["S"]


def test_a_single_part_master_bill_by_hand() -> None:
    # 10,000 kWh x (0.5250 + 0.2114 + 0.02923875): 5,250.00 + 2,114.00 + 292.39 (each rounded once).
    bill = bill_of([customer()], [metered()])
    assert (bill.refusal, bill.total_cny, bill.energy_kwh) == (None, Decimal("7656.39"), Decimal("10000"))
    assert bill.purchase_price == Fraction("0.765639")
    assert bill.is_illustrative
    assert bill.confidence is Confidence.ILLUSTRATIVE


@pytest.mark.parametrize(
    ("customers", "determinants", "reason"),
    [
        ([], [metered()], GreyReason.NO_MASTER_ACCOUNT),
        ([customer(valid_from_date=date(2026, 10, 1))], [metered()], GreyReason.NO_MASTER_ACCOUNT),
        ([customer()], [], GreyReason.NO_MASTER_BILL),
        ([customer()], [metered(billing_month="2026-08")], GreyReason.NO_MASTER_BILL),
        ([customer(customer_class_code=None)], [metered()], GreyReason.MASTER_NOT_PRICED),
        ([customer(is_time_of_use=True)], [metered()], GreyReason.MASTER_NOT_PRICED),
        ([customer()], [metered(energy_kwh=Decimal(0))], GreyReason.MASTER_ZERO_ENERGY),
        ([customer()], [metered(metered_days=29)], GreyReason.MASTER_INCOMPLETE),
        ([customer()], [metered(estimated_ratio=0.1001)], GreyReason.ESTIMATED_TOO_MUCH),
        ([customer()], [metered(estimated_ratio=0.1)], None),
    ],
)
def test_why_a_master_bill_gives_no_reference(
    customers: list[dict[str, Any]], determinants: list[dict[str, Any]], reason: GreyReason | None
) -> None:
    bill = bill_of(customers, determinants)
    assert bill.refusal is reason
    verdict = judge(Declaration(Decimal(100), Decimal(80)), bill, RULES, SETTINGS)
    assert verdict.grey_reason is reason
    assert (
        "grey" in comparison_in_words(Declaration(Decimal(100), Decimal(80)), bill, verdict, RULES)
        or reason is None
    )


def test_the_terms_of_the_months_last_day_count() -> None:
    older = customer(valid_to_date=date(2026, 8, 31), customer_name="before", power_factor_standard_ratio=0.9)
    newer = customer(valid_from_date=date(2026, 9, 1), customer_name="now")
    assert bill_of([newer, older], [metered()]).supplier_name == "now"


def test_meter_points_of_one_account_are_added() -> None:
    two = [
        metered(max_demand_kw=100.1, lagging_kvarh=Decimal("5"), leading_kvarh=Decimal("1")),
        metered(
            max_demand_kw=50.2,
            lagging_kvarh=Decimal("6"),
            leading_kvarh=Decimal("0"),
            resolution_kwh=Decimal("0.002"),
        ),
    ]
    joined = account_totals(two)
    assert (joined.energy_kwh, joined.max_demand_kw, joined.lagging_kvarh, joined.leading_kvarh) == (
        20000,
        Decimal("150.3"),
        11,
        1,
    )
    assert joined.energy_by_period is None
    assert joined.resolution_kwh == Decimal("0.002")
    assert account_totals([two[0], metered()]).max_demand_kw is None
    weighted = bill_of([customer()], [metered(estimated_ratio=0.2), metered(energy_kwh=Decimal("30000"))])
    assert weighted.estimated_ratio == pytest.approx(0.05)


def test_the_pricer_gets_the_contract_and_its_facts_are_kept() -> None:
    seen: list[SupplyMonth] = []

    def price(supply: SupplyMonth, facts: Facts) -> PricedMonth:
        seen.append(supply)
        line = BillLine(
            1,
            LineComponent.FUNDS,
            None,
            Decimal(1),
            "kWh",
            Decimal(1),
            "CNY/kWh",
            Decimal("9.00"),
            "funds",
            Confidence.SECONDARY,
            "",
        )
        return PricedMonth(
            SEPTEMBER,
            (line, line),
            Decimal("18.00"),
            False,
            Confidence.SECONDARY,
            None,
            None,
            None,
            ("reactive_registers",),
        )

    bill = master_bills(
        {"S"},
        Accounts([customer(contract_demand_kw=60.5)], [metered()]),
        SEPTEMBER,
        FACTS,
        SETTINGS,
        LIMITS,
        price,
    )["S"]
    assert seen[0].segments[0].contract.contract_demand_kw == Decimal("60.5")
    assert (bill.fact_ids, bill.confidence, bill.is_illustrative, bill.missing_inputs) == (
        ("funds",),
        Confidence.SECONDARY,
        False,
        ("reactive_registers",),
    )


def test_a_pricer_that_cannot_is_told_in_words() -> None:
    def price(supply: SupplyMonth, facts: Facts) -> PricedMonth:
        raise UsageError("The contract needs a curve.")

    bill = master_bills(
        {"S"}, Accounts([customer()], [metered()]), SEPTEMBER, FACTS, SETTINGS, LIMITS, price
    )["S"]
    assert (bill.refusal, bill.refusal_note) == (GreyReason.MASTER_NOT_PRICED, "The contract needs a curve.")


def test_settings_refuse_a_range_that_is_none(tmp_path: Any) -> None:
    import shutil

    conf = tmp_path / "conf"
    shutil.copytree(load_settings().conf_dir, conf)
    path = conf / "transfer_fee_code.yaml"
    path.write_text(path.read_text().replace('max_cny_per_kwh: "3.00"', 'max_cny_per_kwh: "0.20"'))
    with pytest.raises(SettingsError, match="must lie below"):
        Settings(conf, tmp_path / "home").section(TransferFeeCodeSettings)
