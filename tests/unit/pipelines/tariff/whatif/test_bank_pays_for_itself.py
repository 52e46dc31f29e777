"""What a bank of capacitors is paid back by: its own saving, and by no other lever that stands beside it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pipelines.periods import BillingMonth
from pipelines.tariff.whatif.choices import Alternative, as_agreed, basic_charge_choices
from pipelines.tariff.whatif.compensation import compensation_choices
from pipelines.tariff.whatif.notice_plan import from_month
from tests.unit.pipelines.tariff.whatif.test_compensation import FACTS, WORKS, works_curve
from zhixiang.cli.products.what_if_rows import joined_levers, rows_of

D = Decimal
NOW = as_agreed([WORKS], FACTS)
PRICE = 100.0


def choices(target: str) -> list[Alternative]:
    return compensation_choices([WORKS], [works_curve()], D(target), FACTS)


@pytest.mark.parametrize(
    ("target", "banks"),
    [
        ("0.50", {"fixed bank"}),
        ("0.81", {"fixed bank"}),
        ("0.86", {"fixed bank", "switched bank"}),
        ("0.90", {"fixed bank", "switched bank", "no over-compensation, switched bank"}),
    ],
)
def test_a_target_that_is_reached_asks_for_no_switched_bank(target: str, banks: set[str]) -> None:
    """0.81 as it is and 0.87 without over-compensation: one kvar was sized for either, with a payback of 0.0
    months.
    """
    assert {choice.name for choice in choices(target) if "bank_kvar" in choice.changes} == banks


def test_ended_over_compensation_and_another_basis_pay_for_no_bank() -> None:
    """9 kvar at 900 CNY were paid back in 0.3 months by 3,260.80 CNY, of which 2,173.87 need no bank."""
    found = choices("0.90")
    found += joined_levers([*found, *basic_charge_choices([WORKS], FACTS)], NOW, FACTS, None)
    rows = {row["alternative"]: row for row in rows_of(found, NOW, PRICE)}
    both = rows["no over-compensation, switched bank"]
    assert (both["saving_cny"], both["bank_cost_cny"]) == (D("3260.80"), D("900.00"))
    assert both["payback_months"] == D("0.8")  # 900 / (3,260.80 - 2,173.87)
    assert rows["switched bank"]["payback_months"] == D("0.9")  # 3,000 / 3,260.80
    joined = next(row for name, row in rows.items() if " + " in name)
    assert (joined["bank_cost_cny"], joined["payback_months"]) == (D("900.00"), None)


def test_a_bank_that_comes_later_is_paid_back_by_no_month_before_it() -> None:
    (switched,) = (choice for choice in choices("0.90") if choice.name == "switched bank")
    at_once = from_month(switched, NOW, BillingMonth(2026, 9))
    assert at_once.without_bank_cny == NOW.total_cny
    assert from_month(switched, NOW, BillingMonth(2026, 10)).without_bank_cny is None
