"""Issued results on Arrow: a change is a new revision, what came out the same keeps its row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest

from pipelines.engine import issued_files, revisions
from pipelines.errors import SchemaMismatchError
from pipelines.settings import Settings
from pipelines.storage.store import Store
from pipelines.tables.base import DOUBLE, STRING, Field, Layer, Table
from pipelines.tables.revised import Revised, RevisedResult, product_schema
from pipelines.units import Unit
from tests.issued_rows import issue as issue_rows


class Score(RevisedResult, Table):
    """A small product's result."""

    name = "test_arrow_result_v1"
    layer = Layer.PRODUCT
    partition_by = ("score_month",)
    customer_id = Field(STRING, "Customer.", key=True)
    score_month = Field(STRING, "Month.", key=True)
    total_cny = Field(DOUBLE, "Total.", unit=Unit.CNY)
    model_version = Field(STRING, "Number of the model.")


class Parts(Revised, Table):
    """A small product's evidence."""

    name = "test_arrow_evidence_v1"
    layer = Layer.PRODUCT
    partition_by = ("score_month",)
    customer_id = Field(STRING, "Customer.", key=True)
    score_month = Field(STRING, "Month.", key=True)
    component = Field(STRING, "Component.", key=True)
    amount_cny = Field(DOUBLE, "Amount.", unit=Unit.CNY, nullable=False)


@pytest.fixture
def store(settings: Settings) -> Store:
    return Store(settings)


def issue(
    store: Store,
    totals: Mapping[str, float | None],
    run: str,
    model: str = "1",
    month: str = "2026-09",
    parts: tuple[str, ...] = ("energy", "funds"),
) -> dict[str, int]:
    """Rows that were written, by table."""
    of = {"score_month": month}
    results = [
        {"customer_id": name, **of, "total_cny": total, "model_version": model}
        for name, total in totals.items()
    ]
    evidence = [
        {"customer_id": name, **of, "component": part, "amount_cny": (total or 0) / 2}
        for name, total in totals.items()
        for part in parts
    ]
    rows = {
        Score: pa.Table.from_pylist(results, product_schema(Score)),
        Parts: pa.Table.from_pylist(evidence, product_schema(Parts)),
    }
    return issue_rows(store, rows, run, f"rules of {run}")


