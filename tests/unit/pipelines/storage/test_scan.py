"""Rows laid out by the hash of their meter point: every bucket gets its own, whatever the number of buckets,
and few row groups are read.
"""

from __future__ import annotations

import json
import zlib
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.storage.data_files import write_files
from pipelines.storage.hash_layout import HASH_RANGES, bucket_of
from pipelines.storage.scan import bucket_rows, rows_of_points, span_of
from pipelines.storage.table_hash import content_hash
from pipelines.tables.bronze import BronzeLoadCurves, BronzeRegisterReads

FIRST = date(2026, 8, 30)
NAMES = [f"P-{number:04d}" for number in range(400)]


def _received(names: list[str], days: int = 3, seed: int = 1) -> pa.Table:
    """Curves of some meter points in a random order, over the end of a month."""
    keys = [(name, FIRST + timedelta(days=day)) for name in names for day in range(days)]
    order = np.random.default_rng(seed).permutation(len(keys))
    count = len(keys)
    values = np.repeat(order.astype(float), 96)
    lists = pa.ListArray.from_arrays(
        pa.array(np.arange(0, count * 96 + 1, 96, dtype=np.int32)),
        pa.array(values, mask=np.arange(values.size) % 96 == 95),
    )
    columns = {field.name: pa.nulls(count, field.type) for field in BronzeLoadCurves.arrow_schema()} | {
        "content_hash": pa.repeat("aa", count),
        "line_number": pa.array(order + 1),
        "meter_point_id": pa.array([keys[place][0] for place in order]),
        "channel_code": pa.repeat("active_forward", count),
        "curve_date": pa.array([keys[place][1] for place in order]),
        "interval_minutes": pa.repeat(pa.scalar(15, pa.int32()), count),
        "measure_code": pa.repeat("energy", count),
        "values_unscaled": lists,
        "curve_month": pa.array([f"{keys[place][1]:%Y-%m}" for place in order]),
    }
    return pa.table(columns).cast(BronzeLoadCurves.arrow_schema())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[pa.Table, list[str]]:
    root = tmp_path_factory.mktemp("curves")
    rows = _received(NAMES)
    return rows, [str(root / file.path) for file in write_files(rows, BronzeLoadCurves, str(root))]


def _without_note(path: str, to: Path) -> str:
    """The same rows as another writer leaves them: in another order, and nothing said about hashes."""
    target = to / Path(path).parent.name / "other.parquet"
    target.parent.mkdir(parents=True)
    rows = pq.ParquetFile(path).read().replace_schema_metadata(None)
    pq.write_table(rows.take(pa.array(np.arange(rows.num_rows)[::-1])), target)
    return str(target)


def test_the_layout_is_no_part_of_the_content(written: tuple[pa.Table, list[str]]) -> None:
    rows, files = written
    assert len(files) == 2  # August and September
    assert content_hash(bucket_rows(files, BronzeLoadCurves, 0, 1), BronzeLoadCurves) == content_hash(
        rows, BronzeLoadCurves
    )


@pytest.mark.parametrize("buckets", [1, 3, 8])
def test_every_row_lies_in_exactly_the_bucket_of_its_meter_point(
    written: tuple[pa.Table, list[str]], buckets: int, tmp_path: Path
) -> None:
    rows, files = written
    other = [_without_note(path, tmp_path) for path in files]
    of_bucket = [bucket_rows(files, BronzeLoadCurves, bucket, buckets) for bucket in range(buckets)]
    for bucket, part in enumerate(of_bucket):
        assert {
            zlib.crc32(name.encode()) * buckets // 2**32 for name in part["meter_point_id"].to_pylist()
        } <= {bucket}
        unnoted = bucket_rows(other, BronzeLoadCurves, bucket, buckets)
        assert content_hash(unnoted, BronzeLoadCurves) == content_hash(part, BronzeLoadCurves)
    assert sum(part.num_rows for part in of_bucket) == rows.num_rows


