"""Keys of a mapping for files as people have them: separators, decimal commas, nothing, the header's line."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipelines.errors import InputRefusedError, SettingsError
from pipelines.formats import LongMapping, detect
from pipelines.formats.mapping_files import load_mapping
from tests.unit.pipelines.formats.mapped_lines import PLAIN, as_parquet, lines, mapping, read, stamped, told

DAY = ("MP-A", "active_forward", date(2026, 9, 1))


@pytest.mark.parametrize(
    ("declared", "between"), [(";", ";"), ("tab", "\t"), ("\t", "\t"), ("|", "|"), (",", ",")]
)
@pytest.mark.parametrize("quoted", [False, True])
def test_cells_are_parted_by_what_the_mapping_says(declared: str, between: str, quoted: bool) -> None:
    number = '"0,071"' if quoted or between == "," else "0,071"
    rows = [f"A|2026-09-01 00:{minute}:00|{number}|".replace("|", between) for minute in ("00", "30")]
    header = "meter|ts|kwh|".replace("|", between)
    result = read(lines(*rows, header=header), mapping(separator=declared, decimal=","))
    assert told(result) == {DAY: {0: 0.071, 1: 0.071}}


def test_a_first_line_that_tells_the_separator_is_understood() -> None:
    result = read("sep=;\r\nmeter;ts;kwh\r\nA;2026-09-01 00:30;1\r\nA;2026-09-01 xx;1\r\n", mapping())
    assert told(result) == {DAY: {1: 1.0}}
    assert result.rejects["line_number"].to_pylist() == [4]


@pytest.mark.parametrize(
    ("decimal", "thousands", "text", "value"),
    [
        (".", ",", '"1,031"', 1031.0),
        (".", ",", '"1,234,567.25"', 1234567.25),
        (".", ",", "999.5", 999.5),
        (",", ".", '"1.031,5"', 1031.5),
        (",", ".", '"-1.031"', -1031.0),
        (",", "", '"7,1e-02"', 0.071),
        (".", " ", "1 031.5", 1031.5),
        (".", "'", "12'345", 12345.0),
        (".", "\u00a0", "1\u00a0031", 1031.0),
    ],
)
@pytest.mark.parametrize("beside", ["", "A,2026-09-01 00:30:00,none\n"], ids=["columns", "lines"])
def test_numbers_are_read_as_declared_both_ways(
    decimal: str, thousands: str, text: str, value: float, beside: str
) -> None:
    result = read(
        lines(f"A,2026-09-01 00:00:00,{text}") + beside, mapping(decimal=decimal, thousands=thousands)
    )
    assert told(result) == {DAY: {0: value}}
    assert result.rejects.num_rows == (1 if beside else 0)


@pytest.mark.parametrize(
    ("changes", "text", "code", "says"),
    [
        ({}, '"1,031"', "thousands_separator", 'declare `thousands: ","`'),
        ({}, "1 031.5", "thousands_separator", 'declare `thousands: " "`'),
        ({}, '"0,071"', "bad_number", 'declare `decimal: ","`'),
        ({"decimal": ","}, "0.071", "bad_number", 'the mapping says `decimal: ","`'),
        (
            {"decimal": ",", "thousands": "."},
            "0.071",
            "bad_number",
            "expected a decimal number such as 1234,5",
        ),
        ({"thousands": ","}, '"12,34"', "bad_number", 'declare `decimal: ","`'),
        ({"thousands": ","}, '"1,0310"', "bad_number", 'declare `decimal: ","`'),
        ({}, "--", "bad_number", "declare it under `nothing`"),
        ({"nothing": ["-"]}, "--", "bad_number", "declare it under `nothing`"),
        ({}, "nan", "bad_number", "declare it under `nothing`"),
        ({}, "1.5 kWh", "bad_number", "expected a decimal number such as 1234.5"),
    ],
)
def test_a_number_of_another_notation_is_held_back_and_names_the_key(
    changes: dict[str, Any], text: str, code: str, says: str
) -> None:
    result = read(lines("A,2026-09-01 00:00:00,1", f"A,2026-09-01 00:30:00,{text}"), mapping(**changes))
    (held,) = result.rejects.to_pylist()
    assert (held["line_number"], held["column_name"], held["reason_code"]) == (3, "kwh", code)
    assert text.strip('"') in held["reason"]
    assert says in held["reason"]


@pytest.mark.parametrize("text", ["--", "-", "null", "NULL", "Null", "N/A", "n/a", " -- ", "nan", ""])
@pytest.mark.parametrize("beside", ["", "A,2026-09-01 01:00:00,none\n"], ids=["columns", "lines"])
def test_a_text_that_means_nothing_is_no_reject(text: str, beside: str) -> None:
    declared = mapping(nothing=["--", "-", "null", "N/A", ""])
    result = read(lines("A,2026-09-01 00:00:00,1", f"A,2026-09-01 00:30:00,{text}") + beside, declared)
    assert told(result) == {DAY: {0: 1.0}}
    assert [row["line_number"] for row in result.rejects.to_pylist()] == ([4] if beside else [])


def test_lines_before_the_header_are_passed_over_and_keep_their_numbers() -> None:
    text = lines(
        "Total,9", "kwh;ts", "", "meter,ts,kwh", "A,2026-09-01 00:30,1", "A,2026-09-31 00:30,1", header="PRM"
    )
    for declared in (mapping(), mapping(header_line=5)):
        result = read(text, declared)
        assert told(result) == {DAY: {1: 1.0}}
        assert [(row["line_number"], row["column_name"]) for row in result.rejects.to_pylist()] == [(7, "ts")]
        assert result.notes[0] == "the header is line 5; what stands before it is passed over"


@pytest.mark.parametrize(("line", "at", "code"), [(1, 1, "missing_column"), (9, 3, "bad_structure")])
def test_a_declared_header_line_is_that_line(line: int, at: int, code: str) -> None:
    with pytest.raises(InputRefusedError) as refused:
        read("x\nmeter,ts,kwh\nA,2026-09-01 00:30,1", mapping(header_line=line))
    assert (refused.value.reason_code, refused.value.line) == (code, at)


def test_a_file_of_a_separator_alone_and_one_of_other_lines_are_refused() -> None:
    for text, code, says in (
        ("sep=;", "bad_structure", "the file tells its separator and nothing else"),
        ("x,y\n" * 200 + "meter,ts,kwh\n", "missing_column", "the header has 'x, y'"),
    ):
        with pytest.raises(InputRefusedError, match=says) as refused:
            read(text, mapping())
        assert refused.value.reason_code == code


def test_semicolons_that_nobody_declared_are_told_with_the_keys() -> None:
    with pytest.raises(InputRefusedError, match="separated by semicolons") as refused:
        read("meter;ts;kwh\nA;2026-09-01 00:30;0,1\n", mapping())
    assert 'declare `separator: ";"`, and `decimal: ","` where' in str(refused.value)
    with pytest.raises(InputRefusedError, match="separated by commas"):
        read("meter,ts,kwh\nA,2026-09-01 00:30,1\n", mapping(separator=";"))


def test_keys_of_text_files_are_told_to_have_no_effect_on_parquet() -> None:
    content = as_parquet({"meter": ["A"], "ts": ["2026-09-01 00:00"], "kwh": [1.0]})
    assert not read(content, mapping(), "long.parquet").warnings
    declared = mapping(separator=";", decimal=",", thousands=".", nothing=["-"], header_line=2)
    told = read(content, declared, "long.parquet").warnings
    assert [warning.split("has no effect: ")[1].split(",")[0] for warning in told] == [
        "separator",
        "decimal",
        "thousands",
        "nothing",
        "header_line",
    ]


def test_chinese_names_of_a_wide_table_are_shown_and_the_hint_names_wide() -> None:
    times = ",".join(f"{hour:02d}:00" for hour in range(1, 25))
    with pytest.raises(InputRefusedError, match="户号, 日期, 01:00") as refused:
        detect("a.csv", f"户号,日期,{times}\n1,2026-03-01{',1' * 24}\n".encode())
    assert "declare it in a mapping under `wide`" in str(refused.value)
    numbered = ",".join(f"时段{hour}" for hour in range(1, 25))
    with pytest.raises(InputRefusedError, match="declare it in a mapping under `wide`"):
        detect("a.csv", f"户号,日期,{numbered}\n".encode())
    with pytest.raises(InputRefusedError) as long:
        detect("a.csv", "户号,日期,电量\n".encode())
    assert "wide" not in str(long.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"separator": "/"}, "'/' parts no cells"),
        ({"decimal": ";"}, "neither . nor ,"),
        ({"thousands": "x"}, "parts no thousands"),
        ({"decimal": ",", "thousands": ","}, "thousands and decimal are both"),
        ({"header_line": 0}, "greater than or equal to 1"),
        (
            {"nothing": ["A"], "quality": {"column": "q", "codes": {"A": "A"}}},
            "is a code and stands under nothing",
        ),
        (stamped(date="d"), "date and time go together"),
        (stamped(column="", date="d", time="d"), "the column 'd' is named for two things"),
        (stamped(column="meter"), "the column 'meter' is named for two things"),
        (stamped(date="d", time="t"), "either column, or date and time"),
        (stamped(column="", date="d", time="t", format="epoch_s"), "is one number"),
        (stamped(column=""), "stamp needs a column, or date and time"),
        (stamped(format="DD/MM/YYYY"), "is no notation"),
        (stamped(format="%Q"), "is no strptime notation"),
        (stamped(repeated_hour="file_order"), "goes with local times of a zone that changes its clocks"),
        ({"values": [{"unit": "kWh", "channel": "active_forward"}]}, "each of the values needs a column"),
        ({"wide": {"date": "d"}}, "leave out stamp.column"),
        ({"wide": {"date": "d", "columns": "P1-P96"}}, "is none of: times"),
        ({"wide": {"date": "d", "columns": ["a", "a"]}}, "stands twice"),
        (
            {"wide": {"date": "d"}, "stamp": {"place": "interval_end", "zone": "UTC", "format": "epoch_s"}},
            "wide.date is a day",
        ),
        (
            {"wide": {"date": "d"}, "stamp": {"place": "interval_end", "zone": "+08:00"}},
            "one value without a column",
        ),
    ],
)
def test_keys_that_do_not_go_together_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        LongMapping.model_validate(PLAIN | changes)
    assert says in str(refused.value)


def test_a_wrong_key_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(
        'id: x\ninterval_minutes: 60\nmeter_point: {constant: A}\nseparator: "/"\n'
        "stamp: {column: t, place: interval_end, zone: UTC}\n"
        "values: [{column: v, unit: kWh, channel: active_forward}]\n",
        encoding="utf-8",
    )
    with pytest.raises(SettingsError, match=r"m\.yaml:4: separator '/' parts no cells"):
        load_mapping(path)
