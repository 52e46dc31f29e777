"""Green Button (NAESB ESPI, XML): energies of intervals by usage point, as the file says what it counts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, IntArray
from pipelines.codes import Channel, RejectReason
from pipelines.errors import InputRefusedError
from pipelines.formats.contract import (
    SNIFF_SHARE,
    FormatSettings,
    ReadResult,
    RefusalReason,
    Rejects,
    rows_schema,
    shown,
)
from pipelines.formats.documents.espi import Readings, ReadingType, is_green_button, read_espi
from pipelines.formats.documents.espi_table import POWERS, WATT_HOURS, as_parquet, readings_table
from pipelines.formats.long_form import LongForm
from pipelines.formats.mapping import LongMapping
from pipelines.periods import DAY_MINUTES
from pipelines.tables.base import Table
from pipelines.tables.bronze import BronzeLoadCurves

METER_POINT_PREFIX = "GB-"
CHANNEL_OF_DIRECTION = {"1": Channel.ACTIVE_FORWARD.value, "19": Channel.ACTIVE_REVERSE.value}
LETTER_OF_QUALITY = {
    **dict.fromkeys(("0", "14", "17", "18", "19"), "A"),
    "7": "S",
    **dict.fromkeys(("8", "9", "10", "11", "12", "13", "15", "16"), "E"),
}
"""Valid, raw, validated, verified and revenue quality are measured; edited by hand is substituted; estimated,
questionable, derived, projected, mixed, normalised and other are no plain measurement.
"""
_OF_INTERVAL = frozenset({"", "4"})


class GreenButton:
    """Reader of Green Button files; energies in kWh, one row per usage point, direction and day. The line
    number is that of the IntervalReading, from 1.
    """

    id = "green_button"
    title = "Green Button (ESPI, XML)"
    table: type[Table] = BronzeLoadCurves

    def sniff(self, name: str, head: bytes, share: float = SNIFF_SHARE) -> bool:
        """Whether the file is XML of ESPI."""
        return is_green_button(head)

    def read(self, content: bytes, name: str, settings: FormatSettings) -> ReadResult:
        """Reads a whole file.

        Raises InputRefusedError: bad_structure, truncated, too_many_records, no_records; wrong_type where
        nothing in it says that it is energy of intervals in one direction.
        """
        readings = read_espi(content, name, settings)
        warnings, usable = _usable(readings, name)
        notes, set_apart = tuple[str, ...](), 0
        lines = np.flatnonzero(usable) + 1
        table = readings_table(readings).take(pa.array(lines - 1))
        offset = _offset(readings)
        minutes, faults = _minutes(table, offset)
        rejects = Rejects()
        for place, (column, reason) in faults.items():
            raw = str(table.slice(place, 1).to_pylist()[0])
            rejects.add(int(lines[place]), column, RejectReason.BAD_STRUCTURE, reason, raw)
        rows, held, superseded = [rows_schema(self.table).empty_table()], [rejects.table()], list[pa.Table]()
        for length in np.unique(minutes[minutes > 0]).tolist():
            mine = np.flatnonzero(minutes == length)
            part = LongForm(_mapping(offset, table, length)).read(
                as_parquet(table.take(pa.array(mine))), name, settings
            )
            rows.append(_renumbered(part.rows, lines[mine]))
            held.append(_renumbered(part.rejects, lines[mine]))
            superseded.append(_renumbered(part.superseded, lines[mine]))
            notes += part.notes[:-1]
            warnings += part.warnings
            set_apart += part.set_apart
        found, refused = pa.concat_tables(rows), pa.concat_tables(held).sort_by("line_number")
        beaten = pa.concat_tables([rejects.table().slice(0, 0), *superseded])
        return ReadResult(
            found,
            refused,
            found.num_rows + refused.num_rows,
            notes,
            int(lines.size),
            beaten,
            warnings,
            set_apart,
        )


def _usable(readings: Readings, name: str) -> tuple[tuple[str, ...], BoolArray]:
    """Warnings of the blocks that are left out, and (readings) which can be used."""
    reasons = [_why_not(told, point) for told, point in zip(readings.types, readings.points, strict=True)]
    of_block = np.array([not reason for reason in reasons], np.bool_)
    usable = of_block[np.array(readings.block)]
    if not usable.any():
        raise InputRefusedError(
            name,
            RefusalReason.WRONG_TYPE,
            f"Green Button: {reasons[readings.block[0]]}; where you know it, declare it in a mapping whose "
            "`files` name the file (docs/formats/green_button.md)",
        )
    count = Counter(reasons[block] for block in readings.block)
    return tuple(
        f"{count[reason]} readings are left out: {reason}" for reason in sorted(count) if reason
    ), usable


def _why_not(told: ReadingType | None, point: str) -> str:
    """Why the readings of a block cannot be used; empty where they can."""
    if told is None or not told.unit:
        return "no ReadingType tells the unit (uom) of its readings"
    if told.unit != WATT_HOURS:
        return f"they count in uom {told.unit}, expected 72 (watt-hours)"
    if told.kind not in _OF_INTERVAL:
        return f"accumulationBehaviour {told.kind} is no energy of intervals, expected 4"
    if told.direction not in CHANNEL_OF_DIRECTION:
        found = f"flowDirection {told.direction}" if told.direction else "no flowDirection"
        return f"{found} tells neither what is taken (1) nor what is given (19)"
    if told.power not in POWERS:
        return f"powerOfTenMultiplier {shown(told.power)} is none"
    return "" if point else "no link tells their usage point"


def _offset(readings: Readings) -> int:
    """From UTC to the clock in which days are cut. [s]"""
    return int(readings.offset) if readings.offset.lstrip("-").isdecimal() else 0


def _minutes(table: pa.Table, offset: int) -> tuple[IntArray, dict[int, tuple[str, str]]]:
    """(readings) length of the interval, 0 where the reading cannot be used, and why not. [min]

    A day of a series has the length that most of its readings have, the shorter of two; those of another
    stand beside them, such as the sum of the day. From one day to the next a series may change it.
    """
    seconds = pc.fill_null(table["duration"], 0).to_numpy()
    minutes = np.where((seconds > 0) & (seconds % 60 == 0), seconds // 60, 0)
    minutes = np.where((minutes > 0) & (minutes <= DAY_MINUTES), minutes, 0)
    minutes = np.where(DAY_MINUTES % np.maximum(minutes, 1) == 0, minutes, 0)
    faults = {
        int(place): ("duration", f"found {seconds[place]} seconds, expected whole minutes that divide a day")
        for place in np.flatnonzero(minutes == 0)
    }
    for column, what in (("start", "a time in seconds since 1970"), ("value", "a whole number")):
        for place in np.flatnonzero(pc.is_null(table[column]).to_numpy() & (minutes > 0)).tolist():
            faults[place] = (column, f"found no number, expected {what}")
            minutes[place] = 0
    names = pc.binary_join_element_wise(table["usage_point"], table["flow_direction"], " ")
    series = pc.index_in(names, value_set=pc.unique(names)).to_numpy().astype(np.int64)
    starts = pc.fill_null(table["start"].cast(pa.int64()), 0).to_numpy()
    good = np.flatnonzero(minutes > 0)
    day = np.stack((series[good], (starts[good] + offset) // 86_400))
    _, of_day = np.unique(day, axis=1, return_inverse=True)
    pairs, pair, count = np.unique(
        np.stack((of_day.reshape(-1), minutes[good])), axis=1, return_inverse=True, return_counts=True
    )
    best = np.lexsort((pairs[1], -count, pairs[0]))
    usual = pairs[1][best[np.flatnonzero(np.diff(pairs[0][best], prepend=-1))]]
    for at in np.flatnonzero((pairs[1] != usual[pairs[0]])[pair.reshape(-1)]).tolist():
        place, length = int(good[at]), int(usual[of_day.reshape(-1)[at]])
        faults[place] = ("duration", f"found {minutes[place]} minutes on a day of {length} minutes")
        minutes[place] = 0
    return minutes, faults


def _mapping(seconds: int, table: pa.Table, minutes: int) -> LongMapping:
    """What the columns of a file mean, as the file says.

    seconds  From UTC to the clock in which days are cut.
    """
    hours, rest = divmod(abs(seconds) // 60, 60)
    declared: dict[str, Any] = {
        "id": GreenButton.id,
        "interval_minutes": minutes,
        "meter_point": {"column": "usage_point", "prefix": METER_POINT_PREFIX},
        "stamp": {
            "column": "start",
            "place": "interval_start",
            "zone": "UTC",
            "day_offset": f"{'-' if seconds < 0 else '+'}{hours:02d}:{rest:02d}",
        },
        "values": [{"column": "value", "unit": "Wh"}],
        "channel": {"column": "flow_direction", "codes": CHANNEL_OF_DIRECTION},
    }
    if table["quality"].null_count < table.num_rows:
        declared["quality"] = {"column": "quality", "codes": LETTER_OF_QUALITY}
    return LongMapping.model_validate(declared)


def _renumbered(part: pa.Table, lines: IntArray) -> pa.Table:
    """A table whose line numbers are places in ``lines``, counted from 1, with the lines themselves."""
    at = part.schema.get_field_index("line_number")
    numbers = lines[part["line_number"].to_numpy() - 1]
    return part.set_column(at, part.schema.field(at), pa.array(numbers, pa.int64()))
