"""A fresh demo deletes what the demo wrote and nothing else."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.codes import FileStatus
from pipelines.errors import UsageError
from pipelines.ingest.inbox import arrivals, paths_below
from pipelines.ingest.read_files import (
    IngestSummary,
    commit_batch,
    handled_states,
    known_hashes,
    reading_of,
)
from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from zhixiang.demo import inbox as demo_inbox
from zhixiang.demo.inbox import MARKER, fill_inbox, wipe_demo


class _Here:
    """A process pool that works in this process."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def __enter__(self) -> _Here:
        return self

    def __exit__(self, *_: object) -> None: ...

    def submit(self, work: object, staging: Path, *_: object) -> _Here:
        for folder in ("simulated_city", "simulated_malls"):
            (staging / folder).mkdir()
            (staging / folder / f"{folder}_customers.csv").write_text(f"of {folder}\n")
        return self

    def result(self) -> None: ...


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(demo_inbox, "ProcessPoolExecutor", _Here)
    return tmp_path / "home"


def fill(home: Path) -> list[str]:
    told: list[str] = []
    fill_inbox(home, home / "inbox", lambda name, _status, _seconds, note: told.append(f"{name}: {note}"))
    return told


def files(home: Path) -> set[str]:
    return {path.relative_to(home).as_posix() for path in (home / "inbox").rglob("*") if path.is_file()}


def test_the_demo_lists_what_it_writes_and_a_fresh_one_deletes_that_alone(home: Path) -> None:
    fill(home)
    made = files(home)
    listed = json.loads((home / MARKER).read_text())["files"]
    assert {f"inbox/{name}" for name in listed} == made
    own = {"inbox/mine.csv": "mine", "inbox/steel/my_own.csv": "own", "inbox/steel/customers.csv": "changed"}
    for name, text in own.items():
        (home / name).write_text(text)
    (home / "tables").mkdir()
    wipe_demo(home)
    assert files(home) == set(own)
    assert {name: (home / name).read_text() for name in own} == own
    assert [path.name for path in home.iterdir()] == ["inbox"]
    assert not (home / "inbox" / "simulated_city").exists()


def test_a_demo_over_files_of_ones_own_replaces_none_and_says_so(home: Path) -> None:
    fill(home)
    changed = home / "inbox" / "steel" / "customers.csv"
    changed.write_text("changed")
    wipe_demo(home)
    told = fill(home)
    assert any("not replaced: steel/customers.csv" in line for line in told)
    assert changed.read_text() == "changed"
    assert "steel/customers.csv" not in json.loads((home / MARKER).read_text())["files"]
    wipe_demo(home)
    assert files(home) == {"inbox/steel/customers.csv"}


def test_a_fill_that_was_cut_off_is_made_whole(home: Path) -> None:
    fill(home)
    made = files(home)
    (home / MARKER).unlink()
    (home / "inbox" / "steel" / "customers.csv").unlink()
    fill(home)
    assert files(home) == made
    assert len(json.loads((home / MARKER).read_text())["files"]) == len(made)


def read(home: Path, run_id: str, when: datetime) -> None:
    """What a run notes of the inbox as it stands."""
    store, inbox = Store(Settings(packaged("conf"), home)), home / "inbox"
    reading = reading_of(store, inbox, frozenset(known_hashes(store)), run_id, when)
    found = arrivals(paths_below(inbox), inbox, handled_states(store))
    reports: list[dict[str, Any]] = [
        {
            "source_file": each.name,
            "content_hash": hashlib.sha256(Path(each.path).read_bytes()).hexdigest(),
            "size_bytes": each.size_bytes,
            "modified_at_ns": Path(each.path).stat().st_mtime_ns,
            "status_code": FileStatus.REFUSED.value,
            "format_id": None,
            "table_name": None,
            "reason": "of a test",
            "received_rows": 0,
            "rejects": [],
            "files": [],
            "seconds": 0.0,
        }
        for each in found
    ]
    commit_batch(store, reports, {}, run_id, 0, reading, IngestSummary())


def test_of_a_demo_that_kept_no_list_what_it_wrote_goes_and_what_was_changed_stays(home: Path) -> None:
    """By name alone the user's own content would go with the demo's."""
    fill(home)
    (home / MARKER).write_text(json.dumps({"seed": 1, "simulated": []}))
    # A sample of that version was another one than today's.
    (home / "inbox" / "steel" / "meter_points.csv").write_text("as that version shipped it")
    read(home, "first", datetime(2026, 11, 1, tzinfo=UTC))
    own = {
        "inbox/simulated_city/mine.csv": "mine",
        "inbox/mine.csv": "mine",
        "inbox/steel/customers.csv": "changed",
        "inbox/simulated_city/simulated_city_customers.csv": "changed",
    }
    for name, text in own.items():
        (home / name).write_text(text)
    read(home, "second", datetime(2026, 11, 2, tzinfo=UTC))
    wipe_demo(home)
    assert {name: (home / name).read_text() for name in files(home)} == own


def test_of_a_demo_without_list_and_ledger_nothing_goes_but_todays_samples(home: Path) -> None:
    fill(home)
    (home / MARKER).write_text("no json")
    (home / "inbox" / "steel" / "customers.csv").write_text("changed")
    wipe_demo(home)
    assert files(home) == {
        "inbox/steel/customers.csv",
        "inbox/simulated_city/simulated_city_customers.csv",
        "inbox/simulated_malls/simulated_malls_customers.csv",
    }


@pytest.mark.parametrize("name", ["../outside.txt", "/outside", "steel/../../outside.txt"])
def test_a_list_that_names_files_outside_the_inbox_deletes_none(name: str, home: Path) -> None:
    fill(home)
    outside = home / "outside.txt"
    outside.write_text("kept")
    place = str(outside) if name.startswith("/") else name
    (home / MARKER).write_text(json.dumps({"files": {place: hashlib.sha256(b"kept").hexdigest()}}))
    wipe_demo(home)
    assert outside.read_text() == "kept"


def test_a_home_that_no_demo_made_is_left_alone(home: Path) -> None:
    (home / "tables").mkdir(parents=True)
    (home / "inbox").mkdir()
    (home / "inbox" / "mine.csv").write_text("mine")
    with pytest.raises(UsageError, match="no demo made"):
        wipe_demo(home)
    with pytest.raises(UsageError, match="no demo made"):
        fill(home)
    assert files(home) == {"inbox/mine.csv"}
