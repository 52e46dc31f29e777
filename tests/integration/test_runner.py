"""read -> apply -> conform -> gate -> write -> record: on a small step of its own."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from pipelines.engine import gate
from pipelines.engine.declared_inputs import UndeclaredInputError
from pipelines.engine.ledger import Ledger, StepRecord
from pipelines.engine.runner import Runner
from pipelines.engine.step import Inputs, PreviousRun, Step, WriteMode
from pipelines.errors import GateHaltedError, SchemaMismatchError
from pipelines.facts import Facts, load_facts
from pipelines.models.registry import Registry
from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.settings import Settings
from pipelines.storage.store import Store
from pipelines.tables.base import DOUBLE, STRING, Field, Layer, Table
from pipelines.tables.revised import Revised, RevisedResult
from pipelines.units import Unit
from tests.step_runs import Silent

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOW = datetime(2026, 11, 1, tzinfo=UTC)


class Source(Table):
    """What the small step reads."""

    name = "test_source"
    layer = Layer.SILVER
    place = Field(STRING, "Place.", key=True)
    energy_kwh = Field(DOUBLE, "Energy.", unit=Unit.KWH, nullable=False)
    computed_run_id = Field(STRING, "Run.", run=True)


class Doubled(Table):
    """What the small step writes."""

    name = "test_doubled"
    layer = Layer.GOLD
    place = Field(STRING, "Place.", key=True)
    energy_kwh = Field(DOUBLE, "Twice the energy.", unit=Unit.KWH, nullable=False, minimum=0, maximum=100)
    computed_run_id = Field(STRING, "Run.", run=True)


class Result(RevisedResult, Table):
    """A small product's result."""

    name = "test_result_v1"
    layer = Layer.PRODUCT
    partition_by = ("billing_month",)
    customer_id = Field(STRING, "Customer.", key=True)
    billing_month = Field(STRING, "Month.", key=True)
    total_cny = Field(DOUBLE, "Total.", unit=Unit.CNY, nullable=False)


class Lines(Revised, Table):
    """A small product's evidence."""

    name = "test_lines_v1"
    layer = Layer.PRODUCT
    partition_by = ("billing_month",)
    customer_id = Field(STRING, "Customer.", key=True)
    billing_month = Field(STRING, "Month.", key=True)
    component = Field(STRING, "Component.", key=True)
    amount_cny = Field(DOUBLE, "Amount.", unit=Unit.CNY, nullable=False)


@pytest.fixture
def store(spark: SparkSession, settings: Settings) -> Store:
    return Store(settings, spark)


def _fill(store: Store, rows: list[tuple[str, float]]) -> None:
    store.write(
        store.spark.createDataFrame(
            [(*row, "fill") for row in rows], "place string, energy_kwh double, computed_run_id string"
        ),
        Source,
    )


def _double(inputs: Inputs) -> dict[type[Table], Any]:
    return {Doubled: inputs.frame(Source).selectExpr("place", "energy_kwh * 2 AS energy_kwh")}


STEP = Step(stage="gold", name="double", reads=(Source,), writes={Doubled: WriteMode.REPLACE}, apply=_double)


def _run(store: Store, step: Step = STEP, month: str = "2026-09", facts: Facts | None = None) -> StepRecord:
    ledger = Ledger(store.settings.home)
    run_id = ledger.begin("test", NOW)
    silent = Silent()
    facts = facts or load_facts(store.settings.facts_dir)
    Runner(
        store.settings,
        facts,
        store,
        Registry(store.settings),
        ledger,
        silent,
        run_id,
        [BillingMonth.parse(month)],
        NOW,
    ).run([step])
    return silent.last


