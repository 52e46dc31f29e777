"""Rows of some meter points renewed inside files, one commit around it, and accounts shifted by what those
meter points had and have.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines.incremental.file_accounts import corrected_accounts, corrected_quarantine
from pipelines.incremental.rewrite_files import plan_rewrite, rewrite
from pipelines.settings import Settings
from pipelines.storage.data_files import commit_files, write_files
from pipelines.storage.hash_layout import bucket_of
from pipelines.storage.store import Store
from pipelines.storage.unchanged_rows import with_run
from pipelines.tables.base import DOUBLE, ENERGY, STRING, Field, Layer, Table
from pipelines.units import Unit

D = Decimal


class Parted(Table):
    """A table that workers write."""

    name = "test_parted"
    layer = Layer.SILVER
    partition_by = ("month",)
    meter_point_id = Field(STRING, "Meter point.", key=True)
    energy_kwh = Field(DOUBLE, "Energy.", unit=Unit.KWH, nullable=False, minimum=0)
    month = Field(STRING, "Month.", key=True)
    computed_run_id = Field(STRING, "Run.", run=True)


def rows(*found: tuple[str, float, str], run: str | None = "first") -> pa.Table:
    table = pa.Table.from_pylist(
        [dict(zip(("meter_point_id", "energy_kwh", "month"), row, strict=True)) for row in found],
        Parted.arrow_schema(),
    )
    table = table.drop_columns(["computed_run_id"])
    return (
        table
        if run is None
        else table.append_column("computed_run_id", pa.array([run] * table.num_rows, STRING))
    )


@pytest.fixture
def store(settings: Settings) -> Store:
    return Store(settings)


def begin(store: Store) -> list[str]:
    """Three meter points in two months, one file a month and one of another meter point alone."""
    both = [(point, 1.0, month) for month in ("2026-08", "2026-09") for point in ("A", "B", "C")]
    files = [
        *write_files(rows(*both), Parted, store.path(Parted)),
        *write_files(rows(("D", 1.0, "2026-09")), Parted, store.path(Parted)),
    ]
    commit_files(store, Parted, files, "step", 1, overwrite=True)
    return [f"{store.path(Parted)}/{path}" for path in store.data_files(Parted)]


def stands(store: Store) -> dict[tuple[str, str], tuple[float, str]]:
    return {
        (row["meter_point_id"], row["month"]): (row["energy_kwh"], row["computed_run_id"])
        for row in store.arrow(Parted).to_pylist()
    }


def renewed(store: Store, now: pa.Table, points: str) -> int | None:
    current = [f"{store.path(Parted)}/{path}" for path in store.data_files(Parted)]
    plan = plan_rewrite(set(points), [current], 1)
    assert plan is not None
    made = rewrite(now, Parted, store.path(Parted), set(points), plan.held[0][0], "second")
    assert set(made.violations.values()) == {0}
    kept = frozenset(store.data_files(Parted)) - set(made.replaced)
    return commit_files(store, Parted, made.files, "step", 2, overwrite=True, kept=kept)


def test_what_changed_is_renewed_and_the_others_keep_row_and_run(store: Store) -> None:
    august = next(path for path in begin(store) if "2026-08" in path)
    assert renewed(store, rows(("A", 1.0, "2026-08"), ("A", 2.0, "2026-09"), run=None), "A") == 1
    found = stands(store)
    assert found.pop(("A", "2026-09")) == (2.0, "second")
    assert found == dict.fromkeys(
        [*((p, "2026-08") for p in "ABC"), *((p, "2026-09") for p in "BCD")], (1.0, "first")
    )
    assert august in {f"{store.path(Parted)}/{path}" for path in store.data_files(Parted)}, (
        "a month in which nothing changed keeps its file"
    )
    assert store.row_count(Parted) == 7
    assert store.content_hash(Parted, version=0) != store.content_hash(Parted)


def test_rows_that_are_gone_are_taken_out_and_rows_of_a_new_month_are_put_in(store: Store) -> None:
    begin(store)
    assert renewed(store, rows(("A", 1.0, "2026-08"), ("A", 1.0, "2026-10"), run=None), "A") == 1
    assert [key for key in sorted(stands(store)) if key[0] == "A"] == [("A", "2026-08"), ("A", "2026-10")]
    assert len(stands(store)) == 7


def test_rows_that_come_out_as_they_stand_make_no_version(store: Store) -> None:
    before = begin(store)
    assert renewed(store, rows(("A", 1.0, "2026-08"), ("A", 1.0, "2026-09"), run=None), "A") == 0
    assert [f"{store.path(Parted)}/{path}" for path in store.data_files(Parted)] == before


def test_a_repeated_key_among_what_is_written_is_counted(store: Store) -> None:
    held = begin(store)
    twice = rows(("A", 1.0, "2026-08"), ("A", 2.0, "2026-08"), ("A", -1.0, "2026-09"), run=None)
    made = rewrite(twice, Parted, store.path(Parted), {"A"}, held, "second")
    assert made.violations == {"keys_repeated": 1, "required_values_empty": 0, "values_below_minimum": 1}


@pytest.mark.parametrize("points", [{"A"}, None])
def test_a_bad_row_is_counted_once_also_where_it_stands_already(
    store: Store, points: set[str] | None
) -> None:
    bad = rows(("A", -1.0, "2026-08"), ("A", 1.0, "2026-09"), run=None)
    root = store.path(Parted)
    held = [f"{root}/{file.path}" for file in write_files(with_run(bad, "first"), Parted, root)]
    made = rewrite(bad, Parted, root, points, held, "second")
    assert (made.files, made.violations["values_below_minimum"]) == ([], 1)
    later = rows(("A", -1.0, "2026-08"), ("A", -2.0, "2026-09"), run=None)
    made = rewrite(later, Parted, root, points, held, "second")
    assert (len(made.files), made.violations["values_below_minimum"]) == (1, 2)


def test_bad_rows_of_others_are_counted_where_they_are_copied(store: Store) -> None:
    root = store.path(Parted)
    stood = rows(("A", 1.0, "2026-08"), ("B", -1.0, "2026-08"), ("B", -1.0, "2026-09"))
    held = [f"{root}/{file.path}" for file in write_files(stood, Parted, root)]
    made = rewrite(rows(("A", -2.0, "2026-08"), run=None), Parted, root, {"A"}, held, "second")
    assert made.violations["values_below_minimum"] == 2


def test_two_buckets_never_renew_one_file(store: Store) -> None:
    held = begin(store)
    assert bucket_of("A", 7) != bucket_of("C", 7)
    assert plan_rewrite({"A"}, [held], 7) is not None
    assert plan_rewrite({"A", "C"}, [held], 7) is None
    assert plan_rewrite({"A", "D"}, [held], 7) is not None, "each file holds rows of one of them"


def test_a_commit_that_fails_leaves_the_table_as_it_was(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(store)
    before, files = stands(store), sorted(Path(store.path(Parted)).rglob("*.parquet"))

    def die(*arguments: object, **named: object) -> None:
        raise OSError("the disk is full")

    kept = frozenset(path for path in store.data_files(Parted) if "2026-08" in path)
    with monkeypatch.context() as patch:
        patch.setattr("deltalake.DeltaTable.create_write_transaction", die)
        with pytest.raises(OSError, match="full"):
            commit_files(store, Parted, [], "step", 2, overwrite=True, kept=kept)
    assert (stands(store), sorted(Path(store.path(Parted)).rglob("*.parquet"))) == (before, files)
    assert commit_files(store, Parted, [], "step", 2, overwrite=True, kept=kept) == 1
    assert {month for _, month in stands(store)} == {"2026-08"}


class Exact(Table):
    """A table with exact energy."""

    name = "test_exact"
    layer = Layer.SILVER
    partition_by = ("month",)
    meter_point_id = Field(STRING, "Meter point.", key=True)
    energy_kwh = Field(ENERGY, "Energy.", unit=Unit.KWH, nullable=False)
    month = Field(STRING, "Month.", key=True)


def test_files_that_another_writer_put_together_stay_beside_new_ones(store: Store) -> None:
    """OPTIMIZE writes the bounds of decimals, which write_files leaves out."""

    def exact(*found: tuple[str, str, str]) -> pa.Table:
        columns = ("meter_point_id", "energy_kwh", "month")
        return pa.Table.from_pylist(
            [
                {
                    name: D(value) if name == "energy_kwh" else value
                    for name, value in zip(columns, row, strict=True)
                }
                for row in found
            ],
            pa.schema([Exact.arrow_schema().field(name) for name in columns]),
        )

    root = store.path(Exact)
    first, second = exact(("A", "123456789012.345678", "2026-08")), exact(("B", "-2.25", "2026-08"))
    commit_files(
        store,
        Exact,
        [*write_files(first, Exact, root), *write_files(second, Exact, root)],
        "step",
        1,
        overwrite=True,
    )
    table = store.delta(Exact)
    assert table is not None
    assert table.optimize.compact()["numFilesAdded"] == 1
    (together,) = store.data_files(Exact)
    table = store.delta(Exact)
    assert table is not None
    assert pa.table(table.get_add_actions(flatten=True))["min.energy_kwh"].to_pylist() == [D("-2.25")]
    third, fourth = exact(("C", "0.000001", "2026-08")), exact(("D", "4", "2026-09"))
    later = [*write_files(third, Exact, root), *write_files(fourth, Exact, root)]
    assert commit_files(store, Exact, later, "step", 2, overwrite=True, kept=frozenset({together})) == 2
    fresh = next(file.path for file in later if "2026-08" in file.path)
    # Now the file of the third goes and that of the others stays in the same month, under another name.
    kept = frozenset(store.data_files(Exact)) - {fresh}
    commit_files(
        store,
        Exact,
        write_files(exact(("C", "5", "2026-08")), Exact, root),
        "step",
        3,
        overwrite=True,
        kept=kept,
    )
    energy = {row["meter_point_id"]: row["energy_kwh"] for row in store.arrow(Exact).to_pylist()}
    assert energy == {"A": D("123456789012.345678"), "B": D("-2.25"), "C": D(5), "D": D(4)}


def account(content: str, kept: int, duplicate: int = 0, run: str | None = None) -> dict[str, Any]:
    counts = {
        "received_rows": kept + duplicate,
        "kept_rows": kept,
        "duplicate_rows": duplicate,
        "superseded_rows": 0,
        "quarantined_rows": 0,
    }
    return {"content_hash": content, "table_name": "t", "stage": "s", **counts} | (
        {} if run is None else {"computed_run_id": run}
    )


def test_accounts_move_by_what_the_affected_had_and_have() -> None:
    stood = [account("a", 10, run="first"), account("b", 5, run="first")]
    then, now = [account("a", 2), account("b", 1)], [account("a", 1, 1), account("b", 1), account("c", 3)]
    assert corrected_accounts(stood, then, now, "second") == [
        account("a", 9, 1, "second"),
        account("b", 5, run="first"),
        account("c", 3, run="second"),
    ]


def test_accounts_that_cannot_have_held_it_are_refused() -> None:
    assert corrected_accounts([account("a", 2, run="first")], [account("a", 2)], [], "second") == []
    assert corrected_accounts([account("a", 2, run="first")], [account("a", 3)], [], "second") is None
    assert corrected_accounts([account("a", 2, run="first")], [account("b", 1)], [], "second") is None


def held_back(line: int, reason: str = "future", run: str | None = None) -> dict[str, Any]:
    row = {
        "content_hash": "a",
        "line_number": line,
        "table_name": "t",
        "reason_code": reason,
        "column_name": "c",
        "reason": "r",
        "raw_record": "x",
    }
    return row | {"stage": "s"} | ({} if run is None else {"run_id": run, "source_file": "f"})


def test_quarantine_moves_alike_and_keeps_who_held_back_first() -> None:
    stood = [held_back(1, run="first"), held_back(2, run="first"), held_back(3, run="first")]
    moved = corrected_quarantine(stood, [held_back(2), held_back(3)], [held_back(3), held_back(4)], "second")
    assert moved == [
        held_back(1, run="first"),
        held_back(3, run="first"),
        held_back(4) | {"run_id": "second"},
    ]
    assert corrected_quarantine(stood, [held_back(9)], [], "second") is None
