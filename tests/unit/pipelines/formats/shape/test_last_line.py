"""A last line without a line end: told always, held back where it is shorter than every other."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from pipelines.formats.shape.last_line import CUT_REASON
from tests.unit.pipelines.formats.mapped_lines import mapping, read

FIRST = datetime(2026, 9, 1)  # noqa: DTZ001 - a sender's local time


def text(last: str, count: int = 20, end: str = "") -> str:
    rows = [f"A,{FIRST + timedelta(minutes=30 * place)},10.{place % 7}00" for place in range(count)]
    return "\n".join(["meter,ts,kwh", *rows, f"A,{FIRST + timedelta(minutes=30 * count)},{last}"]) + end


def test_a_line_cut_inside_its_number_is_held_back_and_told() -> None:
    result = read(text("1"), mapping())
    assert result.rejects.to_pylist() == [
        {
            "line_number": 22,
            "column_name": "kwh",
            "reason_code": "cut_short",
            "reason": CUT_REASON,
            "raw_record": "A,2026-09-01 10:00:00,1",
        }
    ]
    assert result.warnings == (f"line 22: {CUT_REASON}; it is held back",)
    assert result.set_apart == 0


def test_a_whole_line_without_its_end_stands_with_a_remark() -> None:
    result = read(text("10.240"), mapping())
    assert result.rejects.num_rows == 0
    assert result.warnings == ("line 22: the last line has no line end: it may be cut",)


@pytest.mark.parametrize(("last", "count", "end"), [("1", 20, "\n"), ("1", 20, "\r\n"), ("1", 7, "")])
def test_a_short_line_with_its_end_or_among_few_stands(last: str, count: int, end: str) -> None:
    assert read(text(last, count, end), mapping()).rejects.num_rows == 0
