"""A few small files that come later are read by the process that runs: Spark takes longer to start than they
take.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipelines.ingest.inbox import Arrival

MOST_FILES, MOST_BYTES = 8, 4 << 20
"""No threshold: either way gives the same rows."""
_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08", b"PAR1")
"""How gzip, zip (and what is made of it) and Parquet begin."""
_LONGEST = max(map(len, _PACKED))


def are_few(fresh: Sequence[Arrival]) -> bool:
    """Whether files are read here. A packed file is not: its size says nothing of what is in it."""
    if len(fresh) > MOST_FILES or sum(arrival.size_bytes for arrival in fresh) > MOST_BYTES:
        return False
    return not any(_is_packed(Path(arrival.path)) for arrival in fresh)


def _is_packed(path: Path) -> bool:
    """Whether a file is known as compressed by its content, as readers know it under any name."""
    try:
        if path.is_symlink():  # not followed
            return False
        with path.open("rb") as file:
            return file.read(_LONGEST).startswith(_PACKED)
    except OSError:  # whoever reads it says so
        return False


def is_at_rest(checkpoint: Path) -> bool:
    """Whether the stream has read something and ended every batch that it began; one that a killed run left
    open is the stream's own to repeat.
    """
    begun, ended = (_newest(checkpoint / part) for part in ("offsets", "commits"))
    return begun is not None and begun == ended


def _newest(folder: Path) -> int | None:
    if not folder.is_dir():
        return None
    return max((int(path.name) for path in folder.iterdir() if path.name.isdecimal()), default=None)
