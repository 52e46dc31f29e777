"""The records of an AEMO file (NEM12, NEM13): its lines, the frame of a 100 and a 900 record, times of the
market.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

from pipelines.codes import RejectReason
from pipelines.errors import InputRefusedError
from pipelines.formats.contract import RefusalReason, shown
from pipelines.formats.days import CellError

MARKET_ZONE = timezone(timedelta(hours=10), "AEST")
_STAMP = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})?")
Frame = Literal["required", "optional"]
FieldAt = Callable[[str, int], str | None]
"""The name of a record's field by the kind of the record and the field's place; none where it has none."""

FRAME_HINT = (
    "files without a frame are read where nem_frame in conf/formats.yaml (vee: --nem-frame) says optional"
)


@dataclass(frozen=True)
class NemRecord:
    """A line that is not blank, split at commas; the format has no quoting.

    raw      The line as received.
    damaged  What makes it no text; then its fields are good for telling its kind, and for nothing else.
    """

    line: int
    fields: list[str]
    raw: bytes
    damaged: CellError | None = None


def read_records(content: bytes, field_at: FieldAt) -> list[NemRecord]:
    """All lines that are not blank, with their numbers."""
    found = []
    for line, raw in enumerate(content.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
        try:
            text, no_text = raw.decode("utf-8"), None
        except UnicodeDecodeError as error:
            text, no_text = raw.decode("utf-8", errors="replace"), error
        if text.strip():
            fields = [part.strip() for part in text.split(",")]
            damaged = _damage(raw, no_text, fields[0], line, field_at)
            found.append(NemRecord(line, fields, raw.rstrip(b"\r"), damaged))
    return found


def _damage(
    raw: bytes, no_text: UnicodeDecodeError | None, indicator: str, line: int, field_at: FieldAt
) -> CellError | None:
    """Why a line is no text, with the field at fault. no_text: what decoding it as UTF-8 said."""
    place = raw.find(0)
    if place >= 0:
        column = field_at(indicator, raw.count(b",", 0, place))
        return CellError(column, RejectReason.NUL_BYTE, f"line {line} holds a NUL byte")
    if no_text is None:
        return None
    reason = f"byte 0x{raw[no_text.start]:02x} of line {line} is no UTF-8 text"
    return CellError(
        field_at(indicator, raw.count(b",", 0, no_text.start)), RejectReason.BAD_ENCODING, reason
    )


def opened(
    records: list[NemRecord], version: str, name: str, frame: Frame
) -> tuple[datetime | None, list[NemRecord], tuple[str, ...]]:
    """When the file was made, the records below its 100 record, and a remark where that is lacking and may.

    Raises InputRefusedError: missing_header, unsupported_version; bad_encoding and bad_structure where the
    header is no text.
    """
    line, first = (records[0].line, records[0].fields) if records else (1, [""])
    if first[0] != "100":
        if frame == "optional" and records:
            return None, records, (f"no 100 record; taken for {version} by its records",)
        reason = f"found a record {shown(first[0])}, expected the header record 100; {FRAME_HINT}"
        raise InputRefusedError(name, RefusalReason.MISSING_HEADER, reason, line=line)
    if damaged := records[0].damaged:
        is_nul = damaged.reason_code == RejectReason.NUL_BYTE
        reason_code = RefusalReason.BAD_STRUCTURE if is_nul else RefusalReason.BAD_ENCODING
        raise InputRefusedError(name, reason_code, damaged.reason, line=line)
    told = first[1].upper() if len(first) > 1 else ""
    if told != version:
        reason = f"found {shown(told)}, expected NEM12 (interval data) or NEM13 (accumulated reads)"
        raise InputRefusedError(
            name, RefusalReason.UNSUPPORTED_VERSION, reason, line=line, column="VersionHeader"
        )
    return sent_at(first[2] if len(first) > 2 else ""), records[1:], ()


def closed_remark(records: list[NemRecord], name: str, frame: Frame) -> tuple[str, ...]:
    """A remark where a file has no 900 record and may lack it; raises InputRefusedError (truncated) where it
    may not.
    """
    if any(record.fields[0] == "900" for record in records):
        return ()
    if frame == "optional":
        return ("no 900 record: whether the file was cut off cannot be told",)
    reason = f"the end record 900 is missing; the file was cut off; {FRAME_HINT}"
    raise InputRefusedError(name, RefusalReason.TRUNCATED, reason, line=records[-1].line if records else 1)


def sent_at(text: str) -> datetime | None:
    """A time of the market (UTC+10 all year) as UTC; None where it is empty or no time."""
    match = _STAMP.fullmatch(text)
    if match is None:
        return None
    try:
        local = datetime(*(int(part or 0) for part in match.groups()), tzinfo=MARKET_ZONE)  # type: ignore[misc, arg-type]
    except ValueError:
        return None
    return local.astimezone(UTC)
