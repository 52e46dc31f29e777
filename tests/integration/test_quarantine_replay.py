"""Quarantined records are replayed after a rule fix: what now passes enters bronze exactly once, and nothing
is double.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from pipelines.ingest.file_ledger import known_hashes
from pipelines.ingest.quarantine_replay import held_records, replay
from pipelines.ingest.read_files import IngestSummary, commit_batch, read_one, reading_of
from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from pipelines.tables.base import Table
from pipelines.tables.bronze import BronzeFiles, BronzeLoadCurves, BronzeRegisterReads
from pipelines.tables.silver import SilverQuarantine

NOW = datetime(2026, 11, 1, tzinfo=UTC)
HEADER = "ID,READ_TYPE,DATA_DATE,COLL_TIME,R,R1,R2,R3,R4,STATUS,INSERT_TIME\n"
LONG = """id: works
files: ["works*.csv"]
interval_minutes: 60
meter_point: {column: meter}
stamp: {column: ts, place: interval_start, zone: +08:00}
values:
  - {column: kwh, unit: kWh, channel: active_forward}
quality: {column: q, codes: {ok: A}}
received_at: {column: sent}
"""


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A copy of conf/ that a test may mend; files of a few lines may have a few bad ones."""
    folder = Path(shutil.copytree(packaged("conf"), tmp_path / "conf"))
    platform = folder / "platform.yaml"
    platform.write_text(platform.read_text().replace("tolerated_bad_rows: 1\n", "tolerated_bad_rows: 10\n"))
    return folder


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def opened(conf: Path, tmp_path: Path) -> Store:
    """The store under the settings as they are now; no Spark."""
    return Store(Settings(conf, tmp_path / "home"))


def receive(store: Store, inbox: Path, batch: int = 0) -> IngestSummary:
    """What ingest does with the files of one batch, without the discovery by Spark."""
    known, summary = known_hashes(store), IngestSummary()
    reading = reading_of(store, inbox, frozenset(known), f"run-{batch}", NOW)
    reports = [read_one(str(path), reading) for path in sorted(inbox.iterdir())]
    commit_batch(store, reports, known, "ingest:test", batch, reading, summary)
    return summary


def mend(conf: Path, old: str, new: str) -> None:
    path = conf / "formats.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def read_line(day: str, meter: str = "MP1") -> str:
    return f"{meter},1,{day},,123.45,,,,,,2026-09-02 01:10:00\n"


def assert_no_line_twice(store: Store, table: type[Table]) -> None:
    rows = store.arrow(table, ["content_hash", "line_number"])
    assert rows.num_rows == rows.group_by(rows.column_names).aggregate([]).num_rows


def test_records_that_pass_after_a_rule_fix_enter_once(conf: Path, inbox: Path, tmp_path: Path) -> None:
    (inbox / "reads.csv").write_text(
        HEADER
        + read_line("2026-09-01")
        + read_line("1989-12-31")
        + read_line("2026-09-32")
        + read_line("2026-09-02")
    )
    store = opened(conf, tmp_path)
    assert receive(store, inbox).quarantined_rows == 2
    assert [row["line_number"] for row in held_records(store)] == [3, 4]
    assert [row["line_number"] for row in held_records(store, file="rea*.csv", reason="bad_date")] == [3, 4]
    assert held_records(store, file="other.csv") == []

    unchanged = replay(store, inbox, "replay-0", NOW)
    assert [(file.outcome, file.entered) for file in unchanged.files] == [("unchanged", 0)]

    mend(conf, "earliest_date: 1990-01-01", "earliest_date: 1980-01-01")
    mended = opened(conf, tmp_path)
    (found,) = replay(mended, inbox, "replay-1", NOW + timedelta(hours=1)).files
    assert (found.outcome, found.held, found.still_held, found.entered) == ("replayed", 2, 1, 1)
    assert sorted(mended.arrow(BronzeRegisterReads)["line_number"].to_pylist()) == [2, 3, 5]
    assert [row["line_number"] for row in held_records(mended)] == [4]
    (entry,) = mended.arrow(BronzeFiles).to_pylist()
    assert (entry["status_code"], entry["received_rows"], entry["quarantined_rows"]) == ("accepted", 4, 1)
    assert entry["received_at_utc"] == NOW, "when it arrived does not change"

    version = mended.version(BronzeRegisterReads)
    assert replay(mended, inbox, "replay-2", NOW + timedelta(hours=2)).entered == 0
    assert mended.version(BronzeRegisterReads) == version
    assert receive(mended, inbox, batch=1).duplicates == 1
    assert_no_line_twice(mended, BronzeRegisterReads)


