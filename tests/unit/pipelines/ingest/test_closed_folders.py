"""Folders of the inbox that cannot be listed or entered now: named, hidden ones left out."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from pipelines.ingest.inbox import closed_folders


def test_a_folder_that_cannot_be_listed_or_entered_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("open/closed", "listed only", ".hidden", "智享"):
        (tmp_path / name).mkdir(parents=True)
    assert closed_folders(tmp_path) == []
    scandir, access = os.scandir, os.access

    def locked(path: Any) -> Any:
        if Path(path).name in ("closed", ".hidden", "智享"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", locked)
    monkeypatch.setattr(os, "access", lambda path, mode: "only" not in str(path) and access(path, mode))
    denied = "Permission denied"
    assert closed_folders(tmp_path) == [("listed only", denied), ("open/closed", denied), ("智享", denied)]


def test_an_inbox_that_cannot_be_listed_is_a_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(path: Any) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", locked)
    assert closed_folders(tmp_path) == [(".", "Permission denied")]
