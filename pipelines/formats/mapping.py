"""What the columns of a sender's long file mean: declared in a YAML file, validated with line numbers, never
guessed.
"""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from enum import StrEnum
from fnmatch import fnmatch
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from pipelines.codes import Channel, CurveMeasure
from pipelines.formats.contract import ascii_compatible
from pipelines.periods import DAY_MINUTES, LOCAL_OFFSET
from pipelines.settings import FrozenSettings
from pipelines.tables.identifiers import EXPECTED, LIMIT, is_identifier

_OFFSET = re.compile(r"([+-])([0-9]{2}):([0-9]{2})")
_ACTIVE = {"wh": 0.001, "kwh": 1.0, "mwh": 1000.0, "w": 0.001, "kw": 1.0, "mw": 1000.0}
_REACTIVE = {"varh": 0.001, "kvarh": 1.0, "mvarh": 1000.0, "var": 0.001, "kvar": 1.0, "mvar": 1000.0}
QUALITY_LETTERS = ("A", "S", "E", "F", "N")


class StampPlace(StrEnum):
    """Which end of its interval a stamp names."""

    INTERVAL_START = "interval_start"
    INTERVAL_END = "interval_end"


class Midnight(StrEnum):
    """Which day a stamp of 00:00 at the end of an interval is written under."""

    NEXT_DAY = "next_day"
    SAME_DAY = "same_day"


class ValueColumn(FrozenSettings):
    """One column of numbers."""

    column: str = Field(min_length=1, description="Name of the column.")
    unit: str = Field(
        description="Wh, kWh, MWh, W, kW, MW, or varh, kvarh, Mvarh, var, kvar, Mvar; in any case."
    )
    channel: Channel | None = Field(
        default=None, description="What it counts; left out where the file has a channel column."
    )

    @field_validator("unit")
    @classmethod
    def _known_unit(cls, unit: str) -> str:
        if unit.lower() not in _ACTIVE | _REACTIVE:
            raise ValueError(
                f"{unit!r} is no unit of energy or power; known: {', '.join([*_ACTIVE, *_REACTIVE])}"
            )
        return unit.lower()

    @property
    def factor(self) -> float:
        """What turns a number into kWh, kW, kvarh or kvar."""
        return (_ACTIVE | _REACTIVE)[self.unit]

    @property
    def measure(self) -> CurveMeasure:
        """Energy where the unit is one of energy, else mean power."""
        return CurveMeasure.ENERGY if self.unit.endswith("h") else CurveMeasure.MEAN_POWER

    @property
    def is_reactive(self) -> bool:
        """Whether the unit is one of reactive energy or power."""
        return self.unit in _REACTIVE


