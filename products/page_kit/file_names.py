"""Names of files that are made from identifiers, and the door that keeps every file inside its folder.

A name is readable and stands for one identifier alone: letters, digits, Chinese, ``-`` and ``_`` stay, every
other byte is written ``~2F``, a long name is cut. A name that is cut, that stands for something else in a
folder of the delivery or on some machine, or that differs from another one in the case of its letters alone,
ends in ``~h`` and a part of the identifier's SHA-256.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from pipelines.errors import OutsideFolderError

MOST_BYTES = 150
"""Of a name, which stands between ``supplier-`` and ``-correction-12.html.partial`` in the 255 of a disk."""

_HASH_DIGITS = 24
_ESCAPED = re.compile(r"[^0-9A-Za-z_\-\u3400-\u4dbf\u4e00-\u9fff]|^-")
# What a machine or a folder of the delivery means by such a name.
_TAKEN = re.compile(
    r"con|prn|aux|nul|com[0-9]|lpt[0-9]|index|supplier-.*|.*-correction-[0-9]+", re.IGNORECASE
)


def file_names(identifiers: Iterable[str]) -> dict[str, str]:
    """Identifier -> name without suffix, of all that share a folder.

    No two names are equal, in whatever case a disk keeps its letters.

    >>> file_names(["STEEL-0001", "A.1", "A/2", "甲"])
    {'STEEL-0001': 'STEEL-0001', 'A.1': 'A~2E1', 'A/2': 'A~2F2', '甲': '甲'}
    """
    names = {identifier: file_name(identifier) for identifier in identifiers}
    alike = Counter(name.casefold() for name in names.values())
    return {
        identifier: name if alike[name.casefold()] == 1 else _hashed(identifier, name)
        for identifier, name in names.items()
    }


def file_name(identifier: str) -> str:
    """The name of one identifier by itself; where several share a folder, ``file_names`` tells them apart in
    their case as well.
    """
    name = _ESCAPED.sub(_escape, identifier)
    fits = len(name.encode()) <= MOST_BYTES
    return name if name and fits and not _TAKEN.fullmatch(name) else _hashed(identifier, name)


def path_below(folder: Path, *parts: str) -> Path:
    """The path of a file below a folder.

    Raises OutsideFolderError where it would lie elsewhere, by its parts or through a folder that is a link. A
    link in the file's own place is no danger: a file is written beside it and takes its place.
    """
    path = folder.joinpath(*parts)
    if ".." in (step for part in parts for step in Path(part).parts) or path == folder:
        raise OutsideFolderError(folder, parts)
    try:
        inside = path.parent.resolve().is_relative_to(folder.resolve())
    except (ValueError, OSError, RuntimeError):  # a NUL, a name too long for the disk, a loop of links
        raise OutsideFolderError(folder, parts) from None
    if not inside or "\0" in path.name:
        raise OutsideFolderError(folder, parts)
    return path


def suffixed(base: Path, suffix: str) -> Path:
    """A path with a suffix behind its whole name; what stands behind a dot of the name stays.

    >>> suffixed(Path("bills", "a.b"), "pdf").name
    'a.b.pdf'
    """
    return base.with_name(f"{base.name}.{suffix}")


def _escape(found: re.Match[str]) -> str:
    return "".join(f"~{byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass"))


def _hashed(identifier: str, name: str) -> str:
    """The name's beginning, and what no other identifier has."""
    digest = hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_DIGITS]
    room = MOST_BYTES - len(digest) - len("~h")
    return f"{name.encode()[:room].decode(errors='ignore')}~h{digest}"
