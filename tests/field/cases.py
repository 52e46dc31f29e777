"""The entries of cases.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CASES = Path(__file__).parent / "cases.yaml"


@dataclass(frozen=True)
class Case:
    """One trouble; the fields are the keys of cases.yaml, described there."""

    name: str
    kind: str
    what: str
    right: tuple[Mapping[str, Any], ...]
    is_open: bool = False
    run: str = "vee"
    input: str = ""
    files: tuple[str, ...] = ()
    mapping: str | bool = "m.yaml"
    with_keys: Mapping[str, Any] | None = None
    options: tuple[str, ...] = ()
    test: str = ""


def read_cases(path: Path = CASES) -> tuple[Case, ...]:
    """All cases in the order of the file.

    Raises TypeError for a key that nobody knows, ValueError for a name that stands twice and where nothing is
    right.
    """
    cases = []
    for row in yaml.safe_load(path.read_text(encoding="utf-8")):
        keys = dict(row)
        keys["name"] = str(keys.pop("case"))
        keys["is_open"], keys["with_keys"] = keys.pop("open", False), keys.pop("with", None)
        keys["input"] = keys.get("input", keys["name"])
        for name in ("files", "options", "right"):
            keys[name] = tuple(keys.get(name, ()))
        cases.append(Case(**keys))
    names = [case.name for case in cases]
    twice = sorted({name for name in names if names.count(name) > 1})
    nothing = [case.name for case in cases if not case.right]
    if twice or nothing:
        raise ValueError(f"stand twice: {twice}; nothing is right: {nothing}")
    return tuple(cases)
