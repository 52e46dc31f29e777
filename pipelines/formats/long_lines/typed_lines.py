"""The typed lines of a long or wide file, whatever it was read from: stamps placed, bad lines held back, wide
rows turned into one line per interval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, IntArray
from pipelines.codes import RejectReason
from pipelines.errors import InputRefusedError
from pipelines.formats.contract import FormatSettings, RefusalReason, Rejects
from pipelines.formats.mapped.stamps import (
    Placed,
    StampReader,
    day_micros,
    faults_told,
    stamp_reader,
    time_reader,
)
from pipelines.formats.mapped.wide_days import IntervalColumns, cells_of, melted, stamps_of
from pipelines.formats.mapped.written import DAY_MICROS, Written, are_ranges, written
from pipelines.formats.mapping import LongMapping
from pipelines.periods import DAY_MINUTES, EPOCH
from pipelines.tables.base import TIMESTAMP

STAMP, LATER, SENT = "\0stamp", "\0later", "\0sent"
"""Columns of typed lines that no file has: the instant, how much later it may be, the sender's time."""

Raw = Callable[[int], bytes | str]
_MISFIT_LINES = 1000


class LineRejects(Rejects):
    """Rejects of lines, each of which is held back once, however much of it is wrong."""

    def __init__(self) -> None:
        super().__init__()
        self._held: set[int] = set()

    def add(
        self,
        line_number: int,
        column_name: str | None,
        reason_code: str,
        reason: str,
        raw_record: bytes | str,
    ) -> None:
        """Adds a line that is not among them."""
        if line_number not in self._held:
            self._held.add(line_number)
            super().add(line_number, column_name, reason_code, reason, raw_record)


@dataclass(frozen=True)
class TypedLines:
    """What the lines of a file tell.

    table    One row per line, or per cell of a wide row: ``line_number``, names, codes, numbers, STAMP, LATER
             where an hour comes twice, SENT where the file has a sender's time.
    rejects  Lines that cannot be used; raw a line as received.
    count    Lines, good and bad.
    notes    Remarks.
    warnings What whoever sent the file should know.
    names    Of the columns of a CSV file.
    """

    table: pa.Table
    rejects: Rejects
    raw: Raw
    count: int
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class _File:
    """What stands around a table of lines."""

    name: str
    mapping: LongMapping
    settings: FormatSettings
    rejects: Rejects
    raw: Raw

    def refuse(self, code: RefusalReason, reason: str, line: int | None = None) -> InputRefusedError:
        return InputRefusedError(self.name, code, reason, line=line, column=self.mapping.stamp_shown)

    def held(self, table: pa.Table, placed: Placed, column: str, texts: pa.ChunkedArray) -> BoolArray:
        """Holds back the lines whose stamp cannot be placed; which lines are left."""
        bad = np.zeros(table.num_rows, np.bool_)
        for faulty, _ in placed.faults:
            bad |= faulty & np.asarray(texts.is_valid(), np.bool_)
        if not bad.any():
            return ~bad
        lines = table["line_number"].to_numpy()
        refuse_misfit(bad, self.name, column, "stamps as the mapping says", lines)
        for place, reason in faults_told(placed, texts):
            line = int(lines[place])
            self.rejects.add(line, column, RejectReason.BAD_DATE, reason, self.raw(line))
        return ~bad


def typed_lines(
    table: pa.Table,
    name: str,
    mapping: LongMapping,
    settings: FormatSettings,
    rejects: Rejects,
    raw: Raw,
    intervals: tuple[IntervalColumns, tuple[str, ...]] | None = None,
    time_columns: Callable[[], list[str]] = list,
) -> pa.Table:
    """The lines that have a stamp, with STAMP, LATER and SENT; one row per cell where the file is wide.

    table         Lines with ``line_number``, names, codes and numbers as typed columns, stamps as received.
    intervals     Of a wide file: its interval columns and their names in ``table``.
    time_columns  Names of columns that hold times of day, for the reason where stamps are days alone.

    Raises InputRefusedError: wrong_type, bad_structure.
    """
    file = _File(name, mapping, settings, rejects, raw)
    if mapping.received_at:
        table = _with_sent(file, table, mapping.received_at.column)
    if mapping.wide and intervals:
        return _of_cells(file, table, mapping.wide.date, *intervals)
    column, reader = _stamp_column(table, mapping), stamp_reader(mapping.stamp)
    stamps = _written(file, column, reader, mapping.stamp_shown)
    if are_ranges(stamps, mapping.interval_minutes):
        found = column.drop_null()[0].as_py()
        reason = (
            f"the column {mapping.stamp_shown} holds ranges such as {found!r}, begin and end; a stamp is "
            "one time, so have begin and end sent in columns of their own"
        )
        raise file.refuse(RefusalReason.BAD_STRUCTURE, reason, int(table["line_number"][0].as_py()))
    placed = _within(file, reader.place(stamps), day_micros(mapping.stamp), 1)
    kept = file.held(table, placed, mapping.stamp_shown, column)
    table = _with_stamps(table, placed, mapping)
    table = table if kept.all() else table.filter(pa.array(kept))
    if table.num_rows and placed.dated[kept].all() and mapping.interval_minutes < DAY_MINUTES:
        _refuse_days_alone(file, table, time_columns)
    return table


