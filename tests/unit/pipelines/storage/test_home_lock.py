"""Whoever writes to a home closes it first to everybody else on the machine."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pipelines.storage.home_lock import sole_writer


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("found", "left"), [(0o755, 0o750), (0o777, 0o770), (0o2775, 0o2770), (0o700, 0o700), (0o751, 0o750)]
)
def test_a_home_that_was_left_open_is_closed_to_others_and_no_wider_than_before(
    tmp_path: Path, found: int, left: int
) -> None:
    home = tmp_path / "home"
    (home / "inbox").mkdir(parents=True)
    (home / "inbox").chmod(0o755)
    home.chmod(found)
    with sole_writer(home):
        assert mode(home) == left
    assert mode(home / "inbox") == 0o755


def test_a_home_that_a_run_makes_is_closed_from_the_start(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with sole_writer(tmp_path / "deep" / "home"):
            pass
    finally:
        os.umask(before)
    assert (mode(tmp_path / "deep" / "home"), mode(tmp_path / "deep")) == (0o750, 0o750)


def test_a_home_that_is_a_link_is_closed_where_it_leads(tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    place.chmod(0o755)
    (tmp_path / "home").symlink_to(place)
    with sole_writer(tmp_path / "home"):
        assert mode(place) == 0o750
