"""The kinds of cell a text format has, each read twice: whole columns at once, and one cell with a diagnosis.

Both ways accept the same texts and give the same values; the column way may give up (None), never differ.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.codes import RejectReason
from pipelines.formats.contract import FormatSettings, shown
from pipelines.formats.days import CellError, any_days, read_any_day, read_day
from pipelines.formats.mapped.numbers import PLAIN, NumberNotation
from pipelines.periods import EPOCH, LOCAL_OFFSET, LOCAL_ZONE
from pipelines.tables.base import DATE, DOUBLE, ENERGY, INTEGER, STRING, TIMESTAMP
from pipelines.tables.identifiers import LIMIT, breaks_rule, fault_of, rounded, trimmed, trimmed_column

_NUMBER = re.compile(r"[ \t]*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t]*")
_DATE = re.compile(r"[ \t]*([0-9]{4})-([0-9]{2})-([0-9]{2})[ \t]*")
_INSTANT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[ T]([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?)?)?"
)
_INTEGER_TEXT = r"^-?[0-9]{1,9}$"
MONTH_TEXT = r"^[0-9]{4}-(0[1-9]|1[0-2])$"
_INTEGER, _MONTH = re.compile(_INTEGER_TEXT[1:-1]), re.compile(MONTH_TEXT[1:-1])
_DECIMAL_STEP = Decimal("0.000001")
_DECIMAL_LIMIT = Decimal(10) ** 12


class CellKind(Enum):
    """What a cell holds; the value is the Arrow type it becomes."""

    TEXT = "text"
    IDENTIFIER = "identifier"
    NUMBER = "number"
    DECIMAL = "decimal"
    INTEGER = "integer"
    DATE = "date"
    DAY = "day"
    LOCAL_TIME = "local time"
    MONTH = "month"
    CODE = "code"

    @property
    def dtype(self) -> pa.DataType:
        """Arrow type of the value."""
        return _DTYPES[self]


_DTYPES = {
    CellKind.TEXT: STRING,
    CellKind.IDENTIFIER: STRING,
    CellKind.NUMBER: DOUBLE,
    CellKind.DECIMAL: ENERGY,
    CellKind.INTEGER: INTEGER,
    CellKind.DATE: DATE,
    CellKind.DAY: DATE,
    CellKind.LOCAL_TIME: TIMESTAMP,
    CellKind.MONTH: STRING,
    CellKind.CODE: STRING,
}

# How Arrow's CSV reader takes a column before the checks; text where its own grammar is wider than ours.
_READ_AS = {
    CellKind.NUMBER: DOUBLE,
    CellKind.DECIMAL: ENERGY,
    CellKind.DATE: DATE,
    CellKind.LOCAL_TIME: pa.timestamp("us"),
}


@dataclass(frozen=True)
class Cell:
    """One column of a text format.

    name      Name in the file's header.
    kind      What it holds.
    required  An empty cell makes the record unusable.
    codes     For CODE: accepted text -> value that is kept.
    minimum   Smallest number accepted.
    above     Bound that a number must exceed.
    maximum   Largest number accepted.
    length    For TEXT: number of characters, where the format fixes it; for IDENTIFIER: the most allowed.
    notation  For NUMBER: how they are written; for all: the texts that mean that nothing came.
    optional  The file may lack the column; its records then hold nothing there.
    """

    name: str
    kind: CellKind
    required: bool = False
    codes: Mapping[str, Any] = field(default_factory=dict)
    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    length: int | None = None
    notation: NumberNotation = PLAIN
    optional: bool = False

    @property
    def read_as(self) -> pa.DataType:
        """The type that Arrow's CSV reader is asked for."""
        as_text = self.kind is CellKind.NUMBER and self.notation.thousands
        return STRING if as_text else _READ_AS.get(self.kind, STRING)

    @property
    def dtype(self) -> pa.DataType:
        """Arrow type of the values."""
        if self.kind is CellKind.CODE and any(isinstance(value, bool) for value in self.codes.values()):
            return pa.bool_()
        return self.kind.dtype


def read_column(cell: Cell, column: pa.ChunkedArray, settings: FormatSettings) -> pa.ChunkedArray | None:
    """A whole column as Arrow's CSV reader gave it, checked and converted; None where any cell is not
    good.
    """
    if cell.required and column.null_count:
        return None
    if column.null_count == len(column):
        return pa.chunked_array([pa.nulls(len(column), cell.dtype)])
    values = _convert(cell, column, settings)
    bounded = cell.minimum is not None or cell.above is not None or cell.maximum is not None
    if (
        values is not None
        and bounded
        and any(_beyond(cell, bound) for bound in pc.min_max(values).as_py().values())
    ):
        return None
    return values


