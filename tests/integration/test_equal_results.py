"""A revision needs a changed result: a model's number, a run and a set of rules are no results."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipelines.settings import Settings
from pipelines.storage.store import Store
from pipelines.tables.base import DOUBLE, STRING, Field, Layer, Table
from pipelines.tables.revised import Revised, RevisedResult, product_schema
from pipelines.units import Unit
from tests.issued_rows import issue

MONTH = "2026-09"


class Score(RevisedResult, Table):
    """A small product's result, by a model."""

    name = "test_score_v1"
    layer = Layer.PRODUCT
    partition_by = ("billing_month",)
    customer_id = Field(STRING, "Customer.", key=True)
    billing_month = Field(STRING, "Month.", key=True)
    total_cny = Field(DOUBLE, "Total.", unit=Unit.CNY)
    model_version = Field(STRING, "Its model.", nullable=False)


class Reason(Revised, Table):
    """Its evidence."""

    name = "test_reason_v1"
    layer = Layer.PRODUCT
    partition_by = ("billing_month",)
    customer_id = Field(STRING, "Customer.", key=True)
    billing_month = Field(STRING, "Month.", key=True)
    reason = Field(STRING, "Reason.", nullable=False)


@pytest.fixture
def store(settings: Settings) -> Store:
    return Store(settings)


def _issue(store: Store, scores: dict[str, tuple[float | None, str]], model: str, run: str) -> int:
    """How many rows are new."""
    result = [
        {"customer_id": name, "billing_month": MONTH, "total_cny": total, "model_version": model}
        for name, (total, _) in scores.items()
    ]
    reasons = [
        {"customer_id": name, "billing_month": MONTH, "reason": reason}
        for name, (_, reason) in scores.items()
    ]
    rows = {
        Score: pa.Table.from_pylist(result, product_schema(Score)),
        Reason: pa.Table.from_pylist(reasons, product_schema(Reason)),
    }
    counts = issue(store, rows, run, f"rules of {run}")
    assert counts["test_score_v1"] == counts["test_reason_v1"]
    return counts["test_score_v1"]


def test_the_same_result_by_another_number_of_its_model_is_no_revision(store: Store) -> None:
    first = {"a": (0.1 + 0.2, "late"), "b": (None, "none"), "c": (3.0, "late")}
    assert _issue(store, first, "1", "run-1") == 3
    assert _issue(store, first, "2", "run-2") == 0
    # A changed value, a changed reason: those alone, and by the model that computed them.
    changed = {"a": (0.1 + 0.2, "late"), "b": (2.0, "none"), "c": (3.0, "closed")}
    assert _issue(store, changed, "2", "run-3") == 2
    rows = {(row["customer_id"], row["revision"]): row for row in store.arrow(Score).to_pylist()}
    assert {key: row["model_version"] for key, row in rows.items()} == {
        ("a", 1): "1",
        ("b", 1): "1",
        ("b", 2): "2",
        ("c", 1): "1",
        ("c", 2): "2",
    }
    # And back again: equal to the first revision is not equal to the last.
    assert _issue(store, first, "2", "run-4") == 2


def test_every_row_tells_by_which_rules_it_was_computed(store: Store) -> None:
    _issue(store, {"a": (1.0, "late")}, "1", "run-1")
    before = {table: store.content_hash(table) for table in (Score, Reason)}
    _issue(store, {"a": (1.0, "late")}, "1", "run-2")
    for table in (Score, Reason):
        assert store.arrow(table).column("rules_digest").to_pylist() == ["rules of run-1"]
        assert "rules_digest" not in table.business_columns()
        assert store.content_hash(table) == before[table]
