"""A home that an earlier version wrote: its tables gain what was declared since, or are left alone with a
word on what to do.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from pipelines.errors import SchemaMismatchError
from pipelines.settings import Settings
from pipelines.storage.data_files import commit_files, write_files
from pipelines.storage.scan import bucket_rows, read_columns
from pipelines.storage.schema_evolution import adopt_declarations
from pipelines.storage.store import Store
from pipelines.tables.base import Table
from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.tables.gold import GoldDayEnergy

DAY = {
    "meter_point_id": "A",
    "channel_code": "active_forward",
    "energy_date": date(2026, 9, 1),
    "customer_id": "C1",
    "energy_kwh_or_kvarh": 5.5,
    "basis_code": "register",
    "curve_kwh_or_kvarh": 5.25,
    "estimated_ratio": 0.0,
    "energy_month": "2026-09",
    "deducted_customer_id": None,
    "computed_run_id": "r1",
}


def earlier(
    store: Store,
    table: type[Table],
    rows: list[dict[str, object]],
    without: tuple[str, ...] = (),
    **others: pa.DataType,
) -> None:
    """Writes rows as a version whose declaration lacked some columns, or had others."""
    fields = [
        field.with_type(others.get(field.name, field.type))
        for field in table.arrow_schema()
        if field.name not in without
    ]
    fields += [pa.field(name, kind) for name, kind in others.items() if name not in table.columns()]
    kept = [{name: value for name, value in row.items() if name not in without} for row in rows]
    Path(store.path(table)).parent.mkdir(parents=True, exist_ok=True)
    write_deltalake(
        store.path(table),
        pa.Table.from_pylist(kept, pa.schema(fields)),
        partition_by=list(table.partition_by),
    )


def test_a_new_column_is_added_and_empty_in_rows_written_before(settings: Settings) -> None:
    store = Store(settings)
    earlier(store, GoldDayEnergy, [DAY], without=("curve_kwh_or_kvarh",))
    assert store.arrow(GoldDayEnergy).to_pylist() == [DAY | {"curve_kwh_or_kvarh": None}]
    assert "curve_kwh_or_kvarh" not in store.head(GoldDayEnergy, 1)[0]

    assert adopt_declarations(store, [GoldDayEnergy, BronzeLoadCurves]) == {
        "gold_day_energy": ["curve_kwh_or_kvarh"]
    }
    assert adopt_declarations(store, [GoldDayEnergy]) == {}
    assert store.head(GoldDayEnergy, 1) == [DAY | {"curve_kwh_or_kvarh": None}]

    later = DAY | {"meter_point_id": "B"}
    written = write_files(
        pa.Table.from_pylist([later], GoldDayEnergy.arrow_schema()), GoldDayEnergy, store.path(GoldDayEnergy)
    )
    commit_files(store, GoldDayEnergy, written, "test", 1, overwrite=False)
    files = [f"{store.path(GoldDayEnergy)}/{path}" for path in store.data_files(GoldDayEnergy)]
    columns = ["meter_point_id", "curve_kwh_or_kvarh"]
    assert sorted(tuple(row.values()) for row in read_columns(files, GoldDayEnergy, columns).to_pylist()) == [
        ("A", None),
        ("B", 5.25),
    ]
    rows = bucket_rows(files, GoldDayEnergy, 0, 1)
    assert sorted(
        zip(rows["meter_point_id"].to_pylist(), rows["curve_kwh_or_kvarh"].to_pylist(), strict=True)
    ) == [("A", None), ("B", 5.25)]
    assert [row for row in store.arrow(GoldDayEnergy).to_pylist() if row["meter_point_id"] == "B"] == [later]


def test_a_required_column_of_a_computed_table_is_filled_by_the_next_run(settings: Settings) -> None:
    store = Store(settings)
    earlier(store, GoldDayEnergy, [DAY], without=("basis_code",))
    assert adopt_declarations(store, [GoldDayEnergy]) == {"gold_day_energy": ["basis_code"]}


@pytest.mark.parametrize(
    ("table", "without", "others", "said", "hint"),
    [
        (GoldDayEnergy, (), {"gone_kwh": pa.float64()}, "not declared: gone_kwh", "computes it again"),
        (GoldDayEnergy, (), {"basis_code": pa.int32()}, "wrong type: basis_code", "computes it again"),
        (BronzeLoadCurves, ("interval_minutes",), {}, "missing: interval_minutes", "another ZHIXIANG_HOME"),
    ],
)
def test_what_cannot_be_mended_is_told_and_nothing_is_altered(
    settings: Settings,
    table: type[Table],
    without: tuple[str, ...],
    others: dict[str, pa.DataType],
    said: str,
    hint: str,
) -> None:
    store = Store(settings)
    earlier(store, table, [], without=without, **others)
    mendable = GoldDayEnergy if table is BronzeLoadCurves else BronzeLoadCurves
    earlier(
        store, mendable, [], without=("customer_id",) if mendable is GoldDayEnergy else ("present_flags",)
    )
    with pytest.raises(SchemaMismatchError) as raised:
        adopt_declarations(store, [mendable, table])
    assert said in raised.value.message
    assert hint in raised.value.hint
    assert DeltaTable(store.path(mendable)).version() == 0


def test_a_home_of_this_version_needs_nothing(settings: Settings) -> None:
    store = Store(settings)
    rows = pa.Table.from_pylist([DAY], GoldDayEnergy.arrow_schema())
    commit_files(
        store,
        GoldDayEnergy,
        write_files(rows, GoldDayEnergy, store.path(GoldDayEnergy)),
        "test",
        1,
        overwrite=True,
    )
    assert adopt_declarations(store, [GoldDayEnergy]) == {}
