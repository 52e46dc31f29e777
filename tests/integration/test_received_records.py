"""The silver step of master data through the runner: what it writes, and what a delivery that changes nothing
leaves as it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from pipelines.engine.ledger import Ledger
from pipelines.engine.runner import Runner
from pipelines.facts import load_facts
from pipelines.models.registry import Registry
from pipelines.settings import Settings
from pipelines.steps.silver import MASTER, SILVER_STEPS
from pipelines.storage.store import Store
from pipelines.tables.base import Table
from pipelines.tables.bronze import BronzeCustomers, BronzeMeterPoints
from pipelines.tables.silver import (
    SilverCustomers,
    SilverFileAccounts,
    SilverMeterPoints,
    SilverQuarantine,
    SilverSupplyShares,
)
from tests.step_runs import Silent

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOW = datetime(2026, 11, 1, tzinfo=UTC)
STEP = next(step for step in SILVER_STEPS if step.name == MASTER)


@pytest.fixture
def store(spark: SparkSession, settings: Settings) -> Store:
    return Store(settings, spark)


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
    frame = store.spark.createDataFrame(pa.Table.from_pylist(received, table.arrow_schema()))
    store.write(frame, table, append=True)


def refine(store: Store) -> str:
    """Status of the step in a run of its own."""
    ledger, silent = Ledger(store.settings.home), Silent()
    run_id = ledger.begin("test", NOW)
    facts, registry = load_facts(store.settings.facts_dir), Registry(store.settings)
    Runner(store.settings, facts, store, registry, ledger, silent, run_id, [], NOW).run([STEP])
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
