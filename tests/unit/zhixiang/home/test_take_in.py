"""Files taken into the inbox: whole, told before, never over another; what cannot be read is named."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pipelines.errors import MachineError, UsageError
from pipelines.settings import load_settings, packaged
from zhixiang.cli.main import app
from zhixiang.home import take_in
from zhixiang.home.inbox_folder import inbox_folder
from zhixiang.home.take_in import rules_of, take_files

STEEL = packaged("samples") / "steel"
REGISTERS = STEEL / "E_MP_DAY_READ_2026-09.csv"


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
    (file,) = take_files([REGISTERS], home / "inbox", rules_of(load_settings()), {digest: "old/name.csv"})
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
