"""Comma-separated records: whole columns at once where all is well, line by line with a diagnosis where it is
not.

One record is one line. A file is tried as a whole, then in blocks of lines, and only the blocks that hold a
bad line are
read line by line, so that one bad row in two million costs a block and not the file.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from pipelines.arrays import ByteArray, IntArray
from pipelines.errors import InputRefusedError
from pipelines.formats.cells import CellKind, read_column
from pipelines.formats.contract import (
    SNIFF_SHARE,
    FormatSettings,
    ReadResult,
    RecordFields,
    RefusalReason,
    Rejects,
    rows_schema,
    shown,
)
from pipelines.formats.csv_lines import (
    ENCODING_HINT,
    CsvLayout,
    Dialect,
    Header,
    foreign_text,
    read_lines,
    shown_record,
    with_closing_separator,
    without_faults,
)
from pipelines.tables.base import LONG

_UTF8_BOM = b"\xef\xbb\xbf"
_LINE_FEED, _RETURN, _QUOTE = 10, 13, 34
_BLOCK_LINES = 2048
_FAST_BLOCK_BYTES = 4 * 1024 * 1024
_HEADER_LIMIT_BYTES = 65536
_HEADER_LIMIT_LINES = 100
_TOLD_SEPARATOR = re.compile(rb"\s*\"?sep=([,;|\t])\"?\s*", re.IGNORECASE)
METER_POINT_COLUMNS = ("ID", "meter_point_id")
"""Names under which files of known formats tell the meter point."""


def header_names(head: bytes, encoding: str = "utf-8") -> tuple[str, ...]:
    """The names in the first line; empty where it is no line of text."""
    line = head[:_HEADER_LIMIT_BYTES].removeprefix(_UTF8_BOM).split(b"\n", 1)[0].rstrip(b"\r")
    if b"\0" in line:
        return ()
    try:
        text = line.decode(encoding)
    except UnicodeDecodeError:
        text = line.decode("ascii", errors="replace")
    try:
        fields = next(csv.reader([text], strict=True), [])
    except csv.Error:
        return ()
    return tuple(name.strip() for name in fields)


def sniff_columns(cells: Sequence[str], head: bytes, share: float = SNIFF_SHARE) -> bool:
    """Whether a file's header has enough of the columns to be meant for this format."""
    present = set(header_names(head))
    return sum(name in present for name in cells) >= share * len(cells)


def read_csv(content: bytes, name: str, layout: CsvLayout, settings: FormatSettings) -> ReadResult:
    """Reads a whole file; raises InputRefusedError where its header does not fit the layout."""
    read = read_cells(content, name, layout, settings)
    cells = without_faults(read.cells, layout, read.rejects, read.record)
    rows = layout.assemble(cells).select(rows_schema(layout.table).names).cast(rows_schema(layout.table))
    is_metering = "channel_code" in layout.table.columns()
    meter = next((cell.name for cell in layout.cells if cell.name in METER_POINT_COLUMNS), "")
    fields = RecordFields(read.header.names, meter if is_metering else "", largest=read.largest(layout))
    return ReadResult(
        rows,
        read.rejects.table(),
        rows.num_rows + len(read.rejects),
        read.notes,
        fields=fields if len(read.rejects) else None,
    )


@dataclass(frozen=True)
class CellsRead:
    """The typed cells of a file's good records, its bad records, and remarks."""

    cells: pa.Table
    rejects: Rejects
    notes: tuple[str, ...]
    lines: Lines
    header: Header

    def largest(self, layout: CsvLayout) -> dict[str, float]:
        """The largest number of each column of numbers that has any."""
        kinds = (CellKind.NUMBER, CellKind.DECIMAL)
        found = {cell.name: pc.max(self.cells[cell.name]) for cell in layout.cells if cell.kind in kinds}
        return {name: float(most.as_py()) for name, most in found.items() if most.is_valid}

    def record(self, line_number: int) -> bytes | str:
        """A record as received, by its line."""
        index = int(np.searchsorted(self.lines.numbers, line_number))
        return shown_record(self.lines.line(index), self.header.encoding)

    def fields(self, line_number: int) -> list[str]:
        """The cells of a record as texts, by its line."""
        record = self.record(line_number)
        text = record if isinstance(record, str) else record.decode("ascii", errors="replace")
        return next(csv.reader([text], delimiter=self.header.separator), [])


def read_cells(
    content: bytes, name: str, layout: CsvLayout, settings: FormatSettings, header: Header | None = None
) -> CellsRead:
    """The cells of a whole file; raises InputRefusedError where its header does not fit the layout.

    header  As ``read_header`` found it, where that was done before.
    """
    header = header or read_header(content, name, layout, settings)
    lines = Lines(content, header.body_start, name, settings, header.line + 1)
    rejects = Rejects()
    whole = _read_whole(lines, header, layout, settings)
    tables = (
        [whole]
        if whole is not None
        else [_read_block(lines, block, header, layout, settings, rejects) for block in lines.blocks()]
    )
    cells = pa.concat_tables([layout.cell_schema.empty_table(), *tables])
    known = {cell.name for cell in layout.cells}
    surplus = [column for column in header.names if column and column not in known]
    notes = (f"columns not in the contract, ignored: {', '.join(surplus)}",) if surplus else ()
    return CellsRead(cells, rejects, notes, lines, header)


