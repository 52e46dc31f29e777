"""Unpacking gzip and zip without trusting them: the size is watched while it grows, so a bomb never fills
memory.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Protocol

from pipelines.errors import InputRefusedError
from pipelines.formats.contract import RefusalReason

_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_FEED_BYTES = 256 * 1024
_STEP_BYTES = 4 * 1024 * 1024
# Below this size no ratio is alarming: a short file of equal lines may well shrink a thousandfold.
_RATIO_FREE_BYTES = 16 * 1024 * 1024


class UnpackLimits(Protocol):
    """The part of the ingest settings that unpacking obeys."""

    @property
    def max_file_bytes(self) -> int:
        """Largest file as received. [bytes]"""
        ...

    @property
    def max_unpacked_bytes(self) -> int:
        """Largest file after unpacking. [bytes]"""
        ...

    @property
    def max_unpack_ratio(self) -> float:
        """Largest growth by unpacking. [1]"""
        ...


def unpack(name: str, content: bytes, limits: UnpackLimits) -> bytes:
    """The plain bytes of a received file: gzip and a zip of one file are unpacked, anything else passes
    through.

    name     Name under which the file arrived; a name in ``.gz`` must be gzip, and both are known by their
             content under any name.
    content  The file as received.
    limits   Largest sizes and growth, see ``IngestSettings``. The ratio counts from 16 MiB of unpacked
             content on.

    Raises InputRefusedError: empty_file, too_large, unpack_ratio, truncated_gzip, corrupt_gzip, corrupt_zip,
    zip_contents.
    """
    if not content:
        raise InputRefusedError(name, RefusalReason.EMPTY_FILE, "the file has no bytes")
    if len(content) > limits.max_file_bytes:
        raise InputRefusedError(
            name,
            RefusalReason.TOO_LARGE,
            f"{len(content)} bytes, more than the {limits.max_file_bytes} allowed",
        )
    if content.startswith((_MAGIC, *_ZIP_MAGIC)):
        plain = (
            _gunzip(name, content, limits) if content.startswith(_MAGIC) else _unzip(name, content, limits)
        )
        if not plain:
            raise InputRefusedError(name, RefusalReason.EMPTY_FILE, "the compressed file has no bytes inside")
        return plain
    if name.lower().endswith(".gz"):
        raise InputRefusedError(
            name, RefusalReason.CORRUPT_GZIP, "the name ends in .gz but the content is not gzip"
        )
    if name.lower().endswith(".zip"):
        raise InputRefusedError(
            name, RefusalReason.CORRUPT_ZIP, "the name ends in .zip but the content is no zip archive"
        )
    return content


def _unzip(name: str, content: bytes, limits: UnpackLimits) -> bytes:
    """The only file of a zip archive; sizes are counted while it grows, never taken from the archive's own
    table.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            held = [
                entry
                for entry in archive.infolist()
                if not entry.is_dir() and not entry.filename.startswith("__MACOSX/")
            ]
            if len(held) != 1:
                raise InputRefusedError(
                    name,
                    RefusalReason.ZIP_CONTENTS,
                    f"the archive holds {len(held)} files, expected one; send each by itself",
                )
            if held[0].flag_bits & 0x1:
                raise InputRefusedError(
                    name, RefusalReason.ZIP_CONTENTS, "the file in the archive is encrypted"
                )
            parts: list[bytes] = []
            total = 0
            with archive.open(held[0]) as packed:
                while part := packed.read(_STEP_BYTES):
                    total += len(part)
                    _check_growth(name, total, len(content), limits)
                    parts.append(part)
            return b"".join(parts)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        OSError,
        RuntimeError,
        ValueError,
    ) as error:
        raise InputRefusedError(
            name,
            RefusalReason.CORRUPT_ZIP,
            f"the zip archive is damaged or packed in an unknown way ({error})",
        ) from None


def _gunzip(name: str, content: bytes, limits: UnpackLimits) -> bytes:
    """All members of a gzip file, one after the other."""
    parts: list[bytes] = []
    total = position = 0
    while position < len(content):
        if not content.startswith(_MAGIC, position):
            if content[position:].strip(b"\0"):
                raise InputRefusedError(
                    name,
                    RefusalReason.CORRUPT_GZIP,
                    f"{len(content) - position} bytes after the end of the compressed content",
                )
            break
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            piece = member.unconsumed_tail
            if not piece:
                piece = content[position : position + _FEED_BYTES]
                position += len(piece)
            try:
                part = member.decompress(piece, _STEP_BYTES)
            except zlib.error as error:
                raise InputRefusedError(
                    name, RefusalReason.CORRUPT_GZIP, f"the gzip content is damaged ({error})"
                ) from None
            if not part and not piece and not member.eof:
                raise InputRefusedError(
                    name,
                    RefusalReason.TRUNCATED_GZIP,
                    "the gzip content ends too early; the transfer was cut off",
                )
            total += len(part)
            _check_growth(name, total, len(content), limits)
            parts.append(part)
        position -= len(member.unused_data)
    return b"".join(parts)


def _check_growth(name: str, unpacked: int, packed: int, limits: UnpackLimits) -> None:
    if unpacked > limits.max_unpacked_bytes:
        raise InputRefusedError(
            name,
            RefusalReason.TOO_LARGE,
            f"unpacks to more than the {limits.max_unpacked_bytes} bytes allowed",
        )
    if unpacked > _RATIO_FREE_BYTES and unpacked > packed * limits.max_unpack_ratio:
        raise InputRefusedError(
            name,
            RefusalReason.UNPACK_RATIO,
            f"grows by more than the factor {limits.max_unpack_ratio:g} allowed",
        )
