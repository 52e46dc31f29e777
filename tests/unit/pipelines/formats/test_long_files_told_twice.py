"""Intervals that a long file tells more than once: marked, and a value that gave way is named with its
line.
"""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from pipelines.facts import load_facts
from pipelines.formats import FormatSettings, LongForm, LongMapping
from pipelines.ingest.read_files import read_one
from pipelines.ingest.received_rows import Reading
from pipelines.settings import load_settings, packaged
from zhixiang.vee_files.outputs import flags_of, write_vee
from zhixiang.vee_files.run import run_vee

CONF = load_settings(packaged("conf"))
SETTINGS = CONF.section(FormatSettings)
MAPPING = LongMapping.model_validate(
    {
        "id": "told_twice",
        "files": ["told_twice*.csv"],
        "interval_minutes": 60,
        "meter_point": {"column": "meter"},
        "stamp": {"column": "ts", "place": "interval_start", "zone": "+08:00"},
        "values": [{"column": "kwh", "unit": "kWh", "channel": "active_forward"}],
        "received_at": {"column": "sent", "zone": "+08:00"},
    }
)
FIRST = date(2026, 6, 1)
SENT = "2026-07-01 00:00:00"


def line(day: int, hour: int, kwh: float, sent: str = SENT) -> str:
    return f"A,{FIRST + timedelta(days=day)} {hour:02d}:00:00,{kwh},{sent}"


def whole_days(count: int) -> list[str]:
    return [line(day, hour, 1.0 + hour / 24) for day in range(count) for hour in range(24)]


def text(rows: list[str]) -> bytes:
    return "\n".join(["meter,ts,kwh,sent", *rows, ""]).encode()


def days_of(rows: list[str]) -> Any:
    return LongForm(MAPPING).read(text(rows), "told_twice.csv", SETTINGS)


def test_equal_lines_mark_their_intervals_and_nothing_gave_way() -> None:
    result = days_of([*whole_days(2), line(0, 3, 1.125), line(0, 4, 1.0 + 4 / 24)])
    assert result.rows["present_flags"].to_pylist() == ["111==" + "1" * 19, None]
    assert result.superseded.num_rows == 0
    assert result.rejects.num_rows == 0
    assert result.notes == ("50 lines in 2 days of a channel, 2 of them told an interval again",)


@pytest.mark.parametrize(
    ("sent", "stands", "beaten"),
    [("2026-06-30 00:00:00", 1.5, 26), (SENT, 9.0, 14), ("2026-07-02 00:00:00", 9.0, 14)],
)
def test_a_differing_value_that_gives_way_is_listed_with_its_line(
    sent: str, stands: float, beaten: int
) -> None:
    """Hour 12 stands in line 14 of the file with 1.5 kWh, and once more in line 26 with 9 kWh."""
    result = days_of([*whole_days(1), line(0, 12, 9.0, sent)])
    assert result.rows["values_unscaled"].to_pylist()[0][12] == stands
    (row,) = result.superseded.to_pylist()
    assert (row["line_number"], row["column_name"], row["reason_code"]) == (beaten, "kwh", "superseded")
    other = 40 - beaten
    told = {14: "1.5", 26: "9"}
    assert (
        row["reason"]
        == f"tells {told[beaten]}; line {other} tells {told[other]} for the same interval and stands"
    )
    assert row["raw_record"] == (line(0, 12, 1.5) if beaten == 14 else line(0, 12, 9.0, sent))
    assert result.notes[0] == f"1 values gave way to another line's for the same interval: lines {beaten}"
    assert result.rejects.num_rows == 0, "such a line was read and is not one of the unreadable ones"


def test_a_day_told_in_part_and_twice_has_both_flags() -> None:
    rows = [row for row in whole_days(2) if row != line(0, 20, 1.0 + 20 / 24)]
    assert days_of([*rows, line(0, 3, 1.125)]).rows["present_flags"].to_pylist() == [
        "111=" + "1" * 16 + "-" + "1" * 3,
        None,
    ]


def test_the_file_ledger_names_the_line_that_gave_way_and_is_silent_about_equal_ones(tmp_path: Path) -> None:
    reading = Reading(
        inbox=str(tmp_path),
        tables_location=str(tmp_path / "tables"),
        limits=CONF.platform.ingest,
        formats=SETTINGS,
        mappings=(MAPPING,),
        known=frozenset(),
        run_id="r1",
        received_at_utc=datetime(2026, 7, 2, tzinfo=UTC),
    )
    reasons = []
    for kwh in (1.5, 9.0):
        (tmp_path / "told_twice.csv").write_bytes(text([*whole_days(1), line(0, 12, kwh)]))
        report = read_one(str(tmp_path / "told_twice.csv"), reading)
        assert (report["status_code"], report["received_rows"], report["rejects"]) == ("accepted", 1, [])
        reasons.append(report["reason"])
    assert reasons[0] is None
    assert reasons[1].startswith("1 values gave way to another line's for the same interval: lines 14;")


def test_vee_marks_the_intervals_lists_the_beaten_value_and_loses_none(tmp_path: Path) -> None:
    repeated = [line(5, hour, 1.0 + hour / 24) for hour in range(7)]
    (tmp_path / "told_twice.csv").write_bytes(
        text([*whole_days(20), *repeated, line(8, 12, 9.0, "2026-06-30 00:00:00")])
    )
    result = run_vee(
        [tmp_path / "told_twice.csv"], MAPPING, CONF, load_facts(CONF.facts_dir), date(2026, 11, 1)
    )
    found = {
        str(row["curve_date"]): row["intervals"]
        for row in flags_of(result.curves).to_pylist()
        if row["check_id"] == "VEE-V02"
    }
    assert found == {"2026-06-06": 7, "2026-06-09": 1}
    assert result.changed == 0
    assert pc.sum(result.curves["measured_intervals"]).as_py() == 20 * 24
    figures = write_vee(result, tmp_path / "out")
    assert (figures["rejected_records"], figures["superseded_lines"], figures["checks"]["VEE-V02"]) == (
        0,
        1,
        8,
    )
    listed = list(
        csv.DictReader((tmp_path / "out" / "rejected.csv").read_text(encoding="utf-8-sig").splitlines())
    )
    assert [(row["line_number"], row["reason_code"], row["raw_record"].split(",")[2]) for row in listed] == [
        ("489", "superseded", "9.0")
    ]


def test_many_values_that_give_way_are_a_warning() -> None:
    """Three meters under a number whose last digits were lost look like corrections of one."""
    rows = whole_days(2)
    for meter in (1, 2):
        rows += [
            line(day, hour, 5.0 * meter, f"2026-07-0{meter + 1}") for day in (0, 1) for hour in range(24)
        ]
    result = days_of(rows)
    assert result.superseded.num_rows == 96
    assert result.warnings == (
        "96 values gave way to another line's for the same interval: lines 2, 3, 4, 5, 6, ...; corrections "
        "of their sender, or several meter points under one number?",
    )
    assert len(result.notes) == 1
    few = days_of([*whole_days(2), *(line(0, hour, 9.0, "2026-07-02") for hour in range(12))])
    assert few.warnings == ()
    assert few.notes[0].startswith("12 values gave way")
