"""How far the cells of a sheet reach, from the bytes of its XML: a bound that no notation evades.

The reader of workbooks lays a sheet out as a rectangle before it gives any cell: two cells far apart in a
file of a kilobyte would end the process for want of memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from pipelines.arrays import BoolArray, ByteArray, IntArray

_FREE_CELLS, _MOST_CELLS, _MOST_PER_CELL = 4_000_000, 30_000_000, 20
_NAME_BYTES = 12
_WHITE, _QUOTES, _ENDS = b" \t\r\n", b"\"'", b" \t\r\n/>"
# A name written as no program writes it: with character references, or with blanks around the sign.
_HIDDEN = re.compile(rb"""<[^<>]*\sr(?:\s+=|=\s|=["'][^"'<>]*&)""")


@dataclass(frozen=True)
class Extent:
    """Cells of a sheet, and the rectangle that they span at most. [cells]"""

    cells: int
    area: int

    @property
    def is_wide_apart(self) -> bool:
        """Whether laying it out would take memory out of proportion."""
        return self.area > min(_MOST_CELLS, max(_FREE_CELLS, _MOST_PER_CELL * self.cells))


def extent_of(part: bytes) -> Extent | None:
    """The extent of a part of a workbook; None where a cell's place is written so that it cannot be told."""
    if _HIDDEN.search(part):
        return None
    data = np.frombuffer(part + b"\0" * (_NAME_BYTES + 4), np.uint8)
    cells = int(np.count_nonzero(_is_tag(data, ord("c"))))
    at = np.flatnonzero(
        (data[1:-2] == ord("r"))
        & (data[2:-1] == ord("="))
        & _among(data[:-3], _WHITE)
        & _among(data[3:], _QUOTES)
    )
    names = data[(at + 4)[:, None] + np.arange(_NAME_BYTES)]
    column, row, named = _places(names)
    # Rows and cells without a name follow each other.
    rows = max(int(row.max(initial=0)), part.count(b"<row") + part.count(b":row"))
    columns = max(int(column.max(initial=0)), cells - named)
    return Extent(cells, rows * columns)


def _among(data: ByteArray, members: bytes) -> BoolArray:
    listed = np.zeros(256, np.bool_)
    listed[list(members)] = True
    return np.asarray(listed[data], np.bool_)


def _is_tag(data: ByteArray, letter: int) -> BoolArray:
    return np.asarray((data[1:-1] == letter) & _among(data[:-2], b"<:") & _among(data[2:], _ENDS), np.bool_)


def _places(names: ByteArray) -> tuple[IntArray, IntArray, int]:
    """Column and row of each name such as B12 or 12, counted from 1, and how many have a column; what is
    longer than any name is endlessly far.
    """
    upper = names & 0xDF
    letter = np.logical_and.accumulate((upper >= 65) & (upper <= 90), axis=1)
    is_digit = (names >= 48) & (names <= 57)
    part = np.logical_and.accumulate(letter | is_digit, axis=1)
    column, row = (np.zeros(names.shape[0], np.int64) for _ in range(2))
    for place in range(_NAME_BYTES):
        column = np.where(letter[:, place], column * 26 + (upper[:, place].astype(np.int64) - 64), column)
        number = is_digit[:, place] & part[:, place]
        row = np.where(number, row * 10 + (names[:, place].astype(np.int64) - 48), row)
        column, row = (np.minimum(value, 1 << 40) for value in (column, row))
    row[part[:, -1]] = 1 << 40
    return column, row, int(np.count_nonzero(letter[:, 0]))
