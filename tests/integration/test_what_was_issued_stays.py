"""A delivery that is refused, altered or stopped, and the ones after it: what was issued stays under its
revision, nothing stale stays unnoticed, nothing is signed that was not checked.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import zhixiang.delivery
from pipelines.errors import TamperedError
from pipelines.identity.keys import DELIVERY_KEY, KeyRing
from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from pipelines.tables.base import Table
from products.credit_index.tables import CreditIndexV1
from products.efficiency_bill.tables import EfficiencyBillV1
from tests import delivered_home
from tests.delivered_home import BILL, add, edit, hand_over
from zhixiang.delivery.verification import verify_folder

pytestmark = pytest.mark.slow


def rewrite(home: Path, table: type[Table], month: str, **values: Any) -> None:
    """Stored results of a month as somebody changed them in their table."""
    delivered_home.rewrite(
        home, table, lambda row: row[table.partition_column()] == month, lambda row: row.update(values)
    )


def manifest(home: Path) -> Any:
    return json.loads((home / "out" / "manifest.json").read_bytes())


def test_a_bill_refused_once_keeps_its_issued_page_at_its_next_revision(home: Path) -> None:
    page, issued = home / "out" / f"{BILL}.html", b"as issued"
    page.write_bytes(issued)

    def as_issued(found: Any) -> None:
        found["files"][f"{BILL}.html"] = hashlib.sha256(issued).hexdigest()
        found["bytes"][f"{BILL}.html"] = len(issued)
        found["revisions"][BILL] = 7

    key = KeyRing(home).signing_key(DELIVERY_KEY)
    for folder in (home / "out", home / "delivered"):
        edit(folder / "manifest.json", as_issued)
        (folder / "manifest.json.sig").write_bytes(key.sign((folder / "manifest.json").read_bytes()))
    store = Store(Settings(packaged("conf"), home))
    (ratio,) = [
        row["power_factor_ratio"]
        for row in store.arrow(EfficiencyBillV1).to_pylist()
        if row["billing_month"] == "2026-09"
    ]
    rewrite(home, EfficiencyBillV1, "2026-09", power_factor_ratio=None)
    assert hand_over(home, "2026-09")[0].refused
    assert manifest(home)["revisions"][BILL] == 7
    assert BILL not in manifest(home)["origins"], "it is checked again"
    assert page.read_bytes() == issued
    rewrite(home, EfficiencyBillV1, "2026-09", power_factor_ratio=ratio)
    assert hand_over(home, "2026-09")[0].refused == {}
    assert (home / "out" / f"{BILL}-revision-7.html").read_bytes() == issued
    assert page.read_bytes() != issued
    assert verify_folder(home / "out", home).found == ()


def test_a_bank_file_of_a_month_that_nobody_asks_for_is_not_left_stale(home: Path) -> None:
    bank = home / "out" / "scores" / "bank" / "credit_index_2026-08.csv"
    before = manifest(home)
    rewrite(home, CreditIndexV1, "2026-08", customer_name="renamed")
    hand_over(home, "2026-09")
    with bank.open(encoding="utf-8") as handle:
        assert {row["customer_name"] for row in csv.DictReader(handle)} == {"renamed"}
    origins = manifest(home)["origins"]
    name = "scores/bank/credit_index_"
    assert origins[f"{name}2026-08"] != before["origins"][f"{name}2026-08"]
    assert origins[f"{name}2026-09"] == before["origins"][f"{name}2026-09"]
    assert verify_folder(home / "out", home).found == ()


def test_a_month_made_before_something_changed_is_not_unchanged_when_it_is_asked_for(home: Path) -> None:
    rewrite(home, CreditIndexV1, "2026-09", customer_name="renamed")
    hand_over(home, "2026-09")
    assert manifest(home)["made"]["2026-08"] != manifest(home)["made"]["2026-09"]
    assert hand_over(home, "2026-09")[1][-1].startswith("unchanged")
    assert not hand_over(home, "2026-08")[1][-1].startswith("unchanged")
    for month in ("2026-08", "2026-09"):
        assert hand_over(home, month)[1][-1].startswith("unchanged")


def test_a_file_altered_while_a_delivery_is_made_is_not_signed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    august = "bills/2026-08/STEEL-0001.html"
    page, signed = home / "out" / august, manifest(home)
    issued = page.read_bytes()
    add(home / "out", "x.html")
    written = zhixiang.delivery.keep_revisions

    def meanwhile(*arguments: Any) -> Any:
        page.write_bytes(b"<h1>pay here</h1>")
        return written(*arguments)

    monkeypatch.setattr(zhixiang.delivery, "keep_revisions", meanwhile)
    with pytest.raises(TamperedError, match=august) as raised:
        hand_over(home, "2026-09")
    assert raised.value.exit_code == 3
    assert manifest(home) == signed
    (moved,) = home.glob(f"out.aside/*/{august}")
    assert moved.read_bytes() == b"<h1>pay here</h1>"
    monkeypatch.undo()
    hand_over(home, "2026-09")
    assert page.read_bytes() == issued
    assert verify_folder(home / "out", home).found == ()


@pytest.mark.parametrize(("is_under_way", "number"), [(False, None), (True, 99)])
def test_a_foreign_file_under_a_revision_s_name_is_not_signed(
    home: Path, is_under_way: bool, number: int | None
) -> None:
    revision = manifest(home)["revisions"][BILL] if number is None else number
    name = f"{BILL}-revision-{revision}.html"
    shutil.copyfile(home / "out" / f"{BILL}.html", home / "out" / name)
    if is_under_way:
        (home / "out.partial").mkdir()
    hand_over(home, "2026-09")
    assert name not in manifest(home)["files"]
    assert not (home / "out" / name).exists()
    assert verify_folder(home / "out", home).found == ()


def test_a_copy_cannot_talk_the_home_out_of_its_own_keys(home: Path, tmp_path: Path) -> None:
    copy, forger = tmp_path / "copy", tmp_path / "forger"
    shutil.copytree(home / "out", copy)
    key = KeyRing(forger).signing_key(DELIVERY_KEY)
    edit(copy / "manifest.json", lambda found: found.update(key_id=key.key_id))
    (copy / "manifest.json.sig").write_bytes(key.sign((copy / "manifest.json").read_bytes()))
    shutil.copyfile(forger / "public_keys.json", copy / "public_keys.json")
    found = verify_folder(copy, home)
    assert found.trust == "home"
    assert found.key_id is None
    assert any("never made" in each.what and each.name == "public_keys.json" for each in found.found)
    assert verify_folder(copy, tmp_path / "no home").trust == "published"


def test_the_day_a_key_was_replaced_is_told(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "out", tmp_path / "copy")
    assert verify_folder(tmp_path / "copy", home).replaced_on == ""
    (home / "keys" / f"{DELIVERY_KEY}.pem").unlink()
    KeyRing(home).replace(DELIVERY_KEY)
    found = verify_folder(tmp_path / "copy", home)
    assert (found.found, found.trust) == ((), "known")
    (day,) = [key.last_day for key in KeyRing(home).public_keys(DELIVERY_KEY) if key.last_day]
    assert found.replaced_on == day
