"""What ``zhixiang verify`` tells to do next, and of which folders it says that they are no delivery."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.errors import DisagreementError, UsageError
from pipelines.identity.keys import DELIVERY_KEY, KeyRing
from zhixiang.cli.main import app
from zhixiang.delivery.manifest import KEPT, MANIFEST, SIGNATURE
from zhixiang.delivery.verification import PUBLIC_KEYS, verify_folder

SHAPE = ("files", "bytes", "revisions", "origins", "refused", "made")


def delivery(folder: Path, home: Path, months: list[str]) -> Path:
    """A manifest of no file, signed by the home, beside a file that nobody listed."""
    folder.mkdir(parents=True)
    key = KeyRing(home).signing_key(DELIVERY_KEY)
    content: dict[str, Any] = {name: {} for name in SHAPE}
    content |= {"months": months, "held_to_sum_alone": [], "count": 0, "key_id": key.key_id}
    raw = json.dumps(content).encode()
    (folder / MANIFEST).write_bytes(raw)
    (folder / SIGNATURE).write_bytes(key.sign(raw))
    (folder / "added.html").write_text("x", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("months", "named"),
    [
        (["2026-08", "2026-10", "2026-09"], "2026-10"),
        ([], "YYYY-MM"),
        (["2026-08", "2026-09; rm -r x", "9999-99"], "2026-08"),
    ],
)
def test_the_hint_names_the_newest_month_of_the_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, months: list[str], named: str
) -> None:
    monkeypatch.setenv("ZHIXIANG_HOME", str(tmp_path / "home"))
    delivery(tmp_path / "home" / "out", tmp_path / "home", months)
    found = CliRunner().invoke(app, ["verify"])
    assert isinstance(found.exception, DisagreementError), found.output
    assert f"zhixiang run --month {named} --from deliver;" in found.exception.hint


@pytest.mark.parametrize("has_keys", [True, False])
def test_a_folder_with_nothing_of_a_delivery_is_none(tmp_path: Path, has_keys: bool) -> None:
    home, folder = tmp_path / "home", tmp_path / "papers"
    if has_keys:
        KeyRing(home).signing_key(DELIVERY_KEY)
    folder.mkdir()
    (folder / "letter.txt").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match="is no delivery") as raised:
        verify_folder(folder, home)
    assert "zhixiang verify FOLDER" in raised.value.hint


@pytest.mark.parametrize("left", [MANIFEST, SIGNATURE, PUBLIC_KEYS, KEPT])
def test_what_lost_a_part_of_a_delivery_is_still_one(tmp_path: Path, left: str) -> None:
    home = tmp_path / "home"
    out = delivery(home / "out", home, ["2026-09"])
    if left == KEPT:
        (home / KEPT).mkdir()
        (out / MANIFEST).rename(home / KEPT / MANIFEST)
        (out / SIGNATURE).rename(home / KEPT / SIGNATURE)
    elif left == PUBLIC_KEYS:
        (out / PUBLIC_KEYS).write_bytes((home / PUBLIC_KEYS).read_bytes())
    for name in {MANIFEST, SIGNATURE} - {left}:
        (out / name).unlink(missing_ok=True)
    lost = {each.name for each in verify_folder(out, home).found if each.kind == "missing"}
    assert lost >= {MANIFEST, SIGNATURE} - {left}
