"""Files taken into the inbox: whole, told before, never over another; what cannot be read is named."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pipelines.errors import MachineError, UsageError
from pipelines.ingest.inbox import arrivals, paths_below, shown_path
from pipelines.ingest.read_files import (
    IngestSummary,
    commit_batch,
    handled_states,
    known_hashes,
    read_one,
    reading_of,
)
from pipelines.settings import load_settings, packaged
from pipelines.storage.store import Store
from pipelines.tables.bronze import BronzeFiles
from zhixiang.cli.main import app
from zhixiang.home import take_in
from zhixiang.home.inbox_folder import inbox_folder
from zhixiang.home.known_before import KnownBefore
from zhixiang.home.take_in import rules_of, take_files

STEEL = packaged("samples") / "steel"
REGISTERS = STEEL / "E_MP_DAY_READ_2026-09.csv"
NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("ZHIXIANG_CONF", "ZHIXIANG_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ZHIXIANG_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def add(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["inbox", "add", *map(str, arguments)])


def told(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
    answer = add(*arguments, "--json")
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    return answer.exit_code, json.loads(answer.stdout)["files"]


def in_inbox(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "inbox").iterdir()) if (home / "inbox").exists() else []


def test_a_dry_run_tells_everything_and_writes_nothing(home: Path) -> None:
    code, (file,) = told(REGISTERS, "--dry-run")
    assert code == 0
    assert file["outcome"] == "would_take"
    known = file["understood"]
    assert (known["format_id"], known["table"]) == ("e_mp_day_read_csv", "bronze_register_reads")
    assert (known["records"], known["rejected"]) == (90, 0)
    assert (known["first"], known["last"]) == ("2026-09-01", "2026-09-30")
    assert not home.exists()


def test_a_file_is_taken_whole_and_the_same_again_is_said(home: Path, tmp_path: Path) -> None:
    assert told(REGISTERS)[0] == 0
    assert (home / "inbox" / REGISTERS.name).read_bytes() == REGISTERS.read_bytes()
    code, (file,) = told(REGISTERS)
    assert (code, file["outcome"]) == (0, "already_there")
    twin = tmp_path / "twin.csv"
    twin.write_bytes(REGISTERS.read_bytes())
    assert [each["outcome"] for each in told(STEEL / "customers.csv", twin, twin)[1]] == [
        "taken",
        "taken",
        "already_there",
    ]
    assert in_inbox(home) == [REGISTERS.name, "customers.csv", "twin.csv"]


def test_another_content_under_a_name_is_never_replaced(home: Path, tmp_path: Path) -> None:
    told(REGISTERS)
    other = tmp_path / REGISTERS.name
    other.write_text("".join(REGISTERS.read_text().splitlines(keepends=True)[:10]))
    code, (file,) = told(other)
    assert (code, file["outcome"], file["reason_code"]) == (3, "refused", "name_taken")
    assert (home / "inbox" / REGISTERS.name).read_bytes() == REGISTERS.read_bytes()


def test_what_cannot_be_read_is_named_with_line_and_the_others_are_taken(home: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv"
    lines = REGISTERS.read_text().splitlines()
    broken.write_text("\n".join([lines[0], *(line.replace("2026-09", "2026-99") for line in lines[1:])]))
    foreign = tmp_path / "notes.csv"
    foreign.write_text("what,ever\n1,2\n")
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress(REGISTERS.read_bytes())[:-20])
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "half.csv.tmp").write_text(REGISTERS.read_text())
    os.mkfifo(tmp_path / "pipe.csv")
    code, files = told(
        broken,
        foreign,
        cut,
        tmp_path / "empty.csv",
        tmp_path / "half.csv.tmp",
        tmp_path / "pipe.csv",
        STEEL,
        tmp_path / "brokn.csv",
        REGISTERS,
    )
    assert code == 3
    assert [file["reason_code"] for file in files] == [
        "too_many_bad_rows",
        "unknown_format",
        "truncated_gzip",
        "empty_file",
        "unfinished_name",
        "no_file",
        "folder",
        "missing",
        None,
    ]
    assert "line 2" in files[0]["reason"]
    assert files[1]["line"] == 1
    assert in_inbox(home) == [REGISTERS.name]
    answer = add(STEEL, tmp_path / "brokn.csv")
    assert "Name its files: zhixiang inbox add" in answer.output
    assert "Did you mean" in answer.output


def test_records_that_would_be_held_back_are_told_with_line(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text(REGISTERS.read_text().replace(",2026-09-07,", ",2026-09-77,", 1))
    code, (file,) = told(path)
    assert (code, file["outcome"]) == (0, "taken")
    assert file["understood"]["rejected"] == 1
    (reject,) = file["understood"]["rejects"]
    assert reject["line_number"] == 20
    shown = add(path, "--dry-run")
    assert "1 records would be held back" in shown.output
    assert "line 20" in shown.output


def test_a_full_disk_is_ours_and_leaves_no_half_of_a_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(take_in.os, "fsync", full)
        answer = add(REGISTERS)
    assert isinstance(answer.exception, MachineError)
    assert "No space left on device" in str(answer.exception)
    assert in_inbox(home) == []
    assert told(REGISTERS)[0] == 0


def test_a_file_system_without_links_still_takes_files_and_replaces_none(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(take_in.os, "link", refused)
    assert told(REGISTERS)[1][0]["outcome"] == "taken"
    assert in_inbox(home) == [REGISTERS.name]


def test_content_that_was_read_under_another_name_is_said(home: Path) -> None:
    import hashlib

    digest = hashlib.sha256(REGISTERS.read_bytes()).hexdigest()
    (file,) = take_files(
        [REGISTERS], home / "inbox", rules_of(load_settings()), KnownBefore({digest: "old/name.csv"})
    )
    assert (file.outcome, file.reason) == ("already_there", "old/name.csv, read already")
    assert in_inbox(home) == []


def test_the_list_says_what_waits(home: Path) -> None:
    assert CliRunner().invoke(app, ["inbox", "list", "--json"]).stdout.strip() == "[]"
    told(REGISTERS)
    (row,) = json.loads(CliRunner().invoke(app, ["inbox", "list", "--json"]).stdout)
    assert (row["file"], row["state"]) == (REGISTERS.name, "waiting")


def test_an_inbox_that_does_not_exist_is_refused_with_near_names(tmp_path: Path) -> None:
    home, real = tmp_path / "home", tmp_path / "deliveries"
    real.mkdir()
    (tmp_path / "file").write_text("")
    assert inbox_folder(home, None) == home / "inbox"
    assert inbox_folder(home, home / "inbox") == home / "inbox"
    assert inbox_folder(home, real) == real
    with pytest.raises(UsageError, match="does not exist") as wrong:
        inbox_folder(home, tmp_path / "delivries")
    assert f"Did you mean {real}" in wrong.value.hint
    with pytest.raises(UsageError, match="is a file"):
        inbox_folder(home, tmp_path / "file")
    with pytest.raises(UsageError, match="does not exist") as far:
        inbox_folder(home, tmp_path / "nowhere" / "at all")
    assert str(home / "inbox") in far.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deliveries", "file"]


@pytest.mark.parametrize("command", [["run", "--month", "2026-09"], ["quarantine", "replay"]])
def test_no_command_makes_an_inbox_out_of_a_slip(home: Path, tmp_path: Path, command: list[str]) -> None:
    answer = CliRunner().invoke(app, [*command, "--inbox", str(tmp_path / "slip")])
    assert isinstance(answer.exception, UsageError)
    assert answer.exception.exit_code == 2
    assert not (tmp_path / "slip").exists()
    assert not home.exists()


def ledger(home: Path, *, smallest: bool = False) -> None:
    """What ingest makes of the inbox as it stands, without the discovery by Spark."""
    settings = load_settings(home=home)
    store, inbox = Store(settings), home / "inbox"
    reading = reading_of(store, inbox, frozenset(known_hashes(store)), "run-1", NOW)
    if smallest:
        reading = replace(reading, limits=reading.limits.model_copy(update={"max_file_bytes": 10}))
    found = arrivals(paths_below(inbox), inbox, handled_states(store))
    reports = [read_one(each.path, reading) for each in found]
    application = f"tests:{len(store.arrow(BronzeFiles, ['content_hash']))}"
    commit_batch(store, reports, known_hashes(store), application, 0, reading, IngestSummary())


def test_a_file_that_a_setting_refused_is_read_once_the_setting_is_mended(home: Path) -> None:
    """Its state is known to the ledger, so that no run looked at it again, and all was said to be well."""
    told(REGISTERS)
    ledger(home, smallest=True)
    store, inbox = Store(load_settings(home=home)), home / "inbox"
    assert not arrivals(paths_below(inbox), inbox, handled_states(store))
    code, (file,) = told(REGISTERS, "--dry-run")
    assert (code, file["outcome"]) == (0, "would_take")
    assert not arrivals(paths_below(inbox), inbox, handled_states(store))
    code, (file,) = told(REGISTERS)
    assert (code, file["outcome"]) == (0, "taken")
    assert "too_large" in file["reason"]
    assert "next run reads it again" in file["reason"]
    ledger(home)
    assert list(known_hashes(store).values()) == [REGISTERS.name]
    assert told(REGISTERS)[1][0]["outcome"] == "already_there"


GBK = os.fsdecode("客户档案.csv".encode("gbk"))


@pytest.mark.parametrize(
    ("content", "command", "options"),
    [
        ("good", ("inbox", "add"), ()),
        ("good", ("inbox", "add"), ("--json",)),
        ("bad", ("run", "--month", "2026-09"), ()),
        ("taken name", ("inbox", "add"), ("--json",)),
        ("folder", ("inbox", "add"), ()),
    ],
)
def test_a_file_name_in_gbk_is_told_on_a_screen_that_takes_utf_8_alone(
    home: Path, tmp_path: Path, content: str, command: tuple[str, ...], options: tuple[str, ...]
) -> None:
    place = tmp_path / "from outside"
    place.mkdir()
    path = place / GBK
    if content == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"no,such\n1,2\n" if content == "bad" else (STEEL / "customers.csv").read_bytes())
    if content == "taken name":
        (home / "inbox").mkdir(parents=True)
        (home / "inbox" / GBK).write_text("other")
    answer = subprocess.run(
        [sys.executable, "-m", "zhixiang.cli.main", *command, path, *options],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},
    )
    shown = (answer.stdout + answer.stderr).decode("utf-8")
    assert "Traceback" not in shown
    assert "Unexpected" not in shown
    assert answer.returncode == (0 if content == "good" else 3), shown
    assert shown_path(GBK) in (
        json.loads(answer.stdout)["files"][0]["file"] if "--json" in options else shown
    )
    assert (home / "inbox" / GBK).exists() == (content in ("good", "taken name"))


def test_records_that_refining_would_hold_back_are_told_before(home: Path, tmp_path: Path) -> None:
    """What the declaration of the table forbids: the format took it, the next run held it back."""
    path = tmp_path / "customers.csv"
    header, first, *_ = (STEEL / "customers.csv").read_text().splitlines()
    row = dict(zip(header.split(","), first.split(","), strict=True))
    lines = [
        ",".join(({**row, "customer_id": f"C{place}"} | change).values())
        for place, change in enumerate(({}, {"contract_capacity_kva": "-5"}, {}))
    ]
    path.write_text("\n".join([header, *lines]) + "\n")
    _, (file,) = told(path, "--dry-run")
    known = file["understood"]
    assert (known["records"], known["rejected"]) == (3, 1)
    (reject,) = known["rejects"]
    assert (reject["line_number"], reject["column_name"]) == (3, "contract_capacity_kva")
    assert "1 records would be held back" in add(path, "--dry-run").output


def test_meter_points_that_nobody_knows_are_told_and_those_added_beside_are_known(
    home: Path, tmp_path: Path
) -> None:
    points = STEEL / "meter_points.csv"
    _, (alone,) = told(REGISTERS, "--dry-run")
    assert sum(alone["unknown_meter_points"].values()) == 90
    assert "points" not in alone["understood"]
    shown = add(REGISTERS, "--dry-run").output
    assert f"no master data know {len(alone['unknown_meter_points'])} of its meter points" in shown
    assert [file["unknown_meter_points"] for file in told(REGISTERS, points, "--dry-run")[1]] == [{}, {}]
    # Waiting in the inbox, then read by a run that did not come to silver.
    told(points)
    assert told(REGISTERS, "--dry-run")[1][0]["unknown_meter_points"] == {}
    ledger(home)
    assert told(REGISTERS, "--dry-run")[1][0]["unknown_meter_points"] == {}
    one = tmp_path / "one.csv"
    one.write_text(REGISTERS.read_text().replace("MP-STEEL", "MP-STAHL", 1))
    (unknown,) = told(one)[1][0]["unknown_meter_points"].items()
    assert (unknown[0].startswith("MP-STAHL"), unknown[1]) == (True, 1)


def test_a_meter_point_that_would_be_held_back_itself_makes_nothing_known(home: Path, tmp_path: Path) -> None:
    points = tmp_path / "meter_points.csv"
    header, *lines = (STEEL / "meter_points.csv").read_text().splitlines()
    at = header.split(",").index("multiplier_ratio")
    bad = [
        ",".join("-1" if place == at else cell for place, cell in enumerate(line.split(",")))
        for line in lines
    ]
    points.write_text("\n".join([header, *bad]) + "\n")
    _, (of_points, readings) = told(points, REGISTERS, "--dry-run")
    assert of_points["understood"]["rejected"] == len(lines)
    assert sum(readings["unknown_meter_points"].values()) == 90
