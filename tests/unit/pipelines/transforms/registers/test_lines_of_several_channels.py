"""A line of the wide form tells of several channels: each keeps its own rates, and quarantine holds the line
once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
import yaml

from pipelines.formats.contract import FormatSettings
from pipelines.formats.day_read_wide import DayReadWideCsv
from pipelines.incremental.file_accounts import corrected_quarantine
from pipelines.settings import packaged
from pipelines.storage.table_hash import content_hash
from pipelines.tables.bronze import BronzeLoadCurves, BronzeRegisterReads
from pipelines.tables.silver import RAW_RECORD_LIMIT, SilverMeterPoints
from pipelines.transforms.received.precedence import QUARANTINE_SCHEMA, one_row_a_line
from pipelines.transforms.registers.register_reads import ReadsOutcome, refine_read_rows
from pipelines.vee.settings import VeeSettings

CONF = packaged("conf")
SETTINGS = VeeSettings.model_validate(yaml.safe_load((CONF / "vee.yaml").read_text(encoding="utf-8")))
FAMILIES = {"PAP": "active_forward", "RAP": "active_reverse"}
FORMATS = FormatSettings.model_validate(
    yaml.safe_load((CONF / "formats.yaml").read_text(encoding="utf-8")) | {"wide_register_families": FAMILIES}
)
TODAY = date(2026, 4, 9)
HEADER = "ID,DATA_DATE,COL_TIME,PAP_R,PAP_R1,PAP_R2,RAP_R,RAP_R1,RAP_R2"


def wide(*lines: str) -> list[dict[str, Any]]:
    """Rows of bronze_register_reads of one file in the old wide form."""
    read = DayReadWideCsv().read("\n".join([HEADER, *lines]).encode(), "reads.csv", FORMATS)
    assert read.rejects.num_rows == 0
    empty = dict.fromkeys(BronzeRegisterReads.columns())
    return [empty | row | {"content_hash": "a"} for row in read.rows.to_pylist()]


def meter(name: str) -> dict[str, Any]:
    row = dict.fromkeys(SilverMeterPoints.columns()) | {
        "meter_point_id": name,
        "valid_from_date": date(2026, 2, 1),
        "meter_id": "M1",
    }
    return row | {
        "multiplier_ratio": 1.0,
        "register_digits": 6,
        "register_decimals": 2,
        "provenance": "simulated",
        "computed_run_id": "r",
    }


def refine(rows: Sequence[dict[str, Any]], *meters: str) -> ReadsOutcome:
    schema = pa.schema(
        [
            BronzeRegisterReads.arrow_schema().field(name).with_nullable(True)
            for name in BronzeRegisterReads.business_columns()
        ]
    )
    table = pa.Table.from_pylist([{name: row[name] for name in schema.names} for row in rows], schema)
    return refine_read_rows(
        table,
        pa.Table.from_pylist([meter(name) for name in meters], SilverMeterPoints.arrow_schema()),
        SETTINGS,
        TODAY,
    )


@pytest.mark.parametrize("reverse", [False, True])
def test_each_channel_of_a_line_is_held_against_its_own_rates(reverse: bool) -> None:
    """10 = 4 + 6 and 100 = 40 + 60; 12 = 5 + 7 and 110 = 45 + 65; on the third day 14 = 6 + 8, but 120 is not
    50 + 73.
    """
    rows = wide(
        "MP-1,2026-03-01,,10,4,6,100,40,60",
        "MP-1,2026-03-02,,12,5,7,110,45,65",
        "MP-1,2026-03-03,,14,6,8,120,50,73",
    )
    assert len({(row["content_hash"], row["line_number"]) for row in rows}) == 3 < len(rows)
    findings = refine(rows[::-1] if reverse else rows, "MP-1").findings.to_pylist()
    assert [(row["channel_code"], row["finding_date"].day, row["check_id"]) for row in findings] == [
        ("active_reverse", 3, "VEE-V22")
    ]


def test_a_line_of_an_unknown_meter_point_is_held_back_once() -> None:
    outcome = refine(wide("MP-9,2026-03-01,,10,4,6,100,40,60", "MP-9,2026-03-02,,12,5,7,,,"))
    held = [
        (row["line_number"], row["reason_code"], row["reason"], row["raw_record"])
        for row in outcome.quarantine.to_pylist()
    ]
    said = "No meter is known for this meter point on this day."
    two = "MP-9,active_forward,2026-03-01,10.000000; MP-9,active_reverse,2026-03-01,100.000000"
    assert held == [
        (2, "unknown_meter_point", said, two),
        (3, "unknown_meter_point", said, "MP-9,active_forward,2026-03-02,12.000000"),
    ]
    # Records are counted as such: three came, three are held back.
    assert [(row["received_rows"], row["quarantined_rows"]) for row in outcome.accounts.to_pylist()] == [
        (3, 3)
    ]


def test_a_line_whose_channels_fail_in_different_ways_says_both() -> None:
    """The forward register falls from 10 to 9, the reverse one was sent by its rates alone."""
    outcome = refine(wide("MP-1,2026-03-01,,10,4,6,100,40,60", "MP-1,2026-03-02,,9,4,5,,45,65"), "MP-1")
    (held,) = outcome.quarantine.to_pylist()
    assert (held["line_number"], held["reason_code"], held["column_name"]) == (
        3,
        "register_decrease",
        "register_unscaled",
    )
    assert (
        held["reason"]
        == "The register is below the one before and cannot have rolled over. A value is needed here."
    )
    assert held["raw_record"] == "MP-1,active_forward,2026-03-02,9.000000; MP-1,active_reverse,2026-03-02,"


def test_quarantine_moved_by_what_was_affected_is_that_of_a_full_run() -> None:
    """Four lines of two channels, two of each meter point; then MP-2 becomes known and only it is settled
    anew.
    """
    first = wide(*(f"MP-{point},2026-03-0{day},,10,4,6,100,40,60" for point in (1, 2) for day in (1, 2)))
    second = [row for row in first if row["meter_point_id"] == "MP-2"]

    def held(rows: Sequence[dict[str, Any]], *meters: str) -> list[dict[str, Any]]:
        return list(refine(rows, *meters).quarantine.to_pylist())

    stood = [row | {"run_id": "first"} for row in held(first)]
    assert [row["line_number"] for row in stood] == [2, 3, 4, 5]
    moved = corrected_quarantine(stood, held(second), held(second, "MP-2"), "second")
    assert moved == [row | {"run_id": "first"} for row in held(first, "MP-2")] == stood[:2]
    # Nothing changes where nothing changed.
    assert corrected_quarantine(stood, held(second), held(second), "second") == stood


def quarantined(content: str, line: int, raw: str, reason: str = "why") -> dict[str, Any]:
    row = {
        "content_hash": content,
        "line_number": line,
        "table_name": BronzeRegisterReads.name,
        "reason_code": "bad_code",
        "column_name": "c",
    }
    return row | {"reason": reason, "raw_record": raw, "stage": "s"}


def test_records_are_joined_within_a_line_of_a_file_and_cut_at_the_limit() -> None:
    rows = [
        quarantined("a", 1, "x"),
        quarantined("a", 2, "y" * (RAW_RECORD_LIMIT - 3)),
        quarantined("a", 2, "zz", "other"),
        quarantined("a", 2, "w"),
        quarantined("b", 2, "v"),
        quarantined("b", 2, "u") | {"table_name": BronzeLoadCurves.name},
    ]
    found = one_row_a_line(pa.Table.from_pylist(rows, QUARANTINE_SCHEMA)).to_pylist()
    joined = quarantined("a", 2, "y" * (RAW_RECORD_LIMIT - 3) + "; z", "why other")
    assert found == [rows[0], joined, rows[4], rows[5]]
    assert one_row_a_line(pa.Table.from_pylist([], QUARANTINE_SCHEMA)).num_rows == 0
    assert one_row_a_line(pa.Table.from_pylist(rows[:2], QUARANTINE_SCHEMA)).to_pylist() == rows[:2]


def test_the_hash_of_received_reads_does_not_depend_on_the_order_of_the_channels_of_a_line() -> None:
    rows = wide("MP-1,2026-03-01,,10,4,6,100,40,60")
    rows = [row | {"source_file": "f", "received_at_utc": None, "run_id": "r"} for row in rows]
    schema = pa.schema([field.with_nullable(True) for field in BronzeRegisterReads.arrow_schema()])
    hashes = {
        content_hash(pa.Table.from_pylist(each, schema), BronzeRegisterReads) for each in (rows, rows[::-1])
    }
    assert len(hashes) == 1
