"""Keys are made once and guarded; the ledger remembers what need not run again."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.engine.ledger import DoneStep, Ledger, ReuseKey, StepRecord, readable_ledger
from pipelines.engine.step import Coverage
from pipelines.errors import ConcurrentWriteError, DamagedPartError
from pipelines.identity.keys import KeyRing
from pipelines.storage.home_lock import sole_writer
from zhixiang.cli.screen import StepProgress

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)


def test_a_key_is_made_once_and_only_the_owner_may_read_it(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    first = ring.signing_key("delivery")
    assert KeyRing(tmp_path).signing_key("delivery").key_id == first.key_id
    assert stat.S_IMODE((tmp_path / "keys" / "delivery.pem").stat().st_mode) == 0o600
    first.public.verify(first.sign(b"content"), b"content")
    assert ring.signing_key("other").key_id != first.key_id
    assert set(ring.known()) == {"delivery", "other"}


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    secret = KeyRing(tmp_path).secret("pseudonym")
    assert len(secret) == 32
    assert KeyRing(tmp_path).secret("pseudonym") == secret
    assert secret.hex() not in str(KeyRing(tmp_path).known())


def _record(step: str, fingerprint: str, status: str = "done", version: int = 1) -> StepRecord:
    return StepRecord(step, status, 0.1, fingerprint, {"bronze": 0}, {"silver": version}, {"silver": 5}, {})


def test_only_the_newest_success_with_the_same_fingerprint_counts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    run = ledger.begin("run", NOW)
    ledger.record(run, _record("silver", "a", version=1))
    assert ledger.last_done("silver", "a") == {"silver": 1}
    assert ledger.last_done("silver", "b") is None
    ledger.record(run, _record("silver", "b", version=2))
    assert ledger.last_done("silver", "a") is None
    ledger.record(run, _record("silver", "c", status="failed"))
    ledger.record(run, _record("silver", "b", status="unchanged", version=9))
    assert ledger.last_done("silver", "b") == {"silver": 2}


def test_the_newest_success_tells_what_it_saw_and_how_much_it_computed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    run = ledger.begin("run", NOW)
    assert ledger.newest_done("silver") is None
    ledger.record(run, _record("silver", "a"))
    newest = ledger.newest_done("silver")
    assert newest is not None
    assert newest.reuse_key is None, "a step that counts nothing"
    basis = ReuseKey("digest", NOW, {"bronze": "id"}, Coverage("meter points", 1, 1253))
    ledger.record(run, replace(_record("silver", "b", version=2), reuse_key=basis))
    ledger.record(run, replace(_record("silver", "c", status="failed"), reuse_key=None))
    assert ledger.newest_done("silver") == DoneStep("b", {"bronze": 0}, {"silver": 2}, basis)
    assert [step["computed"] for step in ledger.steps(run)] == [None, "1 of 1,253 meter points", None]


def test_a_run_tells_which_table_stood_at_its_end_by_the_last_step_that_noted_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)

    def of_run(*noted: str | None) -> str:
        run = ledger.begin("run", NOW)
        for table_id in noted:
            key = None if table_id is None else ReuseKey("digest", NOW, {"bronze": table_id})
            ledger.record(run, replace(_record("silver", "a"), reuse_key=key))
        return run

    before, first, silent, second = of_run(None), of_run("one", None), of_run(None), of_run("one", "two")
    told = [ledger.table_id(run, "bronze") for run in (before, first, silent, second)]
    assert told == [None, "one", "one", "two"]
    assert ledger.table_id(second, "gold") is None
    assert ledger.table_id("20200101T000000Z-aaaaaa", "bronze") is None, "a run that nobody knows"


def test_a_run_says_of_each_step_how_much_it_computed(capsys: pytest.CaptureFixture[str]) -> None:
    progress = StepProgress(2)
    progress.end(
        replace(
            _record("silver", "a"), reuse_key=ReuseKey("digest", NOW, {}, Coverage("meter points", 1, 1253))
        )
    )
    progress.end(_record("gold", "a"))
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("computed 1 of 1,253 meter points, silver 5")
    assert "computed" not in second


def test_a_run_is_closed_with_its_exit_code(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    run = ledger.begin("run --month 2026-09", NOW)
    ledger.record(run, _record("silver", "a"))
    ledger.end(run, NOW, 5, "No fact")
    (found,) = ledger.runs()
    assert (found["status"], found["exit_code"], found["message"]) == ("failed", 5, "No fact")
    assert ledger.steps(run)[0]["rows_written"] == {"silver": 5}


def test_a_second_writer_is_refused_at_once_and_told_who_writes(tmp_path: Path) -> None:
    with (
        sole_writer(tmp_path),
        pytest.raises(ConcurrentWriteError, match=r"Process [0-9]+ is writing"),
        sole_writer(tmp_path),
    ):
        pass
    with sole_writer(tmp_path):
        pass


def test_reading_a_lost_ledger_makes_none(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    assert (ledger.runs(), ledger.newest_versions(), ledger.rules_of("x")) == ([], {}, None)
    assert not ledger.path.exists(), "a reader must not make a lost ledger look like a new one"
    ledger.begin("run", NOW)
    assert [run["command"] for run in Ledger(tmp_path).runs()] == ["run"]


def test_a_damaged_ledger_is_named_with_its_command(tmp_path: Path) -> None:
    Ledger.place(tmp_path).write_bytes(b"this is no database, and long enough to be told from one" * 50)
    with pytest.raises(DamagedPartError, match="run ledger") as caught:
        Ledger(tmp_path)
    assert "zhixiang repair ledger --yes" in caught.value.hint
    assert readable_ledger(tmp_path) is None


def test_a_rebuilt_table_counts_anew(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    run = ledger.begin("run", NOW)
    ledger.record(run, _record("silver", "a", version=4))
    assert ledger.newest_versions() == {"bronze": 0, "silver": 4}
    ledger.note_rebuilt(["silver"])
    assert ledger.newest_versions() == {"bronze": 0}, "its earlier versions tell nothing any more"
    assert ledger.newest_done("silver") is None, "and the step that wrote it runs again"
    ledger.record(run, _record("silver", "a", version=0))
    assert ledger.newest_versions() == {"bronze": 0, "silver": 0}
    assert ledger.last_done("silver", "a") == {"silver": 0}


def test_a_table_noted_as_standing_is_known_until_it_begins_anew(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.note_rebuilt(["files"])
    ledger.note_standing({"files": 3, "absent": -1})
    assert Ledger(tmp_path).newest_versions() == {"files": 3}
    ledger.note_standing({"files": 4})
    assert ledger.newest_versions() == {"files": 4}
    ledger.note_rebuilt(["files"])
    assert ledger.newest_versions() == {}


def test_what_nothing_reached_counts_as_done_and_what_stood_unlooked_at_does_not(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    run = ledger.begin("run", NOW)
    basis = ReuseKey("digest", NOW, {"bronze": "id"})
    ledger.record(run, replace(_record("train", "a"), reuse_key=basis))
    later = replace(_record("train", "b", status="unchanged"), versions_read={"bronze": 7}, reuse_key=basis)
    ledger.record(run, later)
    ledger.record(run, _record("train", "b", status="unchanged"))
    assert ledger.newest_done("train") == DoneStep("b", {"bronze": 7}, {"silver": 1}, basis)
