"""States that everyone can foresee, in whatever error they come: each has its own words and exit code."""

from __future__ import annotations

from pathlib import Path

from pipelines.errors import ZhixiangError


def foreseen(error: BaseException, home: Path | None = None) -> ZhixiangError | None:
    """The error of our own family that another one is or came from, or that its words tell of; None where
    nobody foresaw it.

    home  The home of the command; none: the one that the environment names.
    """
    from pipelines.settings import default_home
    from pipelines.storage.own_storage import causes, storage_error
    from pipelines.storage.session.memory import memory_error

    found: ZhixiangError | None = storage_error(error, home or default_home())
    own = (cause for cause in causes(error) if isinstance(cause, ZhixiangError))
    return found or next(own, None) or memory_error(f"{type(error).__name__}: {error}")
