"""Unpacking gzip without trusting it: the size is watched while it grows, so a bomb never fills memory."""

from __future__ import annotations

import zlib
from typing import Protocol

from pipelines.errors import InputRefusedError
from pipelines.formats.contract import RefusalReason

_MAGIC = b"\x1f\x8b"
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
    """The plain bytes of a received file: gzip is unpacked, anything else passes through.

    name     Name under which the file arrived; a name in ``.gz`` must be gzip, and gzip is known by its content under any name.
    content  The file as received.
    limits   Largest sizes and growth, see ``IngestSettings``. The ratio counts from 16 MiB of unpacked content on.

    Raises InputRefusedError: empty_file, too_large, unpack_ratio, truncated_gzip, corrupt_gzip.
    """
    if not content:
        raise InputRefusedError(name, RefusalReason.EMPTY_FILE, "the file has no bytes")
    if len(content) > limits.max_file_bytes:
        raise InputRefusedError(name, RefusalReason.TOO_LARGE, f"{len(content)} bytes, more than the {limits.max_file_bytes} allowed")
    if content.startswith(_MAGIC):
        plain = _gunzip(name, content, limits)
        if not plain:
            raise InputRefusedError(name, RefusalReason.EMPTY_FILE, "the compressed file has no bytes inside")
        return plain
    if name.lower().endswith(".gz"):
        raise InputRefusedError(name, RefusalReason.CORRUPT_GZIP, "the name ends in .gz but the content is not gzip")
    return content


def _gunzip(name: str, content: bytes, limits: UnpackLimits) -> bytes:
    """All members of a gzip file, one after the other."""
    parts: list[bytes] = []
    total = position = 0
    while position < len(content):
        if not content.startswith(_MAGIC, position):
            if content[position:].strip(b"\0"):
                raise InputRefusedError(name, RefusalReason.CORRUPT_GZIP, f"{len(content) - position} bytes after the end of the compressed content")
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
                raise InputRefusedError(name, RefusalReason.CORRUPT_GZIP, f"the gzip content is damaged ({error})") from None
            if not part and not piece and not member.eof:
                raise InputRefusedError(name, RefusalReason.TRUNCATED_GZIP, "the gzip content ends too early; the transfer was cut off")
            total += len(part)
            _check_growth(name, total, len(content), limits)
            parts.append(part)
        position -= len(member.unused_data)
    return b"".join(parts)


def _check_growth(name: str, unpacked: int, packed: int, limits: UnpackLimits) -> None:
    if unpacked > limits.max_unpacked_bytes:
        raise InputRefusedError(name, RefusalReason.TOO_LARGE, f"unpacks to more than the {limits.max_unpacked_bytes} bytes allowed")
    if unpacked > _RATIO_FREE_BYTES and unpacked > packed * limits.max_unpack_ratio:
        raise InputRefusedError(name, RefusalReason.UNPACK_RATIO, f"grows by more than the factor {limits.max_unpack_ratio:g} allowed")
