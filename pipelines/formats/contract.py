"""What every reader of a received format promises: bytes in, rows and rejects out, every record accounted
for.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from fnmatch import fnmatch
from typing import Any, ClassVar, Literal, Protocol

import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from pipelines.codes import Channel, TouPeriod
from pipelines.settings import SettingsFile
from pipelines.tables.base import LONG, STRING, Table
from pipelines.tables.silver import RAW_RECORD_LIMIT

SNIFF_SHARE = 0.6
"""A table with so much of a format's columns is meant for it."""

SUPERSEDED = "superseded"
"""Reason code of a line that could be read and that another line of its file replaced."""

REJECT_SCHEMA = pa.schema(
    [
        pa.field("line_number", LONG, nullable=False),
        pa.field("column_name", STRING),
        pa.field("reason_code", STRING, nullable=False),
        pa.field("reason", STRING, nullable=False),
        pa.field("raw_record", STRING, nullable=False),
    ]
)


class RefusalReason(StrEnum):
    """Why a file is refused as a whole; the ``reason_code`` of an InputRefusedError."""

    EMPTY_FILE = "empty_file"
    WRONG_KIND = "wrong_kind"
    UNKNOWN_FORMAT = "unknown_format"
    MISSING_COLUMN = "missing_column"
    DUPLICATE_COLUMN = "duplicate_column"
    WRONG_TYPE = "wrong_type"
    BAD_ENCODING = "bad_encoding"
    TRUNCATED_GZIP = "truncated_gzip"
    CORRUPT_GZIP = "corrupt_gzip"
    CORRUPT_ZIP = "corrupt_zip"
    ZIP_CONTENTS = "zip_contents"
    SYMBOLIC_LINK = "symbolic_link"
    TOO_LARGE = "too_large"
    UNPACK_RATIO = "unpack_ratio"
    UNREADABLE_PARQUET = "unreadable_parquet"
    UNREADABLE_WORKBOOK = "unreadable_workbook"
    MISSING_SHEET = "missing_sheet"
    TOO_MANY_RECORDS = "too_many_records"
    MISSING_HEADER = "missing_header"
    UNSUPPORTED_VERSION = "unsupported_version"
    NO_RECORDS = "no_records"
    BAD_STRUCTURE = "bad_structure"
    TRUNCATED = "truncated"