def _stamp_column(table: pa.Table, mapping: LongMapping) -> pa.ChunkedArray:
    """The stamps as received; of two columns as one text."""
    stamp = mapping.stamp
    if not stamp.date:
        return table[stamp.column]
    day = _part_text(table[stamp.date], pa.date32())
    # A day out of a database or a spreadsheet has a midnight behind it.
    day = pc.replace_substring_regex(day, r"[ T]0?0:00(:00(\.0+)?)?$", "")
    return pc.binary_join_element_wise(day, _part_text(table[stamp.time], pa.time64("us")), " ")


def _part_text(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """A day or a time of day as text; typed ones as ISO."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False).cast(kind)
    return pc.utf8_trim_whitespace(column.cast(pa.string()))


def _written(file: _File, column: pa.ChunkedArray, reader: StampReader, shown: str) -> Written:
    try:
        return written(column, reader.notation)
    except (ValueError, pa.ArrowException) as error:
        told = str(error).splitlines()[0]
        raise InputRefusedError(
            file.name, RefusalReason.WRONG_TYPE, f"the column {shown} {told}", column=shown
        ) from None


def _with_sent(file: _File, table: pa.Table, column: str) -> pa.Table:
    """The sender's times as instants; an empty one is none."""
    received = file.mapping.received_at
    if received is None:
        return table
    reader = time_reader(received)
    texts = table[column]
    placed = _within(file, reader.place(_written(file, texts, reader, column)))
    told = np.asarray(texts.is_valid(), np.bool_)
    kept = file.held(table, placed, column, texts)
    table = table.append_column(SENT, pa.array(placed.instant, mask=~told).cast(TIMESTAMP))
    return table if kept.all() else table.filter(pa.array(kept))


def _within(file: _File, placed: Placed, shift: int = 0, margin: int = 0) -> Placed:
    """Stamps of days that the settings leave out are faults.

    shift   From UTC to the clock of the days. [us]
    margin  Days beyond the limits that are left to what knows the interval.
    """
    settings = file.settings
    first, last = ((limit - EPOCH).days for limit in (settings.earliest_date, settings.latest_date))
    day = np.floor_divide(placed.instant + shift, DAY_MICROS)
    outside = (day < first - margin) | (day > last + margin)
    if not outside.any():
        return placed
    words = f"expected a day from {settings.earliest_date} to {settings.latest_date}"
    return replace(placed, faults=(*placed.faults, (outside, words)))


def _with_stamps(table: pa.Table, placed: Placed, mapping: LongMapping) -> pa.Table:
    table = table.append_column(STAMP, pa.array(placed.instant).cast(TIMESTAMP))
    return table.append_column(LATER, pa.array(placed.later)) if mapping.stamp.repeated_hour else table


def _of_cells(
    file: _File, table: pa.Table, date: str, intervals: IntervalColumns, names: tuple[str, ...]
) -> pa.Table:
    """One row per cell that holds a number."""
    mapping, settings = file.mapping, file.settings
    reader = stamp_reader(mapping.stamp)
    days = _written(file, table[date], reader, date)
    day = np.floor_divide(days.wall, DAY_MICROS)
    first, last = ((limit - EPOCH).days for limit in (settings.earliest_date, settings.latest_date))
    faults = (
        (~days.good, f"expected a day as {mapping.stamp.format or 'YYYY-MM-DD'}"),
        (
            days.good & ((day < first) | (day > last)),
            f"expected a day from {settings.earliest_date} to {settings.latest_date}",
        ),
    )
    unplaced = Placed(days.wall, np.zeros(day.size, np.int64), faults, days.dated)
    kept = file.held(table, unplaced, date, table[date])
    if not kept.all():
        table, days = table.filter(pa.array(kept)), days.taken(np.flatnonzero(kept))
    values, row, column = cells_of(table, names)
    placed = reader.place(stamps_of(days, intervals, row, column), intervals.counted or None)
    keys = _keys_of(table, mapping)
    long = _with_stamps(melted(keys, values, row, mapping.values[0].column), placed, mapping)
    told = np.zeros(row.size, np.bool_)
    lines = table["line_number"].to_numpy()
    for bad, words in placed.faults:
        for place in np.flatnonzero(bad & ~told).tolist():
            line, named = int(lines[row[place]]), names[column[place]]
            file.rejects.add(line, named, RejectReason.BAD_DATE, f"{words}", file.raw(line))
        told |= bad
    return long.filter(pa.array(~told)) if told.any() else long


def _keys_of(table: pa.Table, mapping: LongMapping) -> pa.Table:
    """What a wide row tells beside its numbers; names once, for they come with every interval."""
    names = [
        part for part in (mapping.meter_point.column, mapping.channel and mapping.channel.column) if part
    ]
    others = [mapping.quality.column] if mapping.quality else []
    others += [SENT] if mapping.received_at else []
    keys = {name: table[name].combine_chunks().dictionary_encode() for name in dict.fromkeys(names)}
    return pa.table({"line_number": table["line_number"]} | keys | {name: table[name] for name in others})


def _refuse_days_alone(file: _File, table: pa.Table, time_columns: Callable[[], list[str]]) -> None:
    """Many lines of one day whose stamps have no time of day have it elsewhere."""
    mapping, keys = file.mapping, [STAMP]
    keys += [
        part for part in (mapping.meter_point.column, mapping.channel and mapping.channel.column) if part
    ]
    days = table.select(list(dict.fromkeys(keys))).group_by(list(dict.fromkeys(keys))).aggregate([]).num_rows
    if table.num_rows < 2 * days:
        return
    found = time_columns()
    where = f"; the times seem to stand in {' or '.join(found)}" if found else ""
    column = mapping.stamp.column
    keys_told = f"{{date: {column}, time: {found[0] if found else '...'}}}"
    raise file.refuse(
        RefusalReason.BAD_STRUCTURE,
        f"the column {column} holds days without a time of day, about {table.num_rows // days} lines each"
        f"{where}; declare stamp: {keys_told}",
        int(table["line_number"][0].as_py()),
    )


def in_file_order(series: IntArray, instant: IntArray, later: IntArray) -> tuple[IntArray, BoolArray]:
    """Instants where of two lines of one local time the second in the file is the later hour, and which
    lines are not two.

    series   Place of each line's meter point and channel.
    instant  The earlier of the two; later: from it to the second, 0 where there is one. [us]

    In a series whose lines run backwards the first line is the later one.
    """
    unpaired = np.zeros(instant.size, np.bool_)
    places = np.flatnonzero(later > 0)
    if not places.size:
        return instant, unpaired
    order = np.argsort(series, kind="stable")
    step = np.sign(np.diff(instant[order])) * (series[order][1:] == series[order][:-1])
    backwards = np.bincount(series[order][1:], weights=step, minlength=int(series.max()) + 1) < 0
    places = places[np.lexsort((places, instant[places], series[places]))]
    new = np.concatenate(
        ([True], (series[places][1:] != series[places][:-1]) | (instant[places][1:] != instant[places][:-1]))
    )
    group = np.cumsum(new) - 1
    count = np.bincount(group)
    nth = np.arange(places.size) - np.flatnonzero(new)[group]
    unpaired[places[count[group] != 2]] = True
    second = places[nth == np.where(backwards[series[places]], 0, 1)]
    moved = instant.copy()
    moved[second] += later[second]
    return moved, unpaired


def refuse_misfit(bad: np.ndarray, name: str, column: str, expected: str, lines: np.ndarray) -> None:
    """A file most of whose lines break one rule is not what the mapping says; nothing of it is taken apart
    line by line.
    """
    count = int(np.count_nonzero(bad))
    if count > max(_MISFIT_LINES, bad.size // 2):
        reason = f"{count} of {bad.size} lines are not {expected}; does the mapping fit the file?"
        raise InputRefusedError(
            name, RefusalReason.BAD_STRUCTURE, reason, line=int(lines[np.argmax(bad)]), column=column
        )
