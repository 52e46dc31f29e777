"""What a bill and a correction sheet have to stand before they are delivered, on both sides of the edge."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from zhixiang.delivery.bill_checks import why_not, why_not_sheet
from zhixiang.reports.correction_sheets import Sheet
from zhixiang.reports.kept_rules import PossibleRules

UNKNOWN = PossibleRules(Path("/nowhere"), (), is_told=False)


def bill(total: str | None, *amounts: str) -> Any:
    lines = [{"amount_cny": Decimal(amount)} for amount in amounts]
    result = {"total_cny": None if total is None else Decimal(total), "computed_run_id": "run-1"}
    return {"result": result, "efficiency_bill_lines_v1": lines}


@pytest.mark.parametrize(
    ("total", "amounts", "stands"),
    [
        ("3.00", ("1.00", "2.00"), True),
        ("3.01", ("1.00", "2.00"), False),
        ("2.99", ("1.00", "2.00"), False),
        ("-1.00", ("1.00", "-2.00"), True),
        ("0.00", (), True),
        ("0.01", (), False),
        (None, (), True),
        (None, ("1.00",), False),
    ],
)
def test_lines_add_up_to_the_fen(total: str | None, amounts: tuple[str, ...], stands: bool) -> None:
    assert (why_not(bill(total, *amounts), UNKNOWN) is None) is stands


def test_a_bill_whose_rules_are_not_kept_is_held_to_its_sum_alone() -> None:
    found: Any = {**bill("0.00"), "efficiency_bill_inputs_v1": []}
    assert why_not(found, PossibleRules(Path("/nowhere"), ("0" * 64,), is_told=True)) is None


@pytest.mark.parametrize(("difference", "stands"), [("0.50", True), ("0.51", False), ("-0.50", False)])
def test_a_sheet_settles_the_difference_of_its_bills(difference: str, stands: bool) -> None:
    now: Any = {"total_cny": Decimal("10.50")}
    then: Any = {"total_cny": Decimal("10.00")}
    row: Any = {"difference_cny": Decimal(difference)}
    assert (why_not_sheet(Sheet(now, then, (row,))) is None) is stands
