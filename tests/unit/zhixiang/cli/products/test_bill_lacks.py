"""What ``bill show`` says of what a bill lacks: in words where it has no price."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from zhixiang.cli.products.bills import say_lacks


def told(capsys: pytest.CaptureFixture[str], total: Decimal | None, *lacks: str) -> str:
    bill: Any = {
        "customer_id": "A-1",
        "billing_month": "2026-09",
        "total_cny": total,
        "missing_inputs": [*lacks],
    }
    say_lacks(bill)
    return " ".join(capsys.readouterr().out.split())


def test_the_missing_curve_stands_for_the_price_that_it_costs(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, None, "curve", "baseline", "price")
    assert "missing: curve, baseline 未计价" in text
    assert "deliver a load curve" in text


def test_a_price_that_nothing_explains_stays_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, None, "price").endswith("missing: price")


def test_a_priced_bill_tells_no_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, Decimal(1), "curve", "advice").endswith("missing: curve, advice")
