"""The first start says what it fetches and makes, before it does; a later one says nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipelines.errors import MachineError
from pipelines.settings import Settings
from pipelines.storage.session import spark


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "cache" / "zhixiang").mkdir(parents=True)
    return tmp_path / "cache" / "zhixiang"


def test_the_fetch_is_told_with_its_size_before_it_begins(
    cache: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def no_network(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        assert told, "nothing was said before the work began"
        return subprocess.CompletedProcess([], 1, "", "java.net.UnknownHostException: nowhere")

    monkeypatch.setattr(spark, "find_java", lambda: Path("/java"))
    monkeypatch.setattr(spark.subprocess, "run", no_network)
    with pytest.raises(MachineError, match="could not be fetched"):
        spark.prepare(settings, told.append)
    assert len(told) == 1
    assert "about 15 MB" in told[0]
    assert spark.DELTA_COORDINATE in told[0]


def test_what_is_there_is_not_told(cache: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = cache / "made.jsa"
    archive.write_text("made")
    monkeypatch.setattr(spark, "jars_present", lambda _settings: cache)
    monkeypatch.setattr(spark, "find_jars", lambda _settings: [])
    monkeypatch.setattr(spark, "archive_path", lambda: archive)
    told: list[str] = []
    spark.prepare(settings, told.append)
    assert told == []
