"""A comma-separated file: its layout and header, why a text is none, and its records line by line, with a
diagnosis of what is wrong in each.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from pipelines.arrays import BoolArray
from pipelines.codes import RejectReason
from pipelines.formats.cells import Cell, read_cell
from pipelines.formats.contract import FormatSettings, RefusalReason, Rejects
from pipelines.formats.days import CellError
from pipelines.tables.base import LONG, Table

Assemble = Callable[[pa.Table], pa.Table]


@dataclass(frozen=True)
class RowFault:
    """Rows of typed cells that contradict themselves: which (rows), and the first cell at fault with why."""

    rows: BoolArray
    column: str
    reason_code: RejectReason
    reason: str


Judge = Callable[[pa.Table], Iterable[RowFault]]
_HEAD_BYTES = 1 << 16
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}
_SHOWN = {"\t": "tab"}
ENCODING_HINT = "another encoding is declared by `encodings` in conf/formats.yaml, or in the file's mapping"


@dataclass(frozen=True)
class Dialect:
    """How a text file is laid out beside its columns.

    separator    Between cells; None: a comma, or as a first line ``sep=;`` says.
    header_line  Number of the line with the names; None: the first line that has all of them.
    decimal      What stands before the fraction of a number.
    nothing      Texts that mean that nothing came.
    declared     Whether a mapping says so, whose keys a reason then names.
    """

    separator: str | None = ","
    header_line: int | None = 1
    decimal: str = "."
    nothing: tuple[str, ...] = ()
    declared: bool = False


COMMAS = Dialect()


@dataclass(frozen=True)
class CsvLayout:
    """A text format: its cells, and how a table of them becomes rows of the bronze table.

    cells     The columns that the file must have, or may have where they are optional, by name; their order
              in the file is free.
    table     The bronze table.
    assemble  Table with one column per cell and ``line_number`` -> table with the columns of
              ``rows_schema(table)``.
    dialect   How the file is laid out.
    judge     Rows whose cells can be read each by itself but not together; the first fault of a row counts.
    """

    cells: tuple[Cell, ...]
    table: type[Table]
    assemble: Assemble
    dialect: Dialect = COMMAS
    judge: Judge = lambda _cells: ()

    @property
    def cell_schema(self) -> pa.Schema:
        """The cells and the line number as an Arrow schema."""
        return pa.schema(
            [pa.field(cell.name, cell.dtype) for cell in self.cells] + [pa.field("line_number", LONG)]
        )


@dataclass(frozen=True)
class Header:
    """The line of names: the names in it, their encoding, where the records begin, what parts cells, and its
    number.
    """

    names: tuple[str, ...]
    encoding: str
    body_start: int
    separator: str = ","
    line: int = 1


def foreign_text(content: bytes, dialect: Dialect = COMMAS) -> tuple[RefusalReason, str] | None:
    """The reason and what to do about it, from the first line; none where separators and lines are as they
    should be.
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
    expected = dialect.separator or ","
    for separator, name in _SEPARATORS.items():
        if expected.encode() not in line and separator.encode() in line:
            told = f"the columns are separated by {name}"
            key = f'`separator: "{_SHOWN.get(separator, separator)}"`'
            keys = f'{key}, and `decimal: ","` where its numbers have one'
            if dialect.declared:
                return RefusalReason.BAD_STRUCTURE, f"{told}; declare {keys}, in the mapping"
            return (
                RefusalReason.BAD_STRUCTURE,
                f"{told}; save the file with commas, or, for a long file, declare {keys}, in a mapping",
            )
    return None


def without_faults(
    cells: pa.Table, layout: CsvLayout, rejects: Rejects, raw: Callable[[int], bytes | str]
) -> pa.Table:
    """The rows that the layout has nothing against; the others go to ``rejects``, with their ``raw`` line."""
    good = np.ones(cells.num_rows, np.bool_)
    for fault in layout.judge(cells):
        for line in cells["line_number"].filter(pa.array(fault.rows & good)).to_pylist():
            rejects.add(line, fault.column, fault.reason_code, fault.reason, raw(line))
        good &= ~fault.rows
    return cells if good.all() else cells.filter(pa.array(good))


