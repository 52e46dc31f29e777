"""One line in a hundred is malformed: every good row enters, every bad one is held back with file, line,
column and reason.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.codes import FileStatus
from pipelines.ingest.read_files import IngestSummary, commit_batch, read_one, reading_of
from pipelines.ingest.received_rows import TOO_MANY_BAD_ROWS
from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from pipelines.tables.bronze import BronzeRegisterReads
from zhixiang.chain import Outcome, exit_code

NOW = datetime(2026, 11, 1, tzinfo=UTC)
HEADER = "ID,READ_TYPE,DATA_DATE,COLL_TIME,R,R1,R2,R3,R4,STATUS,INSERT_TIME"
COUNT = 5000

# What is done to a good line's bytes, the column and the reason that must be told. The last needs an encoding
# that can be broken.
DAMAGE: tuple[tuple[Callable[[bytes], bytes], str | None, str], ...] = (
    (lambda line: line.rsplit(b",", 2)[0], "STATUS", "too_few_fields"),
    (lambda line: line + b",surplus", None, "too_many_fields"),
    (lambda line: line.replace(b"2026-", b"2026-13-", 1), "DATA_DATE", "bad_date"),
    (lambda line: line.replace(b".25", b".2.5", 1), "R", "bad_number"),
    (lambda line: line.replace(b"12345.25", b"12,345.25", 1), None, "too_many_fields"),
    (lambda line: line.replace(b"12345.25", b"123\x0045.25", 1), "R", "nul_byte"),
    (lambda line: b"\xff\xff" + line, "ID", "bad_encoding"),
)


def good_line(number: int, meter: str) -> str:
    day = date(2026, 1, 1) + timedelta(days=number % 300)
    return (
        f"{meter}-{number // 300},1,{day},{day} 23:59:59,12345.25,,,,,ok,{day + timedelta(days=1)} 01:00:00"
    )


def built(
    encoding: str, bad: int, bom: bytes = b"", meter: str = "厂"
) -> tuple[bytes, dict[int, tuple[str | None, str]]]:
    """A file with ``bad`` malformed lines spread over it, and what must be told of each, by line."""
    lines, told = [HEADER.encode()], {}
    step = COUNT // bad if bad else COUNT + 1
    for number in range(COUNT):
        line = good_line(number, meter).encode(encoding)
        if number % step == step // 2 and len(told) < bad:
            damage, column, reason = DAMAGE[len(told) % len(DAMAGE)]
            told[number + 2] = (column, reason)
            line = damage(line)
        lines.append(line)
    return bom + b"\n".join(lines) + b"\n", told


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Settings(packaged("conf"), tmp_path / "home"))


def receive(store: Store, folder: Path) -> tuple[IngestSummary, list[dict[str, object]]]:
    summary = IngestSummary()
    reading = reading_of(store, folder, frozenset(), "run", NOW)
    reports = [read_one(str(path), reading) for path in sorted(folder.iterdir())]
    told = [dict(report) for report in reports]
    commit_batch(store, reports, {}, "ingest:test", 0, reading, summary)
    return summary, told


@pytest.mark.parametrize(
    ("name", "encoding", "bom"),
    [("reads.csv", "utf-8", b"\xef\xbb\xbf"), ("reads.csv", "utf-8", b""), ("reads.gbk.csv", "gbk", b"")],
)
def test_one_in_a_hundred(store: Store, tmp_path: Path, name: str, encoding: str, bom: bytes) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    content, told = built(encoding, COUNT // 100, bom)
    (inbox / name).write_bytes(content)
    summary, (report,) = receive(store, inbox)
    assert (report["status_code"], summary.received_rows, summary.quarantined_rows) == (
        FileStatus.ACCEPTED.value,
        COUNT,
        COUNT // 100,
    )
    found = {row["line_number"]: (row["column_name"], row["reason_code"]) for row in report["rejects"]}  # type: ignore[attr-defined]
    assert found == told
    assert all(row["reason"] and row["raw_record"] for row in report["rejects"])  # type: ignore[attr-defined]
    rows = store.arrow(BronzeRegisterReads, ["line_number", "meter_point_id"])
    assert sorted(rows["line_number"].to_pylist()) == [
        line for line in range(2, COUNT + 2) if line not in told
    ]
    assert {name.split("-")[0] for name in rows["meter_point_id"].to_pylist()} == {"厂"}


@pytest.mark.parametrize(("bad", "halts"), [(COUNT // 20, False), (COUNT // 20 + 1, True)])
def test_over_the_limit_the_file_stops_before_silver_with_exit_code_4(
    store: Store, tmp_path: Path, bad: int, halts: bool
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    content, told = built("utf-8", bad)
    assert len(told) == bad
    (inbox / "reads.csv").write_bytes(content)
    summary, (report,) = receive(store, inbox)
    assert [name for name, _ in summary.halted] == (["reads.csv"] if halts else [])
    assert store.row_count(BronzeRegisterReads) == (0 if halts else COUNT - bad)
    assert str(report["reason"] or "").startswith(TOO_MANY_BAD_ROWS) is halts
    assert exit_code(Outcome("run", ingest=summary)) == (4 if halts else 0)
