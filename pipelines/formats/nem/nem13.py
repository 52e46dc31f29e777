"""NEM13: accumulated registers in AEMO's metering interchange format; a 250 record holds two reads of one
register, the previous and the current one.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation

import pyarrow as pa

from pipelines.codes import Channel, RejectReason
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
from pipelines.formats.nem.records import MARKET_ZONE, NemRecord, closed_remark, opened, read_records, sent_at
from pipelines.tables.base import Table
from pipelines.tables.bronze import BronzeRegisterReads
from pipelines.tables.identifiers import EXPECTED, is_identifier

METER_POINT_PREFIX = "NEM13-"

CHANNEL_OF_DIRECTION = {"E": Channel.ACTIVE_FORWARD, "I": Channel.ACTIVE_REVERSE}
"""Seen from the grid: E leaves it, the customer takes; I enters it, he gives."""

FIELDS = (
    "RecordIndicator",
    "NMI",
    "NMIConfiguration",
    "RegisterID",
    "NMISuffix",
    "MDMDataStreamIdentifier",
    "MeterSerialNumber",
    "DirectionIndicator",
    "PreviousRegisterRead",
    "PreviousRegisterReadDateTime",
    "PreviousQualityMethod",
    "PreviousReasonCode",
    "PreviousReasonDescription",
    "CurrentRegisterRead",
    "CurrentRegisterReadDateTime",
    "CurrentQualityMethod",
    "CurrentReasonCode",
    "CurrentReasonDescription",
    "Quantity",
    "UOM",
    "NextScheduledReadDate",
    "UpdateDateTime",
    "MSATSLoadDateTime",
)
_UNITS = {"WH": Decimal("0.001"), "KWH": Decimal(1), "MWH": Decimal(1000)}
_START = re.compile(rb"\s*(?:100,NEM13|250,(?:[^,\n]*,){12})", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]*)?|\.[0-9]+")
_QUALITY = re.compile(r"[AN]|[EFS][0-9]{2}")
_TIME = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})?")
_STEP, _LIMIT = Decimal("0.000001"), Decimal(10) ** 12
_NO_READ = "N"


class Nem13:
    """Reader of NEM13 files; registers in kWh, up to two reads a record."""

    id = "nem13"
    title = "NEM13 (AEMO accumulated registers)"
    table: type[Table] = BronzeRegisterReads

    def sniff(self, name: str, head: bytes, share: float = SNIFF_SHARE) -> bool:
        """Whether the file opens with a NEM13 header, or with a 250 record whose header was lost."""
        return _START.match(head.removeprefix(b"\xef\xbb\xbf")) is not None

    def read(self, content: bytes, name: str, settings: FormatSettings) -> ReadResult:
        """Reads a whole file.

        Raises InputRefusedError: missing_header and truncated (no 100 or 900 record) unless the settings say
        that they may lack, bad_structure, no_records (no 250 record), bad_encoding where the header is no
        text.
        """
        records = read_records(content, _field_at)
        header_sent, body, warnings = opened(records, "NEM13", name, settings.nem_frame)
        rejects, rows, odd = Rejects(), list[dict[str, object]](), list[int]()
        for record in _reads(body, name):
            try:
                pair = _read_pair(record, header_sent, settings)
                rows += pair
                odd += [record.line] * _is_odd(record.fields, pair)
            except CellError as error:
                rejects.add(record.line, error.column_name, error.reason_code, error.reason, record.raw)
        warnings += closed_remark(records, name, settings.nem_frame)
        if not rows and not len(rejects):
            raise InputRefusedError(
                name, RefusalReason.NO_RECORDS, "the file has no register record (250)", line=records[-1].line
            )
        if odd:
            named = ", ".join(map(str, odd[:5])) + (", ..." if len(odd) > 5 else "")
            warnings += (
                f"the quantity of {len(odd)} records is not the difference of their reads: lines {named}",
            )
        return ReadResult(
            pa.Table.from_pylist(rows, schema=rows_schema(self.table)),
            rejects.table(),
            len(rows) + len(rejects),
            warnings=warnings,
        )


def _field_at(indicator: str, index: int) -> str | None:
    return FIELDS[index] if indicator == "250" and 1 <= index < len(FIELDS) else None


def _reads(records: list[NemRecord], name: str) -> list[NemRecord]:
    """The 250 records in file order; checks the file's structure."""
    found: list[NemRecord] = []
    closed = False
    for record in records:
        match record.fields[0]:
            case "250" if not closed:
                found.append(record)
            case "550" if found and not closed:
                pass  # Transactions of the market; they say nothing about the reads.
            case "900" if not closed:
                closed = True
            case indicator:
                reason = (
                    f"found a record {shown(indicator)} where none may stand; the order is 100, 250, 550, 900"
                )
                raise InputRefusedError(name, RefusalReason.BAD_STRUCTURE, reason, line=record.line)
    return found


