"""Whose a code is: a tenant in two malls, a code shown for another door, a code that was issued anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from pipelines.errors import TamperedError, UnknownNameError, UsageError
from pipelines.identity.keys import CODE_KEY, PSEUDONYM, KeyRing
from pipelines.identity.public_keys import read_public_keys
from pipelines.periods import local_day, utc_now
from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from products.transfer_fee_code.code.signed_code import tenant_pseudonym, verify_code
from products.transfer_fee_code.tables import TransferFeeCodeEvidenceV1, TransferFeeCodeV1
from tests.delivered_home import delivered_home, hand_over, rewrite
from zhixiang.cli.main import app
from zhixiang.delivery.verification import verify_folder

pytestmark = pytest.mark.slow

MONTH, TENANT, OTHER = "2026-09", "SIM-TENANT-A-001", "SIM-TENANT-B-001"
MALL, OTHER_MALL = "SIM-MALL-A", "SIM-MALL-B"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TENANT's firm has a shop in the other mall too, and its first code there was corrected."""
    home = delivered_home(tmp_path_factory.mktemp("whose"))

    def opens_there(row: dict[str, Any]) -> None:
        row.update(tenant_id=TENANT)

    for table in (TransferFeeCodeV1, TransferFeeCodeEvidenceV1):
        rewrite(home, table, lambda row: row["tenant_id"] == OTHER, opens_there)
    hand_over(home, MONTH)
    return home


def ask(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments], env={"ZHIXIANG_HOME": str(home), "ZHIXIANG_CONF": ""})


def stored(home: Path) -> list[dict[str, Any]]:
    rows = Store(Settings(packaged("conf"), home)).arrow(TransferFeeCodeV1).to_pylist()
    return [row for row in rows if row["billing_month"] == MONTH]


def test_a_tenant_in_two_malls_has_two_pages_each_on_its_own_evidence(home: Path) -> None:
    folder = home / "out" / "codes" / MONTH
    rows = {row["supplier_customer_id"]: row for row in stored(home) if row["tenant_id"] == TENANT}
    assert set(rows) == {MALL, OTHER_MALL}
    pages = {mall: (folder / f"{TENANT}--{mall}.html").read_text() for mall in rows}
    energies = {mall: f"{row['energy_kwh']:,.2f} kWh" for mall, row in rows.items()}
    assert energies[MALL] != energies[OTHER_MALL]
    for mall, page in pages.items():
        other = OTHER_MALL if mall == MALL else MALL
        assert energies[mall] in page
        assert energies[other] not in page
        assert mall in page
        assert f"{rows[mall]['reference_price_cny_per_kwh']:.4f}" in page
    # The page of before, when the tenant had one mall, stays as it was issued; nothing leads to it any more.
    every = (home / "out" / "codes" / "index.html").read_text() + "".join(
        path.read_text() for path in folder.glob("supplier-*.html")
    )
    assert f'"{TENANT}.html"' not in every
    assert every.count(f'href="{TENANT}--') == 2
    assert verify_folder(home / "out", home).found == ()


def test_code_show_asks_which_of_the_two(home: Path) -> None:
    which = ask(home, "code", "show", TENANT, "--month", MONTH)
    assert isinstance(which.exception, UsageError)
    assert f"{MALL}, {OTHER_MALL}" in which.exception.message
    for mall in (MALL, OTHER_MALL):
        told = json.loads(
            ask(home, "code", "show", TENANT, "--month", MONTH, "--supplier", mall, "--json").stdout
        )
        assert told["result"]["supplier_customer_id"] == mall
        (evidence,) = told["transfer_fee_code_evidence_v1"]
        assert evidence["energy_kwh"] == told["result"]["energy_kwh"]
    nowhere = ask(home, "code", "show", TENANT, "--month", MONTH, "--supplier", "SIM-MALL-C")
    assert isinstance(nowhere.exception, UnknownNameError)


def test_every_code_is_refused_for_another_tenant_and_for_another_supplier(home: Path) -> None:
    out = home / "out" / "codes"
    keys = {key.key_id: key.public_key for key in read_public_keys(out / "public_keys.json")}
    secret, today = KeyRing(home).secret(PSEUDONYM), local_day(utc_now())
    count = 0
    for row in stored(home):
        tenant, mall = row["tenant_id"], row["supplier_customer_id"]
        name = f"{tenant}--{mall}" if tenant == TENANT else tenant
        code = (out / MONTH / f"{name}.txt").read_text()
        right = tenant_pseudonym(tenant, mall, secret)
        assert verify_code(code, keys, today, {}, right).payload.tenant_pseudonym == right
        other_mall = OTHER_MALL if mall == MALL else MALL
        for wrong in ((f"{tenant}x", mall), (tenant, other_mall), (mall, tenant)):
            with pytest.raises(TamperedError, match="此码无法确认"):
                verify_code(code, keys, today, {}, tenant_pseudonym(*wrong, secret))
        count += 1
    assert count == 24


