"""What a killed run leaves of a file for the next one to know."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.ingest.begun_file import BegunFile, BegunNote, listed_application
from pipelines.ingest.inbox import Arrival

ONE = Arrival("a.csv", "/inbox/a.csv", 10, datetime(2026, 10, 1, tzinfo=UTC))


def test_each_state_of_a_file_is_another_application() -> None:
    states = [ONE, replace(ONE, name="b.csv"), replace(ONE, size_bytes=11)]
    states.append(replace(ONE, modified_at=datetime(2026, 10, 2, tzinfo=UTC)))
    assert len({listed_application(each) for each in states}) == len(states)
    assert listed_application(ONE) == listed_application(replace(ONE, path="/elsewhere/a.csv"))


def test_a_file_is_noted_until_it_has_ended(tmp_path: Path) -> None:
    note = BegunNote(tmp_path / "checkpoints" / "begun.json")
    assert note.read() is None
    for name in ("a.csv", "数据.csv"):
        begun = BegunFile(listed_application(ONE), ONE.modified_at, {"source_file": name, "rejects": []})
        note.write(begun)
        assert note.read() == begun
    note.clear()
    note.clear()
    assert note.read() is None


@pytest.mark.parametrize("left", [b"", b"\0\0\0", b"{", b"[]", b"{}", b"\xff"])
def test_a_damaged_note_stops_no_run(tmp_path: Path, left: bytes) -> None:
    note = BegunNote(tmp_path / "begun.json")
    note.path.write_bytes(left)
    assert note.read() is None
    note.clear()
