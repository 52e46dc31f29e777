"""Steps whose model was never trained, training from too little, and tables that are replaced by month."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.engine.ledger import Ledger, StepRecord
from pipelines.engine.runner import Runner
from pipelines.engine.step import Inputs, Step, TrainStep, WriteMode
from pipelines.errors import TooLittleDataError, UsageError
from pipelines.facts import load_facts
from pipelines.models.registry import Registry
from pipelines.periods import BillingMonth
from pipelines.storage.store import Store
from pipelines.tables.base import STRING, Field, Layer, Table
from tests.step_runs import Silent

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from pipelines.settings import Settings

NOW = datetime(2026, 11, 9, 4, tzinfo=UTC)
MODEL = "test_never_trained"


class Known(Table):
    """What a step reads."""

    name = "test_known"
    layer = Layer.SILVER
    place = Field(STRING, "Place.", key=True)


class Beside(Table):
    """What else training reads."""

    name = "test_beside"
    layer = Layer.SILVER
    place = Field(STRING, "Place.", key=True)


class Account(Table):
    """What is told of each month."""

    name = "test_account_v1"
    layer = Layer.PRODUCT
    partition_by = ("billing_month",)
    billing_month = Field(STRING, "Month.", key=True)
    place = Field(STRING, "Place.", key=True)
    computed_run_id = Field(STRING, "The run that computed the row.", run=True)


@pytest.fixture
def store(spark: SparkSession, settings: Settings) -> Store:
    found = Store(settings, spark)
    found.write(spark.createDataFrame([("a",), ("b",)], "place string"), Known)
    return found


def run(store: Store, *steps: Step | TrainStep, month: str = "2026-09") -> dict[str, StepRecord]:
    ledger, found = Ledger(store.settings.home), {}

    class Kept(Silent):
        def end(self, record: StepRecord) -> None:
            found[record.step] = record

    facts, months = load_facts(store.settings.facts_dir), [BillingMonth.parse(month)]
    runner = Runner(
        store.settings,
        facts,
        store,
        Registry(store.settings),
        ledger,
        Kept(),
        ledger.begin("test", NOW),
        months,
        NOW,
    )
    runner.run(steps)
    return found


def told(places: str) -> Step:
    """A step that tells some places of each month asked for."""

    def apply(inputs: Inputs) -> Any:
        assert set(inputs.bundles) == set()
        rows = [(str(month), place) for month in inputs.months for place in places]
        return {Account: inputs.spark.createDataFrame(rows, "billing_month string, place string")}

    return Step("test", f"tell {places}", (Known,), {Account: WriteMode.REPLACE_MONTHS}, apply, by_month=True)


def too_little(_inputs: Inputs) -> Any:
    raise TooLittleDataError("Two places are too few.", "Deliver more.")


TRAIN = TrainStep("train", "train-test", MODEL, (Known, Beside), too_little, may_be_empty=(Beside,))


def test_a_step_without_a_model_it_needs_is_left_out_and_says_why(store: Store) -> None:
    needing = replace(told("a"), uses_models=(MODEL,))
    found = run(store, TRAIN, needing)
    assert [found[name].status for name in (TRAIN.name, needing.name)] == ["no model", "no model"]
    assert "Two places are too few." in found[TRAIN.name].gates["note"]
    assert "Two places are too few." in found[needing.name].gates["note"]
    assert store.version(Account) is None
    (alone,) = run(store, needing).values()
    assert "zhixiang run --from train" in alone.gates["note"]


def test_a_step_goes_on_without_an_optional_model(store: Store) -> None:
    found = run(store, TRAIN, replace(told("ab"), optional_models=(MODEL,)))
    assert found["tell ab"].status == "done"
    assert store.row_count(Account) == 2


def test_what_may_be_empty_keeps_nobody_from_training_and_the_rest_does(store: Store) -> None:
    assert run(store, TRAIN)[TRAIN.name].status == "no model", "it was tried"
    strict = run(store, replace(TRAIN, may_be_empty=()))[TRAIN.name]
    assert (strict.status, "test_beside" in strict.gates["note"]) == ("no input", True)


def test_another_error_of_training_still_ends_the_run(store: Store) -> None:
    def fails(_inputs: Inputs) -> Any:
        raise UsageError("wrong")

    with pytest.raises(UsageError, match="wrong"):
        run(store, replace(TRAIN, train=fails))


def test_the_months_asked_for_are_replaced_and_the_others_stand(store: Store) -> None:
    def rows() -> list[tuple[str, str]]:
        found = store.arrow(Account, ["billing_month", "place"]).to_pylist()
        return sorted((row["billing_month"], row["place"]) for row in found)

    run(store, told("ab"), month="2026-08")
    run(store, told("a"), month="2026-09")
    assert rows() == [("2026-08", "a"), ("2026-08", "b"), ("2026-09", "a")]
    version = store.version(Account)
    run(store, replace(told("a"), name="the same again"), month="2026-09")
    assert store.version(Account) == version, "nothing is written where the month stands so"
    run(store, told(""), month="2026-08")
    assert rows() == [("2026-09", "a")], "a month that has nobody left holds nobody"
