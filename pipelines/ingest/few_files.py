"""A few small files that come later are read by the process that runs: Spark takes longer to start than they
take.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipelines.ingest.inbox import Arrival

MOST_FILES, MOST_BYTES = 8, 4 << 20
"""No threshold: either way gives the same rows."""


def are_few(fresh: Sequence[Arrival]) -> bool:
    """Whether files are read here."""
    return len(fresh) <= MOST_FILES and sum(arrival.size_bytes for arrival in fresh) <= MOST_BYTES


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
