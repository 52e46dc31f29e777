"""The settings of a demo's home: the packaged ones with ``conf/demo/`` laid over them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from pipelines.settings import OWN_CONF, packaged
from zhixiang.demo.inbox import MARKER

OVERLAY = "demo"
_LINE = re.compile(r"^(?P<indent> *)(?P<key>\w+):(?P<value>[^#]*)(?P<comment>#.*)?$")


def settle_conf(home: Path, *, fresh: bool) -> None:
    """Gives a demo's home its own ``conf/`` where it has none; with ``fresh`` in the place of what an earlier
    demo wrote. A home that no demo made keeps what it has.
    """
    target = home / OWN_CONF
    is_demo = (home / MARKER).exists()
    if target.exists() and not (fresh and is_demo):
        return
    if not is_demo and (home / "tables").exists():
        return
    write_demo_conf(target)


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
