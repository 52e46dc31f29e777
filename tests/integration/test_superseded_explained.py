"""A bill that a later one superseded is explained by what its own run billed, not by what stands now."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipelines.engine.ledger import Ledger
from pipelines.engine.runner import Runner
from pipelines.facts import load_facts
from pipelines.ingest.read_files import ingest
from pipelines.models.registry import Registry
from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from products.efficiency_bill.tables import EfficiencyBillInputsV1, EfficiencyBillLinesV1, EfficiencyBillV1
from tests.integration.test_contracts_through_the_chain import NOW, SENT, SEPTEMBER, SHARES, received
from tests.step_runs import Silent
from zhixiang.chain import all_steps
from zhixiang.reports.explain import explain
from zhixiang.reports.issued import issued
from zhixiang.reports.traces import traces_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow

FACTS = load_facts(packaged("conf") / "facts")
LEFT_OUT = ("silver-estimation-errors", "gold-data-sufficiency")
EVIDENCE = (EfficiencyBillLinesV1, EfficiencyBillInputsV1)


def run(store: Store, number: int) -> None:
    ledger, now = Ledger(store.settings.home), NOW + timedelta(minutes=number)
    run_id = ledger.begin("run", now)
    registry = Registry(store.settings)
    runner = Runner(store.settings, FACTS, store, registry, ledger, Silent(), run_id, [SEPTEMBER], now)
    steps = [step for step in all_steps() if step.name not in LEFT_OUT]
    runner.run([step for step in steps if step.stage in ("silver", "gold")])
    runner.run([step for step in steps if step.name == "efficiency-bill"])


def share_told(store: Store, revision: int) -> set[Decimal]:
    """The ratio of the share S-1 behind every line of its section."""
    bill = issued(store, EfficiencyBillV1, EVIDENCE, "BDG-MAIN", str(SEPTEMBER), revision=revision)
    traces = traces_of(store, [bill["result"]])
    lines = [row for row in bill["efficiency_bill_lines_v1"] if row["section_name"] == "dormitory"]
    assert lines
    return {
        row["share_ratio"]
        for line in lines
        for row in explain(traces, FACTS, bill, line["line_number"])["determinants"]
        if row.get("share_id") == "S-1"
    }


def test_a_share_that_was_corrected_later_stands_as_it_was_billed(
    spark: SparkSession, tmp_path: Path
) -> None:
    store = Store(Settings(packaged("conf"), tmp_path / "home"), spark)
    inbox = tmp_path / "inbox"
    received(inbox)
    ingest(store, inbox, "first", NOW)
    run(store, 0)
    assert share_told(store, 1) == {Decimal("0.2")}
    header, first, *_ = SHARES.splitlines()
    corrected = first.replace(",0.2,", ",0.3,").replace(SENT, "2026-10-20 08:00:00")
    assert corrected != first
    (inbox / "corrected_shares.csv").write_text(f"{header}\n{corrected}\n", encoding="utf-8")
    assert ingest(store, inbox, "second", NOW + timedelta(minutes=1)).accepted == 1
    run(store, 2)
    assert share_told(store, 2) == {Decimal("0.3")}
    assert share_told(store, 1) == {Decimal("0.2")}, "the bill of then was made from a fifth"
