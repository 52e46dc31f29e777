"""Identifiers of every kind through ``zhixiang run``: held back, or written inside the home; nothing outside,
and the rest as before.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import stat
import tarfile
from collections import Counter
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from pipelines.formats.contract import declared_columns
from pipelines.settings import OWN_CONF
from pipelines.tables.base import DATE, DOUBLE, TIMESTAMP, Table
from pipelines.tables.bronze import (
    BronzeCustomers,
    BronzeEvents,
    BronzeLoadCurves,
    BronzeMeterPoints,
    BronzePayments,
    BronzeRegisterReads,
    BronzeSupplyShares,
    BronzeTransferDeclarations,
    BronzeWeather,
)
from tests.command_line import zhixiang
from tests.hostile_ids import DECLARED, LEGAL, REFUSED
from zhixiang.demo.conf import write_demo_conf

pytestmark = pytest.mark.slow

DATA = Path(__file__).resolve().parents[1] / "data" / "home_of_0_1.tar.xz"
MONTHS = ("2026-08", "2026-09")
BILLED = tuple(f"BDG-{name}" for name in ("../../../x", "A.1", "A.2", "甲" * 120, "office", "OFFICE"))
"""Customers that each have a copy of a simulated mall's meter."""
SCORED = ("../../../score", "S.1", "S.2")
SCORED_FROM = ("SIM-CITY-00001", "SIM-CITY-00002", "SIM-CITY-00003")
TENANTS, DECLARED_BEFORE = len(LEGAL), 24
RECEIVED = (BronzeLoadCurves, BronzeRegisterReads, *DECLARED)
STATION, SHARE, NMI = "../../../weather", "../../../share", "../../../N"
WEATHER = os.fsdecode(b"\xcc\xec\xc6\xf8_hostile.csv")
"""A file name in GBK."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished home that received such identifiers in every table, and ran."""
    folder = tmp_path_factory.mktemp("hostile") / "home"
    with tarfile.open(DATA) as archive:
        archive.extractall(folder, filter="data")
    write_demo_conf(folder / OWN_CONF)
    _receive(folder / "inbox")
    found = zhixiang(folder, "run", "--month", MONTHS[1], ZHIXIANG__INGEST__MAX_BAD_ROW_RATIO="1")
    assert found.returncode == 0, found.stderr
    return folder


def _receive(inbox: Path) -> None:
    _receive_billed(inbox)
    _receive_scored(inbox)
    _receive_market_days(inbox)
    declared = _rows(inbox / "malls" / "simulated_malls_transfer_declarations_2026-09.csv")[0]
    tenants = [
        declared | {"tenant_id": tenant, "declaration_id": f"D{place}", "supplier_customer_id": supplier}
        for place, tenant in enumerate(LEGAL)
        for supplier in [("../../S", "S.1", "S.2", "SIM-MALL-A")[place % 4]]
    ]
    _write(inbox / "tenants_hostile.csv", tenants)
    for table in RECEIVED:
        pq.write_table(_refused(table), inbox / f"refused_{table.name}.parquet")


