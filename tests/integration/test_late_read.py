"""One corrected read of one meter point: what it reaches is computed, nothing else is opened, and everything
is as if it had been computed anew.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.engine.fingerprint import CodeDigests, own_code
from pipelines.engine.ledger import Ledger
from pipelines.engine.runner import Runner
from pipelines.facts import load_facts
from pipelines.ingest.read_files import ingest
from pipelines.models.registry import Registry
from pipelines.periods import BillingMonth
from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from pipelines.tables.base import Layer
from tests.steel_home import conf_of_a_month, receive_steel
from tests.step_runs import Silent
from zhixiang.chain import all_steps, declared_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 9, 4, tzinfo=UTC)
MONTHS = ("2026-07", "2026-08")
READ = "MP-STEEL-0001,1,2026-08-31,"
"""The last of the month, so that the month's energy is another and not one day's share of it alone."""
REACHED = {
    "silver-registers",
    "gold-day-energy",
    "gold-determinants",
    "gold-supplies",
    "gold-data-sufficiency",
    "efficiency-bill",
}
NEVER_A_FRAME = {"gold_customer_indicators", "silver_payments", "silver_transfer_declarations"}


class OtherCode(CodeDigests):
    """As if the code had changed: every step computes everything once more."""

    def digest(self, modules: Any) -> str:
        return "another"


def run(store: Store, conf: Path, now: datetime, code: CodeDigests | None = None) -> dict[str, Any]:
    """A run of the chain's steps for August: step -> its line in the ledger."""
    ledger = Ledger(store.settings.home)
    run_id = ledger.begin("run", now)
    settings, facts = Settings(conf, store.settings.home), load_facts(conf / "facts")
    months = [BillingMonth.parse(MONTHS[-1])]
    runner = Runner(
        settings,
        facts,
        store,
        Registry(settings),
        ledger,
        Silent(),
        run_id,
        months,
        now,
        code or own_code(),
    )
    first = ("silver", "gold")
    runner.run([step for step in all_steps() if step.stage in first])
    runner.run([step for step in all_steps() if step.stage not in first])
    return {row["step"]: row for row in ledger.steps(run_id)}


def done(lines: dict[str, Any]) -> set[str]:
    assert {line["status"] for line in lines.values()} <= {"done", "unchanged", "no input", "no model"}
    return {name for name, line in lines.items() if line["status"] == "done"}


def hashes(store: Store) -> dict[str, str]:
    return {
        table.name: store.content_hash(table)
        for table in declared_tables()
        if table.layer is not Layer.BRONZE and store.version(table) is not None
    }


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Names of the tables that were opened as frames, and of those whose rows were counted."""
    found: dict[str, list[str]] = {"frame": [], "row_count": []}

    def spied(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def spy(self: Store, table: Any, *arguments: Any) -> Any:
            found[name].append(table.name)
            return real(self, table, *arguments)

        return spy

    for name in found:
        monkeypatch.setattr(Store, name, spied(name, getattr(Store, name)))
    return found


def test_a_corrected_read_opens_what_it_reaches(
    spark: SparkSession, tmp_path: Path, opened: dict[str, list[str]]
) -> None:
    store = Store(Settings(packaged("conf"), tmp_path / "home"), spark)
    inbox = tmp_path / "inbox"
    receive_steel(store, inbox, MONTHS, NOW)
    conf = conf_of_a_month(tmp_path / "conf")
    first = run(store, conf, NOW)
    assert done(first) >= REACHED | {"train-baseline"}
    for part in opened.values():
        part.clear()
    assert done(run(store, conf, NOW + timedelta(minutes=1))) == set()
    assert opened["frame"] == []

    lines = (inbox / f"E_MP_DAY_READ_{MONTHS[-1]}.csv").read_text(encoding="utf-8").splitlines()
    (read,) = [line for line in lines if line.startswith(READ)]
    values = read.split(",")
    values[4], values[-1] = f"{float(values[4]) + 0.5:.5f}", "2026-09-20 08:00:00"
    (inbox / "corrected.csv").write_text("\n".join([lines[0], ",".join(values)]) + "\n", encoding="utf-8")
    assert ingest(store, inbox, "second", NOW + timedelta(minutes=2)).accepted == 1
    champion = first["train-baseline"]["versions_written"]
    for part in opened.values():
        part.clear()
    late = run(store, conf, NOW + timedelta(minutes=3))
    assert done(late) - {"silver-curves", "silver-estimation-errors"} == REACHED
    assert not set(opened["frame"]) & NEVER_A_FRAME
    assert late["train-baseline"]["versions_written"] == champion
    assert late["train-baseline"]["gates"] == {"note": "nothing that changed reaches it"}
    assert late["gold-indicators"]["status"] == "unchanged"
    assert late["silver-registers"]["computed"] == "1 of 1 meter points"
    assert late["gold-supplies"]["computed"] == "1 of 1 customers"
    told = hashes(store)

    assert done(run(store, conf, NOW + timedelta(minutes=4))) == set(), "and it is not asked again"
    again = run(store, conf, NOW + timedelta(minutes=5), OtherCode())
    assert done(again) >= REACHED | {"gold-indicators"}
    assert hashes(store) == told, "computed anew, everything is the same"
