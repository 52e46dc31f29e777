"""The master bill's refusals, and what it says of its supplier."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from pipelines.codes import Confidence, GreyReason, LineComponent
from pipelines.errors import SettingsError, UsageError
from pipelines.facts import Facts, load_facts
from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.settings import Settings, load_settings
from pipelines.tariff import BillLine, PricedMonth, SupplyMonth
from pipelines.transforms.billing.account_terms import account_totals
from pipelines.transforms.billing.supply import Accounts
from products.transfer_fee_code.page.words import comparison_in_words
from products.transfer_fee_code.price.colour import (
    Declaration,
    judge,
)
from products.transfer_fee_code.price.lawful_reference import MasterBill, master_bills
from products.transfer_fee_code.settings import TransferFeeCodeSettings

SEPTEMBER = BillingMonth(2026, 9)
SETTINGS = load_settings().section(TransferFeeCodeSettings)
LIMITS = load_settings().section(PublicationSettings)
FACTS = load_facts(load_settings().facts_dir)
RULES = FACTS.transfer_supply.on(SEPTEMBER.last_day)


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
