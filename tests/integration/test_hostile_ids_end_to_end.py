"""Identifiers of every kind through ``zhixiang run``: held back, or written inside the home; nothing outside,
and the rest as before.
"""

from __future__ import annotations

import csv
import json
import re
import stat
import tarfile
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.formats.contract import rows_schema
from pipelines.settings import OWN_CONF
from pipelines.tables.base import TIMESTAMP
from pipelines.tables.bronze import BronzeTransferDeclarations
from tests.command_line import zhixiang
from tests.hostile_ids import LEGAL, REFUSED
from zhixiang.demo.conf import write_demo_conf

pytestmark = pytest.mark.slow

DATA = Path(__file__).resolve().parents[1] / "data" / "home_of_0_1.tar.xz"
MONTHS = ("2026-08", "2026-09")
BILLED = tuple(f"BDG-{name}" for name in ("../../../x", "A.1", "A.2", "甲" * 120, "office", "OFFICE"))
"""Customers that each have a copy of a simulated mall's meter."""
SCORED = ("../../../score", "S.1", "S.2")
TENANTS, DECLARED_BEFORE = len(LEGAL), 24


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
    malls = inbox / "malls"
    for name, column in (("customers", "customer_id"), ("meter_points", "customer_id")):
        rows = _rows(malls / f"simulated_malls_{name}.csv")
        mall = next(row for row in rows if row["customer_id"] == "SIM-MALL-B")
        copies = [mall | {column: customer} for customer in BILLED]
        if name == "meter_points":
            copies = [
                row | {"meter_point_id": f"MP {row[column]}"[:128], "meter_id": f"/M/{row[column]}"[:128]}
                for row in copies
            ]
        _write(inbox / f"{name}_hostile.csv", copies)
    for month in MONTHS:
        for kind in ("E_MP_DAY_READ", "E_MP_POWER_CURVE"):
            rows = _rows(malls / f"{kind}_simulated_malls_{month}.csv")
            ours = [row for row in rows if row["ID"] == "MP-SIM-MALL-B"]
            copies = [row | {"ID": f" MP {name}"[:129] + " "} for name in BILLED for row in ours]
            _write(inbox / f"{kind}_hostile_{month}.csv", copies)
    city = inbox / "city"
    for name in ("customers", "meter_points", "payments", "events"):
        rows = [
            row
            for row in _rows(city / f"simulated_city_{name}.csv")
            if row["customer_id"] in ("SIM-CITY-00001", "SIM-CITY-00002", "SIM-CITY-00003")
        ]
        copies = [row | _scored(row) for row in rows]
        _write(inbox / f"scored_{name}_hostile.csv", copies)
    declared = _rows(malls / "simulated_malls_transfer_declarations_2026-09.csv")[0]
    tenants = [
        declared | {"tenant_id": tenant, "declaration_id": f"D{place}", "supplier_customer_id": supplier}
        for place, tenant in enumerate(LEGAL)
        for supplier in [("../../S", "S.1", "S.2", "SIM-MALL-A")[place % 4]]
    ]
    _write(inbox / "tenants_hostile.csv", tenants)
    schema = pa.schema(
        [(field.name, field.type) for field in rows_schema(BronzeTransferDeclarations)][:-2]
    ).append(pa.field("sent_at", TIMESTAMP))
    refused = [
        dict.fromkeys(schema.names)
        | {"tenant_id": tenant, "declaration_id": f"R{place}", "supplier_customer_id": "SIM-MALL-A"}
        | {"billing_month": MONTHS[1]}
        for place, tenant in enumerate(REFUSED)
    ]
    pq.write_table(pa.Table.from_pylist(refused, schema), inbox / "refused.parquet")


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


def test_what_breaks_the_rule_is_quarantined_with_its_place(home: Path) -> None:
    held = _shown(home, "quarantine", "list", "--reason", "bad_id")
    held = held["records"] if isinstance(held, dict) else held
    ours = [row for row in held if row["source_file"] == "refused.parquet"]
    assert [(row["line_number"], row["column_name"]) for row in ours] == [
        (place + 1, "tenant_id") for place in range(len(REFUSED))
    ]
    assert len(held) == len(ours)


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
