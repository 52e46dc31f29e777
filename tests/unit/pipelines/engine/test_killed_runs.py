"""A run that was killed stands as killed, and only that."""

from __future__ import annotations

import fcntl
import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.engine.ledger import Ledger
from pipelines.errors import ConcurrentWriteError
from pipelines.identity.keys import KeyRing
from pipelines.storage.home_lock import is_held, sole_writer
from zhixiang.delivery import write_ledger_page

NOW = datetime(2026, 11, 1, tzinfo=UTC)
RUN = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from pipelines.engine.ledger import Ledger
from pipelines.storage.home_lock import sole_writer
home = Path(sys.argv[1])
with sole_writer(home):
    print(Ledger(home).begin("run --month 2026-09", datetime.now(UTC)), flush=True)
    time.sleep(60)
"""


def test_a_run_is_running_while_its_process_lives_and_killed_when_it_was_killed(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", RUN, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        assert [run["status"] for run in Ledger(tmp_path).runs()] == ["running"]
        with (
            pytest.raises(ConcurrentWriteError, match=f"Process {process.pid} is writing") as refused,
            sole_writer(tmp_path),
        ):
            pass
        assert refused.value.exit_code == 7
        process.send_signal(signal.SIGKILL)
        process.wait()
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    (seen,) = Ledger(tmp_path).runs()
    assert (seen["run_id"], seen["status"]) == (run_id, "killed")
    assert "killed" in seen["message"]
    with sole_writer(tmp_path):
        second = Ledger(tmp_path).begin("run --month 2026-09", NOW)
        assert [run["status"] for run in Ledger(tmp_path).runs()] == ["running", "killed"]
        Ledger(tmp_path).end(second, NOW, 0)
    with sqlite3.connect(tmp_path / "ledger.sqlite") as stored:
        assert dict(stored.execute("SELECT run_id, status FROM runs")) == {run_id: "killed", second: "done"}


def test_one_who_asks_whether_the_home_is_held_keeps_no_writer_out(tmp_path: Path) -> None:
    assert not is_held(tmp_path), "a home that nobody wrote to"
    with sole_writer(tmp_path):
        assert is_held(tmp_path)
    assert not is_held(tmp_path)
    with (tmp_path / "writer.lock").open() as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        letting_go = threading.Timer(0.03, lambda: fcntl.flock(asking, fcntl.LOCK_UN))
        letting_go.start()
        with sole_writer(tmp_path):
            pass
        letting_go.join()


def test_a_lock_of_an_earlier_version_and_of_another_machine_is_told(tmp_path: Path) -> None:
    for content, told in (
        ("4711", "Process 4711 is writing to"),
        ("4711 meter-host", "on the machine meter-host"),
    ):
        with sole_writer(tmp_path):
            (tmp_path / "writer.lock").write_text(content)
            began = time.monotonic()
            with pytest.raises(ConcurrentWriteError, match=told), sole_writer(tmp_path):
                pass
            assert time.monotonic() - began < 2


def test_the_page_of_the_ledger_says_how_the_run_ended(tmp_path: Path) -> None:
    with sole_writer(tmp_path):
        ledger = Ledger(tmp_path)
        run_id = ledger.begin("run --month 2026-09", NOW)
        ledger.end(run_id, NOW, 0)
        write_ledger_page(ledger, tmp_path / "out", KeyRing(tmp_path))
    page = (tmp_path / "out" / "ledger" / "index.html").read_text(encoding="utf-8")
    assert run_id in page
    assert "running" not in page
    assert json.dumps("done")[1:-1] in page
