"""What one delivery does to the one before: earlier months and issued revisions stay, what is not ours goes,
bills that do not stand stay in the house; lost and replaced keys.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner, Result

from pipelines.engine.ledger import Ledger
from pipelines.errors import LostKeyError
from pipelines.identity.keys import CODE_KEY, DELIVERY_KEY, KeyRing
from pipelines.settings import Settings, packaged
from pipelines.storage.data_files import commit_files, write_files
from pipelines.storage.store import Store
from products.efficiency_bill.tables import EfficiencyBillV1
from tests.delivered_home import BILL, add, contents, cut, edit, hand_over
from zhixiang.cli.main import app
from zhixiang.delivery import bills
from zhixiang.delivery.verification import verify_folder

pytestmark = pytest.mark.slow


def test_a_foreign_file_is_moved_aside_never_signed_and_never_deleted(home: Path) -> None:
    add(home / "out", "bills/pay.html")
    _, told = hand_over(home, "2026-09")
    (moved,) = home.glob("out.aside/*/bills/pay.html")
    assert moved.read_bytes() == b"<h1>pay here</h1>"
    assert any(line.startswith("moved") and "bills/pay.html" in line for line in told)
    assert "bills/pay.html" not in json.loads((home / "out" / "manifest.json").read_bytes())["files"]


def test_an_older_delivery_put_back_is_named_though_its_signature_holds(home: Path) -> None:
    older = home.parent / "older"
    shutil.copytree(home / "out", older)
    add(home / "out", "x.html")
    hand_over(home, "2026-09")
    shutil.rmtree(home / "out")
    older.rename(home / "out")
    found = verify_folder(home / "out", home)
    assert found.key_id is not None
    assert ("manifest.json", "altered") in {(each.name, each.kind) for each in found.found}


def test_an_unchanged_delivery_is_left_alone(home: Path) -> None:
    before = contents(home / "out")
    for month in ("2026-08", "2026-09"):
        _, told = hand_over(home, month)
        assert told[-1].startswith("unchanged")
    assert contents(home / "out") == before


def test_months_delivered_earlier_stay_listed_and_linked(untouched: Path) -> None:
    out = untouched / "out"
    listed = (out / "bills" / "index.html").read_text(encoding="utf-8")
    for month in ("2026-08", "2026-09"):
        assert f'href="{month}/STEEL-0001.html"' in listed
    every = (out / "contents" / "index.html").read_text(encoding="utf-8")
    files = set(json.loads((out / "manifest.json").read_bytes())["files"])
    assert {name for name in files if f'href="../{name}"' not in every} == {"contents/index.html"}
    assert 'href="contents/index.html"' in (out / "index.html").read_text(encoding="utf-8")


def rewrite_bill(home: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """The stored bill of September as somebody changed it in its table."""
    store = Store(Settings(packaged("conf"), home))
    rows = store.arrow(EfficiencyBillV1).to_pylist()
    for row in rows:
        if row["billing_month"] == "2026-09":
            change(row)
    table = pa.Table.from_pylist(rows, EfficiencyBillV1.arrow_schema())
    files = write_files(table, EfficiencyBillV1, store.path(EfficiencyBillV1))
    commit_files(store, EfficiencyBillV1, files, "test", 99, overwrite=True)


@pytest.mark.parametrize("month", ["2026-09", "2026-08"])
@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("total_cny", lambda total: total + 100, "add up to"),
        ("power_factor_ratio", lambda _: None, "differs"),
    ],
)
def test_a_bill_that_its_evidence_does_not_give_stays_in_the_house(
    home: Path, month: str, column: str, value: Callable[[Any], Any], why: str
) -> None:
    before = contents(home / "out")
    rewrite_bill(home, lambda row: row.update({column: value(row[column])}))
    found, _ = hand_over(home, month)
    assert set(found.refused) == {"STEEL-0001/2026-09"}
    assert why in found.refused["STEEL-0001/2026-09"]
    error = found.error()
    assert error is not None
    assert error.exit_code == 4
    assert "STEEL-0001/2026-09" in error.message
    assert "zhixiang bill replay STEEL-0001/2026-09" in error.hint
    after = contents(home / "out")
    assert after[f"{BILL}.html"] == before[f"{BILL}.html"], "what was issued stays as it was issued"
    assert 'href="2026-09/STEEL-0001.html"' not in after["bills/index.html"].decode()
    assert 'href="2026-08/STEEL-0001.html"' in after["bills/index.html"].decode()
    again, told = hand_over(home, month)
    assert told[-1].startswith("unchanged")
    assert again.refused == found.refused, "it is not forgotten"
    add(home / "out", "x.html")
    assert hand_over(home, month)[0].refused == found.refused


def edit_manifests(home: Path, change: Callable[[Any], None]) -> None:
    """The manifest as if the home had delivered otherwise, signed by its own key."""
    key = KeyRing(home).signing_key(DELIVERY_KEY)
    for folder in (home / "out", home / "delivered"):
        edit(folder / "manifest.json", change)
        (folder / "manifest.json.sig").write_bytes(key.sign((folder / "manifest.json").read_bytes()))


def test_pages_are_set_again_where_their_rows_or_what_sets_them_changed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    was_set: list[str] = []
    real = bills.write_one

    def spied(job: bills.Job) -> str | None:
        was_set.append(job.base)
        return real(job)

    monkeypatch.setattr(bills, "write_one", spied)

    def told(found: Any, **named: Any) -> None:
        found.update(named | {"state": "before"})

    seen = []
    for _ in range(2):  # the first tells where this copy of the home keeps its models
        edit_manifests(home, told)
        hand_over(home, "2026-09")
        assert was_set == [], "something else changed"
        seen.append(contents(home / "out"))
    before, after = seen
    assert {name for name in before if after.get(name) != before[name]} <= {
        "manifest.json",
        "manifest.json.sig",
    }
    edit_manifests(home, lambda found: told(found, set_by={"2026-09": "another version"}))
    hand_over(home, "2026-09")
    assert was_set == [BILL], "that of the month asked for"
    edit_manifests(home, lambda found: told(found, origins=found["origins"] | {BILL: "other rows"}))
    hand_over(home, "2026-09")
    assert was_set == [BILL] * 2
    (home / "out" / f"{BILL}.pdf").unlink()
    hand_over(home, "2026-09")
    assert was_set == [BILL] * 3
    assert contents(home / "out").keys() == before.keys()


def test_the_issued_page_of_another_revision_is_kept_beside_the_new_one(home: Path) -> None:
    page = home / "out" / f"{BILL}.html"
    page.write_bytes(b"as issued")

    def as_issued(found: Any) -> None:
        found["files"][f"{BILL}.html"] = hashlib.sha256(b"as issued").hexdigest()
        found["bytes"][f"{BILL}.html"] = len(b"as issued")
        found["revisions"][BILL] = 7
        found["state"] = "before"

    edit_manifests(home, as_issued)
    for _ in range(2):  # and stays with every delivery after it
        hand_over(home, "2026-09")
        assert (home / "out" / f"{BILL}-revision-7.html").read_bytes() == b"as issued"
        assert page.read_bytes() != b"as issued"
        assert verify_folder(home / "out", home).found == ()
        add(home / "out", "x.html")
    every = (home / "out" / "contents" / "index.html").read_text(encoding="utf-8")
    assert f'href="../{BILL}-revision-7.html"' in every


def ask(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments], env={"ZHIXIANG_HOME": str(home), "ZHIXIANG_CONF": ""})


def test_the_command_says_whole_and_names_what_differs(home: Path) -> None:
    assert "完整" in ask(home, "verify").stdout
    cut(home / "out" / f"{BILL}.pdf")
    found = ask(home, "verify", "--json")
    told = json.loads(found.stdout)
    assert told["is_whole"] is False
    assert [each["name"] for each in told["found"]] == [f"{BILL}.pdf"]
    assert found.exception is not None
    assert getattr(found.exception, "exit_code", None) == 4


def test_a_page_of_quality_written_later_does_not_break_the_manifest(home: Path) -> None:
    assert ask(home, "quality", "report", "--month", "2026-08", "--json").exit_code == 0
    assert verify_folder(home / "out", home).found == ()


def test_a_code_issued_before_its_key_was_replaced_is_still_confirmed(home: Path) -> None:
    code = (home / "out" / "codes" / "2026-09" / "SIM-TENANT-A-001.txt").read_text()
    (home / "keys" / f"{CODE_KEY}.pem").unlink()
    with pytest.raises(LostKeyError, match=CODE_KEY):
        hand_over(home, "2026-09")
    assert ask(home, "key", "replace", CODE_KEY).exit_code == 0
    hand_over(home, "2026-09")
    new = (home / "out" / "codes" / "2026-09" / "SIM-TENANT-A-001.txt").read_text()
    assert new != code
    for text in (code, new):
        found = ask(home, "code", "verify", text, "--json")
        assert json.loads(found.stdout)["genuine"] is True
        assert json.loads(found.stdout)["payload"]["marks"] == ["illustrative", "simulated"]
    assert verify_folder(home / "out", home).found == ()


def test_a_run_with_a_lost_key_ends_before_it_begins_and_names_the_way_on(home: Path) -> None:
    backup = home.parent / "backup.pem"
    (home / "keys" / f"{DELIVERY_KEY}.pem").rename(backup)
    before = len(Ledger(home).runs(50))
    found = ask(home, "run", "--month", "2026-09", "--from", "deliver")
    assert isinstance(found.exception, LostKeyError)
    assert DELIVERY_KEY in found.exception.message
    assert "the manifests of deliveries" in found.exception.message
    assert len(Ledger(home).runs(50)) == before
    assert {row["name"]: row["state"] for row in json.loads(ask(home, "key", "home", "--json").stdout)}[
        DELIVERY_KEY
    ] == "lost"
    for reads in (("status", "--json"), ("model", "list", "--json"), ("verify",)):
        assert ask(home, *reads).exit_code == 0, "what only reads goes on"
    assert ask(home, "key", "restore", str(backup)).exit_code == 0
    assert hand_over(home, "2026-09")[1][-1].startswith("unchanged")


@pytest.mark.parametrize(
    "code", ["x" * 150, "ZX1:" + "A" * 150, "codes/2026-09/SIM-TENANT-A-001.png", "codes", "\0", "/" * 5000]
)
def test_what_is_no_code_ends_in_words(untouched: Path, code: str) -> None:
    given = str(untouched / "out" / code) if code.startswith("codes") else code
    found = ask(untouched, "code", "verify", given)
    assert getattr(found.exception, "exit_code", None) in (2, 3), found.exception
    assert getattr(found.exception, "hint", "")
