"""Wide files, one row per meter point and day with a column for each interval: which column is which, and
their rows as those of a long file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from pipelines.arrays import FloatArray, IntArray
from pipelines.formats.mapped.stamp_keys import StampPlace
from pipelines.formats.mapped.written import DAY_MICROS, NO_OFFSET, Written
from pipelines.periods import DAY_MINUTES
from pipelines.settings import FrozenSettings

TIMES = "times"
_LEAST_TIMES, _LEAST_NUMBERS = 12, 24
_CLOCK = re.compile(
    r"\D{0,4}?(\d{1,2})(?:[:：时点](\d{2})分?(?::00)?)(?:\s*[-~–—至到]\s*(\d{1,2})[:：时点](\d{2})分?(?::00)?)?"
)
_NUMBERED = re.compile(r"(.*?)(\d{1,3})", re.DOTALL)
_SPAN = "first..last, such as P1..P96, 00:15..24:00 or 3..98"


class WideDays(FrozenSettings):
    """One row per day, one column per interval."""

    date: str = Field(min_length=1, description="Column of the day; its notation is `format` of `stamp`.")
    columns: str | tuple[str, ...] = Field(
        default=TIMES,
        description=(
            "The columns of the intervals: times (all whose names are times of day), first..last such as "
            "P1..P96, 00:15..24:00 or, counted from 1, 3..98; or a list of names in the order of the day."
        ),
    )

    @field_validator("columns")
    @classmethod
    def _known(cls, columns: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if isinstance(columns, str) and columns != TIMES:
            ends = columns.split("..")
            if len(ends) != 2 or not all(end.strip() for end in ends):
                raise ValueError(f"{columns!r} is none of: {TIMES}, {_SPAN}, a list of names")
        elif len(set(columns)) < len(columns) and not isinstance(columns, str):
            raise ValueError("a column stands twice in the list")
        return columns


@dataclass(frozen=True)
class IntervalColumns:
    """The columns of the intervals of a day.

    places   Place of each in the header, from 0.
    minutes  From the local midnight to the stamp of each.
    counted  Whether they count on from midnight, so that a long day has more; else they are clock times.
    """

    places: tuple[int, ...]
    minutes: IntArray
    counted: bool


def interval_columns(
    wide: WideDays, names: Sequence[str], place: StampPlace, interval_minutes: int
) -> IntervalColumns:
    """The interval columns of a file with these names; raises ValueError where they are not a day's."""
    slots = DAY_MINUTES // interval_minutes
    first, last = (
        wide.columns.split("..") if isinstance(wide.columns, str) and ".." in wide.columns else ("", "")
    )
    first, last = first.strip(), last.strip()
    if wide.columns == TIMES or (time_of(first, place) is not None and time_of(last, place) is not None):
        times = {
            index: time for index, name in enumerate(names) if (time := time_of(name, place)) is not None
        }
        if first:
            times = {index: time for index, time in times.items() if _between(names, index, first, last)}
        if place is StampPlace.INTERVAL_END and len(times) > 1 and times[max(times)] == 0:
            times[max(times)] = DAY_MINUTES  # 00:00 behind 23:45 closes the day of its row
        ordered = sorted(times, key=times.__getitem__)
        minutes = np.array([times[index] for index in ordered], np.int64)
        if len(ordered) < slots or (np.diff(minutes) != interval_minutes).any():
            raise ValueError(
                f"{len(ordered)} columns are named by times of day, expected {slots}, one every "
                f"{interval_minutes} minutes"
            )
        found, counted = tuple(ordered), False
    else:
        found, counted = _in_order(wide.columns, first, last, names), True
        begin = interval_minutes if place is StampPlace.INTERVAL_END else 0
        minutes = begin + np.arange(len(found), dtype=np.int64) * interval_minutes
    longest = slots + 60 // min(interval_minutes, 60)
    if not slots <= len(found) <= longest:
        raise ValueError(
            f"there are {len(found)} columns of intervals, expected {slots} of {interval_minutes} minutes"
        )
    return IntervalColumns(found, minutes, counted)


