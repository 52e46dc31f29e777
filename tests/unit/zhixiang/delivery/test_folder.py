"""How a delivery takes the place of the one before: killed at any moment it loses no issued page, and what
was altered meanwhile is never signed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from zhixiang.delivery.before import Before, earlier_revisions, revisions_of_kept
from zhixiang.delivery.folder import Deviation, held_to, keep_revisions, move_aside, publish, written

BILLS = [f"bills/2026-09/{letter}" for letter in "ABCDEFGH"]


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def put(folder: Path, name: str, content: bytes) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


class KilledError(Exception):
    pass


@pytest.mark.parametrize("survived", range(2 * len(BILLS)))
def test_a_kill_between_two_files_loses_no_issued_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    out, stage = tmp_path / "out", tmp_path / "stage"
    for base in BILLS:
        put(out, f"{base}.html", b"1 of " + base.encode())
        put(stage, f"{base}.html", b"2 of " + base.encode())
        put(stage, f"{base}-revision-1.html", b"1 of " + base.encode())
    done, replace = 0, Path.replace

    def until_killed(self: Path, target: Any) -> Any:
        nonlocal done
        if done == survived:
            raise KilledError
        done += 1
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", until_killed)
    with pytest.raises(KilledError):
        publish(stage, out, {}, (), tmp_path / "aside")
    held = {path.read_bytes() for path in out.rglob("*.html")}
    assert held >= {b"1 of " + base.encode() for base in BILLS}
    assert stage.is_dir(), "it tells the next delivery that one was under way"


def test_the_stage_stays_until_the_manifest_is_signed(tmp_path: Path) -> None:
    put(tmp_path / "stage", "a.html", b"a")
    publish(tmp_path / "stage", tmp_path / "out", {}, (), tmp_path / "aside")
    assert (tmp_path / "stage").is_dir()


def test_a_kept_file_is_held_to_what_was_delivered_not_to_what_lies_there(tmp_path: Path) -> None:
    for name in ("same.html", "other.html", "elsewhere.html"):
        put(tmp_path, name, b"as delivered")
    kept = {name: sha(b"as delivered") for name in ("same.html", "other.html", "gone.html", "link.html")}
    put(tmp_path, "other.html", b"pay here")
    (tmp_path / "link.html").symlink_to(tmp_path / "elsewhere.html")
    held, changed = held_to(tmp_path, kept)
    assert held == {"same.html": written(tmp_path / "same.html")}
    assert sorted(changed) == ["gone.html", "link.html", "other.html"]


def test_what_is_altered_after_it_was_held_is_not_what_is_listed(tmp_path: Path) -> None:
    put(tmp_path / "out", "a.html", b"as delivered")
    put(tmp_path / "stage", "b.html", b"b")
    held, _ = held_to(tmp_path / "out", {"a.html": sha(b"as delivered")})
    put(tmp_path / "out", "a.html", b"pay here")
    listed, _ = publish(tmp_path / "stage", tmp_path / "out", held, (), tmp_path / "aside")
    assert listed["a.html"].sha256 == sha(b"as delivered")


@pytest.mark.parametrize("is_there", [True, False])
def test_an_issued_page_that_was_altered_is_not_copied_as_issued(tmp_path: Path, is_there: bool) -> None:
    out, stage = tmp_path / "out", tmp_path / "stage"
    put(out, "a.html", b"pay here")
    put(stage, "a.html", b"second")
    if not is_there:
        (out / "a.html").unlink()
    changed = keep_revisions(out, stage, {"a.html": sha(b"first")}, {"a": 1}, {"a": 2}, "run")
    assert changed == ["a.html"]
    assert not (stage / "a-revision-1.html").exists()


def test_nothing_moved_aside_before_is_overwritten(tmp_path: Path) -> None:
    for content in (b"1", b"2", b"3"):
        put(tmp_path / "out", "a.html", content)
        move_aside(tmp_path / "out", "a.html", tmp_path / "aside")
    assert {path.read_bytes() for path in (tmp_path / "aside").iterdir()} == {b"1", b"2", b"3"}


@pytest.mark.parametrize(
    ("name", "content", "is_ours"),
    [
        ("a-revision-1.html", b"first", True),
        ("a-revision-2.html", b"first", False),
        ("a-revision-99.html", b"first", False),
        ("a-revision-.html", b"first", False),
        ("a-revision-1.html", b"pay here", False),
        ("a-revision-1.txt", b"first", False),
        ("b-revision-1.html", b"first", False),
    ],
)
def test_only_the_delivered_revision_goes_on_under_its_name(
    tmp_path: Path, name: str, content: bytes, is_ours: bool
) -> None:
    put(tmp_path, name, content)
    manifest = {"files": {"a.html": sha(b"first")}, "revisions": {"a": 1}, "run_id": "run-1"}
    found = earlier_revisions(tmp_path, Before(manifest, [Deviation("added", name, "")]))
    assert found == ({name: sha(b"first")} if is_ours else {})


def test_a_refused_bill_keeps_its_number_while_its_page_stays() -> None:
    before = Before({"revisions": {"bills/a": 1, "bills/b": 4, "codes/c": 2}})
    assert revisions_of_kept(before, {"bills/a.html", "codes/c.svg", "bills/b-revision-3.html"}) == {
        "bills/a": 1,
        "codes/c": 2,
    }
