"""The seeded files of the comparison: shares as stated, the same from the same seed, and the truth where the
latest reading counts.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.metering.own_arrays import gather, latest_readings, read_long, received_rows
from benchmarks.metering.received import (
    DAY_MICROSECONDS,
    FIRST_DAY,
    SLOTS,
    Loads,
    Planted,
    meter_names,
    write_curves,
    write_long,
    write_meters,
)

METERS, DAYS = 30, 60


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Loads, Planted, Planted]:
    folder = tmp_path_factory.mktemp("bench")
    loads = Loads(METERS, DAYS, seed=3)
    write_meters(loads, folder / "meters.parquet")
    return folder, loads, write_long(loads, folder / "long"), write_curves(loads, folder / "curves")


def test_shares_of_faults_are_as_stated(made: tuple[Path, Loads, Planted, Planted]) -> None:
    _, _, long, _ = made
    slots = METERS * DAYS * SLOTS
    assert long.missing / slots == pytest.approx(0.02, rel=0.35)  # long gaps are few
    for found, share in (
        (long.resent, 0.005),
        (long.spikes, 0.002),
        (long.negatives, 0.001),
        (long.late, 0.01),
    ):
        assert found / slots == pytest.approx(share, rel=0.2)
    assert long.rows == slots - long.missing + long.resent
    assert long.exchanges >= 1


def test_the_same_seed_makes_the_same_bytes(
    made: tuple[Path, Loads, Planted, Planted], tmp_path: Path
) -> None:
    folder, *_ = made
    write_long(Loads(METERS, DAYS, seed=3), tmp_path / "long")
    for path in sorted((folder / "long").glob("*.parquet")):
        assert (tmp_path / "long" / path.name).read_bytes() == path.read_bytes()


def test_files_are_in_the_order_of_upload_and_not_by_meter(
    made: tuple[Path, Loads, Planted, Planted],
) -> None:
    folder, *_ = made
    rows = pq.read_table(folder / "long" / "received_0010.parquet")
    received = rows["received_at"].cast(pa.int64()).to_numpy()
    assert (np.diff(received) >= 0).all()
    names = rows["meter_id"].to_pylist()
    assert names != sorted(names)
    first = min(rows["ts"].cast(pa.int64()).to_numpy()) // DAY_MICROSECONDS - (FIRST_DAY.toordinal() - 719163)
    assert first < 10  # late rows of earlier days are among them


def test_the_latest_reading_of_every_slot_is_the_truth(made: tuple[Path, Loads, Planted, Planted]) -> None:
    """Bronze keeps every reading; what counts of them, through slabs of any size, is what the meters
    showed.
    """
    folder, loads, long, _ = made
    names = pa.array(meter_names(METERS))
    first_day = FIRST_DAY.toordinal() - 719163
    files = sorted(str(path) for path in (folder / "long").glob("*.parquet"))
    for size in (len(files), 7):
        slabs = [
            gather([read_long(path, names) for path in files[at : at + size]], METERS)
            for at in range(0, len(files), size)
        ]
        parts = [received_rows(slab, 0, METERS, names, "000") for slab in slabs]
        kept = sum(
            part["active"].combine_chunks().flatten().drop_null().__len__()
            + part["further_active"].combine_chunks().flatten().__len__()
            for part in parts
        )
        assert kept == long.rows
        latest = latest_readings(parts, names, first_day, DAYS).active
        truth = np.concatenate([loads.day(day)[0] for day in range(DAYS)], axis=1)
        truth[loads.missing] = np.nan
        np.testing.assert_array_equal(latest, truth)


def test_curves_hold_the_same_loads(made: tuple[Path, Loads, Planted, Planted]) -> None:
    folder, loads, _, curves = made
    rows = pa.concat_tables([pq.read_table(path) for path in sorted((folder / "curves").glob("*.parquet"))])
    assert rows.num_rows == curves.rows
    rows = rows.sort_by([("sent_at", "ascending")])
    place = {name: number for number, name in enumerate(meter_names(METERS))}
    found = np.full((METERS, DAYS * SLOTS), np.nan)
    for name, day, values in zip(
        *(rows[column].to_pylist() for column in ("meter_point_id", "curve_date", "values_unscaled")),
        strict=True,
    ):
        begin = (day - FIRST_DAY).days * SLOTS
        found[place[name], begin : begin + SLOTS] = [np.nan if value is None else value for value in values]
    truth = np.concatenate([loads.day(day)[0] for day in range(DAYS)], axis=1)
    truth[loads.missing] = np.nan
    np.testing.assert_array_equal(found, truth)


def test_energy_goes_on_over_an_exchange_of_the_meter(made: tuple[Path, Loads, Planted, Planted]) -> None:
    _, loads, _, _ = made
    meter, day, multiplier = loads.exchanges[0]
    before, after = loads.day(day - 1)[0][meter], loads.day(day)[0][meter]
    energies = (
        np.abs(np.median(before)) * loads.first_multiplier[meter],
        np.abs(np.median(after)) * multiplier,
    )
    assert energies[1] == pytest.approx(energies[0], rel=1.0)
