"""Correction sheets as they leave the house and as the command shows them: the bill's own files keep their
bytes.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from pipelines.engine.ledger import Ledger
from pipelines.engine.rule_archive import FOLDER, keep_rules
from pipelines.errors import UsageError
from pipelines.facts import Facts, load_facts
from pipelines.settings import Settings, packaged
from pipelines.storage.data_files import commit_files, write_files
from pipelines.storage.store import Store
from products.efficiency_bill.page.correction import correction_page
from products.efficiency_bill.page.rendering import CorrectionPdf, render_correction_html
from products.efficiency_bill.product import EFFICIENCY_BILL
from products.efficiency_bill.tables import EfficiencyBillV1
from tests.correction_cases import (
    SEPTEMBER,
    Issued,
    factory_case,
    facts_folder,
    price_notice,
    run,
)
from zhixiang.cli.main import app
from zhixiang.delivery import Delivered
from zhixiang.delivery.bills import deliver_bills

pytestmark = pytest.mark.long

D = Decimal
SHEET = "efficiency_bill_corrections_v1"
BILL = "REAL-0001/2026-09"
ISSUED_AT, CORRECTED_AT, LAST = (datetime(2026, 10, day, 4, tzinfo=UTC) for day in (5, 21, 26))
PDF = CorrectionPdf()


class House:
    """A home and its conf, without Spark: what a run issues is appended to the tables as the runner would."""

    def __init__(self, root: Path) -> None:
        self.conf = Path(shutil.copytree(packaged("conf"), root / "conf"))
        shutil.rmtree(self.conf / "facts")
        shutil.copytree(facts_folder(root), self.conf / "facts")
        self.settings = Settings(self.conf, root / "home")
        self.store, self.ledger = Store(self.settings), Ledger(self.settings.home)
        self.out = self.settings.home / "out"

    @property
    def facts(self) -> Facts:
        return load_facts(self.settings.facts_dir)

    def issue(self, now: datetime, before: Issued | None, facts: Facts | None = None) -> Issued | None:
        run_id = self.ledger.begin("run", now)
        self.ledger.note_rules(run_id, keep_rules(self.settings, self.facts))
        issued = run(factory_case(), facts or self.facts, run_id, before)
        for table in (EFFICIENCY_BILL.result, *EFFICIENCY_BILL.evidence) if issued else ():
            assert issued is not None
            rows = [issued["result"]] if table is EFFICIENCY_BILL.result else issued[table.name]
            if rows:
                files = write_files(
                    pa.Table.from_pylist(rows, table.arrow_schema()), table, self.store.path(table)
                )
                commit_files(self.store, table, files, "test", issued["result"]["revision"], overwrite=False)
        return issued

    def deliver(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        delivery: Any = SimpleNamespace(
            store=self.store,
            months=(SEPTEMBER,),
            last_month=SEPTEMBER,
            out=self.out,
            path=self.out.joinpath,
            stands=lambda *asked: False,
        )
        told = deliver_bills(delivery)
        return told, {path.name: path.read_bytes() for path in (self.out / "bills").glob("2026-09/*")}

    def ask(self, *arguments: str) -> Any:
        found = CliRunner().invoke(
            app,
            [*arguments, "--json"],
            env={"ZHIXIANG_HOME": str(self.settings.home), "ZHIXIANG_CONF": str(self.conf)},
        )
        assert found.exit_code == 0, found.output
        return json.loads(found.stdout)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def two(house: House) -> tuple[Issued, Issued]:
    bill = house.issue(ISSUED_AT, None)
    price_notice(house.settings.facts_dir, "0.4200", "notice 9 bis", "2026-10-20")
    corrected = house.issue(CORRECTED_AT, bill)
    assert bill is not None
    assert corrected is not None
    return bill, corrected


def test_the_bill_keeps_its_bytes_and_each_notice_adds_a_sheet(house: House) -> None:
    bill = house.issue(ISSUED_AT, None)
    told, first = house.deliver()
    assert (told["corrections"], set(first)) == (0, {"REAL-0001.html", "REAL-0001.pdf", "REAL-0001.png"})
    assert "退补" not in (house.out / "bills" / "index.html").read_text(encoding="utf-8")

    price_notice(house.settings.facts_dir, "0.4200", "notice 9 bis", "2026-10-20")
    second = house.issue(CORRECTED_AT, bill)
    assert house.issue(CORRECTED_AT, second) is None
    price_notice(house.settings.facts_dir, "0.4100", "notice 9 ter", "2026-10-25")
    assert house.issue(LAST, second) is not None
    told, after = house.deliver()
    assert told["corrections"] == 2
    assert {name: after[name] for name in first} == first
    assert set(after) - set(first) == {
        f"REAL-0001-correction-{revision}.{kind}" for revision in (2, 3) for kind in ("html", "pdf")
    }
    listed = (house.out / "bills" / "index.html").read_text(encoding="utf-8")
    assert '+25.40 <a href="2026-09/REAL-0001-correction-2.html">' in listed
    assert '-12.70 <a href="2026-09/REAL-0001-correction-3.html">' in listed


def rewrite(house: House, revision: int) -> None:
    """A stored revision as somebody changed it."""
    rows = house.store.arrow(EfficiencyBillV1).to_pylist()
    for row in rows:
        if row["revision"] == revision:
            row["power_factor_ratio"] = D("0.1")
    files = write_files(
        pa.Table.from_pylist(rows, EfficiencyBillV1.arrow_schema()),
        EfficiencyBillV1,
        house.store.path(EfficiencyBillV1),
    )
    commit_files(house.store, EfficiencyBillV1, files, "test", 99, overwrite=True)


@pytest.mark.usefixtures("two")
def test_a_sheet_that_its_evidence_does_not_give_stays_in_the_house(house: House) -> None:
    told, first = house.deliver()
    assert (told["corrections"], told["refused"]) == (1, {})
    shutil.rmtree(house.out)
    rewrite(house, 2)
    told, after = house.deliver()
    assert set(told["refused"]) == {"REAL-0001-correction-2/2026-09"}
    assert (told["count"], told["corrections"]) == (1, 0)
    assert set(after) == {name for name in first if "correction" not in name}, "the bill stays as issued"
    assert "correction-2" not in (house.out / "bills" / "index.html").read_text(encoding="utf-8")
    error = Delivered(house.out, told["refused"]).error()
    assert error is not None
    assert "zhixiang bill replay REAL-0001/2026-09 --revision 2" in error.hint


@pytest.mark.usefixtures("two")
def test_no_sheet_goes_out_beside_a_bill_that_is_refused(house: House) -> None:
    rewrite(house, 1)
    told, after = house.deliver()
    assert set(told["refused"]) == {BILL, "REAL-0001-correction-2/2026-09"}
    assert (told["count"], told["corrections"], after) == (0, 0, {})


@pytest.mark.usefixtures("two")
def test_bills_whose_rules_are_lost_are_counted_as_held_to_their_sum_alone(house: House) -> None:
    shutil.rmtree(house.settings.home / FOLDER)
    assert house.deliver()[0]["by_sum_alone"] == [BILL]


def test_a_bill_that_could_not_leave_is_issued_anew_instead(house: House) -> None:
    """Before the month's price is published the bill rests on the illustrative one; outside the demo it never
    left, so nothing is settled.
    """
    monthly = house.settings.facts_dir / "tariffs" / "energy_base_monthly.csv"
    published = monthly.read_bytes()
    monthly.write_bytes((packaged("conf") / "facts" / "tariffs" / "energy_base_monthly.csv").read_bytes())
    bill = house.issue(ISSUED_AT, None)
    assert house.deliver()[0] | {"href": ""} == {
        "count": 0,
        "corrections": 0,
        "withheld": 1,
        "labels": [],
        "href": "",
        "pictures": [],
        "refused": {},
        "revisions": {},
        "origins": {},
        "by_sum_alone": [],
    }
    monthly.write_bytes(published)
    second = house.issue(CORRECTED_AT, bill)
    assert second is not None
    assert {(row["cause_code"], *row["issued_documents"]) for row in second[SHEET]} == {("prices",)}, (
        "no day of knowledge gives a price without document"
    )
    told, files = house.deliver()
    assert (told["count"], told["corrections"], told["withheld"]) == (1, 0, 0)
    assert "第 2 版" in files["REAL-0001.html"].decode()


def test_the_command_shows_explains_and_replays_a_correction(
    house: House, two: tuple[Issued, Issued]
) -> None:
    bill, corrected = two
    sheet = house.ask("bill", "correction", BILL)
    assert (sheet["revision"], sheet["corrected_revision"], sheet["cause_code"], sheet["difference_cny"]) == (
        2,
        1,
        "prices",
        "25.40",
    )
    assert D(sheet["now_total_cny"]) - D(sheet["issued_total_cny"]) == D("25.40")
    assert [row["difference_cny"] for row in sheet["corrections"]] == ["22.20", "3.20"]

    shown = house.ask("bill", "show", "REAL-0001", "--month", "2026-09", "--revision", "1")
    assert (
        shown["result"]["total_cny"]
        == str(bill["result"]["total_cny"])
        != str(corrected["result"]["total_cny"])
    )
    assert shown[SHEET] == []

    for revision in ("1", "2"):
        assert house.ask("bill", "replay", BILL, "--revision", revision)["differences"] == []
    assert house.ask("bill", "replay", "--month", "2026-09") == {
        "month": "2026-09",
        "bills": 1,
        "differences": [],
    }

    told = house.ask("explain", BILL, "2", "--correction")
    assert told["correction"]["period_code"] == "valley"
    assert [
        (told[side]["line"]["amount_cny"], told[side]["fact"]["document"]) for side in ("issued", "now")
    ] == [
        ("73.60", "notice 9"),
        ("76.80", "notice 9 bis"),
    ]


def test_what_is_not_there_is_said(house: House) -> None:
    house.issue(ISSUED_AT, None)
    environment = {"ZHIXIANG_HOME": str(house.settings.home), "ZHIXIANG_CONF": str(house.conf)}
    for arguments, message in (
        (("bill", "correction", BILL), "has no correction sheet"),
        (("bill", "correction", "REAL-0002/2026-09"), "REAL-0002"),
        (("bill", "correction", "REAL-0001"), "not the name of a bill"),
    ):
        with pytest.raises(UsageError, match=message):
            CliRunner().invoke(app, [*arguments], env=environment, catch_exceptions=False)


class Seen(HTMLParser):
    """Attributes of every element of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.attributes: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append({"tag": tag, **dict(attrs)})