def _beyond(cell: Cell, value: Any) -> str:
    """What the number should have been where it is out of bounds; else empty."""
    if cell.minimum is not None and value < cell.minimum:
        return f"of at least {cell.minimum:g}"
    if cell.above is not None and value <= cell.above:
        return f"above {cell.above:g}"
    if cell.maximum is not None and value > cell.maximum:
        return f"of at most {cell.maximum:,.10g}"
    return ""


def _convert(cell: Cell, column: pa.ChunkedArray, settings: FormatSettings) -> pa.ChunkedArray | None:
    match cell.kind:
        case CellKind.TEXT:
            good = cell.length is None or _all(pc.equal(pc.utf8_length(column), cell.length))
            return column if good else None
        case CellKind.IDENTIFIER:
            names = trimmed_column(column)
            good = _all(pc.invert(pc.or_(breaks_rule(names, cell.length or LIMIT), rounded(names))))
            return names if good and not (cell.required and names.null_count) else None
        case CellKind.NUMBER:
            numbers = cell.notation.numbers(column) if cell.notation.thousands else column
            return numbers if numbers is not None and _all(pc.is_finite(numbers)) else None
        case CellKind.DECIMAL:
            bounds = pc.min_max(column).as_py()
            return column if bounds["min"] > -_DECIMAL_LIMIT and bounds["max"] < _DECIMAL_LIMIT else None
        case CellKind.INTEGER:
            return column.cast(INTEGER) if _all(pc.match_substring_regex(column, _INTEGER_TEXT)) else None
        case CellKind.DATE:
            return column if _within(column, settings) else None
        case CellKind.DAY:
            return any_days(column, settings)
        case CellKind.LOCAL_TIME:
            return _to_utc(column) if _within(pc.floor_temporal(column, unit="day"), settings) else None
        case CellKind.MONTH:
            return column if _all(pc.match_substring_regex(column, MONTH_TEXT)) else None
        case CellKind.CODE:
            return _decode(cell, column)


def _all(good: pa.ChunkedArray) -> bool:
    return pc.all(good).as_py() is not False


def _within(days: pa.ChunkedArray, settings: FormatSettings) -> bool:
    bounds = pc.min_max(days.cast(DATE).cast(INTEGER))
    first, last = ((day - EPOCH).days for day in (settings.earliest_date, settings.latest_date))
    return bool(first <= bounds["min"].as_py() and bounds["max"].as_py() <= last)