def read_header(content: bytes, name: str, layout: CsvLayout, settings: FormatSettings) -> Header:
    """The line of names of a file; raises InputRefusedError where none fits the layout."""
    encoding = "utf-8" if content.startswith(_UTF8_BOM) else settings.encoding_of(name)
    needed = [cell.name for cell in layout.cells if not cell.optional]
    header = _found_header(content, name, layout.dialect, encoding, needed)
    names, number = header.names, header.line
    if any(column not in names for column in needed) and (
        (foreign := foreign_text(_line_at(content, header), layout.dialect)) is not None
    ):
        raise InputRefusedError(name, *foreign, line=number)
    for cell in layout.cells:
        if cell.name not in names and not cell.optional:
            near = get_close_matches(cell.name, [found for found in names if found], n=1)
            found = (
                f"; found {near[0]!r}, did the sender rename it?"
                if near
                else f"; the header has {shown(', '.join(names), 120)}"
            )
            raise InputRefusedError(
                name,
                RefusalReason.MISSING_COLUMN,
                f"the column {cell.name} is missing from the header{found}",
                line=number,
                column=cell.name,
            )
        if names.count(cell.name) > 1:
            raise InputRefusedError(
                name,
                RefusalReason.DUPLICATE_COLUMN,
                f"the column {cell.name} stands twice in the header",
                line=number,
                column=cell.name,
            )
    return with_closing_separator(header, content)


def _line_at(content: bytes, header: Header) -> bytes:
    """A file from its line of names on."""
    if header.line == 1:
        return content
    return content[content.rfind(b"\n", 0, header.body_start - 1) + 1 :]


def _found_header(
    content: bytes, name: str, dialect: Dialect, encoding: str, needed: Sequence[str]
) -> Header:
    """The declared line; the first that has all needed names, or else the first of all."""
    start, number, separator = 0, 1, dialect.separator or ","
    sought = dialect.header_line
    first: Header | None = None
    while number <= (sought or _HEADER_LIMIT_LINES):
        end = content.find(b"\n", start)
        stop = len(content) if end < 0 else end
        if stop - start > _HEADER_LIMIT_BYTES:
            if first is not None:
                break
            reason = f"the header is longer than {_HEADER_LIMIT_BYTES} bytes"
            raise InputRefusedError(name, RefusalReason.BAD_STRUCTURE, reason, line=number)
        line = content[start:stop].removeprefix(_UTF8_BOM if number == 1 else b"").rstrip(b"\r")
        told = _TOLD_SEPARATOR.fullmatch(line) if number == 1 and sought != 1 else None
        if told is not None:
            separator = dialect.separator or told[1].decode("ascii")
        elif sought in (None, number):
            body = len(content) if end < 0 else end + 1
            names = _names_in(line, name, encoding, separator, number, first is None, content)
            found = Header(names, encoding, body, separator, number)
            if sought == number or all(column in names for column in needed):
                return found
            first = first or found
        if end < 0:
            break
        start, number = end + 1, number + 1
    if first is None:
        declared = f"the header is declared to be line {sought}, the file has {number}"
        reason = declared if sought else "the file tells its separator and nothing else"
        raise InputRefusedError(name, RefusalReason.BAD_STRUCTURE, reason, line=number)
    return first


def _names_in(
    line: bytes, name: str, encoding: str, separator: str, number: int, strict: bool, content: bytes
) -> tuple[str, ...]:
    """The names in a line; of lines that are only looked through, none where it is no text."""
    try:
        fields = next(csv.reader([line.decode(encoding)], strict=True, delimiter=separator), [])
    except (UnicodeDecodeError, csv.Error) as error:
        if not strict:
            return ()
        if (foreign := foreign_text(content)) is not None:
            raise InputRefusedError(name, *foreign, line=number) from None
        raise InputRefusedError(
            name,
            RefusalReason.BAD_ENCODING,
            f"the header cannot be read as {encoding} ({error}); {ENCODING_HINT}",
            line=number,
        ) from None
    return tuple(field.strip() for field in fields)