def _between(names: Sequence[str], index: int, first: str, last: str) -> bool:
    if first not in names or last not in names:
        raise ValueError(f"the columns {first} and {last} are not both there")
    return names.index(first) <= index <= names.index(last)


def _in_order(columns: str | tuple[str, ...], first: str, last: str, names: Sequence[str]) -> tuple[int, ...]:
    """Places of the columns of a list, of two numbered names and those between, or of a span of places."""
    if not isinstance(columns, str):
        wanted = list(columns)
    else:
        begin, end = _NUMBERED.fullmatch(first), _NUMBERED.fullmatch(last)
        if begin is None or end is None or begin[1] != end[1] or int(begin[2]) > int(end[2]):
            raise ValueError(f"{columns!r} names no span of columns; expected {_SPAN}")
        numbers = range(int(begin[2]), int(end[2]) + 1)
        wanted = [f"{begin[1]}{number:0{len(begin[2])}d}" for number in numbers]
        if not begin[1] and not {first, last} <= set(names):
            if numbers[0] < 1 or numbers[-1] > len(names):
                raise ValueError(f"there is no column {numbers[-1]}; the file has {len(names)}")
            return tuple(number - 1 for number in numbers)
    missing = [name for name in wanted if name not in names]
    if missing:
        raise ValueError(f"the column {missing[0]} is missing ({len(missing)} of {len(wanted)} are)")
    twice = [name for name in wanted if names.count(name) > 1]
    if twice:
        raise ValueError(f"the column {twice[0]} stands twice")
    return tuple(names.index(name) for name in wanted)


def time_of(name: str, place: StampPlace) -> int | None:
    """Minutes from midnight of a column's name such as 00:15, 0时15分 or 00:00-00:15 (of which the end counts
    that the stamps name); None where it is no time of day.
    """
    match = _CLOCK.fullmatch(name.strip())
    if match is None:
        return None
    end = match[3] is not None and place is StampPlace.INTERVAL_END
    hour, minute = (int(part) for part in (match.group(3, 4) if end else match.group(1, 2)))
    minutes = hour * 60 + minute
    if match[3] is not None and end and minutes == 0:
        minutes = DAY_MINUTES
    return minutes if minute < 60 and minutes <= DAY_MINUTES + 60 else None


def looks_wide(names: Sequence[str]) -> bool:
    """Whether a header has a column for each interval of the day, named by times or numbered."""
    stems = Counter(match[1] for name in names if (match := _NUMBERED.fullmatch(name)) is not None)
    if any(count >= _LEAST_NUMBERS for count in stems.values()):
        return True
    return sum(time_of(name, StampPlace.INTERVAL_START) is not None for name in names) >= _LEAST_TIMES


def melted(keys: pa.Table, values: FloatArray, row: IntArray, numbers: str) -> pa.Table:
    """Rows of a wide table as those of a long one: the cells that hold a number.

    keys     What each row tells beside its numbers.
    values   The cells that hold a number; row the row of each.
    numbers  Name of the column of numbers.
    """
    return keys.take(pa.array(row)).append_column(numbers, pa.array(values))


def cells_of(table: pa.Table, names: Sequence[str]) -> tuple[FloatArray, IntArray, IntArray]:
    """The cells that hold a number, row by row: the numbers, and row and column of each."""
    matrix = np.column_stack(
        [np.asarray(pc.fill_null(table[name], np.nan).to_numpy(), np.float64) for name in names]
    )
    row, column = np.nonzero(~np.isnan(matrix))
    return matrix[row, column], row.astype(np.int64), column.astype(np.int64)


def stamps_of(days: Written, columns: IntervalColumns, row: IntArray, column: IntArray) -> Written:
    """The stamps of cells as written: the day of the row at the time of the column."""
    minutes = columns.minutes[column]
    nothing = np.zeros(row.size, np.bool_)
    day = np.floor_divide(days.wall[row], DAY_MICROS) * DAY_MICROS
    return Written(
        day + minutes * 60_000_000,
        np.full(row.size, NO_OFFSET),
        minutes >= DAY_MINUTES,
        nothing,
        days.good[row],
    )