def _to_utc(local: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.subtract(local, pa.scalar(LOCAL_OFFSET, pa.duration("us"))).cast(TIMESTAMP)


def _decode(cell: Cell, column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    texts = pa.array(list(cell.codes), STRING)
    positions = pc.index_in(column, value_set=texts)
    if positions.null_count != column.null_count:
        return None
    return pc.take(pa.array(list(cell.codes.values()), cell.dtype), positions)


def read_cell(cell: Cell, text: str, settings: FormatSettings) -> Any:
    """One cell as a Python value; raises CellError that says what was found and what was expected."""
    if cell.kind is CellKind.IDENTIFIER:
        text = trimmed(text)
    if text == "" or text.strip().lower() in cell.notation.nothing:
        if cell.required:
            kind = cell.kind.value
            article = "an" if kind[0] in "aeiou" else "a"
            raise CellError(
                cell.name, RejectReason.MISSING_KEY, f"{cell.name} is empty; {article} {kind} is needed"
            )
        return None
    value = _CELL_READERS[cell.kind](cell, text, settings)
    expected = _beyond(cell, value)
    if expected:
        raise CellError(
            cell.name, RejectReason.OUT_OF_RANGE, f"found {shown(text)}, expected a number {expected}"
        )
    return value


def _read_text(cell: Cell, text: str, settings: FormatSettings) -> str:
    if cell.length is not None and len(text) != cell.length:
        raise CellError(
            cell.name,
            RejectReason.BAD_STRUCTURE,
            f"found {len(text)} characters, expected {cell.length} or none",
        )
    return text


def _read_identifier(cell: Cell, text: str, settings: FormatSettings) -> str:
    if expected := fault_of(text, cell.length or LIMIT):
        raise CellError(cell.name, RejectReason.BAD_ID, f"found {shown(text)}, expected {expected}")
    return text


def _read_number(cell: Cell, text: str, settings: FormatSettings) -> float:
    plain = cell.notation.plain(text)
    value = float(plain) if _NUMBER.fullmatch(plain) else math.nan
    if not math.isfinite(value):
        code, expected = cell.notation.told(text)
        raise CellError(cell.name, code, f"found {shown(text)}, {expected}")
    return value


def _read_decimal(cell: Cell, text: str, settings: FormatSettings) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise CellError(
            cell.name,
            RejectReason.BAD_NUMBER,
            f"found {shown(text)}, expected a decimal number such as 1234.56",
        )
    value = Decimal(text.strip())
    # Compared by exponent first: quantising 1e999999 would need a million digits.
    if value.is_zero():
        return Decimal(0)
    if value.adjusted() > 11:
        raise CellError(
            cell.name,
            RejectReason.BAD_NUMBER,
            f"found {shown(text)}, expected at most 12 digits before the point",
        )
    if value.adjusted() < -6 or value.quantize(_DECIMAL_STEP) != value:
        raise CellError(
            cell.name,
            RejectReason.BAD_NUMBER,
            f"found {shown(text)}, expected at most 6 digits after the point",
        )
    return value.quantize(_DECIMAL_STEP)


def _read_integer(cell: Cell, text: str, settings: FormatSettings) -> int:
    if not _INTEGER.fullmatch(text):
        raise CellError(cell.name, RejectReason.BAD_NUMBER, f"found {shown(text)}, expected a whole number")
    return int(text)


def _read_date(cell: Cell, text: str, settings: FormatSettings) -> date:
    match = _DATE.fullmatch(text)
    if match is None:
        raise CellError(
            cell.name, RejectReason.BAD_DATE, f"found {shown(text)}, expected a day as YYYY-MM-DD"
        )
    return read_day(cell.name, match[1], match[2], match[3], text, settings)


def _read_local_time(cell: Cell, text: str, settings: FormatSettings) -> datetime:
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise CellError(
            cell.name,
            RejectReason.BAD_DATE,
            f"found {shown(text)}, expected a local time as YYYY-MM-DD HH:MM:SS",
        )
    day = read_day(cell.name, match[1], match[2], match[3], text, settings)
    hour, minute, second = (int(part or 0) for part in match.group(4, 5, 6))
    try:
        local = datetime(
            day.year,
            day.month,
            day.day,
            hour,
            minute,
            second,
            int((match[7] or "").ljust(6, "0") or 0),
            tzinfo=LOCAL_ZONE,
        )
    except ValueError:
        raise CellError(
            cell.name, RejectReason.BAD_DATE, f"found {shown(text)}, which is no time of the day"
        ) from None
    return local.astimezone(UTC)


def _read_month(cell: Cell, text: str, settings: FormatSettings) -> str:
    if not _MONTH.fullmatch(text):
        raise CellError(cell.name, RejectReason.BAD_DATE, f"found {shown(text)}, expected a month as YYYY-MM")
    return text


def _read_code(cell: Cell, text: str, settings: FormatSettings) -> Any:
    if text not in cell.codes:
        raise CellError(
            cell.name, RejectReason.BAD_CODE, f"found {shown(text)}, expected one of {', '.join(cell.codes)}"
        )
    return cell.codes[text]


_CELL_READERS = {
    CellKind.TEXT: _read_text,
    CellKind.IDENTIFIER: _read_identifier,
    CellKind.NUMBER: _read_number,
    CellKind.DECIMAL: _read_decimal,
    CellKind.INTEGER: _read_integer,
    CellKind.DATE: _read_date,
    CellKind.DAY: lambda cell, text, settings: read_any_day(cell.name, text, settings),
    CellKind.LOCAL_TIME: _read_local_time,
    CellKind.MONTH: _read_month,
    CellKind.CODE: _read_code,
}


def month_of(days: pa.ChunkedArray) -> pa.ChunkedArray:
    """The month, YYYY-MM, of each day; formatted once per distinct day."""
    encoded = days.combine_chunks().dictionary_encode()
    texts = [(EPOCH if day is None else day).strftime("%Y-%m") for day in encoded.dictionary.to_pylist()]
    return pa.chunked_array([pc.take(pa.array(texts, STRING), encoded.indices)])
