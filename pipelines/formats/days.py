"""Days of the calendar in the notations of senders, and the error of a cell that cannot be read."""

from __future__ import annotations

import re
from datetime import date
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.codes import RejectReason
from pipelines.formats.contract import shown
from pipelines.tables.base import DATE

_DAY = re.compile(
    r"[ \t]*([0-9]{4})(?:-([0-9]{2})-([0-9]{2})|([0-9]{2})([0-9]{2})|/([0-9]{1,2})/([0-9]{1,2}))"
    r"(?:[ T]0?0:00(?::00(?:\.0*)?)?)?[ \t]*"
)
DAY_NOTATIONS = "YYYY-MM-DD, YYYYMMDD or YYYY/M/D, with no time of day but midnight"


class DaySpan(Protocol):
    """The part of the format settings that days obey."""

    @property
    def earliest_date(self) -> date:
        """An earlier day is a slip of the sender."""
        ...

    @property
    def latest_date(self) -> date:
        """A later day is a slip of the sender."""
        ...


class CellError(Exception):
    """One cell that cannot be read."""

    def __init__(self, column_name: str | None, reason_code: RejectReason, reason: str) -> None:
        super().__init__(reason)
        self.column_name, self.reason_code, self.reason = column_name, reason_code, reason


def read_day(column_name: str, year: str, month: str, day: str, text: str, settings: DaySpan) -> date:
    """A calendar day from its parts; raises CellError where there is no such day or the settings exclude
    it.
    """
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        raise CellError(
            column_name, RejectReason.BAD_DATE, f"found {shown(text)}, which is no day of the calendar"
        ) from None
    if not settings.earliest_date <= found <= settings.latest_date:
        raise CellError(
            column_name,
            RejectReason.BAD_DATE,
            f"found {shown(text)}, expected a day from {settings.earliest_date} to {settings.latest_date}",
        )
    return found


def read_any_day(column_name: str, text: str, settings: DaySpan) -> date:
    """A day in any of DAY_NOTATIONS; raises CellError."""
    match = _DAY.fullmatch(text)
    if match is None:
        raise CellError(
            column_name, RejectReason.BAD_DATE, f"found {shown(text)}, expected a day as {DAY_NOTATIONS}"
        )
    year, month, day = (part for part in match.groups() if part is not None)
    return read_day(column_name, year, month, day, text, settings)


def any_days(column: pa.ChunkedArray, settings: DaySpan) -> pa.ChunkedArray | None:
    """A column of such days; None where any is none, or the settings exclude it. Each distinct text is read
    once.
    """
    encoded = column.combine_chunks().dictionary_encode()
    try:
        days = [read_any_day("", text, settings) for text in encoded.dictionary.to_pylist()]
    except CellError:
        return None
    return pa.chunked_array([pc.take(pa.array(days, DATE), encoded.indices)])
