"""The settings of a demo's home: the packaged ones with ``conf/demo/`` laid over them."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from pipelines.errors import UsageError
from pipelines.settings import OWN_CONF, Settings, packaged
from zhixiang.demo.inbox import FILLING, MARKER

OVERLAY = "demo"
WRITTEN = "demo_conf.json"
"""Of the home: what the demo wrote into conf/, SHA-256 by name; it outlives a fresh demo as conf/ does."""
# What a command that was refused, or one that only looks, may leave in an empty home.
_NOT_HELD = frozenset(("writer.lock", "logs", "scratch", ".DS_Store"))
_LINE = re.compile(r"^(?P<indent> *)(?P<key>\w+):(?P<value>[^#]*)(?P<comment>#.*)?$")


def settle_conf(home: Path, *, fresh: bool) -> list[str]:
    """Gives a demo's home its own ``conf/`` where it has none; with ``fresh`` renews what an earlier demo
    wrote and nobody changed since. A home that no demo made keeps what it has.

    Returns the names of the files of the user's own that stand in the place of the demo's.
    """
    target = home / OWN_CONF
    is_demo = (home / MARKER).exists()
    if target.exists() and not (fresh and is_demo):
        return []
    if not is_demo and (home / "tables").exists():
        return []
    if not target.exists():
        write_demo_conf(target)
        _note_written(home, _digests(target))
        return []
    return _renew(home, target)


def require_demo_home(home: Path) -> None:
    """Raises UsageError for a home that holds something and in which no demo began: the demo would bill its
    city by settings that are not its own, and a fresh one would delete what is not its own.
    """
    if any((home / name).exists() for name in (MARKER, WRITTEN, FILLING)):
        return
    if home.is_dir() and (held := sorted({path.name for path in home.iterdir()} - _NOT_HELD)):
        shown = ", ".join(held[:3]) + (f" and {len(held) - 3} more" if held[3:] else "")
        raise UsageError(
            f"{home} holds what no demo made: {shown}. Nothing was written.",
            "Set ZHIXIANG_HOME to an empty folder for the demo, or bill this home's own files: zhixiang run "
            "--month YYYY-MM",
        )


def lacking_values(settings: Settings) -> list[str]:
    """What the demo's settings say and those in force do not, as ``file: key``; empty in a home as the demo
    settled it.
    """
    lacking = []
    for overlay in sorted((packaged("conf") / OVERLAY).glob("*.yaml")):
        path = settings.conf_dir / overlay.name
        known = dict(_leaves(_yaml(path))) if path.is_file() else {}
        lacking += [
            f"{overlay.name}: {'.'.join(key)}"
            for key, value in _leaves(_yaml(overlay))
            if known.get(key) != value
        ]
    return lacking


def _yaml(path: Path) -> Mapping[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content if isinstance(content, Mapping) else {}


def _renew(home: Path, target: Path) -> list[str]:
    """Writes each file that is absent, or unchanged since a demo wrote it; the others are kept."""
    before = _noted(home)
    with TemporaryDirectory(prefix=f".{OWN_CONF}-", dir=home) as scratch:
        made = Path(scratch) / OWN_CONF
        write_demo_conf(made)
        new = _digests(made)
        kept = []
        for name, digest in new.items():
            path = target / name
            if path.is_symlink() or (path.exists() and _digest(path) not in (digest, before.get(name))):
                kept.append(name)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            (made / name).replace(path)
        for name in before.keys() - new.keys():
            path = target / name
            if _is_inside(path, target) and not path.is_symlink() and _digest(path) == before[name]:
                path.unlink()
    _note_written(home, {name: digest for name, digest in new.items() if name not in kept})
    return kept


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): str(_digest(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _is_inside(path: Path, folder: Path) -> bool:
    """Whether a path that a list names lies below a folder, wherever ``..`` and links lead."""
    return path.resolve().is_relative_to(folder.resolve())


def _noted(home: Path) -> dict[str, str]:
    """What a demo noted; nothing where none did: then only a file as today's demo writes it is its own."""
    try:
        noted = json.loads((home / WRITTEN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(digest) for name, digest in noted.items()} if isinstance(noted, dict) else {}


def _note_written(home: Path, digests: Mapping[str, str]) -> None:
    part = (home / WRITTEN).with_suffix(".part")
    part.write_text(json.dumps(digests, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    part.replace(home / WRITTEN)


def write_demo_conf(target: Path) -> None:
    """Writes the demo's settings into a folder, whole or not at all; what was there is replaced."""
    scratch = target.with_name(f".{target.name}.filling")
    shutil.rmtree(scratch, ignore_errors=True)
    source = packaged("conf")
    shutil.copytree(source, scratch, ignore=shutil.ignore_patterns(OVERLAY, "__pycache__"))
    for overlay in sorted((source / OVERLAY).glob("*.yaml")):
        path = scratch / overlay.name
        values = yaml.safe_load(overlay.read_text(encoding="utf-8"))
        path.write_text(laid_over(path.read_text(encoding="utf-8"), values), encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    scratch.rename(target)


def laid_over(text: str, values: Mapping[str, Any]) -> str:
    """A file of settings with other values, comments and order as they are.

    values  As the file nests them; each must stand on one line of the file.
    """
    wanted = dict(_leaves(values))
    lines: list[str] = []
    groups: list[tuple[int, str]] = []
    for line in text.splitlines():
        found = _LINE.match(line)
        if found is not None:
            depth = len(found["indent"])
            groups = [*(group for group in groups if group[0] < depth), (depth, found["key"])]
            place = tuple(key for _, key in groups)
            if place in wanted:
                value = (
                    yaml.safe_dump(wanted.pop(place), default_flow_style=True).removesuffix("...\n").strip()
                )
                comment = f"  {found['comment']}" if found["comment"] else ""
                line = f"{found['indent']}{found['key']}: {value}{comment}"
        lines.append(line)
    if wanted:
        raise KeyError(".".join(next(iter(wanted))))
    return "\n".join(lines) + "\n"


def _leaves(values: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value
