"""A workbook and Green Button files in the inbox: what they say lands in bronze and silver, to the watt-hour.

Right values are the formulas that the files are written from, never what a reader made of them.
"""

from __future__ import annotations

import gzip
import shutil
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from pipelines.tables.bronze import BronzeFiles, BronzeLoadCurves
from pipelines.tables.silver import SilverDayCurves, SilverQuarantine
from tests.command_line import zhixiang
from tests.unit.pipelines.formats.documents.workbooks import Cell, workbook
from tests.unit.pipelines.formats.test_green_button import feed, readings, series
from zhixiang.reports.file_accounts import file_accounts

pytestmark = pytest.mark.slow

MAPPINGS = {
    "office.yaml": """id: office
files: ["office_*.xlsx*"]
sheet: Data
interval_minutes: 30
meter_point: {column: meter, prefix: XL-}
stamp: {column: ts, place: interval_start, zone: +08:00}
values:
  - {column: kwh, unit: kWh, channel: active_forward}
""",
    "portal.yaml": """id: portal
files: ["portal_*.xml"]
interval_minutes: 60
meter_point: {constant: HOME-1}
stamp: {column: start, place: interval_start, zone: UTC, day_offset: "+07:00"}
values:
  - {column: value, unit: Wh, channel: active_forward}
""",
}
METER_POINTS = ("XL-0012", "XL-0013", "GB-5446-01", "HOME-1")
DAYS = 5
FIRST = datetime(2026, 3, 1)  # noqa: DTZ001 - cells have no zone
HALF_HOURS = [(slot * 7 % 48 + 1) / 16 for slot in range(48 * DAYS)]
"""kWh of the workbook: 73.5 a day."""
HOURS = [hour * 7 % 24 * 125 for hour in range(24 * DAYS)]
"""Wh of the Green Button files: 34.5 kWh a day."""


def sheet(meter: str) -> list[list[Cell]]:
    """Half hours under a header, two rows without a cell between two days, and a line of totals."""
    rows: list[list[Cell]] = [["meter", "ts", "kwh"]]
    for slot, kwh in enumerate(HALF_HOURS):
        rows.append([meter, FIRST + timedelta(minutes=30 * slot), kwh])
    return [*rows[:49], [], [], *rows[49:], [meter, "total", sum(HALF_HOURS)]]


def fill(inbox: Path) -> None:
    columns = "meter_point_id,valid_from_date,customer_id,meter_id,multiplier_ratio,register_digits,"
    columns += "register_decimals,start_register_unscaled,previous_end_register_unscaled,capacity_kva,"
    columns += "provenance,sent_at\n"
    points = (
        f"{point},2026-01-01,C,M{place},1,6,2,,,800,real,\n" for place, point in enumerate(METER_POINTS)
    )
    (inbox / "points.csv").write_text(columns + "".join(points))
    notes = [["read me"], ["meter", "ts", "kwh"]]
    (inbox / "office_a.xlsx").write_bytes(workbook(Notes=notes, Data=sheet("0012")))
    (inbox / "office_b.xlsx.gz").write_bytes(gzip.compress(workbook(Data=sheet("0013")), mtime=0))
    both = series(readings(HOURS, quality=17)), series(readings([1000] * 24 * DAYS), 2, flowDirection=19)
    (inbox / "button.xml").write_bytes(feed(*both))
    # Nothing tells what it counts, nor whose it is: the mapping answers for both.
    (inbox / "portal_1.xml").write_bytes(feed(series(readings(HOURS), point="", uom=None)))
    (inbox / "nobody.xlsx").write_bytes(workbook(Data=sheet("0099")))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Any]:
    """A home after a run to silver, and what the run said."""
    place = tmp_path_factory.mktemp("documents")
    shutil.copytree(packaged("conf"), place / "conf")
    (place / "conf" / "mappings").mkdir()
    for name, text in MAPPINGS.items():
        (place / "conf" / "mappings" / name).write_text(text, encoding="utf-8")
    inbox = place / "home" / "inbox"
    inbox.mkdir(parents=True)
    shutil.copy(packaged("samples") / "steel" / "customers.csv", inbox)
    fill(inbox)
    answer = zhixiang(
        place / "home", "run", "--month", "2026-03", "--to", "silver", ZHIXIANG_CONF=str(place / "conf")
    )
    return Store(Settings(place / "conf", place / "home")), answer


