"""Stamps of senders as instants: zone or offset, either end of an interval, midnight under the day that
ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, IntArray
from pipelines.formats.mapping import Midnight, StampColumn, TimeColumn, offset_of, zone_of
from pipelines.tables.base import TIMESTAMP

DAY_MICROS = 86_400_000_000
_NAIVE = pa.timestamp("us")


class ClockChangeError(ValueError):
    """A local time that the clocks of a zone show twice or never."""


OTHERWISE = "declare the zone as an offset such as +10:00, or have stamps sent with one"


@dataclass(frozen=True)
class StampReader:
    """How the stamps of one column are written.

    zone              Zone of stamps without one: an offset such as +08:00, UTC, or a name.
    notation          strptime notation of texts; empty: ISO 8601.
    ends_written_day  A wall time of 00:00 closes the day it is written under instead of opening it.
    """

    zone: str
    notation: str = ""
    ends_written_day: bool = False

    def text(self, text: str) -> datetime:
        """One stamp as an instant in UTC; raises ValueError where it is none, a ClockChangeError where it is
        one of two (autumn) or never was (spring).
        """
        found = datetime.strptime(text, self.notation) if self.notation else datetime.fromisoformat(text)  # noqa: DTZ007 - localised below
        if found.tzinfo is None:
            if self.ends_written_day and found.time() == time(0):
                found += timedelta(days=1)
            zone = zone_of(self.zone)
            early, late = (found.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
            if early != late:
                told = "occurs twice" if early < late else "does not occur"
                raise ClockChangeError(
                    f"a local time that {told} in {self.zone}, whose clocks change then; {OTHERWISE}"
                )
            return early
        return found.astimezone(UTC)

    def texts(self, column: pa.ChunkedArray) -> pa.ChunkedArray | None:
        """Texts as instants; None where any is no stamp. Whole columns of ISO stamps at once, other notations
        once per distinct text.
        """
        if not self.notation and column.null_count == 0:
            try:
                micros, bad = self.instants(column.cast(_NAIVE))
                return None if bad.any() else pa.chunked_array([pa.array(micros).cast(TIMESTAMP)])
            except pa.ArrowException:
                pass
        encoded = column.combine_chunks().dictionary_encode()
        try:
            parsed = [None if text is None else self.text(text) for text in encoded.dictionary.to_pylist()]
            return pa.chunked_array([pc.take(pa.array(parsed, TIMESTAMP), encoded.indices)])
        except (ValueError, OverflowError):
            return None

    def instants(self, column: pa.ChunkedArray) -> tuple[IntArray, BoolArray]:
        """Timestamps as microseconds of UTC, and which cannot be placed (clock change); nulls are 0 and not
        counted as such.
        """
        if column.type.tz is not None:
            return _numbers(column.cast(TIMESTAMP)), np.zeros(len(column), np.bool_)
        wall = _numbers(column.cast(_NAIVE))
        if self.ends_written_day:
            wall = wall + DAY_MICROS * (wall % DAY_MICROS == 0)
        zone = zone_of(self.zone)
        if isinstance(zone, timezone):
            return wall - int(zone.utcoffset(None).total_seconds()) * 1_000_000, np.zeros(wall.size, np.bool_)
        naive = pa.array(wall).cast(_NAIVE)
        early, late = (
            _numbers(pc.assume_timezone(naive, self.zone, ambiguous=end, nonexistent=end))
            for end in ("earliest", "latest")
        )
        return early, np.asarray(early != late, np.bool_)


def stamp_reader(stamp: StampColumn) -> StampReader:
    """The reader of a mapping's stamps."""
    return StampReader(stamp.zone, stamp.format, stamp.midnight is Midnight.SAME_DAY)


def time_reader(column: TimeColumn) -> StampReader:
    """The reader of the times that a sender put in the rows."""
    return StampReader(column.zone, column.format)


def day_micros(stamp: StampColumn) -> int:
    """What is added to UTC so that days begin at multiples of a day. [us]"""
    return int(stamp.day_shift.total_seconds()) * 1_000_000


def _numbers(column: pa.ChunkedArray | pa.Array) -> IntArray:
    return np.asarray(pc.fill_null(column.cast(pa.int64()), 0).to_numpy(), np.int64)


__all__ = ["DAY_MICROS", "StampReader", "day_micros", "offset_of", "stamp_reader", "time_reader"]