def _receive_billed(inbox: Path) -> None:
    malls = inbox / "malls"
    for name, column in (("customers", "customer_id"), ("meter_points", "customer_id")):
        rows = _rows(malls / f"simulated_malls_{name}.csv")
        mall = next(row for row in rows if row["customer_id"] == "SIM-MALL-B")
        # The demo's own conf bills nobody whose terms are simulated.
        copies = [mall | {column: customer, "provenance": "dates_shifted"} for customer in BILLED]
        if name == "customers":
            copies[0]["weather_station_id"] = STATION
        else:
            copies = [
                row | {"meter_point_id": f"MP {row[column]}"[:128], "meter_id": f"/M/{row[column]}"[:128]}
                for row in copies
            ]
            copies.append(mall | {"meter_point_id": f"NEM12-{NMI}-1", "meter_id": "N/1", "customer_id": ""})
        _write(inbox / f"{name}_hostile.csv", copies)
    for month in MONTHS:
        for kind in ("E_MP_DAY_READ", "E_MP_POWER_CURVE"):
            rows = _rows(malls / f"{kind}_simulated_malls_{month}.csv")
            ours = [row for row in rows if row["ID"] == "MP-SIM-MALL-B"]
            copies = [row | {"ID": f" MP {name}"[:129] + " "} for name in BILLED for row in ours]
            _write(inbox / f"{kind}_hostile_{month}.csv", copies)
    share = dict.fromkeys(declared_columns(BronzeSupplyShares), "") | {
        "share_id": SHARE,
        "valid_from_date": "2026-08-01",
        "main_meter_point_id": "MP BDG-A.1",
        "section_name": "照明",
        "share_ratio": "0.1",
        "customer_class_code": "general_commercial",
        "voltage_level_code": "1_to_20kv",
        "is_time_of_use": "false",
        "provenance": "dates_shifted",
        "sent_at": "2026-08-01 08:00:00",
    }
    _write(inbox / "shares_hostile.csv", [share])
    with gzip.open(inbox / "weather.csv.gz", "rt", encoding="utf-8", newline="") as handle:
        days = [row for row in csv.DictReader(handle) if row["station_id"] == "weather1+574w"]
    _write(inbox / WEATHER, [row | {"station_id": station} for station in (STATION, *LEGAL) for row in days])


def _receive_scored(inbox: Path) -> None:
    city = inbox / "city"
    for name in ("customers", "meter_points", "payments", "events"):
        rows = _rows(city / f"simulated_city_{name}.csv")
        copies = [row | _scored(row) for row in rows if row["customer_id"] in SCORED_FROM]
        _write(inbox / f"scored_{name}_hostile.csv", copies)
    points = {f"MP-{name}": f"MP-{new}" for name, new in zip(SCORED_FROM, SCORED, strict=True)}
    reads = [
        row | {"ID": points[row["ID"]]}
        for path in sorted(city.glob("E_MP_DAY_READ_*.csv"))
        for row in _rows(path)
        if row["ID"] in points
    ]
    _write(inbox / "scored_reads_hostile.csv", reads)
    with (inbox / "scored_payments_hostile.csv").open("ab") as handle:
        for name in (b"C\0", b"\xbc\xd7\xb9"):
            handle.write(name + b",2026-08,1,2026-09-15,,,simulated,2026-09-01 08:00:00\n")


def _receive_market_days(inbox: Path) -> None:
    """NEM12: three days, of which the second has a NUL and the third a byte that is no text."""
    values = ",".join(["1"] * 48)
    days = [f"300,2026090{day},{values},A,,,20260905000000,\n".encode() for day in (1, 2, 3)]
    days[1] = days[1].replace(b",1,", b",1\0,", 1)
    days[2] = days[2].replace(b",A,,,", b",A,,\xff,")
    stream = f"100,NEM12,202609020000,X,Y\n200,{NMI},E1,1,E1,N1,METER,KWH,30,\n".encode()
    (inbox / "market_hostile.csv").write_bytes(stream + b"".join(days) + b"900\n")


def _identifiers(table: type[Table]) -> list[str]:
    return [field.name for field in table.fields() if field.identifier]


def _refused(table: type[Table]) -> pa.Table:
    """Every identifier of a table in every way that breaks the rule, one a record."""
    schema = table.arrow_schema()
    names = declared_columns(table)
    fields = [pa.field(name, schema.field(name).type) for name in names]
    usual: dict[str, Any] = dict.fromkeys(names)
    usual |= {name: date(2026, 9, 1) for name in names if schema.field(name).type == DATE}
    usual |= {name: 1.0 for name in names if schema.field(name).type == DOUBLE}
    usual |= dict.fromkeys(_identifiers(table), "A1")
    rows = [usual | {column: text} for column in _identifiers(table) for text in REFUSED]
    return pa.Table.from_pylist(rows, pa.schema([*fields, pa.field("sent_at", TIMESTAMP)]))


