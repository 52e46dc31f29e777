"""Events go to the home, as text or as lines of JSON, and never to the terminal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from pipelines.settings import packaged
from zhixiang.cli.events import configure_events

Start = Callable[[str, str], Path]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Configures the events of this process under a conf/ with these values; answers the home."""

    def begin(json_lines: str, level: str) -> Path:
        conf = Path(shutil.copytree(packaged("conf"), tmp_path / "conf"))
        text = (conf / "platform.yaml").read_text(encoding="utf-8")
        old = "  json_lines: false\n  level: info\n"
        assert old in text
        new = f"  json_lines: {json_lines}\n  level: {level}\n"
        (conf / "platform.yaml").write_text(text.replace(old, new), encoding="utf-8")
        monkeypatch.setenv("ZHIXIANG_CONF", str(conf))
        monkeypatch.setenv("ZHIXIANG_HOME", str(tmp_path / "home"))
        configure_events()
        return tmp_path / "home"

    yield begin
    structlog.reset_defaults()


def tell() -> None:
    events = structlog.get_logger("pipelines.engine.runner")
    events.info("step", run_id="r1", step="silver-curves", status="done", seconds=1.25, rows={"表": 3})
    events.error("step", run_id="r1", step="gold", status="failed", seconds=0.5, rows={}, error="a\nb")


def test_events_as_lines_of_json(start: Start, capfd: pytest.CaptureFixture[str]) -> None:
    home = start("true", "info")
    tell()
    tell()
    assert [path.name for path in (home / "logs").iterdir()] == ["events.jsonl"]
    lines = (home / "logs" / "events.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4
    first, second = (json.loads(line) for line in lines[:2])
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "event": "step",
        "level": "info",
        "run_id": "r1",
        "step": "silver-curves",
        "status": "done",
        "seconds": 1.25,
        "rows": {"表": 3},
    }
    assert (second["level"], second["status"], second["error"]) == ("error", "failed", "a\nb")
    assert capfd.readouterr() == ("", ""), "the terminal shows what it showed before"


def test_events_as_text(start: Start, capfd: pytest.CaptureFixture[str]) -> None:
    home = start("false", "info")
    tell()
    assert [path.name for path in (home / "logs").iterdir()] == ["events.log"]
    first, second = (home / "logs" / "events.log").read_text(encoding="utf-8").splitlines()
    for part in ("info", "step", "run_id=r1", "step=silver-curves", "status=done", "seconds=1.25"):
        assert part in first
    assert "\x1b" not in first
    assert "status=failed" in second
    assert capfd.readouterr() == ("", "")


def test_events_below_the_level_are_left_out(start: Start) -> None:
    home = start("true", "error")
    tell()
    (line,) = (home / "logs" / "events.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["status"] == "failed"


def test_a_command_without_events_reads_no_settings_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHIXIANG_CONF", str(tmp_path / "nowhere"))
    configure_events()
    structlog.reset_defaults()