def test_page_and_paper_say_every_difference_and_the_sum(two: tuple[Issued, Issued], tmp_path: Path) -> None:
    bill, second = two
    arguments = (second["result"], bill["result"], second[SHEET])
    page = render_correction_html(*arguments)
    seen = Seen(page).attributes
    assert [D(str(each["data-difference"])) for each in seen if "data-difference" in each] == [
        D("22.20"),
        D("3.20"),
    ]
    assert [each["data-total"] for each in seen if "data-total" in each] == ["25.40"]
    assert "应补收" in page
    assert not [each for each in seen if each["tag"] in ("script", "link", "img", "a")]
    assert page == render_correction_html(second["result"], bill["result"], second[SHEET][::-1])
    paper = PDF.render(*arguments)
    assert paper == CorrectionPdf().render(second["result"], bill["result"], second[SHEET][::-1])
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler) is not installed")
    (tmp_path / "sheet.pdf").write_bytes(paper)
    text = subprocess.run(
        ["pdftotext", "-layout", str(tmp_path / "sheet.pdf"), "-"], capture_output=True, check=True
    ).stdout.decode()
    for figure in (
        "退补单",
        "510.60",
        "532.80",
        "+22.20",
        "73.60",
        "76.80",
        "+3.20",
        "+25.40",
        "0.851",
        "0.888",
        "notice 9 bis",
        "REAL-0001-2026-09-R2",
    ):
        assert figure in text