class FormatSettings(SettingsFile):
    """How received files are to be understood where the sender's format leaves it open
    (``conf/formats.yaml``).
    """

    file: ClassVar[str] = "formats.yaml"
    later: ClassVar[Mapping[str, Any]] = {
        "least_odd_steps": 8,
        "point_flags_of_48": [],
        "point_flags_of_24": [],
        "nem_frame": "required",
        "counter_least_rises": 1_000_000_000,
        "counter_least_days": 3,
        "counter_ratio": 500.0,
        "signed_ratio": 1.0,
    }

    curve_value: Literal["interval_mean"] = Field(
        description="What P1..P96 are: mean powers of intervals; snapshots cannot be turned into energy."
    )
    first_point: Literal["interval_end_0015"] = Field(
        description="What P1 stands for: the interval from 00:00 to 00:15 of DATA_DATE."
    )
    present_char: str = Field(
        min_length=1, max_length=1, description="Character of DATA_WHOLE_FLAG that marks a point as present."
    )
    point_flags_of_96: tuple[str, ...] = Field(
        description="Values of DATA_POINT_FLAG that mean 96 points a day; rows with others go to quarantine."
    )
    point_flags_of_48: tuple[str, ...] = Field(
        description="Values of DATA_POINT_FLAG that mean 48 points a day, P1 to P48 of half hours."
    )
    point_flags_of_24: tuple[str, ...] = Field(
        description="Values of DATA_POINT_FLAG that mean 24 points a day, P1 to P24 of whole hours."
    )
    nem_frame: Literal["required", "optional"] = Field(
        description=(
            "NEM12 and NEM13: whether a file must have its 100 and its 900 record; without the latter a file "
            "that was cut off cannot be told from a whole one."
        )
    )
    wide_register_families: dict[str, Channel] = Field(
        description=(
            "E_MP_DAY_READ in its old wide form: prefix of a family of register columns -> what it counts; "
            "others refuse the file."
        )
    )
    rate_periods: tuple[TouPeriod, ...] = Field(
        description=(
            "Time-of-use period that each of the registers of the rates r1, r2, ... counts; any beyond the "
            "fourth is assumed."
        )
    )
    rate_stand_ins: dict[TouPeriod, TouPeriod] = Field(
        description=(
            "Assumed: period -> the period whose register counts it too, where a meter has no register of "
            "its own for it."
        )
    )
    default_encoding: str = Field(description="Encoding of text files that no pattern below names.")
    encodings: dict[str, str] = Field(
        description=(
            "File-name pattern -> encoding, for senders not using the default; the first that fits holds."
        )
    )
    max_line_bytes: int = Field(ge=1024, description="A longer line is not a record; it goes to quarantine.")
    max_records: int = Field(ge=1, description="A file with more records is refused.")
    least_odd_steps: int = Field(
        ge=1,
        description=(
            "Long files: so many steps of another length than the declared interval, of a series or "
            "of the whole file, are no chance; nor are so many negative values."
        ),
    )
    counter_least_rises: int = Field(
        ge=1,
        description=(
            "Long files: a day on which values rise so often and never fall shows the readings of a counter, "
            "where ..."
        ),
    )
    counter_ratio: float = Field(
        gt=1, description="... its level is more than this multiple of its mean step, ..."
    )
    counter_least_days: int = Field(ge=2, description="... or so many days of the series are like that.")
    signed_ratio: float = Field(
        gt=0,
        le=1,
        description=(
            "Long files: negative values are noise up to this share of the largest value of their series, "
            "and up to this share of its positive sum; beyond it `sign` must be declared."
        ),
    )
    earliest_date: date = Field(description="An earlier day in a record is taken for a slip of the sender.")
    latest_date: date = Field(description="A later day in a record is taken for a slip of the sender.")

    @field_validator("rate_periods")
    @classmethod
    def _each_period_once(cls, periods: tuple[TouPeriod, ...]) -> tuple[TouPeriod, ...]:
        if len(set(periods)) < len(periods):
            raise ValueError("a period stands twice")
        return periods

    @model_validator(mode="after")
    def _each_flag_once(self) -> FormatSettings:
        flags = (*self.point_flags_of_96, *self.point_flags_of_48, *self.point_flags_of_24)
        if len(set(flags)) < len(flags):
            raise ValueError("a value of DATA_POINT_FLAG means two numbers of points")
        return self

    @field_validator("default_encoding")
    @classmethod
    def _known_encoding(cls, name: str) -> str:
        return ascii_compatible(name)

    @field_validator("encodings")
    @classmethod
    def _known_encodings(cls, encodings: dict[str, str]) -> dict[str, str]:
        return {pattern: ascii_compatible(name) for pattern, name in encodings.items()}

    def encoding_of(self, name: str) -> str:
        """The encoding declared for a file of that name."""
        base = name.rsplit("/", 1)[-1]
        return next(
            (encoding for pattern, encoding in self.encodings.items() if fnmatch(base, pattern)),
            self.default_encoding,
        )


def ascii_compatible(name: str) -> str:
    """Records are cut at the byte of a line feed, which UTF-16 and UTF-32 do not allow."""
    try:
        found = codecs.lookup(name).name
        usable = '\n,"0'.encode(found) == b'\n,"0'
    except LookupError:
        raise ValueError(f"no encoding is named {name!r}") from None
    if not usable:
        raise ValueError(f"{name!r} does not contain ASCII; use utf-8 or gbk")
    return found


