"""Rows as texts, equal for equal rows alone: what the digests of issued revisions are taken over.

The form is Spark's ``to_json`` of the columns by name, empty ones left out; digests are kept in issued
tables, so it may never change. Numbers are told in the fewest digits
that name them, as Java 19 and later tell them; Java 17 tells a few with one digit more.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

_NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?")
_PLAIN_FROM, _PLAIN_BELOW = 1e-3, 1e7


def row_texts(rows: pa.Table, columns: Iterable[str]) -> list[str]:
    """Some columns of each row as one text; the order of columns and of rows in the table does not count.

    Raises TypeError for a type that no declared column has.
    """
    parts = [_column(rows[name], _string(name) + ":") for name in sorted(columns)]
    return ["{" + ",".join(filter(None, cells)) + "}" for cells in zip(*parts, strict=True)]


def _column(column: pa.ChunkedArray, label: str) -> list[str]:
    """The cells of a column behind their label; an empty one is an empty text."""
    if not pa.types.is_string(column.type):
        values = column.to_pylist()
        form = _form_of(values)
        return ["" if value is None else label + form(value) for value in values]
    # Texts repeat: each is told once.
    encoded = column.combine_chunks().dictionary_encode()
    told = [label + _string(value) for value in encoded.dictionary.to_pylist()]
    return ["" if place is None else told[place] for place in encoded.indices.to_pylist()]


def _form_of(values: Iterable[Any]) -> Callable[[Any], str]:
    """How the values of a column or of a list are told: they are of one type."""
    kind = next((type(value) for value in values if value is not None), str)
    found = _FORMS.get(kind)
    if found is None:
        raise TypeError(f"No text for {kind.__name__}.")
    return found


def number_text(number: float) -> str:
    """A number as Java writes it.

    >>> [number_text(each) for each in (1.0, 0.001, 0.00052, 12345678.9, -0.0)]
    ['1.0', '0.001', '5.2E-4', '1.23456789E7', '-0.0']
    """
    if not math.isfinite(number):
        return '"NaN"' if math.isnan(number) else '"Infinity"' if number > 0 else '"-Infinity"'
    shortest = repr(number)
    if number == 0 or (_PLAIN_FROM <= abs(number) < _PLAIN_BELOW and "e" not in shortest):
        return shortest
    told = _NUMBER.fullmatch(shortest)
    if told is None:
        raise TypeError(f"No text for {shortest}.")
    sign, whole, fraction, power = told[1], told[2], told[3] or "", int(told[4] or 0)
    digits = (whole + fraction).lstrip("0")
    first = len(whole) - 1 if whole != "0" else len(digits) - len(fraction) - 1
    digits = digits.rstrip("0")
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{first + power}"


_string: Callable[[str], str] = json.encoder.encode_basestring
"""As ``json.dumps`` with characters as they are."""


def _list(values: list[Any]) -> str:
    form = _form_of(values)
    return "[" + ",".join("null" if value is None else form(value) for value in values) + "]"


_FORMS: dict[type, Callable[[Any], str]] = {
    str: _string,
    float: number_text,
    bool: lambda value: "true" if value else "false",
    int: str,
    Decimal: str,
    list: _list,
    datetime: lambda value: f'"{value:%Y-%m-%dT%H:%M:%S.%f}Z"',
    date: lambda value: f'"{value.isoformat()}"',
}
