"""A digest of some of the facts: what asks for the calendar alone does not change with a price."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.facts.facts import Facts


def part_digest(facts: Facts, names: Sequence[str]) -> str:
    """SHA-256 over the named subjects of the facts, the same in every process; raises AttributeError for a
    subject that there is not. [hex]
    """
    told = [(name, _plain(getattr(facts, name))) for name in sorted(names)]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """A value as nested tuples of texts and numbers in a fixed order; caches, which no comparison counts, are
    left out.
    """
    if is_dataclass(value) and not isinstance(value, type):
        kept = [field.name for field in fields(value) if field.compare]
        return (type(value).__name__, *((name, _plain(getattr(value, name))) for name in kept))
    if isinstance(value, Enum):
        return (type(value).__name__, value.name)
    if isinstance(value, Mapping):
        return tuple(sorted((_plain(key), _plain(part)) for key, part in value.items()))
    if isinstance(value, Set):
        return tuple(sorted(_plain(part) for part in value))
    if isinstance(value, list | tuple):
        return tuple(_plain(part) for part in value)
    if isinstance(value, Decimal | date):
        return str(value)
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"A fact holds a {type(value).__name__}, for which no digest is defined.")