def test_the_command_asks_whose_code_it_is(home: Path) -> None:
    code = str(home / "out" / "codes" / MONTH / "SIM-TENANT-A-002.txt")

    def verify(tenant: str, mall: str) -> Result:
        return ask(home, "code", "verify", code, "--tenant", tenant, "--supplier", mall, "--json")

    assert json.loads(verify("SIM-TENANT-A-002", MALL).stdout)["is_of_the_pair"] is True
    for wrong in (("SIM-TENANT-A-003", MALL), ("SIM-TENANT-A-002", OTHER_MALL)):
        refused = verify(*wrong)
        assert isinstance(refused.exception, TamperedError)
        assert "此码无法确认" in refused.exception.message, "in the same words as a forged one"


def test_half_a_pair_and_a_home_that_issued_nothing_are_told(home: Path, tmp_path: Path) -> None:
    code = str(home / "out" / "codes" / MONTH / "SIM-TENANT-A-002.txt")
    half = ask(home, "code", "verify", code, "--tenant", "SIM-TENANT-A-002")
    assert isinstance(half.exception, UsageError)
    keys = str(home / "out" / "codes" / "public_keys.json")
    pair = ("--tenant", "SIM-TENANT-A-002", "--supplier", MALL)
    elsewhere = ask(tmp_path, "code", "verify", code, "--keys", keys, *pair)
    assert isinstance(elsewhere.exception, UsageError)
    assert "cannot tell whose" in elsewhere.exception.message
    assert not (tmp_path / "keys").exists(), "asking makes no secret"
    assert "未核对是谁的码" in ask(tmp_path, "code", "verify", code, "--keys", keys).stdout
    told = json.loads(ask(tmp_path, "code", "verify", code, "--keys", keys, "--json").stdout)
    assert told["is_of_the_pair"] is None, "what was not asked is not denied"


def test_a_home_does_not_disown_what_another_one_issued(home: Path, tmp_path: Path) -> None:
    """It knows the pairs of its own codes alone: of another issuer's it cannot say whose they are."""
    ring = KeyRing(tmp_path)
    ring.signing_key(CODE_KEY)
    ring.secret(PSEUDONYM)
    code, keys = (
        home / "out" / "codes" / name for name in (f"{MONTH}/SIM-TENANT-A-002.txt", "public_keys.json")
    )
    pair = ("--tenant", "SIM-TENANT-A-002", "--supplier", MALL)
    told = ask(tmp_path, "code", "verify", str(code), "--keys", str(keys), *pair)
    assert isinstance(told.exception, UsageError)
    assert "another issuer" in told.exception.message


def test_a_code_that_was_issued_anew_is_no_longer_confirmed(home: Path) -> None:
    path = home / "out" / "codes" / MONTH / "SIM-TENANT-B-002.txt"
    earlier = path.read_text()
    assert json.loads(ask(home, "code", "verify", earlier, "--json").stdout)["genuine"] is True

    def corrected(row: dict[str, Any]) -> None:
        row.update(revision=2)

    for table in (TransferFeeCodeV1, TransferFeeCodeEvidenceV1):
        rewrite(
            home,
            table,
            lambda row: (row["tenant_id"], row["billing_month"]) == ("SIM-TENANT-B-002", MONTH),
            corrected,
        )
    hand_over(home, MONTH)
    assert path.read_text() != earlier
    assert json.loads(ask(home, "code", "verify", str(path), "--json").stdout)["payload"]["revision"] == 2
    refused = ask(home, "code", "verify", earlier)
    assert isinstance(refused.exception, TamperedError)
    kept = home / "kept"
    kept.mkdir()
    (kept / "public_keys.json").write_bytes((path.parents[1] / "public_keys.json").read_bytes())
    alone = ask(home, "code", "verify", earlier, "--keys", str(kept / "public_keys.json"), "--json")
    told = json.loads(alone.stdout)
    assert (told["genuine"], told["is_newest"]) == (True, None), "without the list nobody can know"
    said = ask(home, "code", "verify", earlier, "--keys", str(kept / "public_keys.json")).stdout
    assert "未核对此码是否已重新签发" in said
    assert json.loads(ask(home, "code", "verify", str(path), "--json").stdout)["is_newest"] is True
