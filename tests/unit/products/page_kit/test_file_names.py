"""No two identifiers share a file, no file lies outside its folder, and its mode is that of a delivery."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import OutsideFolderError
from products.page_kit.file_names import MOST_BYTES, file_name, file_names, path_below
from products.page_kit.site import write_bytes
from tests.hostile_ids import LEGAL, REFUSED

PRESENT = ("STEEL-0001", "SIM-TENANT-A-001", "SIM-MALL-B", "BDG-UnivLab_Terrie", "NEM12-1234567890-1")


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def test_the_names_of_the_demo_stay() -> None:
    assert file_names(PRESENT) == {identifier: identifier for identifier in PRESENT}


def test_hostile_names_keep_apart_and_are_names() -> None:
    every = (*LEGAL, *REFUSED, *PRESENT)
    names = file_names(every)
    assert len({name.casefold() for name in names.values()}) == len(set(every))
    for name in names.values():
        assert name.isprintable()
        assert not set(name) & set("/\0.")
        assert not name.startswith("-")
        assert 0 < len(name.encode()) <= MOST_BYTES
        assert name.lower() not in {"con", "nul", "index"}


@given(st.lists(st.text(max_size=200), max_size=12))
def test_no_two_identifiers_share_a_name(identifiers: list[str]) -> None:
    names = file_names(identifiers)
    assert len({name.casefold() for name in names.values()}) == len(set(identifiers))
    assert all(0 < len(name.encode()) <= MOST_BYTES for name in names.values())


def test_names_of_other_files_of_a_folder_are_not_taken() -> None:
    for identifier in ("index", "INDEX", "supplier-A", "STEEL-0001-correction-2"):
        assert file_name(identifier) != identifier


@pytest.mark.parametrize("identifier", LEGAL)
def test_every_identifier_is_written_inside(tmp_path: Path, identifier: str) -> None:
    out = tmp_path / "home" / "out"
    write_bytes(path_below(out, "codes", "2026-09", f"{file_name(identifier)}-correction-12.html"), b"x")
    assert [path.parent for path in tmp_path.rglob("*") if path.is_file()] == [out / "codes" / "2026-09"]


@pytest.mark.parametrize(
    "parts",
    [("..", "x"), ("codes", "../../x"), ("/etc/x",), ("a\0b",), (".",), ("..",), ("",), ("x/../../y",)],
)
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, parts: tuple[str, ...]) -> None:
    with pytest.raises(OutsideFolderError, match="outside"):
        path_below(tmp_path / "out", *parts)


def test_a_folder_that_is_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "codes").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutsideFolderError):
        path_below(tmp_path / "out", "codes", "x.html")


def test_a_link_in_the_place_of_a_file_is_replaced(tmp_path: Path) -> None:
    victim, out = tmp_path / "victim", tmp_path / "out"
    victim.write_bytes(b"mine")
    out.mkdir()
    for name in ("x.html", "x.html.partial"):
        (out / name).symlink_to(victim)
    write_bytes(path_below(out, "x.html"), b"theirs")
    assert victim.read_bytes() == b"mine"
    assert (out / "x.html").read_bytes() == b"theirs"
    assert not (out / "x.html").is_symlink()


@pytest.mark.usefixtures("umask")
def test_the_owner_writes_and_his_group_reads_under_any_umask(tmp_path: Path) -> None:
    path = path_below(tmp_path / "out", "codes", "2026-09", "A.html")
    write_bytes(path, b"x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    for folder in (path.parent, path.parent.parent, tmp_path / "out"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o750
