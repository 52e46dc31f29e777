"""Kinds of files through ``zhixiang vee``: the energies that are right, and what is refused."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from pipelines.facts import load_facts
from pipelines.formats import FormatSettings
from pipelines.formats.power_curve import COLUMNS, POINT_COLUMNS
from pipelines.ingest.understanding import Rules, understand
from pipelines.settings import load_settings, packaged
from tests.command_line import zhixiang
from tests.unit.pipelines.formats.documents.workbooks import Cell, workbook
from tests.unit.pipelines.formats.mapped_lines import mapping
from tests.unit.pipelines.formats.test_green_button import feed, readings, series
from zhixiang.vee_files.outputs import long_intervals
from zhixiang.vee_files.result import VeeResult
from zhixiang.vee_files.run import run_vee

CONF = load_settings(packaged("conf"))
FACTS = load_facts(CONF.facts_dir)
TODAY = date(2026, 6, 30)


def ran(path: Path, nem_frame: Literal["required", "optional"] | None = None) -> VeeResult:
    return run_vee([path], None, CONF, FACTS, TODAY, nem_frame=nem_frame)


def energy(result: VeeResult) -> tuple[float, Counter[str]]:
    rows = long_intervals(result.curves).to_pylist()
    return sum(row["final_kwh_or_kvarh"] or 0.0 for row in rows), Counter(row["status"] for row in rows)


def part(first: int, last: int, sent: str, value: str = "1", missing: str = "") -> str:
    """A row of E_MP_POWER_CURVE that tells the points from first to last."""
    told = [first <= number <= last for number in range(1, 97)]
    cells = {"ID": "K1", "DATA_DATE": "2026-03-01", "DATA_TYPE": "1", "DATA_POINT_FLAG": "1"}
    cells |= {"DATA_WHOLE_FLAG": "".join("01"[each] for each in told), "INSERT_TIME": sent}
    cells |= {point: value if each else missing for point, each in zip(POINT_COLUMNS, told, strict=True)}
    return ",".join(cells[column] for column in COLUMNS)


def curve_file(folder: Path, *rows: str) -> Path:
    path = folder / "curves.csv"
    path.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")
    return path


NOON, NIGHT = "2026-03-01 12:00:00", "2026-03-02 00:10:00"


@pytest.mark.parametrize("missing", ["", "0"])
@pytest.mark.parametrize("order", [1, -1])
def test_parts_of_a_day_are_put_together_point_by_point(tmp_path: Path, missing: str, order: int) -> None:
    rows = [part(1, 48, NOON, missing=missing), part(49, 96, NIGHT, missing=missing)][::order]
    result = ran(curve_file(tmp_path, *rows))
    assert energy(result) == (pytest.approx(24.0), Counter(measured=96))
    assert (result.exit_code, result.rejects) == (0, [])


def test_of_two_values_for_one_point_the_later_stands_and_an_empty_one_never(tmp_path: Path) -> None:
    rows = [part(1, 96, NOON), part(93, 96, NIGHT, value="3")]
    assert energy(ran(curve_file(tmp_path, *rows))) == (pytest.approx(23.0 + 3.0), Counter(measured=96))


def test_a_day_of_hours_by_its_flag(tmp_path: Path) -> None:
    line = part(1, 24, NIGHT, value="0.5").replace("2026-03-01,1,1,", "20260301,1,3,", 1)
    line = line.replace("1" * 24 + "0" * 72, "1" * 24)
    assert energy(ran(curve_file(tmp_path, line))) == (pytest.approx(12.0), Counter(measured=24))


def test_nem12_without_its_frame_is_read_on_request(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("200,VABC000001,E1,E1,E1,N1,MET1,kWh,05,\n300,20260301," + "0.1," * 288 + "A,,,,\n")
    refused = ran(path)
    assert (refused.exit_code, "nem_frame" in str(refused.files[0]["reason"])) == (3, True)
    assert energy(ran(path, "optional")) == (pytest.approx(28.8), Counter(measured=288))


def test_a_sheet_of_a_workbook_under_a_mapping(tmp_path: Path) -> None:
    first = datetime(2026, 3, 1)  # noqa: DTZ001 - cells have no zone
    rows: list[list[Cell]] = [["K1", first + timedelta(minutes=30 * slot), 0.25] for slot in range(96)]
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook(Notes=[["read me"]], Data=[["meter", "ts", "kwh"], *rows]))
    result = run_vee([path], mapping(sheet="Data"), CONF, FACTS, TODAY)
    assert energy(result) == (pytest.approx(24.0), Counter(measured=96))
    assert "Excel workbook" in str(ran(path).files[0]["reason"])


def test_the_inbox_takes_a_workbook_and_green_button_as_vee_does() -> None:
    first = datetime(2026, 3, 1)  # noqa: DTZ001 - cells have no zone
    rows: list[list[Cell]] = [["K1", first + timedelta(minutes=30 * slot), 0.25] for slot in range(48)]
    declared = mapping(files=["works_*.xlsx"])
    rules = Rules(CONF.platform.ingest, CONF.section(FormatSettings), [declared])
    book = understand("works_1.xlsx", workbook(Data=[["meter", "ts", "kwh"], *rows]), rules)
    assert (book.format_id, book.records, book.rejected, dict(book.points)) == (
        "long_plain",
        48,
        0,
        {"MP-K1": 1},
    )
    green = understand("gb.xml", feed(series(readings([1] * 24))), rules)
    assert (green.format_id, green.records, dict(green.points)) == ("green_button", 24, {"GB-5446-01": 1})


def test_a_path_that_does_not_exist_ends_with_exit_2_and_no_report(tmp_path: Path) -> None:
    there = curve_file(tmp_path, part(1, 96, NIGHT))
    told = zhixiang(tmp_path, "vee", str(there), str(tmp_path / "gone.csv"), "--out", str(tmp_path / "out"))
    assert told.returncode == 2
    assert "gone.csv does not exist" in told.stderr
    assert not (tmp_path / "out").exists()
