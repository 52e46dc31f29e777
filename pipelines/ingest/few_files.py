"""A few small files that come later are read by the process that runs: Spark takes longer to start than they
take.

The stream's own notes tell which files a killed run had begun; of files read here a note beside them does, so
that whoever reads them next does it under the same transactions, and no row comes twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
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


def listed_application(arrival: Arrival) -> str:
    """Who commits a file that the stream did not offer: named by its state, so that a kill repeats none."""
    return "listed:" + hashlib.sha256(repr(arrival.state).encode()).hexdigest()


@dataclass(frozen=True)
class BegunFiles:
    """The note of the files whose reading here has begun.

    path  Where it is kept.
    """

    path: Path

    def of(self, fresh: Sequence[Arrival]) -> list[Arrival]:
        """Those of the files that a run before began and did not end."""
        if not self.path.is_file():
            return []
        begun = set(json.loads(self.path.read_text(encoding="utf-8")))
        return [arrival for arrival in fresh if listed_application(arrival) in begun]

    def note(self, fresh: Sequence[Arrival]) -> None:
        """Says that these begin now."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps([*map(listed_application, fresh)]), encoding="utf-8")
        part.replace(self.path)

    def clear(self) -> None:
        """Says that all have ended."""
        self.path.unlink(missing_ok=True)
