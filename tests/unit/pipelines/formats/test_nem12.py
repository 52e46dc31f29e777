"""NEM12: structure, units, qualities, and what is refused or held back."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from pipelines.errors import InputRefusedError
from pipelines.formats import FormatSettings, ReadResult, detect
from pipelines.formats.contract import rows_schema
from pipelines.settings import load_settings, packaged
from pipelines.tables.bronze import BronzeLoadCurves

SETTINGS = load_settings(packaged("conf")).section(FormatSettings)
HEADER = "100,NEM12,202609020000,MDP,RETAILER"
STREAM = "200,NMI1,E1Q1,1,E1,N1,METER1,kWh,30,"


def day(
    quality: str = "A",
    values: list[str] | None = None,
    tail: str = ",,,20260902030405,",
    when: str = "20260901",
) -> str:
    return ",".join(["300", when, *(values if values is not None else ["1.5"] * 48), quality]) + tail


def nem(*lines: str, header: str = HEADER, end: str = "900") -> bytes:
    return "\r\n".join([header, *lines, end]).encode()


def read(content: bytes, settings: FormatSettings = SETTINGS) -> ReadResult:
    result = detect("file.csv", content).read(content, "file.csv", settings)
    assert result.received_rows == result.rows.num_rows + result.rejects.num_rows
    return result


def refused(content: bytes) -> tuple[str, int | None]:
    with pytest.raises(InputRefusedError) as refusal:
        read(content)
    return refusal.value.reason_code, refusal.value.line


def rejected(*lines: str) -> tuple[int, str, str]:
    """The only reject of a file that holds one further good day."""
    result = read(nem(*lines, STREAM, day()))
    assert (result.rejects.num_rows, result.rows.num_rows) == (1, 1)
    row = result.rejects.to_pylist()[0]
    return row["line_number"], row["column_name"], row["reason_code"]


def test_a_day_becomes_a_row() -> None:
    result = read(nem(STREAM, day()))
    assert result.rows.schema == rows_schema(BronzeLoadCurves)
    assert result.rows.to_pylist() == [
        {
            "meter_point_id": "NEM12-NMI1-1",
            "channel_code": "active_forward",
            "curve_date": date(2026, 9, 1),
            "interval_minutes": 30,
            "measure_code": "energy",
            "values_unscaled": [1.5] * 48,
            "present_flags": None,
            "sender_quality_codes": ["A"] * 48,
            "curve_month": "2026-09",
            "line_number": 3,
            "sent_at_utc": datetime(2026, 9, 1, 17, 4, 5, tzinfo=UTC),
        }
    ]


def test_without_an_update_time_the_file_s_time_counts() -> None:
    assert read(nem(STREAM, day(tail=""))).rows["sent_at_utc"].to_pylist() == [
        datetime(2026, 9, 1, 14, tzinfo=UTC)
    ]


@pytest.mark.parametrize(
    ("suffix", "unit", "channel", "value"),
    [
        ("E1", "kwh", "active_forward", 1.5),
        ("E1", "KWH", "active_forward", 1.5),
        ("B1", "Wh", "active_reverse", 0.0015),
        ("E1", "MWh", "active_forward", 1500.0),
        ("Q1", "kVArh", "reactive_lagging", 1.5),
        ("K1", "VARH", "reactive_leading", 0.0015),
        ("Q1", "MVArh", "reactive_lagging", 1500.0),
    ],
)
def test_suffix_and_unit(suffix: str, unit: str, channel: str, value: float) -> None:
    row = read(nem(f"200,NMI1,,1,{suffix},N1,M,{unit},30,", day())).rows.to_pylist()[0]
    assert (row["channel_code"], row["values_unscaled"][0]) == (channel, value)


@pytest.mark.parametrize("minutes", [5, 15, 30])
def test_each_length_of_interval_is_kept(minutes: int) -> None:
    count = 1440 // minutes
    row = read(nem(STREAM.replace(",30,", f",{minutes},"), day(values=["1"] * count))).rows.to_pylist()[0]
    assert (row["interval_minutes"], len(row["values_unscaled"]), len(row["sender_quality_codes"])) == (
        minutes,
        count,
        count,
    )


def test_streams_of_one_connection_point_are_told_apart_by_their_number() -> None:
    result = read(
        nem(
            STREAM,
            day(),
            STREAM.replace(",E1,", ",E2,"),
            day(),
            STREAM.replace(",E1,N1,METER1,kWh", ",Q1,N1,METER1,kvarh"),
            day(),
        )
    )
    points = list(
        zip(result.rows["meter_point_id"].to_pylist(), result.rows["channel_code"].to_pylist(), strict=True)
    )
    assert points == [
        ("NEM12-NMI1-1", "active_forward"),
        ("NEM12-NMI1-2", "active_forward"),
        ("NEM12-NMI1-1", "reactive_lagging"),
    ]


def test_quality_by_part_of_the_day_and_null_data() -> None:
    result = read(nem(STREAM, day("V"), "400,1,20,F14,76,", "400,21,24,N,,", "400,25,48,A,,"))
    row = result.rows.to_pylist()[0]
    assert row["sender_quality_codes"] == ["F14"] * 20 + ["N"] * 4 + ["A"] * 24
    assert row["values_unscaled"] == [1.5] * 20 + [None] * 4 + [1.5] * 24


def test_an_empty_value_is_not_zero() -> None:
    assert read(nem(STREAM, day(values=["", *["0"] * 47]))).rows.to_pylist()[0]["values_unscaled"] == [
        None,
        *[0.0] * 47,
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((STREAM, day(values=["1"] * 47)), (3, "QualityMethod", "too_few_fields")),
        ((STREAM, day(values=["1"] * 49)), (3, "QualityMethod", "too_many_fields")),
        ((STREAM, "300,20260901,V,,,20260902030405,"), (3, "QualityMethod", "too_few_fields")),
        ((STREAM, day("X")), (3, "QualityMethod", "bad_code")),
        ((STREAM, day(values=["1"] * 10 + ["1.2.3"] + ["1"] * 37)), (3, "IntervalValue11", "bad_number")),
        ((STREAM, day(values=["nan"] + ["1"] * 47)), (3, "IntervalValue1", "bad_number")),
        ((STREAM, day(when="20260931")), (3, "IntervalDate", "bad_date")),
        ((STREAM, day(when="2026091")), (3, "IntervalDate", "bad_date")),
        ((STREAM.replace("kWh", ""), day()), (3, "UOM", "bad_code")),
        ((STREAM.replace("kWh", "kVArh"), day()), (3, "UOM", "bad_code")),
        ((STREAM.replace(",E1,", ",V1,"), day()), (3, "NMISuffix", "bad_code")),
        ((STREAM.replace(",E1,", ",,"), day()), (3, "NMISuffix", "missing_key")),
        ((STREAM.replace("NMI1", ""), day()), (3, "NMI", "missing_key")),
        ((STREAM.replace(",30,", ",10,"), day(values=["1"] * 144)), (3, "IntervalLength", "bad_code")),
        ((STREAM, day("V"), "400,1,47,A,,"), (3, "QualityMethod", "bad_structure")),
        ((STREAM, day("V")), (3, "QualityMethod", "bad_structure")),
        ((STREAM, day("V"), "400,1,20,A,,", "400,22,48,A,,"), (3, "StartInterval", "bad_structure")),
        ((STREAM, day("V"), "400,1,49,A,,"), (3, "StartInterval", "bad_structure")),
        ((STREAM, day("V"), "400,1,48,V,,"), (3, "QualityMethod", "bad_code")),
        ((STREAM, day("A"), "400,1,48,F14,,"), (3, "QualityMethod", "bad_structure")),
    ],
)
def test_a_day_that_cannot_be_read_is_held_back_and_the_others_go_on(
    lines: tuple[str, ...], expected: tuple[int, str, str]
) -> None:
    assert rejected(*lines) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (nem(STREAM, day(), header="100,NEM14,202609020000,A,B"), ("unsupported_version", 1)),
        (nem(), ("no_records", 2)),
        (nem(STREAM), ("no_records", 3)),
        (nem(STREAM, day(), header=""), ("missing_header", 2)),
        (nem(STREAM, day(), end="\r\n"), ("truncated", 3)),
        (nem(day()), ("bad_structure", 2)),
        (nem(STREAM, "400,1,48,A,,"), ("bad_structure", 3)),
        (nem(STREAM, day(), "12x,x"), ("bad_structure", 4)),
        (nem(STREAM, day(), "123,x"), ("bad_structure", 3)),
        (nem(STREAM, day(), "900", STREAM), ("bad_structure", 5)),
        (nem(STREAM, day("V")), ("bad_structure", 3)),
        (nem(STREAM, day(), header=HEADER + "\0"), ("bad_structure", 1)),
        (nem(STREAM, day()).replace(b"RETAILER", b"\xff"), ("bad_encoding", 1)),
        (nem(STREAM, day(), "2\x0000,NMI2", day()), ("bad_structure", 4)),
        (nem(STREAM, day()).replace(b"300,", b"3\xff00,"), ("bad_structure", 3)),
    ],
)
def test_a_file_that_is_no_nem12_is_refused_with_its_line(content: bytes, expected: tuple[str, int]) -> None:
    assert refused(content) == expected


SPOILT = [
    (2, b"NMI1", b"N\0", (3, "NMI", "nul_byte")),
    (2, b"METER1", b"M\xff", (3, None, "bad_encoding")),
    (3, b"20260901", b"2026\x000901", (3, "IntervalDate", "nul_byte")),
    (3, b"1.5", b"1\0.5", (3, "IntervalValue1", "nul_byte")),
    (3, b"1.5", b"1.5\xbc", (3, "IntervalValue1", "bad_encoding")),
    (3, b",V,", b",V\xff,", (3, None, "bad_encoding")),
    (4, b",48,A", b",48,A\0", (3, None, "nul_byte")),
    (4, b",48,A", b",48,A\xff", (3, None, "bad_encoding")),
]
"""Line of a stream, a day and the qualities of the day, what stands in it, what came; what is held back."""


@pytest.mark.parametrize(("line", "old", "new", "expected"), SPOILT)
def test_nul_and_bytes_that_are_no_text_cost_the_days_they_tell_of(
    line: int, old: bytes, new: bytes, expected: tuple[int, str | None, str]
) -> None:
    lines = nem(STREAM, day("V"), "400,1,48,A,,", STREAM, day()).split(b"\n")
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    result = read(b"\n".join(lines))
    assert result.rows["line_number"].to_pylist() == [6]
    (row,) = result.rejects.to_pylist()
    assert (row["line_number"], row["column_name"], row["reason_code"]) == expected
    assert f"line {line} " in f"{row['reason']} "
    assert "\0" not in row["raw_record"]


def test_what_says_nothing_of_intervals_may_hold_any_bytes() -> None:
    result = read(nem(STREAM, day(), "500,O,\0,20260901,1", end="900,\0"))
    assert (result.rows.num_rows, result.rejects.num_rows) == (1, 0)


def test_a_file_of_which_no_day_can_be_read_is_refused_with_the_first() -> None:
    assert refused(nem(STREAM.replace("METER1", "M\0"), day(), day())) == ("bad_structure", 3)


def test_blank_lines_before_the_header_and_after_the_end_are_passed_over() -> None:
    assert read(b"\r\n" + nem(STREAM, day()) + b"\r\n\r\n").rows["line_number"].to_pylist() == [4]


def test_the_page_lists_what_becomes_of_every_example_file() -> None:
    page = (Path(__file__).resolve().parents[4] / "docs" / "formats" / "nem12.md").read_text(encoding="utf-8")
    folder = packaged("samples") / "nem12"
    for path in [path for part in ("valid", "partly") for path in (folder / part).glob("Example_*")]:
        result = read(path.read_bytes())
        outcome = "read in part" if result.rejects.num_rows else "read"
        assert f"| `{path.name}` | {outcome} | {result.rows.num_rows} |" in page
        for held in result.rejects.to_pylist():
            assert f"line {held['line_number']}: `{held['reason_code']}`" in page
    with (folder / "refused_reasons.csv").open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            assert f"| `{row['file']}` | refused |  | line {row['line'] or 1}: `{row['reason_code']}`" in page


def test_the_length_of_an_interval_may_have_a_leading_zero() -> None:
    row = read(nem(STREAM.replace(",kWh,30,", ",KWH,05,"), day(values=["0.1"] * 288))).rows.to_pylist()[0]
    assert (row["interval_minutes"], round(sum(row["values_unscaled"]), 6)) == (5, 28.8)


@pytest.mark.parametrize("minutes", ["005", "5.0", "+5", "00", " 5x"])
def test_a_length_of_another_notation_is_none(minutes: str) -> None:
    assert rejected(STREAM.replace(",30,", f",{minutes},"), day()) == (3, "IntervalLength", "bad_code")


FRAMELESS = SETTINGS.model_copy(update={"nem_frame": "optional"})


@pytest.mark.parametrize(("begins", "ends"), [(True, False), (False, True), (False, False)])
def test_a_file_without_its_frame_is_read_on_request_and_said(begins: bool, ends: bool) -> None:
    lines = nem(STREAM, day(), day(when="20260902")).decode().split("\r\n")
    content = "\r\n".join(lines[0 if begins else 1 : None if ends else -1]).encode()
    assert refused(content)[0] == ("truncated" if begins else "missing_header")
    result = read(content, FRAMELESS)
    assert result.rows["curve_date"].to_pylist() == [date(2026, 9, 1), date(2026, 9, 2)]
    assert [note[:13] for note in result.warnings] == [
        *([] if begins else ["no 100 record"]),
        *([] if ends else ["no 900 record"]),
    ]


def test_the_last_day_of_a_file_that_was_cut_off_is_held_back() -> None:
    result = read(nem(STREAM, day(), day()[:60]).removesuffix(b"\r\n900"), FRAMELESS)
    assert [row["line_number"] for row in result.rejects.to_pylist()] == [4]
    assert result.rows["line_number"].to_pylist() == [3]


def wrapped(comma: bool, quality: str = "A", values: int = 48) -> list[str]:
    fields = day(quality, values=[str(number) for number in range(values)]).split(",")
    parts = [",".join(part) for part in (fields[:13], fields[13:26], fields[26:])]
    return [parts[0] + "," * comma, parts[1] + "," * comma, parts[2]]


@pytest.mark.parametrize("comma", [True, False])
def test_a_wrapped_record_is_joined_where_the_count_fits(comma: bool) -> None:
    result = read(nem(STREAM, *wrapped(comma, "V"), "400,1,48,F14,,", day(when="20260902")))
    rows = result.rows.to_pylist()
    assert [row["line_number"] for row in rows] == [3, 7]
    assert rows[0]["values_unscaled"] == [float(number) for number in range(48)]
    assert rows[0]["sender_quality_codes"] == ["F14"] * 48


@pytest.mark.parametrize("values", [47, 49])
def test_a_wrapped_record_of_another_count_is_held_back_with_its_qualities_alone(values: int) -> None:
    assert rejected(STREAM, *wrapped(True, "V", values), "400,1,48,F14,,")[:1] == (3,)


@pytest.mark.parametrize(
    "lines",
    [
        (day(), "1.5,1.5"),
        (day("V"), "400,1,48,A,,", "1.5,1.5"),
        (day(values=["1"] * 40), "1,1\0"),
    ],
)
def test_a_line_of_numbers_that_belongs_to_no_record_costs_the_record_above_it(
    lines: tuple[str, ...],
) -> None:
    line, _, code = rejected(STREAM, *lines)
    assert (line, code) == (3, "nul_byte" if "\0" in lines[1] else "bad_structure")
