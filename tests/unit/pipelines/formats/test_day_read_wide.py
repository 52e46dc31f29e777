"""E_MP_DAY_READ in its old wide form: families become rows, and a family that nobody explained refuses the
file.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from pipelines.codes import Channel
from pipelines.errors import InputRefusedError
from pipelines.formats import FormatSettings, detect
from pipelines.settings import load_settings, packaged

SETTINGS = load_settings(packaged("conf")).section(FormatSettings)
BOTH = SETTINGS.model_copy(
    update={"wide_register_families": {"PAP": Channel.ACTIVE_FORWARD, "RAP": Channel.ACTIVE_REVERSE}}
)
HEADER = "ID,DATA_DATE,COL_TIME,PAP_R,PAP_R1,PAP_R2,PAP_R3,PAP_R4,INSERT_TIME\n"


def test_a_wide_row_becomes_the_row_of_the_long_form() -> None:
    wide = (HEADER + "MP1,2026-09-01,2026-09-02 00:00:00,123.45,1,2,,4,2026-09-02 01:10:00\n").encode()
    long = (
        b"ID,READ_TYPE,DATA_DATE,COLL_TIME,R,R1,R2,R3,R4,STATUS,INSERT_TIME\n"
        b"MP1,1,2026-09-01,2026-09-02 00:00:00,123.45,1,2,,4,,2026-09-02 01:10:00\n"
    )
    found, expected = (detect("x", content).read(content, "x", SETTINGS) for content in (wide, long))
    assert detect("x", wide).id == "e_mp_day_read_wide_csv"
    assert found.rows.equals(expected.rows)
    assert found.rows.to_pylist()[0]["rate_registers_unscaled"] == [Decimal(1), Decimal(2), None, Decimal(4)]


def test_each_family_with_a_register_is_a_row_and_the_sender_s_time_may_lack() -> None:
    content = (
        b"ID,DATA_DATE,COL_TIME,PAP_R,RAP_R\nMP1,2026-09-01,2026-09-02 00:00:00,10,3\nMP1,2026-09-02,,12,\n"
    )
    rows = detect("x", content).read(content, "x", BOTH).rows.to_pylist()
    assert [(row["channel_code"], row["read_date"], row["register_unscaled"]) for row in rows] == [
        ("active_forward", date(2026, 9, 1), Decimal(10)),
        ("active_forward", date(2026, 9, 2), Decimal(12)),
        ("active_reverse", date(2026, 9, 1), Decimal(3)),
    ]
    assert rows[0]["collected_at_utc"] == datetime(2026, 9, 1, 16, tzinfo=UTC)
    assert {row["sent_at_utc"] for row in rows} == {None}


def test_a_rate_that_the_file_lacks_keeps_its_place() -> None:
    content = b"ID,DATA_DATE,COL_TIME,PAP_R,PAP_R2,PAP_R4,PAP_R5\nMP1,2026-09-01,,10,2,4,5\n"
    row = detect("x", content).read(content, "x", SETTINGS).rows.to_pylist()[0]
    assert row["rate_registers_unscaled"] == [None, Decimal(2), None, Decimal(4), Decimal(5)]


def test_a_family_that_nobody_explained_refuses_the_file() -> None:
    content = b"ID,DATA_DATE,COL_TIME,PAP_R,RAP_R\nMP1,2026-09-01,,10,3\n"
    with pytest.raises(InputRefusedError) as refusal:
        detect("x", content).read(content, "x", SETTINGS)
    assert (refusal.value.reason_code, refusal.value.line, refusal.value.column) == (
        "missing_column",
        1,
        "RAP_R",
    )


@pytest.mark.parametrize(
    ("cells", "column", "reason"),
    [
        ("MP1,2026-09-31,,1,,,,,", "DATA_DATE", "bad_date"),
        ("MP1,2026-09-01,,-1,,,,,", "PAP_R", "out_of_range"),
    ],
)
def test_a_bad_row_is_held_back(cells: str, column: str, reason: str) -> None:
    content = (HEADER + "MP1,2026-09-01,,5,,,,,\n" + cells + "\n").encode()
    result = detect("x", content).read(content, "x", SETTINGS)
    assert [
        (row["line_number"], row["column_name"], row["reason_code"]) for row in result.rejects.to_pylist()
    ] == [(3, column, reason)]
    assert result.rows.num_rows == 1
