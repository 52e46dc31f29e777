"""One Spark session for all tests, an own home per test, loopback as the only network, and marks that nobody
has to set.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from pipelines.settings import Settings, packaged
from pipelines.storage.session import spark as spark_session
from tests.marks import mark

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LOOPBACK = ("127.", "::1", "localhost")
_OF_ONES_OWN = ("ZHIXIANG_CONF", "ZHIXIANG_ENVIRONMENT", "ZHIXIANG_DEBUG")
_RUNNING: list[pytest.Item] = []
# How long an example takes is the machine's affair: beside other work any of them may miss a deadline.
hypothesis.settings.register_profile("zhixiang", deadline=None)
hypothesis.settings.load_profile("zhixiang")


def pytest_configure() -> None:
    """A test that is not marked ``spark`` fails where it starts a JVM: a run without such tests is quick."""
    start = spark_session.start_session

    def guarded(*arguments: Any, **options: Any) -> Any:
        if _RUNNING and not _RUNNING[-1].get_closest_marker("spark"):
            pytest.fail("This test starts a JVM of its own: take the session from the fixture `spark`.")
        return start(*arguments, **options)

    spark_session.start_session = guarded


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks for what a test starts, before any of them is deselected."""
    mark(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    """Which test is running, its fixtures included."""
    _RUNNING.append(item)
    try:
        return (yield)
    finally:
        _RUNNING.pop()


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


@pytest.fixture(autouse=True, scope="session")
def _no_home_of_ones_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """``load_settings()`` reads neither a developer's home nor the settings that his shell names; what a test
    sets itself comes after this.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZHIXIANG_HOME", str(tmp_path_factory.mktemp("no home") / "home"))
        for name in [name for name in os.environ if name in _OF_ONES_OWN or name.startswith("ZHIXIANG__")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The one session; its state lies in a folder of its own."""
    session = spark_session.start_session(
        Settings(packaged("conf"), tmp_path_factory.mktemp("spark")), "tests"
    )
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
