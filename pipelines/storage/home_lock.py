"""One writer per home at a time: who holds the lock, and whether anybody does."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pipelines.errors import ConcurrentWriteError
from pipelines.file_modes import close_to_others, make_folder
from pipelines.storage.own_storage import storage_error

_FILE = "writer.lock"
# One who only asks whether the home is held holds it for an instant.
_ATTEMPTS, _PAUSE_SECONDS = 5, 0.02


@contextmanager
def sole_writer(home: Path) -> Iterator[None]:
    """Holds the home's lock; a second writer is refused at once with the process that holds it.

    A home that an earlier version, or a copy, left open to everybody on the machine is closed to them first.

    Raises ConcurrentWriteError, and StorageError where nothing may be written in the home.
    """
    try:
        make_folder(home)
        close_to_others(home)
        handle = (home / _FILE).open("a+")
    except OSError as error:
        if (found := storage_error(error, home)) is not None:
            raise found from error
        raise
    with handle:
        if not _taken(handle):
            handle.seek(0)
            process, _, host = handle.read().strip().partition(" ")
            raise ConcurrentWriteError(
                f"Process {process or 'unknown'} is writing to {home}"
                + (f", on the machine {host}." if host and host != socket.gethostname() else "."),
                "Wait until it ends (`zhixiang ledger` shows its run), or choose another ZHIXIANG_HOME.",
            )
        handle.truncate(0)
        handle.write(f"{os.getpid()} {socket.gethostname()}")
        handle.flush()
        yield


def _taken(handle: IO[str]) -> bool:
    for _ in range(_ATTEMPTS):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_SECONDS)
        else:
            return True
    return False


def is_held(home: Path) -> bool:
    """Whether some process, this one perhaps, is writing to the home; a lock ends with its process, however
    that ends.
    """
    try:
        with (home / _FILE).open() as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
