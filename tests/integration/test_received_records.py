"""The silver steps of master data and records through the runner: what they write, and what a delivery that
changes nothing leaves as it stands; all of it in a store without a Spark session, so without Java.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines.engine.ledger import Ledger
from pipelines.engine.runner import Runner
from pipelines.engine.step import Step
from pipelines.errors import UsageError
from pipelines.facts import load_facts
from pipelines.ingest.read_files import ingest
from pipelines.models.registry import Registry
from pipelines.settings import Settings
from pipelines.steps.silver import MASTER, RECORDS, SILVER_STEPS
from pipelines.storage.data_files import commit_files, write_files
from pipelines.storage.store import Store
from pipelines.tables.base import Table
from pipelines.tables.bronze import BronzeCustomers, BronzeMeterPoints, BronzeWeather
from pipelines.tables.silver import (
    SilverCustomers,
    SilverFileAccounts,
    SilverMeterPoints,
    SilverQuarantine,
    SilverSupplyShares,
    SilverWeather,
)
from tests.step_runs import Silent

NOW = datetime(2026, 11, 1, tzinfo=UTC)
STEP = next(step for step in SILVER_STEPS if step.name == MASTER)


@pytest.fixture
def store(settings: Settings) -> Store:
    """Whoever asks it for a session is refused."""
    return Store(settings)


def customer(line: int, begins: date) -> dict[str, Any]:
    return {"line_number": line, "customer_id": "C1", "valid_from_date": begins, "customer_name": "n"}


def point(line: int, name: str, multiplier: float) -> dict[str, Any]:
    return {
        "line_number": line,
        "meter_point_id": name,
        "valid_from_date": date(2026, 1, 1),
        "meter_id": "M",
        "multiplier_ratio": multiplier,
    }


def deliver(store: Store, table: type[Table], content: str, rows: Sequence[dict[str, Any]]) -> None:
    received = [row | {"content_hash": content, "provenance": "real"} for row in rows]
    files = write_files(pa.Table.from_pylist(received, table.arrow_schema()), table, store.path(table))
    commit_files(store, table, files, content, 1, overwrite=False)


def refine(store: Store, step: Step = STEP) -> str:
    """Status of a step in a run of its own."""
    ledger, silent = Ledger(store.settings.home), Silent()
    run_id = ledger.begin("test", NOW)
    facts, registry = load_facts(store.settings.facts_dir), Registry(store.settings)
    Runner(store.settings, facts, store, registry, ledger, silent, run_id, [], NOW).run([step])
    return silent.last.status


def test_master_data_is_written_with_its_accounts_and_stands_where_nothing_changes(store: Store) -> None:
    deliver(store, BronzeCustomers, "c", [customer(2, date(2026, 1, 1)), customer(3, date(2026, 6, 1))])
    points = [point(2, "MP1", 1.0), point(3, "MP1", 60.0), point(4, "MP2", 10.0)]
    deliver(store, BronzeMeterPoints, "p", points)
    assert refine(store) == "done"

    terms = sorted(store.arrow(SilverCustomers).to_pylist(), key=lambda row: row["valid_from_date"])
    assert [row["valid_to_date"] for row in terms] == [date(2026, 5, 31), None]
    assert store.arrow(SilverMeterPoints)["meter_point_id"].to_pylist() == ["MP2"]
    (run_id,) = set(store.arrow(SilverMeterPoints)["computed_run_id"].to_pylist())
    held = store.arrow(SilverQuarantine).to_pylist()
    assert sorted(row["line_number"] for row in held) == [2, 3]
    assert {(row["reason_code"], row["stage"], row["run_id"]) for row in held} == {
        ("conflicting_values", MASTER, run_id)
    }
    counts = {row["content_hash"]: row for row in store.arrow(SilverFileAccounts).to_pylist()}
    assert [counts["p"][f"{name}_rows"] for name in ("received", "kept", "quarantined")] == [3, 1, 2]
    assert [counts["c"][f"{name}_rows"] for name in ("received", "kept", "quarantined")] == [2, 2, 0]

    own = (SilverCustomers, SilverMeterPoints, SilverSupplyShares)
    before = store.versions(own)
    deliver(store, BronzeMeterPoints, "q", [point(2, "MP2", 10.0)])
    assert refine(store) == "done"
    assert store.versions(own) == before
    assert store.arrow(SilverMeterPoints)["computed_run_id"].to_pylist() == [run_id]
    counts = {row["content_hash"]: row for row in store.arrow(SilverFileAccounts).to_pylist()}
    assert sorted(counts) == ["c", "p", "q"]
    assert counts["p"]["duplicate_rows"] + counts["q"]["duplicate_rows"] == 1


def weather(line: int, day: int, mean: float | None) -> dict[str, Any]:
    found = {"line_number": line, "station_id": "S", "weather_date": date(2026, 9, day)}
    return found | {"mean_celsius": mean}


def test_steps_share_quarantine_and_accounts_without_taking_each_others_rows(store: Store) -> None:
    """Whichever of them runs again replaces its own."""
    records = next(step for step in SILVER_STEPS if step.name == RECORDS)
    deliver(store, BronzeMeterPoints, "p", [point(2, "MP1", 1.0), point(3, "MP1", 60.0)])
    deliver(store, BronzeWeather, "w", [weather(2, 1, 20.0), weather(3, 2, None), weather(4, 3, 1e9)])
    assert (refine(store), refine(store, records)) == ("done", "done")
    assert store.arrow(SilverWeather)["mean_celsius"].to_pylist() == [20.0]

    def stages() -> list[tuple[str, int]]:
        held = store.arrow(SilverQuarantine).to_pylist()
        return sorted((row["stage"], row["line_number"]) for row in held)

    assert stages() == [(MASTER, 2), (MASTER, 3), (RECORDS, 3), (RECORDS, 4)]
    deliver(store, BronzeWeather, "v", [weather(2, 2, None)])
    assert (refine(store), refine(store, records)) == ("unchanged", "done")
    assert stages() == [(MASTER, 2), (MASTER, 3), (RECORDS, 2), (RECORDS, 3), (RECORDS, 4)]
    accounts = store.arrow(SilverFileAccounts).to_pylist()
    assert sorted((row["content_hash"], row["stage"]) for row in accounts) == [
        ("p", MASTER),
        ("v", RECORDS),
        ("w", RECORDS),
    ]


def test_an_inbox_without_news_asks_for_no_session(store: Store, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    assert ingest(store, inbox, "run", NOW).accepted == 0
    (inbox / ".hidden.csv").write_text("x")
    (inbox / "unfinished.csv.tmp").write_text("x")
    assert ingest(store, inbox, "run", NOW).refused == []
    (inbox / "news.csv").write_text("x")
    with pytest.raises(UsageError, match="no Spark session"):
        ingest(store, inbox, "run", NOW)
