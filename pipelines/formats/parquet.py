"""Parquet in the declared shape: the bronze table's columns, typed, with ``sent_at``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.arrays import BoolArray
from pipelines.codes import RejectReason
from pipelines.errors import InputRefusedError
from pipelines.formats.cells import MONTH_TEXT, month_of
from pipelines.formats.contract import (
    SNIFF_SHARE,
    FormatSettings,
    ReadResult,
    RefusalReason,
    Rejects,
    declared_columns,
    rows_schema,
    shown,
)
from pipelines.formats.declared import SENT_AT
from pipelines.periods import DAY_MINUTES, LOCAL_ZONE
from pipelines.tables.base import DATE, DOUBLE, ENERGY, STRING, TIMESTAMP, Table
from pipelines.tables.bronze import BronzeLoadCurves, BronzeRegisterReads
from pipelines.tables.identifiers import EXPECTED, ROUNDED, breaks_rule, rounded, trimmed_column

MAGIC = b"PAR1"

# What reading damaged bytes may raise; ValueError covers names that are no text.
DAMAGE = (pa.ArrowException, OSError, ValueError, OverflowError)

# Reason, what was expected, and which of a column's values break it.
_Rule = tuple[RejectReason, str, Callable[[pa.ChunkedArray], BoolArray]]

# Columns that follow from another one; a sender need not repeat them, and what he sends of them is not read.
_MONTH_OF = {
    BronzeLoadCurves.partition_column(): "curve_date",
    BronzeRegisterReads.partition_column(): "read_date",
}


def read_parquet_schema(content: bytes, name: str) -> tuple[pa.Schema, int]:
    """Columns and number of records from the footer; raises InputRefusedError where the file is damaged or
    cut off.
    """
    try:
        metadata = pq.read_metadata(pa.BufferReader(content))
        return metadata.schema.to_arrow_schema(), metadata.num_rows
    except DAMAGE as error:
        cause = f"its footer cannot be read ({' '.join(str(error).split())[:200]})"
        if not content.endswith(MAGIC):
            cause = "it does not end as Parquet does; the transfer was cut off"
        raise InputRefusedError(name, RefusalReason.UNREADABLE_PARQUET, cause) from None


@dataclass(frozen=True)
class NoText:
    """A value of a text column whose bytes are no UTF-8."""

    column: str
    raw: bytes

    @property
    def reason(self) -> str:
        """What was found, or the first of it."""
        return f"found {self.raw[:40]!r}, which is no UTF-8 text"

    @property
    def shown(self) -> str:
        """The value as text, with escapes for the bytes that are none."""
        return self.raw.decode("utf-8", errors="backslashreplace")


def without_no_texts(table: pa.Table) -> tuple[pa.Table, dict[int, NoText]]:
    """A table as read, with null for each text that is none, and the first such value of each record by its
    index; Arrow takes any bytes for text until somebody looks.

    Raises ArrowException where a column is damaged in another way.
    """
    found: dict[int, NoText] = {}
    for place, name in enumerate(table.column_names):
        column, dtype = table.column(place), table.column(place).type
        inner = dtype.value_type if pa.types.is_list(dtype) or pa.types.is_large_list(dtype) else dtype
        if not _is_text(inner) or pa.types.is_null(inner):
            continue
        try:
            column.validate(full=True)
            continue
        except pa.ArrowException:
            values = pa.chunked_array([_bytes_of(chunk) for chunk in column.chunks]).to_pylist()
        texts: list[object] = []
        for index, value in enumerate(values):
            try:
                texts.append(_decoded(value))
            except UnicodeDecodeError as error:
                texts.append(None)
                found.setdefault(index, NoText(name, error.object))
        plain = pa.list_(STRING) if inner is not dtype else STRING
        table = table.set_column(place, name, pa.chunked_array([pa.array(texts, plain)]))
    return table, found


def _bytes_of(array: pa.Array) -> pa.Array:
    """Texts, or lists of them, as the bytes they are; all but the bytes is checked."""
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        made = pa.LargeListArray if pa.types.is_large_list(array.type) else pa.ListArray
        found = made.from_arrays(array.offsets, _bytes_of(array.values), mask=array.is_null())
    elif pa.types.is_dictionary(array.type):
        found = pa.DictionaryArray.from_arrays(array.indices, _bytes_of(array.dictionary))
    else:
        found = array.cast(pa.large_binary())
    found.validate(full=True)
    return found


def _decoded(value: bytes | list[bytes | None] | None) -> object:
    if isinstance(value, list):
        return [None if part is None else part.decode("utf-8") for part in value]
    return None if value is None else value.decode("utf-8")


class DeclaredParquet:
    """Reader of Parquet files of one bronze table; the line number is the number of the record, from 1."""

    def __init__(self, table: type[Table]) -> None:
        self.table = table
        self.id = f"declared_{table.name.removeprefix('bronze_')}_parquet"
        self.title = f"{table.name.removeprefix('bronze_')} (Parquet in the declared shape)"
        self.columns = tuple(name for name in declared_columns(table) if name not in _MONTH_OF)
        self.optional = frozenset(field.name for field in table.fields() if field.optional)
        self.identifiers = frozenset(field.name for field in table.fields() if field.identifier)

    def sniff(self, name: str, head: bytes, share: float = SNIFF_SHARE) -> bool:
        """Whether the footer has most of the columns; ``head`` must be the whole content, since the footer
        stands at its end.
        """
        if not head.startswith(MAGIC):
            return False
        present = set(read_parquet_schema(head, name)[0].names)
        needed = [column for column in self.columns if column not in self.optional]
        return sum(column in present for column in needed) >= share * len(needed)

    def read(self, content: bytes, name: str, settings: FormatSettings) -> ReadResult:
        """Reads a whole file."""
        schema, count = read_parquet_schema(content, name)
        if count > settings.max_records:
            raise InputRefusedError(
                name,
                RefusalReason.TOO_MANY_RECORDS,
                f"{count} records, more than the {settings.max_records} allowed",
            )
        wanted = (*self.columns, SENT_AT)
        for column in wanted:
            if column not in schema.names and column not in self.optional:
                near = f"; the file has {shown(', '.join(schema.names), 200)}"
                raise InputRefusedError(
                    name, RefusalReason.MISSING_COLUMN, f"the column {column} is missing{near}", column=column
                )
        try:
            table = pq.read_table(
                pa.BufferReader(content),
                columns=[column for column in wanted if column in schema.names],
                use_threads=False,
                partitioning=None,
            )
            table, no_texts = without_no_texts(table)
            table.validate(full=True)
        except DAMAGE as error:
            cause = f"its content cannot be read ({' '.join(str(error).split())[:200]})"
            raise InputRefusedError(name, RefusalReason.UNREADABLE_PARQUET, cause) from None
        if table.num_rows != count:
            cause = f"it holds {table.num_rows} records where its footer tells {count}"
            raise InputRefusedError(name, RefusalReason.UNREADABLE_PARQUET, cause)
        for column in sorted(self.optional - set(schema.names)):
            table = table.append_column(column, pa.nulls(count, rows_schema(self.table).field(column).type))
        typed = {column: self._cast(table[column], column, name) for column in self.columns}
        typed["sent_at_utc"] = _instants(table[SENT_AT], name)
        typed["line_number"] = pa.chunked_array([pa.array(np.arange(1, count + 1))])
        rejects = Rejects()
        good = self._check(typed, table, settings, no_texts, rejects)
        for month, day in _MONTH_OF.items():
            if month in self.table.columns():
                typed[month] = month_of(pc.if_else(pa.array(good), typed[day], pa.scalar(None, DATE)))
        target = rows_schema(self.table)
        loose = pa.schema([field.with_nullable(True) for field in target])
        rows = pa.table({field.name: typed[field.name] for field in loose}, schema=loose)
        rows = (rows if good.all() else rows.filter(pa.array(good))).cast(target)
        surplus = [column for column in schema.names if column not in wanted and column not in _MONTH_OF]
        notes = (f"columns not in the contract, ignored: {', '.join(surplus)}",) if surplus else ()
        return ReadResult(rows, rejects.table(), count, notes)

    def _cast(self, column: pa.ChunkedArray, column_name: str, name: str) -> pa.ChunkedArray:
        """A column as declared, without loss; a type that cannot hold the declared values refuses the
        file.
        """
        target = rows_schema(self.table).field(column_name).type
        if _is_exact(target) and _has_floats(column.type):
            raise _wrong_type(
                name,
                column_name,
                column.type,
                f"{target}; money and registers are exact decimals, never floating point",
            )
        if pa.types.is_string(target) and not _is_text(column.type):
            raise _wrong_type(name, column_name, column.type, str(target))
        try:
            typed = column.cast(target)
            return trimmed_column(typed) if column_name in self.identifiers else typed
        except pa.ArrowException:
            raise _wrong_type(name, column_name, column.type, str(target)) from None

    def _check(
        self,
        typed: dict[str, pa.ChunkedArray],
        table: pa.Table,
        settings: FormatSettings,
        no_texts: Mapping[int, NoText],
        rejects: Rejects,
    ) -> BoolArray:
        """Which records are good; the others go to ``rejects`` with the first column at fault."""
        good = np.ones(table.num_rows, np.bool_)
        for index, value in no_texts.items():
            good[index] = False
            record = _record(table, index) | {value.column: value.shown}
            raw = json.dumps(record, default=str, ensure_ascii=False)
            rejects.add(index + 1, value.column, RejectReason.BAD_ENCODING, value.reason, raw)
        for column in (*self.columns, "sent_at_utc"):
            for reason_code, expected, is_bad in self._rules(column, typed, settings):
                bad = is_bad(typed[column]) & good
                good &= ~bad
                for index in np.flatnonzero(bad).tolist():
                    sent = SENT_AT if column == "sent_at_utc" else column
                    record = _record(table, index)
                    raw = json.dumps(record, default=str, ensure_ascii=False)
                    rejects.add(
                        index + 1,
                        sent,
                        reason_code,
                        f"found {shown(str(record[sent]))}, expected {expected}",
                        raw,
                    )
        return good

    def _rules(
        self, column: str, typed: Mapping[str, pa.ChunkedArray], settings: FormatSettings
    ) -> Iterator[_Rule]:
        """What the values of a column must be, in the order of the checks."""
        field = next(field for field in self.table.fields() if field.name == column)
        if not field.nullable:
            yield RejectReason.MISSING_KEY, "a value", lambda values: _true(values.is_null())
        if field.identifier:
            yield RejectReason.BAD_ID, EXPECTED, lambda values: _true(breaks_rule(values))
            yield RejectReason.BAD_ID, ROUNDED, lambda values: _true(rounded(values))
        if field.codes is not None and not pa.types.is_list(field.dtype):
            members = [str(member.value) for member in field.codes]
            yield (
                RejectReason.BAD_CODE,
                f"one of {', '.join(members)}",
                lambda values: _no_member(values, members),
            )
        elif field.dtype == pa.string() and column.endswith("_month"):
            yield (
                RejectReason.BAD_DATE,
                "a month as YYYY-MM",
                lambda values: _true(pc.invert(pc.match_substring_regex(values, MONTH_TEXT))),
            )
        if field.dtype in (DATE, TIMESTAMP):
            first, last = (
                pa.scalar(day).cast(field.dtype) for day in (settings.earliest_date, settings.latest_date)
            )
            expected = f"a day from {settings.earliest_date} to {settings.latest_date}"
            yield (
                RejectReason.BAD_DATE,
                expected,
                lambda values: _true(pc.or_(pc.less(values, first), pc.greater(values, last))),
            )
        if field.dtype == DOUBLE:
            yield (
                RejectReason.BAD_NUMBER,
                "a finite number",
                lambda values: _true(pc.invert(pc.is_finite(values))),
            )
        if field.minimum is not None:
            least = field.minimum
            yield (
                RejectReason.OUT_OF_RANGE,
                f"at least {least:g}",
                lambda values: _true(pc.less(values.cast(DOUBLE), least)),
            )
        if field.above is not None:
            bound = field.above
            yield (
                RejectReason.OUT_OF_RANGE,
                f"above {bound:g}",
                lambda values: _true(pc.less_equal(values.cast(DOUBLE), bound)),
            )
        if field.maximum is not None:
            most = field.maximum
            yield (
                RejectReason.OUT_OF_RANGE,
                f"at most {most:,.10g}",
                lambda values: _true(pc.greater(values.cast(DOUBLE), most)),
            )
        if column == "interval_minutes":
            yield RejectReason.BAD_STRUCTURE, "a divisor of the 1440 minutes of a day", _no_divisor
        if column == "values_unscaled":
            minutes = typed["interval_minutes"]
            yield (
                RejectReason.BAD_STRUCTURE,
                "as many values as the day has intervals",
                lambda values: _wrong_length(values, minutes),
            )
            yield RejectReason.BAD_NUMBER, "finite numbers", _has_non_finite


def _record(table: pa.Table, index: int) -> dict[str, object]:
    return {name: _readable(table[name][index]) for name in table.column_names}


def _readable(value: pa.Scalar) -> object:
    """A value for people; a day or time that Python has no word for stays a number."""
    try:
        return value.as_py()
    except (OverflowError, ValueError):
        return str(getattr(value, "value", "unreadable"))


def _true(flags: pa.ChunkedArray) -> BoolArray:
    return np.asarray(pc.fill_null(flags, fill_value=False), np.bool_)


def _no_member(values: pa.ChunkedArray, members: Sequence[str]) -> BoolArray:
    return _true(pc.and_(values.is_valid(), pc.invert(pc.is_in(values, value_set=pa.array(members)))))


def _no_divisor(minutes: pa.ChunkedArray) -> BoolArray:
    lengths = pc.fill_null(minutes, 0).to_numpy()
    return np.asarray((lengths < 1) | (DAY_MINUTES % np.maximum(lengths, 1) != 0), np.bool_)


def _wrong_length(values: pa.ChunkedArray, minutes: pa.ChunkedArray) -> BoolArray:
    counts = pc.fill_null(pc.list_value_length(values), 0).to_numpy()
    return np.asarray(counts * pc.fill_null(minutes, 0).to_numpy() != DAY_MINUTES, np.bool_)


def _has_non_finite(values: pa.ChunkedArray) -> BoolArray:
    column = values.combine_chunks()
    bad = _true(pc.invert(pc.is_finite(pc.list_flatten(column))))
    flags = np.zeros(len(column), np.bool_)
    flags[np.asarray(pc.list_parent_indices(column))[bad]] = True
    return flags


def _is_exact(dtype: pa.DataType) -> bool:
    return bool(dtype == ENERGY or (pa.types.is_list(dtype) and dtype.value_type == ENERGY))


def _has_floats(dtype: pa.DataType) -> bool:
    inner = dtype.value_type if pa.types.is_list(dtype) or pa.types.is_large_list(dtype) else dtype
    return bool(pa.types.is_floating(inner))


def _is_text(dtype: pa.DataType) -> bool:
    inner = dtype.value_type if pa.types.is_dictionary(dtype) else dtype
    return bool(
        pa.types.is_string(inner)
        or pa.types.is_large_string(inner)
        or pa.types.is_string_view(inner)
        or pa.types.is_null(inner)
    )


def _instants(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """``sent_at`` as UTC: with a zone it is an instant, without one it is local time, UTC+8."""
    if pa.types.is_null(column.type):
        return column.cast(TIMESTAMP)
    if not pa.types.is_timestamp(column.type):
        raise _wrong_type(name, SENT_AT, column.type, "a timestamp")
    try:
        if column.type.tz is not None:
            return column.cast(TIMESTAMP)
        offset = LOCAL_ZONE.utcoffset(None)
        return pc.subtract(column.cast(pa.timestamp("us")), pa.scalar(offset, pa.duration("us"))).cast(
            TIMESTAMP
        )
    except pa.ArrowException:
        raise _wrong_type(name, SENT_AT, column.type, "a timestamp in microseconds") from None


def _wrong_type(name: str, column: str, found: pa.DataType, expected: str) -> InputRefusedError:
    return InputRefusedError(
        name, RefusalReason.WRONG_TYPE, f"the column {column} is {found}, expected {expected}", column=column
    )
