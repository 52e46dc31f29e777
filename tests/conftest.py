"""One Spark session for all tests, an own home per test, and loopback as the only network."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.settings import Settings, packaged

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LOOPBACK = ("127.", "::1", "localhost")


@pytest.fixture(autouse=True, scope="session")
def _loopback_only() -> Iterator[None]:
    """A test that talks to another host fails at the attempt."""
    real: Callable[..., Any] = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(_LOOPBACK):
            raise OSError(f"tests talk to loopback only, not to {address}")
        return real(self, address)

    socket.socket.connect = connect  # type: ignore[method-assign]
    yield
    socket.socket.connect = real  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The one session; its state lies in a folder of its own."""
    from pipelines.storage.spark import start_session

    session = start_session(Settings(packaged("conf"), tmp_path_factory.mktemp("spark")), "tests")
    yield session
    session.stop()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The committed conf/ with an empty home."""
    return Settings(packaged("conf"), tmp_path / "home")


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Folder of data that must not be committed."""
    folder = os.environ.get("ZHIXIANG_REFERENCE_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ZHIXIANG_REFERENCE_DATA is not set: data that must not be committed is not at hand")
    return Path(folder)
