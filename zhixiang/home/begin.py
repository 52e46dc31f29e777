"""A new home: its settings, its inbox with an example file of each received kind, and a page that says what
to do next.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import UsageError
from pipelines.file_modes import close_to_others, make_folder
from pipelines.settings import OWN_CONF, check_home, packaged
from zhixiang.home.example_files import example_prices, write_example_files
from zhixiang.home.own_conf import write_conf
from zhixiang.home.words import README_EMPTY, README_EXAMPLES, README_HEAD, README_REST

EXAMPLE_MONTH = "2026-09"
INBOX, PRICES, README = "inbox", "prices/example_prices.csv", "README.md"
DOCS = "docs"
PAGES = (
    "your-own-data.md",
    "another-province.md",
    "settings.md",
    "tariff-case.md",
    "tariff-case.schema.json",
    "formats",
    "examples",
)
"""What hints and the home's README name of ``docs/``; it ships with the program."""
_SCRATCH = ".zhixiang-init-"


@dataclass(frozen=True)
class BegunHome:
    """What was written.

    home   The folder.
    files  Names of the example files in its inbox.
    """

    home: Path
    files: tuple[str, ...]


def begin_home(folder: Path, *, with_examples: bool = True) -> BegunHome:
    """Writes a home into a folder that is empty or does not exist yet; whole or not at all. Nobody
    but its owner and his group may look into it.

    Raises UsageError for a folder that is not empty, is none, or cannot be written; SettingsError for a path
    that no home can have.
    """
    place = folder.absolute()
    check_home(place)
    _require_empty(place)
    try:
        make_folder(place)
        close_to_others(place)
        for left in place.glob(f"{_SCRATCH}*"):
            shutil.rmtree(left)
        scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=place))
        try:
            files = _write(scratch, with_examples)
            for path in sorted(scratch.iterdir()):
                path.rename(place / path.name)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise UsageError(
            f"{place} cannot be written: {error.strerror or error}.",
            "Name a folder that you may write to, on a disk with room: zhixiang init DIR",
        ) from None
    return BegunHome(place, files)


def _require_empty(place: Path) -> None:
    """A folder that an init left half-made counts as empty."""
    try:
        if place.is_symlink() and not place.exists():
            raise UsageError(f"{place} is a link to nothing.", "Name a folder: zhixiang init DIR")
        if place.exists() and not place.is_dir():
            raise UsageError(f"{place} is a file, no folder.", "Name a new folder: zhixiang init DIR")
        held = sorted(
            path.name for path in (place.iterdir() if place.exists() else ()) if _SCRATCH not in path.name
        )
    except OSError as error:
        raise UsageError(
            f"{place} cannot be read: {error.strerror or error}.", "Name another folder: zhixiang init DIR"
        ) from None
    if not held:
        return
    is_home = (place / OWN_CONF / "platform.yaml").is_file() or (place / "tables").is_dir()
    shown = ", ".join(held[:3]) + (f" and {len(held) - 3} more" if held[3:] else "")
    raise UsageError(
        f"{place} is not empty: it holds {shown}. Nothing was written.",
        "It is a home already: set ZHIXIANG_HOME to it and give zhixiang run --month YYYY-MM."
        if is_home
        else "Name a new folder: zhixiang init DIR",
    )


def _write(folder: Path, with_examples: bool) -> tuple[str, ...]:
    write_conf(folder / OWN_CONF)
    inbox, prices = folder / INBOX, folder / PRICES
    inbox.mkdir()
    _write_pages(folder / DOCS)
    files: tuple[str, ...] = ()
    if with_examples:
        prices.parent.mkdir()
        prices.write_text(example_prices(), encoding="utf-8")
        files = tuple(path.name for path in write_example_files(inbox, packaged("samples")))
    first = README_EXAMPLES if with_examples else README_EMPTY
    (folder / README).write_text(README_HEAD + first + README_REST, encoding="utf-8")
    return files


def _write_pages(target: Path) -> None:
    """Copies the pages; a link to one that the home does not have stays as it is."""
    target.mkdir()
    for name in PAGES:
        shipped = packaged(DOCS) / name
        paths = (
            sorted(path for path in shipped.rglob("*") if path.is_file()) if shipped.is_dir() else [shipped]
        )
        for path in paths:
            copy = target / path.relative_to(packaged(DOCS))
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
