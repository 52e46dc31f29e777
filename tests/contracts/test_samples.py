"""The committed samples: what they say, against independent readings, their sources and a second making."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipelines.errors import InputRefusedError
from pipelines.formats import FORMATS, FormatSettings, ReadResult, detect, unpack
from pipelines.settings import load_settings, packaged

SAMPLES = packaged("samples")
ROOT = Path(__file__).resolve().parents[2]
CONF = load_settings(packaged("conf"))
SETTINGS, LIMITS = CONF.section(FormatSettings), CONF.platform.ingest
MANIFEST: list[dict[str, Any]] = json.loads((SAMPLES / "manifest.json").read_text(encoding="utf-8"))["files"]
RECEIVED = [entry["path"] for entry in MANIFEST if entry["format_id"]]


def lines(path: Path) -> Iterator[dict[str, str]]:
    content = path.read_bytes()
    yield from csv.DictReader(
        io.StringIO(
            (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8"), newline=""
        )
    )


def read(path: str) -> ReadResult:
    content = unpack(path, (SAMPLES / path).read_bytes(), LIMITS)
    return detect(path, content).read(content, path, SETTINGS)


def test_the_manifest_holds_for_every_file() -> None:
    texts = {
        "README.md",
        "manifest.json",
        ".gitattributes",
        *(f"{folder}/LICENSE" for folder in ("steel", "buildings", "nem12", "shapes")),
    }
    present = {path.relative_to(SAMPLES).as_posix() for path in SAMPLES.rglob("*") if path.is_file()}
    assert {entry["path"] for entry in MANIFEST} == present - texts
    assert texts <= present
    for entry in MANIFEST:
        assert hashlib.sha256((SAMPLES / entry["path"]).read_bytes()).hexdigest() == entry["sha256"], entry[
            "path"
        ]
        assert entry["source"]
        assert entry["licence"]
        assert entry["provenance"][0] == "real"
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file()) < 12_000_000


def test_the_readme_tells_of_every_folder_and_licence() -> None:
    text = (SAMPLES / "README.md").read_text(encoding="utf-8")
    for folder in {entry["path"].split("/")[0] for entry in MANIFEST}:
        assert f"`{folder}/" in text
    for word in ("CC BY 4.0", "MIT", "BSD 3-Clause", "418 weeks", "derived", "assumed"):
        assert word in text


@pytest.mark.parametrize(
    "entry", [entry for entry in MANIFEST if entry["format_id"]], ids=lambda entry: str(entry["path"])
)
def test_a_received_sample_is_of_the_format_that_the_manifest_names(entry: dict[str, Any]) -> None:
    content = unpack(entry["path"], (SAMPLES / entry["path"]).read_bytes(), LIMITS)
    assert detect("renamed", content).id == entry["format_id"]
    assert entry["format_id"] in {known.id for known in FORMATS}
    result = read(entry["path"])
    assert result.received_rows == entry["rows"] == result.rows.num_rows + result.rejects.num_rows
    assert result.rejects.num_rows == (1 if "/partly/" in entry["path"] else 0)
    # One of the register files tells a quantity that its reads do not differ by.
    assert result.notes == ()
    assert result.warnings == () or entry["path"].endswith("Example_NEM13_forward_estimate.csv")


def test_steel_energy_of_september_from_the_curves() -> None:
    energy: dict[str, Decimal] = defaultdict(Decimal)
    highest: dict[str, Decimal] = defaultdict(Decimal)
    days = set()
    for row in lines(SAMPLES / "steel" / "E_MP_POWER_CURVE_2026-09.csv"):
        points = [Decimal(row[f"P{number}"]) * 1000 for number in range(1, 97)]
        energy[row["DATA_TYPE"]] += sum(points) / 4
        highest[row["DATA_TYPE"]] = max(highest[row["DATA_TYPE"]], *points)
        days.add(row["DATA_DATE"])
    assert days == {f"2026-09-{day:02d}" for day in range(1, 31)}
    assert energy == {"1": Decimal("60916.39"), "5": Decimal("34985.37"), "9": Decimal("8885.74")}
    assert highest["1"] == Decimal("505.0")


def steel_registers() -> dict[tuple[str, str], Decimal]:
    return {
        (row["READ_TYPE"], row["DATA_DATE"]): Decimal(row["R"])
        for path in sorted((SAMPLES / "steel").glob("E_MP_DAY_READ_*.csv"))
        for row in lines(path)
    }


def test_steel_energy_of_september_from_the_registers() -> None:
    registers = steel_registers()
    for read_type, expected in (("1", "60916.39"), ("2", "34985.37"), ("6", "8885.74")):
        assert (registers[read_type, "2026-09-30"] - registers[read_type, "2026-08-31"]) * 1000 == Decimal(
            expected
        )


def test_steel_registers_and_curves_agree_every_whole_day() -> None:
    registers = steel_registers()
    read_type_of = {"1": "1", "5": "2", "9": "6"}
    compared = 0
    for path in sorted((SAMPLES / "steel").glob("E_MP_POWER_CURVE_*.csv")):
        for row in lines(path):
            points = [row[f"P{number}"] for number in range(1, 97)]
            day = date.fromisoformat(row["DATA_DATE"])
            assert row["DATA_WHOLE_FLAG"] == "".join("1" if point else "0" for point in points)
            if all(points):
                read_type = read_type_of[row["DATA_TYPE"]]
                before = registers[read_type, (day - timedelta(days=1)).isoformat()]
                assert registers[read_type, day.isoformat()] - before == sum(map(Decimal, points)) / 4
                compared += 1
    assert compared == 273 * 3
    assert min(day for _, day in registers) == "2026-01-04"
    assert max(day for _, day in registers) == "2026-10-04"


def test_the_last_day_of_the_steel_works_is_not_whole() -> None:
    rows = [
        row
        for row in lines(SAMPLES / "steel" / "E_MP_POWER_CURVE_2026-10.csv")
        if row["DATA_DATE"] == "2026-10-05"
    ]
    assert [sum(bool(row[f"P{number}"]) for number in range(1, 97)) for row in rows] == [72, 72, 72]


def test_the_reader_sees_what_the_csv_module_sees() -> None:
    path = "steel/E_MP_POWER_CURVE_2026-10.csv"
    expected = [
        [float(row[f"P{number}"]) if row[f"P{number}"] else None for number in range(1, 97)]
        for row in lines(SAMPLES / path)
    ]
    assert read(path).rows["values_unscaled"].to_pylist() == expected
    path = "buildings/E_MP_DAY_READ_2026-09.csv.gz"
    assert read(path).rows["register_unscaled"].to_pylist() == [
        Decimal(row["R"]) for row in lines(SAMPLES / path)
    ]


def test_every_building_has_its_terms_its_meter_its_weather_and_a_whole_september() -> None:
    customers = {row["customer_id"]: row for row in lines(SAMPLES / "buildings" / "customers.csv")}
    points = {row["customer_id"]: row for row in lines(SAMPLES / "buildings" / "meter_points.csv")}
    days = defaultdict(set)
    for path in sorted((SAMPLES / "buildings").glob("E_MP_DAY_READ_*.csv.gz")):
        for row in lines(path):
            days[row["ID"]].add(row["DATA_DATE"])
    stations = {row["station_id"] for row in lines(SAMPLES / "buildings" / "weather.csv.gz")}
    assert len(customers) == len(points) == len(days) == 252
    september = {"2026-08-31", *(f"2026-09-{day:02d}" for day in range(1, 31))}
    for customer_id, customer in customers.items():
        of_point = days[points[customer_id]["meter_point_id"]]
        assert september <= of_point
        assert max(of_point) == "2026-09-30"
        assert min(of_point) == customer["valid_from_date"] == points[customer_id]["valid_from_date"]
        assert customer["weather_station_id"] in stations
        assert customer["provenance"] == "real+dates_shifted+derived+assumed"
        assert "真实用电，日期平移" in customer["customer_name"]


def test_buildings_differ_from_their_source_by_a_cent_of_a_kilowatt_hour_at_most(
    reference_data: Path,
) -> None:
    shifts = {row["building"]: int(row["shift_weeks"]) for row in lines(SAMPLES / "buildings" / "shifts.csv")}
    registers: dict[tuple[str, date], Decimal] = {}
    for path in (SAMPLES / "buildings").glob("E_MP_DAY_READ_*.csv.gz"):
        for row in lines(path):
            registers[row["ID"].removeprefix("MP-BDG-"), date.fromisoformat(row["DATA_DATE"])] = Decimal(
                row["R"]
            )
    source = pq.read_table(reference_data / "bdg1_daily.parquet")
    compared = 0
    for uid, day, kwh in zip(
        source["uid"].to_pylist(), source["date"].to_pylist(), source["kwh"].to_pylist(), strict=True
    ):
        moved = date.fromisoformat(day) + timedelta(weeks=shifts[uid])
        if moved <= date(2026, 9, 30):
            energy = registers[uid, moved] - registers[uid, moved - timedelta(days=1)]
            assert abs(energy - Decimal(repr(kwh))) <= Decimal("0.01"), (uid, day)
            compared += 1
    assert compared == len(registers) - 252


def test_shifts_are_whole_weeks_nearest_to_whole_years() -> None:
    for row in lines(SAMPLES / "buildings" / "shifts.csv"):
        first, moved = (
            date.fromisoformat(row["source_first_day"]),
            date.fromisoformat(row["shifted_first_day"]),
        )
        assert moved - first == timedelta(weeks=int(row["shift_weeks"]))
        assert min(abs((moved - first.replace(year=year)).days) for year in (2025, 2026)) <= 3


# nemreader closes none of the files that it opens.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_nem12_totals_are_those_of_nemreader() -> None:
    from nemreader import NEMFile

    factors = {"wh": 0.001, "varh": 0.001}
    compared = 0
    for path in sorted(path for path in RECEIVED if "/Example_NEM12" in path or "Western" in path):
        ours: dict[tuple[str, str], float] = defaultdict(float)
        for row in read(path).rows.to_pylist():
            ours[row["meter_point_id"], row["channel_code"]] += sum(
                value for value in row["values_unscaled"] if value is not None
            )
        theirs: dict[tuple[str, str], float] = defaultdict(float)
        letters = {
            "E": "active_forward",
            "B": "active_reverse",
            "Q": "reactive_lagging",
            "K": "reactive_leading",
        }
        for nmi, channels in NEMFile(str(SAMPLES / path), strict=True).nem_data().readings.items():
            for suffix, readings in channels.items():
                if suffix[0] in letters:
                    total = sum(reading.read_value for reading in readings) * factors.get(
                        readings[0].uom.lower(), 1
                    )
                    theirs[f"NEM12-{nmi}-{suffix[1]}", letters[suffix[0]]] += total
        assert ours.keys() == theirs.keys()
        for key, total in theirs.items():
            assert ours[key] == pytest.approx(total, rel=1e-12), (path, key)
            compared += 1
    assert compared == 26


def test_every_nem12_stream_has_a_meter_point_that_nobody_is_billed_for() -> None:
    points = {row["meter_point_id"]: row for row in lines(SAMPLES / "nem12" / "valid" / "meter_points.csv")}
    met = {
        point
        for path in RECEIVED
        if "NEM12_" in path or "Western" in path
        for point in read(path).rows["meter_point_id"].to_pylist()
    }
    assert met == points.keys()
    assert all(not row["customer_id"] and row["multiplier_ratio"] == "1" for row in points.values())


@pytest.mark.parametrize(
    "expected", list(lines(SAMPLES / "nem12" / "refused_reasons.csv")), ids=lambda row: str(row["file"])
)
def test_a_bad_interchange_file_is_refused_for_the_reason_listed(expected: dict[str, str]) -> None:
    with pytest.raises(InputRefusedError) as refusal:
        read(f"nem12/refused/{expected['file']}")
    assert refusal.value.reason_code == expected["reason_code"]
    assert ("" if refusal.value.line is None else str(refusal.value.line)) == expected["line"]


def test_every_refused_file_is_listed() -> None:
    listed = {row["file"] for row in lines(SAMPLES / "nem12" / "refused_reasons.csv")}
    assert listed == {path.name for path in (SAMPLES / "nem12" / "refused").iterdir()}


def test_shapes_are_whole_days_around_one() -> None:
    for name, slots in (("half_hour", 48), ("hourly", 24)):
        table = pq.read_table(SAMPLES / "shapes" / f"{name}_load_shapes.parquet")
        days = table.group_by(["shape_id", "day_number"]).aggregate([("slot", "count"), ("slot", "max")])
        assert set(days["slot_count"].to_pylist()) == {slots}
        assert set(days["slot_max"].to_pylist()) == {slots - 1}
        assert pc.mean(table["relative_load_ratio"]).as_py() == pytest.approx(1, abs=0.01)
    daily = pq.read_table(SAMPLES / "shapes" / "daily_load_shapes.parquet")
    assert set(daily["weekday"].to_pylist()) == set(range(7))
    assert len(set(daily["shape_id"].to_pylist())) == 253
    assert pc.min(daily["energy_kwh"]).as_py() > 0


def test_the_samples_can_be_made_again_byte_for_byte(reference_data: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(ROOT / "scripts" / "make_samples.py"),
        "--source",
        str(reference_data),
        "--out",
        str(tmp_path),
    ]
    subprocess.run(command, check=True, capture_output=True)
    for entry in MANIFEST:
        made, committed = (tmp_path / entry["path"]).read_bytes(), (SAMPLES / entry["path"]).read_bytes()
        if entry["path"].endswith(".gz"):
            # Another zlib may pack the same text into other bytes.
            made, committed = gzip.decompress(made), gzip.decompress(committed)
        if entry["path"].endswith(".parquet"):
            assert pq.read_table(io.BytesIO(made)).equals(pq.read_table(io.BytesIO(committed))), entry["path"]
        else:
            assert made == committed, entry["path"]
