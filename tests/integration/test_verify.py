"""More than twenty alterations of a delivery: each is named by ``zhixiang verify``, and none survives the
next delivery.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.identity.keys import DELIVERY_KEY, KeyRing
from tests.delivered_home import BILL, add, contents, cut, edit, flip, hand_over
from zhixiang.delivery.verification import Verification, verify_folder

pytestmark = pytest.mark.slow

BANK = "scores/bank/credit_index_2026-09"


def replaced(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))


def swap(out: Path) -> None:
    """A page of one month in the place of another's."""
    shutil.copyfile(out / "bills/2026-08/STEEL-0001.html", out / f"{BILL}.html")


def link(out: Path) -> None:
    """The same bytes, but as a link to elsewhere."""
    path = out / f"{BILL}.pdf"
    kept = out.parent / "elsewhere.pdf"
    path.rename(kept)
    path.symlink_to(kept)


def link_folder(out: Path) -> None:
    shutil.move(out / "bills" / "2026-08", out.parent / "august")
    (out / "bills" / "2026-08").symlink_to(out.parent / "august")


def foreign_key(out: Path) -> None:
    """The manifest signed anew with a key of one's own, which is published beside it."""
    ring = KeyRing(out.parent / "forger")
    key = ring.signing_key(DELIVERY_KEY)
    edit(out / "manifest.json", lambda found: found.update(key_id=key.key_id))
    (out / "manifest.json.sig").write_bytes(key.sign((out / "manifest.json").read_bytes()))
    shutil.copyfile(out.parent / "forger" / "public_keys.json", out / "public_keys.json")


def rename(out: Path) -> None:
    (out / f"{BILL}.pdf").rename(out / "bills/2026-09/STEEL-0002.pdf")


def strange_name(out: Path) -> None:
    Path(os.fsdecode(os.fsencode(out) + b"/bills/\xff\xfe.html")).write_bytes(b"x")


ALTERATIONS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a byte of a page": (lambda out: flip(out / f"{BILL}.html"), f"{BILL}.html", "altered"),
    "a truncated PDF": (lambda out: cut(out / f"{BILL}.pdf"), f"{BILL}.pdf", "cut"),
    "an emptied page": (lambda out: (out / "index.html").write_bytes(b""), "index.html", "cut"),
    "the page of another month": (swap, f"{BILL}.html", "altered"),
    "a removed page": (lambda out: (out / f"{BILL}.html").unlink(), f"{BILL}.html", "missing"),
    "a renamed file": (rename, "bills/2026-09/STEEL-0002.pdf", "added"),
    "a foreign file": (lambda out: add(out, "bills/pay.html"), "bills/pay.html", "added"),
    "a foreign file beside the ledger": (lambda out: add(out, "ledger/x.html"), "ledger/x.html", "added"),
    "a foreign file that is half written": (lambda out: add(out, "x.partial"), "x.partial", "added"),
    "a name of other bytes": (strange_name, "bills/\\udcff\\udcfe.html", "added"),
    "a link in a file's place": (link, f"{BILL}.pdf", "altered"),
    "a link in a folder's place": (link_folder, "bills/2026-08", "added"),
    "a changed count": (
        lambda out: edit(out / "manifest.json", lambda found: found.update(count=1)),
        "manifest.json",
        "altered",
    ),
    "a field of the manifest": (
        lambda out: edit(out / "manifest.json", lambda found: found.update(facts_digest="0")),
        "manifest.json.sig",
        "signature",
    ),
    "a file off the list": (
        lambda out: edit(out / "manifest.json", lambda found: found["files"].pop(f"{BILL}.html")),
        "manifest.json",
        "altered",
    ),
    "a manifest of another shape": (
        lambda out: (out / "manifest.json").write_bytes(b'{"files": [1]}'),
        "manifest.json",
        "altered",
    ),
    "no manifest": (lambda out: (out / "manifest.json").unlink(), "manifest.json", "missing"),
    "an emptied signature": (
        lambda out: (out / "manifest.json.sig").write_bytes(b""),
        "manifest.json.sig",
        "signature",
    ),
    "another's signature": (foreign_key, "manifest.json.sig", "signature"),
    "a row of a bank file": (
        lambda out: replaced(out / f"{BANK}.csv", b'"2026-09"', b'"2026-08"'),
        f"{BANK}.csv",
        "altered",
    ),
    "a row off a bank file": (
        lambda out: (out / f"{BANK}.csv").write_bytes(
            b"".join((out / f"{BANK}.csv").read_bytes().splitlines(keepends=True)[:-1])
        ),
        f"{BANK}.csv",
        "cut",
    ),
    "a revision in a bank file's manifest": (
        lambda out: edit(out / f"{BANK}.manifest.json", lambda found: found.update(rows=1)),
        f"{BANK}.manifest.json.sig",
        "signature",
    ),
    "an emptied bank signature": (
        lambda out: (out / f"{BANK}.manifest.json.sig").write_bytes(b""),
        f"{BANK}.manifest.json.sig",
        "signature",
    ),
    "a code": (
        lambda out: replaced(out / "codes/2026-09/SIM-TENANT-A-001.txt", b"ZX1:", b"ZX1:A"),
        "codes/2026-09/SIM-TENANT-A-001.txt",
        "signature",
    ),
    "a code's public key": (
        lambda out: edit(
            out / "codes/public_keys.json", lambda found: found["keys"][0].update(public="00" * 32)
        ),
        "codes/public_keys.json",
        "altered",
    ),
    "the ledger's page": (lambda out: flip(out / "ledger/index.html"), "ledger/index.html", "signature"),
}


