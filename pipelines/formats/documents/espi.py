"""The readings of a Green Button file (NAESB ESPI, XML) as columns, and what its other parts say of them.

A document type or an entity is refused before it is looked at: nothing in the file is ever expanded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

from pipelines.errors import InputRefusedError
from pipelines.formats.contract import FormatSettings, RefusalReason

_MARK = b"naesb.org/espi"
_HEAD_BYTES = 65536
_CUT_OFF = frozenset({3, 5})  # no elements; unclosed token
_POINT = re.compile(r"/UsagePoint/([^/]+)")
_OWNER = re.compile(r"/(?:User|Subscription|RetailCustomer)/([^/]+)")


@dataclass(frozen=True)
class ReadingType:
    """What readings count; empty where the file does not say.

    unit       ESPI unit of measure: 72 watt-hours.
    direction  1 to the customer, 19 from him, 4 the difference.
    kind       Accumulation: 4 of the interval, 1 and 3 readings of a counter, 12 at an instant.
    power      What the values are multiplied by, as a power of ten.
    """

    unit: str = ""
    direction: str = ""
    kind: str = ""
    power: str = "0"


@dataclass
class Readings:
    """IntervalReadings in file order, one entry each in every list, as written.

    block  Place of each reading's block in ``points`` and ``types``.
    """

    start: list[str] = field(default_factory=list)
    duration: list[str] = field(default_factory=list)
    value: list[str] = field(default_factory=list)
    quality: list[str] = field(default_factory=list)
    block: list[int] = field(default_factory=list)
    points: list[str] = field(default_factory=list)
    types: list[ReadingType | None] = field(default_factory=list)
    offset: str = ""


def is_green_button(head: bytes) -> bool:
    """Whether a file is XML that speaks of ESPI at its beginning."""
    text = head[:_HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()
    return text.startswith(b"<") and _MARK in text


def read_espi(content: bytes, name: str, settings: FormatSettings) -> Readings:
    """The readings of a file; raises InputRefusedError: bad_structure, truncated, too_many_records,
    no_records.
    """
    reader = _Reader(name, settings.max_records)
    try:
        reader.parser.Parse(content, True)
    except expat.ExpatError as error:
        cut = error.code in _CUT_OFF
        code = RefusalReason.TRUNCATED if cut else RefusalReason.BAD_STRUCTURE
        told = (
            "the XML ends too early; the transfer was cut off" if cut else f"the XML cannot be read ({error})"
        )
        raise InputRefusedError(name, code, told, line=error.lineno) from None
    if not reader.readings.start:
        raise InputRefusedError(name, RefusalReason.NO_RECORDS, "the file has no IntervalReading")
    return reader.resolved()


@dataclass
class _Entry:
    """An Atom entry: where it stands, what it stands below, and what it names."""

    own: str = ""
    up: str = ""
    related: list[str] = field(default_factory=list)


class _Reader:
    """Collects what the elements say while the parser walks."""

    def __init__(self, name: str, most: int) -> None:
        self._name, self._most = name, most
        self.readings = Readings()
        self._path: list[str] = []
        self._text: list[str] = []
        self._entry = _Entry()
        self._blocks: list[_Entry] = []
        self._meters: dict[str, _Entry] = {}
        self._types: dict[str, ReadingType] = {}
        self._points: list[str] = []
        self._fields: dict[str, str] = {}
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._begin
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text.append
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse

    def _refuse(self, *_told: object) -> None:
        reason = "the XML declares a document type or entities, which no Green Button file needs"
        raise InputRefusedError(
            self._name, RefusalReason.BAD_STRUCTURE, reason, line=self.parser.CurrentLineNumber
        )

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        local = tag.rpartition(" ")[2]
        self._path.append(local)
        self._text.clear()
        match local:
            case "entry":
                self._entry = _Entry()
            case "link":
                href = attributes.get("href", "").rstrip("/")
                match attributes.get("rel"):
                    case "self":
                        self._entry.own = href
                    case "up":
                        self._entry.up = href
                    case "related":
                        self._entry.related.append(href)
            case "IntervalBlock":
                self._blocks.append(self._entry)
            case "ReadingType" | "IntervalReading":
                self._fields = {}

    def _end(self, tag: str) -> None:
        local = self._path.pop()
        match local:
            case "IntervalReading":
                self._add()
            case "ReadingType":
                told = self._fields
                self._types[self._entry.own] = ReadingType(
                    told.get("uom", ""),
                    told.get("flowDirection", ""),
                    told.get("accumulationBehaviour", ""),
                    told.get("powerOfTenMultiplier", "0") or "0",
                )
            case "MeterReading":
                self._meters[self._entry.own] = self._entry
            case "UsagePoint":
                self._points.append(self._entry.own)
            case "tzOffset":
                self.readings.offset = "".join(self._text).strip()
            case _:
                self._fields[local] = "".join(self._text).strip()
        self._text.clear()

    def _add(self) -> None:
        readings, told = self.readings, self._fields
        if len(readings.start) == self._most:
            reason = f"more records than the {self._most} allowed"
            raise InputRefusedError(self._name, RefusalReason.TOO_MANY_RECORDS, reason)
        if not self._blocks:
            self._blocks.append(self._entry)
        readings.start.append(told.get("start", ""))
        readings.duration.append(told.get("duration", ""))
        readings.value.append(told.get("value", ""))
        readings.quality.append(told.get("quality", ""))
        readings.block.append(len(self._blocks) - 1)

    def resolved(self) -> Readings:
        """The readings with the meter point and the type of each block, as far as links tell."""
        for block in self._blocks:
            above = (block.own or block.up).partition("/IntervalBlock")[0]
            meter = self._meters.get(above, _Entry())
            named = [self._types[href] for href in meter.related if href in self._types]
            if not named and len(set(self._types.values())) == 1:
                named = list(self._types.values())
            self.readings.types.append(named[0] if named else None)
            hrefs = [above, meter.own, meter.up, *(self._points if len(self._points) == 1 else [])]
            self.readings.points.append(next(filter(None, map(_point_of, hrefs)), ""))
        return self.readings


def _point_of(href: str) -> str:
    """A meter point from a link: the numbers of its owner, where the link has one, and of its usage point."""
    point, owner = _POINT.search(href + "/"), _OWNER.search(href + "/")
    return "-".join(part[1] for part in (owner, point) if part) if point else ""
