"""What killed processes left: scratch of a home, and half-made or outlived class-data archives of the cache
that homes share. Only what no process owns goes.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ARCHIVE, PARTIAL, LOCK, ORIGIN = ".jsa", ".partial", ".lock", ".origin"
"""Ends of the names of an archive, of one that is being made, of the lock of its maker, and of the note that
says for which environment it was made."""
_UNUSED_SECONDS = 30 * 86_400
# An earlier version wrote its process into the name and held no lock; it gave up after ten minutes.
_BEFORE_LOCKS = re.compile(r"\.\d+$")
_GIVEN_UP_SECONDS = 900


def clear_folder(folder: Path) -> None:
    """Empties a folder that nobody uses; what cannot be deleted stays."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()


@contextmanager
def sole_maker(archive: Path) -> Iterator[bool]:
    """Whether this process may make an archive: False while another makes it. The lock ends with its
    process.
    """
    with archive.with_suffix(LOCK).open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def clear_archives(cache: Path) -> None:
    """Deletes archives of a cache folder that nobody is making and nobody will use again.

    A half-made one goes where nobody holds its maker's lock; a whole one where its environment is gone or was
    changed, or where nobody has used it for thirty days. It can be made again, and a process that has it open
    keeps it.
    """
    for partial in cache.glob(f"spark-*{PARTIAL}"):
        with suppress(OSError):
            is_of_before = _BEFORE_LOCKS.search(partial.stem) is not None
            archive = partial.with_name(_BEFORE_LOCKS.sub("", partial.stem) + ARCHIVE)
            if is_of_before and time.time() - partial.stat().st_mtime < _GIVEN_UP_SECONDS:
                continue
            with sole_maker(archive) as is_mine:
                if is_mine:
                    partial.unlink()
    for archive in cache.glob(f"spark-*{ARCHIVE}"):
        with suppress(OSError):
            if _is_outlived(archive):
                archive.unlink()
                for end in (ORIGIN, LOCK):
                    archive.with_suffix(end).unlink(missing_ok=True)


def _is_outlived(archive: Path) -> bool:
    used = archive.stat()
    if time.time() - max(used.st_atime, used.st_mtime) > _UNUSED_SECONDS:
        return True
    note = archive.with_suffix(ORIGIN)
    if not note.is_file():
        return False
    told = note.read_text(encoding="utf-8")
    return told != origin_of(Path(told.rpartition(" ")[0]))


def origin_of(jars: Path) -> str:
    """The folder of an environment's Spark jars, and its state; an archive fits no other."""
    return f"{jars} {jars.stat().st_mtime_ns if jars.is_dir() else 0}"