class MeterPointColumn(FrozenSettings):
    """Whose the numbers are."""

    column: str = Field(
        default="", description="Name of the column; empty where the whole file is of one meter point."
    )
    constant: str = Field(default="", description="The meter point of the whole file.")
    prefix: str = Field(
        default="", description="Put before each name, so that two senders' numbers never meet."
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> MeterPointColumn:
        if bool(self.column) == bool(self.constant):
            raise ValueError("give either a column or a constant")
        name = self.prefix + (self.constant or "0")
        if not is_identifier(name):
            raise ValueError(f"{name!r} cannot name a meter point; expected {EXPECTED}")
        return self

    @property
    def longest(self) -> int:
        """Characters that a received name may have beside the prefix."""
        return LIMIT - len(self.prefix)


class StampColumn(FrozenSettings):
    """When an interval was."""

    column: str = Field(min_length=1, description="Name of the column.")
    place: StampPlace = Field(description="interval_start or interval_end.")
    zone: str = Field(
        description=(
            "Zone of stamps without one, and of the local day: an offset such as +08:00, or a name such as "
            "Asia/Shanghai."
        )
    )
    format: str = Field(default="", description="strptime notation of texts; empty: YYYY-MM-DD HH:MM[:SS].")
    day_offset: str = Field(
        default="",
        description="Fixed offset in which days are cut; needed where the zone changes its clocks.",
    )
    midnight: Midnight = Field(
        default=Midnight.NEXT_DAY,
        description="For interval_end: 00:00 is written under the next day, or under the same day.",
    )

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        zone_of(zone)
        return zone

    @model_validator(mode="after")
    def _whole_days(self) -> StampColumn:
        if self.day_offset and not _OFFSET.fullmatch(self.day_offset):
            raise ValueError("day_offset must be an offset such as +10:00")
        if self.midnight is Midnight.SAME_DAY and self.place is not StampPlace.INTERVAL_END:
            raise ValueError("midnight: same_day goes with place: interval_end")
        if (
            not _OFFSET.fullmatch(self.zone)
            and self.zone != "UTC"
            and not self.day_offset
            and self.zone != "Asia/Shanghai"
        ):
            raise ValueError(
                f"{self.zone} may change its clocks; give day_offset, the fixed offset in which days are cut"
            )
        return self

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
    format: str = Field(default="", description="strptime notation of texts; empty: YYYY-MM-DD HH:MM[:SS].")

    @field_validator("zone")
    @classmethod
    def _fixed(cls, zone: str) -> str:
        if zone != "UTC" and not _OFFSET.fullmatch(zone):
            raise ValueError("give an offset such as +08:00, or UTC")
        return zone

    @property
    def shift(self) -> timedelta:
        """From UTC to the column's times."""
        return timedelta(0) if self.zone == "UTC" else offset_of(self.zone)


class CodedColumn(FrozenSettings):
    """A column of codes and what each means."""

    column: str = Field(min_length=1, description="Name of the column.")
    codes: dict[str, str] = Field(min_length=1, description="Code in the file -> what it means here.")


class LongMapping(FrozenSettings):
    """A long file: one row per meter point and interval, CSV or Parquet."""

    id: str = Field(
        pattern=r"^[a-z][a-z0-9_]*$", description="Short name; recorded in the file ledger as long_<id>."
    )
    files: tuple[str, ...] = Field(
        default=(), description="Patterns of file names in the inbox that this mapping is for."
    )
    encoding: str = Field(default="utf-8", description="Encoding of CSV files: utf-8, gbk or gb18030.")
    sheet: str = Field(
        default="", description="Sheet of an Excel workbook (.xlsx); left out: the only one that has cells."
    )
    interval_minutes: int = Field(
        ge=1, le=DAY_MINUTES, description="Length of an interval; a divisor of 1440."
    )
    meter_point: MeterPointColumn = Field(description="Whose the numbers are.")
    stamp: StampColumn = Field(description="When an interval was.")
    values: tuple[ValueColumn, ...] = Field(
        min_length=1,
        max_length=8,
        description="Columns of numbers; several where a row tells several channels.",
    )
    channel: CodedColumn | None = Field(
        default=None,
        description="Column that tells the channel, with codes -> channel; then one value column.",
    )
    quality: CodedColumn | None = Field(
        default=None, description="Quality codes -> A measured, S or F substituted, E estimated, N no value."
    )
    received_at: TimeColumn | None = Field(default=None, description="When the sender wrote the row.")

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, name: str) -> str:
        return ascii_compatible(name)

    @field_validator("interval_minutes")
    @classmethod
    def _divides_the_day(cls, minutes: int) -> int:
        if DAY_MINUTES % minutes:
            raise ValueError("must divide the 1440 minutes of a day")
        return minutes

    @model_validator(mode="after")
    def _channels_fit(self) -> LongMapping:
        if self.channel is not None:
            if len(self.values) > 1 or self.values[0].channel is not None:
                raise ValueError(
                    "with a channel column there is one value column, without a channel of its own"
                )
            _members(self.channel.codes, {member.value for member in Channel}, "channel")
        else:
            named = [value.channel for value in self.values]
            if None in named or len(set(named)) < len(named):
                raise ValueError("each value column needs a channel of its own, or the file a channel column")
            for value in self.values:
                if (
                    value.channel is not None
                    and value.channel is not Channel.OTHER
                    and value.channel.is_reactive != value.is_reactive
                ):
                    raise ValueError(
                        f"{value.column}: {value.unit} does not fit the channel {value.channel.value}"
                    )
        if self.quality is not None:
            _members(self.quality.codes, set(QUALITY_LETTERS), "quality")
        return self

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that the file must have."""
        optional = (self.channel, self.quality, self.received_at)
        named = [
            self.meter_point.column,
            self.stamp.column,
            *(value.column for value in self.values),
            *(part.column for part in optional if part),
        ]
        return tuple(dict.fromkeys(name for name in named if name))

    @property
    def slots(self) -> int:
        """Intervals of a day."""
        return DAY_MINUTES // self.interval_minutes

    def fits(self, name: str) -> bool:
        """Whether a file of that name is declared to be of this mapping."""
        return any(fnmatch(name.rsplit("/", 1)[-1], pattern) for pattern in self.files)


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


def _members(codes: dict[str, str], known: set[str], what: str) -> None:
    for code, meaning in codes.items():
        if meaning not in known:
            raise ValueError(
                f"the {what} code {code!r} means {meaning!r}, which is none of {', '.join(sorted(known))}"
            )


def mapping_schema() -> dict[str, Any]:
    """JSON schema of a mapping file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "zhixiang long file mapping",
    } | LongMapping.model_json_schema()
