"""One reader and one writer: on another file system than this machine's, for any declared layout, for files
older than the declaration, and used by all.
"""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from pipelines.errors import SettingsError
from pipelines.incremental.changed_rows import changed_rows
from pipelines.incremental.rewrite_files import plan_rewrite, rewrite
from pipelines.settings import Settings
from pipelines.storage.data_files import commit_files, discard_files, write_files
from pipelines.storage.file_systems import LOCAL, located
from pipelines.storage.scan import (
    all_there,
    bucket_rows,
    by_partition,
    months_of,
    partition_of,
    points_in,
    read_columns,
    row_count,
    rows_of_points,
    whole_table,
)
from pipelines.storage.store import Store
from pipelines.storage.table_hash import content_hash
from pipelines.tables.base import DOUBLE, STRING, Field, Layer, Table
from pipelines.units import Unit

ROOT = Path(__file__).parents[4]


class Laid:
    """The columns of a table; how its files are laid out is said by each declaration alone."""

    meter_point_id = Field(STRING, "Meter point.", key=True)
    area = Field(STRING, "Area.", key=True)
    month = Field(STRING, "Month.", key=True)
    energy_kwh = Field(DOUBLE, "Energy.", unit=Unit.KWH, nullable=False)
    computed_run_id = Field(STRING, "Run.", run=True)


class LaidByMonth(Laid, Table):
    """By month."""

    name, layer, partition_by = "test_laid_by_month", Layer.SILVER, ("month",)


class LaidByArea(Laid, Table):
    """By area."""

    name, layer, partition_by = "test_laid_by_area", Layer.SILVER, ("area",)


class LaidByNothing(Laid, Table):
    """By no column."""

    name, layer = "test_laid_by_nothing", Layer.SILVER


LAYOUTS = pytest.mark.parametrize("table", [LaidByMonth, LaidByArea, LaidByNothing])


def rows(table: type[Table], energy: float = 1.0, run: str = "first") -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "meter_point_id": f"P{point}",
                "area": area,
                "month": month,
                "energy_kwh": energy,
                "computed_run_id": run,
            }
            for month in ("2026-08", "2026-09")
            for area in ("north", "south")
            for point in range(30)
        ],
        table.arrow_schema(),
    )


def written(table: type[Table], root: str) -> list[str]:
    return [f"{root}/{file.path}" for file in write_files(rows(table), table, root)]


