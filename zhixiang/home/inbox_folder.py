"""The folder where received files arrive: the home's own, or one that exists."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from pipelines.errors import UsageError

INBOX = "inbox"


def inbox_folder(home: Path, asked: Path | None) -> Path:
    """The inbox of a command; only the home's own is made where it does not exist.

    Raises UsageError for a folder asked for that does not exist or is none, with near names.
    """
    own = home / INBOX
    if asked is None or asked.absolute() == own:
        return own
    if asked.is_dir():
        return asked
    if asked.exists():
        raise UsageError(
            f"--inbox {asked} is a file, no folder.", f"Name the folder it lies in: {asked.parent}"
        )
    near = near_names(asked)
    raise UsageError(
        f"--inbox {asked} does not exist; nothing was made.",
        f"Did you mean {' or '.join(near)}?"
        if near
        else f"Make the folder first, or leave --inbox out: {own} is used then.",
    )


def near_names(path: Path) -> list[str]:
    """Paths beside a missing one whose names are like it."""
    folder = path.absolute().parent
    try:
        names = [found.name for found in folder.iterdir()]
    except OSError:
        return []
    return [str(path.parent / name) for name in get_close_matches(path.name, names, n=2)]
