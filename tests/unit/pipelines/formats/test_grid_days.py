"""The grid's own tables: days in other notations, and days of 24 and 48 points."""

from __future__ import annotations

from datetime import date

import pytest

from pipelines.formats import FormatSettings, ReadResult, detect
from pipelines.formats.day_read import COLUMNS as DAY_READ
from pipelines.formats.power_curve import COLUMNS as CURVE
from pipelines.formats.power_curve import POINT_COLUMNS
from pipelines.settings import load_settings, packaged

SETTINGS = load_settings(packaged("conf")).section(FormatSettings)
READ = "MP1,1,2026-09-01,2026-09-02 00:00:00,123.45,,,,,,2026-09-02 01:10:00"


def read(content: str, settings: FormatSettings = SETTINGS) -> ReadResult:
    body = content.encode()
    result = detect("file.csv", body).read(body, "file.csv", settings)
    assert result.received_rows == result.rows.num_rows + result.rejects.num_rows
    return result


def reads(*lines: str) -> str:
    return "\n".join([",".join(DAY_READ), *lines]) + "\n"


def curve_line(**changes: str) -> str:
    cells = dict.fromkeys(CURVE, "") | {"ID": "MP1", "DATA_DATE": "2026-09-01", "DATA_TYPE": "1"}
    cells |= {"DATA_POINT_FLAG": "1", "DATA_WHOLE_FLAG": "1" * 96, "INSERT_TIME": "2026-09-02 01:10:00"}
    cells |= {column: f"{number}.5" for number, column in enumerate(POINT_COLUMNS)}
    return ",".join((cells | changes)[column] for column in CURVE)


def curves(*lines: str) -> str:
    return "\n".join([",".join(CURVE), *lines]) + "\n"


def only_reject(result: ReadResult) -> dict[str, object]:
    assert result.rejects.num_rows == 1, result.rejects.to_pylist()
    return dict(result.rejects.to_pylist()[0])


@pytest.mark.parametrize(
    "text",
    ["20260901", "2026/9/1", "2026/09/01", "2026-09-01 00:00:00", "2026-09-01T00:00", "20260901 00:00:00.0"],
)
def test_a_day_of_the_grid_s_tables_may_be_written_in_other_ways(text: str) -> None:
    for content in (
        curves(curve_line(DATA_DATE=text)),
        reads(READ.replace("2026-09-01", text)),
        reads(READ.replace("2026-09-01", text), READ.replace("2026-09-01", "2026-09-02")),
    ):
        rows = read(content).rows
        assert rows[2].to_pylist()[0] == date(2026, 9, 1)


@pytest.mark.parametrize("text", ["2026090", "20260931", "2026-09-01 01:00", "1/9/2026", "202609-01"])
def test_what_is_no_day_stays_none(text: str) -> None:
    row = only_reject(read(curves(curve_line(DATA_DATE=text), curve_line())))
    assert (row["line_number"], row["column_name"], row["reason_code"]) == (2, "DATA_DATE", "bad_date")


def hours(**changes: str) -> str:
    cells = dict.fromkeys(POINT_COLUMNS[24:], "") | {"DATA_POINT_FLAG": "3", "DATA_WHOLE_FLAG": "1" * 24}
    return curve_line(**(cells | changes))


def test_a_day_of_24_points_is_one_of_hours_beside_days_of_96() -> None:
    rows = read(curves(hours(), curve_line(ID="MP2"), hours(DATA_WHOLE_FLAG="", P24=""))).rows.to_pylist()
    assert [row["interval_minutes"] for row in rows] == [60, 15, 60]
    assert [len(row["values_unscaled"]) for row in rows] == [24, 96, 24]
    assert rows[0]["values_unscaled"] == [number + 0.5 for number in range(24)]
    assert rows[1]["values_unscaled"] == [number + 0.5 for number in range(96)]
    assert rows[2]["values_unscaled"][-1] is None
    assert rows[0]["present_flags"] == "1" * 24


@pytest.mark.parametrize(
    ("changes", "column"),
    [({"P25": "0.1"}, "P25"), ({"P96": "0"}, "P96"), ({"DATA_WHOLE_FLAG": "1" * 96}, "DATA_WHOLE_FLAG")],
)
def test_a_day_of_24_points_that_tells_more_is_held_back(changes: dict[str, str], column: str) -> None:
    result = read(curves(curve_line(), hours(**changes), hours()))
    row = only_reject(result)
    assert (row["line_number"], row["column_name"], row["reason_code"]) == (3, column, "bad_structure")
    assert str(row["raw_record"]).startswith("MP1,")
    assert result.rows["line_number"].to_pylist() == [2, 4]


def test_half_hours_are_read_where_the_settings_name_their_flag() -> None:
    line = curve_line(DATA_POINT_FLAG="2", DATA_WHOLE_FLAG="", **dict.fromkeys(POINT_COLUMNS[48:], ""))
    told = SETTINGS.model_copy(update={"point_flags_of_48": ("2",)})
    assert read(curves(line), settings=told).rows["interval_minutes"].to_pylist() == [30]


def test_a_flag_means_one_number_of_points() -> None:
    with pytest.raises(ValueError, match="two numbers of points"):
        FormatSettings.model_validate(SETTINGS.model_dump() | {"point_flags_of_48": ["3"]})
