"""A copy of the committed facts for each test of fact files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipelines.settings import packaged


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(packaged("conf") / "facts", tmp_path / "facts"))
