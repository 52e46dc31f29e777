"""NEM12: the Australian interval metering interchange format (AEMO, Meter Data File Format).

A 100 record opens the file and a 900 record closes it. A 200 record names a meter's data stream, each 300
record below it holds one day of intervals, and 400 records tell the quality of parts of that day. A record
that some program wrapped goes on in lines that begin with a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

import pyarrow as pa

from pipelines.codes import Channel, CurveMeasure, RejectReason
from pipelines.errors import InputRefusedError
from pipelines.formats.contract import (
    SNIFF_SHARE,
    FormatSettings,
    ReadResult,
    RefusalReason,
    Rejects,
    rows_schema,
    shown,
)
from pipelines.formats.days import CellError, read_day
from pipelines.formats.nem.records import NemRecord, closed_remark, opened, read_records, sent_at
from pipelines.periods import DAY_MINUTES
from pipelines.tables.base import Table
from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.tables.identifiers import fault_of

INTERVAL_MINUTES = (5, 15, 30)
METER_POINT_PREFIX = "NEM12-"

# First letter of the NMI suffix: E what the customer takes, B what he gives, Q and K the two reactive
# directions.
CHANNEL_OF_SUFFIX = {
    "E": Channel.ACTIVE_FORWARD,
    "B": Channel.ACTIVE_REVERSE,
    "Q": Channel.REACTIVE_LAGGING,
    "K": Channel.REACTIVE_LEADING,
}
_ACTIVE_UNITS = {"WH": Decimal("0.001"), "KWH": Decimal(1), "MWH": Decimal(1000)}
_REACTIVE_UNITS = {"VARH": Decimal("0.001"), "KVARH": Decimal(1), "MVARH": Decimal(1000)}

_START = re.compile(rb"\s*(?:100,NEM(?!13)\d|200,[^,\n]+,[^,\n]*,)", re.IGNORECASE)
_SUFFIX = re.compile(r"([A-Z])([0-9A-Z])")
_QUALITY = re.compile(r"[AN]|[EFS][0-9]{2}|V")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_STREAM_FIELDS = {1: "NMI", 4: "NMISuffix", 7: "UOM", 8: "IntervalLength"}
_LENGTH = re.compile(r"[0-9]{1,2}")
_NULL_QUALITY, _VARIABLE = "N", "V"


@dataclass(frozen=True)
class _Stream:
    """A 200 record: the data stream that the 300 records below it belong to."""

    meter_point_id: str
    channel: Channel
    factor: Decimal
    interval_minutes: int


@dataclass
class _Day:
    """A 300 record and the 400 records below it.

    stream  What it belongs to, or why the day cannot be read.
    """

    line: int
    record: list[str]
    raw: bytes
    stream: _Stream | CellError
    qualities: list[tuple[int, list[str]]] = field(default_factory=list)


class Nem12:
    """Reader of NEM12 files; interval energies in kWh or kvarh, one row per stream and day."""

    id = "nem12"
    title = "NEM12 (AEMO interval data)"
    table: type[Table] = BronzeLoadCurves

    def sniff(self, name: str, head: bytes, share: float = SNIFF_SHARE) -> bool:
        """Whether the file opens with a NEM header, or with a 200 record whose header was lost."""
        return _START.match(head.removeprefix(b"\xef\xbb\xbf")) is not None

    def read(self, content: bytes, name: str, settings: FormatSettings) -> ReadResult:
        """Reads a whole file.

        A record with a NUL or with bytes that are no UTF-8 costs the days that it tells of, and no others.

        Raises InputRefusedError: missing_header and truncated (no 100 or 900 record) unless the settings say
        that they may lack, unsupported_version, bad_structure, no_records (no 300 record), bad_encoding where
        the header is no text, and where not one 300 record can be read, the first one's line and reason.
        """
        records = read_records(content, _field_at)
        header_sent, body, warnings = opened(records, "NEM12", name, settings.nem_frame)
        rejects, rows = Rejects(), list[dict[str, object]]()
        for day in _days(body, name):
            try:
                rows.append(_read_day(day, header_sent, settings))
            except CellError as error:
                rejects.add(day.line, error.column_name, error.reason_code, error.reason, day.raw)
        warnings += closed_remark(records, name, settings.nem_frame)
        if not rows:
            first = rejects.table().slice(0, 1).to_pylist()
            if not first:
                raise InputRefusedError(
                    name,
                    RefusalReason.NO_RECORDS,
                    "the file has no interval record (300)",
                    line=records[-1].line,
                )
            reason = f"no interval record can be read; the first: {first[0]['reason']}"
            raise InputRefusedError(
                name,
                RefusalReason.BAD_STRUCTURE,
                reason,
                line=first[0]["line_number"],
                column=first[0]["column_name"],
            )
        return ReadResult(
            pa.Table.from_pylist(rows, schema=rows_schema(self.table)),
            rejects.table(),
            len(rows) + len(rejects),
            warnings=warnings,
        )


def _field_at(indicator: str, index: int) -> str | None:
    """The name of a field of a stream or a day; none where it has no name here."""
    if indicator == "200":
        return _STREAM_FIELDS.get(index)
    if indicator != "300" or not 1 <= index <= DAY_MINUTES // max(INTERVAL_MINUTES) + 1:
        return None  # Behind the shortest day it hangs on the length of the intervals what a field is.
    return "IntervalDate" if index == 1 else f"IntervalValue{index - 1}"


def _days(records: list[NemRecord], name: str) -> Iterator[_Day]:
    """The 300 records in file order, each with its stream and its quality records; checks the file's
    structure.
    """
    stream: _Stream | CellError | None = None
    day: _Day | None = None
    closed = False
    for sent in records:
        line, record, indicator = sent.line, sent.fields, sent.fields[0]
        if day is not None and indicator in ("200", "300", "900"):
            yield day
            day = None
        match indicator:
            case "200" if not closed:
                stream = sent.damaged or _read_stream(record, line)
            case "300" if stream is not None and not closed:
                day = _Day(line, record, sent.raw, sent.damaged or stream)
            case "400" if day is not None:
                # What it says of the day is lost, so nothing is known of how good the values are.
                day.stream = sent.damaged or day.stream
                day.qualities.append((line, record))
            case "500" if not closed:
                pass  # Manual reads and transactions of the market; they say nothing about the intervals.
            case "900" if not closed:
                closed = True
            case _ if day is not None and not closed and _NUMBER.fullmatch(indicator):
                _go_on(day, sent)
            case _:
                reason = (
                    f"found a record {shown(indicator)} where none may stand; the order is 100, 200, 300, "
                    "400, 500, 900"
                )
                raise InputRefusedError(name, RefusalReason.BAD_STRUCTURE, reason, line=line)
    if day is not None:
        yield day


def _go_on(day: _Day, sent: NemRecord) -> None:
    """Joins a line that begins with a number to the record above it, which was wrapped; where that was whole
    already, or tells its qualities, nobody knows what the line is, and the day is held back.
    """
    if sent.damaged or isinstance(day.stream, CellError):
        day.stream = sent.damaged or day.stream
        return
    quality = 2 + DAY_MINUTES // day.stream.interval_minutes
    if day.qualities or (len(day.record) > quality and _QUALITY.fullmatch(day.record[quality].upper())):
        reason = f"line {sent.line} begins with a number and belongs to no record; the one above it is whole"
        day.stream = CellError(None, RejectReason.BAD_STRUCTURE, reason)
        return
    # A comma at the end of a line stands between two values, not before an empty one.
    day.record = [*(day.record[:-1] if day.record[-1] == "" else day.record), *sent.fields]
    day.raw += b"\n" + sent.raw


def _read_stream(record: list[str], line: int) -> _Stream | CellError:
    """The stream of a 200 record; what is wrong with it is told by every 300 record below it."""
    nmi, suffix, unit, minutes = (record[index] if index < len(record) else "" for index in (1, 4, 7, 8))
    where = f"the stream record in line {line}"
    if not nmi or not suffix:
        column = "NMI" if not nmi else "NMISuffix"
        return CellError(column, RejectReason.MISSING_KEY, f"{where} has no {column}")
    if expected := fault_of(f"{METER_POINT_PREFIX}{nmi}-0") or fault_of(nmi):
        return CellError("NMI", RejectReason.BAD_ID, f"{where} names {shown(nmi)}, expected {expected}")
    parts = _SUFFIX.fullmatch(suffix.upper())
    channel = CHANNEL_OF_SUFFIX.get(parts[1]) if parts else None
    if parts is None or channel is None:
        expected = ", ".join(f"{letter}n" for letter in CHANNEL_OF_SUFFIX)
        return CellError(
            "NMISuffix", RejectReason.BAD_CODE, f"{where} counts {shown(suffix)}, expected one of {expected}"
        )
    units = _REACTIVE_UNITS if channel.is_reactive else _ACTIVE_UNITS
    factor = units.get(unit.upper())
    if factor is None:
        return CellError(
            "UOM",
            RejectReason.BAD_CODE,
            f"{where} counts in {shown(unit)}, expected one of {', '.join(units)} (in any case)",
        )
    if not _LENGTH.fullmatch(minutes) or int(minutes) not in INTERVAL_MINUTES:
        return CellError(
            "IntervalLength",
            RejectReason.BAD_CODE,
            f"{where} has intervals of {shown(minutes)} minutes, expected 5, 15 or 30",
        )
    return _Stream(f"{METER_POINT_PREFIX}{nmi}-{parts[2]}", channel, factor, int(minutes))


def _read_day(day: _Day, header_sent: datetime | None, settings: FormatSettings) -> dict[str, object]:
    """One row of the bronze table; raises CellError."""
    if isinstance(day.stream, CellError):
        raise day.stream
    stream, record = day.stream, day.record
    count = DAY_MINUTES // stream.interval_minutes
    curve_date = _date(record[1] if len(record) > 1 else "", settings)
    quality = _day_quality(record, count)
    values = [_value(text, slot, stream.factor) for slot, text in enumerate(record[2 : 2 + count], start=1)]
    qualities = _qualities(day, quality, count)
    # N says that the meter has no value; the number beside it is a filler, not a measurement.
    values = [None if code == _NULL_QUALITY else value for value, code in zip(values, qualities, strict=True)]
    return {
        "meter_point_id": stream.meter_point_id,
        "channel_code": stream.channel.value,
        "curve_date": curve_date,
        "interval_minutes": stream.interval_minutes,
        "measure_code": CurveMeasure.ENERGY.value,
        "values_unscaled": values,
        "present_flags": None,
        "sender_quality_codes": qualities,
        "curve_month": curve_date.strftime("%Y-%m"),
        "line_number": day.line,
        "sent_at_utc": sent_at(record[5 + count] if len(record) > 5 + count else "") or header_sent,
    }


def _day_quality(record: list[str], count: int) -> str:
    """The quality of the day, which stands right behind the last value; tells too few from too many
    values.
    """
    quality = record[2 + count].upper() if len(record) > 2 + count else ""
    if _QUALITY.fullmatch(quality):
        return quality
    places = [index for index, text in enumerate(record[2:]) if _QUALITY.fullmatch(text.upper())]
    found = places[0] if places else len(record) - 2
    if found < count:
        raise CellError(
            "QualityMethod",
            RejectReason.TOO_FEW_FIELDS,
            f"found {found} values, expected {count} for the length of the interval",
        )
    if found > count and places:
        raise CellError(
            "QualityMethod",
            RejectReason.TOO_MANY_FIELDS,
            f"found {found} values, expected {count} for the length of the interval",
        )
    raise CellError(
        "QualityMethod",
        RejectReason.BAD_CODE,
        f"found {shown(quality)}, expected A, N, V, or E, F, S with two digits",
    )


def _value(text: str, slot: int, factor: Decimal) -> float | None:
    if text == "":
        return None
    if not _NUMBER.fullmatch(text):
        raise CellError(
            f"IntervalValue{slot}",
            RejectReason.BAD_NUMBER,
            f"found {shown(text)}, expected a decimal number such as 12.345",
        )
    try:
        return float(Decimal(text) * factor)
    except (InvalidOperation, OverflowError):
        raise CellError(
            f"IntervalValue{slot}", RejectReason.BAD_NUMBER, f"found {shown(text)}, which is out of range"
        ) from None


def _qualities(day: _Day, quality: str, count: int) -> list[str]:
    """The quality of every interval; where the day's is V, the 400 records must cover the day without gap or
    overlap.
    """
    if quality != _VARIABLE:
        if day.qualities:
            reason = (
                f"line {day.qualities[0][0]} tells qualities by part, but the day's quality is {quality}, "
                "not V"
            )
            raise CellError("QualityMethod", RejectReason.BAD_STRUCTURE, reason)
        return [quality] * count
    found: list[str] = []
    for line, record in day.qualities:
        first, last, code = (record[index] if index < len(record) else "" for index in (1, 2, 3))
        span = f"{first or '?'}-{last or '?'}"
        if (
            not (first.isdecimal() and last.isdecimal())
            or int(first) != len(found) + 1
            or not int(first) <= int(last) <= count
        ):
            expected = f"expected to go on at {len(found) + 1} and to end by {count}"
            raise CellError(
                "StartInterval",
                RejectReason.BAD_STRUCTURE,
                f"the quality record in line {line} covers the intervals {span}, {expected}",
            )
        if not _QUALITY.fullmatch(code.upper()) or code.upper() == _VARIABLE:
            raise CellError(
                "QualityMethod",
                RejectReason.BAD_CODE,
                f"found {shown(code)} in line {line}, expected A, N, or E, F, S with two digits",
            )
        found += [code.upper()] * (int(last) - int(first) + 1)
    if len(found) < count:
        reason = f"the quality is V, but no 400 record tells that of the intervals {len(found) + 1}-{count}"
        raise CellError("QualityMethod", RejectReason.BAD_STRUCTURE, reason)
    return found


def _date(text: str, settings: FormatSettings) -> date:
    if not (len(text) == 8 and text.isdecimal() and text.isascii()):
        raise CellError(
            "IntervalDate", RejectReason.BAD_DATE, f"found {shown(text)}, expected a day as YYYYMMDD"
        )
    return read_day("IntervalDate", text[:4], text[4:6], text[6:], text, settings)