@pytest.mark.parametrize(
    ("difference", "label", "shown"),
    [("-9.24", "应退还", "9.24"), ("0.00", "无需退补", "0.00"), ("0.01", "应补收", "0.01")],
)
def test_what_is_due_is_said_in_words(
    two: tuple[Issued, Issued], difference: str, label: str, shown: str
) -> None:
    bill, second = two
    page = correction_page(
        second["result"], bill["result"], [{**second[SHEET][0], "difference_cny": D(difference)}]
    )
    assert (page["total"]["label"]["zh"], page["total"]["plain"]) == (label, shown)


def test_a_line_on_one_side_only_and_a_hostile_document_are_shown_as_they_are(
    two: tuple[Issued, Issued],
) -> None:
    bill, second = two
    gone = {
        **second[SHEET][0],
        "now_quantity": None,
        "now_unit_price": None,
        "now_fact_id": None,
        "now_documents": [],
        "now_line_number": None,
    }
    hostile = {
        **second[SHEET][1],
        "notices": ["<script>alert(1)</script>"],
        "now_documents": ["#panic()", "\u202egnp"],
    }
    page = render_correction_html(second["result"], bill["result"], [gone, hostile])
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "〈U+202E〉" in page
    assert page.count("—</td>") == 2
    assert PDF.render(second["result"], bill["result"], [gone, hostile]).startswith(b"%PDF")
