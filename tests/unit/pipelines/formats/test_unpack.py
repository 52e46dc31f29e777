"""Unpacking: damage and bombs are refused, and growth is stopped before it fills memory."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
from dataclasses import dataclass

import pytest

from pipelines.errors import InputRefusedError
from pipelines.formats import unpack

pytestmark = pytest.mark.long

TEXT = b"".join(b"line %d\n" % number for number in range(50_000))
MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    max_file_bytes: int = 100 * MIB
    max_unpacked_bytes: int = 100 * MIB
    max_unpack_ratio: float = 200


def refused(name: str, content: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(InputRefusedError) as refusal:
        unpack(name, content, limits or Limits())
    assert refusal.value.path == name
    return refusal.value.reason_code


def test_plain_content_passes_through_and_gzip_is_unpacked_under_any_name() -> None:
    assert unpack("a.csv", TEXT, Limits()) == TEXT
    assert unpack("a.csv.gz", gzip.compress(TEXT), Limits()) == TEXT
    assert unpack("a.csv", gzip.compress(TEXT), Limits()) == TEXT


def test_members_one_after_the_other_and_padding_are_read() -> None:
    packed = gzip.compress(TEXT) + gzip.compress(b"more\n") + b"\0" * 512
    assert unpack("a.gz", packed, Limits()) == TEXT + b"more\n"


@pytest.mark.parametrize("missing", [1, 8, 100])
def test_a_cut_off_gzip_is_refused(missing: int) -> None:
    assert refused("a.gz", gzip.compress(TEXT)[:-missing]) == "truncated_gzip"


def test_a_header_alone_is_a_cut_off_gzip() -> None:
    assert refused("a.gz", gzip.compress(TEXT)[:10]) == "truncated_gzip"


def test_a_damaged_gzip_is_refused() -> None:
    packed = bytearray(gzip.compress(TEXT))
    packed[-6] ^= 0xFF
    assert refused("a.gz", bytes(packed)) == "corrupt_gzip"
    assert refused("a.gz", TEXT) == "corrupt_gzip"
    assert refused("a.gz", gzip.compress(TEXT) + b"rubbish") == "corrupt_gzip"


def test_an_empty_file_is_refused_packed_or_not() -> None:
    assert refused("a.csv", b"") == "empty_file"
    assert refused("a.gz", gzip.compress(b"")) == "empty_file"


@pytest.mark.parametrize(("limit", "accepted"), [(len(TEXT), True), (len(TEXT) - 1, False)])
def test_the_cap_on_the_unpacked_size_is_exact(limit: int, accepted: bool) -> None:
    packed = gzip.compress(TEXT)
    if accepted:
        assert unpack("a.gz", packed, Limits(max_unpacked_bytes=limit)) == TEXT
    else:
        assert refused("a.gz", packed, Limits(max_unpacked_bytes=limit)) == "too_large"


@pytest.mark.parametrize(("limit", "accepted"), [(len(TEXT), True), (len(TEXT) - 1, False)])
def test_the_cap_on_the_received_size_is_exact(limit: int, accepted: bool) -> None:
    if accepted:
        assert unpack("a.csv", TEXT, Limits(max_file_bytes=limit)) == TEXT
    else:
        assert refused("a.csv", TEXT, Limits(max_file_bytes=limit)) == "too_large"


def test_a_bomb_is_stopped_long_before_it_is_unpacked() -> None:
    bomb = gzip.compress(b"0" * (300 * MIB), compresslevel=9)
    tracemalloc.start()
    assert refused("bomb.gz", bomb, Limits(max_unpacked_bytes=1000 * MIB)) == "unpack_ratio"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80 * MIB


def zipped(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_zip_of_one_file_is_unpacked_under_any_name() -> None:
    packed = zipped(("a.csv", TEXT), ("__MACOSX/._a.csv", b"x"))
    assert unpack("a.zip", packed, Limits()) == TEXT
    assert unpack("a.csv", packed, Limits()) == TEXT


def test_a_zip_of_none_or_several_files_is_refused() -> None:
    assert refused("a.zip", zipped()) == "zip_contents"
    assert refused("a.zip", zipped(("a.csv", TEXT), ("b.csv", TEXT))) == "zip_contents"
    assert refused("a.zip", zipped(("a.csv", b""))) == "empty_file"


def test_a_damaged_zip_is_refused() -> None:
    packed = bytearray(zipped(("a.csv", TEXT)))
    packed[200] ^= 0xFF
    assert refused("a.zip", bytes(packed)) == "corrupt_zip"
    assert refused("a.zip", bytes(packed[: len(packed) // 2])) == "corrupt_zip"
    assert refused("a.zip", TEXT) == "corrupt_zip"


def test_a_zip_bomb_is_stopped_by_what_it_grows_to_not_by_what_it_says() -> None:
    bomb = bytearray(zipped(("a.csv", b"0" * (300 * MIB))))
    tracemalloc.start()
    assert refused("bomb.zip", bytes(bomb), Limits(max_unpacked_bytes=1000 * MIB)) == "unpack_ratio"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80 * MIB
    assert (
        refused("big.zip", zipped(("a.csv", TEXT)), Limits(max_unpacked_bytes=len(TEXT) - 1)) == "too_large"
    )
