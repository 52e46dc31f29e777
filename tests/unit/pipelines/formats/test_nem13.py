"""NEM13: registers of 250 records, and what is refused or held back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from pipelines.errors import InputRefusedError
from pipelines.formats import FormatSettings, ReadResult, detect
from pipelines.formats.contract import rows_schema
from pipelines.settings import load_settings, packaged
from pipelines.tables.bronze import BronzeRegisterReads

SETTINGS = load_settings(packaged("conf")).section(FormatSettings)
HEADER = "100,NEM13,202604101030,MDA1,Ret1"
READ = (
    "250,NMI1,1141,01,11,11,METSER66,E,0100.5,20260105103230,A,,,0250.75,20260405000000,E64,,,"
    "150.25,kWh,20260705,20260410120000,20260411000000"
)


def nem(*lines: str, header: str = HEADER, end: str = "900") -> bytes:
    return "\r\n".join([header, *lines, end]).encode()


def read(content: bytes, settings: FormatSettings = SETTINGS) -> ReadResult:
    reader = detect("file.csv", content)
    assert reader.id == "nem13"
    result = reader.read(content, "file.csv", settings)
    assert result.received_rows == result.rows.num_rows + result.rejects.num_rows
    return result


def test_a_record_becomes_its_two_reads() -> None:
    result = read(nem(READ, "550,N,,E,"))
    assert result.rows.schema == rows_schema(BronzeRegisterReads)
    common = {
        "meter_point_id": "NEM13-NMI1-11",
        "channel_code": "active_forward",
        "rate_registers_unscaled": None,
        "line_number": 2,
        "sent_at_utc": datetime(2026, 4, 10, 2, tzinfo=UTC),
    }
    assert result.rows.to_pylist() == [
        common
        | {
            "read_date": date(2026, 1, 5),
            "collected_at_utc": datetime(2026, 1, 5, 0, 32, 30, tzinfo=UTC),
            "register_unscaled": Decimal("100.5"),
            "sender_status": "A",
            "read_month": "2026-01",
        },
        common
        | {  # midnight closes the day before
            "read_date": date(2026, 4, 4),
            "collected_at_utc": datetime(2026, 4, 4, 14, tzinfo=UTC),
            "register_unscaled": Decimal("250.75"),
            "sender_status": "E64",
            "read_month": "2026-04",
        },
    ]
    assert result.warnings == ()


def test_what_is_given_has_its_own_channel_and_units_become_kwh() -> None:
    given = READ.replace(",E,0100", ",I,0100").replace(",kWh,", ",MWh,").replace(",11,11,", ",41,41,")
    rows = read(nem(given)).rows.to_pylist()
    assert {(row["meter_point_id"], row["channel_code"]) for row in rows} == {
        ("NEM13-NMI1-41", "active_reverse")
    }
    assert [row["register_unscaled"] for row in rows] == [Decimal(100500), Decimal(250750)]


def test_a_read_that_is_none_gives_no_row_and_the_other_stays() -> None:
    first = READ.replace("0100.5,20260105103230,A", ",,N")
    assert [row["register_unscaled"] for row in read(nem(first)).rows.to_pylist()] == [Decimal("250.75")]


def test_a_quantity_that_is_no_difference_is_told() -> None:
    (note,) = read(nem(READ, READ.replace(",150.25,", ",15025,"))).warnings
    assert note == "the quantity of 1 records is not the difference of their reads: lines 3"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("NMI1", "", ("NMI", "missing_key")),
        (",11,11,", ",,11,", ("NMISuffix", "missing_key")),
        (",E,0100.5", ",X,0100.5", ("DirectionIndicator", "bad_code")),
        ("kWh", "kvarh", ("UOM", "bad_code")),
        ("0250.75", "-250.75", ("CurrentRegisterRead", "bad_number")),
        ("0250.75", "250.12345678", ("CurrentRegisterRead", "bad_number")),
        ("0250.75", "9" * 15, ("CurrentRegisterRead", "bad_number")),
        ("20260405000000", "20260431000000", ("CurrentRegisterReadDateTime", "bad_date")),
        ("20260405000000", "2026-04-05", ("CurrentRegisterReadDateTime", "bad_date")),
        (",E64,", ",X,", ("CurrentQualityMethod", "bad_code")),
        ("METSER66", "M\0", ("MeterSerialNumber", "nul_byte")),
    ],
)
def test_a_record_that_cannot_be_read_is_held_back_and_the_others_go_on(
    old: str, new: str, expected: tuple[str, str]
) -> None:
    result = read(nem(READ.replace(old, new), READ))
    assert result.rows.num_rows == 2
    (row,) = result.rejects.to_pylist()
    assert (row["line_number"], row["column_name"], row["reason_code"]) == (2, *expected)


def test_a_short_record_and_one_without_any_read_are_held_back() -> None:
    none = READ.replace("0100.5,20260105103230,A", ",,N").replace("0250.75,20260405000000,E64", ",,N")
    result = read(nem("250,NMI1,1141", none, READ))
    assert [row["reason_code"] for row in result.rejects.to_pylist()] == ["too_few_fields", "missing_value"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (nem(), ("no_records", 2)),
        (nem(READ, "200,NMI1,E1,1,E1,N1,M,kWh,30,"), ("bad_structure", 3)),
        (nem("550,N,,E,"), ("bad_structure", 2)),
        (nem(READ, "900", READ), ("bad_structure", 4)),
        (nem(READ, end=""), ("truncated", 2)),
        (nem(READ, header=READ), ("missing_header", 1)),
    ],
)
def test_a_file_that_is_no_nem13_is_refused_with_its_line(content: bytes, expected: tuple[str, int]) -> None:
    with pytest.raises(InputRefusedError) as refusal:
        read(content)
    assert (refusal.value.reason_code, refusal.value.line) == expected


def test_a_file_without_its_frame_is_read_on_request_and_said() -> None:
    result = read(READ.encode(), SETTINGS.model_copy(update={"nem_frame": "optional"}))
    assert result.rows.num_rows == 2
    assert [note[:13] for note in result.warnings] == ["no 100 record", "no 900 record"]