@dataclass(frozen=True)
class RecordFields:
    """Where a record, as rejects show it, says whose it is, when it was and what it tells.

    names    Fields of a line of text, in order; empty where a record is shown as JSON.
    meter    Name of the field of the meter point, ``prefix`` what rows have before it; empty: not told.
    stamp    Names of the fields that make up the stamp, where a record is one interval; else empty.
    largest  Field of numbers -> the largest of it among the records that could be read, as it was written.
    """

    names: tuple[str, ...] = ()
    meter: str = ""
    prefix: str = ""
    stamp: tuple[str, ...] = ()
    largest: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadResult:
    """What one file contained.

    rows           Good records: the bronze table's columns that the file tells (see ``rows_schema``), in file
                   order.
    rejects        Records that could not be read (``REJECT_SCHEMA``), in file order.
    received_rows  Records in the file; always rows + rejects. In long files rows are days of a channel and
                   rejects are lines.
    notes          What was accepted with a remark, for example a column that the contract does not know.
    superseded     Lines of a long file that told another value than the line that stands for their interval
                   (``REJECT_SCHEMA``), the first of them.
    warnings       What must be said of the file wherever its reading is told.
    set_apart      Rejects that can be read and are held back, with a warning, for the shape of their series;
                   they do not count as bad.
    records        Lines of a long file, on which the share of bad ones is taken; elsewhere ``received_rows``.
    fields         What the fields of rejected records are; none where the format does not tell or nothing is
                   rejected.
    """

    rows: pa.Table
    rejects: pa.Table
    received_rows: int
    notes: tuple[str, ...] = ()
    records: int | None = None
    superseded: pa.Table = field(default_factory=REJECT_SCHEMA.empty_table)
    warnings: tuple[str, ...] = ()
    set_apart: int = 0
    fields: RecordFields | None = None

    @property
    def record_count(self) -> int:
        """Records as the sender wrote them, good and bad."""
        return self.received_rows if self.records is None else self.records


class Format(Protocol):
    """A reader of one received format."""

    @property
    def id(self) -> str:
        """Short name, recorded in the file ledger."""
        ...

    @property
    def title(self) -> str:
        """What people call the format."""
        ...

    @property
    def table(self) -> type[Table]:
        """The bronze table that the rows are for."""
        ...

    def sniff(self, name: str, head: bytes, share: float = SNIFF_SHARE) -> bool:
        """Whether a file with this beginning is of this format; the content decides, never the name alone.

        share  So much of the format's columns must be there, where it is known by its columns.
        """
        ...

    def read(self, content: bytes, name: str, settings: FormatSettings) -> ReadResult:
        """Reads a whole unpacked file; raises InputRefusedError where the file cannot be read as a whole."""
        ...


def rows_schema(table: type[Table]) -> pa.Schema:
    """The columns of a bronze table that a reader fills: all but the content hash and the columns of the
    run.
    """
    names = [name for name in table.business_columns() if name != "content_hash"]
    declared = table.arrow_schema()
    return pa.schema([declared.field(name) for name in names])


def declared_columns(table: type[Table]) -> tuple[str, ...]:
    """The columns that a file of the declared form has, without ``sent_at``, in the order of the
    declaration.
    """
    return tuple(name for name in rows_schema(table).names if name not in ("line_number", "sent_at_utc"))


class Rejects:
    """Collects the records of a file that could not be read."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, str | None, str, str, str]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self,
        line_number: int,
        column_name: str | None,
        reason_code: str,
        reason: str,
        raw_record: bytes | str,
    ) -> None:
        """Adds one record; bytes that are no text, and NUL, are shown as escapes."""
        text = (
            raw_record.decode("utf-8", errors="backslashreplace")
            if isinstance(raw_record, bytes)
            else raw_record
        )
        shown = text.replace("\0", "\\x00")[:RAW_RECORD_LIMIT]
        self._rows.append((line_number, column_name, str(reason_code), reason, shown))

    def lines(self) -> set[int]:
        """The lines of all records added so far."""
        return {row[0] for row in self._rows}

    def table(self) -> pa.Table:
        """All rejects by line, as an Arrow table of REJECT_SCHEMA."""
        ordered = sorted(self._rows, key=lambda row: row[0])
        columns: Iterable[tuple[object, ...]] = (
            zip(*ordered, strict=True) if ordered else ((),) * len(REJECT_SCHEMA)
        )
        arrays = [
            pa.array(list(column), field.type) for column, field in zip(columns, REJECT_SCHEMA, strict=True)
        ]
        return pa.Table.from_arrays(arrays, schema=REJECT_SCHEMA)


def shown(value: str, limit: int = 40) -> str:
    """A received value as it is quoted in a reason."""
    return repr(value if len(value) <= limit else value[:limit] + "...")