def test_a_step_runs_when_its_input_changed_and_only_then(store: Store) -> None:
    _fill(store, [("a", 1.0), ("b", 2.0)])
    assert (_run(store).status, store.version(Doubled)) == ("done", 0)
    assert sorted(row["energy_kwh"] for row in store.arrow(Doubled).to_pylist()) == [2.0, 4.0]
    assert (_run(store).status, store.version(Doubled)) == ("unchanged", 0)
    _fill(store, [("a", 1.0), ("b", 3.0)])
    assert (_run(store).status, store.version(Doubled)) == ("done", 1)
    hashed = store.content_hash(Doubled)
    assert hashed != store.content_hash(Doubled, version=0)


@pytest.mark.parametrize(
    ("now", "version"),
    [
        ([("b", 2.0), ("a", 1.0)], 0),
        ([("a", 1.0), ("b", 2.0), ("c", 0.0)], 1),
        ([("a", 2.0), ("b", 1.0)], 1),
        ([("a", 1.0)], 1),
        ([], 1),
    ],
)
def test_a_table_that_comes_out_as_it_stands_keeps_its_version(
    store: Store, now: list[tuple[str, float]], version: int
) -> None:
    """So that what reads it has nothing to do: a model is not trained again because another customer's data
    changed.
    """
    _fill(store, [("a", 1.0), ("b", 2.0)])
    _run(store)
    (first,) = set(store.arrow(Doubled)["computed_run_id"].to_pylist())
    _fill(store, now)
    record = _run(store)
    assert (record.status, record.versions_written["test_doubled"], store.version(Doubled)) == (
        "done",
        version,
        version,
    )
    assert (first in store.arrow(Doubled)["computed_run_id"].to_pylist()) is (version == 0)
    assert sorted((row["place"], row["energy_kwh"]) for row in store.arrow(Doubled).to_pylist()) == sorted(
        (place, energy * 2) for place, energy in now
    )
    assert _run(store).status == "unchanged"


def test_a_source_that_cannot_be_read_when_asked_what_it_reaches_is_a_failure_of_the_step(
    store: Store,
) -> None:
    def unreadable(_inputs: Inputs) -> bool:
        raise FileNotFoundError("part-0.parquet")

    step = dataclasses.replace(STEP, is_reached=unreadable)
    _fill(store, [("a", 1.0)])
    assert _run(store, step).status == "done"
    _fill(store, [("a", 2.0)])
    with pytest.raises(FileNotFoundError):
        _run(store, step)
    ledger = Ledger(store.settings.home)
    (row,) = ledger.steps(ledger.runs(1)[0]["run_id"])
    assert (row["status"], row["gates"]["error"]) == ("failed", "part-0.parquet")
    assert _run(store, dataclasses.replace(STEP, is_reached=lambda _inputs: True)).status == "done"


def test_a_step_is_told_of_its_newest_run_only_where_nothing_but_versions_has_changed_since(
    store: Store,
) -> None:
    seen: list[PreviousRun | None] = []

    def watched(inputs: Inputs) -> dict[type[Table], Any]:
        seen.append(inputs.previous)
        return _double(inputs)

    step = dataclasses.replace(STEP, apply=watched, by_affected=True, facts=True)
    facts = load_facts(store.settings.facts_dir)

    def told(place: float, known: Facts = facts) -> PreviousRun | None:
        _fill(store, [("a", place)])
        _run(store, step, facts=known)
        return seen[-1]

    assert told(1.0) is None, "nothing stands yet"
    previous = told(2.0)
    assert previous is not None
    assert (previous.versions, previous.now) == ({Source.name: 0, Doubled.name: 0}, NOW)
    assert list(previous.paths(Source)) != [
        f"{store.path(Source)}/{path}" for path in store.data_files(Source)
    ]
    assert told(3.0, dataclasses.replace(facts, digest="another")) is None, "another rule"
    assert told(4.0, dataclasses.replace(facts, digest="another")) is not None
    store.write(store.frame(Doubled), Doubled)
    assert told(5.0, dataclasses.replace(facts, digest="another")) is None, (
        "what stands is not what the step wrote"
    )
    for path in store.data_files(Source):
        Path(store.path(Source), path).unlink()
    assert told(6.0, dataclasses.replace(facts, digest="another")) is None, "what it read is gone"


