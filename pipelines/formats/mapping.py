"""What the columns of a sender's long file mean: declared in a YAML file, validated with line numbers, never
guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from fnmatch import fnmatch
from functools import cached_property
from typing import Any

from pydantic import Field, field_validator, model_validator

from pipelines.codes import Channel, CurveMeasure
from pipelines.formats.contract import ascii_compatible
from pipelines.formats.csv_lines import Dialect
from pipelines.formats.mapped.name_keys import CodedColumn, MeterPointColumn
from pipelines.formats.mapped.numbers import THOUSANDS, NumberNotation
from pipelines.formats.mapped.stamp_keys import StampColumn, TimeColumn
from pipelines.formats.mapped.wide_days import WideDays
from pipelines.periods import DAY_MINUTES
from pipelines.settings import FrozenSettings

SEPARATORS: Mapping[str, str] = {",": ",", ";": ";", "|": "|", "\t": "\t", "tab": "\t"}
_ACTIVE = {"wh": 0.001, "kwh": 1.0, "mwh": 1000.0, "w": 0.001, "kw": 1.0, "mw": 1000.0}
_REACTIVE = {"varh": 0.001, "kvarh": 1.0, "mvarh": 1000.0, "var": 0.001, "kvar": 1.0, "mvar": 1000.0}
QUALITY_LETTERS = ("A", "S", "E", "F", "N")


class Reading(StrEnum):
    """What a number stands for."""

    INTERVAL = "interval"
    CUMULATIVE = "cumulative"


class Sign(StrEnum):
    """What the sign of a number says."""

    KEEP = "keep"
    NEGATE = "negate"
    SPLIT = "split"


_OPPOSITE = {
    Channel.ACTIVE_FORWARD: Channel.ACTIVE_REVERSE,
    Channel.ACTIVE_REVERSE: Channel.ACTIVE_FORWARD,
    Channel.REACTIVE_LAGGING: Channel.REACTIVE_LEADING,
    Channel.REACTIVE_LEADING: Channel.REACTIVE_LAGGING,
}


class ValueColumn(FrozenSettings):
    """One column of numbers."""

    column: str = Field(default="", description="Name of the column; of a wide file there is none.")
    unit: str = Field(
        description="Wh, kWh, MWh, W, kW, MW, or varh, kvarh, Mvarh, var, kvar, Mvar; in any case."
    )
    channel: Channel | None = Field(
        default=None, description="What it counts; left out where the file has a channel column."
    )
    reading: Reading = Field(
        default=Reading.INTERVAL,
        description=(
            "interval: energy or power of an interval; cumulative: reading of a counter at the stamp, whose "
            "successive differences are taken."
        ),
    )
    sign: Sign = Field(
        default=Sign.KEEP,
        description=(
            "keep; negate: the sign is the wrong way round; split: what is negative goes to "
            "`negative_channel`, without its sign."
        ),
    )
    negative_channel: Channel | None = Field(
        default=None,
        description="For `sign: split`: what a negative value counts; default: the reverse of `channel`.",
    )

    @field_validator("unit")
    @classmethod
    def _known_unit(cls, unit: str) -> str:
        if unit.lower() not in _ACTIVE | _REACTIVE:
            raise ValueError(
                f"{unit!r} is no unit of energy or power; known: {', '.join([*_ACTIVE, *_REACTIVE])}"
            )
        return unit.lower()

    @model_validator(mode="after")
    def _reading_and_sign_fit(self) -> ValueColumn:
        if self.reading is Reading.CUMULATIVE and self.measure is not CurveMeasure.ENERGY:
            raise ValueError(f"reading: cumulative goes with a unit of energy, not with {self.unit}")
        if self.sign is not Sign.SPLIT:
            if self.negative_channel is not None:
                raise ValueError("negative_channel goes with sign: split")
            return self
        if self.reading is Reading.CUMULATIVE:
            raise ValueError(
                "sign: split goes with values of intervals; a counter of either direction has its own"
            )
        if self.channel is None:
            raise ValueError("sign: split goes with a channel of the value column")
        if self.opposite is None:
            raise ValueError(f"{self.channel.value} has no reverse; give negative_channel")
        return self

    @property
    def opposite(self) -> Channel | None:
        """What a negative value counts where the sign splits."""
        return self.negative_channel or (_OPPOSITE.get(self.channel) if self.channel else None)

    @property
    def parts(self) -> tuple[ValueColumn, ...]:
        """The column, or its two directions where the sign splits."""
        if self.sign is not Sign.SPLIT:
            return (self,)
        plain = {"sign": Sign.KEEP, "negative_channel": None}
        return tuple(
            self.model_copy(update=plain | {"channel": channel}) for channel in (self.channel, self.opposite)
        )

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


class LongMapping(FrozenSettings):
    """A long file: one row per meter point and interval, CSV or Parquet; or a wide one, one row per day."""

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
    separator: str | None = Field(
        default=None,
        description="Between cells of a CSV file: , ; | or tab; left out: a comma, or as its line sep= says.",
    )
    decimal: str = Field(default=".", description="Before the fraction of a number in a CSV file: . or ,")
    thousands: str = Field(
        default="",
        description="What parts thousands in a CSV file: , . ' or a blank; left out: nothing does.",
    )
    nothing: tuple[str, ...] = Field(
        default=(),
        description="Texts of a CSV file, in any case, that mean that nothing came; with any, nan too.",
    )
    header_line: int | None = Field(
        default=None,
        ge=1,
        description="Number of the line of names of a CSV file; left out: the first that has all of them.",
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
    wide: WideDays | None = Field(
        default=None, description="One row per meter point and day, with a column for each interval."
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

    @field_validator("separator")
    @classmethod
    def _known_separator(cls, separator: str | None) -> str | None:
        if separator is not None and separator not in SEPARATORS:
            raise ValueError(f"{separator!r} parts no cells; known: , ; | tab")
        return None if separator is None else SEPARATORS[separator]

    @field_validator("decimal")
    @classmethod
    def _known_decimal(cls, decimal: str) -> str:
        if decimal not in (".", ","):
            raise ValueError(f"{decimal!r} is neither . nor ,")
        return decimal

    @field_validator("thousands")
    @classmethod
    def _known_thousands(cls, thousands: str) -> str:
        if thousands and thousands not in THOUSANDS:
            raise ValueError(f"{thousands!r} parts no thousands; known: , . ' and a blank")
        return thousands

    @field_validator("interval_minutes")
    @classmethod
    def _divides_the_day(cls, minutes: int) -> int:
        if DAY_MINUTES % minutes:
            raise ValueError("must divide the 1440 minutes of a day")
        return minutes

    @model_validator(mode="after")
    def _text_is_one_thing(self) -> LongMapping:
        if self.thousands == self.decimal:
            raise ValueError(f"thousands and decimal are both {self.decimal!r}")
        codes = {code for part in (self.channel, self.quality) if part for code in part.codes}
        both = sorted(codes & set(self.nothing))
        if both:
            raise ValueError(f"{both[0]!r} is a code and stands under nothing")
        return self

    @model_validator(mode="after")
    def _a_column_is_one_thing(self) -> LongMapping:
        named = [name for name in self._named if name]
        twice = next((name for name in named if named.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the column {twice!r} is named for two things")
        return self

    @model_validator(mode="after")
    def _wide_or_long(self) -> LongMapping:
        if self.wide is None:
            if not self.stamp.columns:
                raise ValueError(
                    "stamp needs a column, or date and time; a file with one row per day is wide"
                )
            if not all(value.column for value in self.values):
                raise ValueError("each of the values needs a column")
            return self
        if self.stamp.columns:
            raise ValueError(
                "with wide, the day's column is wide.date; leave out stamp.column, date and time"
            )
        if self.stamp.format.startswith("epoch"):
            raise ValueError(f"wide.date is a day; {self.stamp.format} is an instant")
        if len(self.values) > 1 or self.values[0].column:
            raise ValueError("with wide there is one value without a column: a unit and a channel")
        return self

    @model_validator(mode="after")
    def _channels_fit(self) -> LongMapping:
        if self.channel is not None:
            if len(self.values) > 1 or self.values[0].channel is not None:
                raise ValueError(
                    "with a channel column there is one value column, without a channel of its own"
                )
            _members(self.channel.codes, {member.value for member in Channel}, "channel")
        else:
            parts = [part for value in self.values for part in value.parts]
            named = [part.channel for part in parts]
            if None in named or len(set(named)) < len(named):
                raise ValueError("each value column needs a channel of its own, or the file a channel column")
            for value in parts:
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
        """The columns that the file must have; of a wide one without those of the intervals."""
        return tuple(name for name in self._named if name)

    @property
    def _named(self) -> list[str]:
        optional = (self.channel, self.quality, self.received_at)
        return [
            self.meter_point.column,
            *self.stamp.columns,
            self.wide.date if self.wide else "",
            *(value.column for value in self.values),
            *(part.column for part in optional if part),
        ]

    @cached_property
    def apart_by_sign(self) -> LongMapping:
        """The same with two value columns for each whose sign splits."""
        parts = tuple(part for value in self.values for part in value.parts)
        return self if parts == self.values else self.model_copy(update={"values": parts})

    @property
    def stamp_shown(self) -> str:
        """The column that a remark on a stamp names."""
        return self.wide.date if self.wide else self.stamp.shown

    def number_column(self, number: int) -> str:
        """The column that a remark on a number of the value column names; of a wide file that of the day."""
        return self.values[number].column or self.stamp_shown

    @property
    def _texts_of_nothing(self) -> tuple[str, ...]:
        """As declared, and what programs write for a number that is none."""
        return (*self.nothing, "nan", "NaN") if self.nothing else ()

    @property
    def keys_of_texts(self) -> tuple[str, ...]:
        """Declared keys that say how a text file is written."""
        keys = ("separator", "decimal", "thousands", "nothing", "header_line")
        return tuple(key for key in keys if getattr(self, key) != type(self).model_fields[key].default)

    @property
    def dialect(self) -> Dialect:
        """How a CSV file is laid out."""
        texts = self._texts_of_nothing
        cases = {case for text in texts for case in (text, text.lower(), text.upper(), text.title())}
        return Dialect(self.separator, self.header_line, self.decimal, tuple(sorted(cases)), declared=True)

    @property
    def numbers(self) -> NumberNotation:
        """How the numbers of a CSV file are written."""
        return NumberNotation(
            self.decimal,
            self.thousands,
            frozenset(text.strip().lower() for text in self._texts_of_nothing),
            True,
        )

    @property
    def slots(self) -> int:
        """Intervals of a day."""
        return DAY_MINUTES // self.interval_minutes

    def fits(self, name: str) -> bool:
        """Whether a file of that name is declared to be of this mapping."""
        return any(fnmatch(name.rsplit("/", 1)[-1], pattern) for pattern in self.files)


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
