"""Received curve records as arrays: who, when, sent when, how scaled, and what makes a record unfit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, ByteArray, FloatArray, Int8Array, IntArray
from pipelines.codes import Channel, CurveMeasure, RejectReason
from pipelines.errors import SchemaMismatchError
from pipelines.formats.gridding import DISPUTED, TOLD_AGAIN
from pipelines.periods import DAY_MINUTES, EPOCH
from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.tables.identifiers import EXPECTED, is_identifier
from pipelines.transforms.curves.curve_kernels import gathered_rows, scaled_rows
from pipelines.transforms.ground.in_force import places_in_force
from pipelines.transforms.ground.keyed_rows import ranks
from pipelines.transforms.ground.local_days import DAY_SPAN
from pipelines.transforms.received.precedence import NO_TIME
from pipelines.vee.blocks import NO_DAY, RecordBlock
from pipelines.vee.settings import VeeSettings
from pipelines.vee.validation.checks import RECORD_CHECKS, record_faults

NEEDED = (
    "content_hash",
    "line_number",
    "sent_at_utc",
    "meter_point_id",
    "channel_code",
    "curve_date",
    "interval_minutes",
    "measure_code",
    "values_unscaled",
    "present_flags",
    "sender_quality_codes",
)

# NEM12: S substituted, E forward estimate, F final substitute; N nothing; A measured; V per interval,
# resolved by the reader.
_SUBSTITUTED_FLAGS = frozenset(b"SEF")
_NULL_FLAG = ord("N")
_DISPUTED, _TOLD_AGAIN = ord(DISPUTED), ord(TOLD_AGAIN)
FAULTS = (
    *(check.reason for check in RECORD_CHECKS if check.reason is not None),
    (RejectReason.BAD_ID, "meter_point_id", f"Expected {EXPECTED}."),
)
"""Reason code, column and sentence of what makes a record unfit."""
# Behind those of the checks, which have ids and bits that nothing may shift.
_BAD_ID = len(FAULTS)
_NEVER = 1 << 40


@dataclass(frozen=True)
class CurveRecords:
    """All received records of a batch; arrays run over records in the order given.

    series            Number of (meter point, channel): place of the meter point x channels + place of the
                      channel, both sorted.
    day               Local day, counted from 1970-01-01.
    interval_minutes  Length of an interval. [min]
    sent              Sender's time in microseconds, NO_TIME where there is none.
    content, line     Rank of the content hash among ``content_hashes``; line in the file.
    multiplier        CT ratio x PT ratio, NaN where unknown.
    scale             Value to energy: multiplier, and hours of the interval for mean power.
    capacity_kva      Limit of the connection, NaN where unknown. [kVA]
    faults            0 where fit, else 1 + place in FAULTS.
    """

    meter_points: list[str]
    channels: list[str]
    content_hashes: list[str]
    series: IntArray
    day: IntArray
    interval_minutes: IntArray
    sent: IntArray
    content: IntArray
    line: IntArray
    multiplier: FloatArray
    scale: FloatArray
    capacity_kva: FloatArray
    faults: Int8Array
    _values: FloatArray
    _offsets: IntArray
    _quality: ByteArray
    _quality_offsets: IntArray
    _quality_lengths: IntArray
    _flags: ByteArray
    _flag_offsets: IntArray
    _flag_lengths: IntArray
    _present: int
    _any_told_again: bool

    @property
    def count(self) -> int:
        """Number of records."""
        return int(self.series.size)

    def matrix(self, rows: IntArray) -> FloatArray:
        """(rows x slots) energy after the multiplier, NaN where nothing came; the rows must share one
        interval length. [kWh or kvarh]
        """
        slots = self._slots(rows)
        energy: FloatArray = scaled_rows(self._values, self._offsets[rows], slots, self.scale[rows])
        flagged = np.flatnonzero(self._flag_lengths[rows])
        if flagged.size:
            flags = gathered_rows(self._flags, self._flag_offsets[rows[flagged]], slots)
            absent = flags != self._present
            if absent.any():
                energy[flagged] = np.where(absent & (flags != _TOLD_AGAIN), np.nan, energy[flagged])
        coded = np.flatnonzero(self._quality_lengths[rows])
        if coded.size:
            quality = gathered_rows(self._quality, self._quality_offsets[rows[coded]], slots)
            energy[coded] = np.where(quality == _NULL_FLAG, np.nan, energy[coded])
        return energy

    def substituted(self, rows: IntArray) -> BoolArray:
        """(rows x slots) whether the sender says that the value is not a measured one."""
        slots = self._slots(rows)
        marks = np.zeros((rows.size, slots), dtype=np.bool_)
        coded = np.flatnonzero(self._quality_lengths[rows])
        if coded.size:
            quality = gathered_rows(self._quality, self._quality_offsets[rows[coded]], slots)
            marks[coded] = np.isin(quality, list(_SUBSTITUTED_FLAGS))
        return marks

    def disputed(self, rows: IntArray) -> BoolArray:
        """(rows x slots) whether lines of one long file differ in the interval and none carries a sender's
        time.
        """
        return self._marks(rows, _DISPUTED)

    def told_again(self, rows: IntArray) -> BoolArray | None:
        """(rows x slots) whether several lines of one long file tell the interval; None where that holds for
        no record at all.
        """
        return self._marks(rows, _TOLD_AGAIN, _DISPUTED) if self._any_told_again else None

    def disputing(self, rows: IntArray) -> BoolArray:
        """(rows) whether lines of its own file differ in an interval of the record."""
        marked = np.flatnonzero(self._flags == _DISPUTED) if self._any_told_again else np.empty(0, np.int64)
        if not marked.size:
            return np.zeros(rows.size, dtype=np.bool_)
        begins = self._flag_offsets[rows]
        ends = begins + self._flag_lengths[rows]
        return np.asarray(np.searchsorted(marked, begins) < np.searchsorted(marked, ends), np.bool_)

    def _marks(self, rows: IntArray, *flags: int) -> BoolArray:
        """(rows x slots) whether one of these characters stands for the interval."""
        marks = np.zeros((rows.size, self._slots(rows)), dtype=np.bool_)
        flagged = np.flatnonzero(self._flag_lengths[rows]) if self._any_told_again else np.empty(0, np.int64)
        if flagged.size:
            found = gathered_rows(self._flags, self._flag_offsets[rows[flagged]], marks.shape[1])
            marks[flagged] = np.logical_or.reduce([found == flag for flag in flags])
        return marks

    def _slots(self, rows: IntArray) -> int:
        return DAY_MINUTES // int(self.interval_minutes[rows[0]]) if rows.size else 0


def read_records(
    bronze: pa.Table, meter_points: pa.Table, settings: VeeSettings, today: date, present_char: str
) -> CurveRecords:
    """Takes bronze_load_curves apart into arrays and marks the records that fail a check of records."""
    missing = set(NEEDED) - set(bronze.column_names)
    if missing:
        raise SchemaMismatchError(BronzeLoadCurves.name, missing)
    columns = {name: one_chunk(bronze[name]) for name in NEEDED if name != "values_unscaled"}
    meter, meter_names = ranks(columns["meter_point_id"])
    channel, channel_names = ranks(columns["channel_code"])
    content, hashes = ranks(columns["content_hash"])
    day = columns["curve_date"].cast(pa.int32()).to_numpy(zero_copy_only=False).astype(np.int64)
    minutes = columns["interval_minutes"].to_numpy(zero_copy_only=False).astype(np.int64)
    sent = pc.fill_null(
        columns["sent_at_utc"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()), NO_TIME
    ).to_numpy(zero_copy_only=False)

    values, offsets, lengths = _values(bronze["values_unscaled"])
    quality, quality_offsets, quality_lengths = _quality_letters(columns["sender_quality_codes"])
    flags, flag_offsets, flag_lengths = _characters(columns["present_flags"])
    is_power = _equals(columns["measure_code"], CurveMeasure.MEAN_POWER.value)
    multiplier, capacity, known = _meter_in_force(meter, meter_names, day, meter_points)
    judged = RecordBlock(
        day_numbers=day,
        interval_minutes=minutes,
        values=lengths,
        flags=flag_lengths,
        qualities=quality_lengths,
        has_measure=is_power | _equals(columns["measure_code"], CurveMeasure.ENERGY.value),
        has_channel=np.isin(channel_names, [c.value for c in Channel])[channel],
        has_meter=known,
        first_installed=_first_installed(meter, meter_names, meter_points),
        today_number=(today - EPOCH).days,
    )
    faults = record_faults(judged, settings)
    faults[~np.fromiter(map(is_identifier, meter_names), np.bool_, len(meter_names))[meter]] = _BAD_ID
    return CurveRecords(
        meter_points=meter_names,
        channels=channel_names,
        content_hashes=hashes,
        series=meter * max(1, len(channel_names)) + channel,
        day=day,
        interval_minutes=minutes,
        sent=sent,
        content=content,
        line=columns["line_number"].to_numpy(zero_copy_only=False),
        multiplier=multiplier,
        scale=multiplier * np.where(is_power, minutes / 60.0, 1.0),
        capacity_kva=capacity,
        faults=faults,
        _values=values,
        _offsets=offsets,
        _quality=quality,
        _quality_offsets=quality_offsets,
        _quality_lengths=quality_lengths,
        _flags=flags,
        _flag_offsets=flag_offsets,
        _flag_lengths=flag_lengths,
        _present=ord(present_char),
        _any_told_again=bool(np.isin(flags, (_TOLD_AGAIN, _DISPUTED)).any()),
    )


def one_chunk(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece, not copied where it is in one."""
    if column.num_chunks == 1:
        return column.chunk(0)
    combined = column.combine_chunks()
    return combined if isinstance(combined, pa.Array) else pa.array([], column.type)


