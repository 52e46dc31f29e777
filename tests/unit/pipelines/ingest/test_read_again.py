"""Bronze read again where the disk is full, a file cannot be read now, or its name is no UTF-8: nothing is
booked as the sender's fault, and what was there stays until the new table is whole.
"""

from __future__ import annotations

import errno
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.codes import FileStatus
from pipelines.errors import DamagedPartError, StorageError
from pipelines.ingest import received_rows
from pipelines.ingest.inbox import shown_path
from pipelines.ingest.read_again import (
    contents_not_in,
    files_again,
    quarantine_again,
    received_files,
    table_again,
)
from pipelines.ingest.read_files import IngestSummary, commit_batch, known_hashes, read_one, reading_of
from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from pipelines.tables.bronze import BronzeCustomers, BronzeFiles, BronzeRegisterReads
from pipelines.tables.silver import SilverQuarantine

NOW = datetime(2026, 11, 1, tzinfo=UTC)
GBK = os.fsdecode("用电_9月.csv".encode("gbk"))
PLAIN = "reads.csv"
TABLES = (BronzeRegisterReads, BronzeCustomers)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Reads under a name in GBK with one record that cannot be read, and reads under a plain name."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    steel = packaged("samples") / "steel"
    lines = (steel / "E_MP_DAY_READ_2026-09.csv").read_text(encoding="utf-8").splitlines()
    lines[1] = "\u200b" + lines[1]
    (folder / GBK).write_text("\n".join(lines) + "\n", encoding="utf-8")
    shutil.copy(steel / "E_MP_DAY_READ_2026-08.csv", folder / PLAIN)
    shutil.copy(steel / "customers.csv", folder)
    return folder


@pytest.fixture
def store(settings: Settings, inbox: Path) -> Store:
    """What ingest makes of the inbox, without the discovery by Spark."""
    found = Store(settings)
    reading = reading_of(found, inbox, frozenset(), "run-1", NOW)
    reports = [read_one(str(path), reading) for path in sorted(inbox.iterdir())]
    commit_batch(found, reports, known_hashes(found), "ingest:test", 0, reading, IngestSummary())
    return found


def hashes(store: Store) -> dict[str, str]:
    return {
        table.name: store.content_hash(table)
        for table in (BronzeRegisterReads, BronzeFiles, SilverQuarantine)
        if store.delta(table) is not None
    }


def close(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """From now on a file cannot be opened by this user, who may be root here."""
    really = Path.open

    def closed(self: Path, *arguments: object, **named: object) -> object:
        if self.name == name:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return really(self, *arguments, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", closed)


def fill_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(received_rows, "write_files", full)


def test_a_file_under_a_name_in_other_bytes_is_read_again(store: Store, inbox: Path) -> None:
    before = hashes(store)
    assert store.row_count(SilverQuarantine) == 1
    shutil.rmtree(store.path(BronzeRegisterReads))
    assert table_again(store, BronzeRegisterReads, inbox).notes == []
    shutil.rmtree(store.path(SilverQuarantine))
    assert quarantine_again(store, inbox).notes == []
    shutil.rmtree(store.path(BronzeFiles))
    assert files_again(store, inbox, TABLES, "repair", NOW).notes == []
    assert hashes(store) == before
    assert received_files(inbox) == sorted([PLAIN, "customers.csv", shown_path(GBK)])


def test_a_full_disk_is_told_as_such_and_nothing_is_remembered(
    store: Store, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = hashes(store)
    with monkeypatch.context() as patch:
        fill_disk(patch)
        for again in (
            lambda: table_again(store, BronzeRegisterReads, inbox),
            lambda: quarantine_again(store, inbox),
            lambda: files_again(store, inbox, TABLES, "repair", NOW),
        ):
            with pytest.raises(StorageError, match="disk is full"):
                again()
            assert not list((store.settings.home / "scratch").rglob("*.parquet")), "what takes room is gone"
    assert hashes(store) == before
    files_again(store, inbox, TABLES, "repair", NOW)
    assert hashes(store) == before


def test_what_cannot_be_read_now_is_left_for_the_next_run(
    store: Store, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "new.csv").write_text("never read before\n", encoding="utf-8")
    (inbox / "link.csv").symlink_to("nowhere")
    with monkeypatch.context() as patch:
        close(patch, "new.csv")
        notes = files_again(store, inbox, TABLES, "repair", NOW).notes
    assert "new.csv cannot be read now: Permission denied; the next run reads it" in notes
    names = {row["source_file"]: row["status_code"] for row in store.arrow(BronzeFiles).to_pylist()}
    assert set(names) == {PLAIN, "customers.csv", shown_path(GBK), "link.csv"}
    assert names["link.csv"] == FileStatus.REFUSED.value


def test_a_file_that_goes_while_it_is_read_is_no_row_of_the_file_ledger(
    store: Store, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = Path.read_bytes

    def gone(self: Path) -> bytes:
        if self.name == PLAIN:
            raise OSError(errno.EIO, "Input/output error", str(self))
        return really(self)

    monkeypatch.setattr(Path, "read_bytes", gone)
    files_again(store, inbox, TABLES, "repair", NOW)
    (row,) = (row for row in store.arrow(BronzeFiles).to_pylist() if row["source_file"] == PLAIN)
    assert (row["status_code"], row["size_bytes"]) == (FileStatus.ACCEPTED.value, 0), "its rows tell it"
    with pytest.raises(DamagedPartError, match="cannot be read now: Input/output error"):
        table_again(store, BronzeRegisterReads, inbox)


@pytest.mark.parametrize("name", [PLAIN, GBK])
def test_a_table_is_left_as_it_is_while_a_file_of_it_cannot_be_read(
    store: Store, inbox: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    before = hashes(store)
    with monkeypatch.context() as patch:
        close(patch, name)
        with pytest.raises(DamagedPartError, match="cannot be read now: Permission denied") as caught:
            table_again(store, BronzeRegisterReads, inbox)
        assert "nothing was changed" in caught.value.hint
        table_again(store, BronzeCustomers, inbox)
        if name == GBK:
            with pytest.raises(DamagedPartError, match="cannot be read now"):
                quarantine_again(store, inbox)
    assert hashes(store) == before


def test_contents_that_no_run_could_read_again_are_named(store: Store, inbox: Path) -> None:
    assert contents_not_in(store, TABLES, inbox) == {}
    (inbox / PLAIN).rename(inbox / "another name.csv")
    assert contents_not_in(store, TABLES, inbox) == {}, "the content counts, not the name"
    (inbox / GBK).unlink()
    assert list(contents_not_in(store, TABLES, inbox).values()) == [shown_path(GBK)]
    shutil.rmtree(store.path(BronzeFiles))
    assert list(contents_not_in(store, TABLES, inbox).values()) == [shown_path(GBK)]
    shutil.rmtree(store.path(BronzeRegisterReads))
    assert contents_not_in(store, TABLES, inbox) == {}, "nothing is known of it any more"
