"""Unpacking gzip and zip without trusting them: the size is watched while it grows, so a bomb never fills
memory. A workbook is a zip archive too; it is watched alike and left as it is.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Protocol

from pipelines.errors import InputRefusedError
from pipelines.formats.contract import RefusalReason, shown
from pipelines.formats.documents.kinds import WORKBOOK, office_kind, wrong_kind

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
    """The plain bytes of a received file: gzip and a zip of one file are unpacked, a workbook (.xlsx) is
    taken out of them, anything else passes through.

    name     Name under which the file arrived; a name in ``.gz`` must be gzip, and both are known by their
             content under any name.
    content  The file as received.
    limits   Largest sizes and growth, see ``IngestSettings``. The ratio counts from 16 MiB of unpacked
             content on.

    Raises InputRefusedError: empty_file, too_large, unpack_ratio, truncated_gzip, corrupt_gzip, corrupt_zip,
    zip_contents, wrong_kind for an Office file that is no workbook, and for an archive inside another one.
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
        if plain is not content and plain.startswith((_MAGIC, *_ZIP_MAGIC)):
            return _workbook_inside(name, plain, limits)
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


def _workbook_inside(name: str, plain: bytes, limits: UnpackLimits) -> bytes:
    """What was packed, where it is a workbook; raises InputRefusedError where it is an archive again."""
    if plain.startswith(_ZIP_MAGIC):
        try:
            with zipfile.ZipFile(io.BytesIO(plain)) as archive:
                office = office_kind(frozenset(archive.namelist()))
        except (zipfile.BadZipFile, OSError, ValueError):
            office = None
        if office is not None:
            return _unzip(name, plain, limits)
    inner = "a gzip" if plain.startswith(_MAGIC) else "a zip"
    raise InputRefusedError(
        name,
        RefusalReason.ZIP_CONTENTS,
        f"{inner} inside another archive; unpack it and send each file inside by itself",
    )


def _unzip(name: str, content: bytes, limits: UnpackLimits) -> bytes:
    """The only file of a zip archive, or the archive itself where it is a workbook; sizes are counted while
    they grow, never taken from the archive's own table.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            held = [
                entry
                for entry in archive.infolist()
                if not entry.is_dir() and not entry.filename.startswith("__MACOSX/")
            ]
            office = office_kind(frozenset(entry.filename for entry in held))
            if office is not None and office is not WORKBOOK:
                raise wrong_kind(name, office)
            if office is None and len(held) != 1:
                named = ", ".join(shown(entry.filename) for entry in held[:3])
                told = f" ({named}{', ...' if len(held) > 3 else ''})" if held else ""
                raise InputRefusedError(
                    name,
                    RefusalReason.ZIP_CONTENTS,
                    f"the archive holds {len(held)} files{told}, expected one; send each by itself",
                )
            if any(entry.flag_bits & 0x1 for entry in held):
                raise InputRefusedError(
                    name, RefusalReason.ZIP_CONTENTS, "the file in the archive is encrypted"
                )
            parts: list[bytes] = []
            total = 0
            for entry in held:
                with archive.open(entry) as packed:
                    while part := packed.read(_STEP_BYTES):
                        total += len(part)
                        _check_growth(name, total, len(content), limits)
                        if office is None:
                            parts.append(part)
            return b"".join(parts) if office is None else content
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