def test_each_step_is_one_event_with_run_status_seconds_and_rows(store: Store) -> None:
    def fail(_inputs: Inputs) -> dict[type[Table], Any]:
        raise ValueError("no luck")

    _fill(store, [("a", 1.0)])
    with capture_logs() as events:
        _run(store)
        _run(store)
        with pytest.raises(ValueError, match="no luck"):
            _run(store, dataclasses.replace(STEP, name="fails", apply=fail))
    runs = [row["run_id"] for row in reversed(Ledger(store.settings.home).runs(3))]
    assert [
        (event["event"], event["run_id"], event["step"], event["status"], event["rows"], event["log_level"])
        for event in events
    ] == [
        ("step", runs[0], "double", "done", {"test_doubled": 1}, "info"),
        ("step", runs[1], "double", "unchanged", {}, "info"),
        ("step", runs[2], "fails", "failed", {}, "error"),
    ]
    assert all(event["seconds"] >= 0 for event in events)
    assert events[2]["error"] == "no luck"


def test_a_step_that_reads_what_it_does_not_declare_is_stopped(store: Store) -> None:
    def reads_settings(inputs: Inputs) -> dict[type[Table], Any]:
        inputs.settings.section(PublicationSettings)
        return _double(inputs)

    def uses_facts(inputs: Inputs) -> dict[type[Table], Any]:
        inputs.facts.funds.on(NOW.date())
        return _double(inputs)

    _fill(store, [("a", 1.0)])
    for apply, declared in (
        (reads_settings, {"settings": (PublicationSettings,)}),
        (uses_facts, {"facts": ("funds",)}),
    ):
        with pytest.raises(UndeclaredInputError, match="does not declare it"):
            _run(store, dataclasses.replace(STEP, apply=apply))
        assert _run(store, dataclasses.replace(STEP, apply=apply, **declared)).status == "done"


def test_a_gate_halts_before_anything_is_written_and_names_rule_and_rows(store: Store) -> None:
    _fill(store, [("a", 1.0)])
    _run(store)
    _fill(store, [("a", 51.0), ("a", 2.0), ("b", -1.0)])
    with pytest.raises(GateHaltedError) as caught:
        _run(store)
    told = str(caught.value)
    assert caught.value.exit_code == 4
    assert "energy_kwh lies in [0, 100]: fails on 2 rows" in told
    assert "(place) identifies a row: fails on 2 rows" in told
    assert store.version(Doubled) == 0
    assert (
        Ledger(store.settings.home).steps(Ledger(store.settings.home).runs(1)[0]["run_id"])[0]["status"]
        == "failed"
    )


def test_the_gate_says_the_same_in_memory_and_in_spark(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = store.spark.createDataFrame(
        [("a", 51.0), ("a", 200.0), (None, 3.0)], "place string, energy_kwh double"
    )
    told = []
    for rows in (200_000, 1):
        monkeypatch.setattr(gate, "SMALL_ROWS", rows)
        with pytest.raises(GateHaltedError) as caught:
            gate.gate(frame, Doubled)
        told.append([failure.split(", for example")[0] for failure in caught.value.failures])
    assert told[0] == told[1]
    assert len(told[0]) == 3


def test_a_step_that_forgets_a_column_is_stopped(store: Store) -> None:
    _fill(store, [("a", 1.0)])
    forgetful = Step(
        "gold",
        "forgetful",
        (Source,),
        {Doubled: WriteMode.REPLACE},
        lambda inputs: {Doubled: inputs.frame(Source).select("place")},
    )
    with pytest.raises(SchemaMismatchError, match="energy_kwh"):
        _run(store, forgetful)


def test_null_text_stays_null_on_its_way_through_spark(store: Store) -> None:
    frame = store.spark.createDataFrame([("a", None), ("b", "nan")], "place string, text string")
    assert {row["place"]: row["text"] for row in frame.toPandas().to_dict("records")} == {
        "a": None,
        "b": "nan",
    }
