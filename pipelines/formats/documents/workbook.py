"""A sheet of an Excel workbook (.xlsx) as the text of a CSV file, so that everything a mapping says of CSV
files holds for it too: line n is row n, and real dates and numbers are written so that they are read back
exactly.
"""

from __future__ import annotations

import datetime as dt
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum

from pipelines.errors import InputRefusedError
from pipelines.formats.contract import FormatSettings, RefusalReason, shown
from pipelines.formats.documents.sheet_extent import extent_of

_UTF8_BOM = b"\xef\xbb\xbf"
_CHUNK_ROWS = 50_000
_EXACT = 1e15
"""A spreadsheet keeps 15 digits; a longer whole number was rounded, and its notation says so."""
_SERIAL_EPOCH = 25_569
_FIRST_SERIAL, _LAST_SERIAL = 20_000.0, 110_000.0
_ISO, _DAY = "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"
_DAMAGE = (CalamineError, zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError)
_PANICS = "pyo3_runtime"
"""Where the error of a reader in Rust that gave up comes from; it is no Exception."""
_Texts = np.ndarray[Any, np.dtype[np.object_]]


@dataclass(frozen=True)
class SheetNotation:
    """How the cells of a sheet are written, so that the mapping's reader of CSV files takes them.

    stamps     Columns of stamps -> notation in which real dates are written, empty: YYYY-MM-DD HH:MM:SS. A
               plain number in such a column without a notation is a day of Excel's calendar of 1900.
    separator  Between two cells.
    decimal    Before the fraction of a number, but in columns of stamps.
    """

    stamps: Mapping[str, str] = field(default_factory=dict)
    separator: str = ","
    decimal: str = "."


def sheet_as_text(
    content: bytes, name: str, sheet: str, notation: SheetNotation, settings: FormatSettings
) -> bytes:
    """The sheet as UTF-8 CSV with a byte order mark; a row without any cell is a blank line.

    sheet  Its name; empty: the only one that has cells.

    Raises InputRefusedError: unreadable_workbook, missing_sheet, too_many_records.
    """
    try:
        _refuse_wide_apart(content, name)
        with CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
            found = _sheet(workbook, name, sheet)
            if found.total_height > settings.max_records:
                reason = f"{found.total_height} rows, more than the {settings.max_records} allowed"
                raise InputRefusedError(name, RefusalReason.TOO_MANY_RECORDS, reason)
            return _UTF8_BOM + b"".join(_text(found, notation))
    except BaseException as error:
        if not isinstance(error, _DAMAGE) and type(error).__module__ != _PANICS:
            raise
        cause = f"the workbook cannot be read ({' '.join(str(error).split())[:200]})"
        raise InputRefusedError(name, RefusalReason.UNREADABLE_WORKBOOK, cause) from None


def _sheet(workbook: CalamineWorkbook, name: str, sheet: str) -> CalamineSheet:
    seen = [each.name for each in workbook.sheets_metadata if each.typ == SheetTypeEnum.WorkSheet]
    listed = shown(", ".join(seen), 200)
    if sheet:
        if sheet not in seen:
            reason = f"the workbook has no sheet {sheet!r}; its sheets are {listed}"
            raise InputRefusedError(name, RefusalReason.MISSING_SHEET, reason)
        return workbook.get_sheet_by_name(sheet)
    filled = [found for found in map(workbook.get_sheet_by_name, seen) if found.height]
    if len(filled) != 1:
        count = f"{len(filled)} sheets with cells" if filled else "no sheet with cells"
        reason = f"the workbook has {count} of {listed}; name one by `sheet:` in the mapping"
        raise InputRefusedError(name, RefusalReason.MISSING_SHEET, reason)
    return filled[0]


def _text(sheet: CalamineSheet, notation: SheetNotation) -> Iterator[bytes]:
    """The lines of a sheet, so many rows at a time."""
    rows, dated = sheet.iter_rows(), dict[int, str]()
    while chunk := list(islice(rows, _CHUNK_ROWS)):
        cells = np.array(chunk, dtype=object)
        dated = dated or _dated_columns(cells, notation.stamps)
        columns = [
            _quoted(_texts(cells[:, at], dated.get(at), notation.decimal), notation.separator)
            for at in range(cells.shape[1])
        ]
        blank = pa.array(np.asarray(cells == "", np.bool_).all(axis=1))
        lines = pc.if_else(blank, "", pc.binary_join_element_wise(*columns, notation.separator))
        joined = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines), "\n")
        yield joined[0].as_buffer().to_pybytes() + b"\n"


def _dated_columns(cells: _Texts, stamps: Mapping[str, str]) -> dict[int, str]:
    """Place of each column of stamps -> its notation, from the first row that names all of them."""
    for row in cells[:1000]:
        names = [cell.strip() if isinstance(cell, str) else None for cell in row]
        if stamps and all(column in names for column in stamps):
            return {names.index(column): notation for column, notation in stamps.items()}
    return {}


