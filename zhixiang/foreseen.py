"""States that everyone can foresee, in whatever error they come: each has its own words and exit code."""

from __future__ import annotations

from pathlib import Path

from pipelines.errors import ZhixiangError
from pipelines.settings import default_home


def foreseen(error: BaseException, home: Path | None = None) -> ZhixiangError | None:
    """The error of our own family that another one is or came from, or that its words tell of; None where
    nobody foresaw it.

    home  The home of the command; none: the one that the environment names.
    """
    from pipelines.storage.memory import memory_error
    from pipelines.storage.own_storage import storage_error

    found: ZhixiangError | None = storage_error(error, home or default_home())
    return found or _family_member(error) or memory_error(f"{type(error).__name__}: {error}")


def _family_member(error: BaseException | None) -> ZhixiangError | None:
    while error is not None:
        if isinstance(error, ZhixiangError):
            return error
        error = error.__cause__ or error.__context__
    return None
