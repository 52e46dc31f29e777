"""Stamps of senders as instants: zone or offset, either end of an interval, midnight under the day that
ends, the hour that comes twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timezone

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, IntArray
from pipelines.formats.contract import shown
from pipelines.formats.mapped.stamp_keys import (
    Midnight,
    RepeatedHour,
    StampColumn,
    StampPlace,
    TimeColumn,
    zone_of,
)
from pipelines.formats.mapped.written import DAY_MICROS, NO_OFFSET, Written, why_no_stamp, written

_NAIVE = pa.timestamp("us")
_SECOND = 1_000_000

OTHERWISE = "have stamps sent with an offset, or declare repeated_hour: file_order"


@dataclass(frozen=True)
class Placed:
    """Stamps as instants.

    instant  0 where there is none. [us of UTC]
    later    From the first to the second hour of one name, where the stamp may mean both. [us]
    faults   Which stamps cannot be placed, and what is said of them after ``found ...``, by weight.
    dated    Which stamps are days without a time.
    """

    instant: IntArray
    later: IntArray
    faults: tuple[tuple[BoolArray, str], ...]
    dated: BoolArray


@dataclass(frozen=True)
class StampReader:
    """How the stamps of one column are written.

    zone              Zone of stamps without one: an offset such as +08:00, UTC, or a name.
    notation          strptime notation of texts or the name of a serial one; empty: ISO 8601.
    ends_written_day  A wall time of 00:00 closes the day it is written under instead of opening it.
    repeated          How the hour that comes twice is told apart; none: not at all.
    at_end            Stamps name ends of intervals.
    """

    zone: str
    notation: str = ""
    ends_written_day: bool = False
    repeated: RepeatedHour | None = None
    at_end: bool = False

    def read(self, column: pa.ChunkedArray) -> Placed:
        """A column of texts, numbers or typed stamps; raises ValueError where its type holds no stamps."""
        return self.place(written(column, self.notation))

    def place(self, stamps: Written, counted: bool | None = None) -> Placed:
        """Clock times as instants.

        counted  Whether hours count through the local day; none: as declared, or where a day of 25 hours has
                 an hour 25, which no clock shows.
        """
        beyond = stamps.over & (stamps.wall % DAY_MICROS > 0)
        aware = stamps.offset != NO_OFFSET
        wall = np.where(aware, 0, stamps.wall)
        if self.ends_written_day:
            wall = wall + DAY_MICROS * (~aware & ~stamps.over & (wall % DAY_MICROS == 0))
        none = ~stamps.good
        faults = [(none, f"expected one stamp of {self.zone} as {self.notation or 'YYYY-MM-DD HH:MM:SS'}")]
        counted = self.repeated is RepeatedHour.COUNTED if counted is None else counted
        if counted or beyond.any():
            instant, outside = self._counted(wall, stamps.over)
            counted = counted or bool((beyond & stamps.good & ~outside).any())
        if counted:
            later = np.zeros(wall.size, np.int64)
            faults.append((outside & ~aware & ~none, "an hour that its day does not have"))
        else:
            early, late = self.located(wall)
            later = np.where(aware, 0, late - early)
            # An hour that is left out has no length: Arrow names the last moment before it, the first after.
            left_out = (later > 0) & (later < _SECOND)
            twice = later >= _SECOND
            instant, later = early, np.where(twice, later, 0)
            told = f"in {self.zone}, whose clocks change then"
            faults.append((beyond & ~none, "a time beyond 24:00, the end of its day"))
            faults.append((left_out & ~none, f"a local time that does not occur {told}; {self._unless()}"))
            if self.repeated is None:
                faults.append((twice & ~none, f"a local time that occurs twice {told}; {OTHERWISE}"))
        if aware.any():
            instant = np.where(aware, self._of_offsets(stamps), instant)
        return Placed(instant, later, tuple(fault for fault in faults if fault[0].any()), stamps.dated)

    def located(self, wall: IntArray) -> tuple[IntArray, IntArray]:
        """Clock times of the zone as instants, the earlier and the later where there are two. [us]"""
        zone = zone_of(self.zone)
        if isinstance(zone, timezone):
            instant = wall - int(zone.utcoffset(None).total_seconds()) * _SECOND
            return instant, instant
        naive = pa.array(wall).cast(_NAIVE)
        early, late = (
            _numbers(pc.assume_timezone(naive, self.zone, ambiguous=end, nonexistent=end))
            for end in ("earliest", "latest")
        )
        return early, late

    def _unless(self) -> str:
        if self.repeated is RepeatedHour.COUNTED:
            return "have stamps sent with an offset"
        return (
            "have stamps sent with an offset, or, where hours count through the day, repeated_hour: counted"
        )

    def _counted(self, wall: IntArray, over: BoolArray) -> tuple[IntArray, BoolArray]:
        """Hours that count on from the local midnight, and which lie beyond the next one."""
        day = np.floor_divide(wall, DAY_MICROS) - over
        begin, _ = self.located(day * DAY_MICROS)
        end, _ = self.located((day + 1) * DAY_MICROS)
        instant = begin + wall - day * DAY_MICROS
        # 24:00 of a long or a short day is no end of it; only a midnight written as one is.
        closing = ~over & (wall % DAY_MICROS == 0)
        outside = (instant > end) | ((instant == end) & (not self.at_end))
        return np.where(closing, begin, instant), outside & ~closing

    def _of_offsets(self, stamps: Written) -> IntArray:
        """Instants of stamps that carry an offset; a midnight is one of the mapping's zone."""
        aware = stamps.offset != NO_OFFSET
        instant = np.where(aware, stamps.wall - stamps.offset, 0)
        if not self.ends_written_day:
            return instant
        zone = zone_of(self.zone)
        if isinstance(zone, timezone):
            local = instant + int(zone.utcoffset(None).total_seconds()) * _SECOND
        else:
            local = _numbers(pc.local_timestamp(pa.array(instant).cast(pa.timestamp("us", tz=self.zone))))
        closing = aware & ~stamps.over & (local % DAY_MICROS == 0)
        return np.where(closing, self.located(local + DAY_MICROS)[0], instant)


