"""Who is billed in a month and who is not, one reason each."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from pipelines.codes import CustomerClass, Provenance
from pipelines.periods import BillingMonth
from pipelines.settings import in_todays_shape
from products.efficiency_bill.settings import BilledSettings, EfficiencyBillSettings
from products.efficiency_bill.training import reference_end
from products.efficiency_bill.unbilled.billed import billed_customers, left_out_by
from products.efficiency_bill.unbilled.unpriced import unpriced_row
from tests.unit.products.efficiency_bill.case.gold_rows import SETTINGS

AUGUST = BillingMonth(2026, 8)
ALL = BilledSettings(classes=(), left_out_provenances=(), prefixes=())


def terms(name: str, first: date = date(2026, 1, 1), **other: Any) -> Any:
    return {
        "customer_id": name,
        "valid_from_date": first,
        "valid_to_date": None,
        "customer_name": f"name of {name}",
        "customer_class_code": "general_commercial",
        "provenance": "real",
        **other,
    }


def told(*rows: Any, rule: BilledSettings = ALL, holders: str = "", metered: str = "") -> Any:
    found = billed_customers(rows, AUGUST, rule, holders.split(), metered.split())
    assert not found.names & set(found.unbilled)
    return sorted(found.names), {name: row["reason_code"] for name, row in found.unbilled.items()}


def test_everybody_with_terms_and_metering_is_billed_whatever_the_number() -> None:
    rows = [terms("7"), terms("甲/1", customer_class_code=None), terms("SIM-1", provenance="simulated")]
    assert told(*rows, metered="7 甲/1 SIM-1") == (["7", "SIM-1", "甲/1"], {})


def test_each_way_of_having_no_bill_has_its_reason() -> None:
    rows = [
        terms("later", date(2026, 9, 1)),
        terms("nowhere"),
        terms("silent"),
        terms("ended", valid_to_date=date(2026, 7, 31)),
        terms("ended long ago", valid_to_date=date(2026, 3, 31)),
    ]
    assert told(*rows, holders="silent ended unknown", metered="ended stranger") == (
        [],
        {
            "ended": "no_terms",
            "later": "no_terms",
            "nowhere": "no_meter_point",
            "silent": "no_readings",
            "stranger": "no_terms",
            "unknown": "no_terms",
        },
    )


def test_the_newest_terms_of_the_month_decide() -> None:
    rule = BilledSettings(classes=(CustomerClass.LARGE_INDUSTRY,), left_out_provenances=(), prefixes=())
    rows = [
        terms("up", valid_to_date=date(2026, 8, 14)),
        terms("up", date(2026, 8, 15), customer_class_code="large_industry"),
        terms("next month", valid_to_date=date(2026, 8, 31)),
        terms("next month", date(2026, 9, 1), customer_class_code="large_industry"),
    ]
    found = billed_customers(rows, AUGUST, rule, (), ("up", "next month"))
    assert (found.names, set(found.unbilled)) == ({"up"}, {"next month"})
    assert "billed.classes: large_industry" in found.unbilled["next month"]["detail_en"]


@pytest.mark.parametrize(
    ("provenance", "is_left_out"),
    [("simulated", True), ("real+simulated", True), ("real+dates_shifted+derived+assumed", False)],
)
def test_a_kind_of_provenance_leaves_out_who_names_it(provenance: str, is_left_out: bool) -> None:
    rule = BilledSettings(classes=(), left_out_provenances=(Provenance.SIMULATED,), prefixes=())
    assert (left_out_by(terms("x", provenance=provenance), rule) is not None) is is_left_out


def test_settings_of_before_say_the_same_in_todays_keys() -> None:
    before = SETTINGS.model_dump(exclude={"billed"}) | {
        "billed_prefixes": ["STEEL-", "BDG-"],
        "reference_to": "2026-07-31",
    }
    kept = EfficiencyBillSettings.model_validate(in_todays_shape(EfficiencyBillSettings, before))
    assert kept.billed == BilledSettings(classes=(), left_out_provenances=(), prefixes=("STEEL-", "BDG-"))
    assert [left_out_by(terms(name), kept.billed) is None for name in ("STEEL-1", "BDG-1", "7")] == [
        True,
        True,
        False,
    ]
    assert reference_end(kept, [BillingMonth(2026, 9)]) == date(2026, 7, 31)


def test_the_baseline_learns_up_to_the_day_before_the_first_billed_month() -> None:
    moving = SETTINGS.with_values({"reference_to": None})
    assert reference_end(moving, [BillingMonth(2026, 9), AUGUST]) == date(2026, 7, 31)
    assert reference_end(moving, [BillingMonth(2027, 1)]) == date(2026, 12, 31)
    assert reference_end(moving, []) is None


def bill(**other: Any) -> Any:
    return {
        "customer_id": "7",
        "customer_name": "seven",
        "billing_month": "2026-08",
        "total_cny": Decimal("1.00"),
        "is_illustrative": False,
        "provenance": "real",
        "missing_inputs": ["curve", "baseline_model", "baseline"],
        **other,
    }


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, None),
        ({"is_illustrative": True}, "illustrative_price"),
        ({"is_illustrative": True, "provenance": "real+dates_shifted"}, None),
        ({"total_cny": None}, "input_missing"),
        ({"total_cny": None, "missing_inputs": ["contract", "price"]}, "contract_incomplete"),
        ({"total_cny": None, "missing_inputs": ["contract_refused", "price"]}, "contract_refused"),
        ({"total_cny": None, "missing_inputs": ["price_not_published", "price"]}, "price_not_published"),
    ],
)
def test_a_bill_that_charges_nothing_or_may_not_leave_counts_as_none(
    changed: dict[str, Any], reason: str | None
) -> None:
    row = unpriced_row(bill(**changed))
    assert (row and row["reason_code"]) == reason
    assert row is None or ("baseline" not in row["detail_en"] and row["detail_zh"])
