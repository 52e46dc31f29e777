"""Long files, one row per meter point and interval, CSV or Parquet, as a mapping file declares them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.codes import RejectReason
from pipelines.formats.contract import (
    SNIFF_SHARE,
    SUPERSEDED,
    FormatSettings,
    ReadResult,
    RecordFields,
    Rejects,
)
from pipelines.formats.documents.espi import is_green_button
from pipelines.formats.documents.espi_table import mapped_parquet
from pipelines.formats.documents.kinds import is_workbook
from pipelines.formats.documents.workbook import SheetNotation, sheet_as_text
from pipelines.formats.gridding import (
    NO_TIME,
    BeatenLines,
    LineFaults,
    LongRecords,
    grid_days,
    interval_starts,
)
from pipelines.formats.long_lines.csv_table import csv_lines
from pipelines.formats.long_lines.typed_lines import (
    LATER,
    SENT,
    STAMP,
    TypedLines,
    in_file_order,
    refuse_misfit,
)
from pipelines.formats.long_parquet import parquet_lines
from pipelines.formats.mapped.stamp_keys import StampPlace, zone_of
from pipelines.formats.mapped.stamps import full_ends
from pipelines.formats.mapping import QUALITY_LETTERS, LongMapping
from pipelines.formats.parquet import MAGIC
from pipelines.formats.shape.shaped import shape_series
from pipelines.periods import EPOCH
from pipelines.tables.base import STRING, Table
from pipelines.tables.bronze import BronzeLoadCurves

_DAY_MICROS, _MINUTE_MICROS = 86_400_000_000, 60_000_000
_BEATEN_LISTED, _BEATEN_NAMED = 10_000, 5
Raw = Callable[[int], bytes | str]


class LongForm:
    """Reader of long files under one mapping; ``only`` restricts it to some lines, for the replay of rejected
    ones.
    """

    table: type[Table] = BronzeLoadCurves

    def __init__(self, mapping: LongMapping, only: Collection[int] | None = None) -> None:
        self.mapping, self.only = mapping, only
        self.id = f"long_{mapping.id}"
        self.title = f"long file under the mapping {mapping.id}"

    def sniff(self, name: str, head: bytes, share: float = SNIFF_SHARE) -> bool:
        """Whether the file's name is declared to be of this mapping."""
        return self.mapping.fits(name)

    def read(self, content: bytes, name: str, settings: FormatSettings) -> ReadResult:
        """Reads a whole unpacked file; rows are days, rejects are lines.

        Raises InputRefusedError: missing_column, duplicate_column, wrong_type, unreadable_parquet,
        bad_encoding, too_many_records, bad_structure; unreadable_workbook and missing_sheet of a workbook.
        """
        if is_workbook(content):
            content = self._sheet(content, name, settings)
        elif is_green_button(content):
            content = mapped_parquet(content, name, self.mapping, settings)
        read = parquet_lines if content.startswith(MAGIC) else csv_lines
        lines = read(content, name, self.mapping, settings)
        rejects, raw, count = lines.rejects, lines.raw, lines.count
        received, notes = self._in_order(self._records(lines.table), lines)
        shaped = shape_series(received, self.mapping, name, settings)
        set_apart = _hold(received, shaped.held, self.mapping, rejects, raw)
        records = self._on_grid(shaped.records, name, settings, rejects, raw)
        if self.only is not None:
            records = records.taken(np.isin(records.line, list(self.only)))
        gridded = grid_days(records, shaped.mapping, settings.present_char)
        _hold(records, gridded.faults, self.mapping, rejects, raw)
        remark = (
            f"{count} lines in {gridded.rows.num_rows} days of a channel, {gridded.resent} of them told an "
            "interval again"
        )
        superseded, told = _superseded(records, shaped.mapping, gridded.beaten, raw)
        return ReadResult(
            gridded.rows,
            rejects.table(),
            gridded.rows.num_rows + len(rejects),
            (*notes, *told, remark),
            count,
            superseded,
            (*lines.warnings, *shaped.warnings, *self._without_effect(content.startswith(MAGIC), records)),
            set_apart,
            self._fields(lines.names, received) if len(rejects) else None,
        )

    def _sheet(self, content: bytes, name: str, settings: FormatSettings) -> bytes:
        """The sheet of a workbook as CSV, in the notation that the mapping declares."""
        mapping = self.mapping
        stamps = {part.column: part.format for part in (mapping.stamp, mapping.received_at) if part}
        if mapping.wide and mapping.stamp.format:
            stamps[mapping.wide.date] = mapping.stamp.format
        stamps.pop("", None)
        notation = SheetNotation(stamps, mapping.separator or ",", mapping.decimal)
        return sheet_as_text(content, name, mapping.sheet, notation, settings)

    def _without_effect(self, is_parquet: bool, records: LongRecords) -> tuple[str, ...]:
        """Keys of the mapping that are declared and change nothing in this file."""
        sent, told = self.mapping.received_at, []
        if is_parquet and self.mapping.encoding != "utf-8":
            told.append(f"encoding: {self.mapping.encoding}, for the texts of Parquet are UTF-8")
        if is_parquet:
            told += [f"{key}, for Parquet is typed" for key in self.mapping.keys_of_texts]
        if sent and records.sent.size and (records.sent == NO_TIME).all():
            told.append(f"received_at, for no line has a time in {sent.column}")
        return tuple(f"of the mapping {self.mapping.id} this has no effect: {each}" for each in told)

    def _fields(self, names: tuple[str, ...], records: LongRecords) -> RecordFields:
        """What the fields of a line are.

        records  As received, before anything was made of their values.
        """
        told = zip(self.mapping.values, records.values, strict=True)
        largest = {
            value.column: float(np.nanmax(numbers)) / value.factor
            for value, numbers in told
            if not np.isnan(numbers).all()
        }
        point = self.mapping.meter_point
        return RecordFields(names, point.column, point.prefix, self.mapping.stamp.columns, largest)

    def _records(self, typed: pa.Table) -> LongRecords:
        mapping, count = self.mapping, typed.num_rows
        names, meter = [mapping.meter_point.constant], np.zeros(count, np.int64)
        if mapping.meter_point.column:
            names, meter = _places(typed[mapping.meter_point.column])
        channels, channel = (
            [str(value.channel.value) if value.channel else "" for value in mapping.values],
            None,
        )
        if mapping.channel:
            channels, channel = _places(typed[mapping.channel.column])
        quality = None
        if mapping.quality:
            places = pc.index_in(typed[mapping.quality.column], value_set=pa.array(QUALITY_LETTERS, STRING))
            quality = pc.fill_null(places, -1).to_numpy().astype(np.int8)
        sent = np.full(count, NO_TIME)
        if mapping.received_at:
            sent = pc.fill_null(typed[SENT].cast(pa.int64()), NO_TIME).to_numpy()
        values = tuple(_scaled(typed[value.column], value.factor) for value in mapping.values)
        instant = typed[STAMP].cast(pa.int64()).to_numpy()
        return LongRecords(
            names, meter, channels, channel, instant, values, quality, sent, typed["line_number"].to_numpy()
        )

    def _in_order(self, records: LongRecords, lines: TypedLines) -> tuple[LongRecords, tuple[str, ...]]:
        """The lines with the two hours of one name told apart by their order and ends of intervals made full,
        and remarks on what was done.
        """
        notes, stamp = lines.notes, self.mapping.stamp
        if LATER in lines.table.column_names:
            later = lines.table[LATER].to_numpy()
            series = (
                records.meter
                if records.channel is None
                else records.meter * len(records.channels) + records.channel
            )
            instant, unpaired = in_file_order(series, records.instant, later)
            records = replace(records, instant=instant)
            for line in records.line[unpaired].tolist():
                reason = f"a local time that occurs twice in {stamp.zone}, which not exactly two lines tell"
                lines.rejects.add(line, stamp.shown, RejectReason.BAD_DATE, reason, lines.raw(line))
            if later.any():
                told = int(np.count_nonzero((later > 0) & ~unpaired))
                notes += (f"{told} lines of an hour that occurs twice are read in the order of the file",)
            records = records.taken(~unpaired) if unpaired.any() else records
        instant, count = full_ends(records.instant, stamp, self.mapping.interval_minutes * _MINUTE_MICROS)
        if count:
            notes += (f"{count} stamps name the last second of an interval and are read as its end",)
        return replace(records, instant=instant), notes

    def _on_grid(
        self, records: LongRecords, name: str, settings: FormatSettings, rejects: Rejects, raw: Raw
    ) -> LongRecords:
        """The lines whose interval stands on the grid of its day and within the days that the settings
        allow.
        """
        starts, whole = interval_starts(records.instant, self.mapping)
        day = np.floor_divide(starts, _DAY_MICROS)
        first, last = ((limit - EPOCH).days for limit in (settings.earliest_date, settings.latest_date))
        inside = (day >= first) & (day <= last)
        column, minutes = self.mapping.stamp.column, self.mapping.interval_minutes
        end = "end" if self.mapping.stamp.place is StampPlace.INTERVAL_END else "begin"
        for bad, expected in (
            (~whole, f"a stamp that can {end} an interval of {minutes} minutes"),
            (whole & ~inside, f"a day from {settings.earliest_date} to {settings.latest_date}"),
        ):
            refuse_misfit(bad, name, column, expected, records.line)
            for place in np.flatnonzero(bad).tolist():
                instant = datetime.fromtimestamp(int(records.instant[place]) / 1e6, UTC).astimezone(
                    zone_of(self.mapping.stamp.zone)
                )
                line = int(records.line[place])
                rejects.add(
                    line,
                    column,
                    RejectReason.BAD_DATE,
                    f"found {instant.isoformat(' ')}, expected {expected}",
                    raw(line),
                )
        good = whole & inside
        return records if good.all() else records.taken(good)


