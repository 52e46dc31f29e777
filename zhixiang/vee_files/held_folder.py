"""Folders of work in progress: each is held by its process, and what a killed run left goes with the next."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
import weakref
from pathlib import Path

PARTIAL = ".vee-partial-"
ALIVE = "alive"
"""File that the process holds locked: a folder in which nobody holds it was left by a killed run."""
_BEGINNING_S = 60.0
"""A younger folder may not have its lock yet."""


class HeldFolder:
    """A folder of this process's own that goes when it is closed or nobody holds it any more.

    beside  Where it is made; none: among the system's temporary ones.
    """

    def __init__(self, beside: Path | None = None) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=beside))
        alive = os.open(self.path / ALIVE, os.O_CREAT | os.O_RDWR)
        fcntl.flock(alive, fcntl.LOCK_EX)
        self._gone = weakref.finalize(self, _let_go, self.path, alive)

    def close(self) -> None:
        """Lets it go, with what is in it."""
        self._gone()


def _let_go(path: Path, alive: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    os.close(alive)


def remove_left(folder: Path) -> None:
    """Removes folders that killed runs left in another one."""
    for partial in folder.glob(f"{PARTIAL}*"):
        if not _is_held(partial):
            shutil.rmtree(partial, ignore_errors=True)


def _is_held(partial: Path) -> bool:
    try:
        with (partial / ALIVE).open() as alive:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    except OSError:
        return partial.exists() and time.time() - partial.stat().st_mtime < _BEGINNING_S
