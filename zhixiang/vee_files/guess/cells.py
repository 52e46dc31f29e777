"""The cells of a file that nobody has declared: what parts them, which line has the names, and how numbers
are written.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.errors import InputRefusedError
from pipelines.formats import FormatSettings, RefusalReason
from pipelines.formats.csv_lines import foreign_text
from pipelines.formats.documents.kinds import is_workbook
from pipelines.formats.documents.workbook import SheetNotation, sheet_as_text
from pipelines.formats.parquet import MAGIC, read_parquet_schema
from pipelines.tables.base import STRING

NOTHING = frozenset({"--", "-", "—", "null", "n/a", "na", "none", "nil", "#n/a", "nan", "无", "缺", "空"})
_SEPARATORS = (";", "\t", "|", ",")
_SAMPLE_LINES, _HEADER_LINES, _MOST_LINES = 200, 60, 200_000
_SAME_SHARE = 0.8
_LEAST_COLUMNS = 2
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?\d+,\d+")
_COMMA_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
_DOT_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+,\d+")
_DATED = re.compile(r"\d{1,4}[-./年]\d{1,2}[-./月]\d{1,4}.*")


@dataclass(frozen=True)
class Cells:
    """A file as columns of texts, or as typed ones.

    names        Of the columns, in order; one that stands twice is there once.
    header_line  Number of the line of names; 0 where there are no lines.
    before       Cells of the lines before it.
    encoding     Of a text file.
    separator    Of a text file.
    """

    names: tuple[str, ...]
    columns: Mapping[str, pa.ChunkedArray]
    header_line: int = 0
    before: tuple[tuple[str, ...], ...] = ()
    encoding: str = "utf-8"
    separator: str = ","
    is_text: bool = True

    def texts(self, name: str) -> list[str]:
        """The cells of a column that hold something."""
        return [text for text in self.columns[name].cast(STRING).to_pylist() if text]


@dataclass(frozen=True)
class Notation:
    """How numbers are written: as the keys of a mapping."""

    decimal: str = "."
    thousands: str = ""
    nothing: tuple[str, ...] = ()
    unsure: tuple[str, ...] = field(default=())

    def is_number(self, text: str) -> bool:
        """Whether a cell holds a number, or says that there is none."""
        if text.strip().lower() in NOTHING:
            return True
        bare = text.strip().replace(self.thousands, "") if self.thousands else text.strip()
        return _PLAIN.fullmatch(bare.replace(",", ".") if self.decimal == "," else bare) is not None


def read_cells(content: bytes, name: str, settings: FormatSettings) -> Cells:
    """The cells of an unpacked file; raises InputRefusedError where it is no table."""
    if content.startswith(MAGIC):
        read_parquet_schema(content, name)
        table = pq.read_table(pa.BufferReader(content), use_threads=False, partitioning=None)
        columns = {column: table[column] for column in table.column_names}
        return Cells(tuple(columns), columns, is_text=False)
    if is_workbook(content):
        content = sheet_as_text(content, name, "", SheetNotation(), settings)
    encoding = _encoding(content)
    foreign = foreign_text(content)
    if encoding is None or (foreign is not None and foreign[0] is RefusalReason.BAD_ENCODING):
        reason = foreign[1] if foreign else "the file is neither UTF-8 nor GB 18030"
        raise InputRefusedError(name, RefusalReason.BAD_ENCODING, reason)
    lines = content.decode("utf-8-sig" if encoding == "utf-8" else encoding).splitlines()[:_MOST_LINES]
    separator = _separator(lines)
    rows = list(csv.reader(lines, delimiter=separator))
    header = _header(rows)
    if header is None:
        reason = "no line of names above lines of numbers was found"
        raise InputRefusedError(name, RefusalReason.UNKNOWN_FORMAT, reason)
    names = tuple(text.strip() for text in rows[header])
    body = [row for row in rows[header + 1 :] if any(cell.strip() for cell in row)]
    columns = {
        each: pa.chunked_array(
            [pa.array([row[place].strip() if place < len(row) else "" for row in body], STRING)]
        )
        for place, each in reversed([*enumerate(names)])
        if each
    }
    ordered = tuple(dict.fromkeys(each for each in names if each))
    before = tuple(tuple(cell.strip() for cell in row) for row in rows[:header])
    return Cells(ordered, columns, header + 1, before, encoding, separator)


def _encoding(content: bytes) -> str | None:
    for encoding in ("utf-8", "gb18030"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return None


def _separator(lines: Sequence[str]) -> str:
    """The first that parts most lines of the file into as many cells."""
    sample = [line for line in lines[: _HEADER_LINES + _SAMPLE_LINES] if line.strip()][-_SAMPLE_LINES:]
    for separator in _SEPARATORS:
        counts = Counter(len(row) for row in csv.reader(sample, delimiter=separator))
        cells, often = counts.most_common(1)[0] if counts else (1, 0)
        if cells > 1 and often >= _SAME_SHARE * len(sample):
            return separator
    return ","


def _header(rows: Sequence[Sequence[str]]) -> int | None:
    """Place of the first line of names that has as many cells as most lines."""
    counts = Counter(len(row) for row in rows[: _HEADER_LINES + _SAMPLE_LINES] if row)
    if not counts:
        return None
    width = counts.most_common(1)[0][0]
    for place, row in enumerate(rows[:_HEADER_LINES]):
        named = [cell for cell in row if cell.strip()]
        if (
            abs(len(row) - width) <= 1
            and len(named) >= _LEAST_COLUMNS
            and not any(_PLAIN.fullmatch(cell.strip()) or _DATED.fullmatch(cell.strip()) for cell in named)
        ):
            return place
    return None


def notation_of(texts: Iterable[str], separator: str) -> Notation:
    """How the numbers among the cells of columns are written.

    >>> notation_of(["0,071", "1.031,5", "--"], ";")
    Notation(decimal=',', thousands='.', nothing=('--',), unsure=())
    >>> notation_of(["213", "1,031"], ",").thousands
    ','
    """
    distinct = {text.strip() for text in texts}
    nothing = tuple(sorted({text.lower() for text in distinct} & (NOTHING - {"nan"})))
    commas = {text for text in distinct if _COMMA.fullmatch(text) or _COMMA_GROUPS.fullmatch(text)}
    dotted = any("." in text and _PLAIN.fullmatch(text) for text in distinct)
    grouped = {text for text in commas if _COMMA_GROUPS.fullmatch(text)}
    dot_groups = any(_DOT_GROUPS.fullmatch(text) for text in distinct)
    plain = {text for text in distinct if _PLAIN.fullmatch(text)}
    if not commas and not dot_groups:
        return Notation(nothing=nothing)
    if grouped == commas and not dot_groups and (dotted or plain):
        told = () if dotted or len(commas) < len(plain) else (_comma_doubt(grouped),)
        return Notation(".", ",", nothing, told)
    doubt = (_comma_doubt(grouped),) if grouped == commas and not dot_groups else ()
    return Notation(",", "." if dot_groups else "", nothing, doubt)


def _comma_doubt(grouped: Iterable[str]) -> str:
    return f"{min(grouped)!r}: whether the comma parts thousands or stands before the fraction"


def is_mostly_numbers(column: pa.ChunkedArray, notation: Notation) -> bool:
    """Whether a column holds numbers."""
    if not pa.types.is_string(column.type):
        return bool(pa.types.is_floating(column.type) or pa.types.is_integer(column.type))
    texts = [text for text in pc.unique(column).to_pylist() if text]
    said = [text for text in texts if text.lower() not in NOTHING]
    return bool(said) and sum(map(notation.is_number, said)) >= _SAME_SHARE * len(said)
