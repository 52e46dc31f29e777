"""The layout of a comma-separated file, its header once it was read, and why a text file is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from pipelines.formats.cells import Cell
from pipelines.formats.contract import RefusalReason
from pipelines.tables.base import LONG, Table

Assemble = Callable[[pa.Table], pa.Table]
_HEAD_BYTES = 1 << 16
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_SEPARATORS = {b";": "semicolons", b"\t": "tabs", b"|": "bars"}
ENCODING_HINT = "another encoding is declared by `encodings` in conf/formats.yaml, or in the file's mapping"


@dataclass(frozen=True)
class CsvLayout:
    """A text format: its cells, and how a table of them becomes rows of the bronze table.

    cells     The columns that the file must have, or may have where they are optional, by name; their order
              in the file is free.
    table     The bronze table.
    assemble  Table with one column per cell and ``line_number`` -> table with the columns of
              ``rows_schema(table)``.
    """

    cells: tuple[Cell, ...]
    table: type[Table]
    assemble: Assemble

    @property
    def cell_schema(self) -> pa.Schema:
        """The cells and the line number as an Arrow schema."""
        return pa.schema(
            [pa.field(cell.name, cell.dtype) for cell in self.cells] + [pa.field("line_number", LONG)]
        )


@dataclass(frozen=True)
class Header:
    """The first line of a file: the names in it, their encoding, and where the records begin."""

    names: tuple[str, ...]
    encoding: str
    body_start: int


def foreign_text(content: bytes) -> tuple[RefusalReason, str] | None:
    """The reason and what to do about it, from the first line; none where commas and lines are as they should
    be.
    """
    head = content[:_HEAD_BYTES]
    if head.startswith(_UTF16) or head[1:64:2].count(0) > len(head[1:64:2]) // 2:
        return (
            RefusalReason.BAD_ENCODING,
            "the file is UTF-16; save it as UTF-8 (or GBK, where its source is declared so)",
        )
    line = head.split(b"\n", 1)[0]
    if b"\n" not in head and b"\r" in line.rstrip(b"\r"):
        return RefusalReason.BAD_STRUCTURE, "lines end in CR alone; save the file with LF or CRLF"
    for separator, name in _SEPARATORS.items():
        if b"," not in line and line.count(separator) > 0:
            return (
                RefusalReason.BAD_STRUCTURE,
                f"the columns are separated by {name}; save the file with commas",
            )
    return None
