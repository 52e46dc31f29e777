"""The file of the listing that is being committed, noted before its first commit.

The stream's own notes tell which batch a killed run had begun; of a file of the listing this note does. It
keeps the report itself, so that what a killed run left between the tables and the ledger is ended however the
file looks now: it may be changed, or gone, and its rows are in bronze.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.ingest.inbox import Arrival


def listed_application(arrival: Arrival) -> str:
    """Who commits a file that the stream did not offer: named by its state, so that a kill repeats none."""
    return "listed:" + hashlib.sha256(repr(arrival.state).encode()).hexdigest()


@dataclass(frozen=True)
class BegunFile:
    """A file whose commits begin.

    application      Who commits it, as ``listed_application``.
    received_at_utc  As its rows say.
    report           What was read, as of ``read_one``.
    """

    application: str
    received_at_utc: datetime
    report: dict[str, Any]


@dataclass(frozen=True)
class BegunNote:
    """The note of one file at a time.

    path  Where it is kept.
    """

    path: Path

    def read(self) -> BegunFile | None:
        """The file that a run before began and did not end; None also where the note is damaged, as a machine
        that lost its power leaves it: no commit is lost by that, only what it told of it.
        """
        if not self.path.is_file():
            return None
        try:
            told = json.loads(self.path.read_text(encoding="utf-8"))
            moment = datetime.fromisoformat(told["received_at_utc"])
            return BegunFile(told["application"], moment, told["report"])
        except (ValueError, LookupError, TypeError):
            return None

    def write(self, begun: BegunFile) -> None:
        """Says that the commits of this one begin now."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        told = {
            "application": begun.application,
            "received_at_utc": begun.received_at_utc.isoformat(),
            "report": begun.report,
        }
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(told), encoding="utf-8")
        part.replace(self.path)

    def clear(self) -> None:
        """Says that it has ended."""
        self.path.unlink(missing_ok=True)
