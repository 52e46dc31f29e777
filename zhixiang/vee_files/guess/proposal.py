"""A proposed mapping: what was guessed, what is to be decided, and how it is written."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass
class Guess:
    """A proposed mapping.

    keys     As LongMapping takes them.
    unsure   Key -> what is to be decided.
    remarks  What else the reader should know.
    rows     The first values as the mapping reads them.
    energy   Channel -> sum of what was read. [kWh or kvarh]
    held     Lines that the mapping does not read.
    refusal  Why the file cannot be read under the mapping as proposed; empty where it can.
    """

    file: str
    keys: dict[str, Any]
    unsure: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    energy: dict[str, float] = field(default_factory=dict)
    days: int = 0
    held: int = 0
    refusal: str = ""

    @property
    def figures(self) -> dict[str, Any]:
        """All of it, for ``--json``."""
        return {
            "file": self.file,
            "mapping": self.keys,
            "to_decide": self.unsure,
            "remarks": self.remarks,
            "rows": self.rows,
            "energy_kwh_or_kvarh": self.energy,
            "days": self.days,
            "held_back": self.held,
            "refusal": self.refusal or None,
        }


def as_yaml(guess: Guess) -> str:
    """The mapping as a file, with what is to be decided beside its keys."""
    lines = [
        f"# Proposed by zhixiang vee --guess from {guess.file}.",
        "# What the keys mean: docs/formats/mapping.md. Decide what is marked, then run vee with --mapping.",
        *(f"# {remark}" for remark in guess.remarks),
    ]
    if guess.refusal:
        lines.append(f"# NOT READ YET: {guess.refusal}")
    for key, value in guess.keys.items():
        doubts = [
            f"{place}: {told}" for place, told in guess.unsure.items() if re.split(r"[. ]", place)[0] == key
        ]
        lines += [f"# TO DECIDE {doubt}" for doubt in doubts]
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            lines += [f"{key}:", *(f"  - {_flow(each)}" for each in value)]
        else:
            lines.append(f"{key}: {_flow(value)}")
    return "\n".join(" ".join(line.splitlines()) for line in lines) + "\n"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    plain = not isinstance(value, str) or (_WORD.fullmatch(value) and yaml.safe_load(value) == value)
    return str(value) if plain else json.dumps(value, ensure_ascii=False)
