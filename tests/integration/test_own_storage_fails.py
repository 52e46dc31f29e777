"""A full disk, a limit of file sizes, a file that cannot be read for a minute: nothing is booked as the
sender's fault, and once the cause is gone the next run reads everything.
"""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.errors import StorageError
from pipelines.ingest import commit_reports, read_files
from pipelines.ingest.read_files import ingest, read_one
from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from pipelines.tables.bronze import BronzeFiles, BronzeLoadCurves
from tests.command_line import zhixiang
from zhixiang.chain import Outcome, exit_code, warnings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOW = datetime(2026, 11, 1, tzinfo=UTC)
MONTH = "2026-09"
STRANGERS = 40
FILE_LIMIT_BYTES = 300 * 1024


def fill(inbox: Path) -> None:
    """The steel works, and one large file of meter points that nobody knows."""
    inbox.mkdir(parents=True)
    steel = packaged("samples") / "steel"
    curve = steel / f"E_MP_POWER_CURVE_{MONTH}.csv"
    for path in (steel / "customers.csv", steel / "meter_points.csv", curve):
        shutil.copy2(path, inbox)
    head, *lines = curve.read_text(encoding="utf-8").splitlines()
    numbers = random.Random(1)
    powers = [place for place, name in enumerate(head.split(",")) if name[1:].isdigit()]
    made = [head]
    for stranger in range(STRANGERS):
        for line in lines:
            cells = line.split(",")
            cells[0] = f"MP-STRANGER-{stranger:02d}"
            for place in powers:
                cells[place] = f"{numbers.random() * 100:.4f}" if cells[place] else ""
            made.append(",".join(cells))
    (inbox / "strangers.csv").write_text("\n".join(made) + "\n", encoding="utf-8")


def lock_strangers(patch: pytest.MonkeyPatch) -> None:
    """The large file cannot be read; all of them are read in this process, which the patch reaches."""
    really = Path.read_bytes

    def locked(self: Path) -> bytes:
        if self.name == "strangers.csv":
            raise OSError(errno.EACCES, "Permission denied", str(self))
        return really(self)

    def here(_store: Store, fresh: Any, reading: Any) -> list[dict[str, Any]]:
        return [read_one(arrival.path, reading) for arrival in fresh]

    patch.setattr(read_files, "_read_files", here)
    patch.setattr(Path, "read_bytes", locked)


def content(store: Store) -> tuple[str, int, set[tuple[str, str]]]:
    files = store.arrow(BronzeFiles, ["source_file", "status_code"]).to_pylist()
    told = {(file["source_file"], file["status_code"]) for file in files}
    return store.content_hash(BronzeLoadCurves), store.row_count(BronzeLoadCurves), told


@pytest.fixture
def undisturbed(spark: SparkSession, tmp_path: Path) -> tuple[str, int, set[tuple[str, str]]]:
    fill(tmp_path / "undisturbed" / "inbox")
    store = Store(Settings(packaged("conf"), tmp_path / "undisturbed"), spark)
    assert ingest(store, tmp_path / "undisturbed" / "inbox", "run-0", NOW).accepted == 4
    return content(store)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MB; only root may have one."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("no file system may be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_stops_the_run_and_the_next_one_reads_everything(
    spark: SparkSession,
    tmp_path: Path,
    small_disk: Path,
    undisturbed: tuple[str, int, set[tuple[str, str]]],
) -> None:
    inbox = tmp_path / "inbox"
    fill(inbox)
    store = Store(Settings(packaged("conf"), small_disk), spark)
    filler = small_disk / "somebody else's"
    filler.write_bytes(b"x" * 5_800_000)
    with pytest.raises(StorageError, match="disk is full") as failed:
        ingest(store, inbox, "run-1", NOW)
    assert "run the same command again" in failed.value.hint
    assert content(store)[1:] == (0, set()), "nothing of any file of the batch is remembered"
    assert not list(small_disk.rglob("*.parquet")), "what is in no commit takes no room"
    filler.unlink()
    assert ingest(store, inbox, "run-2", NOW).accepted == 4
    assert content(store) == undisturbed


def test_a_file_that_cannot_be_read_now_is_read_once_it_can_be(
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: tuple[str, int, set[tuple[str, str]]],
) -> None:
    inbox = tmp_path / "inbox"
    fill(inbox)
    store = Store(Settings(packaged("conf"), tmp_path / "home"), spark)
    with monkeypatch.context() as patch:
        lock_strangers(patch)
        for run in ("run-1", "run-2"):
            summary = ingest(store, inbox, run, NOW)
            assert summary.unread == [("strangers.csv", "cannot be read now: Permission denied")]
            assert summary.refused == []
    assert "strangers.csv" not in {name for name, _ in content(store)[2]}
    summary = ingest(store, inbox, "run-3", NOW)
    assert (summary.accepted, summary.unread) == (1, [])
    assert content(store) == undisturbed


