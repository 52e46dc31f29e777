"""One case of the field, run as its entry in cases.yaml says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.field.cases import Case
from tests.field.harness import INPUTS, Got, asked, vee
from tests.field.made import MADE

ROOT = Path(__file__).parents[2]


def run_case(case: Case, folder: Path) -> Got:
    """What came of a case.

    folder  An empty one, for what is made and written.
    """
    match case.run:
        case "vee":
            return vee(_files(case), _mapping(case, folder), folder / "out", case.options)
        case "made":
            return MADE[case.name](folder)
        case "price":
            parts = [asked("tariff", "price", path, *case.options) for path in _files(case)]
            worst = max(part.exit_code for part in parts)
            months = [month for part in parts if part.answer for month in part.answer["months"]]
            return Got(
                worst, " ".join(part.screen for part in parts if part.exit_code), answer={"months": months}
            )
        case "what_if":
            banks = []
            for path in _files(case):
                answer = asked("tariff", "what-if", path, *case.options).answer or {"alternatives": []}
                banks += [row[name] for row in answer["alternatives"] for name in row if "kvar" in name]
            return Got(0, "", answer={"kvar": banks})
        case _:
            raise ValueError(f"case {case.name}: nobody knows how to run {case.run!r}")


def _files(case: Case) -> list[Path]:
    folder = INPUTS / case.input
    if case.files:
        return [folder / name for name in case.files]
    return sorted(path for path in folder.iterdir() if path.suffix != ".yaml")


def _mapping(case: Case, folder: Path) -> Path | None:
    declared = INPUTS / case.input / str(case.mapping)
    if case.mapping is False or not declared.exists():
        return None
    if case.with_keys is None:
        return declared
    merged = folder / "m.yaml"
    whole = _over(yaml.safe_load(declared.read_text(encoding="utf-8")), case.with_keys)
    merged.write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
    return merged


def _over(keys: dict[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Keys with others over them; null takes one away."""
    merged = dict(keys)
    for name, value in others.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping) and isinstance(merged.get(name), dict):
            merged[name] = _over(merged[name], value)
        else:
            merged[name] = value
    return merged