def read_lines(
    records: Sequence[bytes],
    numbers: Sequence[int],
    header: Header,
    layout: CsvLayout,
    settings: FormatSettings,
    rejects: Rejects,
) -> pa.Table:
    """One record after the other; a bad one goes to ``rejects`` with line, column, what was found and what
    was expected.
    """
    places = [
        (cell, header.names.index(cell.name) if cell.name in header.names else None) for cell in layout.cells
    ]
    good: list[list[object]] = []
    for number, record in zip(numbers, records, strict=True):
        try:
            fields = _split(record, header, settings)
            good.append(
                [
                    *(
                        None if place is None else read_cell(cell, fields[place], settings)
                        for cell, place in places
                    ),
                    number,
                ]
            )
        except CellError as error:
            rejects.add(
                number,
                error.column_name,
                error.reason_code,
                error.reason,
                shown_record(record, header.encoding),
            )
    columns = zip(*good, strict=True) if good else ((),) * len(layout.cell_schema)
    arrays = [
        pa.array(list(column), field.type) for column, field in zip(columns, layout.cell_schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=layout.cell_schema)


def _split(record: bytes, header: Header, settings: FormatSettings) -> list[str]:
    if len(record) > settings.max_line_bytes:
        raise CellError(
            None,
            RejectReason.BAD_STRUCTURE,
            f"the line has {len(record)} bytes, more than the {settings.max_line_bytes} allowed",
        )
    if 0 in record:
        raise CellError(
            _column_at(record, record.index(0), header), RejectReason.NUL_BYTE, "the line holds a NUL byte"
        )
    try:
        text = record.decode(header.encoding)
    except UnicodeDecodeError as error:
        column = _column_at(record, error.start, header)
        raise CellError(
            column,
            RejectReason.BAD_ENCODING,
            f"byte 0x{record[error.start]:02x} is no {header.encoding} text; {ENCODING_HINT}",
        ) from None
    if text.count('"') % 2:
        # The halves of a record with a line end inside: the second would pass for a record of its own.
        raise CellError(None, RejectReason.BAD_STRUCTURE, "a quote has no other; one record is one line")
    try:
        fields = next(csv.reader([text], strict=True, delimiter=header.separator))
    except csv.Error as error:
        raise CellError(
            None, RejectReason.BAD_STRUCTURE, f"the quotes or line ends of the line cannot be read ({error})"
        ) from None
    if len(fields) < len(header.names):
        column = header.names[len(fields)]
        raise CellError(
            column, RejectReason.TOO_FEW_FIELDS, f"found {len(fields)} fields, expected {len(header.names)}"
        )
    if len(fields) > len(header.names):
        raise CellError(
            None, RejectReason.TOO_MANY_FIELDS, f"found {len(fields)} fields, expected {len(header.names)}"
        )
    return fields


def _column_at(record: bytes, position: int, header: Header) -> str | None:
    """The column that a byte of a record lies in, as far as separators tell."""
    index = record.count(header.separator.encode(), 0, position)
    return header.names[index] if index < len(header.names) else None


def shown_record(record: bytes, encoding: str) -> bytes | str:
    """A record as text, or as its bytes where it is no text of that encoding."""
    try:
        return record.decode(encoding)
    except UnicodeDecodeError:
        return record


def with_closing_separator(header: Header, content: bytes) -> Header:
    """The header with a nameless column at its end, where the first record closes with a separator that the
    header does not have.
    """
    record = next(
        (
            line
            for line in content[header.body_start : header.body_start + _HEAD_BYTES].splitlines()
            if line.strip()
        ),
        b"",
    )
    try:
        fields = next(csv.reader([record.decode(header.encoding)], delimiter=header.separator), [])
    except (UnicodeDecodeError, csv.Error):
        return header
    closes = len(fields) == len(header.names) + 1 and not fields[-1].strip()
    return replace(header, names=(*header.names, "")) if closes else header