def _equals(column: pa.Array, word: str) -> BoolArray:
    return np.asarray(pc.fill_null(pc.equal(column, word), False).to_numpy(zero_copy_only=False))


def _lists(column: pa.Array) -> tuple[pa.Array, IntArray, IntArray]:
    """Elements of a list column, where each row begins in them, and how many it has; a null row has none."""
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    return pc.list_flatten(column), np.cumsum(lengths) - lengths, lengths


def _values(column: pa.ChunkedArray) -> tuple[FloatArray, IntArray, IntArray]:
    """The same for numbers, NaN where an element is empty; chunk by chunk, so that what is most of a table is
    copied once.
    """
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy().astype(np.int64)
    values, filled = np.empty(int(lengths.sum())), 0
    for chunk in column.chunks:
        part = pc.list_flatten(chunk)
        values[filled : filled + len(part)] = part.to_numpy(zero_copy_only=False)
        filled += len(part)
    return values, np.cumsum(lengths) - lengths, lengths


def _quality_letters(column: pa.Array) -> tuple[ByteArray, IntArray, IntArray]:
    """First letter of each slot's quality flag, 0 where it has none."""
    codes, offsets, lengths = _lists(column)
    if not len(codes):
        return np.empty(0, np.uint8), offsets, lengths
    encoded = pc.dictionary_encode(pc.fill_null(codes, ""))
    letters = np.array(
        [ord(word[0].upper()) if word else 0 for word in encoded.dictionary.to_pylist()], dtype=np.uint8
    )
    return letters[encoded.indices.to_numpy(zero_copy_only=False)], offsets, lengths


