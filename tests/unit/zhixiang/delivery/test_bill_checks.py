"""What a bill and a correction sheet have to stand before they are delivered, on both sides of the edge."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.settings import packaged
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


@pytest.mark.parametrize(("now", "then"), [(None, "10.00"), ("10.50", None), (None, None)])
def test_a_sheet_without_a_total_on_one_side_does_not_go_out(now: str | None, then: str | None) -> None:
    rows: Any = [{"total_cny": None if total is None else Decimal(total)} for total in (now, then)]
    row: Any = {"difference_cny": Decimal("0.50")}
    assert "no total" in (why_not_sheet(Sheet(rows[0], rows[1], (row,))) or "")


def test_a_bill_that_none_of_the_kept_rules_gives_does_not_go_out() -> None:
    found: Any = {**bill("0.00"), "efficiency_bill_inputs_v1": []}
    two = PossibleRules(Path("/nowhere"), ("0" * 64, "1" * 64), is_told=False)
    assert not two.are_gone
    assert "none of those kept fits" in (why_not(found, two) or "")


@pytest.mark.parametrize(
    ("digests", "is_told", "are_gone"),
    [
        ((), False, True),
        (("0" * 64,), True, True),
        (("0" * 64,), False, True),
        (("0" * 64,) * 2, False, False),
    ],
)
def test_rules_are_gone_where_nothing_is_left_to_compute_by(
    tmp_path: Path, digests: tuple[str, ...], is_told: bool, are_gone: bool
) -> None:
    assert PossibleRules(tmp_path, digests, is_told).are_gone is are_gone


def test_altered_rules_are_not_gone_so_that_the_bill_is_refused(tmp_path: Path) -> None:
    digest = "0" * 64
    shutil.copytree(packaged("conf"), tmp_path / "rules" / digest)
    altered = PossibleRules(tmp_path, (digest,), is_told=True)
    assert not altered.are_gone
    assert "cannot be computed" in (why_not(bill("0.00"), altered) or "")
