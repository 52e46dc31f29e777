"""A sheet of a workbook read under a mapping; damage and cells far apart."""

from __future__ import annotations

import random
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from pipelines.errors import InputRefusedError
from pipelines.formats import ReadResult, detect
from pipelines.formats.documents.workbook import SheetNotation, sheet_as_text
from tests.unit.pipelines.formats.documents.workbooks import Cell, reference, workbook
from tests.unit.pipelines.formats.mapped_lines import SETTINGS, mapping, stamped

HEADER: list[Cell] = ["meter", "ts", "kwh"]
FIRST = datetime(2026, 3, 1)  # noqa: DTZ001 - cells have no zone


def half_hours(count: int = 48, meter: Cell = "A") -> list[list[Cell]]:
    return [[meter, FIRST + timedelta(minutes=30 * slot), slot / 10] for slot in range(count)]


def read(content: bytes, name: str = "a.xlsx", **changes: Any) -> ReadResult:
    declared = mapping(**changes)
    return detect(name, content, (), declared).read(content, name, SETTINGS)


def only(result: ReadResult) -> dict[str, Any]:
    assert result.rejects.num_rows == 0, result.rejects.to_pylist()
    (row,) = result.rows.to_pylist()
    return dict(row)


def text(*rows: list[Cell], **stamps: str) -> list[str]:
    return (
        sheet_as_text(workbook(S=rows), "a", "", SheetNotation(stamps), SETTINGS)
        .decode("utf-8-sig")
        .splitlines()
    )


def test_real_dates_and_numbers_are_read_exactly() -> None:
    row = only(read(workbook(S=[HEADER, *half_hours()])))
    assert row["values_unscaled"] == [slot / 10 for slot in range(48)]
    assert (row["meter_point_id"], row["curve_date"]) == ("MP-A", date(2026, 3, 1))


def test_midnights_that_are_shown_as_days_stay_midnights() -> None:
    rows = half_hours(96)
    rows[0][1], rows[48][1] = date(2026, 3, 1), date(2026, 3, 2)
    assert [len(row["values_unscaled"]) for row in read(workbook(S=[HEADER, *rows])).rows.to_pylist()] == [
        48
    ] * 2


def test_plain_numbers_in_the_stamp_column_are_days_of_excel() -> None:
    rows: list[list[Cell]] = [["A", 46082 + slot / 48, slot / 10] for slot in range(48)]
    assert only(read(workbook(S=[HEADER, *rows])))["values_unscaled"] == [slot / 10 for slot in range(48)]


def test_texts_are_read_as_in_csv_and_real_dates_in_a_declared_notation() -> None:
    rows = half_hours()
    rows[5][1], rows[6][2] = "01.03.2026 02:30", "0.6"
    found = only(read(workbook(S=[HEADER, *rows]), **stamped(format="%d.%m.%Y %H:%M")))
    assert found["values_unscaled"] == [slot / 10 for slot in range(48)]


def test_numbers_of_meters_stay_whole_and_rounded_ones_show_it() -> None:
    assert text(
        HEADER, [1001, FIRST, 1.0], [123456789012345.0, FIRST, 0.1], [5.41449e17, FIRST, None], ts=""
    ) == [
        "meter,ts,kwh",
        "1001,2026-03-01 00:00:00,1",
        "123456789012345,2026-03-01 00:00:00,0.1",
        "5.41449e+17,2026-03-01 00:00:00,",
    ]


def test_commas_quotes_lines_and_other_cells() -> None:
    assert text(
        ["a,b", 'c"d', "e\nf"], [True, timedelta(hours=24), "中文"], ["007", None, date(2026, 3, 1)]
    ) == [
        '"a,b","c""d","e f"',
        "true,24:00:00,中文",
        "007,,2026-03-01",
    ]


def test_a_bad_cell_is_held_back_with_the_number_of_its_row_and_blank_rows_count() -> None:
    rows: list[list[Cell]] = [HEADER, *half_hours(10), [None, None, None], *half_hours()[10:]]
    rows[20][2] = "broken"
    result = read(workbook(S=rows))
    (held,) = result.rejects.to_pylist()
    assert (held["line_number"], held["column_name"], held["reason_code"]) == (21, "kwh", "bad_number")
    assert held["raw_record"].startswith("A,2026-03-01 09:00:00,broken")
    assert result.record_count == 48


def test_the_sheet_is_the_named_one_or_the_only_one_with_cells() -> None:
    rows = [HEADER, *half_hours()]
    assert only(read(workbook(Cover="", Data=rows)))
    two = workbook(Cover=[["a note"]], Data=rows)
    assert only(read(two, sheet="Data"))
    for changes, told in (({}, "name one by `sheet:`"), ({"sheet": "data"}, "its sheets are 'Cover, Data'")):
        with pytest.raises(InputRefusedError, match=told) as refused:
            read(two, **changes)
        assert refused.value.reason_code == "missing_sheet"
    with pytest.raises(InputRefusedError, match="no sheet with cells"):
        read(workbook(S=""))