def named(found: Verification) -> set[tuple[str, str]]:
    return {(each.name, each.kind) for each in found.found}


def test_a_delivery_is_whole_in_its_home_and_anywhere(home: Path, tmp_path: Path) -> None:
    found = verify_folder(home / "out", home)
    assert (found.found, found.trust, found.months) == ((), "home", ("2026-08", "2026-09"))
    assert found.files > 200
    assert (found.bank_files, found.codes) == (2, 48)
    shutil.copytree(home / "out", tmp_path / "copy")
    alone = verify_folder(tmp_path / "copy", tmp_path / "no home")
    assert (alone.found, alone.trust, alone.key_id) == ((), "published", found.key_id)
    given = verify_folder(tmp_path / "copy", tmp_path / "no home", home / "public_keys.json")
    assert (given.found, given.trust) == ((), "given")
    assert verify_folder(tmp_path / "copy", home).trust == "known"
    assert not (tmp_path / "no home").exists(), "who verifies writes nothing"


@pytest.mark.parametrize("kind", ALTERATIONS)
def test_every_alteration_is_named_and_none_survives_the_next_delivery(home: Path, kind: str) -> None:
    out, before = home / "out", contents(home / "out")
    alter, name, how = ALTERATIONS[kind]
    alter(out)
    assert (name, how) in named(verify_folder(out, home))
    copied = verify_folder(out, home.parent / "no home", home / "public_keys.json")
    assert copied.found, "whoever has the public key sees it too"
    _, told = hand_over(home, "2026-09")
    if kind != "the ledger's page":  # every delivery writes it anew
        assert not told[-1].startswith("unchanged")
        assert any(name in line for line in told) or how == "signature", told
    assert verify_folder(out, home).found == ()
    after = contents(out)
    assert {each for each in after if after[each] != before.get(each)} <= {
        "manifest.json",
        "manifest.json.sig",
        "index.html",
        f"{BANK}.manifest.json",
        f"{BANK}.manifest.json.sig",
        "contents/index.html",
    }
    # A picture of an overview of before is not drawn again.
    assert set(before) - set(after) <= {"bills/2026-08/STEEL-0001.png"}
    assert set(after) <= set(before)
    assert not any(path.is_symlink() for path in out.rglob("*"))
