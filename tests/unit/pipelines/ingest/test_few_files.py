"""When files are read here."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.ingest.few_files import MOST_BYTES, MOST_FILES, are_few, is_at_rest
from pipelines.ingest.inbox import Arrival

ONE = Arrival("a.csv", "/inbox/a.csv", 10, datetime(2026, 10, 1, tzinfo=UTC))


def test_few_are_few_in_number_and_in_bytes() -> None:
    assert are_few([])
    assert are_few([ONE] * MOST_FILES)
    assert not are_few([ONE] * (MOST_FILES + 1))
    assert are_few([replace(ONE, size_bytes=MOST_BYTES)])
    assert not are_few([replace(ONE, size_bytes=MOST_BYTES), ONE])


def _parquet(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"line": [content]}), sink)
    return sink.getvalue().to_pybytes()


def _zip(content: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", content)
    return sink.getvalue()


@pytest.mark.parametrize("pack", [gzip.compress, _zip, _parquet])
def test_a_packed_file_is_not_few_whatever_its_name(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path, content = tmp_path / "a.csv", b"1,2,3\n" * 1_000_000
    path.write_bytes(b"PK,NAME\n" + content[:60])
    plain = replace(ONE, path=str(path))
    assert are_few([plain])
    path.write_bytes(pack(content))
    assert path.stat().st_size < MOST_BYTES < len(content)
    assert not are_few([replace(ONE, path="/inbox/gone.csv"), plain])
    link = tmp_path / "link.csv"
    link.symlink_to(path)
    assert are_few([replace(ONE, path=str(link))]), "a link is not followed"


@pytest.mark.parametrize(
    ("offsets", "commits", "is_resting"),
    [
        ((), (), False),
        ((0,), (), False),
        ((0,), (0,), True),
        ((9, 10), (9,), False),
        ((9, 10), (9, 10), True),
    ],
)
def test_a_stream_rests_when_every_batch_that_it_began_has_ended(
    tmp_path: Path, offsets: tuple[int, ...], commits: tuple[int, ...], is_resting: bool
) -> None:
    assert not is_at_rest(tmp_path / "nowhere")
    for part, numbers in (("offsets", offsets), ("commits", commits)):
        (tmp_path / part).mkdir()
        (tmp_path / part / ".0.crc").touch()
        for number in numbers:
            (tmp_path / part / str(number)).touch()
    assert is_at_rest(tmp_path) is is_resting
