"""What a killed run began is ended once: also where the ledger was built anew in between, and where a file
has no rows.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipelines.ingest.begun_file import BegunNote
from pipelines.ingest.read_files import ingest
from pipelines.settings import Settings, packaged
from pipelines.storage.data_files import commit_files, write_files
from pipelines.storage.store import Store
from pipelines.tables.bronze import BronzeFiles, BronzeRegisterReads

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOW = datetime(2026, 11, 1, tzinfo=UTC)
STEEL = packaged("samples") / "steel"


@pytest.fixture
def store(spark: SparkSession, settings: Settings) -> Store:
    return Store(settings, spark)


@pytest.fixture
def inbox(store: Store, tmp_path: Path) -> Path:
    """Master data, which is in."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    shutil.copy(STEEL / "customers.csv", folder)
    assert ingest(store, folder, "run-1", NOW).accepted == 1
    return folder


def test_a_ledger_that_was_built_anew_gets_no_second_row(
    store: Store, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(STEEL / "E_MP_DAY_READ_2026-09.csv", inbox)
    with monkeypatch.context() as patch:
        patch.setattr(BegunNote, "clear", lambda _note: None)
        assert ingest(store, inbox, "run-2", NOW).accepted == 1
    rows = store.arrow(BronzeFiles)
    shutil.rmtree(store.path(BronzeFiles))
    files = write_files(rows, BronzeFiles, store.path(BronzeFiles))
    commit_files(store, BronzeFiles, files, "built anew", 0, overwrite=False)
    assert ingest(store, inbox, "run-3", NOW).accepted == 0
    assert store.row_count(BronzeFiles) == rows.num_rows == 2
    assert store.row_count(BronzeRegisterReads) == 90


def test_a_file_without_rows_is_booked_after_a_kill(
    store: Store, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, no row told that it was in its batch, and each run read and dropped it again."""
    head = (STEEL / "E_MP_DAY_READ_2026-09.csv").read_text().splitlines()[0]
    (inbox / "reads.csv").write_text(head + "\n")

    def die(*arguments: object, **named: object) -> None:
        raise RuntimeError("killed between the tables and the ledger")

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.ingest.commit_reports._append", die)
        with pytest.raises(RuntimeError, match="killed between"):
            ingest(store, inbox, "run-2", NOW)
    assert ingest(store, inbox, "run-3", NOW).accepted == 1
    assert ingest(store, inbox, "run-4", NOW).accepted == 0
    assert store.row_count(BronzeFiles) == 2
