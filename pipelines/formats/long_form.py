"""Long files, one row per meter point and interval, CSV or Parquet, as a mapping file declares them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import IntArray
from pipelines.codes import RejectReason
from pipelines.errors import InputRefusedError
from pipelines.formats.cells import Cell, CellKind
from pipelines.formats.contract import (
    SUPERSEDED,
    FormatSettings,
    ReadResult,
    RecordFields,
    RefusalReason,
    Rejects,
)
from pipelines.formats.csv_lines import CsvLayout
from pipelines.formats.csv_records import read_cells
from pipelines.formats.gridding import NO_TIME, BeatenLines, LongRecords, grid_days, interval_starts
from pipelines.formats.long_parquet import ParquetLines, refuse_misfit
from pipelines.formats.mapping import QUALITY_LETTERS, LongMapping, StampPlace, zone_of
from pipelines.formats.parquet import MAGIC
from pipelines.formats.spacing import finer_points, wrong_spacing
from pipelines.formats.stamps import stamp_reader, time_reader
from pipelines.periods import EPOCH
from pipelines.tables.base import STRING, TIMESTAMP, Table
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

    def sniff(self, name: str, head: bytes) -> bool:
        """Whether the file's name is declared to be of this mapping."""
        return self.mapping.fits(name)

    def read(self, content: bytes, name: str, settings: FormatSettings) -> ReadResult:
        """Reads a whole unpacked file; rows are days, rejects are lines.

        Raises InputRefusedError: missing_column, duplicate_column, wrong_type, unreadable_parquet,
        bad_encoding, too_many_records, bad_structure.
        """
        typed, rejects, raw, notes, names = (
            self._parquet(content, name, settings)
            if content.startswith(MAGIC)
            else self._csv(content, name, settings)
        )
        count = typed.num_rows + len(rejects)
        records = self._on_grid(self._records(typed), name, settings, rejects, raw)
        gridded = grid_days(records, self.mapping, settings.present_char)
        spaced = self._well_spaced(records, gridded.rows, name, settings, rejects, raw)
        if self.only is not None:
            spaced &= np.isin(records.line, list(self.only))
        if not spaced.all():
            records = records.taken(spaced)
            gridded = grid_days(records, self.mapping, settings.present_char)
        held = rejects.lines()
        for fault in gridded.faults:
            for line in records.line[fault.places].tolist():
                if line not in held:
                    held.add(line)
                    rejects.add(line, fault.column, fault.reason_code, fault.reason, raw(line))
        remark = (
            f"{count} lines in {gridded.rows.num_rows} days of a channel, {gridded.resent} of them told an "
            "interval again"
        )
        superseded, told = self._superseded(records, gridded.beaten, raw)
        return ReadResult(
            gridded.rows,
            rejects.table(),
            gridded.rows.num_rows + len(rejects),
            (*notes, *told, remark),
            count,
            superseded,
            self._fields(names, records) if len(rejects) else None,
            self._without_effect(content.startswith(MAGIC), records),
        )

    def _without_effect(self, is_parquet: bool, records: LongRecords) -> tuple[str, ...]:
        """Keys of the mapping that are declared and change nothing in this file."""
        sent, told = self.mapping.received_at, []
        if is_parquet and self.mapping.encoding != "utf-8":
            told.append(f"encoding: {self.mapping.encoding}, for the texts of Parquet are UTF-8")
        if sent and records.sent.size and (records.sent == NO_TIME).all():
            told.append(f"received_at, for no line has a time in {sent.column}")
        return tuple(f"of the mapping {self.mapping.id} this has no effect: {each}" for each in told)

    def _fields(self, names: tuple[str, ...], records: LongRecords) -> RecordFields:
        """What the fields of a line are."""
        told = zip(self.mapping.values, records.values, strict=True)
        largest = {
            value.column: float(np.nanmax(numbers)) / value.factor
            for value, numbers in told
            if not np.isnan(numbers).all()
        }
        point = self.mapping.meter_point
        return RecordFields(names, point.column, point.prefix, (self.mapping.stamp.column,), largest)

    def _superseded(
        self, records: LongRecords, beaten: tuple[BeatenLines, ...], raw: Raw
    ) -> tuple[pa.Table, tuple[str, ...]]:
        """The lines whose differing value gave way to another line's, and a remark that names the first of
        them.
        """
        listed, total = Rejects(), sum(part.places.size for part in beaten)
        for part in beaten:
            column, values = self.mapping.values[part.number].column, records.values[part.number]
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

    def _csv(
        self, content: bytes, name: str, settings: FormatSettings
    ) -> tuple[pa.Table, Rejects, Raw, tuple[str, ...], tuple[str, ...]]:
        mapping = self.mapping
        declared = settings.model_copy(update={"default_encoding": mapping.encoding, "encodings": {}})
        cells = [
            Cell(mapping.stamp.column, CellKind.STAMP, required=True, stamps=stamp_reader(mapping.stamp))
        ]
        if mapping.meter_point.column:
            cells.append(
                Cell(
                    mapping.meter_point.column,
                    CellKind.IDENTIFIER,
                    required=True,
                    length=mapping.meter_point.longest,
                )
            )
        cells += [Cell(value.column, CellKind.NUMBER) for value in mapping.values]
        if mapping.channel:
            cells.append(
                Cell(mapping.channel.column, CellKind.CODE, required=True, codes=mapping.channel.codes)
            )
        if mapping.quality:
            cells.append(Cell(mapping.quality.column, CellKind.CODE, codes=mapping.quality.codes))
        if mapping.received_at:
            cells.append(
                Cell(mapping.received_at.column, CellKind.STAMP, stamps=time_reader(mapping.received_at))
            )
        read = read_cells(content, name, CsvLayout(tuple(cells), self.table, lambda table: table), declared)
        return read.cells, read.rejects, read.record, read.notes, read.names

    def _parquet(
        self, content: bytes, name: str, settings: FormatSettings
    ) -> tuple[pa.Table, Rejects, Raw, tuple[str, ...], tuple[str, ...]]:
        lines = ParquetLines(content, name, self.mapping, settings)
        typed = lines.typed()
        return typed, lines.rejects, lines.raw, (), ()

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
            sent = pc.fill_null(
                typed[mapping.received_at.column].cast(TIMESTAMP).cast(pa.int64()), NO_TIME
            ).to_numpy()
        values = tuple(_scaled(typed[value.column], value.factor) for value in mapping.values)
        instant = typed[mapping.stamp.column].cast(TIMESTAMP).cast(pa.int64()).to_numpy()
        return LongRecords(
            names, meter, channels, channel, instant, values, quality, sent, typed["line_number"].to_numpy()
        )

    def _well_spaced(
        self,
        records: LongRecords,
        rows: pa.Table,
        name: str,
        settings: FormatSettings,
        rejects: Rejects,
        raw: Raw,
    ) -> np.ndarray:
        """Which lines belong to meter points whose values come as often as the mapping says; the others are
        held back, a file of such lines is refused.
        """
        minutes = self.mapping.interval_minutes
        steps = wrong_spacing(rows, self.mapping.slots, settings.least_odd_steps)
        every = (
            np.array(
                [steps.get(self.mapping.meter_point.prefix + point, 1) for point in records.names], np.int64
            )[records.meter]
            * minutes
        )
        self._hold_apart(records, every, records.line.size, name, rejects, raw)
        return np.asarray(every == minutes)

    def _as_fine_as_told(
        self,
        records: LongRecords,
        starts: IntArray,
        name: str,
        settings: FormatSettings,
        rejects: Rejects,
        raw: Raw,
    ) -> np.ndarray:
        """Which lines do not belong to meter points whose values come more often than the mapping says; those
        are held back.
        """
        minutes = self.mapping.interval_minutes
        every = np.full(len(records.names), minutes, np.int64)
        finer = finer_points(records.meter, starts, minutes * _MINUTE_MICROS, settings.least_odd_steps)
        for meter, step in finer.items():
            every[meter] = max(1, step // _MINUTE_MICROS)
        self._hold_apart(records, every[records.meter], records.line.size, name, rejects, raw)
        return np.asarray(every[records.meter] == minutes)

    def _hold_apart(
        self, records: LongRecords, every: np.ndarray, count: int, name: str, rejects: Rejects, raw: Raw
    ) -> None:
        """Holds back the lines of other steps than the mapping's; raises InputRefusedError where they are
        most of the file.
        """
        minutes = self.mapping.interval_minutes
        bad = np.flatnonzero(every != minutes)
        if not bad.size:
            return
        column, first = self.mapping.stamp.column, int(bad[0])
        if bad.size > count // 2:
            reason = (
                f"values of {records.names[int(records.meter[first])]!r} come every {every[first]} minutes, "
                f"the mapping says {minutes}"
            )
            raise InputRefusedError(
                name, RefusalReason.BAD_STRUCTURE, reason, line=int(records.line[first]), column=column
            )
        for place in bad.tolist():
            line = int(records.line[place])
            reason = (
                f"values of this meter point come every {every[place]} minutes, the mapping says {minutes}"
            )
            rejects.add(line, column, RejectReason.BAD_STRUCTURE, reason, raw(line))

    def _on_grid(
        self, records: LongRecords, name: str, settings: FormatSettings, rejects: Rejects, raw: Raw
    ) -> LongRecords:
        """The lines whose interval stands on the grid of its day and within the days that the settings
        allow.
        """
        starts, whole = interval_starts(records.instant, self.mapping)
        kept = whole if whole.all() else self._as_fine_as_told(records, starts, name, settings, rejects, raw)
        if not kept.all():
            records, starts, whole = records.taken(kept), starts[kept], whole[kept]
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
