"""Who may read what is written: whatever the umask of the process, a file has the mode that its kind has."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

DELIVERED_FOLDER, DELIVERED_FILE = 0o750, 0o640
"""Of bills, pages and what else tells of people: the owner writes, his group reads, nobody else."""

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600
"""Of keys and secrets."""


def make_folder(path: Path, mode: int = DELIVERED_FOLDER) -> None:
    """Makes a folder in this mode, and those above it that are missing as those of a delivery; one that
    stands stays as it is.

    Raises FileExistsError where a file stands in its place.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.is_dir()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        folder.chmod(mode if folder == path else DELIVERED_FOLDER)


def put_file(path: Path, content: bytes, mode: int = DELIVERED_FILE) -> None:
    """Writes beside the target and renames, so that no reader ever sees half a file, and a link in the
    target's place is replaced, not followed.
    """
    make_folder(path.parent)
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as handle:
        os.fchmod(handle.fileno(), mode)
        handle.write(content)
    partial.replace(path)


def give_name(partial: Path, target: Path) -> None:
    """Gives a whole file its name, and never another file's place: a link fails where the name is taken,
    which a rename would not. The name that it had may stay beside.

    Raises FileExistsError where the name is taken.
    """
    try:
        os.link(partial, target)
    except FileExistsError:
        raise
    except OSError:
        # A file system without links: look, then rename.
        if os.path.lexists(target):
            raise FileExistsError(str(target)) from None
        partial.rename(target)


def restrict(folder: Path, folder_mode: int = DELIVERED_FOLDER, file_mode: int = DELIVERED_FILE) -> None:
    """Gives a folder that stands and all below it these modes; links are left alone, and so is what belongs
    to others.
    """
    for top, _, names in os.walk(folder):
        _set_mode(Path(top), folder_mode)
        for name in names:
            _set_mode(Path(top, name), file_mode)


def close_to_others(folder: Path) -> None:
    """Takes from everybody but owner and group what they may do in a folder, where it leads if it is a link;
    what is below it stays, and so does a folder of somebody else.
    """
    place = folder.resolve()
    mode = stat.S_IMODE(place.stat().st_mode)
    if mode & stat.S_IRWXO:
        _set_mode(place, mode & ~stat.S_IRWXO)


def _set_mode(path: Path, mode: int) -> None:
    with suppress(FileNotFoundError):  # taken away meanwhile
        found = path.lstat()
        is_ours = found.st_uid == os.geteuid() and not stat.S_ISLNK(found.st_mode)
        if is_ours and stat.S_IMODE(found.st_mode) != mode:
            path.chmod(mode)