def test_a_replay_that_was_cut_off_is_made_whole(
    conf: Path, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "reads.csv").write_text(HEADER + read_line("2026-09-01") + read_line("1989-12-31"))
    receive(opened(conf, tmp_path), inbox)
    mend(conf, "earliest_date: 1990-01-01", "earliest_date: 1980-01-01")
    store = opened(conf, tmp_path)
    import pipelines.ingest.quarantine_replay as module

    def die(*arguments: object) -> None:
        raise RuntimeError("killed after the rows")

    with monkeypatch.context() as patched:
        patched.setattr(module, "_replace", die)
        with pytest.raises(RuntimeError, match="killed after"):
            replay(store, inbox, "replay-1", NOW)
    assert (store.row_count(BronzeRegisterReads), len(held_records(store))) == (2, 1)
    replay(store, inbox, "replay-2", NOW)
    assert (store.row_count(BronzeRegisterReads), held_records(store)) == (2, [])
    assert store.arrow(BronzeFiles)["quarantined_rows"].to_pylist() == [0]
    assert_no_line_twice(store, BronzeRegisterReads)


def test_a_file_halted_under_the_wrong_encoding_enters_whole_once_it_is_declared(
    conf: Path, inbox: Path, tmp_path: Path
) -> None:
    text = HEADER + "".join(read_line(f"2026-09-{day:02d}", "厂一") for day in range(1, 31))
    (inbox / "works.csv").write_bytes(text.encode("gbk"))
    store = opened(conf, tmp_path)
    summary = receive(store, inbox)
    assert (
        [name for name, _ in summary.halted],
        store.row_count(BronzeRegisterReads),
        store.row_count(SilverQuarantine),
    ) == (["works.csv"], 0, 30)
    assert [file.outcome for file in replay(store, inbox, "replay-0", NOW).files] == ["halted"]

    mend(conf, "encodings:\n", 'encodings:\n  "works*.csv": gbk\n')
    mended = opened(conf, tmp_path)
    assert replay(mended, inbox, "replay-1", NOW).entered == 30
    assert set(mended.arrow(BronzeRegisterReads)["meter_point_id"].to_pylist()) == {"厂一"}
    assert (mended.row_count(SilverQuarantine), mended.arrow(BronzeFiles)["status_code"].to_pylist()) == (
        0,
        ["accepted"],
    )
    assert receive(mended, inbox, batch=1).duplicates == 1
    assert_no_line_twice(mended, BronzeRegisterReads)


def test_a_line_of_a_long_file_enters_as_another_delivery_of_its_day(
    conf: Path, inbox: Path, tmp_path: Path
) -> None:
    (conf / "mappings").mkdir()
    (conf / "mappings" / "works.yaml").write_text(LONG)
    rows = [
        f"M1,2026-09-01 {hour:02d}:00:00,{hour},{'est' if hour == 7 else 'ok'},2026-09-02 01:00:00"
        for hour in range(24)
    ]
    (inbox / "works_1.csv").write_text("meter,ts,kwh,q,sent\n" + "\n".join(rows) + "\n")
    store = opened(conf, tmp_path)
    assert (receive(store, inbox).quarantined_rows, store.row_count(BronzeLoadCurves)) == (1, 1)

    (conf / "mappings" / "works.yaml").write_text(LONG.replace("{ok: A}", "{ok: A, est: E}"))
    mended = opened(conf, tmp_path)
    assert replay(mended, inbox, "replay-1", NOW).entered == 1
    first, second = sorted(mended.arrow(BronzeLoadCurves).to_pylist(), key=lambda row: row["line_number"])
    assert first["values_unscaled"] == [float(hour) if hour != 7 else None for hour in range(24)]
    assert second["values_unscaled"] == [7.0 if hour == 7 else None for hour in range(24)]
    assert second["present_flags"] == "-" * 7 + "1" + "-" * 16
    assert held_records(mended) == []
    assert replay(mended, inbox, "replay-2", NOW).files == []


def test_what_silver_held_back_is_listed_by_the_name_of_its_file(
    conf: Path, inbox: Path, tmp_path: Path
) -> None:
    """Silver knows a file by its content alone, however often and under whatever names it came."""
    for name in ("reads.csv", "the same again.csv"):
        (inbox / name).write_text(HEADER + read_line("2026-09-01", "MP-UNKNOWN"))
    store = opened(conf, tmp_path)
    receive(store, inbox)
    (digest,) = store.arrow(BronzeRegisterReads, ["content_hash"])["content_hash"].to_pylist()
    held = dict.fromkeys(SilverQuarantine.arrow_schema().names) | {
        "content_hash": digest,
        "line_number": 2,
        "table_name": "bronze_register_reads",
        "reason_code": "unknown_meter_point",
        "column_name": "meter_point_id",
        "reason": "No meter is known.",
        "raw_record": "MP-UNKNOWN",
        "stage": "silver-registers",
        "run_id": "r",
    }
    write_deltalake(
        store.path(SilverQuarantine), pa.Table.from_pylist([held], SilverQuarantine.arrow_schema())
    )
    assert [row["source_file"] for row in held_records(store, "reads.csv")] == ["reads.csv"]
    assert held_records(store, "the same again.csv") == []


def test_a_file_that_is_gone_is_told(conf: Path, inbox: Path, tmp_path: Path) -> None:
    (inbox / "reads.csv").write_text(HEADER + read_line("2026-09-01") + read_line("1989-12-31"))
    store = opened(conf, tmp_path)
    receive(store, inbox)
    (inbox / "reads.csv").write_text("another content\n")
    (found,) = replay(store, inbox, "replay-1", NOW).files
    assert (found.outcome, found.still_held) == ("absent", 1)
