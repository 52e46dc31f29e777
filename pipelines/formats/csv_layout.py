"""The layout of a comma-separated file, and its header once it was read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from pipelines.formats.cells import Cell
from pipelines.tables.base import LONG, Table

Assemble = Callable[[pa.Table], pa.Table]
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