class Lines:
    """Where each record of a file begins and ends; blank lines are none."""

    def __init__(
        self, content: bytes, body_start: int, name: str, settings: FormatSettings, first: int = 2
    ) -> None:
        """``first`` is the number of the line at ``body_start``."""
        self.content, self.body_start = content, body_start
        body = np.frombuffer(content, np.uint8)[body_start:]
        feeds = np.flatnonzero(body == _LINE_FEED).astype(np.int64) + body_start
        if len(content) > body_start and content[-1] != _LINE_FEED:
            feeds = np.append(feeds, len(content))
        starts = np.concatenate([[body_start], feeds[:-1] + 1]).astype(np.int64) if len(feeds) else feeds
        returns = (
            np.frombuffer(content, np.uint8)[np.maximum(feeds - 1, 0)] == _RETURN
            if len(feeds)
            else np.zeros(0, np.bool_)
        )
        ends = feeds - (returns & (feeds > starts))
        filled = ends > starts
        self.has_blank_lines = not bool(filled.all())
        self.numbers: IntArray = np.flatnonzero(filled).astype(np.int64) + first
        self.starts: IntArray = starts[filled]
        self.ends: IntArray = ends[filled]
        self.longest = int((self.ends - self.starts).max()) if len(self.starts) else 0
        if len(self.starts) > settings.max_records:
            raise InputRefusedError(
                name,
                RefusalReason.TOO_MANY_RECORDS,
                f"{len(self.starts)} records, more than the {settings.max_records} allowed",
            )

    def __len__(self) -> int:
        return len(self.starts)

    def blocks(self) -> list[range]:
        """Runs of lines of which each is tried as a whole."""
        return [
            range(first, min(first + _BLOCK_LINES, len(self))) for first in range(0, len(self), _BLOCK_LINES)
        ]

    def line(self, index: int) -> bytes:
        """One record without its line end."""
        return self.content[self.starts[index] : self.ends[index]]


def _read_whole(lines: Lines, header: Header, layout: CsvLayout, settings: FormatSettings) -> pa.Table | None:
    if len(lines) == 0:
        return layout.cell_schema.empty_table()
    if lines.has_blank_lines or lines.longest > settings.max_line_bytes:
        return None
    buffer = pa.py_buffer(lines.content).slice(lines.body_start)
    return read_columns(buffer, lines.numbers, header, layout, settings)


def _read_block(
    lines: Lines, block: range, header: Header, layout: CsvLayout, settings: FormatSettings, rejects: Rejects
) -> pa.Table:
    numbers = lines.numbers[block.start : block.stop]
    records = [lines.line(index) for index in block]
    if max(map(len, records)) <= settings.max_line_bytes:
        fast = read_columns(pa.py_buffer(b"\n".join(records) + b"\n"), numbers, header, layout, settings)
        if fast is not None:
            return fast
    return read_lines(records, numbers.tolist(), header, layout, settings, rejects)


def read_columns(
    body: pa.Buffer, numbers: IntArray, header: Header, layout: CsvLayout, settings: FormatSettings
) -> pa.Table | None:
    """All records at once as typed columns; None unless every single one is good.

    body     Lines without the header.
    numbers  Line number of each record.
    """
    plain = _as_plain_utf8(body, header.encoding, header.separator)
    if plain is None:
        return None
    positions = [f"c{index}" for index in range(len(header.names))]
    present = [cell for cell in layout.cells if cell.name in header.names]
    column_of = {cell.name: positions[header.names.index(cell.name)] for cell in present}
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(plain),
            read_options=pa_csv.ReadOptions(
                use_threads=False, block_size=_FAST_BLOCK_BYTES, column_names=positions
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=header.separator, newlines_in_values=False, ignore_empty_lines=False
            ),
            convert_options=pa_csv.ConvertOptions(
                check_utf8=False,
                column_types={column_of[cell.name]: cell.read_as for cell in present},
                include_columns=[column_of[cell.name] for cell in present],
                null_values=["", *layout.dialect.nothing],
                decimal_point=layout.dialect.decimal,
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != len(numbers):
        return None
    columns = []
    for cell in layout.cells:
        if cell not in present:
            columns.append(pa.chunked_array([pa.nulls(table.num_rows, cell.dtype)]))
            continue
        column = read_column(cell, table[column_of[cell.name]], settings)
        if column is None:
            return None
        columns.append(column)
    return pa.Table.from_arrays([*columns, pa.array(numbers, LONG)], schema=layout.cell_schema)


def _as_plain_utf8(body: pa.Buffer, encoding: str, separator: str) -> pa.Buffer | None:
    """The text as UTF-8 where it is well formed, has no NUL and no quotes but around whole cells; else
    None.
    """
    content = np.frombuffer(body, np.uint8)
    if not content.all() or not _quotes_are_plain(content, ord(separator)):
        return None
    if content.max() < 0x80:
        return body
    try:
        text = str(memoryview(body), encoding)
    except UnicodeDecodeError:
        return None
    return body if encoding == "utf-8" else pa.py_buffer(text.encode())


def _quotes_are_plain(content: ByteArray, separator: int) -> bool:
    """True where quotes come in pairs around whole cells, so that every reader agrees on what they mean."""
    quotes = np.flatnonzero(content == _QUOTE)
    if len(quotes) == 0:
        return True
    if len(quotes) % 2:
        return False
    opening, closing = quotes[0::2], quotes[1::2]
    before = np.where(opening == 0, _LINE_FEED, content[opening - 1])
    after = np.where(
        closing == len(content) - 1, _LINE_FEED, content[np.minimum(closing + 1, len(content) - 1)]
    )
    return bool(
        np.isin(before, (separator, _LINE_FEED)).all()
        and np.isin(after, (separator, _LINE_FEED, _RETURN)).all()
    )
