"""``zhixiang run FILES``: all of them are taken in or none, told as ``inbox add`` tells them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pipelines.errors import FactNotInForceError, UsageError
from pipelines.ingest.unknown_points import UnknownPoints
from pipelines.settings import Settings, packaged
from zhixiang import chain
from zhixiang.chain import Outcome
from zhixiang.cli.main import app
from zhixiang.cli.operations.run import tell_halted, tell_ingest
from zhixiang.reports import run_summary

REGISTERS = packaged("samples") / "steel" / "E_MP_DAY_READ_2026-09.csv"
CUSTOMERS = packaged("samples") / "steel" / "customers.csv"


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What lay in the inbox at each run of the chain."""
    inboxes: list[list[str]] = []

    def run_chain(_settings: object, _months: object, _stages: object, inbox: Path, *_rest: object) -> None:
        inboxes.append(sorted(path.name for path in inbox.iterdir()) if inbox.exists() else [])

    monkeypatch.setattr(chain, "run_chain", run_chain)
    return inboxes


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("ZHIXIANG_CONF", "ZHIXIANG_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ZHIXIANG_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["run", "--month", "2026-09", *map(str, arguments)])


def outcomes(answer: Result) -> list[Any]:
    return [file["outcome"] for file in json.loads(answer.stdout)["files"]]


def test_the_files_are_taken_before_the_run_and_told_as_inbox_add_does(
    home: Path, ran: Sequence[list[str]], tmp_path: Path
) -> None:
    answer = run(REGISTERS, CUSTOMERS)
    assert answer.exit_code == 0, answer.output
    assert ran == [sorted([REGISTERS.name, CUSTOMERS.name])]
    told = answer.stdout.splitlines()
    again = CliRunner().invoke(app, ["inbox", "add", str(REGISTERS), "--dry-run"])
    assert told[0] == again.stdout.splitlines()[0]
    assert f"  taken into {home / 'inbox' / REGISTERS.name}" in told
    assert "2 taken" in told


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_one_that_is_refused_ends_it_before_anything_is_written(
    home: Path, ran: Sequence[list[str]], tmp_path: Path, options: Sequence[str]
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("no,such,header\n1,2,3\n", encoding="utf-8")
    answer = run(REGISTERS, bad, *options)
    assert answer.exit_code == 3
    assert "nothing was run" in answer.stderr
    assert (list(ran), home.exists()) == ([], False)
    if options:
        assert outcomes(answer) == ["would_take", "refused"]
    else:
        assert f"refused {bad}" in answer.stderr


def test_two_files_of_one_name_and_other_content_are_refused_before_one_is_taken(
    home: Path, ran: Sequence[list[str]], tmp_path: Path
) -> None:
    twin = tmp_path / REGISTERS.name
    twin.write_bytes(b"".join(REGISTERS.read_bytes().splitlines(keepends=True)[:-1]))
    answer = run(REGISTERS, twin, "--json")
    assert (answer.exit_code, outcomes(answer)) == (3, ["would_take", "refused"])
    assert (list(ran), home.exists()) == ([], False)


def test_the_same_file_again_runs_all_the_same(home: Path, ran: Sequence[list[str]]) -> None:
    run(REGISTERS)
    answer = run(REGISTERS, "--json")
    assert answer.exit_code == 0, answer.output
    taken = json.loads(answer.stdout)["taken"]
    assert [file["outcome"] for file in taken["files"]] == ["already_there"]
    assert len(ran) == 2


def test_stages_after_ingest_take_no_files(home: Path, ran: Sequence[list[str]]) -> None:
    answer = run(REGISTERS, "--from", "silver")
    assert isinstance(answer.exception, UsageError)
    assert "ingest" in answer.exception.message
    assert "inbox add" in answer.exception.hint
    assert (list(ran), home.exists()) == ([], False)


def test_a_month_that_is_none_takes_no_files(home: Path) -> None:
    answer = CliRunner().invoke(app, ["run", "--month", "September", str(REGISTERS)])
    assert isinstance(answer.exception, UsageError)
    assert not home.exists()


def test_a_run_without_files_says_of_none(home: Path, ran: Sequence[list[str]]) -> None:
    answer = run("--json")
    assert json.loads(answer.stdout)["taken"] is None
    assert ran == [[]]


MISSING = FactNotInForceError("transmission", date(2026, 7, 1), "from 2026-08-01")
TOLD: dict[str, Any] = {
    "customers": 2,
    "reasons": {"price_not_published": 2},
    "examples": ["A: price_not_published"],
    "command": "zhixiang bill unbilled --month 2026-07",
}


@pytest.mark.parametrize(
    ("halted", "told", "expected"),
    [
        (MISSING, TOLD, "2 customers have no bill"),
        (MISSING, None, ""),
        (None, TOLD, ""),
    ],
    ids=["a fact is missing", "every bill stands", "nothing halted"],
)
def test_who_has_no_bill_for_a_missing_fact_is_told_of_this_run(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    halted: FactNotInForceError | None,
    told: dict[str, Any] | None,
    expected: str,
) -> None:
    asked: list[tuple[list[str], str]] = []

    def halted_summary(_store: object, months: list[str], run_id: str) -> Any:
        asked.append((months, run_id))
        return told

    monkeypatch.setattr(run_summary, "halted_summary", halted_summary)
    tell_halted(Outcome(run_id="now", halted=halted), settings, ["2026-07"])
    screen = capsys.readouterr()
    assert asked == ([(["2026-07"], "now")] if halted else [])
    assert screen.out == ""
    assert (expected in screen.err) if expected else (screen.err == "")
    assert (TOLD["command"] in screen.err) == bool(expected)


def test_a_run_that_a_missing_fact_ends_tells_before_the_error(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_chain(*given: Any) -> None:
        (outcome,) = (value for value in given if isinstance(value, Outcome))
        outcome.run_id, outcome.halted = "now", MISSING
        raise MISSING

    monkeypatch.setattr(chain, "run_chain", run_chain)
    monkeypatch.setattr(run_summary, "halted_summary", lambda *_rest: TOLD)
    answer = run()
    assert answer.exception is MISSING
    assert "2 customers have no bill" in answer.stderr
    assert TOLD["command"] in answer.stderr


@pytest.mark.parametrize(("held", "is_told"), [(5, False), (6, True)])
def test_a_share_of_unknown_meter_points_above_the_limit_names_the_setting(
    held: int, is_told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    points = UnknownPoints("bronze_register_reads", held, 100, 1, ("MP-1",))
    tell_ingest(Outcome(unknown=[points], unknown_limit=0.05))
    told = " ".join(capsys.readouterr().err.split())
    assert "zhixiang inbox add FILE" in told
    for words in ("ingest.max_unknown_meter_points_ratio", "conf/platform.yaml", "limit of 5.0%"):
        assert (words in told) is is_told
