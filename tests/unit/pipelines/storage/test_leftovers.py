"""What killed processes left goes; what a process owns, or another home needs, stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from pipelines.storage.leftovers import clear_archives, clear_folder, origin_of, sole_maker

MAKER = """
import sys, time
from pathlib import Path
from pipelines.storage.leftovers import sole_maker
archive = Path(sys.argv[1])
with sole_maker(archive) as is_mine:
    assert is_mine
    archive.with_suffix(".partial").write_bytes(b"half")
    print("made", flush=True)
    time.sleep(60)
"""


def test_a_half_made_archive_goes_when_its_maker_is_dead_and_not_before(tmp_path: Path) -> None:
    archive = tmp_path / "spark-4.4.0-java17-0a0b0c0d.jsa"
    maker = subprocess.Popen(
        [sys.executable, "-c", MAKER, str(archive)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    try:
        assert maker.stdout is not None
        assert maker.stdout.readline() == "made\n"
        clear_archives(tmp_path)
        assert archive.with_suffix(".partial").exists(), "another home's process is making it"
        with sole_maker(archive) as is_mine:
            assert not is_mine
        maker.send_signal(signal.SIGKILL)
        maker.wait()
        clear_archives(tmp_path)
        assert not archive.with_suffix(".partial").exists()
    finally:
        maker.kill()
        maker.wait()
        if maker.stdout is not None:
            maker.stdout.close()


def test_a_half_made_archive_of_an_earlier_version_goes_when_it_was_given_up(tmp_path: Path) -> None:
    young, old = tmp_path / "spark-1-java17-aa.123.partial", tmp_path / "spark-1-java17-aa.124.partial"
    for path in (young, old):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 3600,) * 2)
    clear_archives(tmp_path)
    assert (young.exists(), old.exists()) == (True, False)


def test_whole_archives_go_with_their_environment_or_after_a_month_without_use(tmp_path: Path) -> None:
    jars = tmp_path / "env" / "jars"
    jars.mkdir(parents=True)
    used, unused, gone, changed, of_before = (
        tmp_path / f"spark-1-java17-{name}.jsa" for name in ("a", "b", "c", "d", "e")
    )
    for path in (used, unused, gone, changed, of_before):
        path.write_bytes(b"classes")
    for path in (used, unused):
        path.with_suffix(".origin").write_text(origin_of(jars))
    gone.with_suffix(".origin").write_text(origin_of(jars).replace("/env/", "/env that was/"))
    changed.with_suffix(".origin").write_text(f"{jars} 17")
    os.utime(unused, (time.time() - 40 * 86_400,) * 2)
    clear_archives(tmp_path)
    assert [path.exists() for path in (used, unused, gone, changed, of_before)] == [
        True,
        False,
        False,
        False,
        True,
    ]
    assert not gone.with_suffix(".origin").exists()


def test_scratch_is_emptied_and_what_a_link_points_to_stays(tmp_path: Path) -> None:
    scratch, other = tmp_path / "scratch", tmp_path / "other"
    (scratch / "blockmgr-1" / "00").mkdir(parents=True)
    (scratch / "blockmgr-1" / "00" / "block").write_bytes(b"rows")
    (scratch / "spark.log").write_text("a story")
    other.mkdir()
    (other / "kept").write_text("kept")
    (scratch / "link").symlink_to(other)
    clear_folder(scratch)
    assert list(scratch.iterdir()) == []
    assert (other / "kept").exists()
    clear_folder(tmp_path / "never made")