@pytest.fixture(params=["local", "mock"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "t") if request.param == "local" else f"mock:///{tmp_path.name}/t"


@LAYOUTS
def test_every_door_opens_on_every_file_system_and_layout(table: type[Table], root: str) -> None:
    files, same = written(table, root), content_hash(rows(table), table)
    assert (all_there(files), row_count(files)) == (True, 120)
    assert content_hash(whole_table(files, table), table) == same
    buckets = [bucket_rows(files, table, bucket, 3) for bucket in range(3)]
    assert content_hash(pa.concat_tables(buckets), table) == same
    mine, others = (rows_of_points(files, table, {"P1", "P2"}, others=other) for other in (False, True))
    assert (mine.num_rows, others.num_rows) == (8, 112)
    assert content_hash(pa.concat_tables([mine, others]), table) == same
    assert points_in(files) == {f"P{point}" for point in range(30)}
    chosen = (ds.field("month") == "2026-08") & (ds.field("area") == "south")
    found = read_columns(files, table, ["month", "meter_point_id"], chosen, use_threads=False)
    assert (found.column_names, found.num_rows) == (["month", "meter_point_id"], 30)
    assert read_columns([], table, ["month"]).num_rows == 0
    assert changed_rows(files, [], table).num_rows == 120


@LAYOUTS
def test_files_that_are_discarded_are_gone_and_twice_is_no_error(table: type[Table], root: str) -> None:
    files = write_files(rows(table), table, root)
    assert all(file.size_bytes > 0 for file in files)
    discard_files(root, files)
    discard_files(root, files)
    assert not all_there([f"{root}/{file.path}" for file in files])


@pytest.mark.parametrize("table", [LaidByMonth, LaidByArea])
def test_the_declaration_alone_says_how_files_are_laid_out_and_rewritten(
    settings: Settings, table: type[Table]
) -> None:
    store, column = Store(settings), table.partition_column()
    location = store.path(table)
    commit_files(store, table, write_files(rows(table), table, location), "step", 1, overwrite=True)
    files = store.data_paths(table)
    first, _ = values = sorted(set(rows(table).column(column).to_pylist()))
    assert (sorted(by_partition(files, table)), months_of(files, table)) == (values, set(values))
    plan = plan_rewrite({"P3"}, [files], 1)
    assert plan is not None
    mine = rows_of_points(files, table, {"P3"}).to_pylist()
    now = pa.Table.from_pylist(
        [row | ({"energy_kwh": 5.0} if row[column] == first else {}) for row in mine],
        rows(table).drop_columns(["computed_run_id"]).schema,
    )
    made = rewrite(now, table, location, {"P3"}, plan.held[0][0], "second")
    assert [file.partition for file in made.files] == [{column: first}], "the other stands as it is"
    kept = frozenset(store.data_files(table)) - set(made.replaced)
    assert commit_files(store, table, made.files, "step", 2, overwrite=True, kept=kept) == 1
    found = store.arrow(table, filters=[(column, "=", first)]).to_pylist()
    assert {row["computed_run_id"] for row in found if row["meter_point_id"] == "P3"} == {"second"}
    assert sum(row["energy_kwh"] for row in found) == 58 + 2 * 5.0
    assert store.row_count(table) == 120


def test_a_layout_is_one_column_or_none() -> None:
    with pytest.raises(SettingsError, match="not partitioned"):
        LaidByNothing.partition_column()
    with pytest.raises(SettingsError, match="more than one column"):
        type("Two", (Laid, Table), {"__doc__": "Two.", "name": "test_two", "partition_by": ("month", "area")})
    with pytest.raises(ValueError, match="no folder month="):
        partition_of("a/area=north/b.parquet", LaidByMonth)
    assert partition_of("month=old/t/month=2026-08/b.parquet", LaidByMonth) == "2026-08"


@LAYOUTS
def test_a_column_younger_than_a_file_is_empty_there_though_it_is_required(
    table: type[Table], tmp_path: Path
) -> None:
    """As in a home of an earlier version: the next run computes the table and compares with what stands."""
    files = written(table, str(tmp_path))
    for path in files[:1]:
        pq.write_table(pq.ParquetFile(path).read().drop_columns(["energy_kwh"]), path)
    for found in (
        bucket_rows(files, table, 0, 1),
        rows_of_points(files, table, {f"P{point}" for point in range(30)}),
        whole_table(files, table),
        read_columns(files, table, ["energy_kwh"]),
    ):
        assert found.num_rows == 120
        older = {LaidByMonth: 60, LaidByArea: 60, LaidByNothing: 120}[table]
        assert found.column("energy_kwh").null_count == older


def test_an_address_names_its_file_system() -> None:
    assert located("/a/b") == (LOCAL, "/a/b")
    assert located("file:///a/b%20=c") == (LOCAL, "/a/b%20=c")
    system, path = located("mock:///a/b")
    assert (system.type_name, path) == ("mock", "a/b")
    assert located("mock:///c")[0] is system, "opened once"


def test_nobody_else_opens_parquet_of_tables() -> None:
    """Received files (formats, simulations, files for the validation alone) are no tables."""
    doors = {"pipelines/storage/scan.py", "pipelines/storage/data_files.py"}
    no_tables = (
        "pipelines/formats/",
        "zhixiang/simulation/",
        "zhixiang/vee_files/",
        "zhixiang/city_day/received.py",
        "pipelines/transforms/received/record_faults.py",  # asks a table in memory
    )
    opened = re.compile(r"\bds\.dataset\(|\bpq\.\w+|\bparquet\.(read|write)_|ParquetFile\(|read_parquet\(")
    found = [
        name
        for package in ("pipelines", "products", "zhixiang")
        for path in sorted((ROOT / package).rglob("*.py"))
        if (name := path.relative_to(ROOT).as_posix()) not in doors
        and not name.startswith(no_tables)
        and opened.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []
