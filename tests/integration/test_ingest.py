"""Received files enter bronze exactly once; what cannot be read is refused or quarantined with its place."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from pipelines.errors import StorageError
from pipelines.ingest.read_files import IngestSummary, ingest
from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from pipelines.tables.bronze import BronzeCustomers, BronzeFiles, BronzeRegisterReads
from pipelines.tables.silver import SilverQuarantine
from zhixiang.reports.file_accounts import file_accounts

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOW = datetime(2026, 11, 1, tzinfo=UTC)
READS = Path("samples/steel")


@pytest.fixture
def store(spark: SparkSession, settings: Settings) -> Store:
    return Store(settings, spark)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def _reads(months: list[str]) -> list[Path]:
    return [packaged("samples") / "steel" / f"E_MP_DAY_READ_{month}.csv" for month in months]


def _ledger(store: Store) -> dict[str, tuple[str, int, int]]:
    return {
        row["source_file"]: (row["status_code"], row["received_rows"], row["quarantined_rows"])
        for row in store.arrow(BronzeFiles).to_pylist()
    }


def test_each_received_file_is_one_event(store: Store, inbox: Path) -> None:
    shutil.copy(_reads(["2026-09"])[0], inbox)
    (inbox / "unknown.csv").write_text("what,is,this\n1,2,3\n", encoding="utf-8")
    with capture_logs() as events:
        ingest(store, inbox, "run-1", NOW)
        ingest(store, inbox, "run-2", NOW)
    rows = store.row_count(BronzeRegisterReads)
    assert [
        (event["event"], event["run_id"], event["file"], event["status"], event["rows"], event["log_level"])
        for event in events
    ] == [
        ("received file", "run-1", "E_MP_DAY_READ_2026-09.csv", "accepted", rows, "info"),
        ("received file", "run-1", "unknown.csv", "refused", 0, "warning"),
    ]
    assert all(event["seconds"] >= 0 for event in events)


@contextmanager
def killed_between(monkeypatch: pytest.MonkeyPatch, told: type[Exception]) -> Iterator[None]:
    """What happens inside ends after the tables are committed and before the ledger is."""

    def die(*arguments: object, **named: object) -> None:
        raise RuntimeError("killed between the tables and the ledger")

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.ingest.commit_reports._append", die)
        with pytest.raises(told, match="killed between"):
            yield


def test_a_file_is_read_once_under_any_name_and_in_any_order(
    store: Store, inbox: Path, spark: SparkSession, tmp_path: Path
) -> None:
    for path in _reads(["2026-08", "2026-09"]):
        shutil.copy(path, inbox)
    first = ingest(store, inbox, "run-1", NOW)
    assert (first.accepted, first.duplicates) == (2, 0)
    rows, version = store.row_count(BronzeRegisterReads), store.version(BronzeRegisterReads)
    content = store.content_hash(BronzeRegisterReads)

    assert ingest(store, inbox, "run-2", NOW).accepted == 0
    shutil.copy(_reads(["2026-09"])[0], inbox / "the same again.csv")
    again = ingest(store, inbox, "run-3", NOW)
    assert (again.accepted, again.duplicates) == (0, 1)
    assert (store.row_count(BronzeRegisterReads), store.version(BronzeRegisterReads)) == (rows, version)
    assert _ledger(store)["the same again.csv"][0] == "duplicate_content"

    other = Store(Settings(packaged("conf"), tmp_path / "other"), spark)
    renamed = tmp_path / "renamed"
    (renamed / "deep").mkdir(parents=True)
    for index, path in enumerate(reversed(_reads(["2026-08", "2026-09"]))):
        shutil.copy(path, renamed / "deep" / f"{index} 100% 改名.csv")
        ingest(other, renamed, f"run-{index}", NOW)
    assert other.content_hash(BronzeRegisterReads) == content


def test_the_same_content_twice_in_one_batch_counts_once(store: Store, inbox: Path) -> None:
    source = _reads(["2026-10"])[0]
    shutil.copy(source, inbox / "a.csv")
    shutil.copy(source, inbox / "b.csv")
    summary = ingest(store, inbox, "run-1", NOW)
    assert (summary.accepted, summary.duplicates) == (1, 1)
    assert store.row_count(BronzeRegisterReads) == len(source.read_text().splitlines()) - 1
    files = list(Path(store.path(BronzeRegisterReads)).rglob("*.parquet"))
    delta = store.delta(BronzeRegisterReads)
    assert delta is not None
    assert len(files) == len(delta.file_uris()), "the second copy's files are removed"


def test_a_file_that_cannot_be_read_is_refused_and_the_others_go_on(store: Store, inbox: Path) -> None:
    good = _reads(["2026-09"])[0]
    shutil.copy(good, inbox / "good.csv")
    (inbox / "empty.csv").write_bytes(b"")
    whole = gzip.compress(good.read_bytes())
    (inbox / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    parquet = inbox / "cut.parquet"
    store.arrow(BronzeFiles)
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": list(range(10_000))}), parquet)
    parquet.write_bytes(parquet.read_bytes()[:-100])
    (inbox / "letter.txt").write_text("Dear Sir or Madam\n", encoding="utf-8")

    summary = ingest(store, inbox, "run-1", NOW)
    assert summary.accepted == 1
    assert {name for name, _ in summary.refused} == {"empty.csv", "cut.csv.gz", "cut.parquet", "letter.txt"}
    assert {name: found[0] for name, found in _ledger(store).items()} == {
        "good.csv": "accepted",
        "empty.csv": "refused",
        "cut.csv.gz": "refused",
        "cut.parquet": "refused",
        "letter.txt": "refused",
    }
    assert all(reason for _, reason in summary.refused)
    assert ingest(store, inbox, "run-2", NOW).refused == [], "a refusal is told once"


def test_a_bad_record_goes_to_quarantine_with_file_line_column_and_reason(store: Store, inbox: Path) -> None:
    lines = _reads(["2026-09"])[0].read_text().splitlines()
    lines[4] = lines[4].replace("2026-09", "2026-19", 1)
    (inbox / "reads.csv").write_text("\n".join(lines) + "\n")
    summary = ingest(store, inbox, "run-1", NOW)
    assert (summary.accepted, summary.quarantined_rows) == (1, 1)
    (held,) = store.arrow(SilverQuarantine).to_pylist()
    assert (held["source_file"], held["line_number"], held["column_name"], held["reason_code"]) == (
        "reads.csv",
        5,
        "DATA_DATE",
        "bad_date",
    )
    assert "2026-19" in held["raw_record"]
    assert store.row_count(BronzeRegisterReads) == len(lines) - 2
    assert _ledger(store)["reads.csv"] == ("accepted", len(lines) - 1, 1)


def test_too_many_bad_records_halt_the_file_before_silver(store: Store, inbox: Path) -> None:
    lines = _reads(["2026-09"])[0].read_text().splitlines()
    bad = [
        line.replace("2026-09", "2026-19", 1) if index % 3 == 1 else line for index, line in enumerate(lines)
    ]
    (inbox / "reads.csv").write_text("\n".join(bad) + "\n")
    summary = ingest(store, inbox, "run-1", NOW)
    assert [name for name, _ in summary.halted] == ["reads.csv"]
    assert "max_bad_row_ratio" in summary.halted[0][1]
    assert store.row_count(BronzeRegisterReads) == 0
    assert store.row_count(SilverQuarantine) == 30, "what was unreadable is kept for the replay"
    (account,) = file_accounts(store)
    assert (account["received"], account["kept"], account["quarantined"]) == (90, 0, 90), (
        "a halted file is in quarantine whole"
    )
    assert account["adds_up"]


def test_a_batch_that_is_repeated_after_a_kill_commits_only_what_is_missing(
    store: Store, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(packaged("samples") / "steel" / "customers.csv", inbox)
    shutil.copy(_reads(["2026-09"])[0], inbox)
    with killed_between(monkeypatch, Exception):
        ingest(store, inbox, "run-1", NOW)
    assert store.row_count(BronzeRegisterReads) == 90
    assert store.version(BronzeFiles) is None
    assert ingest(store, inbox, "run-2", NOW).accepted == 2
    assert (store.row_count(BronzeRegisterReads), store.version(BronzeRegisterReads)) == (90, 0), (
        "no row twice, no second commit"
    )
    assert store.row_count(BronzeCustomers) == 1
    assert {status for status, *_ in _ledger(store).values()} == {"accepted"}


def test_a_file_that_was_corrected_under_its_name_is_read_again(store: Store, inbox: Path) -> None:
    whole = _reads(["2026-09"])[0].read_text()
    (inbox / "reads.csv").write_text("not a known header\n1,2\n")
    assert [name for name, _ in ingest(store, inbox, "run-1", NOW).refused] == ["reads.csv"]
    (inbox / "reads.csv").write_text(whole)
    assert ingest(store, inbox, "run-2", NOW).accepted == 1
    assert store.row_count(BronzeRegisterReads) == 90
    (inbox / "reads.csv").touch()
    again = ingest(store, inbox, "run-3", NOW)
    assert (again.accepted, again.duplicates, store.row_count(BronzeRegisterReads)) == (0, 1, 90), (
        "another time alone is no other content"
    )
    version = store.version(BronzeFiles)
    assert vars(ingest(store, inbox, "run-4", NOW)) == vars(IngestSummary())
    assert store.version(BronzeFiles) == version, "a state that the ledger knows is not noted again"


def test_a_file_that_comes_late_with_an_old_time_is_read(store: Store, inbox: Path) -> None:
    shutil.copy(_reads(["2026-09"])[0], inbox / "new.csv")
    assert ingest(store, inbox, "run-1", NOW).accepted == 1
    late = inbox / "late.csv"
    shutil.copy(_reads(["2026-08"])[0], late)
    os.utime(late, (0, 946_684_800))
    hidden_from_spark = inbox / "_sent" / "_reads.csv"
    hidden_from_spark.parent.mkdir()
    shutil.copy(_reads(["2026-07"])[0], hidden_from_spark)
    assert ingest(store, inbox, "run-2", NOW).accepted == 2
    assert {name for name, (status, *_) in _ledger(store).items() if status == "accepted"} == {
        "new.csv",
        "late.csv",
        "_sent/_reads.csv",
    }


def test_a_file_that_is_still_being_written_waits_for_its_name(store: Store, inbox: Path) -> None:
    for name in ("reads.csv.tmp", "reads.csv.part", "reads.csv~", ".reads.csv"):
        shutil.copy(_reads(["2026-09"])[0], inbox / name)
    (inbox / "empty.csv.tmp").write_bytes(b"")
    assert vars(ingest(store, inbox, "run-1", NOW)) == vars(IngestSummary())
    assert store.version(BronzeFiles) is None
    (inbox / "reads.csv.tmp").rename(inbox / "reads.csv")
    assert ingest(store, inbox, "run-2", NOW).accepted == 1
    assert list(_ledger(store)) == ["reads.csv"]


def test_a_listed_file_that_is_read_again_after_a_kill_is_committed_once(
    store: Store, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "reads.csv").write_text("not a known header\n1,2\n")
    ingest(store, inbox, "run-1", NOW)
    shutil.copy(_reads(["2026-09"])[0], inbox / "reads.csv")
    with killed_between(monkeypatch, RuntimeError):
        ingest(store, inbox, "run-2", NOW)
    assert store.row_count(BronzeRegisterReads) == 90
    assert ingest(store, inbox, "run-3", NOW).accepted == 1
    assert (store.row_count(BronzeRegisterReads), store.version(BronzeRegisterReads)) == (90, 0)


class NeverAsked:
    """A session that nobody may ask for."""

    def __getattr__(self, name: str) -> None:
        raise AssertionError(f"Spark is asked for {name}")


def test_a_few_files_that_come_later_need_no_spark_and_are_read_once(
    store: Store, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(_reads(["2026-08"])[0], inbox)
    assert ingest(store, inbox, "run-1", NOW).accepted == 1
    alone = Store(store.settings, NeverAsked())  # type: ignore[arg-type]
    shutil.copy(_reads(["2026-09"])[0], inbox)
    (inbox / "unknown.csv").write_text("not a known header\n1,2\n")
    second = ingest(alone, inbox, "run-2", NOW)
    assert (second.accepted, [name for name, _ in second.refused]) == (1, ["unknown.csv"])
    rows = store.row_count(BronzeRegisterReads)

    monkeypatch.setattr("pipelines.ingest.few_files.MOST_FILES", 0)
    for number in range(3):
        (inbox / f"unknown {number}.csv").write_text("another unknown header\n1,2\n")
    assert len(ingest(store, inbox, "run-3", NOW).refused) == 3, "the stream offers what was read, too"
    assert store.row_count(BronzeRegisterReads) == rows


def test_a_few_files_that_a_killed_run_began_are_not_read_twice_by_the_stream(
    store: Store, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(packaged("samples") / "steel" / "customers.csv", inbox)
    assert ingest(store, inbox, "run-1", NOW).accepted == 1
    shutil.copy(_reads(["2026-09"])[0], inbox)
    with killed_between(monkeypatch, RuntimeError):
        ingest(store, inbox, "run-2", NOW)
    assert store.row_count(BronzeRegisterReads) == 90
    monkeypatch.setattr("pipelines.ingest.few_files.MOST_FILES", 1)
    shutil.copy(_reads(["2026-08"])[0], inbox)
    assert ingest(store, inbox, "run-3", NOW).accepted == 2
    assert store.row_count(BronzeRegisterReads) == 90 + 93
    assert ingest(store, inbox, "run-4", NOW).accepted == 0


@pytest.mark.parametrize("now_holds", ["other content", "the same", "nothing"])
def test_what_a_killed_run_committed_of_a_file_is_in_the_ledger_however_it_looks_now(
    store: Store, inbox: Path, monkeypatch: pytest.MonkeyPatch, now_holds: str
) -> None:
    """Before, rows of a content that no file has any more stayed in bronze beside those of the new one, and
    the ledger did not know them.
    """
    shutil.copy(packaged("samples") / "steel" / "customers.csv", inbox)
    assert ingest(store, inbox, "run-1", NOW).accepted == 1
    lines = _reads(["2026-09"])[0].read_text().splitlines()
    lines[4] = lines[4].replace("2026-09", "2026-19", 1)
    (inbox / "reads.csv").write_text("\n".join(lines) + "\n")
    with killed_between(monkeypatch, RuntimeError):
        ingest(store, inbox, "run-2", NOW)
    assert (store.row_count(BronzeRegisterReads), store.row_count(SilverQuarantine)) == (89, 0)
    if now_holds == "other content":
        shutil.copy(_reads(["2026-08"])[0], inbox / "reads.csv")
    elif now_holds == "nothing":
        (inbox / "reads.csv").unlink()
    alone = Store(store.settings, NeverAsked())  # type: ignore[arg-type]
    later = NOW + timedelta(days=1)
    with_new = now_holds == "other content"
    summary = ingest(alone, inbox, "run-3", later)
    assert (summary.accepted, summary.quarantined_rows) == (1 + with_new, 1)
    assert store.row_count(BronzeRegisterReads) == 89 + 93 * with_new
    assert store.version(BronzeRegisterReads) == with_new
    assert [row["source_file"] for row in store.arrow(SilverQuarantine).to_pylist()] == ["reads.csv"]
    told = [row for row in store.arrow(BronzeFiles).to_pylist() if row["source_file"] == "reads.csv"]
    contents = set(store.arrow(BronzeRegisterReads, ["content_hash"]).column(0).to_pylist())
    assert {row["content_hash"] for row in told} == contents
    assert sorted((row["received_rows"], row["received_at_utc"]) for row in told) == [
        (90, NOW),
        *([(93, later)] if with_new else []),
    ]
    assert vars(ingest(alone, inbox, "run-4", later)) == vars(IngestSummary())
    assert all(Path(path).is_file() for path in store.data_paths(BronzeRegisterReads))


def test_a_killed_run_that_committed_nothing_leaves_nothing(
    store: Store, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(packaged("samples") / "steel" / "customers.csv", inbox)
    assert ingest(store, inbox, "run-1", NOW).accepted == 1
    shutil.copy(_reads(["2026-09"])[0], inbox / "reads.csv")

    def die(*arguments: object, **named: object) -> None:
        raise RuntimeError("killed before the tables")

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.ingest.commit_reports.commit_files", die)
        with pytest.raises(RuntimeError, match="killed before"):
            ingest(store, inbox, "run-2", NOW)
    shutil.copy(_reads(["2026-08"])[0], inbox / "reads.csv")
    assert ingest(store, inbox, "run-3", NOW).accepted == 1
    assert store.row_count(BronzeRegisterReads) == 93
    assert len(_ledger(store)) == 2


def test_a_full_disk_is_told_as_such_where_a_killed_run_is_taken_up(
    store: Store, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(packaged("samples") / "steel" / "customers.csv", inbox)
    assert ingest(store, inbox, "run-1", NOW).accepted == 1
    shutil.copy(_reads(["2026-09"])[0], inbox)
    with killed_between(monkeypatch, RuntimeError):
        ingest(store, inbox, "run-2", NOW)
    monkeypatch.setattr("pipelines.ingest.few_files.MOST_FILES", 1)
    shutil.copy(_reads(["2026-08"])[0], inbox)

    def refused(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.ingest.commit_reports._append", refused)
        with pytest.raises(StorageError, match="disk is full"):
            ingest(store, inbox, "run-3", NOW)
    assert ingest(store, inbox, "run-4", NOW).accepted == 2
    assert store.row_count(BronzeRegisterReads) == 90 + 93


def test_a_few_files_wait_for_a_batch_that_the_stream_began(
    store: Store, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(packaged("samples") / "steel" / "customers.csv", inbox)
    assert ingest(store, inbox, "run-1", NOW).accepted == 1
    with monkeypatch.context() as patch:
        patch.setattr("pipelines.ingest.few_files.MOST_FILES", 0)
        shutil.copy(_reads(["2026-09"])[0], inbox)
        with killed_between(monkeypatch, Exception):
            ingest(store, inbox, "run-2", NOW)
    assert store.row_count(BronzeRegisterReads) == 90
    assert ingest(store, inbox, "run-3", NOW).accepted == 1
    assert store.row_count(BronzeRegisterReads) == 90
