"""The settings that a home holds of its own: a copy of the packaged ones, with what each key means beside
it.
"""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import BaseModel

from pipelines.errors import UsageError
from pipelines.settings import OWN_CONF, PlatformSettings, Settings, described_keys, packaged
from zhixiang.conf_files import setting_files

_KEY = re.compile(r"^( *)([A-Za-z_]\w*):")
_WIDTH = 118
_FOLDER_MODE = 0o755
# What the demo lays over its own home, and what compiling leaves.
_NOT_COPIED = ("demo", "__pycache__")


@dataclass(frozen=True)
class OwnFacts:
    """Where a command may write facts.

    folder   ``facts`` of the settings in force.
    is_made  The home had no settings of its own before: they were made for this.
    """

    folder: Path
    is_made: bool


def write_conf(target: Path) -> None:
    """Writes a copy of the packaged ``conf/`` with every key described; it appears whole or not at all.

    target  A folder that does not exist yet. Raises OSError where it cannot be written.
    """
    described: dict[str, type[BaseModel]] = {kind.file: kind for kind in setting_files()}
    described["platform.yaml"] = PlatformSettings
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".conf-", dir=target.parent) as scratch:
        copied = Path(
            shutil.copytree(
                packaged("conf"),
                Path(scratch) / "conf",
                ignore=shutil.ignore_patterns(*_NOT_COPIED),
                copy_function=shutil.copyfile,
            )
        )
        # The packaged ones may be read-only; these are to be edited.
        for folder in (copied, *(path for path in copied.rglob("*") if path.is_dir())):
            folder.chmod(_FOLDER_MODE)
        for name, kind in described.items():
            path = copied / name
            path.write_text(with_meanings(path.read_text(encoding="utf-8"), kind), encoding="utf-8")
        copied.rename(target)


def with_meanings(text: str, kind: type[BaseModel]) -> str:
    """A settings file with a comment before each key that says what it means; its values stay as they are."""
    meanings: Mapping[str, str | None] = {key: field.description for key, field in described_keys(kind)}
    lines: list[str] = []
    above: list[tuple[int, str]] = []
    for line in text.splitlines():
        if found := _KEY.match(line):
            depth = len(found[1])
            above = [*(each for each in above if each[0] < depth), (depth, found[2])]
            if meaning := meanings.get(".".join(name for _, name in above)):
                lead = f"{found[1]}# "
                lines += textwrap.wrap(meaning, _WIDTH, initial_indent=lead, subsequent_indent=lead)
        lines.append(line)
    return "\n".join(lines) + "\n"


def own_facts(settings: Settings) -> OwnFacts:
    """The folder of facts that a command may write to: never one that ships with the program.

    Where the packaged settings are in force, the home gets a copy of its own first; it holds from then on.
    Raises UsageError where ZHIXIANG_CONF names the packaged settings, or the home cannot be written.
    """
    if not settings.conf_dir.resolve().is_relative_to(packaged("conf").resolve()):
        return OwnFacts(settings.facts_dir, False)
    target = settings.home / OWN_CONF
    if target.exists():
        raise UsageError(
            f"ZHIXIANG_CONF names the settings that ship with the program; {target} would not be used.",
            "Unset ZHIXIANG_CONF: the home's own settings hold then.",
        )
    try:
        write_conf(target)
    except OSError as error:
        raise UsageError(
            f"{settings.home} cannot be written: {error.strerror}.",
            "Set ZHIXIANG_HOME to a folder that you may write to.",
        ) from None
    return OwnFacts(target / "facts", True)
