"""What a file is when it is none that can be read: told by its first bytes before any reader fails at it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.errors import InputRefusedError
from pipelines.formats.contract import RefusalReason

_HEAD_BYTES = 4096
_BLANK = b" \t\r\n"
_UTF8_BOM = b"\xef\xbb\xbf"
_CSV = "save its table as CSV (UTF-8) and send that"
_UNPACK = "unpack it and send the file inside, by itself or as gzip or zip"
_EXPORT = "export its table as CSV or Parquet and send that"
_PHOTO = "send the data, not a picture of it"
WORKBOOK_HINT = "save the sheet as CSV, or name it by `sheet:` in a mapping (docs/formats/workbook.md)"


@dataclass(frozen=True)
class Kind:
    """A kind of file that is not read: what people call it, and what to do instead."""

    name: str
    hint: str


_MAGICS: tuple[tuple[bytes, Kind], ...] = (
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        Kind(
            "an old Office file, such as an Excel workbook (.xls), or one with a password",
            "save it as .xlsx without a password, or " + _CSV,
        ),
    ),
    (b"7z\xbc\xaf\x27\x1c", Kind("a 7z archive", _UNPACK)),
    (b"Rar!\x1a\x07", Kind("a RAR archive", _UNPACK)),
    (b"\xfd7zXZ\0", Kind("an xz archive", _UNPACK)),
    (b"\x28\xb5\x2f\xfd", Kind("a zstd archive", _UNPACK)),
    (b"%PDF-", Kind("a PDF document", "ask for the data as CSV; nothing is read out of printed pages")),
    (b"{\\rtf", Kind("an RTF document", _CSV)),
    (b"SQLite format 3\0", Kind("an SQLite database", _EXPORT)),
    (b"\0\1\0\0Standard ", Kind("an Access database", _EXPORT)),
    (b"ARROW1\0\0", Kind("an Arrow (Feather) file", "write it as Parquet")),
    (b"Obj\x01", Kind("an Avro file", "write it as Parquet")),
    (b"\x89HDF\r\n\x1a\n", Kind("an HDF5 file", _EXPORT)),
    (b"\x89PNG\r\n\x1a\n", Kind("an image (PNG)", _PHOTO)),
    (b"\xff\xd8\xff", Kind("an image (JPEG)", _PHOTO)),
    (b"GIF87a", Kind("an image (GIF)", _PHOTO)),
    (b"GIF89a", Kind("an image (GIF)", _PHOTO)),
    (b"II*\0", Kind("an image (TIFF)", _PHOTO)),
    (b"MM\0*", Kind("an image (TIFF)", _PHOTO)),
    (b"MZ\x90\0", Kind("a program of Windows", "send the data that it shows, as CSV")),
    (b"\x7fELF", Kind("a program", "send the data that it shows, as CSV")),
)

# Texts by how they begin. A header may begin with a name in brackets, [id],[value] or <DATE>,<TIME>.
_TEXTS: tuple[tuple[re.Pattern[bytes], Kind], ...] = (
    (
        re.compile(rb"<!doctype\s+html|<html|<head[\s>]|<table[\s>]", re.IGNORECASE),
        Kind("a web page (HTML), perhaps one that says why there is no file", _CSV),
    ),
    (
        re.compile(rb"<\?xml[\s?]|<!--|<!DOCTYPE\s|<[A-Za-z_][\w.:-]*(?:\s[^<>]*)?>(?!\s*[,;])"),
        Kind("an XML file", "of XML only Green Button is read (docs/formats/green_button.md); " + _CSV),
    ),
    (
        re.compile(rb'\{\s*["}]|\[\s*[{\["\]]'),
        Kind("a JSON file", "write its records as CSV or Parquet, one column a field"),
    ),
)
_PATTERNS: tuple[tuple[re.Pattern[bytes], Kind], ...] = (
    (re.compile(rb"BZh[1-9]1AY&SY"), Kind("a bzip2 archive", _UNPACK)),
    (re.compile(rb".{257}ustar", re.DOTALL), Kind("a tar archive", _UNPACK)),
    (re.compile(rb"RIFF....WEBP|....ftyp(?:heic|heix|mif1)", re.DOTALL), Kind("an image", _PHOTO)),
)

WORKBOOK = Kind("an Excel workbook (.xlsx)", WORKBOOK_HINT)
_PARTS: tuple[tuple[str, Kind], ...] = (
    ("xl/workbook.bin", Kind("an Excel workbook in binary form (.xlsb)", "save it as .xlsx, or " + _CSV)),
    ("word/", Kind("a Word document", _CSV)),
    ("ppt/", Kind("a slide show", _CSV)),
    (
        "content.xml",
        Kind("an OpenDocument file, such as a LibreOffice sheet (.ods)", "save it as .xlsx, or " + _CSV),
    ),
    ("xl/", WORKBOOK),
)
_OFFICE_MARKS = frozenset({"[Content_Types].xml", "mimetype"})


def office_kind(names: frozenset[str]) -> Kind | None:
    """Which Office file a zip archive is, from the names of its parts; none where it is a plain archive."""
    if not names & _OFFICE_MARKS:
        return None
    return next((kind for part, kind in _PARTS if any(name.startswith(part) for name in names)), None)


def foreign_kind(content: bytes) -> Kind | None:
    """The kind of an unpacked file that no reader takes; none where it may be text or Parquet."""
    head = content[:_HEAD_BYTES]
    for magic, kind in _MAGICS:
        if head.startswith(magic):
            return kind
    text = head.removeprefix(_UTF8_BOM).lstrip(_BLANK)
    begun = [(begins, head) for begins in _PATTERNS] + [(begins, text) for begins in _TEXTS]
    return next((kind for (begins, kind), start in begun if begins.match(start)), None)


def is_workbook(content: bytes) -> bool:
    """Whether an unpacked file is a workbook: of zip archives ``unpack`` lets no other pass."""
    return content.startswith(b"PK\x03\x04")


def refuse_foreign(name: str, content: bytes) -> None:
    """Raises InputRefusedError (wrong_kind) that names what the file is and what to do, where it is of a
    kind that is not read.
    """
    kind = foreign_kind(content)
    if kind is not None:
        raise wrong_kind(name, kind)


def wrong_kind(name: str, kind: Kind) -> InputRefusedError:
    """The refusal of a file of that kind."""
    return InputRefusedError(name, RefusalReason.WRONG_KIND, f"the file is {kind.name}; {kind.hint}")
