"""A bucket out of rows kept by hash is the bucket that is read by itself, whatever the number of buckets."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from pipelines.storage import hashed_rows as module
from pipelines.storage.data_files import write_files
from pipelines.storage.hashed_rows import HashedRows, hashed_rows, held_columns, rows_of_bucket
from pipelines.storage.scan import bucket_rows
from pipelines.tables.base import CUSTOMER
from pipelines.tables.gold import GoldDayEnergy

COLUMNS = (CUSTOMER, "meter_point_id", "energy_kwh_or_kvarh")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    chance, root = np.random.default_rng(8), str(tmp_path_factory.mktemp("days"))
    names = [None, "", "客户-1", *(f"C{number}" for number in range(300))]
    rows = [
        dict.fromkeys(GoldDayEnergy.columns())
        | {
            "meter_point_id": f"M{number % 400}",
            "channel_code": "active_forward" if number % 3 else "reactive_lagging",
            "customer_id": names[int(chance.integers(len(names)))],
            "energy_kwh_or_kvarh": float(number),
            "basis_code": "register",
            "estimated_ratio": 0.0,
            "energy_month": f"2026-0{8 + number % 2}",
            "energy_date": date(2026, 8, 1),
        }
        for number in range(2_000)
    ]
    whole = pa.Table.from_pylist(rows, GoldDayEnergy.arrow_schema())
    return [f"{root}/{file.path}" for file in write_files(whole, GoldDayEnergy, root)]


@pytest.mark.parametrize("buckets", [1, 2, 7, 64])
def test_buckets_are_those_that_are_read_by_themselves(files: list[str], buckets: int) -> None:
    held = hashed_rows(files, GoldDayEnergy, COLUMNS, CUSTOMER)
    assert isinstance(held, HashedRows)
    counted = 0
    for bucket in range(buckets):
        mine = held.of_bucket(bucket, buckets)
        alone = bucket_rows(files, GoldDayEnergy, bucket, buckets, CUSTOMER, COLUMNS)
        named = [row for row in alone.to_pylist() if row[CUSTOMER] is not None]
        assert mine.schema == alone.schema
        # Those of one customer stand as they were read: sums of their floats come out to the bit.
        order = sorted(range(len(named)), key=lambda place: named[place][CUSTOMER])
        found = mine.to_pylist()
        again = sorted(range(len(found)), key=lambda place: found[place][CUSTOMER])
        assert [found[place] for place in again] == [named[place] for place in order]
        counted += mine.num_rows
    assert counted == held.rows.num_rows > 1_900


def test_only_the_wanted_value_is_kept(files: list[str]) -> None:
    wanted = ("channel_code", "active_forward")
    held = hashed_rows(files, GoldDayEnergy, (*COLUMNS, "channel_code"), CUSTOMER, wanted)
    assert set(held.rows["channel_code"].to_pylist()) == {"active_forward"}


def test_a_table_is_read_once_and_another_version_of_it_anew(files: list[str]) -> None:
    assert held_columns(files, GoldDayEnergy, COLUMNS) is held_columns(files, GoldDayEnergy, COLUMNS)
    assert held_columns(files[:1], GoldDayEnergy, COLUMNS).num_rows < 2_000


@pytest.mark.parametrize("most", [0, 8_000_000])
def test_more_rows_than_a_process_holds_come_out_the_same(
    files: list[str], monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", most)
    wanted = ("channel_code", "active_forward")
    held = hashed_rows(files, GoldDayEnergy, COLUMNS, CUSTOMER, wanted)
    for bucket in range(5):
        found = rows_of_bucket(files, GoldDayEnergy, COLUMNS, CUSTOMER, bucket, 5, wanted)
        expected = held.of_bucket(bucket, 5)
        assert found.schema == expected.schema
        assert sorted(map(str, found.to_pylist())) == sorted(map(str, expected.to_pylist()))
        assert found.num_rows > 100