def test_a_file_unreadable_in_a_batch_that_is_then_killed_is_read_by_the_next_run(
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: tuple[str, int, set[tuple[str, str]]],
) -> None:
    """Before, the repeated batch found its transaction taken, dropped the late file's rows and booked it."""
    inbox = tmp_path / "inbox"
    fill(inbox)
    store = Store(Settings(packaged("conf"), tmp_path / "home"), spark)

    def die(*_arguments: object) -> None:
        raise RuntimeError("killed between the tables and the ledger")

    with monkeypatch.context() as patch:
        lock_strangers(patch)
        patch.setattr(commit_reports, "_append", die)
        with pytest.raises(Exception, match="killed between"):
            ingest(store, inbox, "run-1", NOW)
    assert 0 < store.row_count(BronzeLoadCurves) < undisturbed[1], "the file that could be read is in"
    assert ingest(store, inbox, "run-2", NOW).accepted == 4
    assert content(store) == undisturbed
    assert ingest(store, inbox, "run-3", NOW).accepted == 0


def test_a_folder_that_cannot_be_read_is_told_and_read_once_it_can_be(
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: tuple[str, int, set[tuple[str, str]]],
) -> None:
    """Before, a listing passed over it without a word."""
    inbox = tmp_path / "inbox"
    fill(inbox)
    (inbox / "closed").mkdir()
    (inbox / "strangers.csv").rename(inbox / "closed" / "strangers.csv")
    (inbox / ".git").mkdir()
    store = Store(Settings(packaged("conf"), tmp_path / "home"), spark)
    really = os.scandir

    def locked(path: Any) -> Any:
        if Path(path).name in ("closed", ".git"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return really(path)

    for run, accepted in (("run-1", 3), ("run-2", 0)):
        with monkeypatch.context() as patch:
            patch.setattr(os, "scandir", locked)
            summary = ingest(store, inbox, run, NOW)
        assert summary.unread == [("closed/", "the folder cannot be read now: Permission denied")]
        assert (summary.accepted, summary.refused) == (accepted, [])
        outcome = Outcome(ingest=summary)
        assert exit_code(outcome) == 3
        assert "closed/: the folder cannot be read now" in warnings(outcome)
    assert ingest(store, inbox, "run-3", NOW).accepted == 1
    assert content(store)[:2] == undisturbed[:2]


def test_damage_stays_the_senders_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = read_files.reading_of(
        Store(Settings(packaged("conf"), tmp_path / "home")), tmp_path, frozenset(), "run-1", NOW
    )
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and no more")
    report = read_one(str(tmp_path / "cut.parquet"), reading)
    assert report["status_code"] == "refused"
    assert read_one(str(tmp_path / "gone.csv"), reading)["status_code"] == "unread"


@pytest.mark.slow
def test_a_limit_of_file_sizes_ends_the_run_with_words_and_strangers_are_told(tmp_path: Path) -> None:
    """The command itself; what it kept waiting for master data is told, counted and in the exit code."""
    home, calm = tmp_path / "home", tmp_path / "calm"
    for folder in (home, calm):
        fill(folder / "inbox")
    stages = ("run", "--month", MONTH, "--to")
    limited = zhixiang(home, *stages, "ingest", file_limit_bytes=FILE_LIMIT_BYTES)
    assert limited.returncode == 6, limited.stderr
    assert "ulimit -f" in limited.stderr
    assert "please report" not in limited.stderr
    told = json.loads(zhixiang(home, "ledger", "--json").stdout)
    assert [(run["status"], run["exit_code"]) for run in told["runs"]] == [("failed", 6)]
    assert told["files"] == []

    again = zhixiang(home, *stages, "silver")
    assert again.returncode == 3, again.stderr
    assert "3,600 of 3,690 records (97.6%) of bronze_load_curves" in again.stderr
    assert "MP-STRANGER-00" in again.stderr
    assert "zhixiang quarantine list --reason unknown_meter_point" in again.stderr
    (newest, _) = json.loads(zhixiang(home, "ledger", "--json").stdout)["runs"]
    assert newest["exit_code"] == 3
    assert "MP-STRANGER-00" in newest["message"]

    undisturbed = zhixiang(
        calm, *stages, "silver", "--json", ZHIXIANG__INGEST__MAX_UNKNOWN_METER_POINTS_RATIO="1"
    )
    assert undisturbed.returncode == 0, undisturbed.stderr
    assert json.loads(undisturbed.stdout)["unknown_meter_points"][0]["meter_points"] == STRANGERS
    hashes = [json.loads(zhixiang(place, "table", "hash", "all", "--json").stdout) for place in (home, calm)]
    assert hashes[0] == hashes[1]
