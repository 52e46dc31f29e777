"""Which rules a result was issued by: told by its row, else by the ledger, else by what comes out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.engine.ledger import Ledger
from pipelines.errors import DamagedPartError, FactNotInForceError
from zhixiang.delivery.bill_checks import why_not
from zhixiang.reports import kept_rules
from zhixiang.reports.kept_rules import PossibleRules, RulesOfResults

A, B = "a" * 64, "b" * 64


def row(run_id: str | None, digest: str | None) -> Any:
    return {"computed_run_id": run_id, "rules_digest": digest}


def test_the_row_tells_before_the_ledger_and_the_ledger_before_the_folder(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    run = ledger.begin("run", datetime(2026, 9, 1, tzinfo=UTC))
    ledger.note_rules(run, B)
    (tmp_path / "rules" / A).mkdir(parents=True)
    rules = RulesOfResults(tmp_path)
    assert rules.of(row(run, A)) == PossibleRules(tmp_path, (A,), is_told=True)
    assert rules.of(row(run, None)) == PossibleRules(tmp_path, (B,), is_told=True)
    assert rules.of(row("run-before", None)) == PossibleRules(tmp_path, (A,), is_told=False)


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\x00", b"no ledger" * 1000])
def test_a_row_tells_where_the_ledger_is_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(content)
    assert RulesOfResults(tmp_path).of(row("run-1", A)).is_told
    assert not RulesOfResults(tmp_path).of(row("run-1", None)).is_told


def test_rules_that_do_not_cover_a_bill_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the first kept rules without a price for the month ended the search."""

    def replay(_bill: object, digest: str, _facts: str) -> tuple[str, ...]:
        if digest == A:
            raise FactNotInForceError("tariff", datetime(2026, 9, 1, tzinfo=UTC).date(), "nothing")
        return ()

    monkeypatch.setattr(kept_rules, "replay", replay)
    monkeypatch.setattr(kept_rules, "_read", lambda _home, digest: (digest, digest))
    bill: Any = {"result": row("run-1", None)}
    rules, how = PossibleRules(tmp_path, (A, B), is_told=False).chosen(bill)
    assert rules[0] == B  # type: ignore[comparison-overlap]
    assert B[:16] in how
    with pytest.raises(DamagedPartError, match="none of those kept fits"):
        PossibleRules(tmp_path, (A, A), is_told=False).chosen(bill)


def test_delivery_replays_a_bill_whose_row_tells_its_rules_though_the_ledger_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, delivery asked the ledger alone: without it a damaged bill was held to its sum and went out."""
    from zhixiang.delivery import bill_checks

    monkeypatch.setattr(kept_rules, "_read", lambda _home, digest: (digest, digest))
    difference = type("Found", (), {"place": "lines[1]", "column": "x", "issued": 1, "computed": 2})()
    monkeypatch.setattr(bill_checks, "replay", lambda *_: (difference,))
    bill: Any = {"result": {**row("run-1", A), "total_cny": None}, "efficiency_bill_lines_v1": []}
    assert "重算不符" in (why_not(bill, RulesOfResults(tmp_path).of(bill["result"])) or "")
