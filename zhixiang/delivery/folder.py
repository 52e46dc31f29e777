"""The delivered folder as it stands: its files by name, what differs from what was written, and how a new
delivery takes the place of the one before.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.file_modes import make_folder

STAGE = "out.partial"
ASIDE = "out.aside"
_REVISION = "-revision-"
SUFFIXES = (".html", ".pdf", ".png", ".svg", ".txt")


@dataclass(frozen=True)
class Written:
    """A delivered file: SHA-256 of its bytes and their number."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Deviation:
    """What is otherwise in a folder than its list says.

    kind  ``altered``, ``cut`` (shorter than it was), ``missing`` or ``added``; what, in words.
    """

    kind: str
    name: str
    what: str


def entries_below(folder: Path) -> dict[str, bool]:
    """Name of everything below a folder that is no folder -> whether it is an ordinary file; links are not
    followed.
    """
    found: dict[str, bool] = {}
    for place, folders, files in os.walk(folder, followlinks=False):
        links = [name for name in folders if Path(place, name).is_symlink()]
        for name in [*files, *links]:
            path = Path(place, name)
            found[path.relative_to(folder).as_posix()] = stat.S_ISREG(path.lstat().st_mode)
    return found


def printable(name: str) -> str:
    """A file's name for screens and JSON, whatever bytes it is of."""
    return name.encode("utf-8", errors="backslashreplace").decode()


def written(path: Path) -> Written:
    """Hash and size of a file."""
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    return Written(digest, path.stat().st_size)


def deviations(
    folder: Path, listed: Mapping[str, str], sizes: Mapping[str, int], beside: Collection[str] = ()
) -> list[Deviation]:
    """Everything in a folder that is not as listed, by name.

    listed  Name -> SHA-256; sizes: name -> bytes, where they are known.
    beside  Names that may be there without being listed.
    """
    entries, found = entries_below(folder), []
    for name, sha in listed.items():
        if name not in entries:
            found.append(Deviation("missing", name, "缺失 it is listed and not there"))
        elif not entries[name]:
            found.append(Deviation("altered", name, "不是普通文件 it is a link or no ordinary file"))
        else:
            now = written(folder / name)
            if now.sha256 != sha:
                found.append(_altered(name, now, sizes.get(name)))
    for name, is_file in entries.items():
        if name not in listed and (name not in beside or not is_file):
            what = "未列入 it is not listed" if is_file else "未列入的链接 a link that is not listed"
            found.append(Deviation("added", printable(name), what))
    return sorted(found, key=lambda each: (each.name, each.kind))


def _altered(name: str, now: Written, size: int | None) -> Deviation:
    if size is not None and now.size < size:
        return Deviation("cut", name, f"变短 {now.size:,} bytes of {size:,}")
    more = "" if size is None else f", {now.size:,} bytes, {size:,} as delivered"
    return Deviation("altered", name, f"内容已改 its bytes are not those delivered{more}")


def revision_name(base: str, suffix: str, revision: int | str) -> str:
    """Under which name the files of an earlier revision stay."""
    return f"{base}{_REVISION}{revision}{suffix}"


def keep_revisions(
    out: Path,
    stage: Path,
    sound: Mapping[str, str],
    before: Mapping[str, int],
    now: Mapping[str, int],
    run: str,
) -> list[str]:
    """Copies the issued files of results that were revised to the stage, under their revision's name; returns
    the names of those that are not as they were delivered any more, of which no copy is made.

    sound   Files of the delivery before that are as they were delivered -> SHA-256.
    before  Name without suffix -> delivered revision; now: the same of this delivery.
    run     Stands for the revision where an earlier version did not tell it.
    """
    changed = []
    for base, revision in now.items():
        earlier: int | str | None = before.get(base, run if revision > 1 and not before else None)
        if earlier is None or earlier == revision:
            continue
        for suffix in SUFFIXES:
            name = base + suffix
            if name not in sound:
                continue
            if (stage / name).is_file() and written(stage / name).sha256 == sound[name]:
                continue
            target = stage / revision_name(base, suffix, earlier)
            # What is copied is held to what was delivered, not what lay there a moment before.
            if is_ordinary(out / name):
                make_folder(target.parent)
                shutil.copyfile(out / name, target)
                if written(target).sha256 == sound[name]:
                    continue
                target.unlink()
            changed.append(name)
    return changed


def is_ordinary(path: Path) -> bool:
    """Whether a file of its own lies there, no link."""
    return path.is_file() and not path.is_symlink()


def held_to(out: Path, kept: Mapping[str, str]) -> tuple[dict[str, Written], list[str]]:
    """The files of a folder that are as they were delivered, and the names of those that are not.

    kept  Name -> SHA-256 that the file was delivered with.
    """
    held = {name: written(out / name) for name in kept if is_ordinary(out / name)}
    changed = [name for name, sha in kept.items() if name not in held or held[name].sha256 != sha]
    return {name: found for name, found in held.items() if name not in changed}, changed


def move_aside(out: Path, name: str, aside: Path) -> None:
    """Moves what lies under a name out of the folder; nothing that was moved before is overwritten."""
    target, number = aside / name, 1
    while os.path.lexists(target):
        number, target = number + 1, aside / f"{name}.{number}"
    make_folder(target.parent)
    (out / name).rename(target)


def publish(
    stage: Path, out: Path, kept: Mapping[str, Written], beside: Collection[str], aside: Path
) -> tuple[dict[str, Written], list[str]]:
    """Puts the staged files in place and moves whatever is neither staged nor kept aside; returns what the
    folder then holds, and the names of what was moved. The stage stays, without them: it says that the
    delivery is not signed yet.

    kept    Earlier files that stay as they are; beside: names of files that are not listed.
    aside   Folder for what is not ours; made where it is needed.
    """
    make_folder(out)
    staged = {name: written(stage / name) for name in entries_below(stage)}
    ours, moved = {*staged, *kept, *beside}, list[str]()

    def move(name: str) -> None:
        move_aside(out, name, aside)
        moved.append(printable(name))

    for name, is_file in entries_below(out).items():
        if name not in ours or not is_file:
            move(name)
    # Issued pages first: killed between, a delivery must not have put a revision in the place of one.
    for name, found in sorted(staged.items(), key=lambda each: _REVISION not in each[0]):
        _clear_way(out, name, move)
        target = out / name
        make_folder(target.parent)
        if not target.is_file() or written(target) != found:
            (stage / name).replace(target)
    # What was kept is signed as it was held to its list, not as it may lie there by now.
    return {**kept, **staged}, moved


def emptied(stage: Path) -> None:
    """Empties a stage and leaves the folder, which says that a delivery is under way."""
    make_folder(stage)
    for path in stage.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _clear_way(out: Path, name: str, move: Callable[[str], None]) -> None:
    """Moves aside what stands in a file's way: a file where its folder belongs, a folder in its place."""
    for parent in reversed(Path(name).parents[:-1]):
        if (out / parent).exists() and not (out / parent).is_dir():
            move(parent.as_posix())
    if (out / name).is_dir():
        move(name)