def _characters(column: pa.Array) -> tuple[ByteArray, IntArray, IntArray]:
    """Bytes of a text column, where each row begins in them, and how many it has; a null row has none."""
    filled = pc.fill_null(column, "").cast(pa.large_string())
    lengths = pc.binary_length(filled).to_numpy(zero_copy_only=False).astype(np.int64)
    buffer = filled.buffers()[2]
    begins = (
        np.frombuffer(filled.buffers()[1], dtype=np.int64)[filled.offset : filled.offset + len(filled)]
        if len(filled)
        else np.empty(0, np.int64)
    )
    return np.frombuffer(buffer or b"", dtype=np.uint8), begins, lengths


def _places(names: list[str], meter_points: pa.Table) -> tuple[IntArray, BoolArray]:
    """Of each meter at one of the named meter points its place among the names, and which rows of the table
    these are.
    """
    place = pc.index_in(
        one_chunk(meter_points["meter_point_id"]).cast(pa.string()), value_set=pa.array(names, pa.string())
    )
    return place.drop_null().to_numpy(zero_copy_only=False).astype(np.int64), np.asarray(place.is_valid())


def _meter_in_force(
    meter: IntArray, names: list[str], day: IntArray, meter_points: pa.Table
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Multiplier and capacity of the meter that counts at each record's meter point on its day, and whether
    there is one.
    """
    place, ours = _places(names, meter_points)
    # A day before 1970 would lie in the span of the series before: no record of one finds a meter.
    begins = np.maximum(_days(meter_points["valid_from_date"], 0)[ours], 0)
    ends = _days(meter_points["valid_to_date"], DAY_SPAN - 1)[ours]
    at = places_in_force(meter, day, place, begins, ends)
    # The last place, -1, stands for none.
    multiplier = np.append(_floats(meter_points["multiplier_ratio"])[ours], np.nan)[at]
    capacity = np.append(_floats(meter_points["capacity_kva"])[ours], np.nan)[at]
    return multiplier, capacity, (at >= 0) & ~np.isnan(multiplier)


def _first_installed(meter: IntArray, names: list[str], meter_points: pa.Table) -> IntArray:
    """Of each record's meter point the first day on which any meter counts there; NO_DAY where none ever
    does.
    """
    place, ours = _places(names, meter_points)
    first = np.full(max(1, len(names)), _NEVER, dtype=np.int64)
    np.minimum.at(first, place, _days(meter_points["valid_from_date"], 0)[ours])
    return np.where(first == _NEVER, NO_DAY, first)[meter]


def _days(column: pa.ChunkedArray, empty: int) -> IntArray:
    return np.asarray(
        pc.fill_null(one_chunk(column).cast(pa.int32()), empty)
        .to_numpy(zero_copy_only=False)
        .astype(np.int64)
    )


def _floats(column: pa.ChunkedArray) -> FloatArray:
    return np.asarray(one_chunk(column).cast(pa.float64()).to_numpy(zero_copy_only=False))
