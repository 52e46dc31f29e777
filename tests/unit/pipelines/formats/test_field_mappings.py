"""Long and wide files that people could not read: the sum that each was made of, or the words that name it.

The inputs are those of the field cases; each is a sample of its kind, which the other tests of mappings take
apart.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.errors import InputRefusedError
from pipelines.formats import LongForm, LongMapping, ReadResult
from tests.unit.pipelines.formats.mapped_lines import SETTINGS

INPUTS = Path(__file__).resolve().parents[3] / "field" / "inputs"
WIDE = {
    "id": "c",
    "interval_minutes": 15,
    "meter_point": {"column": "户号"},
    "stamp": {"place": "interval_end", "zone": "+08:00"},
    "wide": {"date": "日期"},
    "values": [{"unit": "kWh", "channel": "active_forward"}],
}
TWO_COLUMNS = {"column": "", "date": "Date", "time": "Start Time", "format": "%m/%d/%Y %I:%M:%S %p"}


def read(case: str, stamp: dict[str, str], changes: dict[str, Any]) -> ReadResult:
    """A case's file under its mapping with some keys changed."""
    path = next(found for found in sorted((INPUTS / case).iterdir()) if found.suffix != ".yaml")
    declared = INPUTS / case / "m.yaml"
    mapping = yaml.safe_load(declared.read_text(encoding="utf-8")) if declared.exists() else {}
    mapping |= changes
    mapping["stamp"] |= stamp
    return LongForm(LongMapping.model_validate(mapping)).read(path.read_bytes(), path.name, SETTINGS)


def energy(result: ReadResult) -> float:
    """Sum of all values as energy. [kWh]"""
    return sum(
        sum(value for value in row["values_unscaled"] if value is not None)
        * (row["interval_minutes"] / 60 if row["measure_code"] == "mean_power" else 1)
        for row in result.rows.to_pylist()
    )


@pytest.mark.parametrize(
    ("case", "stamp", "changes", "right", "values"),
    [
        ("05", {}, {}, 314.159, 720),
        ("06", {}, {}, 105.531, 960),
        ("07", {"repeated_hour": "file_order"}, {}, 147.085, 337),
        ("11", {}, {"separator": ";", "decimal": ","}, 105.531, 960),
        ("12", {}, {}, 104.865, 480),
        ("12", {}, {"header_line": 3}, 104.865, 480),
        ("13", TWO_COLUMNS, {}, 104.682, 240),
        ("17", {}, {"nothing": ["--", "-", "null", "N/A", ""]}, 202.408, 1843),
        ("24", {}, WIDE, 105.531, 960),
        ("31", {}, {}, 105.531, 960),
        ("34", {}, {}, 116.426, 265),
        ("34", {"repeated_hour": "file_order"}, {}, 116.426, 265),
        ("40", {}, {}, 404.159, 720),
        ("80", {}, {"thousands": ","}, 316.616, 960),
        ("95epoch", {"format": "epoch_s"}, {}, 105.531, 960),
        ("104", {}, {}, 105.531, 960),
        ("min07", {}, {}, 54.0, 48),
        ("min08", {}, {}, 300.0, 24),
        ("min11", {}, {}, 81.0, 72),
    ],
)
def test_a_file_is_read_to_the_sum_it_was_made_of(
    case: str, stamp: dict[str, str], changes: dict[str, Any], right: float, values: int
) -> None:
    result = read(case, stamp, changes)
    assert energy(result) == pytest.approx(right, abs=0.0006)
    found = [
        value for row in result.rows["values_unscaled"].to_pylist() for value in row if value is not None
    ]
    assert (len(found), result.rejects.num_rows) == (values, 0)


def test_the_last_hour_of_each_day_lies_in_its_day() -> None:
    """Cases 05 and 06: 24:00, and 00:00 written under the day that ends with an offset."""
    for case in ("05", "06"):
        days = read(case, {}, {}).rows
        assert (days["curve_date"][0].as_py(), days["present_flags"].null_count) == (
            date(2026, 3, 1),
            days.num_rows,
        )


@pytest.mark.parametrize(
    ("case", "stamp", "changes", "code", "says"),
    [
        ("11", {}, {}, "bad_structure", 'declare `separator: ";"`, and `decimal: ","`'),
        ("12", {}, {"header_line": 1}, "missing_column", "the header has 'Identifiant PRM"),
        ("13", {}, {}, "bad_structure", "declare stamp: {date: Date, time: Start Time}"),
        ("95epoch", {}, {}, "wrong_type", "Declare format: epoch_s"),
        ("102", {}, {}, "bad_structure", "holds ranges such as '2026-03-01 00:00-00:15', begin and end"),
    ],
)
def test_a_file_that_needs_a_key_is_refused_with_its_name(
    case: str, stamp: dict[str, str], changes: dict[str, Any], code: str, says: str
) -> None:
    with pytest.raises(InputRefusedError) as refused:
        read(case, stamp, changes)
    assert refused.value.reason_code == code
    assert says in refused.value.reason


@pytest.mark.parametrize(
    ("case", "changes", "count", "column", "code", "says"),
    [
        (
            "07",
            {},
            2,
            "ts",
            "bad_date",
            "have stamps sent with an offset, or declare repeated_hour: file_order",
        ),
        (
            "11",
            {"separator": ";"},
            960,
            "Verbrauch (kWh)",
            "bad_number",
            'declare `decimal: ","` in the mapping',
        ),
        ("17", {}, 77, "kwh", "bad_number", "declare it under `nothing`"),
        (
            "80",
            {},
            2,
            "wh",
            "thousands_separator",
            "found '1,031', expected a decimal number such as 1234.5; declare `thousands",
        ),
        ("101", {}, 1, "ts", "bad_date", "found '[local time]', expected one stamp of +08:00"),
    ],
)
def test_lines_that_need_a_key_are_held_back_with_its_name(
    case: str, changes: dict[str, Any], count: int, column: str, code: str, says: str
) -> None:
    rejects = read(case, {}, changes).rejects.to_pylist()
    assert len(rejects) == count
    assert (rejects[0]["column_name"], rejects[0]["reason_code"]) == (column, code)
    assert says in rejects[0]["reason"]
