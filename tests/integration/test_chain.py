"""The demo as a user runs it: the steel works to the fen, refusals, and content that no second run and no
order of arrival changes.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines.engine.rule_archive import kept_rules
from pipelines.facts import load_facts
from pipelines.identity.keys import KeyRing
from pipelines.models.registry import Registry
from pipelines.money import round_to_fen
from pipelines.periods import BillingMonth
from pipelines.settings import Settings, packaged
from pipelines.storage.data_files import commit_files, write_files
from pipelines.storage.store import Store
from pipelines.tables.base import Table
from pipelines.tables.gold import GoldBillingDeterminants
from products.efficiency_bill.page.basis import basis_of
from products.efficiency_bill.page.bill import bill_days
from products.efficiency_bill.page.rendering import render_bill_html
from products.efficiency_bill.product import EFFICIENCY_BILL
from products.efficiency_bill.tables import EfficiencyBillLinesV1
from products.transfer_fee_code.tables import TransferFeeCodeEvidenceV1, TransferFeeCodeV1
from tests.command_line import zhixiang
from tests.integration.bill_origins import Delivered, is_founded, is_received
from zhixiang.delivery.codes import deliver_codes
from zhixiang.delivery.context import Delivery
from zhixiang.reports.explain import explain
from zhixiang.reports.issued import newest_with_evidence
from zhixiang.reports.traces import traces_of

pytestmark = pytest.mark.slow


MONTHS = ("2026-08", "2026-09")


def answer(home: Path, *arguments: str) -> Any:
    found = zhixiang(home, *arguments, "--json")
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def deliver_shuffled(source: Path, inbox: Path) -> None:
    """Every received file of a demo, real and simulated, under another name, in another folder and in another
    order.
    """
    paths = sorted(path for path in source.rglob("*") if path.is_file())
    random.Random(7).shuffle(paths)  # an order, not a secret
    for number, path in enumerate(paths):
        target = inbox / f"batch {number % 3}" / f"{number:03d} 改名{''.join(path.suffixes)}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    found = zhixiang(folder, "demo", "--fresh")
    assert found.returncode == 0, found.stderr
    assert "Traceback" not in found.stderr
    return folder


def test_the_steel_works_bill_is_right_to_the_fen(home: Path) -> None:
    found = answer(home, "bill", "show", "STEEL-0001", "--month", "2026-09")
    bill, lines = found["result"], found["efficiency_bill_lines_v1"]
    assert Decimal(bill["energy_kwh"]) == Decimal("60916.39")
    assert (
        bill["max_demand_kw"],
        Decimal(bill["power_factor_ratio"]),
        Decimal(bill["adjustment_ratio"]),
    ) == (
        505.0,
        Decimal("0.81"),
        Decimal("0.045"),
    )
    assert sum(Decimal(line["amount_cny"]) for line in lines) == Decimal(bill["total_cny"])
    for line in lines:
        assert round_to_fen(Decimal(line["quantity"]) * Decimal(line["unit_price"])) == Decimal(
            line["amount_cny"]
        )
        assert line["fact_id"]
    (determinants,) = [
        row
        for row in Store(Settings(packaged("conf"), home))
        .arrow(GoldBillingDeterminants, filters=[("customer_id", "=", "STEEL-0001")])
        .to_pylist()
        if row["billing_month"] == "2026-09"
    ]
    assert (determinants["lagging_kvarh"], determinants["leading_kvarh"]) == (
        Decimal("34985.37"),
        Decimal("8885.74"),
    )
    energy = [Decimal(line["quantity"]) for line in lines if line["component_code"] == "energy_base"]
    assert sum(energy) == Decimal("60916.39")
    assert bill["is_illustrative"] is True
    assert len(found["efficiency_bill_advice_v1"]) == 3
    page = (home / "out" / "bills" / "2026-09" / "STEEL-0001.html").read_text(encoding="utf-8")
    assert "示意电价" in page
    assert "日期平移" in page
    assert (home / "out" / "bills" / "2026-09" / "STEEL-0001.pdf").read_bytes().startswith(b"%PDF")


def test_a_building_bill_says_what_is_missing(home: Path) -> None:
    bill = answer(home, "bill", "show", "BDG-Office_Abigail", "--month", "2026-09")
    assert {"curve", "reactive_registers"} <= set(bill["result"]["missing_inputs"])
    assert {line["component_code"] for line in bill["efficiency_bill_lines_v1"]} == {
        "energy_base",
        "transmission",
        "funds",
    }
    assert bill["result"]["max_demand_kw"] is None


def test_every_advice_has_a_reason_and_together_they_stay_within_the_bill(home: Path) -> None:
    """Buildings have no curve, so nothing is said of nights; bands that held 77 and 73 % judge none."""
    store = Store(Settings(packaged("conf"), home))
    for month in ("2026-08", "2026-09"):
        found = newest_with_evidence(store, EFFICIENCY_BILL.result, EFFICIENCY_BILL.evidence, month)
        assert len(found["results"]) == 253
        for bill in found["results"]:
            advice = found["efficiency_bill_advice_v1"].get(bill["customer_id"], [])
            assert [row["rank"] for row in advice] == [*range(1, len(advice) + 1)], bill["customer_id"]
            assert all(0 < row["saving_cny"] < bill["total_cny"] for row in advice)
            assert (bill["joint_saving_cny"] is None) is (len(advice) < 2)
            assert bill["baseline_verdict_code"] is None
            assert bill["band_coverage_ratio"] == pytest.approx(
                0.773 if month == "2026-08" else 0.731, abs=1e-3
            )
            ids = {row["advice_id"] for row in advice}
            if bill["customer_id"] == "STEEL-0001":
                assert ids == {"EB-A01", "EB-A04", "EB-A11"}
                continue
            assert ids <= {"EB-A06"}
            if bill["praise_codes"] or bill["record_question_code"]:
                assert not ids, bill["customer_id"]


def bills_of(store: Store, month: str) -> list[dict[str, Any]]:
    """All newest bills of a month, each with its evidence."""
    found = newest_with_evidence(store, EFFICIENCY_BILL.result, EFFICIENCY_BILL.evidence, month)
    assert len(found["results"]) == 253
    return [
        {"result": bill}
        | {table.name: found[table.name].get(bill["customer_id"], []) for table in EFFICIENCY_BILL.evidence}
        for bill in found["results"]
    ]


def keep_newest(
    source: Store,
    target: Store,
    table: type[Table],
    change: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> None:
    """The rows of a table as the only version that there ever was."""
    rows = pa.Table.from_pylist(
        [change(row) for row in source.arrow(table).to_pylist()], table.arrow_schema()
    )
    commit_files(target, table, write_files(rows, table, target.path(table)), "test", 1, overwrite=True)
    assert target.version(table) == 0


def test_every_bill_follows_from_its_evidence_alone(home: Path, tmp_path: Path) -> None:
    """Nothing but the bills' own tables, without their history, and the rules kept: no reads, no
    determinants, no models.
    """
    source, alone, altered = (
        Store(Settings(packaged("conf"), folder))
        for folder in (home, tmp_path / "alone", tmp_path / "altered")
    )
    for table in (EFFICIENCY_BILL.result, *EFFICIENCY_BILL.evidence):
        keep_newest(source, alone, table)
        keep_newest(source, altered, table, _a_fen_more if table is EfficiencyBillLinesV1 else dict)
    for store in (alone, altered):
        shutil.copytree(home / "rules", store.settings.home / "rules")
        shutil.copyfile(home / "ledger.sqlite", store.settings.home / "ledger.sqlite")
    for month in MONTHS:
        assert answer(tmp_path / "alone", "bill", "replay", "--month", month) == {
            "month": month,
            "bills": 253,
            "differences": [],
        }
        _, facts = kept_rules(tmp_path / "alone", next((tmp_path / "alone" / "rules").iterdir()).name)
        for issued in bills_of(alone, month):
            bill, lines = issued["result"], issued["efficiency_bill_lines_v1"]
            basis = basis_of(lines, facts, BillingMonth.parse(month))
            page = render_bill_html(bill, lines, issued["efficiency_bill_advice_v1"], bill_days(bill), basis)
            assert (
                page.encode() == (home / "out" / "bills" / month / f"{bill['customer_id']}.html").read_bytes()
            )
    assert answer(tmp_path / "alone", "bill", "replay", "STEEL-0001/2026-09")["differences"] == []

    found = zhixiang(tmp_path / "altered", "bill", "replay", "--month", "2026-08", "--json")
    assert found.returncode == 4
    assert {
        (row["customer_id"], row["place"], row["column"]) for row in json.loads(found.stdout)["differences"]
    } == {("BDG-Office_Abigail", "efficiency_bill_lines_v1[2]", "amount_cny")}

    (rules,) = (tmp_path / "alone" / "rules").iterdir()
    one = next((rules / "facts").glob("*.yaml"))
    one.write_text(one.read_text(encoding="utf-8") + "\n# altered\n", encoding="utf-8")
    refused = zhixiang(tmp_path / "alone", "bill", "replay", "STEEL-0001/2026-09")
    assert refused.returncode == 3
    assert "is not what was kept" in refused.stderr


def _a_fen_more(line: dict[str, Any]) -> dict[str, Any]:
    is_it = (line["customer_id"], line["billing_month"], line["line_number"]) == (
        "BDG-Office_Abigail",
        "2026-08",
        2,
    )
    return {**line, "amount_cny": line["amount_cny"] + Decimal("0.01") * is_it}


@pytest.mark.parametrize("month", MONTHS)
def test_every_line_of_every_bill_leads_back_to_file_and_line(home: Path, month: str) -> None:
    """Of each line the fact, the determinant and the registers, which are read once more from the very line
    of the file.
    """
    store, delivered = Store(Settings(packaged("conf"), home)), Delivered(home / "inbox")
    _, facts = kept_rules(home, next((home / "rules").iterdir()).name)
    bills = bills_of(store, month)
    traces = traces_of(store, [issued["result"] for issued in bills])
    count = 0
    for issued in bills:
        for line in issued["efficiency_bill_lines_v1"]:
            way = explain(traces, facts, issued, line["line_number"])
            assert way["line"] == line
            is_founded(way, issued["result"])
            is_received(way, issued["result"], delivered, BillingMonth.parse(month))
            count += 1
    assert count == 252 * 3 + {"2026-08": 14, "2026-09": 11}[month]


def test_explain_answers_at_the_command_line(home: Path) -> None:
    answered = answer(home, "explain", "STEEL-0001/2026-09", "10")
    assert answered["contract"]["contract_demand_kw"] == "600.0"
    assert zhixiang(home, "explain", "STEEL-0001/2026-09", "99").returncode == 2


def test_codes_on_an_illustrative_price_leave_only_on_demo_material(home: Path, tmp_path: Path) -> None:
    source = Store(Settings(packaged("conf"), home))
    store = Store(Settings(packaged("conf"), tmp_path))
    for table in (TransferFeeCodeV1, TransferFeeCodeEvidenceV1):
        rows = source.arrow(table, filters=[("billing_month", "=", "2026-09")]).to_pylist()
        assert len(rows) == 24
        if table is TransferFeeCodeV1:
            rows = [
                row | {"provenance": "simulated" if number == 0 else "real"}
                for number, row in enumerate(rows)
            ]
        commit_files(
            store,
            table,
            write_files(pa.Table.from_pylist(rows, table.arrow_schema()), table, store.path(table)),
            "test",
            1,
            overwrite=True,
        )
    months = (BillingMonth.parse("2026-09"),)
    delivery = Delivery(
        store,
        Registry(store.settings),
        load_facts(packaged("conf") / "facts"),
        KeyRing(tmp_path),
        months,
        tmp_path / "out",
        "run",
    )
    parts = deliver_codes(delivery)
    assert (parts["count"], parts["withheld"]) == (1, 23)
    assert len(list((tmp_path / "out" / "codes" / "2026-09").glob("*.txt"))) == 1, (
        "nothing is signed for the others"
    )


def test_every_received_record_is_accounted_for(home: Path) -> None:
    files = answer(home, "ledger")["files"]
    assert len(files) > 30
    assert all(row["adds_up"] for row in files)
    assert sum(
        row["kept"] + row["duplicate"] + row["superseded"] + row["quarantined"] for row in files
    ) == sum(row["received"] for row in files)


def test_a_second_demo_changes_nothing(home: Path) -> None:
    before = answer(home, "status")
    assert {model["name"] for model in answer(home, "model", "list")} == {
        "credit_index",
        "efficiency_bill_baseline",
        "transfer_fee_implied_price",
    }
    assert zhixiang(home, "demo").returncode == 0
    after = answer(home, "status")
    assert len(before) > 3
    assert {name: value for name, value in before.items() if name != "run"} == {
        name: value for name, value in after.items() if name != "run"
    }


def test_a_month_without_published_prices_goes_through_gold_and_refuses_bills(home: Path) -> None:
    found = zhixiang(home, "run", "--month", "2026-07")
    assert found.returncode == 5
    assert "transmission" in found.stderr
    assert "2026-08-01" in found.stderr
    assert "Traceback" not in found.stderr
    assert "bill unbilled --month 2026-07" in found.stderr
    told = answer(home, "bill", "unbilled", "--month", "2026-07")["customers"]
    of_fact = [row for row in told if row["reason_code"] == "price_not_published"]
    assert {row["customer_id"] for row in of_fact} >= {"STEEL-0001"}
    assert all("transmission" in row["detail_zh"] and "transmission" in row["detail_en"] for row in of_fact)


def test_a_cut_file_is_refused_and_told_also_where_a_later_stage_fails(home: Path) -> None:
    for name, source in (
        ("cut.csv.gz", "buildings/E_MP_DAY_READ_2026-05.csv.gz"),
        ("cut.parquet", "shapes/daily_load_shapes.parquet"),
    ):
        (home / "inbox" / name).write_bytes((packaged("samples") / source).read_bytes()[:3000])
    found = zhixiang(home, "run", "--month", "2031-01")
    assert found.returncode == 2, "what stops a run gives the code"
    assert "refused cut.csv.gz: truncated_gzip" in found.stderr
    assert "refused cut.parquet: unreadable_parquet" in found.stderr
    assert "no metering for 2031-01" in found.stderr
    assert "Traceback" not in found.stderr
    (home / "inbox" / "cut.parquet").write_bytes(b"PAR1 cut once more")
    again = zhixiang(home, "run", "--month", "2026-09", "--to", "ingest")
    assert again.returncode == 3
    assert "cut.parquet" in again.stderr
    assert "cut.csv.gz" not in again.stderr, "a refusal is told once"
    assert {row["file"]: row["status"] for row in answer(home, "ledger")["files"]}["cut.csv.gz"] == "refused"
    for path in (home / "inbox").glob("cut.*"):
        path.unlink()


def test_gold_is_the_same_in_a_second_home_with_files_renamed_and_shuffled(
    home: Path, tmp_path: Path
) -> None:
    deliver_shuffled(home / "inbox", tmp_path / "inbox")
    assert zhixiang(tmp_path, "run", "--month", "2026-09", "--to", "gold").returncode == 0
    again, first = answer(tmp_path, "table", "hash", "gold"), answer(home, "table", "hash", "gold")
    assert len(first) >= 4
    assert again == first


def test_a_bad_row_alone_is_a_warning(home: Path) -> None:
    lines = (packaged("samples") / "steel" / "E_MP_DAY_READ_2026-09.csv").read_text().splitlines()
    (home / "inbox" / "bad row.csv").write_text(
        "\n".join([*lines[:3], lines[3].replace("2026-09", "2026-99", 1), *lines[4:]]) + "\n"
    )
    found = zhixiang(home, "run", "--month", "2026-09", "--to", "ingest")
    assert found.returncode == 0
    assert "warning: 1 records went to quarantine" in found.stderr
    held = answer(home, "table", "show", "silver_quarantine")["rows"]
    assert ("bad row.csv", 4, "DATA_DATE", "bad_date") in {
        (row["source_file"], row["line_number"], row["column_name"], row["reason_code"]) for row in held
    }
