"""Wide files: a row per day, a column per interval, under all the names that people give them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from pipelines.errors import InputRefusedError
from tests.unit.pipelines.formats.mapped_lines import as_parquet, mapping, read, told

DAY, NEXT = date(2026, 3, 1), date(2026, 3, 2)
FULL = [float(hour + 1) for hour in range(24)]


def wide(columns: Any = "times", minutes: int = 60, place: str = "interval_end", **changes: Any) -> Any:
    return mapping(
        interval_minutes=minutes,
        meter_point={"column": "户号"},
        stamp={"place": place, "zone": "+08:00"} | changes.pop("stamp", {}),
        values=[{"unit": "kWh", "channel": "active_forward"}],
        wide={"date": "日期", "columns": columns},
        **changes,
    )


def table(names: list[str], *rows: str) -> str:
    return "\n".join([f"户号,日期,{','.join(names)}", *rows]) + "\n"


def row(day: str = "2026-03-01", values: list[float] = FULL) -> str:
    return f"33,{day},{','.join(map(str, values))}"


ENDS = [f"{hour:02d}:00" for hour in range(1, 25)]


@pytest.mark.parametrize(
    ("names", "columns", "place"),
    [
        (ENDS, "times", "interval_end"),
        (ENDS, "01:00..24:00", "interval_end"),
        ([f"{hour}:00" for hour in range(24)], "times", "interval_start"),
        ([f"{hour}时00分" for hour in range(24)], "times", "interval_start"),
        ([f"{hour:02d}:00-{(hour + 1) % 24:02d}:00" for hour in range(24)], "times", "interval_end"),
        ([f"{hour:02d}:00-{(hour + 1) % 24:02d}:00" for hour in range(24)], "times", "interval_start"),
        ([f"{hour % 24:02d}:00" for hour in range(1, 25)], "times", "interval_end"),
        ([f"P{hour}" for hour in range(1, 25)], "P1..P24", "interval_end"),
        ([f"P{hour}" for hour in range(1, 25)], "P1..P24", "interval_start"),
        ([f"时段{hour}" for hour in range(1, 25)], "时段1..时段24", "interval_end"),
        ([f"H{hour:02d}" for hour in range(24)], "H00..H23", "interval_end"),
        ([str(hour) for hour in range(1, 25)], "1..24", "interval_end"),
        (["x"] * 24, "3..26", "interval_end"),
        ([f"c{hour}" for hour in range(24)], [f"c{hour}" for hour in range(24)], "interval_start"),
    ],
)
def test_the_columns_of_a_day_under_all_their_names(names: list[str], columns: Any, place: str) -> None:
    result = read(table(names, row(), row("20260302", FULL[::-1])), wide(columns, place=place))
    assert told(result) == {
        ("33", "active_forward", DAY): dict(enumerate(FULL)),
        ("33", "active_forward", NEXT): dict(enumerate(FULL[::-1])),
    }
    assert (result.record_count, result.rejects.num_rows) == (2, 0)


def test_numbered_columns_may_stand_in_any_order() -> None:
    names = sorted(f"P{number}" for number in range(1, 97))
    values = [float(name[1:]) for name in names]
    result = read(table(names, row(values=values)), wide("P1..P96", 15))
    assert told(result) == {("33", "active_forward", DAY): {slot: slot + 1.0 for slot in range(96)}}


def test_cells_that_hold_nothing_did_not_come_and_a_bad_cell_holds_its_line_back() -> None:
    blank = f"33,2026-03-02,{','.join(['1', '', '--', *['2'] * 21])}"
    bad = f"33,2026-03-03,{','.join(['1', 'x', *['2'] * 22])}"
    late = row("2026-02-30")
    old = row("1950-01-01")
    result = read(table(ENDS, row(), blank, bad, late, old), wide(nothing=["--"]))
    found = told(result)
    assert found["33", "active_forward", NEXT] == {0: 1.0} | dict.fromkeys(range(3, 24), 2.0)
    assert {day for _, _, day in found} == {DAY, NEXT}
    assert [(r["line_number"], r["column_name"], r["reason_code"]) for r in result.rejects.to_pylist()] == [
        (4, "02:00", "bad_number"),
        (5, "日期", "bad_date"),
        (6, "日期", "bad_date"),
    ]
    assert (result.record_count, result.received_rows) == (5, 5)


def test_rows_of_several_meters_and_channels_with_quality_and_times_of_sending() -> None:
    declared = mapping(
        interval_minutes=60,
        meter_point={"column": "m"},
        stamp={"place": "interval_end", "zone": "+08:00", "format": "%d/%m/%Y"},
        values=[{"unit": "kW"}],
        wide={"date": "d", "columns": "P1..P24"},
        channel={"column": "c", "codes": {"1": "active_forward", "2": "active_reverse"}},
        quality={"column": "q", "codes": {"ok": "A", "est": "E"}},
        received_at={"column": "sent"},
    )
    head = "m,d,c,q,sent," + ",".join(f"P{number}" for number in range(1, 25))
    rows = [
        f"A,01/03/2026,1,ok,2026-03-02 01:00{',1' * 24}",
        f"B,01/03/2026,2,est,2026-03-02 01:00{',2' * 24}",
        f"A,01/03/2026,1,ok,2026-03-03 01:00{',3' * 24}",
    ]
    result = read("\n".join([head, *rows]) + "\n", declared)
    assert told(result) == {
        ("A", "active_forward", DAY): dict.fromkeys(range(24), 3.0),
        ("B", "active_reverse", DAY): dict.fromkeys(range(24), 2.0),
    }
    assert [row["sender_quality_codes"][0] for row in result.rows.to_pylist()] == ["A", "E"]
    assert {row["measure_code"] for row in result.rows.to_pylist()} == {"mean_power"}


def test_a_cell_that_gave_way_names_its_row() -> None:
    declared = wide(received_at={"column": "sent"})
    text = table([*ENDS, "sent"], row() + ",2026-03-02 01:00", row(values=[9.0] * 24) + ",2026-03-02 02:00")
    result = read(text, declared)
    assert told(result) == {("33", "active_forward", DAY): dict.fromkeys(range(24), 9.0)}
    assert {(r["line_number"], r["column_name"]) for r in result.superseded.to_pylist()} == {(2, "日期")}
    twice = read(table(ENDS, row(), row(values=[9.0] * 24)), wide())
    assert [(r["line_number"], r["column_name"], r["reason_code"]) for r in twice.rejects.to_pylist()] == [
        (2, "日期", "conflicting_values"),
        (3, "日期", "conflicting_values"),
    ]


def test_parquet_is_read_the_same() -> None:
    columns = {"户号": pa.array([33]), "日期": pa.array([DAY])}
    for hour, value in enumerate(FULL):
        columns[ENDS[hour]] = pa.array([value])
    assert told(read(as_parquet(columns), wide(), "w.parquet")) == {
        ("33", "active_forward", DAY): dict(enumerate(FULL))
    }


MADRID = {"stamp": {"zone": "Europe/Madrid", "day_offset": "+01:00"}}


def test_a_long_day_has_a_25th_column_and_other_days_have_none() -> None:
    names = [f"H{hour}" for hour in range(1, 26)]
    values = [number % 5 + 1.0 for number in range(25)]
    long = f"33,2026-10-25,{','.join(map(str, values))}"
    usual = f"33,2026-10-26,{','.join(map(str, values[:24]))},"
    wrong = f"33,2026-10-27,{','.join(map(str, values))}"
    result = read(table(names, long, usual, wrong), wide("H1..H25", **MADRID))
    found = told(result)
    assert found["33", "active_forward", date(2026, 10, 24)] == {23: 1.0}
    assert found["33", "active_forward", date(2026, 10, 25)] == dict(enumerate(values[1:]))
    assert found["33", "active_forward", date(2026, 10, 26)] == dict(enumerate(values[:24]))
    (held,) = result.rejects.to_pylist()
    assert (held["line_number"], held["column_name"], held["reason_code"]) == (4, "H25", "bad_date")
    assert "an hour that its day does not have" in held["reason"]


def test_times_of_a_clock_change_cost_their_cells_alone() -> None:
    starts = [f"{hour}:00" for hour in range(24)]
    spring = row("2026-03-29", [1.0] * 2 + [9.0] + [1.0] * 21)
    autumn = row("2026-10-25", [1.0] * 2 + [9.0] + [1.0] * 21)
    result = read(table(starts, spring, autumn), wide(place="interval_start", **MADRID))
    assert [(r["line_number"], r["column_name"], r["reason_code"]) for r in result.rejects.to_pylist()] == [
        (2, "2:00", "bad_date"),
        (3, "2:00", "bad_date"),
    ]
    values = [value for some in told(result).values() for value in some.values()]
    assert values == [1.0] * 46
    assert result.record_count == 2


@pytest.mark.parametrize(
    ("names", "columns", "says"),
    [
        (ENDS[:-1], "times", "23 columns are named by times of day, expected 24"),
        ([*ENDS[:-1], "24:30"], "times", "expected 24, one every 60 minutes"),
        (ENDS, "P1..P24", "the column P1 is missing (24 of 24 are)"),
        (ENDS, "01:00..23:45", "are not both there"),
        (ENDS, "3..99", "there is no column 99; the file has 26"),
        (ENDS, "3..20", "there are 18 columns of intervals, expected 24 of 60 minutes"),
        (ENDS, "P1..Q24", "names no span of columns"),
        (["P1", *[f"P{number}" for number in range(1, 25)]], "P1..P24", "the column P1 stands twice"),
    ],
)
def test_columns_that_are_not_those_of_a_day_are_refused(names: list[str], columns: str, says: str) -> None:
    with pytest.raises(InputRefusedError) as refused:
        read(table(names, row()), wide(columns))
    assert (refused.value.reason_code, refused.value.line) == ("missing_column", 1)
    assert says in refused.value.reason
