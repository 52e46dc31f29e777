"""Reading one file of conf/, and saying in one line what is wrong in it."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from pipelines.errors import SettingsError


def read_yaml(path: Path) -> dict[str, Any]:
    """The keys of a file; raises SettingsError for one that is not there or no mapping."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"{path} does not exist.", "Copy it from the packaged conf/, or unset the setting that names it."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not readable YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{path} must be a mapping of keys.")
    return content


def settings_error(path: Path, kind: type[BaseModel], error: ValidationError) -> SettingsError:
    """The first problem in one clear line, with the nearest known key."""
    problem = error.errors()[0]
    key = ".".join(str(part) for part in problem["loc"])
    others = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if problem["type"] == "missing":
        return SettingsError(
            f"{path}: the key {key!r} is missing{others}.",
            "Every key must be present; zhixiang init DIR writes a home whose conf/ holds each with its "
            "meaning.",
        )
    if problem["type"] == "extra_forbidden":
        known = _known_keys(kind, problem["loc"][:-1])
        near = get_close_matches(str(problem["loc"][-1]), known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known here: {', '.join(sorted(known))}."
        return SettingsError(f"{path}: the key {key!r} is not known{others}.", hint)
    return SettingsError(f"{path}: {key} = {problem.get('input')!r}: {problem['msg']}{others}.")


def _known_keys(kind: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    model: Any = kind
    for part in location:
        field = model.model_fields.get(str(part)) if hasattr(model, "model_fields") else None
        model = field.annotation if field is not None else None
    return list(model.model_fields) if hasattr(model, "model_fields") else []
