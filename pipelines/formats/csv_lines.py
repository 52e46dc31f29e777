"""Comma-separated records line by line, with a diagnosis of what is wrong in each."""

from __future__ import annotations

import csv
from collections.abc import Sequence

import pyarrow as pa

from pipelines.codes import RejectReason
from pipelines.formats.cells import CellError, read_cell
from pipelines.formats.contract import FormatSettings, Rejects
from pipelines.formats.csv_layout import ENCODING_HINT, CsvLayout, Header


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
        fields = next(csv.reader([text], strict=True))
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
    """The column that a byte of a record lies in, as far as commas tell."""
    index = record.count(b",", 0, position)
    return header.names[index] if index < len(header.names) else None


def shown_record(record: bytes, encoding: str) -> bytes | str:
    """A record as text, or as its bytes where it is no text of that encoding."""
    try:
        return record.decode(encoding)
    except UnicodeDecodeError:
        return record
