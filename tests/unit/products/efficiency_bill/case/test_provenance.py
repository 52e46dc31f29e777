"""A bill's provenance joins that of the terms, the meter points and the shares that it rests on."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from pipelines.tables.gold import GoldBillingDeterminants
from pipelines.tables.silver import SilverCustomers, SilverMeterPoints, SilverSupplyShares
from pipelines.transforms.billing.supply import Accounts
from products.efficiency_bill.case.case import gather_cases
from products.efficiency_bill.case.text import case_from_text
from products.efficiency_bill.issue import issue_bill
from tests.unit.products.efficiency_bill.case.gold_rows import (
    BUILDING,
    FACTS,
    LIMITS,
    REGISTERS,
    SEPTEMBER,
    SETTINGS,
    september_days,
    table,
)

SHARE: dict[str, Any] = {
    "share_id": "S",
    "valid_from_date": date(2026, 1, 1),
    "main_meter_point_id": "MP-A",
    "section_name": "dormitory",
    "share_ratio": Decimal("0.1"),
    "customer_class_code": "general_commercial",
    "voltage_level_code": "1_to_20kv",
    "is_time_of_use": False,
}
METERS_FROM = (date(2026, 9, 1), date(2026, 9, 10))


def point(name: str, first: date, provenance: str) -> dict[str, Any]:
    return {
        "meter_point_id": name,
        "valid_from_date": first,
        "meter_id": f"{name}-{first}",
        "multiplier_ratio": 1.0,
        "provenance": provenance,
    }


@pytest.mark.parametrize(
    ("terms", "points", "share", "found"),
    [
        ("real", ["simulated"], None, "real+simulated"),
        ("real", ["real", "real+dates_shifted"], None, "real+dates_shifted"),
        ("real", [], "assumed", "real+assumed"),
        ("simulated", ["real"], "derived", "real+derived+simulated"),
        ("assumed+real", ["real"], "assumed", "assumed+real"),
    ],
)
def test_a_bill_names_what_its_meter_points_and_shares_are_as_well(
    terms: str, points: list[str], share: str | None, found: str
) -> None:
    other = date(2026, 8, 31)
    accounts = Accounts(
        table(SilverCustomers, BUILDING | {"provenance": terms}).to_pylist(),
        table(GoldBillingDeterminants, REGISTERS).to_pylist(),
        shares=table(
            SilverSupplyShares,
            *([] if share is None else [SHARE | {"provenance": share}]),
            SHARE | {"share_id": "gone", "ended_date": other, "provenance": "simulated"},
            SHARE | {"share_id": "else", "main_meter_point_id": "MP-B", "provenance": "simulated"},
        ).to_pylist(),
        meter_points=table(
            SilverMeterPoints,
            *(point("MP-A", first, text) for first, text in zip(METERS_FROM, points, strict=False)),
            point("MP-A", date(2026, 10, 1), "assumed"),
            point("MP-B", date(2026, 1, 1), "simulated"),
        ).to_pylist(),
    )
    days = september_days("BDG-A")
    (case,) = gather_cases(accounts, days, {}, SEPTEMBER, SETTINGS, LIMITS)
    bill = issue_bill(case, FACTS, SETTINGS, "m", "1")
    assert bill["provenance"] == found
    assert case_from_text(bill["inputs"][0]["case_inputs"]).terms["provenance"] == found
