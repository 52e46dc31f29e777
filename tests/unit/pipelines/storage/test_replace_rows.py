"""Small tables written without Spark: what goes, what stays, and when a version stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines.settings import Settings
from pipelines.storage import replace_rows as module
from pipelines.storage.replace_rows import replace_rows
from pipelines.storage.store import Store
from pipelines.tables.base import DOUBLE, STRING, Field, Layer, Table
from pipelines.units import Unit


class Shared(Table):
    """Rows of several steps."""

    name = "test_replaced_shared"
    layer = Layer.SILVER
    place = Field(STRING, "Place.", key=True)
    stage = Field(STRING, "The step.", nullable=False)
    city = Field(STRING, "City.")
    energy_kwh = Field(DOUBLE, "Energy.", unit=Unit.KWH)
    computed_run_id = Field(STRING, "Run.", run=True)


class Monthly(Table):
    """Rows by month."""

    name = "test_replaced_monthly"
    layer = Layer.GOLD
    partition_by = ("month",)
    place = Field(STRING, "Place.", key=True)
    month = Field(STRING, "Month.", key=True)
    city = Field(STRING, "City.")


def shared(*rows: tuple[str, str, str | None, float | None], run: str = "first") -> pa.Table:
    names = ("place", "stage", "city", "energy_kwh")
    return pa.Table.from_pylist(
        [dict(zip(names, row, strict=True)) | {"computed_run_id": run} for row in rows], Shared.arrow_schema()
    )


def monthly(*rows: tuple[str, str, str | None]) -> pa.Table:
    return pa.Table.from_pylist(
        [dict(zip(("place", "month", "city"), row, strict=True)) for row in rows], Monthly.arrow_schema()
    )


def held(store: Store, table: type[Table]) -> list[dict[str, Any]]:
    return sorted(store.arrow(table).to_pylist(), key=str)


@pytest.fixture
def store(settings: Settings) -> Store:
    return Store(settings)


@pytest.mark.parametrize(
    ("now", "version"),
    [
        ([("b", "s", "y", 2.0), ("a", "s", None, 1.0)], 0),
        ([("a", "s", None, 1.0), ("b", "s", "y", 2.0), ("c", "s", None, 0.0)], 1),
        ([("a", "s", "y", 1.0), ("b", "s", None, 2.0)], 1),
        ([("a", "s", None, 2.0), ("b", "s", "y", 1.0)], 1),
        ([("a", "s", None, None), ("b", "s", "y", 2.0)], 1),
        ([("a", "s", None, 1.0000000000000002), ("b", "s", "y", 2.0)], 1),
        ([("a", "s", None, 1.0)], 1),
        ([], 1),
    ],
)
def test_a_table_that_comes_out_as_it_stands_keeps_its_version(
    store: Store, now: list[Any], version: int
) -> None:
    """So that what reads it has nothing to do: a model is not trained again because another customer's data
    changed.
    """
    assert replace_rows(store, Shared, shared(("a", "s", None, 1.0), ("b", "s", "y", 2.0)), "step") == 0
    assert replace_rows(store, Shared, shared(*now, run="second"), "step") == version
    assert store.version(Shared) == version
    assert {row["computed_run_id"] for row in held(store, Shared)} <= {"second" if version else "first"}
    assert [tuple(row.values())[:4] for row in held(store, Shared)] == sorted(now, key=str)
    assert store.row_count(Shared) == len(now)


def test_rows_of_other_steps_stay_and_so_do_their_files(store: Store) -> None:
    ours, theirs = (
        shared(("a", "ours", None, 1.0)),
        shared(("b", "theirs", "y", 2.0), ("c", "theirs", "z", None)),
    )
    replace_rows(store, Shared, theirs, "theirs", "stage", ["theirs"])
    (file,) = store.data_paths(Shared)
    replace_rows(store, Shared, ours, "ours", "stage", ["ours"])
    assert file in store.data_paths(Shared), "a file without a row of ours is not even read as a whole"
    replace_rows(store, Shared, shared(("d", "ours", "x", 3.0)), "ours", "stage", ["ours"])
    assert [row["place"] for row in held(store, Shared)] == ["b", "c", "d"]
    assert all(Path(path).is_file() for path in store.data_paths(Shared))
    replace_rows(store, Shared, Shared.empty(), "ours", "stage", ["ours"])
    assert [row["place"] for row in held(store, Shared)] == ["b", "c"]
    assert held(store, Shared) == sorted(theirs.to_pylist(), key=str)
    version = store.version(Shared)
    assert replace_rows(store, Shared, theirs, "theirs", "stage", ["theirs"]) == version
    assert replace_rows(store, Shared, Shared.empty(), "ours", "stage", ["ours"]) == version


def test_a_file_that_steps_share_is_written_anew_with_the_rows_of_the_other(store: Store) -> None:
    replace_rows(store, Shared, shared(("a", "ours", None, 1.0), ("b", "theirs", "y", 2.0)), "both")
    replace_rows(store, Shared, shared(("c", "ours", "x", 3.0), run="second"), "ours", "stage", ["ours"])
    assert [(row["place"], row["computed_run_id"]) for row in held(store, Shared)] == [
        ("b", "first"),
        ("c", "second"),
    ]


def test_months_asked_for_are_replaced_also_where_nothing_comes(store: Store) -> None:
    def put(rows: pa.Table, *months: str) -> int:
        return replace_rows(store, Monthly, rows, "step", "month", months)

    assert put(monthly(("a", "2026-08", None), ("b", "2026-09", "y")), "2026-08", "2026-09") == 0
    assert put(monthly(("a", "2026-08", None)), "2026-08") == 0
    assert put(monthly(), "2026-10") == 0
    assert put(monthly(("c", "2026-10", "x")), "2026-10") == 1
    assert put(monthly(), "2026-08") == 2
    assert [row["place"] for row in held(store, Monthly)] == ["b", "c"]


def test_what_was_written_before_a_failed_commit_lies_in_no_version(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_rows(store, Shared, shared(("a", "s", None, 1.0)), "step")

    def full(*_arguments: Any, **_options: Any) -> Any:
        raise OSError(28, "No space left on device")

    before = held(store, Shared)
    with monkeypatch.context() as patch:
        patch.setattr(module, "write_files", full)
        with pytest.raises(OSError, match="No space left"):
            replace_rows(store, Shared, shared(("b", "s", None, 1.0)), "step")
    assert held(store, Shared) == before
    assert replace_rows(store, Shared, shared(("b", "s", None, 1.0)), "step") == 1