def _hold(
    records: LongRecords, faults: Sequence[LineFaults], mapping: LongMapping, rejects: Rejects, raw: Raw
) -> int:
    """Holds lines back, each once; how many."""
    held = rejects.lines()
    before = len(held)
    for fault in faults:
        for line in records.line[fault.places].tolist():
            if line not in held:
                held.add(line)
                column = fault.column or mapping.stamp_shown
                rejects.add(line, column, fault.reason_code, fault.reason, raw(line))
    return len(held) - before


def _superseded(
    records: LongRecords, mapping: LongMapping, beaten: tuple[BeatenLines, ...], raw: Raw
) -> tuple[pa.Table, tuple[str, ...]]:
    """The lines whose differing value gave way to another line's, and a remark that names the first of
    them.
    """
    listed, total = Rejects(), sum(part.places.size for part in beaten)
    for part in beaten:
        column, values = mapping.number_column(part.number), records.values[part.number]
        for place, winner in zip(
            part.places.tolist(), part.winners[: _BEATEN_LISTED - len(listed)].tolist(), strict=False
        ):
            reason = (
                f"tells {values[place]:.10g}; line {records.line[winner]} tells {values[winner]:.10g} "
                "for the same interval and stands"
            )
            line = int(records.line[place])
            listed.add(line, column, SUPERSEDED, reason, raw(line))
    if not total:
        return listed.table(), ()
    table = listed.table()
    named = ", ".join(str(line) for line in table["line_number"].to_pylist()[:_BEATEN_NAMED])
    return table, (
        (
            f"{total} values gave way to another line's for the same interval: lines "
            f"{named}{', ...' if total > _BEATEN_NAMED else ''}"
        ),
    )


def _places(column: pa.ChunkedArray) -> tuple[list[str], np.ndarray]:
    """The sorted distinct texts of a column and each row's place among them."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    encoded = encoded.unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = pa.array([], STRING).dictionary_encode()
    words: Sequence[str] = encoded.dictionary.to_pylist()
    order = sorted(range(len(words)), key=words.__getitem__)
    place = np.empty(len(words), np.int64)
    place[order] = np.arange(len(words))
    return [words[index] for index in order], place[encoded.indices.to_numpy()]


def _scaled(column: pa.ChunkedArray, factor: float) -> np.ndarray:
    values = np.asarray(pc.fill_null(column, np.nan).to_numpy() if column.null_count else column.to_numpy())
    return values if factor == 1.0 else values * factor