def test_a_bucket_reads_only_row_groups_that_may_hold_its_rows(
    written: tuple[pa.Table, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, files = written
    august = pq.ParquetFile(files[0])
    noted = json.loads(august.metadata.metadata[HASH_RANGES])
    assert august.num_row_groups == len(noted["first"]) == 4  # 800 rows of 96 values: 0.7 MB
    assert noted["last"][1] < 2**31 <= noted["first"][2]
    asked: list[list[int]] = []

    class Watched(pq.ParquetFile):  # type: ignore[misc]
        def read_row_groups(self, groups: list[int], **how: object) -> pa.Table:
            asked.append(groups)
            return super().read_row_groups(groups, **how)

    monkeypatch.setattr("pipelines.storage.scan.pq.ParquetFile", Watched)
    bucket_rows(files[:1], BronzeLoadCurves, 0, 2)
    bucket_rows(files[:1], BronzeLoadCurves, 3, 4)
    bucket_rows(files[:1], BronzeLoadCurves, 1, 3)
    assert asked == [[0, 1], [3], [1, 2]]


def test_rows_of_chosen_meter_points(written: tuple[pa.Table, list[str]]) -> None:
    rows, files = written
    wanted = ["P-0007", "P-0311", "nobody"]
    found = rows_of_points(files, BronzeLoadCurves, wanted, ["meter_point_id", "curve_date", "curve_month"])
    expected = sorted(
        (name, day)
        for name, day in zip(rows["meter_point_id"].to_pylist(), rows["curve_date"].to_pylist(), strict=True)
        if name in wanted
    )
    assert (
        sorted(zip(found["meter_point_id"].to_pylist(), found["curve_date"].to_pylist(), strict=True))
        == expected
    )
    assert set(found["curve_month"].to_pylist()) == {"2026-08", "2026-09"}
    assert rows_of_points(files, BronzeLoadCurves, []).num_rows == 0


def test_rows_of_one_meter_point_keep_their_order(tmp_path: Path) -> None:
    rows = _received(NAMES[:20])
    files = [str(tmp_path / file.path) for file in write_files(rows, BronzeLoadCurves, str(tmp_path))]
    lines: dict[str, list[int]] = {name: [] for name in NAMES[:20]}
    for name, month, line in zip(
        *(rows[column].to_pylist() for column in ("meter_point_id", "curve_month", "line_number")),
        strict=True,
    ):
        if month == "2026-08":
            lines[name].append(line)
    back = pq.ParquetFile(files[0]).read()
    for name in NAMES[:20]:
        mine = [
            line
            for point, line in zip(
                back["meter_point_id"].to_pylist(), back["line_number"].to_pylist(), strict=True
            )
            if point == name
        ]
        assert mine == lines[name]


def test_buckets_are_ranges_of_one_hash() -> None:
    halves = {name: bucket_of(name, 2) for name in NAMES}
    assert all(bucket_of(name, 6) // 3 == half for name, half in halves.items())
    assert bucket_of(None, 5) == bucket_of("", 5) == 0  # CRC-32 of nothing is 0


def test_files_of_curves_are_lightly_compressed_throughout_and_those_of_others_are_not(
    written: tuple[pa.Table, list[str]], tmp_path: Path
) -> None:
    def codecs(path: str) -> set[str]:
        group = pq.read_metadata(path).row_group(0)
        return {group.column(place).compression for place in range(group.num_columns)}

    assert codecs(written[1][0]) == {"LZ4"}
    schema = BronzeRegisterReads.arrow_schema()
    given = {"read_month": "2026-08", "read_date": FIRST, "meter_point_id": "P", "content_hash": "aa"}
    given |= {name: "1" for name in schema.names if pa.types.is_string(schema.field(name).type)} | given
    some = pa.Table.from_pylist([{"line_number": 1, **given}], schema)
    (file,) = write_files(some, BronzeRegisterReads, str(tmp_path))
    assert codecs(str(tmp_path / file.path)) == {"ZSTD"}


def test_files_of_an_earlier_version_are_read_beside_those_of_now(
    written: tuple[pa.Table, list[str]], tmp_path: Path
) -> None:
    rows, paths = written
    older = []
    for path in paths:
        with pq.ParquetFile(path) as file:
            table = file.read()
        place = table.column_names.index("interval_minutes")
        table = table.set_column(place, "interval_minutes", table["interval_minutes"].cast(pa.int64()))
        target = tmp_path / Path(path).parent.name / "older.parquet"
        target.parent.mkdir()
        pq.write_table(table.drop_columns(["sender_quality_codes"]).slice(0, 40), target)
        older.append(str(target))
    found = bucket_rows([*paths, *older], BronzeLoadCurves, 0, 1)
    assert found.schema.types == [
        BronzeLoadCurves.arrow_schema().field(name).type for name in BronzeLoadCurves.business_columns()
    ]
    assert found.num_rows == rows.num_rows + 40 * len(paths)
    assert found["interval_minutes"].null_count == 0


def test_the_span_of_a_column(written: tuple[pa.Table, list[str]]) -> None:
    """From 30 August three days: over the end of a month, which the files are laid out by."""
    assert span_of(written[1], BronzeLoadCurves, "curve_month") == ("2026-08", "2026-09")
    assert span_of(written[1], BronzeLoadCurves, "meter_point_id") == ("P-0000", "P-0399")
    assert span_of([], BronzeLoadCurves, "curve_month") is None