def killed_before_the_result(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """run-2, which writes the evidence of a = 12.0 and no more."""
    real = issued_files.commit_files

    def die_at_the_result(store: Store, table: type[Table], *parts: Any, **named: Any) -> Any:
        if table is Score:
            raise KeyboardInterrupt
        return real(store, table, *parts, **named)

    with monkeypatch.context() as patch:
        patch.setattr(issued_files, "commit_files", die_at_the_result)
        with pytest.raises(KeyboardInterrupt):
            issue(store, {"a": 12.0}, "run-2")


def results(store: Store) -> dict[tuple[str, int], dict[str, Any]]:
    return {(row["customer_id"], row["revision"]): row for row in store.arrow(Score).to_pylist()}


def test_only_what_changed_becomes_a_new_revision_and_nothing_is_edited(store: Store) -> None:
    assert issue(store, {"a": 10.0, "b": 20.0}, "run-1") == {Score.name: 2, Parts.name: 4}
    assert issue(store, {"b": 20.0, "a": 10.0}, "run-2", parts=("funds", "energy")) == {
        Score.name: 0,
        Parts.name: 0,
    }
    assert (store.version(Score), store.version(Parts)) == (0, 0)
    assert issue(store, {"a": 10.0, "b": 22.0}, "run-3") == {Score.name: 1, Parts.name: 2}
    rows = results(store)
    assert {key: row["total_cny"] for key, row in rows.items()} == {
        ("a", 1): 10.0,
        ("b", 1): 20.0,
        ("b", 2): 22.0,
    }
    assert (rows["b", 2]["supersedes_revision"], rows["b", 1]["supersedes_revision"]) == (1, None)
    assert (rows["b", 1]["computed_run_id"], rows["b", 2]["rules_digest"]) == ("run-1", "rules of run-3")
    # Back to what was issued first: that is a change again.
    assert issue(store, {"a": 10.0, "b": 20.0}, "run-4")[Score.name] == 1
    assert results(store)["b", 3]["content_digest"] == rows["b", 1]["content_digest"]


@pytest.mark.parametrize(
    ("now", "parts"),
    [
        (None, ("energy", "funds")),
        (0.0, ("energy", "funds")),
        (10.0, ("energy",)),
        (10.000000000000002, ("energy", "funds")),
    ],
)
def test_a_change_of_any_cell_or_of_evidence_alone_counts(
    store: Store, now: float | None, parts: tuple[str, ...]
) -> None:
    issue(store, {"a": 10.0}, "run-1")
    assert issue(store, {"a": now}, "run-2", parts=parts)[Score.name] == 1


def test_another_number_of_the_model_alone_is_the_same_result(store: Store) -> None:
    issue(store, {"a": 10.0, "b": 20.0}, "run-1")
    assert issue(store, {"a": 10.0, "b": 21.0}, "run-2", model="2")[Score.name] == 1
    assert {key: row["model_version"] for key, row in results(store).items()} == {
        ("a", 1): "1",
        ("b", 1): "1",
        ("b", 2): "2",
    }


def test_a_customer_who_is_new_comes_beside_one_who_changed(store: Store) -> None:
    """Of the new one nothing was issued that it could be compared with."""
    issue(store, {"a": 10.0, "b": 20.0}, "run-1")
    assert issue(store, {"a": 11.0, "b": 20.0, "new": 5.0}, "run-2", model="2") == {
        Score.name: 2,
        Parts.name: 4,
    }
    assert sorted(results(store)) == [("a", 1), ("a", 2), ("b", 1), ("new", 1)]


def test_a_digest_of_another_java_makes_no_revision_of_the_same_content(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Java 17 tells some numbers with one digit more than 19 and later do."""
    with monkeypatch.context() as patch:
        patch.setattr(
            revisions,
            "row_texts",
            lambda rows, names: [f"{row} as once told" for row in rows.select(names).to_pylist()],
        )
        issue(store, {"a": 10.0}, "run-1")
    assert issue(store, {"a": 10.0}, "run-2")[Score.name] == 0
    assert issue(store, {"a": 11.0}, "run-3")[Score.name] == 1


def test_months_do_not_know_each_other(store: Store) -> None:
    issue(store, {"a": 10.0}, "run-1")
    assert issue(store, {"a": 10.0}, "run-2", month="2026-10")[Score.name] == 1
    assert [row["revision"] for row in store.arrow(Score).to_pylist()] == [1, 1]


def test_evidence_left_by_a_killed_run_is_replaced_not_doubled(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue(store, {"a": 10.0}, "run-1")
    killed_before_the_result(store, monkeypatch)
    assert store.row_count(Parts) == 4, "the orphan evidence is there"
    issue(store, {"a": 14.0}, "run-3")
    lines = [(row["revision"], row["amount_cny"]) for row in store.arrow(Parts).to_pylist()]
    assert sorted(lines) == [(1, 5.0), (1, 5.0), (2, 7.0), (2, 7.0)]


def test_evidence_left_by_a_killed_run_does_not_become_that_of_a_result_without_any(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A correction sheet, say, of a revision that never came to be."""
    issue(store, {"a": 10.0}, "run-1")
    killed_before_the_result(store, monkeypatch)
    issue(store, {"a": 14.0}, "run-3", parts=())
    assert [row["revision"] for row in store.arrow(Parts).to_pylist()] == [1, 1]


def test_evidence_of_a_killed_run_that_comes_out_alike_is_the_new_run_s(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue(store, {"a": 10.0}, "run-1")
    killed_before_the_result(store, monkeypatch)
    issue(store, {"a": 12.0}, "run-3")
    told = {(row["revision"], row["computed_run_id"]) for row in store.arrow(Parts).to_pylist()}
    assert told == {(1, "run-1"), (2, "run-3")}


def test_nothing_to_issue_writes_nothing(store: Store) -> None:
    assert issue(store, {}, "run-1") == {Score.name: 0, Parts.name: 0}
    assert store.version(Score) is None


@pytest.mark.parametrize("change", ["forgets", "adds"])
def test_a_product_that_forgets_or_adds_a_column_is_stopped(store: Store, change: str) -> None:
    score, parts = (product_schema(table).empty_table() for table in (Score, Parts))
    odd = (
        parts.drop_columns(["amount_cny"])
        if change == "forgets"
        else parts.append_column("more", pa.array([], pa.string()))
    )
    with pytest.raises(SchemaMismatchError, match="amount_cny" if change == "forgets" else "more"):
        issue_rows(store, {Score: score, Parts: odd}, "run")


@pytest.mark.parametrize("count", [1, 3])
def test_of_what_stands_the_rows_of_some_subjects_are_read_alone(store: Store, count: int) -> None:
    issue(store, {f"c{number}": float(number) for number in range(40)}, "run-1")
    issue(store, {"c3": 5.0}, "run-2")
    files = {Score: store.data_paths(Score)}
    buckets = [revisions.Bucket("customer_id", number, count) for number in range(count)]
    wanted, found = {"c3", "c7"}, []
    for bucket in buckets:
        standing = revisions.Standing(files, bucket)
        held = standing.rows(Score, ["2026-09"], ["customer_id", "revision"], wanted)
        found += [tuple(row.values()) for row in held.to_pylist()]
        assert standing.rows(Score, ["2026-10"], ["customer_id"], wanted).num_rows == 0
    assert sorted(set(found)) == [("c3", 1), ("c3", 2), ("c7", 1)]
