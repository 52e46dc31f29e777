"""A write of our own that fails is told from every other error, and leaves nothing behind."""

from __future__ import annotations

import errno
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipelines.errors import MachineError, StorageError, UsageError
from pipelines.storage.data_files import write_files
from pipelines.storage.own_storage import storage_error
from pipelines.storage.session.memory import memory_error
from pipelines.tables.bronze import BronzeLoadCurves
from tests.file_sizes import files_of_at_most

HOME = Path("/srv/home")
SOME_DAYS = 5


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "quota"),
        (OSError(errno.EFBIG, "File too large"), "limit"),
        (OSError(errno.EROFS, "Read-only file system", "/elsewhere"), "read-only"),
        (PermissionError(errno.EACCES, "Permission denied", str(HOME / "tables" / "x")), "this user"),
        (OSError(errno.EIO, "Input/output error", str(HOME / "tables" / "x")), "disk of the home"),
        (sqlite3.OperationalError("database or disk is full"), "disk is full"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "read-only"),
        (sqlite3.OperationalError("disk I/O error"), "disk of the home"),
        (sqlite3.OperationalError("unable to open database file"), "this user"),
        (Exception("Generic LocalFileSystem error: No space left on device (os error 28)"), "disk is full"),
        (Exception("job aborted\n  java.io.IOException: File too large\n  at a.b(C.java:1)"), "limit"),
        (MachineError("Spark did not start: java.io.IOException: No space left on device"), "disk is full"),
    ],
)
def test_whoever_wrote_the_failure_is_ours_and_says_what_to_do(error: Exception, said: str) -> None:
    found = storage_error(error, HOME)
    assert found is not None
    assert found.exit_code == 6
    assert said in found.message
    assert "run the same command again" in found.hint
    assert "{" not in found.hint
    assert "\n" not in found.message
    above = RuntimeError("something above it")
    above.__cause__ = error
    assert storage_error(above, HOME) is not None


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(errno.EACCES, "Permission denied", "/elsewhere/file"),
        OSError(errno.EIO, "Input/output error", "/elsewhere/file"),
        FileNotFoundError(errno.ENOENT, "No such file", str(HOME / "x")),
        OSError("Invalid: Parquet magic bytes not found in footer"),
        ValueError("no number"),
        UsageError("No space left on device, says a column"),
    ],
)
def test_what_is_no_failure_of_our_storage_is_left_alone(error: Exception) -> None:
    assert storage_error(error, HOME) is None


def test_an_error_that_is_its_own_cause_ends() -> None:
    error = ValueError("round and round")
    error.__cause__ = error
    assert storage_error(error, HOME) is None


def test_a_want_of_memory_is_told_with_what_to_do() -> None:
    told = "x\nError occurred during initialization of VM\nCould not reserve enough space for object heap\n"
    found = memory_error(told, "400g")
    assert found is not None
    assert "400g" in found.message
    assert "spark.driver_memory" in found.hint
    assert memory_error("Py4JJavaError: java.lang.OutOfMemoryError: Java heap space") is not None
    assert memory_error("all is well") is None


def _curves(days: int) -> pa.Table:
    """Load curves of two months that nothing compresses."""
    numbers = np.random.default_rng(1)
    made: dict[str, object] = {
        field.name: "1" if pa.types.is_string(field.type) else 1 for field in BronzeLoadCurves.arrow_schema()
    }
    first = datetime(2026, 8, 1, tzinfo=UTC)
    made |= {"sent_at_utc": first, "received_at_utc": first, "curve_date": first.date()}
    made["sender_quality_codes"] = None
    rows = []
    for day in range(days):
        month = "2026-08" if day < SOME_DAYS else "2026-09"
        row = made | {"curve_month": month, "values_unscaled": numbers.random(96).tolist()}
        rows.append(row)
    return pa.Table.from_pylist(rows, BronzeLoadCurves.arrow_schema())


def test_a_write_that_fails_leaves_no_file(tmp_path: Path) -> None:
    rows = _curves(400)
    with files_of_at_most(100_000), pytest.raises(OSError, match="File too large") as failed:
        write_files(rows, BronzeLoadCurves, str(tmp_path / "curves"))
    assert isinstance(storage_error(failed.value, tmp_path), StorageError)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()], "the whole first month goes too"
    assert write_files(rows, BronzeLoadCurves, str(tmp_path / "curves"))
