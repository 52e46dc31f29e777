"""What may stand in a fact file, as pydantic checks it, and how a refusal finds its file and line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BeforeValidator, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from pipelines.codes import LineComponent
from pipelines.errors import FactFileError
from pipelines.facts.marked_yaml import MarkedMap
from pipelines.units import Unit

T = TypeVar("T")
_LIST, _MAPPING = "must be a list", "must be a mapping"
_SHAPES = {
    "tuple_type": _LIST,
    "frozen_set_type": _LIST,
    "list_type": _LIST,
    "dict_type": _MAPPING,
    "missing": "is missing",
}


def must(said: str) -> PydanticCustomError:
    """The refusal of the value at hand; the message begins with its key: ``months must be a list``."""
    return PydanticCustomError("must", "must {said}", {"said": said})


def wrong(said: str, *at: str | int, hint: str = "") -> PydanticCustomError:
    """A refusal in a sentence of its own.

    at  Way from the value at hand to the key whose line it names.
    """
    return PydanticCustomError("wrong", "{said}", {"said": said, "at": at, "hint": hint})


def _number(value: object) -> object:
    if not isinstance(value, Decimal):
        raise must(f"be a number, not {value!r}")
    return value


def _text(value: object) -> object:
    if not isinstance(value, str) or not value.strip():
        raise must(f"be a text, not {value!r}")
    return value


def _day(value: object) -> object:
    if not isinstance(value, date):
        raise must(f"be a day YYYY-MM-DD, not {value!r}")
    return value


def _text_or_nothing(value: object) -> object:
    return _text(value) if value else ""


def _mapping(value: object) -> object:
    if not isinstance(value, MarkedMap):
        raise must("be a mapping")
    return value


Number = Annotated[Decimal, BeforeValidator(_number)]
"""A number, exact as written."""
Text = Annotated[str, BeforeValidator(_text)]
"""A text that is not empty."""
TextOrNothing = Annotated[str, BeforeValidator(_text_or_nothing)]
"""A text that may be empty."""
Day = Annotated[date, BeforeValidator(_day)]
"""A day, YYYY-MM-DD."""
Mapping = Annotated[Any, BeforeValidator(_mapping)]
"""A mapping as written, checked later."""


def not_negative(value: object) -> object:
    """Refuses what is no number, or one below 0."""
    if isinstance(value, Decimal) and value < 0:
        raise must(f"not be negative: {value}")
    return _number(value)


def between(low: str | int, high: str | int, *, above: bool = False, whole: bool = False) -> BeforeValidator:
    """A number from ``low`` to ``high``, both allowed.

    above  ``low`` itself is not allowed.
    whole  Only whole numbers are allowed.
    """
    least, most = Decimal(low), Decimal(high)
    number = "a whole number" if whole else "a number"
    span = f"above {low} and not above {high}" if above else f"from {low} to {high}"

    def check(value: object) -> object:
        if not isinstance(value, Decimal):
            raise must(f"be {number} {span}, not {value!r}")
        if not least <= value <= most or (above and value == least) or (whole and value % 1):
            raise must(f"be {number} {span}, not {value}")
        return value

    return BeforeValidator(check)


def whole_from(low: int, noun: str) -> BeforeValidator:
    """A whole number from ``low`` on."""

    def check(value: object) -> object:
        if not isinstance(value, Decimal) or value < low or value % 1:
            raise must(f"be a whole number of {noun} from {low} on, not {value}")
        return value

    return BeforeValidator(check)


def code_of(kind: type[StrEnum], *others: type[StrEnum]) -> BeforeValidator:
    """A member of a closed list, or of one of several that share no code."""
    noun = "component" if kind is LineComponent else kind.__name__
    kinds = {code.value: each for each in (kind, *others) for code in each}
    hint = f"Known: {', '.join(kinds)}."

    def check(value: object) -> object:
        if value is None:
            raise must(f"be a known {noun}")
        code = str(value)
        if code not in kinds:
            raise wrong(f"{value!r} is no known {noun}", hint=hint)
        return kinds[code](code)

    return BeforeValidator(check)


def keys_of(kind: type) -> BeforeValidator:
    """A mapping with the fields of a dataclass as its keys; one that stands without a value is as good as
    left out.
    """
    known = {field.name: field.default is MISSING for field in fields(kind)}
    hint = f"Known: {', '.join(sorted(known))}."

    def check(value: object) -> object:
        if not isinstance(value, MarkedMap):
            raise must("be a mapping")
        for key in value:
            if key not in known:
                raise wrong(f"the key {key!r} is not known here", key, hint=hint)
        return {
            name: value.get(name)
            for name, is_required in known.items()
            if is_required or value.get(name) is not None
        }

    return BeforeValidator(check)


class Schema(Generic[T]):
    """What may stand at a place of a fact file: a type with its bounds and checks annotated.

    A dataclass is a mapping with its fields as keys. Building a schema takes longer than using it, so that
    waits for the first use.
    """

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        kind = self._kind
        return TypeAdapter(
            Annotated[kind, keys_of(kind)] if isinstance(kind, type) and is_dataclass(kind) else kind
        )

    def whole(self, written: MarkedMap) -> T:
        """A mapping, checked and typed; raises FactFileError for the first thing that is wrong."""
        return self._checked(written, written, (), None)

    def part(self, holder: MarkedMap, key: str, unit: Unit | None = None) -> T:
        """What stands under a key, checked and typed; raises as ``whole`` does.

        unit  What the prices in it are in.
        """
        if holder.get(key) is None:
            raise holder.error(key, f"the key {key!r} is missing")
        return self._checked(holder, holder[key], (key,), unit)

    def _checked(self, holder: MarkedMap, value: Any, way: tuple[str, ...], unit: Unit | None) -> T:
        try:
            typed: T = self._adapter.validate_python(value, context=unit)
        except ValidationError as error:
            found = error.errors(include_url=False)[0]
        else:
            return typed
        told = found.get("ctx", {})
        location = (*way, *found["loc"], *told.get("at", ()))
        raise FactFileError(
            holder.path, holder.line_at(location), _said(found, location), told.get("hint", "")
        )


class FactReader(Generic[T]):
    """Reads the value of a version.

    kind    What stands in the file, see Schema.
    chosen  From the checked value and the file's own choices to the typed value, where those matter.
    """

    def __init__(self, kind: Any, chosen: Callable[[Any, MarkedMap], T] | None = None) -> None:
        self._schema, self._chosen = Schema[Any](kind), chosen

    def read(self, version: MarkedMap, options: MarkedMap, unit: Unit | None) -> T:
        """The typed value under ``value``; raises FactFileError naming file and line.

        options  The file, for the choices at its top.
        unit     The fact's, which bounds its prices.
        """
        value = self._schema.part(version, "value", unit)
        typed: T = value if self._chosen is None else self._chosen(value, options)
        return typed


def number_between(
    low: str | int, high: str | int, *, above: bool = False, whole: bool = False
) -> FactReader[Decimal]:
    """A reader of one number within bounds, see ``between``."""
    return FactReader(Annotated[Decimal, between(low, high, above=above, whole=whole)])


def _said(found: ErrorDetails, location: Sequence[str | int]) -> str:
    """The refusal in words, with the way to what is refused; ``value``, which every fact has, is left out."""
    if found["type"] == "wrong":
        return found["msg"]
    if isinstance(location[-1], str) and (found["type"] == "missing" or found["input"] is None):
        return f"the key {location[-1]!r} is missing"
    way = [str(part) for part in location if part != "[key]"]
    key = ".".join(way[1:] if len(way) > 1 and way[0] == "value" else way)
    return f"{key} {_SHAPES.get(found['type'], found['msg'])}"
