"""The row in force on a day: the vectorised and the scalar form answer the same, edges included."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipelines.periods import EPOCH
from pipelines.transforms.ground.in_force import (
    histories,
    holds_in,
    newest_rows,
    places_in_force,
    row_in_force,
    row_on,
    row_or_first_on,
    spans_of,
)

DAY = timedelta(days=1)
FIRST, SECOND, ENDED = date(2026, 3, 1), date(2026, 3, 15), date(2026, 4, 30)
HISTORY: list[dict[str, Any]] = [
    {"name": "b", "valid_from_date": FIRST, "ended_date": None},
    {"name": "b", "valid_from_date": SECOND, "ended_date": ENDED},
]
ELSE: list[dict[str, Any]] = [
    {"name": "a", "valid_from_date": date(9999, 12, 31), "ended_date": None},
    {"name": "c", "valid_from_date": date(1, 1, 1), "ended_date": None},
]
CASES = [
    (date(1, 1, 1), None),
    (FIRST - DAY, None),
    (FIRST, 0),
    (SECOND - DAY, 0),
    (SECOND, 1),
    (ENDED, 1),
    (ENDED + DAY, None),
    (date(9999, 12, 31), None),
]


def number(day: date) -> int:
    return (day - EPOCH).days


@pytest.mark.parametrize(("day", "place"), CASES)
def test_both_forms_give_the_row_of_the_day(day: date, place: int | None) -> None:
    rows = [ELSE[0], HISTORY[1], ELSE[1], HISTORY[0]]
    of_row = np.array(["abc".index(row["name"]) for row in rows])
    begins = np.array([number(row["valid_from_date"]) for row in rows])
    ends = np.array([number(row["ended_date"] or date(9999, 12, 31)) for row in rows])
    (found,) = places_in_force(np.array([1]), np.array([number(day)]), of_row, begins, ends).tolist()
    wanted = None if place is None else HISTORY[place]
    assert (None if found < 0 else rows[found]) is wanted
    assert row_on(HISTORY, day, "ended_date") is wanted


def test_without_a_last_day_the_newest_row_holds_on() -> None:
    assert row_on(HISTORY, date(9999, 12, 31)) is HISTORY[1]
    subjects, days = np.array([1, 1]), np.array([number(ENDED + DAY), number(FIRST - DAY)])
    begins = np.array([number(FIRST), number(SECOND)])
    assert places_in_force(subjects, days, np.array([1, 1]), begins).tolist() == [1, -1]


def test_only_who_asks_for_it_gets_the_first_row_before_it_begins() -> None:
    assert row_or_first_on(HISTORY, FIRST - DAY) is HISTORY[0]
    assert row_or_first_on(HISTORY, SECOND) is HISTORY[1]
    assert row_or_first_on([], FIRST) is None


def test_on_arrow_unknown_and_empty_subjects_find_nothing() -> None:
    history = pa.chunked_array([["b", None, "b"]]), pa.chunked_array([pa.array([SECOND, FIRST, FIRST])])
    asked = pa.chunked_array([["b", "a", None, "b"]])
    days = pa.chunked_array([pa.array([SECOND, SECOND, SECOND, FIRST])])
    assert row_in_force(asked, days, *history).to_pylist() == [0, None, None, 2]
    nothing = pa.chunked_array([], pa.string()), pa.chunked_array([], pa.date32())
    assert row_in_force(asked, days, *nothing).to_pylist() == [None] * 4


def test_spans_cover_a_month_once_and_end_with_the_row() -> None:
    begin, end = date(2026, 3, 10), date(2026, 5, 31)
    assert [(row["valid_from_date"], *days) for row, *days in spans_of(HISTORY, begin, end)] == [
        (FIRST, begin, SECOND - DAY),
        (SECOND, SECOND, end),
    ]
    assert [days for _, *days in spans_of(HISTORY, begin, end, "ended_date")][-1] == [SECOND, ENDED]
    assert spans_of(HISTORY, ENDED + DAY, end, "ended_date") == []
    assert spans_of(HISTORY, date(2026, 1, 1), FIRST - DAY) == []


def test_a_row_holds_in_a_span_that_touches_its_first_or_last_day() -> None:
    row = {"valid_from_date": FIRST, "valid_to_date": SECOND, "ended_date": None}
    assert holds_in(row, date(2026, 1, 1), FIRST)
    assert holds_in(row, SECOND, SECOND)
    assert not holds_in(row, SECOND + DAY, ENDED)
    assert not holds_in(row, date(2026, 1, 1), FIRST - DAY)
    ended = row | {"ended_date": FIRST}
    assert holds_in(ended, SECOND, SECOND)
    assert not holds_in(ended, SECOND, SECOND, ("valid_to_date", "ended_date"))


def test_histories_are_in_the_order_of_their_days_and_the_newest_row_begins_last() -> None:
    rows = [HISTORY[1], *ELSE, HISTORY[0]]
    assert histories(rows, _name)["b"] == HISTORY
    assert newest_rows(rows, _name) == {"a": ELSE[0], "b": HISTORY[1], "c": ELSE[1]}


def _name(row: dict[str, Any]) -> str:
    return str(row["name"])
