"""What is said of a result that there is none of: never a command alone that would end the same way."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipelines.engine.ledger import Ledger, StepRecord
from pipelines.errors import UnknownNameError
from pipelines.settings import Settings
from pipelines.storage.store import Store
from products.credit_index.tables import CreditIndexV1
from products.transfer_fee_code.tables import TransferFeeCodeV1
from zhixiang.reports.issued import issued

NEEDS = "credit_index: The credit index needs 24 months; there are 2."
AGAIN = "zhixiang run --month 2026-09"


def hint(settings: Settings, *statuses: str) -> str:
    ledger = Ledger(settings.home)
    for status in statuses:
        run = ledger.begin("run", datetime(2026, 10, 1, tzinfo=UTC))
        note = {"note": NEEDS} if status != "done" else {}
        ledger.record(run, StepRecord("credit-index", status, 0.0, "", {}, {}, {}, note))
        ledger.record(run, StepRecord("efficiency-bill", "done", 0.0, "", {}, {}, {}, {}))
    with pytest.raises(UnknownNameError) as raised:
        issued(Store(settings), CreditIndexV1, (), "A-1", "2026-09")
    return raised.value.hint


@pytest.mark.parametrize("status", ["no model", "no input"])
def test_a_score_that_no_model_could_give_says_what_the_model_lacks(settings: Settings, status: str) -> None:
    said = hint(settings, "done", status)
    for words in (NEEDS, "Too few payments", "zhixiang inbox add FILE", AGAIN):
        assert words in said


@pytest.mark.parametrize("statuses", [(), ("done",), ("no model", "done")])
def test_a_month_that_was_not_run_yet_is_to_be_run(settings: Settings, statuses: tuple[str, ...]) -> None:
    assert hint(settings, *statuses) == f"Nothing was issued for 2026-09 yet: {AGAIN}"


def test_another_product_says_its_own_lack_and_nothing_of_payments(settings: Settings) -> None:
    ledger = Ledger(settings.home)
    run = ledger.begin("run", datetime(2026, 10, 1, tzinfo=UTC))
    note = {"note": "Nothing was received for silver_fee_declarations."}
    ledger.record(run, StepRecord("fee-code", "no input", 0.0, "", {}, {}, {}, note))
    with pytest.raises(UnknownNameError) as raised:
        issued(Store(settings), TransferFeeCodeV1, (), "A-1", "2026-09")
    assert note["note"] in raised.value.hint
    assert "payments" not in raised.value.hint
