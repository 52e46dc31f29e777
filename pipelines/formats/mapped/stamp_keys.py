"""How the stamps of a long file are written: the keys ``stamp`` and ``received_at`` of a mapping."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from pipelines.periods import LOCAL_OFFSET
from pipelines.settings import FrozenSettings

_OFFSET = re.compile(r"([+-])([0-9]{2}):([0-9]{2})")


class StampPlace(StrEnum):
    """Which end of its interval a stamp names."""

    INTERVAL_START = "interval_start"
    INTERVAL_END = "interval_end"


class Midnight(StrEnum):
    """Which day a stamp of 00:00 at the end of an interval is written under."""

    NEXT_DAY = "next_day"
    SAME_DAY = "same_day"


class RepeatedHour(StrEnum):
    """How the two hours of one name are told apart where clocks go back and stamps carry no offset."""

    FILE_ORDER = "file_order"
    COUNTED = "counted"


class SerialNotation(StrEnum):
    """Stamps that are numbers."""

    EPOCH_S = "epoch_s"
    EPOCH_MS = "epoch_ms"
    EXCEL_DAY = "excel_day"


SERIAL_NOTATIONS = frozenset(notation.value for notation in SerialNotation)
_FORMAT = (
    "strptime notation of texts, or epoch_s, epoch_ms (since 1970 in UTC), excel_day (days since "
    "1899-12-30); empty: YYYY-MM-DD HH:MM[:SS]."
)


class StampColumn(FrozenSettings):
    """When an interval was."""

    column: str = Field(default="", description="Name of the column; with `wide` there is none.")
    date: str = Field(default="", description="Instead of `column`: the column of days, with `time`.")
    time: str = Field(
        default="",
        description="Times of day that go with `date`; `format` is that of both, joined by a blank.",
    )
    place: StampPlace = Field(description="interval_start or interval_end.")
    zone: str = Field(
        description=(
            "Zone of stamps without one, and of the local day: an offset such as +08:00, or a name such as "
            "Asia/Shanghai."
        )
    )
    format: str = Field(default="", description=_FORMAT)
    day_offset: str = Field(
        default="",
        description="Fixed offset in which days are cut; needed where the zone changes its clocks.",
    )
    midnight: Midnight = Field(
        default=Midnight.NEXT_DAY,
        description="For interval_end: 00:00 is written under the next day, or under the same day.",
    )
    repeated_hour: RepeatedHour | None = Field(
        default=None,
        description=(
            "Stamps without an offset where clocks go back: file_order: of two lines of one time the second "
            "is the later hour; counted: hours count through the day, up to 25:00 or 23:00."
        ),
    )

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        zone_of(zone)
        return zone

    @field_validator("format")
    @classmethod
    def _known_format(cls, notation: str) -> str:
        return known_format(notation)

    @model_validator(mode="after")
    def _one_column_or_two(self) -> StampColumn:
        if bool(self.date) != bool(self.time):
            raise ValueError("date and time go together: a column of days and one of times of day")
        if self.date and self.column:
            raise ValueError("give either column, or date and time")
        if self.date and self.format in SERIAL_NOTATIONS:
            raise ValueError(f"{self.format} is one number; date and time are two columns")
        return self

    @model_validator(mode="after")
    def _whole_days(self) -> StampColumn:
        if self.day_offset and not _OFFSET.fullmatch(self.day_offset):
            raise ValueError("day_offset must be an offset such as +10:00")
        if self.midnight is Midnight.SAME_DAY and self.place is not StampPlace.INTERVAL_END:
            raise ValueError("midnight: same_day goes with place: interval_end")
        fixed = self.zone in ("UTC", "Asia/Shanghai") or _OFFSET.fullmatch(self.zone)
        if not fixed and not self.day_offset:
            raise ValueError(
                f"{self.zone} may change its clocks; give day_offset, the fixed offset in which days are cut"
            )
        if self.repeated_hour and (fixed or self.format.startswith("epoch")):
            raise ValueError(
                "repeated_hour goes with local times of a zone that changes its clocks, such as Europe/Madrid"
            )
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that tell the stamp; none of a wide file."""
        return tuple(filter(None, (self.column, self.date, self.time)))

    @property
    def shown(self) -> str:
        """The column that a remark on a stamp names."""
        return self.column or self.time

    @property
    def day_shift(self) -> timedelta:
        """From UTC to the offset in which days are cut."""
        if self.day_offset:
            return offset_of(self.day_offset)
        return (
            LOCAL_OFFSET
            if self.zone == "Asia/Shanghai"
            else timedelta(0)
            if self.zone == "UTC"
            else offset_of(self.zone)
        )


class TimeColumn(FrozenSettings):
    """When the sender wrote the row."""

    column: str = Field(
        min_length=1,
        description="Name of the column; the larger time stands where two rows tell one interval.",
    )
    zone: str = Field(default="+08:00", description="Fixed offset of times without a zone.")
    format: str = Field(default="", description=_FORMAT)

    @field_validator("zone")
    @classmethod
    def _fixed(cls, zone: str) -> str:
        if zone != "UTC" and not _OFFSET.fullmatch(zone):
            raise ValueError("give an offset such as +08:00, or UTC")
        return zone

    @field_validator("format")
    @classmethod
    def _known_format(cls, notation: str) -> str:
        return known_format(notation)

    @property
    def shift(self) -> timedelta:
        """From UTC to the column's times."""
        return timedelta(0) if self.zone == "UTC" else offset_of(self.zone)


def known_format(notation: str) -> str:
    """A notation of stamps as declared; raises ValueError for a strptime notation that is none."""
    if notation and notation not in SERIAL_NOTATIONS:
        if "%" not in notation:
            raise ValueError(
                f"{notation!r} is no notation: such as %d/%m/%Y %H:%M, or one of "
                f"{', '.join(sorted(SERIAL_NOTATIONS))}"
            )
        try:
            datetime.strptime("", notation)  # noqa: DTZ007 - only the notation is looked at
        except ValueError as error:
            if "bad directive" in str(error) or "stray" in str(error):
                raise ValueError(f"{notation!r} is no strptime notation: {error}") from None
    return notation


def zone_of(zone: str) -> tzinfo:
    """A zone by offset or name; raises ValueError."""
    if _OFFSET.fullmatch(zone):
        return timezone(offset_of(zone))
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"no zone is named {zone!r}; give an offset such as +08:00 or a name such as Asia/Shanghai"
        ) from None


def offset_of(text: str) -> timedelta:
    """``+08:00`` as a time span."""
    match = _OFFSET.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no offset such as +08:00")
    span = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return -span if match[1] == "-" else span
