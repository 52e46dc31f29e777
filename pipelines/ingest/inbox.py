"""What lies in the inbox: which files are received, and which of them the file ledger does not know in their
present state.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

# Names of files that are still being written, or that belong to an editor or a file system.
_HIDDEN = "."
_UNFINISHED = (".tmp", ".part", "~")
_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")

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
    """The name under which the ledger knows a file: its path below the inbox, as ``shown_path`` writes it."""
    below = Path(path).relative_to(inbox).as_posix() if Path(path).is_relative_to(inbox) else Path(path).name
    return shown_path(below)


def shown_path(path: str) -> str:
    """A path as text that any table and any screen takes; each path has its own.

    Names are bytes, and those out of foreign archives are often no UTF-8: such a byte is written ``\\xd3``.

    >>> shown_path("\\udcd3\\udcc3.csv") == r"\\xd3\\xc3.csv"
    True
    """
    raw = os.fsencode(path)
    if _ESCAPE.search(raw) or any(0xDC80 <= ord(character) <= 0xDCFF for character in path):
        raw = raw.replace(b"\\", b"\\x5c")
    return raw.decode("utf-8", errors="backslashreplace")


def real_path(shown: str) -> str:
    """The path that ``shown_path`` wrote so, for the file system.

    >>> real_path(shown_path("\\udcd3.csv")) == "\\udcd3.csv"
    True
    """
    return os.fsdecode(_ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), shown.encode()))


def paths_below(inbox: Path) -> Iterator[Path]:
    """Every file of the inbox, and every link, which is not followed."""
    for top, folders, names in os.walk(inbox):
        yield from (Path(top, name) for name in names)
        yield from (Path(top, name) for name in folders if Path(top, name).is_symlink())


def closed_folders(inbox: Path) -> list[tuple[str, str]]:
    """Name and reason of each folder of the inbox that cannot be listed or entered now, hidden ones left out;
    what lies in it is neither read nor refused. The inbox itself is ``.``.
    """
    found: dict[str, str] = {}

    def note(error: OSError) -> None:
        name = Path(os.path.relpath(error.filename or inbox, inbox)).as_posix()
        if not any(part.startswith(_HIDDEN) for part in Path(name).parts):
            found[shown_path(name)] = error.strerror or str(error)

    for top, _folders, _names in os.walk(inbox, onerror=note):
        if not os.access(top, os.X_OK):
            note(PermissionError(errno.EACCES, os.strerror(errno.EACCES), top))
    return sorted(found.items())


def has_linked_folder(inbox: Path) -> bool:
    """Whether a folder of the inbox is a link; one who follows it may go round in circles."""
    return any(path.is_symlink() and path.is_dir() for path in paths_below(inbox))


def arrivals(paths: Iterable[str | Path], inbox: Path, handled: Collection[State]) -> list[Arrival]:
    """Those of the paths that are received files in a state not handled yet, in the order of their names.

    A link is an arrival, so that it is told of once; what lies behind the link of a folder is none.
    """
    found, behind = set(), dict[Path, bool]()
    for path in map(Path, paths):
        name = name_below(path, inbox)
        if not is_received(name):
            continue
        if path.parent not in behind:
            behind[path.parent] = _lies_behind_link(path.parent, inbox)
        try:
            told = path.lstat()
        except OSError:  # Spark's word for a name in bytes of its own, or a file that is gone
            continue
        if not behind[path.parent] and (stat.S_ISREG(told.st_mode) or stat.S_ISLNK(told.st_mode)):
            found.add(Arrival(name, str(path), told.st_size, modified_at(told.st_mtime_ns)))
    return sorted(arrival for arrival in found if arrival.state not in handled)


def _lies_behind_link(folder: Path, inbox: Path) -> bool:
    return any(
        step.is_symlink()
        for step in (folder, *folder.parents)
        if step != inbox and step.is_relative_to(inbox)
    )


def modified_at(nanoseconds: int) -> datetime:
    """A file's time of change as the ledger keeps it."""
    seconds, rest = divmod(nanoseconds // 1000, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)
