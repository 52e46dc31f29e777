"""What a screen shows: lines that are whole, and every value of the same command's JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from zhixiang.cli.table_writer import display_width

DOUBLE_DIGITS = 12
NUMBER = re.compile(r"(~?)(?<![\w.,-])([-+]?\d[\d,]*(?:\.\d+)?)(?![\w.]*\w)")


def check_screen(shown: str, width: int, home: Path) -> None:
    assert shown.strip()
    for line in shown.splitlines():
        # A path or a command that is to be pasted stays in one piece.
        assert display_width(line) <= width or is_in_one_piece(line, home), line
    assert "…" not in shown
    for raw in ('["', "frozenset", "Decimal(", "True", "False", "None", "datetime"):
        assert raw not in shown, raw


def is_in_one_piece(line: str, home: Path) -> bool:
    return str(home.parent) in line or line.strip().removeprefix("-> ").startswith("zhixiang ")


def check_values(shown: str, found: Any) -> None:
    numbers, rounded = set(), set()
    for mark, number in NUMBER.findall(shown):
        (rounded if mark else numbers).add(Decimal(number.replace(",", "").lstrip("+")))
    for value in scalars(found):
        assert is_shown(value, shown, numbers, rounded), repr(value)


def scalars(found: Any) -> Iterator[Any]:
    if isinstance(found, dict):
        for part in found.values():
            yield from scalars(part)
    elif isinstance(found, list):
        for part in found:
            yield from scalars(part)
    elif found is not None and found != "":
        yield found


def is_shown(value: Any, shown: str, numbers: set[Decimal], rounded: set[Decimal]) -> bool:
    if isinstance(value, bool):
        return ("是 yes" if value else "否 no") in shown
    if isinstance(value, float) and len(Decimal(repr(value)).normalize().as_tuple().digits) > DOUBLE_DIGITS:
        return any(abs(float(each) - value) <= 1e-5 * abs(value) for each in rounded | numbers)
    if isinstance(value, int | float) or re.fullmatch(r"-?\d+(\.\d+)?", value):
        return Decimal(str(value)) in numbers or str(value) in shown.split()
    return all(word in shown or in_pieces(word, shown) for word in value.split())


def in_pieces(word: str, shown: str) -> bool:
    """Chinese is broken between its characters; numbers and words of letters are not."""
    return all(piece in shown for piece in re.split(r"([^\x00-\x7f])", word) if piece)
