"""What several tests of deliveries begin with. A module that means another home makes its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.delivered_home import delivered_home


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that delivered, once for a module; nobody may write to it."""
    return delivered_home(tmp_path_factory.mktemp("delivered") / "home")


@pytest.fixture
def home(untouched: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(untouched, tmp_path / "home", symlinks=True)
    return tmp_path / "home"