def _texts(cells: _Texts, notation: str | None, decimal: str) -> pa.Array:
    """Cells of one column as texts, empty where there is none; all cells of one type at once.

    notation  How real dates are written; none: the column holds no stamps.
    """
    texts = np.full(cells.size, None, dtype=object)
    kinds: _Texts = np.asarray(np.frompyfunc(type, 1, 1)(cells), dtype=object)
    for kind in set(kinds.tolist()):
        mine = np.flatnonzero(kinds == kind)
        written = _WRITERS[kind](cells[mine], notation)
        if kind is float and notation is None and decimal != ".":
            written = pc.replace_substring(written, ".", decimal)
        texts[mine] = written.to_numpy(zero_copy_only=False)
    return pa.array(texts, pa.string())


def _written_texts(cells: _Texts, _notation: str | None) -> pa.Array:
    return pa.array(cells, pa.string())


def _written_numbers(cells: _Texts, notation: str | None) -> pa.Array:
    numbers = cells.astype(np.float64)
    if notation == "" and ((numbers >= _FIRST_SERIAL) & (numbers <= _LAST_SERIAL)).all():
        seconds = np.rint((numbers - _SERIAL_EPOCH) * 86_400).astype(np.int64)
        return pc.strftime(pa.array(seconds).cast(pa.timestamp("s")), format=_ISO)
    whole = (np.abs(numbers) < _EXACT) & (numbers == np.rint(numbers))
    digits = pa.array(np.where(whole, numbers, 0).astype(np.int64)).cast(pa.string())
    return pc.if_else(pa.array(whole), digits, pa.array(numbers).cast(pa.string()))


def _written_moments(cells: _Texts, notation: str | None) -> pa.Array:
    micros = cells.astype("datetime64[us]").astype(np.int64)
    moments = pa.array((micros + 500_000) // 1_000_000).cast(pa.timestamp("s"))
    # A notation without signs, such as excel_day, is of numbers; a real date is none.
    return pc.strftime(moments, format=notation if notation and "%" in notation else _ISO)


def _written_days(cells: _Texts, notation: str | None) -> pa.Array:
    """Days; in a column of stamps they are its midnights."""
    return _written_moments(cells, _DAY if notation is None else notation)


def _written_times(cells: _Texts, _notation: str | None) -> pa.Array:
    return pa.array(cells, pa.time64("us")).cast(pa.time32("s"), safe=False).cast(pa.string())


def _written_spans(cells: _Texts, _notation: str | None) -> pa.Array:
    """Spans as hours, minutes and seconds: a cell that shows 24:00 is one."""
    seconds = cells.astype("timedelta64[s]").astype(np.int64)
    parts = (seconds // 3600, seconds // 60 % 60, seconds % 60)
    return pc.binary_join_element_wise(
        *(pc.utf8_lpad(pa.array(part).cast(pa.string()), width=2, padding="0") for part in parts), ":"
    )


def _written_truths(cells: _Texts, _notation: str | None) -> pa.Array:
    return pa.array(cells.astype(np.bool_)).cast(pa.string())


_WRITERS: dict[type, Callable[[_Texts, str | None], pa.Array]] = {
    str: _written_texts,
    float: _written_numbers,
    int: _written_numbers,
    bool: _written_truths,
    dt.datetime: _written_moments,
    dt.date: _written_days,
    dt.time: _written_times,
    dt.timedelta: _written_spans,
}


def _quoted(texts: pa.Array, separator: str) -> pa.Array:
    """Texts as cells of a CSV line: quoted where they must be, a line end inside as a blank."""
    special = pc.match_substring_regex(texts, f'["{separator}\r\n]')
    if not pc.any(special).as_py():
        return texts
    plain = pc.replace_substring_regex(texts, "[\r\n]+", " ")
    wrapped = pc.binary_join_element_wise('"', pc.replace_substring(plain, '"', '""'), '"', "")
    return pc.if_else(special, wrapped, texts)


def _refuse_wide_apart(content: bytes, name: str) -> None:
    """Raises InputRefusedError where the cells of a part lie so far apart that the rectangle between them
    would not fit into memory.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.namelist():
            part = archive.read(entry)
            if part.startswith((b"\xff\xfe", b"\xfe\xff")) or (b"\0" in part[:64] and entry.endswith(".xml")):
                reason = f"its part {entry} is UTF-16, expected UTF-8"
                raise InputRefusedError(name, RefusalReason.UNREADABLE_WORKBOOK, reason)
            if b"sheetData" not in part:
                continue
            extent = extent_of(part)
            if extent is None or extent.is_wide_apart:
                found = (
                    "cells of unreadable places"
                    if extent is None
                    else f"{extent.cells:,} cells that lie far apart"
                )
                reason = f"its part {entry} has {found}; delete the empty rows and columns between them"
                raise InputRefusedError(name, RefusalReason.UNREADABLE_WORKBOOK, reason)