def _scored(row: dict[str, str]) -> dict[str, str]:
    customer = SCORED[int(row["customer_id"][-1]) - 1]
    changed = {"customer_id": customer}
    if "meter_point_id" in row:
        changed["meter_point_id"] = f"MP-{customer}"
    if "event_id" in row:
        changed["event_id"] = f"{row['event_id']}/../x"
    return changed


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _shown(home: Path, *arguments: str) -> Any:
    found = zhixiang(home, *arguments, "--json")
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def test_nothing_lies_outside_the_home(home: Path) -> None:
    assert [path.name for path in home.parent.iterdir()] == ["home"]
    assert not {"x", "x.html", "score.html", "S.html"} & {path.name for path in home.rglob("*")}


def _held(home: Path, reason: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _shown(home, "quarantine", "list", "--reason", reason, "--limit", "1000")[
        "records"
    ]
    return found


def test_what_breaks_the_rule_is_quarantined_with_its_place(home: Path) -> None:
    found = Counter(
        (row["source_file"], row["line_number"], row["column_name"]) for row in _held(home, "bad_id")
    )
    assert found == Counter(
        (f"refused_{table.name}.parquet", place + 1, column)
        for table in RECEIVED
        for place, column in enumerate(name for name in _identifiers(table) for _ in REFUSED)
    )


def test_nul_and_bytes_that_are_no_text_cost_their_record_alone(home: Path) -> None:
    payments = "scored_payments_hostile.csv"
    last = (home / "inbox" / payments).read_bytes().count(b"\n")
    for reason, places in (
        ("nul_byte", [(payments, last - 1, "customer_id"), ("market_hostile.csv", 4, "IntervalValue1")]),
        ("bad_encoding", [(payments, last, "customer_id"), ("market_hostile.csv", 5, None)]),
    ):
        held = [(row["source_file"], row["line_number"], row["column_name"]) for row in _held(home, reason)]
        assert sorted(held, key=str) == sorted(places, key=str)
    curves = _table(home, "bronze_load_curves", "source_file", "meter_point_id", "curve_date")
    market = [row for row in curves if row["source_file"] == "market_hostile.csv"]
    assert [(row["meter_point_id"], row["curve_date"]) for row in market] == [
        (f"NEM12-{NMI}-1", date(2026, 9, 1))
    ]


def test_every_received_table_holds_its_hostile_identifiers_to_the_letter(home: Path) -> None:
    points = {f"MP {name}"[:128] for name in BILLED}
    wanted: dict[tuple[type[Table], str], set[str]] = {
        (BronzeLoadCurves, "meter_point_id"): points,
        (BronzeRegisterReads, "meter_point_id"): points | {f"MP-{name}" for name in SCORED},
        (BronzeCustomers, "customer_id"): {*BILLED, *SCORED},
        (BronzeCustomers, "weather_station_id"): {STATION},
        (BronzeMeterPoints, "meter_point_id"): points,
        (BronzeMeterPoints, "customer_id"): {*BILLED, *SCORED},
        (BronzeMeterPoints, "meter_id"): {f"/M/{name}"[:128] for name in BILLED},
        (BronzeSupplyShares, "share_id"): {SHARE},
        (BronzePayments, "customer_id"): {*SCORED},
        (BronzeEvents, "customer_id"): {"S.2"},
        (BronzeEvents, "event_id"): {"SIM-EVENT-000013/../x"},
        (BronzeTransferDeclarations, "tenant_id"): {*LEGAL},
        (BronzeTransferDeclarations, "supplier_customer_id"): {"../../S", "S.1", "S.2"},
        (BronzeWeather, "station_id"): {STATION, *LEGAL},
    }
    assert {table for table, _ in wanted} == {*RECEIVED}
    for (table, column), names in wanted.items():
        assert names <= {row[column] for row in _table(home, table.name, column)}, (table.name, column)


def _table(home: Path, name: str, *columns: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        DeltaTable(str(home / "tables" / name)).to_pyarrow_table(columns=[*columns]).to_pylist()
    )
    return found


def test_hostile_customers_are_billed_and_scored_as_those_they_copy(home: Path) -> None:
    bills = _newest(home, "efficiency_bill_v1", "billing_month", "total_cny")
    assert {*BILLED, "STEEL-0001"} == {name for name, total in bills.items() if total is not None}
    # A part of A.1 has terms of its own.
    assert len({bills[name] for name in BILLED if name != "BDG-A.1"}) == 1
    scores = _newest(home, "credit_index_v1", "score_month", "score_points")
    assert [scores[name] for name in SCORED] == [scores[name] for name in SCORED_FROM]


def _newest(home: Path, table: str, month: str, value: str) -> dict[str, Any]:
    """What the newest revision of each customer's result says."""
    rows = _table(home, table, "customer_id", "revision", month, value)
    rows.sort(key=lambda row: int(row["revision"]))
    return {row["customer_id"]: row[value] for row in rows if row[month] == MONTHS[1]}


def test_each_tenant_customer_and_supplier_has_files_of_its_own(home: Path) -> None:
    codes = home / "out" / "codes" / MONTHS[1]
    signed = {path.stem for path in codes.glob("*.txt")}
    assert len(signed) == TENANTS + DECLARED_BEFORE
    assert len({path.read_bytes() for path in codes.glob("*.txt")}) == len(signed)
    for suffix in ("svg", "png"):
        assert {path.stem for path in codes.glob(f"*.{suffix}")} == signed
    suppliers = {path.stem for path in codes.glob("*.html")} - signed
    assert suppliers == {
        f"supplier-{name}" for name in ("SIM-MALL-A", "SIM-MALL-B", "~2E~2E~2F~2E~2E~2FS", "S~2E1", "S~2E2")
    }
    assert (codes / "SIM-TENANT-A-001.html").is_file()
    bills = home / "out" / "bills" / MONTHS[1]
    assert len(list(bills.glob("*.pdf"))) == len(list(bills.glob("*.html"))) == len(BILLED) + 1
    assert (bills / "STEEL-0001.html").is_file()
    scores = {path.name for path in (home / "out" / "scores").glob("*.html")}
    assert {
        "SIM-CITY-00001.html",
        "S~2E1.html",
        "S~2E2.html",
        "~2E~2E~2F~2E~2E~2F~2E~2E~2Fscore.html",
    } <= scores


def test_every_link_of_a_page_leads_to_a_file(home: Path) -> None:
    out = (home / "out").resolve()
    pages = list(out.rglob("*.html"))
    for page in pages:
        for link in re.findall(r'(?:href|src)="([^"#:]+)"', page.read_text(encoding="utf-8")):
            target = (page.parent / unquote(unescape(link))).resolve()
            assert target.is_file(), (page, link)
            assert target.is_relative_to(out)


def test_the_manifest_lists_every_file(home: Path) -> None:
    out = home / "out"
    listed = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["files"]
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert found - set(listed) == {
        "manifest.json",
        "manifest.json.sig",
        "ledger/index.html",
        "ledger/index.html.sig",
    }
    assert set(listed) <= found


def test_a_bill_is_opened_under_its_customers_number(home: Path) -> None:
    names = (BILLED[0], *BILLED[-2:])
    pages = {_shown(home, "bill", "open", name, "--month", MONTHS[1])["page"] for name in names}
    assert len(pages) == len(names)
    assert all(Path(page).is_file() for page in pages)


def test_owner_and_group_alone_read_the_delivery_and_the_owner_alone_the_keys(home: Path) -> None:
    for folder, modes in (("out", (0o750, 0o640)), ("keys", (0o700, 0o600))):
        for path in (home / folder, *(home / folder).rglob("*")):
            assert stat.S_IMODE(path.stat().st_mode) == modes[path.is_file()], path
