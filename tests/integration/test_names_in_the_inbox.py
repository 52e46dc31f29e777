"""Files are received under names in any bytes, and links in the inbox are told of once and never followed."""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipelines.ingest.quarantine_replay import replay
from pipelines.ingest.read_files import ingest
from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from pipelines.tables.bronze import BronzeFiles, BronzeRegisterReads

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOW = datetime(2026, 11, 1, tzinfo=UTC)
GBK = os.fsdecode("用电_9月.csv".encode("gbk"))


@pytest.fixture
def store(spark: SparkSession, settings: Settings) -> Store:
    return Store(settings, spark)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def reads(month: str) -> Path:
    return packaged("samples") / "steel" / f"E_MP_DAY_READ_{month}.csv"


def told(store: Store) -> dict[str, tuple[str, str | None]]:
    rows = store.arrow(BronzeFiles).to_pylist()
    return {row["source_file"]: (row["status_code"], row["reason"]) for row in rows}


def test_names_in_any_bytes_are_read_beside_the_others(store: Store, inbox: Path) -> None:
    (inbox / GBK[:2]).mkdir()
    shutil.copy(reads("2026-09"), inbox / GBK)
    shutil.copy(reads("2026-08"), inbox / GBK[:2] / "plain.csv")
    shutil.copy(reads("2026-07"), inbox / "中文 100% 'a' [b].csv")
    shutil.copy(reads("2026-06"), inbox / r"\xd3.csv")
    (inbox / "\udcd3.csv").write_bytes(reads("2026-05").read_bytes())
    first = ingest(store, inbox, "run-1", NOW)
    assert (first.accepted, first.refused) == (5, [])
    names = told(store)
    assert sorted(names) == sorted(
        {
            "中文 100% 'a' [b].csv",
            r"\xd3.csv",
            r"\x5cxd3.csv",
            *(
                os.fsencode(name).decode("utf-8", "backslashreplace")
                for name in (GBK, f"{GBK[:2]}/plain.csv")
            ),
        }
    )
    rows = store.row_count(BronzeRegisterReads)
    again = ingest(store, inbox, "run-2", NOW)
    assert (again.accepted, again.duplicates, again.refused) == (0, 0, [])
    assert store.row_count(BronzeRegisterReads) == rows


def test_a_held_record_of_such_a_file_is_read_again(store: Store, inbox: Path) -> None:
    lines = reads("2026-09").read_text(encoding="utf-8").splitlines()
    lines[1] = "\u200b" + lines[1]
    (inbox / GBK).write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert ingest(store, inbox, "run-1", NOW).quarantined_rows == 1
    assert [file.outcome for file in replay(store, inbox, "run-2", NOW).files] == ["unchanged"]


def test_a_name_inside_an_archive_may_be_in_any_bytes(store: Store, inbox: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("abcdefgh.csv", reads("2026-09").read_bytes())
    raw = packed.getvalue().replace(b"abcdefgh", "用电九月".encode("gbk"))
    (inbox / "archive.zip").write_bytes(raw)
    # The same with the archive's word that its names are UTF-8, which they are not.
    for place in (raw.index(b"PK\x03\x04") + 6, raw.index(b"PK\x01\x02") + 8):
        raw = raw[:place] + (0x800).to_bytes(2, "little") + raw[place + 2 :]
    (inbox / "lies.zip").write_bytes(raw)
    found = ingest(store, inbox, "run-1", NOW)
    assert (found.accepted, [name for name, _ in found.refused]) == (1, ["lies.zip"])


def test_links_are_told_of_once_and_not_followed(store: Store, inbox: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.copy(reads("2026-08"), outside / "secret.csv")
    shutil.copy(reads("2026-09"), inbox / "mine.csv")
    (inbox / "deep").mkdir()
    (inbox / "deep" / "loop").symlink_to(inbox)
    (inbox / "loop").symlink_to(".")
    (inbox / "folder").symlink_to(outside)
    (inbox / "file.csv").symlink_to(outside / "secret.csv")
    (inbox / "nowhere.csv").symlink_to(tmp_path / "nowhere")
    first = ingest(store, inbox, "run-1", NOW)
    links = ["deep/loop", "file.csv", "folder", "loop", "nowhere.csv"]
    assert first.accepted == 1
    assert sorted(name for name, _ in first.refused) == links
    assert all(reason.startswith("symbolic_link: ") for _, reason in first.refused)
    second = ingest(store, inbox, "run-2", NOW)
    assert (second.accepted, second.duplicates, second.refused) == (0, 0, [])
    assert sorted(told(store)) == sorted([*links, "mine.csv"])


def test_a_link_to_a_file_alone_is_told_of_by_the_stream(store: Store, inbox: Path, tmp_path: Path) -> None:
    shutil.copy(reads("2026-08"), tmp_path / "secret.csv")
    (inbox / "file.csv").symlink_to(tmp_path / "secret.csv")
    assert [name for name, _ in ingest(store, inbox, "run-1", NOW).refused] == ["file.csv"]
    assert store.row_count(BronzeRegisterReads) == 0