def _read_pair(
    record: NemRecord, header_sent: datetime | None, settings: FormatSettings
) -> list[dict[str, object]]:
    """The previous and the current read of a record as rows of the bronze table; raises CellError."""
    if record.damaged:
        raise record.damaged
    told = dict(zip(FIELDS, record.fields, strict=False))
    if len(told) <= FIELDS.index("UOM"):
        reason = f"found {len(record.fields)} fields, expected at least {FIELDS.index('UOM') + 1}"
        raise CellError("UOM", RejectReason.TOO_FEW_FIELDS, reason)
    for column in ("NMI", "NMISuffix"):
        if not told[column]:
            raise CellError(column, RejectReason.MISSING_KEY, f"the record has no {column}")
    point = f"{METER_POINT_PREFIX}{told['NMI']}-{told['NMISuffix'].upper()}"
    if not is_identifier(point):
        raise CellError("NMI", RejectReason.BAD_ID, f"found {shown(point)}, expected {EXPECTED}")
    channel = CHANNEL_OF_DIRECTION.get(told["DirectionIndicator"].upper())
    if channel is None:
        found = shown(told["DirectionIndicator"])
        raise CellError(
            "DirectionIndicator", RejectReason.BAD_CODE, f"found {found}, expected E (taken) or I (given)"
        )
    factor = _UNITS.get(told["UOM"].upper())
    if factor is None:
        raise CellError(
            "UOM", RejectReason.BAD_CODE, f"found {shown(told['UOM'])}, expected one of {', '.join(_UNITS)}"
        )
    sent = sent_at(told.get("UpdateDateTime", "")) or header_sent
    rows: list[dict[str, object]] = [
        {
            "meter_point_id": point,
            "channel_code": channel.value,
            "read_date": day,
            "collected_at_utc": at,
            "register_unscaled": register,
            "rate_registers_unscaled": None,
            "sender_status": quality,
            "read_month": day.strftime("%Y-%m"),
            "line_number": record.line,
            "sent_at_utc": sent,
        }
        for which in ("Previous", "Current")
        for register, at, day, quality in _read(told, which, factor, settings)
    ]
    if not rows:
        raise CellError("CurrentRegisterRead", RejectReason.MISSING_VALUE, "the record holds no read")
    return rows


def _read(
    told: dict[str, str], which: str, factor: Decimal, settings: FormatSettings
) -> list[tuple[Decimal, datetime | None, date, str]]:
    """Register, moment, local day and quality of one of a record's reads; none where it says that there is
    none. Raises CellError.
    """
    text, quality = told[f"{which}RegisterRead"], told[f"{which}QualityMethod"].upper()
    if text == "" or quality == _NO_READ:
        return []
    if not _QUALITY.fullmatch(quality):
        reason = f"found {shown(quality)}, expected A, N, or E, F, S with two digits"
        raise CellError(f"{which}QualityMethod", RejectReason.BAD_CODE, reason)
    register = _register(text, f"{which}RegisterRead", factor)
    column = f"{which}RegisterReadDateTime"
    moment = told[column]
    parts = _TIME.fullmatch(moment)
    at = sent_at(moment)
    if parts is None or at is None:
        reason = f"found {shown(moment)}, expected a time as YYYYMMDDHHMMSS"
        raise CellError(column, RejectReason.BAD_DATE, reason)
    local = at.astimezone(MARKET_ZONE)
    day = (local - timedelta(microseconds=1)).date() if local.time() == local.min.time() else local.date()
    return [(register, at, _within(day, column, moment, settings), quality)]


def _within(day: date, column: str, moment: str, settings: FormatSettings) -> date:
    year, month, number = day.isoformat().split("-")
    return read_day(column, year, month, number, moment, settings)


def _register(text: str, column: str, factor: Decimal) -> Decimal:
    try:
        if not _NUMBER.fullmatch(text):
            raise InvalidOperation
        value = Decimal(text) * factor
        if value >= _LIMIT or value.quantize(_STEP) != value:
            raise InvalidOperation
    except InvalidOperation:
        reason = (
            f"found {shown(text)}, expected a register as 12345.678, in kWh at most 6 digits after the point"
        )
        raise CellError(column, RejectReason.BAD_NUMBER, reason) from None
    return value.quantize(_STEP)


def _is_odd(record: list[str], pair: list[dict[str, object]]) -> bool:
    """Whether the quantity is a number other than the difference of two reads: a multiplier, or a register
    that turned over.
    """
    quantity = record[FIELDS.index("Quantity")]
    registers = [row["register_unscaled"] for row in pair]
    if len(registers) < 2 or not _NUMBER.fullmatch(quantity):
        return False
    before, after = (value for value in registers if isinstance(value, Decimal))
    told = Decimal(quantity) * _UNITS[record[FIELDS.index("UOM")].upper()]
    return abs(after - before - told) > _STEP
