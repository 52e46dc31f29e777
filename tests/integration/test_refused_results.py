"""Codes and scores that contradict what they rest on stay in the house, as bills do; the others go out."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.tables.base import Table
from products.credit_index.tables import CreditIndexV1
from products.transfer_fee_code.tables import TransferFeeCodeEvidenceV1, TransferFeeCodeV1
from tests import delivered_home
from tests.delivered_home import contents, hand_over
from zhixiang.delivery.verification import verify_folder

pytestmark = pytest.mark.slow

TENANT, CUSTOMER, MONTH = "SIM-TENANT-A-001", "SIM-CITY-00001", "2026-09"


def rewrite(home: Path, table: type[Table], subject: str, change: Callable[[dict[str, Any]], object]) -> None:
    """A stored result of September as somebody changed it in its table."""
    key = (table.key()[0], table.partition_column())
    delivered_home.rewrite(home, table, lambda row: (row[key[0]], row[key[1]]) == (subject, MONTH), change)


def other_colour(row: dict[str, Any]) -> None:
    row["colour_code"] = "red" if row["colour_code"] == "yellow" else "yellow"


@pytest.mark.parametrize(
    ("table", "change", "why"),
    [
        (TransferFeeCodeV1, other_colour, "colour_code"),
        (TransferFeeCodeV1, lambda row: row.update(over_reference_cny=None), "over_reference_cny"),
        (TransferFeeCodeEvidenceV1, lambda row: row.update(fee_cny=row["fee_cny"] + 1), "charged_cny"),
        (TransferFeeCodeEvidenceV1, lambda row: row.update(revision=7), "无依据"),
    ],
)
def test_a_code_that_its_comparison_does_not_give_stays_in_the_house(
    home: Path, table: type[Table], change: Callable[[dict[str, Any]], object], why: str
) -> None:
    before = contents(home / "out")
    rewrite(home, table, TENANT, change)
    found, _ = hand_over(home, MONTH)
    assert set(found.refused) == {f"code {TENANT}/{MONTH}"}
    error = found.error()
    assert error is not None
    assert error.exit_code == 4
    assert "未交付 fee codes were not delivered" in error.message
    assert why in error.message
    assert f"zhixiang code show {TENANT} --month {MONTH}" in error.hint
    after = contents(home / "out")
    name = f"codes/{MONTH}/{TENANT}.txt"
    assert after[name] == before[name], "what was issued stays as it was issued"
    assert len([each for each in after if each.startswith(f"codes/{MONTH}/") and each.endswith(".txt")]) == 24
    listed = json.loads(after["manifest.json"])["refused"]
    assert set(listed) == {f"code {TENANT}/{MONTH}"}
    assert verify_folder(home / "out", home).found == ()
    again, told = hand_over(home, MONTH)
    assert told[-1].startswith("unchanged")
    assert again.refused == found.refused, "it stays refused until it is mended"


def test_a_score_that_contradicts_itself_is_in_no_bank_file(home: Path) -> None:
    rewrite(home, CreditIndexV1, CUSTOMER, lambda row: row.update(score_points=row["score_points"] + 40))
    found, _ = hand_over(home, MONTH)
    assert set(found.refused) == {f"score {CUSTOMER}/{MONTH}"}
    error = found.error()
    assert error is not None
    assert error.exit_code == 4
    assert "未交付 scores were not delivered" in error.message
    assert f"zhixiang score show {CUSTOMER} --month {MONTH}" in error.hint
    after = contents(home / "out")
    rows = list(csv.DictReader(after[f"scores/bank/credit_index_{MONTH}.csv"].decode().splitlines()))
    assert len(rows) == 59
    assert CUSTOMER not in {row["customer_id"] for row in rows}
    assert CUSTOMER not in after["scores/index.html"].decode()
    assert verify_folder(home / "out", home).found == ()


def test_results_of_two_kinds_are_told_together(home: Path) -> None:
    rewrite(home, CreditIndexV1, CUSTOMER, lambda row: row.update(grade_code="AAA", veto_code="CI-V02"))
    rewrite(home, TransferFeeCodeV1, TENANT, other_colour)
    error = hand_over(home, MONTH)[0].error()
    assert error is not None
    assert error.message.startswith("2 份结果未交付 results were not delivered: ")
