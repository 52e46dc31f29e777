"""The lines of a long Parquet file as typed columns: whole columns at once, the bad lines held back with
their place.
"""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.codes import RejectReason
from pipelines.errors import InputRefusedError
from pipelines.formats.contract import FormatSettings, RefusalReason, shown
from pipelines.formats.long_lines.typed_lines import LineRejects, TypedLines, refuse_misfit, typed_lines
from pipelines.formats.mapped.wide_days import IntervalColumns, interval_columns
from pipelines.formats.mapping import LongMapping
from pipelines.formats.parquet import DAMAGE, read_parquet_schema, without_no_texts
from pipelines.tables.base import DOUBLE, STRING
from pipelines.tables.identifiers import EXPECTED, ROUNDED, breaks_rule, rounded, trimmed_column


def parquet_lines(content: bytes, name: str, mapping: LongMapping, settings: FormatSettings) -> TypedLines:
    """The lines of a whole file; raises InputRefusedError as ``ParquetLines`` and ``typed_lines`` do."""
    lines = ParquetLines(content, name, mapping, settings)
    good = lines.typed()
    count = good.num_rows + len(lines.rejects)
    table = typed_lines(good, name, mapping, settings, lines.rejects, lines.raw, lines.intervals)
    return TypedLines(table, lines.rejects, lines.raw, count)


class ParquetLines:
    """One long file: its columns, and the lines of it that cannot be used; the line number is that of the
    record, from 1.
    """

    def __init__(self, content: bytes, name: str, mapping: LongMapping, settings: FormatSettings) -> None:
        schema, count = read_parquet_schema(content, name)
        if count > settings.max_records:
            raise InputRefusedError(
                name,
                RefusalReason.TOO_MANY_RECORDS,
                f"{count} records, more than the {settings.max_records} allowed",
            )
        for column in mapping.columns:
            if column not in schema.names:
                found = f"the file has {shown(', '.join(schema.names), 200)}"
                raise InputRefusedError(
                    name,
                    RefusalReason.MISSING_COLUMN,
                    f"the column {column} is missing; {found}",
                    column=column,
                )
        self.intervals = _intervals(schema.names, name, mapping)
        numbers = self.intervals[1] if self.intervals else tuple(value.column for value in mapping.values)
        self._numeric = numbers
        texts = [
            mapping.meter_point.column,
            *(part.column for part in (mapping.channel, mapping.quality) if part),
        ]
        self._texts = [column for column in texts if column]
        try:
            source = pq.read_table(
                pa.BufferReader(content),
                columns=list(dict.fromkeys((*mapping.columns, *numbers))),
                use_threads=False,
                partitioning=None,
                read_dictionary=self._texts,
            )
            self._source, no_texts = without_no_texts(source)
            self._source.validate(full=True)
        except DAMAGE as error:
            cause = f"its content cannot be read ({' '.join(str(error).split())[:200]})"
            raise InputRefusedError(name, RefusalReason.UNREADABLE_PARQUET, cause) from None
        self._name, self._mapping = name, mapping
        self._good = np.ones(self._source.num_rows, np.bool_)
        self.rejects = LineRejects()
        lines = np.arange(1, self._good.size + 1)
        self._good[list(no_texts)] = False
        for column in sorted({value.column for value in no_texts.values()}):
            places = [place for place, value in no_texts.items() if value.column == column]
            refuse_misfit(np.isin(lines - 1, places), name, column, "UTF-8 text", lines)
            for place in places:
                self.rejects.add(
                    place + 1, column, RejectReason.BAD_ENCODING, no_texts[place].reason, self.raw(place + 1)
                )

    def raw(self, line: int) -> str:
        """A record as received."""
        return json.dumps(self._source.slice(line - 1, 1).to_pylist()[0], default=str, ensure_ascii=False)

    def typed(self) -> pa.Table:
        """Good lines: texts, decoded codes, stamps as received, numbers and ``line_number``."""
        source, mapping = self._source, self._mapping
        typed = {"line_number": pa.chunked_array([pa.array(np.arange(1, source.num_rows + 1))])}
        for column in self._texts:
            typed[column] = _as_text(source[column], self._name, column)
        required = [
            mapping.meter_point.column,
            mapping.channel.column if mapping.channel else "",
            *mapping.stamp.columns,
            mapping.wide.date if mapping.wide else "",
        ]
        named = mapping.meter_point.column
        if named:
            typed[named] = trimmed_column(typed[named])
        for column in filter(None, required):
            empty = (typed if column == named else source)[column].is_null()
            self._hold(_flags(empty), column, RejectReason.MISSING_KEY, "a value")
        if named:
            unfit = _flags(breaks_rule(typed[named], mapping.meter_point.longest))
            self._hold(unfit, named, RejectReason.BAD_ID, EXPECTED)
            self._hold(_flags(rounded(typed[named])), named, RejectReason.BAD_ID, ROUNDED)
        for part in (mapping.channel, mapping.quality):
            if part:
                decoded = _decoded(typed[part.column], part.codes)
                unknown = _flags(decoded.is_null()) & ~_flags(source[part.column].is_null())
                self._hold(unknown, part.column, RejectReason.BAD_CODE, f"one of {', '.join(part.codes)}")
                typed[part.column] = decoded
        received = [mapping.received_at.column] if mapping.received_at else []
        for column in (*mapping.stamp.columns, *received, *([mapping.wide.date] if mapping.wide else [])):
            typed[column] = source[column]
        for column in self._numeric:
            typed[column] = self._numbers(column)
        table = pa.table(typed)
        return table if self._good.all() else table.filter(pa.array(self._good))

    def _numbers(self, column: str) -> pa.ChunkedArray:
        numbers = self._source[column]
        if not (
            pa.types.is_floating(numbers.type)
            or pa.types.is_integer(numbers.type)
            or pa.types.is_decimal(numbers.type)
        ):
            reason = f"the column {column} is {numbers.type}, expected numbers"
            raise InputRefusedError(self._name, RefusalReason.WRONG_TYPE, reason, column=column)
        values = numbers.cast(DOUBLE)
        self._hold(
            _flags(pc.invert(pc.is_finite(values))), column, RejectReason.BAD_NUMBER, "a finite number"
        )
        return values

    def _hold(self, bad: np.ndarray, column: str, reason_code: RejectReason, expected: str) -> None:
        refuse_misfit(bad, self._name, column, expected, np.arange(1, bad.size + 1))
        for place in np.flatnonzero(bad & self._good).tolist():
            reason = f"found {shown(str(self._source[column][place]))}, expected {expected}"
            self.rejects.add(place + 1, column, reason_code, reason, self.raw(place + 1))
        self._good[bad] = False