def test_without_the_columns_it_is_refused_as_a_csv_file_is() -> None:
    with pytest.raises(InputRefusedError) as refused:
        read(workbook(S=[["meter", "when", "kwh"], *half_hours()]))
    assert (refused.value.reason_code, refused.value.column) == ("missing_column", "ts")


def test_a_sheet_below_other_lines_in_the_notation_of_its_mapping() -> None:
    rows: list[list[Cell]] = [["Report", None, None], [None], HEADER, *half_hours()]
    rows[10][2] = "0,7"
    declared = {"separator": ";", "decimal": ",", "nothing": ["--"]}
    assert only(read(workbook(S=rows), **declared))["values_unscaled"] == [slot / 10 for slot in range(48)]
    rows[10][2] = "--"
    assert only(read(workbook(S=rows), **declared))["values_unscaled"][7] is None


def test_a_wide_sheet_with_real_days_and_times_in_its_header() -> None:
    for names in ([time(hour) for hour in range(24)], [f"P{number}" for number in range(1, 25)]):
        rows: list[list[Cell]] = [
            ["meter", "day", *names],
            ["A", date(2026, 3, 1), *(hour / 10 for hour in range(24))],
            ["A", date(2026, 3, 2), *([1.5] * 23), None],
        ]
        found = read(
            workbook(S=rows),
            interval_minutes=60,
            stamp={"place": "interval_start", "zone": "+08:00"},
            wide={"date": "day", "columns": "times" if isinstance(names[0], time) else "P1..P24"},
            values=[{"unit": "kWh", "channel": "active_forward"}],
        )
        first, second = found.rows.to_pylist()
        assert first["values_unscaled"] == [hour / 10 for hour in range(24)]
        assert second["values_unscaled"] == [1.5] * 23 + [None]


def test_a_day_and_a_time_in_two_columns_of_real_cells() -> None:
    rows: list[list[Cell]] = [["meter", "day", "at", "kwh"]]
    rows += [["A", date(2026, 3, 1), time(slot // 2, slot % 2 * 30), slot / 10] for slot in range(48)]
    stamp = {"date": "day", "time": "at", "place": "interval_start", "zone": "+08:00"}
    found = only(read(workbook(S=rows), stamp=stamp))
    assert found["values_unscaled"] == [slot / 10 for slot in range(48)]


def far(*cells: str) -> bytes:
    return workbook(S="".join(f"<row>{cell}</row>" for cell in cells))


@pytest.mark.parametrize(
    "content",
    [
        far('<c r="A1"><v>1</v></c>', '<c r="XFD1048576"><v>1</v></c>'),
        far('<c r="A1"><v>1</v></c>', '<c r="A99999999999"><v>1</v></c>'),
        far('<c r="A1"><v>1</v></c>', "<c\tr='XFD1048576'><v>1</v></c>"),
        far('<c r="A1"><v>1</v></c>', '<c s="1" r = "XFD1048576"><v>1</v></c>'),
        far('<c r="A1"><v>1</v></c>', '<c r="XF&#68;1048576"><v>1</v></c>'),
        far("<c><v>1</v></c>" * 9000, *["<c/>"] * 9000),
        workbook(S='<row r="1"><c r="A1"><v>1</v></c></row><row r="9999999"><c r="ZZ9999999"/></row>'),
    ],
    ids=["corner", "long", "tab", "blanks", "entity", "unnamed", "row"],
)
def test_cells_far_apart_are_refused_before_they_fill_memory(content: bytes) -> None:
    with pytest.raises(InputRefusedError) as refused:
        read(content)
    assert refused.value.reason_code == "unreadable_workbook"


def test_a_broad_sheet_that_is_full_is_read() -> None:
    header: list[Cell] = [*HEADER, *(f"x{number}" for number in range(200))]
    rows: list[list[Cell]] = [[*row, *([1.5] * 200)] for row in half_hours()]
    assert only(read(workbook(S=[header, *rows])))
    assert reference(202, 0) == "GU1"


def test_damage_is_refused_and_never_anything_else() -> None:
    whole = workbook(S=[HEADER, *half_hours(5)])
    chance, codes = random.Random(5), set[str]()
    for _ in range(300):
        spoilt = bytearray(whole)
        for _ in range(chance.randint(1, 20)):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        cut = chance.choice([len(spoilt), chance.randrange(len(spoilt))])
        try:
            sheet_as_text(bytes(spoilt[:cut]), "a", "", SheetNotation(), SETTINGS)
        except InputRefusedError as refused:
            codes.add(refused.reason_code)
    assert codes <= {"unreadable_workbook", "missing_sheet"}


def test_a_part_of_which_the_reader_makes_nothing_is_refused() -> None:
    for xml in (
        "<row r='x'>",
        '<row r="1"><c r="1A"><v>1</v></c></row>',
        '<row r="1"><c r="A0"/></row>',
        "<",
    ):
        with pytest.raises(InputRefusedError) as refused:
            read(workbook(S=xml))
        assert refused.value.reason_code in ("unreadable_workbook", "missing_sheet", "missing_column")
