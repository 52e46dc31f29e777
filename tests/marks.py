"""What a test starts, found in what it calls: no mark of a JVM, a browser or the command can be forgotten."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

COMMAND = "tests.command_line"


def marks_of(fixtures: Collection[str], functions: Iterable[Callable[..., Any]]) -> set[str]:
    """``spark`` where the session is a fixture, ``chain`` where the command is called in another process,
    ``browser`` where Playwright is imported; of a test and its fixtures, through what they call in tests/.
    """
    marks = {"spark"} if "spark" in fixtures else set()
    for name, value in _reached(functions):
        origin = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        if origin == COMMAND:
            marks.add("chain")
        if "playwright" in (name.split(".")[0], str(origin).split(".")[0]):
            marks.add("browser")
    return marks


def mark(items: list[pytest.Item]) -> None:
    """Mark each test, and put files with the longest ways first, that no worker ends with one of them."""
    first: dict[Any, int] = {}
    for item in items:
        if isinstance(item, pytest.Function):
            known = item._fixtureinfo.name2fixturedefs.values()
            fixtures = [definition.func for definitions in known for definition in definitions]
            for name in sorted(marks_of(item.fixturenames, [item.function, *fixtures])):
                item.add_marker(name)
        first[item.path] = min(_rank(item), first.get(item.path, 3))
    items.sort(key=lambda item: first[item.path])


def _rank(item: pytest.Item) -> int:
    marks = {found.name for found in item.iter_markers()}
    slow = bool(marks & {"slow", "long"})
    return 0 if slow and "chain" in marks else 1 if slow else 2 if marks & {"chain", "spark"} else 3


def _reached(functions: Iterable[Callable[..., Any]]) -> Iterator[tuple[str, Any]]:
    """Names and their values in the code of functions, and of what they call that stands in tests/."""
    waiting, seen = list(functions), set()
    while waiting:
        function = waiting.pop()
        if not isinstance(function, FunctionType) or function in seen:
            continue
        seen.add(function)
        for name in _names(function.__code__):
            value = function.__globals__.get(name)
            yield name, value
            if str(getattr(value, "__module__", "")).startswith("tests."):
                waiting += vars(value).values() if isinstance(value, type) else [value]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)
