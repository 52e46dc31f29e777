"""Long records to day curves: one row per meter point, channel and day, by index arithmetic on whole
columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipelines.arrays import BoolArray, ByteArray, FloatArray, Int8Array, IntArray
from pipelines.codes import RejectReason
from pipelines.formats.cells import month_of
from pipelines.formats.contract import rows_schema
from pipelines.formats.mapped.stamp_keys import StampPlace
from pipelines.formats.mapped.stamps import day_micros
from pipelines.formats.mapped.written import DAY_MICROS
from pipelines.formats.mapping import QUALITY_LETTERS, LongMapping
from pipelines.tables.base import DATE, DOUBLE, INTEGER, LONG, STRING, TIMESTAMP
from pipelines.tables.bronze import BronzeLoadCurves

NO_TIME = np.iinfo(np.int64).min
NOT_DELIVERED = "-"
"""Completeness flag of an interval that a delivery says nothing about; an earlier one may have told it."""

TOLD_AGAIN = "="
"""Completeness flag of an interval that came, and that more than one line of its file tells."""

DISPUTED = "!"
"""Completeness flag of an interval of which lines of one file tell different values, none with a sender's
time: none of them stands.
"""

_DENSE_LIMIT = 1 << 24


@dataclass(frozen=True)
class LongRecords:
    """Good lines of a long file as columns, in file order.

    meter    Place of each line's meter point in ``names``, which are sorted and distinct.
    channel  Place of each line's channel in ``channels``; where value columns tell the channels, the column
             counts and this is None.
    instant  The stamp. [us of UTC]
    values   One array per value column, NaN where nothing came; in kWh, kW, kvarh or kvar.
    quality  Place of each line's letter in QUALITY_LETTERS, -1 for none; None where the file tells no
             quality.
    sent     The sender's time, NO_TIME where there is none. [us of UTC]
    line     Line or record in the file.
    """

    names: list[str]
    meter: IntArray
    channels: list[str]
    channel: IntArray | None
    instant: IntArray
    values: tuple[FloatArray, ...]
    quality: Int8Array | None
    sent: IntArray
    line: IntArray

    def taken(self, rows: BoolArray) -> LongRecords:
        """Some of the lines."""
        return LongRecords(
            self.names,
            self.meter[rows],
            self.channels,
            None if self.channel is None else self.channel[rows],
            self.instant[rows],
            tuple(values[rows] for values in self.values),
            None if self.quality is None else self.quality[rows],
            self.sent[rows],
            self.line[rows],
        )


@dataclass(frozen=True)
class LineFaults:
    """Lines that cannot be used, by their place in the records given."""

    places: IntArray
    column: str
    reason_code: RejectReason
    reason: str


@dataclass(frozen=True)
class BeatenLines:
    """Lines of one value column whose value differs from that of the line that stands for their interval;
    both by their place in the records given.
    """

    number: int
    places: IntArray
    winners: IntArray


@dataclass(frozen=True)
class Gridded:
    """Day curves, lines at fault, how many lines another line of the file replaced or repeated, and those of
    them that told another value.
    """

    rows: pa.Table
    faults: tuple[LineFaults, ...]
    resent: int
    beaten: tuple[BeatenLines, ...] = ()


def interval_starts(instant: IntArray, mapping: LongMapping) -> tuple[IntArray, BoolArray]:
    """Begin of each interval on the clock in which days are cut [us], and whether it stands on the grid."""
    length = mapping.interval_minutes * 60_000_000
    shift = day_micros(mapping.stamp) - (length if mapping.stamp.place is StampPlace.INTERVAL_END else 0)
    starts = instant + shift
    return starts, starts % length == 0


def grid_days(records: LongRecords, mapping: LongMapping, present_char: str) -> Gridded:
    """Places each line in its day; of two lines for one interval the larger sender's time stands, then the
    later line.

    Lines that differ and carry no sender's time are all held back, for nobody can tell which is true.
    """
    starts, _ = interval_starts(records.instant, mapping)
    day = np.floor_divide(starts, DAY_MICROS)
    slot = (starts - day * DAY_MICROS) // (mapping.interval_minutes * 60_000_000)
    parts, faults, beaten, resent = [], list[LineFaults](), list[BeatenLines](), 0
    for number, values in enumerate(records.values):
        told = ~np.isnan(values)
        if records.quality is not None and mapping.quality is not None:
            told &= records.quality != QUALITY_LETTERS.index("N")
        chosen = np.arange(values.size) if told.all() else np.flatnonzero(told)
        if not chosen.size:
            continue
        channel = np.full(chosen.size, number) if records.channel is None else records.channel[chosen]
        part = _grid(
            records, chosen, values[chosen], channel, day[chosen], slot[chosen], number, mapping, present_char
        )
        parts.append(part.rows)
        faults += part.faults
        beaten += part.beaten
        resent = max(resent, part.resent)
    schema = rows_schema(BronzeLoadCurves)
    return Gridded(
        pa.concat_tables(parts) if parts else schema.empty_table(), tuple(faults), resent, tuple(beaten)
    )


def _grid(
    records: LongRecords,
    chosen: IntArray,
    values: FloatArray,
    channel: IntArray,
    day: IntArray,
    slot: IntArray,
    number: int,
    mapping: LongMapping,
    present_char: str,
) -> Gridded:
    """Day curves of one value column."""
    slots, channels = mapping.slots, len(records.channels)
    first_day = int(day.min())
    span = int(day.max()) - first_day + 1
    rank, keys = dense_ranks(
        (records.meter[chosen] * channels + channel) * span + (day - first_day),
        len(records.names) * channels * span,
    )
    cell = rank * slots + slot
    energy = np.full(keys.size * slots, np.nan)
    energy[cell] = values
    sent, line = records.sent[chosen], records.line[chosen]
    winner = np.arange(chosen.size)
    faults: tuple[LineFaults, ...] = ()
    beaten: tuple[BeatenLines, ...] = ()
    counts = np.bincount(cell, minlength=energy.size)
    resent = int(chosen.size - np.count_nonzero(counts))
    flags = None
    if resent:
        flags = np.where(counts > 1, ord(TOLD_AGAIN), ord(present_char)).astype(np.uint8)
        contested = np.flatnonzero(counts[cell] > 1)
        order = contested[np.lexsort((line[contested], sent[contested], cell[contested]))]
        last = np.concatenate((cell[order[1:]] != cell[order[:-1]], [True]))
        group = np.concatenate(([0], np.cumsum(last)[:-1]))
        best = order[last]
        energy[cell[best]] = values[best]
        other = values[order] != values[best][group]
        differs = np.bincount(group, weights=other) > 0
        disputed = differs & (sent[best] == NO_TIME)
        energy[cell[best[disputed]]] = np.nan
        flags[cell[best[disputed]]] = ord(DISPUTED)
        lines = order[disputed[group]]
        if lines.size:
            column = mapping.number_column(number)
            reason = (
                "other lines of the file tell another value for this interval, and none carries a sender's "
                "time"
            )
            faults = (LineFaults(np.sort(chosen[lines]), column, RejectReason.CONFLICTING_VALUES, reason),)
        lost = np.flatnonzero(other & ~disputed[group])
        lost = lost[np.argsort(line[order[lost]], kind="stable")]
        if lost.size:
            beaten = (BeatenLines(number, chosen[order[lost]], chosen[best[group[lost]]]),)
        settled = np.ones(chosen.size, dtype=np.bool_)
        settled[contested] = False
        settled[best[~disputed]] = True
        winner = np.flatnonzero(settled)
    matrix = energy.reshape(keys.size, slots)
    kept = ~np.isnan(matrix).all(axis=1)
    if flags is not None:
        kept |= (flags == ord(DISPUTED)).reshape(keys.size, slots).any(axis=1)
    quality = None
    if records.quality is not None:
        letters = np.full(energy.size, -1, dtype=np.int8)
        letters[cell[winner]] = records.quality[chosen[winner]]
        quality = letters.reshape(keys.size, slots)[kept]
    newest = np.full(keys.size, NO_TIME)
    np.maximum.at(newest, rank, sent)
    rows = _rows(
        records,
        mapping,
        number,
        keys[kept],
        first_day,
        span,
        matrix[kept],
        quality,
        newest[kept],
        _lines(rank, line, keys.size, number)[kept],
    )
    told = None if flags is None else flags.reshape(keys.size, slots)[kept]
    return Gridded(_with_flags(rows, matrix[kept], told, present_char), faults, resent, beaten)


def dense_ranks(key: IntArray, size: int) -> tuple[IntArray, IntArray]:
    """Each key's place among the sorted distinct keys, and those keys; counted instead of sorted where keys
    are dense.
    """
    if size <= max(_DENSE_LIMIT, 4 * key.size):
        present = np.zeros(size, dtype=np.bool_)
        present[key] = True
        return (np.cumsum(present) - 1)[key], np.flatnonzero(present)
    distinct, rank = np.unique(key, return_inverse=True)
    return rank, distinct


def _lines(rank: IntArray, line: IntArray, count: int, number: int) -> IntArray:
    """A line that stands for each row: its first; for further value columns the next ones, so that no two
    rows share one where there are enough.
    """
    found = np.empty(count, dtype=np.int64)
    if number == 0:
        found[rank[::-1]] = line[::-1]
        return found
    order = np.argsort(rank, kind="stable")
    starts = np.searchsorted(rank[order], np.arange(count + 1))
    return np.asarray(line[order[np.minimum(starts[:-1] + number, starts[1:] - 1)]], np.int64)


def _rows(
    records: LongRecords,
    mapping: LongMapping,
    number: int,
    keys: IntArray,
    first_day: int,
    span: int,
    matrix: FloatArray,
    quality: Int8Array | None,
    newest: IntArray,
    line: IntArray,
) -> pa.Table:
    count, slots = matrix.shape
    series, day = keys // span, keys % span + first_day
    dates = pa.chunked_array([pa.array(day.astype(np.int32)).cast(DATE)])
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * slots)
    flat = matrix.reshape(-1)
    codes: pa.Array = pa.nulls(count, pa.list_(STRING))
    if quality is not None:
        places = quality.reshape(-1)
        letters = pa.array(QUALITY_LETTERS, STRING).take(pa.array(places, mask=places < 0))
        codes = pa.ListArray.from_arrays(offsets, letters)
    names = pa.array([mapping.meter_point.prefix + name for name in records.names], STRING)
    return pa.table(
        {
            "meter_point_id": names.take(pa.array(series // len(records.channels))),
            "channel_code": pa.array(records.channels, STRING).take(pa.array(series % len(records.channels))),
            "curve_date": dates,
            "interval_minutes": pa.array(np.full(count, mapping.interval_minutes, np.int32), INTEGER),
            "measure_code": pa.repeat(pa.scalar(mapping.values[number].measure.value, STRING), count),
            "values_unscaled": pa.ListArray.from_arrays(offsets, pa.array(flat, DOUBLE, mask=np.isnan(flat))),
            "present_flags": pa.nulls(count, STRING),
            "sender_quality_codes": codes,
            "curve_month": month_of(dates),
            "line_number": pa.array(line, LONG),
            "sent_at_utc": pa.array(newest, pa.int64(), mask=newest == NO_TIME).cast(TIMESTAMP),
        }
    ).cast(rows_schema(BronzeLoadCurves))


def _with_flags(rows: pa.Table, matrix: FloatArray, told: ByteArray | None, present_char: str) -> pa.Table:
    """Completeness flags of the days of which only a part was delivered, or an interval more than once; any
    other day has none.

    told  (rows x slots) flag of each interval that came; none: no interval came twice.
    """
    missing = np.isnan(matrix)
    part = missing.any(axis=1)
    if told is not None:
        part |= (told != ord(present_char)).any(axis=1)
        missing &= told != ord(DISPUTED)
    if not part.any():
        return rows
    came = ord(present_char) if told is None else told[part]
    letters = np.where(missing[part], ord(NOT_DELIVERED), came).astype(np.uint8)
    texts = pa.Array.from_buffers(
        pa.large_string(),
        int(part.sum()),
        [
            None,
            pa.py_buffer(np.arange(part.sum() + 1, dtype=np.int64) * matrix.shape[1]),
            pa.py_buffer(letters.tobytes()),
        ],
    ).cast(STRING)
    places = np.cumsum(part) - 1
    flags = texts.take(pa.array(places, mask=~part))
    return rows.set_column(
        rows.schema.get_field_index("present_flags"), rows.schema.field("present_flags"), flags
    )