def test_each_kind_is_in_the_ledger_under_its_format(told: tuple[Store, Any]) -> None:
    store, answer = told
    ledger = {row["source_file"]: row for row in store.arrow(BronzeFiles).to_pylist()}
    assert {name: (row["status_code"], row["format_id"]) for name, row in ledger.items()} == {
        "customers.csv": ("accepted", "declared_customers_csv"),
        "points.csv": ("accepted", "declared_meter_points_csv"),
        "office_a.xlsx": ("accepted", "long_office"),
        "office_b.xlsx.gz": ("accepted", "long_office"),
        "button.xml": ("accepted", "green_button"),
        "portal_1.xml": ("accepted", "long_portal"),
        "nobody.xlsx": ("refused", None),
    }, answer.stderr
    assert ledger["nobody.xlsx"]["reason"].startswith("wrong_kind")
    assert (answer.returncode, "nobody.xlsx" in answer.stderr) == (3, True), answer.stderr
    assert all(row["adds_up"] for row in file_accounts(store))


def test_bronze_holds_what_was_sent_with_its_own_lines(told: tuple[Store, Any]) -> None:
    rows = told[0].arrow(BronzeLoadCurves).to_pylist()
    found = {(row["meter_point_id"], row["channel_code"], row["curve_date"]): row for row in rows}
    assert len(rows) == len(found) == DAYS * (len(METER_POINTS) + 1)
    first = found["XL-0012", "active_forward", date(2026, 3, 1)]
    second = found["XL-0012", "active_forward", date(2026, 3, 2)]
    assert (first["line_number"], second["line_number"]) == (2, 52), (
        "rows of the sheet, two empty ones among them"
    )
    assert first["values_unscaled"] == HALF_HOURS[:48]
    assert found["GB-5446-01", "active_forward", date(2026, 3, 2)]["line_number"] == 25
    assert set(found["GB-5446-01", "active_forward", date(2026, 3, 1)]["sender_quality_codes"]) == {"A"}


@pytest.mark.parametrize(
    ("point", "channel", "kwh"),
    [
        ("XL-0012", "active_forward", HALF_HOURS),
        ("XL-0013", "active_forward", HALF_HOURS),
        ("GB-5446-01", "active_forward", [value / 1000 for value in HOURS]),
        ("GB-5446-01", "active_reverse", [1.0] * 24 * DAYS),
        ("HOME-1", "active_forward", [value / 1000 for value in HOURS]),
    ],
)
def test_silver_holds_the_energy_of_each_interval(
    told: tuple[Store, Any], point: str, channel: str, kwh: list[float]
) -> None:
    days = [
        row
        for row in told[0].arrow(SilverDayCurves).to_pylist()
        if (row["meter_point_id"], row["channel_code"]) == (point, channel)
    ]
    days.sort(key=lambda row: row["curve_date"])
    assert [row["curve_date"] for row in days] == [date(2026, 3, 1 + day) for day in range(DAYS)]
    measured = [value for row in days for value in row["measured_kwh_or_kvarh"]]
    assert measured == pytest.approx(kwh, abs=1e-9)
    assert sum(measured) == pytest.approx(sum(kwh), abs=1e-9)


def test_the_line_of_totals_is_held_back_with_its_row(told: tuple[Store, Any]) -> None:
    store, _ = told
    name_of = {row["content_hash"]: row["source_file"] for row in store.arrow(BronzeFiles).to_pylist()}
    held = [
        (name_of[row["content_hash"]], row["line_number"], row["reason_code"])
        for row in store.arrow(SilverQuarantine).to_pylist()
    ]
    last = 1 + len(HALF_HOURS) + 2 + 1
    assert sorted(held) == [(name, last, "bad_date") for name in ("office_a.xlsx", "office_b.xlsx.gz")]