def _intervals(
    names: list[str], name: str, mapping: LongMapping
) -> tuple[IntervalColumns, tuple[str, ...]] | None:
    """The interval columns of a wide file."""
    if mapping.wide is None:
        return None
    try:
        found = interval_columns(mapping.wide, names, mapping.stamp.place, mapping.interval_minutes)
    except ValueError as error:
        raise InputRefusedError(name, RefusalReason.MISSING_COLUMN, f"wide.columns: {error}") from None
    return found, tuple(names[place] for place in found.places)


def _as_text(column: pa.ChunkedArray, name: str, column_name: str) -> pa.ChunkedArray:
    inner = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if (
        pa.types.is_string(inner)
        or pa.types.is_large_string(inner)
        or pa.types.is_integer(inner)
        or pa.types.is_null(inner)
    ):
        return (
            column
            if pa.types.is_dictionary(column.type) and pa.types.is_string(inner)
            else column.cast(STRING)
        )
    raise InputRefusedError(
        name,
        RefusalReason.WRONG_TYPE,
        f"the column {column_name} is {column.type}, expected text",
        column=column_name,
    )


def _decoded(column: pa.ChunkedArray, codes: dict[str, str]) -> pa.ChunkedArray:
    places = pc.index_in(column.cast(STRING), value_set=pa.array(list(codes), STRING))
    return pc.take(pa.array(list(codes.values()), STRING), places)


def _flags(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(pc.fill_null(column, False).to_numpy(), np.bool_)
