"""What lies in the inbox: which files are received, and which of them the file ledger does not know in their
present state.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

# Names of files that are still being written, or that belong to an editor or a file system.
_HIDDEN = "."
_UNFINISHED = (".tmp", ".part", "~")

State = tuple[str, int, datetime | None]


@dataclass(frozen=True, order=True)
class Arrival:
    """A received file as it stands now.

    name         Path below the inbox.
    size_bytes   Length.
    modified_at  Time of the last change, to the microsecond. [UTC]
    """

    name: str
    path: str
    size_bytes: int
    modified_at: datetime

    @property
    def state(self) -> State:
        """What the ledger keeps of it: a file that was changed under its name has another state."""
        return (self.name, self.size_bytes, self.modified_at)


def is_received(name: str) -> bool:
    """Whether a file of that name counts as received; hidden and unfinished ones wait for their final
    name.
    """
    return not any(part.startswith(_HIDDEN) for part in Path(name).parts) and not name.lower().endswith(
        _UNFINISHED
    )


def name_below(path: str | Path, inbox: str | Path) -> str:
    """The name under which the ledger knows a file: its path below the inbox."""
    return Path(path).relative_to(inbox).as_posix() if Path(path).is_relative_to(inbox) else Path(path).name


def arrivals(paths: Iterable[str | Path], inbox: Path, handled: Collection[State]) -> list[Arrival]:
    """Those of the paths that are received files in a state not handled yet, in the order of their names."""
    found = []
    for path in paths:
        name = name_below(path, inbox)
        if is_received(name) and Path(path).is_file():
            stat = Path(path).stat()
            found.append(Arrival(name, str(path), stat.st_size, modified_at(stat.st_mtime_ns)))
    return sorted(arrival for arrival in found if arrival.state not in handled)


def modified_at(nanoseconds: int) -> datetime:
    """A file's time of change as the ledger keeps it."""
    seconds, rest = divmod(nanoseconds // 1000, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)
