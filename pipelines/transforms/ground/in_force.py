"""Which row of a history holds on a day.

The rule, stated once: a row holds from its first day to its last, both inclusive. Without a last day of its
own it holds until the day before the next row of its subject begins; a row that has ended is not replaced by
the one before it. Before the first row none holds, unless the caller asks for the first one then.

``places_in_force`` and ``row_in_force`` ask many days at once, ``row_on`` one day, ``spans_of`` a span.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import IntArray
from pipelines.transforms.ground.local_days import DAY_SPAN

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Row = TypeVar("Row", bound=Mapping[str, Any])
Subject = TypeVar("Subject", bound=str | None)
FIRST_DAY, LAST_DAY = "valid_from_date", "valid_to_date"
_DAY = timedelta(days=1)


def places_in_force(
    subject: IntArray, day: IntArray, of_row: IntArray, begins: IntArray, ends: IntArray | None = None
) -> IntArray:
    """Place of the row that holds for each subject on its day, -1 where there is none.

    subject, day  What is asked, one by one; subjects are numbers, days count from 1970-01-01.
    of_row        (rows) subject of each row, rows in any order; below 0 it belongs to nobody.
    begins, ends  (rows) first and last day; without ``ends`` each row holds until the next one begins.
    """
    if not of_row.size:
        return np.full(day.size, -1, dtype=np.int64)
    packed = of_row * DAY_SPAN + begins
    order = np.argsort(packed, kind="stable")
    found = np.searchsorted(packed[order], subject * DAY_SPAN + day, side="right") - 1
    place = order[np.maximum(found, 0)]
    holds = (found >= 0) & (subject >= 0) & (of_row[place] == subject)
    if ends is not None:
        holds &= day <= ends[place]
    return np.where(holds, place, -1)


def row_in_force(
    subject: pa.ChunkedArray,
    day: pa.ChunkedArray,
    history_subject: pa.ChunkedArray,
    history_from: pa.ChunkedArray,
) -> pa.Array:
    """``places_in_force`` on Arrow: index of the history row that holds for each subject; null where there is
    none.

    subject, day                   What is asked, row by row.
    history_subject, history_from  The history; each row holds until the day before the subject's next one.
    """
    names = pc.unique(history_subject)
    place = places_in_force(
        _numbers(subject, names),
        day.cast(pa.int32()).to_numpy().astype(np.int64),
        _numbers(history_subject, names),
        history_from.cast(pa.int32()).to_numpy().astype(np.int64),
    )
    return pa.array(place, pa.int64(), mask=place < 0)


def histories(rows: Iterable[Row], subject: Callable[[Row], Subject]) -> dict[Subject, list[Row]]:
    """Rows by what they tell of, each in the order of their first days.

    subject  The name in a row that tells it.
    """
    found: dict[Subject, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (str(subject(row)), _first_day(row))):
        found[subject(row)].append(row)
    return dict(found)


def newest_rows(rows: Iterable[Row], subject: Callable[[Row], Subject]) -> dict[Subject, Row]:
    """Of all that the rows tell of the row that begins last."""
    return {name: history[-1] for name, history in histories(rows, subject).items()}


def row_on(history: Sequence[Row], day: date, ended: str | None = None) -> Row | None:
    """The row of a history in order that holds on a day; None where there is none.

    ended  Column with a last day of its own; null there: none.
    """
    place = bisect_right(history, day, key=_first_day) - 1
    if place < 0:
        return None
    row = history[place]
    last = None if ended is None else row[ended]
    return row if last is None or day <= last else None


def row_or_first_on(history: Sequence[Row], day: date) -> Row | None:
    """The same, but the first row also stands for the days before it; None for an empty history."""
    return row_on(history, day) or (history[0] if history else None)


def spans_of(
    history: Sequence[Row], first: date, last: date, ended: str | None = None
) -> list[tuple[Row, date, date]]:
    """The rows of a history in order that hold on a day of a span, each with its first and last day in it."""
    found = []
    for place, row in enumerate(history):
        ends = [last]
        if place + 1 < len(history):
            ends.append(_first_day(history[place + 1]) - _DAY)
        if ended is not None and row[ended] is not None:
            ends.append(row[ended])
        begin, end = max(_first_day(row), first), min(ends)
        if begin <= end:
            found.append((row, begin, end))
    return found


def holds_in(row: Mapping[str, Any], first: date, last: date, ends: Sequence[str] = (LAST_DAY,)) -> bool:
    """Whether one row holds on a day of a span, by its own columns alone.

    ends  Columns with a last day; null, or no such column: none.
    """
    last_days = [day for name in ends if (day := row.get(name)) is not None]
    return bool(max(row[FIRST_DAY], first) <= min([last, *last_days]))


def frame_on(frame: DataFrame, day: date) -> DataFrame:
    """The rows of silver_customers or silver_meter_points that hold on a day."""
    from pyspark.sql import functions as F

    last = F.col(LAST_DAY)
    return frame.where((F.col(FIRST_DAY) <= F.lit(day)) & (last.isNull() | (last >= F.lit(day))))


def _numbers(column: pa.ChunkedArray, names: pa.Array) -> IntArray:
    """Place of each name, -1 for one that is null or not among them."""
    place = pc.index_in(column.cast(names.type), value_set=names.drop_null())
    return np.asarray(pc.fill_null(place, -1).to_numpy().astype(np.int64))


def _first_day(row: Mapping[str, Any]) -> date:
    day: date = row[FIRST_DAY]
    return day
