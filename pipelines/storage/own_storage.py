"""When a write of our own fails: told from every other error, whoever wrote (Python, Arrow, delta-rs, SQLite,
Spark), and said with what to do.
"""

from __future__ import annotations

import errno
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import MachineError, StorageError, ZhixiangError


@dataclass(frozen=True)
class _Cause:
    """One way in which storage fails.

    numbers  Of the operating system.
    texts    What others make of it, as a pattern.
    hint     What to do; ``{place}`` is the home.
    """

    numbers: tuple[int, ...]
    texts: str
    said: str
    hint: str


_AGAIN = "then run the same command again: nothing is lost, what was not finished is done then."
_ONLY_WRITES = (
    _Cause(
        (errno.ENOSPC,),
        r"No space left on device|database or disk is full",
        "The disk is full",
        "Free space on the disk of {place}, or set ZHIXIANG_HOME to a larger one (`zhixiang doctor` shows "
        f"what is free); {_AGAIN}",
    ),
    _Cause(
        (errno.EDQUOT,),
        r"[Dd]isk quota exceeded",
        "The quota of the disk is used up",
        f"Free space below {{place}} or have the quota raised; {_AGAIN}",
    ),
    _Cause(
        (errno.EFBIG,),
        r"File too large|File size limit exceeded",
        "A file grew beyond the limit that is set for this process",
        f"Raise the limit (`ulimit -f unlimited` in the shell that starts zhixiang); {_AGAIN}",
    ),
    _Cause(
        (errno.EROFS,),
        r"[Rr]ead-only file system|attempt to write a readonly database",
        "The home cannot be written: it is read-only",
        f"Make {{place}} writable, or set ZHIXIANG_HOME to a folder that is; {_AGAIN}",
    ),
)
_ACCESS = _Cause(
    (errno.EACCES, errno.EPERM),
    r"[Pp]ermission denied|unable to open database file",
    "A folder or file of the home may not be used by this user",
    f"Give the user that runs zhixiang the right to read and write everything below {{place}}; {_AGAIN}",
)
_DEFECT = _Cause(
    (errno.EIO,),
    r"Input/output error|disk I/O error",
    "The disk of the home does not take or give data",
    "Examine the limits of the shell (`ulimit -f`), the room on the disk of {place} (`zhixiang doctor`) and "
    f"the system's log; {_AGAIN}",
)


def storage_error(error: BaseException, home: Path) -> StorageError | None:
    """The failed write of our own that an error, or one that it came from, tells of; None where it tells of
    none.

    home  What may not be read or written counts as our own below it alone; a full disk counts anywhere.
    """
    for found in causes(error):
        if isinstance(found, StorageError):
            return found
        if isinstance(found, ZhixiangError) and not isinstance(found, MachineError):
            return None
        for cause in (*_ONLY_WRITES, _ACCESS, _DEFECT):
            if _tells(found, cause) and (cause in _ONLY_WRITES or _is_ours(found, home)):
                return StorageError(f"{cause.said}: {_in_short(found)}.", cause.hint.format(place=home))
    return None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from, each once, in the order from the last to the first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _tells(error: BaseException, cause: _Cause) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in cause.numbers
    return re.search(cause.texts, str(error)) is not None


def _is_ours(error: BaseException, home: Path) -> bool:
    """Whether an error names something of the home; SQLite names nothing, and every database is ours."""
    if isinstance(error, sqlite3.Error) or "sqlite3." in str(error):
        return True
    named = getattr(error, "filename", None)
    return str(home) in str(named or error)


def _in_short(error: BaseException) -> str:
    """The line of an error that tells of it; a trace of another process has many."""
    texts = "|".join(cause.texts for cause in (*_ONLY_WRITES, _ACCESS, _DEFECT))
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = next((line for line in lines if re.search(texts, line)), lines[0] if lines else "no words")
    return told.rstrip(".")[:300]
