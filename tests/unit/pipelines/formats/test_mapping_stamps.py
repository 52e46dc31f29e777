"""Stamps as people write them: two columns, 24:00, days without a time, numbers, last seconds, the hour that
comes twice.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from pipelines.errors import InputRefusedError
from tests.unit.pipelines.formats.mapped_lines import as_parquet, lines, mapping, read, stamped, told

END, SAME_DAY = {"place": "interval_end"}, {"place": "interval_end", "midnight": "same_day"}
MADRID = {"zone": "Europe/Madrid", "day_offset": "+01:00"}


def slots(result: Any) -> dict[tuple[date, int], float]:
    return {(day, slot): value for (_, _, day), some in told(result).items() for slot, value in some.items()}


@pytest.mark.parametrize(
    ("changes", "stamp", "day", "slot"),
    [
        (END, "2026-09-01 24:00", 1, 47),
        (END, "2026-09-01T24:00:00", 1, 47),
        (END, "2026-09-01T24:00:00+08:00", 1, 47),
        (SAME_DAY, "2026-09-01 24:00", 1, 47),
        ({}, "2026-09-01 24:00", 2, 0),
        (END | {"format": "%d/%m/%Y %H:%M"}, "1/9/2026 24:00", 1, 47),
        (END | {"format": "%Y%m%d%H%M"}, "202609012400", 1, 47),
        (END | {"format": "%d %b %Y %H:%M"}, "01 Sep 2026 24:00", 1, 47),
        ({"format": "%d/%m/%Y %H:%M:%S"}, "01/09/2026", 1, 0),
        (END | {"format": "%d/%m/%Y %H:%M:%S"}, "02/09/2026", 1, 47),
        (SAME_DAY | {"format": "%d/%m/%Y %H:%M:%S"}, "01/09/2026", 1, 47),
        ({"format": "%d %b %Y, %H:%M"}, "01 Sep 2026", 1, 0),
        (SAME_DAY, "2026-09-01T00:00:00+08:00", 1, 47),
        (SAME_DAY, "2026-08-31T16:00:00Z", 1, 47),
        (SAME_DAY, "2026-09-01T00:30:00+08:00", 1, 0),
        (END, "2026-09-01T00:00:00+08:00", 0, 47),
        ({"format": "%m/%d/%Y %I:%M:%S %p"}, "09/01/2026 12:30:00 AM", 1, 1),
        ({"format": "%m/%d/%Y %I:%M %p"}, "9/1/2026 12:30 pm", 1, 25),
        ({}, "20260901T0030", 1, 1),
        ({}, "2026-09-01 0:30", 1, 1),
        ({"format": "epoch_s"}, "1788193800", 1, 1),
        ({"format": "epoch_ms"}, "1788193800000", 1, 1),
        ({"format": "excel_day"}, "46266.0208333333", 1, 1),
        (END | {"format": "excel_day"}, "46267", 1, 47),
        ({"format": "%Y年%m月%d日%H时%M分"}, "2026年09月01日00时30分", 1, 1),
        ({"format": "%d/%m/%y %H:%M %z"}, "31/08/26 16:30 +0000", 1, 1),
        (END, "2026-09-01 00:29:59", 1, 0),
        (END, "2026-09-01 23:59:59", 1, 47),
        (END, "2026-09-01 23:59:59.999", 1, 47),
    ],
)
@pytest.mark.parametrize("beside", ["", "A,2026-13-01 09:00,1\n"], ids=["columns", "lines"])
def test_a_stamp_as_people_write_it(
    changes: dict[str, str], stamp: str, day: int, slot: int, beside: str
) -> None:
    result = read(lines(f'A,"{stamp}",1') + beside, mapping(**stamped(**changes)))
    assert slots(result) == {(date(2026, 8, 31) + timedelta(day), slot): 1.0}
    assert result.rejects["line_number"].to_pylist() == ([3] if beside else [])


@pytest.mark.parametrize(
    ("changes", "stamp", "says"),
    [
        ({}, "2026-09-01 24:30", "a time beyond 24:00"),
        ({}, "2026-09-01 25:00", "a time beyond 24:00"),
        ({}, "2026-09-01 26:00", "expected one stamp of +08:00"),
        ({}, "2026-09-01 12:60", "expected one stamp"),
        ({}, "2026-02-29 12:00", "expected one stamp"),
        ({"format": "%d/%m/%Y %H:%M"}, "31/09/2026 00:30", "expected one stamp of +08:00 as %d/%m/%Y %H:%M"),
        ({"format": "%d/%m/%Y %H:%M"}, "31/09/2026", "expected one stamp"),
        ({"format": "%H:%M"}, "00:30", "expected a day from"),
        ({}, "9999-12-31 24:00", "expected a day from"),
        (END | MADRID | {"repeated_hour": "file_order"}, "0001-01-01 00:00", "expected a day from"),
        ({}, "1788193800", "seconds since 1970: declare format: epoch_s"),
        ({}, "1788193800000", "milliseconds since 1970: declare format: epoch_ms"),
        ({}, "46266.0208333", "a day number of a spreadsheet: declare format: excel_day"),
        ({}, "2026-09-01 00:00 - 2026-09-01 00:30", "a range of two times"),
        ({"format": "epoch_s"}, "2026-09-01 00:30", "expected one stamp of +08:00 as epoch_s"),
        ({"format": "epoch_s"}, "1788193800000", "expected one stamp of +08:00 as epoch_s"),
        ({"format": "excel_day"}, "-3", "expected one stamp"),
        ({}, "2026-09-01 00:29:59", "expected a stamp that can begin an interval"),
        (END, "2026-09-01 00:29:58", "expected a stamp that can end an interval"),
    ],
)
def test_what_is_no_stamp_is_held_back_and_told_for_what_it_is(
    changes: dict[str, str], stamp: str, says: str
) -> None:
    result = read(lines("A,,1", f"A,{stamp},1"), mapping(**stamped(**changes)))
    empty, held = result.rejects.to_pylist()
    assert (empty["line_number"], empty["reason_code"]) == (2, "missing_key")
    assert (held["line_number"], held["column_name"], held["reason_code"]) == (3, "ts", "bad_date")
    assert says in held["reason"]


def test_midnight_of_the_same_day_goes_by_the_clock_of_the_zone_in_parquet_too() -> None:
    whole = [datetime(2026, 8, 31, 16, tzinfo=UTC), datetime(2026, 9, 1, 15, 30, tzinfo=UTC)]
    for zone in ("UTC", "+08:00", "Asia/Shanghai"):
        table = {"meter": ["A", "A"], "ts": pa.array(whole, pa.timestamp("ns", zone)), "kwh": [1.0, 2.0]}
        result = read(as_parquet(table), mapping(**stamped(**SAME_DAY)), "long.parquet")
        assert slots(result) == {(date(2026, 9, 1), 47): 1.0, (date(2026, 9, 1), 46): 2.0}


@pytest.mark.parametrize(
    ("kind", "notation", "numbers"),
    [
        (pa.int64(), "epoch_s", [1788193800, 1788195600]),
        (pa.float64(), "epoch_s", [1788193800.0, 1788195600.0]),
        (pa.int64(), "epoch_ms", [1788193800000, 1788195600000]),
        (pa.float64(), "excel_day", [46266 + 0.5 / 24, 46266 + 1 / 24]),
        (pa.int32(), "", [20260901, 20260902]),
    ],
)
def test_numbers_in_parquet_are_stamps_where_the_format_says_so(
    kind: pa.DataType, notation: str, numbers: list[float]
) -> None:
    content = as_parquet({"meter": ["A", "A"], "ts": pa.array(numbers, kind), "kwh": [1.0, 2.0]})
    result = read(content, mapping(**stamped(zone="+08:00", format=notation)), "long.parquet")
    expected = [(1, 1), (1, 2)] if notation else [(1, 0), (2, 0)]
    assert slots(result) == {
        (date(2026, 9, day), slot): value for (day, slot), value in zip(expected, (1.0, 2.0), strict=True)
    }


def test_seconds_without_a_format_are_refused_by_name() -> None:
    content = as_parquet({"meter": ["A"], "ts": pa.array([1788193800]), "kwh": [1.0]})
    with pytest.raises(InputRefusedError, match="Declare format: epoch_s") as refused:
        read(content, mapping(), "long.parquet")
    assert (refused.value.reason_code, refused.value.column) == ("wrong_type", "ts")


TWO = {"column": "", "date": "Date", "time": "Start"}


def test_a_day_and_a_time_in_two_columns() -> None:
    declared = mapping(**stamped(**TWO, format="%m/%d/%Y %I:%M:%S %p"))
    rows = [
        'A,"09/01/2026",12:30:00 AM,1',
        'A,"09/01/2026",1:30:00 PM,2',
        "A,09/01/2026,,3",
        "A,09/01/2026,noon,4",
    ]
    result = read(lines(*rows, header="meter,Date,Start,kwh"), declared)
    assert slots(result) == {(date(2026, 9, 1), 1): 1.0, (date(2026, 9, 1), 27): 2.0}
    assert [
        (row["line_number"], row["column_name"], row["reason_code"]) for row in result.rejects.to_pylist()
    ] == [
        (4, "Start", "missing_key"),
        (5, "Start", "bad_date"),
    ]
    iso = read(
        lines("A,20260901,24:00,1", "A,2026-09-01,0:30,2", header="meter,Date,Start,kwh"),
        mapping(**stamped(**TWO)),
    )
    assert slots(iso) == {(date(2026, 9, 2), 0): 1.0, (date(2026, 9, 1), 1): 2.0}


@pytest.mark.parametrize(
    "day", ["2026-09-01 00:00:00", "2026-09-01T00:00", "2026-09-01 0:00", " 2026-09-01 "]
)
def test_a_day_with_a_midnight_behind_it_beside_a_time(day: str) -> None:
    result = read(lines(f"A,{day},0:30,1", header="meter,Date,Start,kwh"), mapping(**stamped(**TWO)))
    assert slots(result) == {(date(2026, 9, 1), 1): 1.0}


def test_typed_days_and_times_in_two_columns() -> None:
    days = [date(2026, 9, 1), date(2026, 9, 2)]
    for kind in (pa.date32(), pa.timestamp("ms")):
        table = {
            "meter": ["A", "A"],
            "Date": pa.array(days).cast(kind),
            "Start": pa.array([1800, 3600], pa.time32("s")),
            "kwh": [1.0, 2.0],
        }
        result = read(as_parquet(table), mapping(**stamped(**TWO)), "long.parquet")
        assert slots(result) == {(date(2026, 9, 1), 1): 1.0, (date(2026, 9, 2), 2): 2.0}


def test_days_without_a_time_of_many_lines_name_the_column_of_times() -> None:
    rows = [f"A,09/0{day}/2026,{hour}:00:00 AM,Hour,1.5" for day in (1, 2) for hour in range(1, 12)]
    text = lines(*rows, header="meter,ts,Start Time,Duration,kwh")
    with pytest.raises(InputRefusedError, match=r"declare stamp: \{date: ts, time: Start Time\}") as refused:
        read(text, mapping(**stamped(format="%m/%d/%Y")))
    assert (refused.value.reason_code, refused.value.line, refused.value.column) == ("bad_structure", 2, "ts")
    days = read(lines("A,2026-09-01,1", "A,2026-09-02,2"), mapping(interval_minutes=1440))
    assert slots(days) == {(date(2026, 9, 1), 0): 1.0, (date(2026, 9, 2), 0): 2.0}


def test_ranges_in_one_cell_are_named_and_offsets_are_none() -> None:
    with pytest.raises(InputRefusedError, match="holds ranges such as '2026-09-01 00:00-00:30'") as refused:
        read(lines("A,2026-09-01 00:00-00:30,1", "A,2026-09-01 00:30-01:00,1"), mapping())
    assert refused.value.reason_code == "bad_structure"
    western = mapping(**stamped(zone="-03:00"))
    result = read(lines("A,2026-09-01 02:30-03:00,1", "A,2026-09-01 03:00-03:00,2"), western)
    assert slots(result) == {(date(2026, 9, 1), 5): 1.0, (date(2026, 9, 1), 6): 2.0}


def madrid(rows: list[str], minutes: int = 60, **changes: str) -> Any:
    return read(lines(*rows), mapping(interval_minutes=minutes, **stamped(**MADRID, **changes)))


def autumn(minutes: int) -> tuple[list[str], dict[tuple[date, int], float]]:
    """Local stamps of 25 and 26 October 2026 in Madrid, whose clocks go back on the 25th, and each value's
    place in days of +01:00.
    """
    begin = datetime(2026, 10, 24, 22, tzinfo=UTC)
    rows, expected = [], {}
    for number in range(49 * 60 // minutes):
        instant = begin + timedelta(minutes=minutes * number)
        local = instant.astimezone(ZoneInfo("Europe/Madrid"))
        rows.append(f"A,{local:%Y-%m-%d %H:%M},{number + 1}")
        fixed = instant + timedelta(hours=1)
        expected[fixed.date(), (fixed.hour * 60 + fixed.minute) // minutes] = float(number + 1)
    return rows, expected


@pytest.mark.parametrize("minutes", [15, 30, 60])
@pytest.mark.parametrize("order", ["forward", "backward", "pairs", "two meters"])
def test_the_hour_that_comes_twice_is_read_in_the_order_of_the_file(minutes: int, order: str) -> None:
    rows, expected = autumn(minutes)
    if order == "backward":
        rows = rows[::-1]
    elif order == "pairs":
        rows.sort(key=lambda row: row.split(",")[1])
    elif order == "two meters":
        rows = [each for row in rows for each in (row, "B" + row[1:])]
    result = madrid(rows, minutes, repeated_hour="file_order")
    for meter in ("MP-A", "MP-B") if order == "two meters" else ("MP-A",):
        found = {
            (day, slot): value
            for (name, _, day), some in told(result).items()
            if name == meter
            for slot, value in some.items()
        }
        assert found == expected
    assert result.rejects.num_rows == 0
    twice = 2 * 60 // minutes * (2 if order == "two meters" else 1)
    assert f"{twice} lines of an hour that occurs twice" in result.notes[0]


def test_of_a_time_that_comes_twice_only_two_lines_are_told_apart() -> None:
    rows, expected = autumn(60)
    lonely = [row for row in rows if not row.endswith(",4")]
    result = madrid(lonely, repeated_hour="file_order")
    (held,) = result.rejects.to_pylist()
    assert "which not exactly two lines tell" in held["reason"]
    assert slots(result) == {place: value for place, value in expected.items() if value not in (3.0, 4.0)}
    offset = [row.replace("02:00,3", "02:00+02:00,3").replace("02:00,4", "02:00+01:00,4") for row in rows]
    assert slots(madrid(offset, repeated_hour="file_order")) == expected


@pytest.mark.parametrize("changes", [{"repeated_hour": "counted"}, {"repeated_hour": "file_order"}, {}])
def test_an_hour_25_counts_through_the_day(changes: dict[str, str]) -> None:
    _, expected = autumn(60)
    long = [f"A,2026-10-25 {hour:02d}:00,{hour}" for hour in range(1, 26)]
    next_day = [f"A,2026-10-26 {hour:02d}:00,{hour + 25}" for hour in range(1, 25)]
    result = madrid(long + next_day, place="interval_end", **changes)
    assert slots(result) == expected
    assert result.rejects.num_rows == 0


def test_hours_that_count_end_at_23_on_the_short_day() -> None:
    rows = [f"A,2026-03-29 {hour:02d}:00,{hour}" for hour in range(1, 25)]
    result = madrid(rows, place="interval_end", repeated_hour="counted")
    assert sorted(slots(result).values()) == [float(hour) for hour in range(1, 24)]
    assert slots(result)[date(2026, 3, 29), 22] == 23.0
    (held,) = result.rejects.to_pylist()
    assert (held["line_number"], "an hour that its day does not have" in held["reason"]) == (25, True)


def test_a_summer_file_is_told_what_helps() -> None:
    rows, _ = autumn(60)
    reasons = [row["reason"] for row in madrid(rows).rejects.to_pylist()]
    assert len(reasons) == 2
    assert all(
        "have stamps sent with an offset, or declare repeated_hour: file_order" in reason
        for reason in reasons
    )


def test_whole_columns_and_single_stamps_agree() -> None:
    """A bad line elsewhere makes the reader look at each distinct stamp; the instants stay the same."""
    begin = datetime(2026, 3, 1)  # noqa: DTZ001 - a sender's local time
    rows = [f"A,{begin + timedelta(minutes=30 * slot)},{slot * 7 % 48}" for slot in range(48 * 40)]
    plain, mixed = read(lines(*rows), mapping()), read(lines(*rows, "A,x,1"), mapping())
    assert slots(plain) == slots(mixed)
    assert np.isclose(sum(slots(plain).values()), 40 * sum(range(48)))