def faults_told(placed: Placed, texts: pa.ChunkedArray) -> Iterator[tuple[int, str]]:
    """Each stamp that cannot be placed and has a text, once, with the reason."""
    told = np.zeros(placed.instant.size, np.bool_)
    for bad, words in placed.faults:
        places = np.flatnonzero(bad & ~told)
        for place, text in zip(places.tolist(), texts.take(pa.array(places)).to_pylist(), strict=True):
            if text is not None:
                hint = why_no_stamp(str(text))
                yield (
                    place,
                    f"found {shown(str(text))}, {words}" + (f"; it looks like {hint}" if hint else ""),
                )
        told |= bad


def stamp_reader(stamp: StampColumn) -> StampReader:
    """The reader of a mapping's stamps."""
    return StampReader(
        stamp.zone,
        stamp.format,
        stamp.midnight is Midnight.SAME_DAY,
        stamp.repeated_hour,
        stamp.place is StampPlace.INTERVAL_END,
    )


def time_reader(column: TimeColumn) -> StampReader:
    """The reader of the times that a sender put in the rows."""
    return StampReader(column.zone, column.format)


def day_micros(stamp: StampColumn) -> int:
    """What is added to UTC so that days begin at multiples of a day. [us]"""
    return int(stamp.day_shift.total_seconds()) * _SECOND


def full_ends(instant: IntArray, stamp: StampColumn, length: int) -> tuple[IntArray, int]:
    """Ends of intervals that are written as their last second, such as 00:14:59, as the full minute, and how
    many were so.

    length  Of an interval. [us]
    """
    if stamp.place is not StampPlace.INTERVAL_END:
        return instant, 0
    short = length - (instant + day_micros(stamp)) % length
    last = short <= _SECOND
    count = int(np.count_nonzero(last))
    return (instant + np.where(last, short, 0), count) if count else (instant, 0)


def _numbers(column: pa.ChunkedArray | pa.Array) -> IntArray:
    return np.asarray(pc.fill_null(column.cast(pa.int64()), 0).to_numpy(), np.int64)
