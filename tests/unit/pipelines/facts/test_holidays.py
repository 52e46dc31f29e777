"""Kinds of days, named festivals, joint holidays, overrides, and agreement with an independent calendar."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from pipelines.codes import DayType
from pipelines.errors import FactFileError, FactNotInForceError
from pipelines.facts import load_facts
from pipelines.facts.audit import calendar_differences
from pipelines.settings import packaged

FOLDER = packaged("conf") / "facts"
HOLIDAYS = load_facts(FOLDER).holidays


@pytest.mark.parametrize(
    ("day", "kind", "name"),
    [
        ("2026-02-13", DayType.WORKING_DAY, ""),
        ("2026-02-14", DayType.ADJUSTED_WORKING_DAY, ""),
        ("2026-02-15", DayType.SPRING_FESTIVAL, "春节"),
        ("2026-02-23", DayType.SPRING_FESTIVAL, "春节"),
        ("2026-02-24", DayType.WORKING_DAY, ""),
        ("2026-09-19", DayType.WEEKEND, ""),
        ("2026-09-20", DayType.ADJUSTED_WORKING_DAY, ""),
        ("2026-09-25", DayType.PUBLIC_HOLIDAY, "中秋节"),
        ("2026-09-27", DayType.PUBLIC_HOLIDAY, "中秋节"),
        ("2026-09-28", DayType.WORKING_DAY, ""),
        ("2026-10-03", DayType.PUBLIC_HOLIDAY, "国庆节"),
        ("2026-10-10", DayType.ADJUSTED_WORKING_DAY, ""),
        ("2024-02-29", DayType.WORKING_DAY, ""),
    ],
)
def test_kinds_of_days(day: str, kind: DayType, name: str) -> None:
    at = date.fromisoformat(day)
    assert (HOLIDAYS.day_type(at), HOLIDAYS.name(at)) == (kind, name)


def test_a_joint_holiday_is_one_run_and_separate_ones_are_not() -> None:
    assert HOLIDAYS.festivals_of_run(date(2025, 10, 8)) == {"national_day", "mid_autumn_festival"}
    assert HOLIDAYS.festivals_of_run(date(2026, 9, 27)) == {"mid_autumn_festival"}
    assert HOLIDAYS.festivals_of_run(date(2026, 9, 28)) == frozenset()


def test_a_year_that_is_not_covered_is_an_error_and_no_guess() -> None:
    last = HOLIDAYS.covered_years()[-1]
    assert HOLIDAYS.day_type(date(last, 12, 31)) in DayType
    with pytest.raises(FactNotInForceError) as raised:
        HOLIDAYS.day_type(date(last + 1, 1, 1))
    assert raised.value.fact_id == "holidays"
    assert str(last) in raised.value.covers


def test_an_independent_calendar_agrees_on_every_day_of_the_years_that_are_billed() -> None:
    assert list(calendar_differences(HOLIDAYS, (2024, 2025, 2026))) == []


def overridden(folder: Path, overrides: str, years: str = "[]") -> Path:
    copy = Path(shutil.copytree(FOLDER, folder / "facts"))
    path = copy / "holidays.yaml"
    text = (
        path.read_text(encoding="utf-8")
        .replace("overrides: []", f"overrides:\n{overrides}")
        .replace("complete_years: []", f"complete_years: {years}")
    )
    path.write_text(text, encoding="utf-8")
    return copy


def entry(day: str, kind: str, festival: str = "") -> str:
    named = f"    festival: {festival}\n" if festival else ""
    return f"  - day: {day}\n    day_type: {kind}\n{named}    document: a notice\n    source: a page\n"


def test_the_override_file_stands_above_the_calendar_and_can_add_a_year(tmp_path: Path) -> None:
    rows = entry("2026-09-21", "public_holiday", "national_day") + entry(
        "2099-02-06", "spring_festival", "spring_festival"
    )
    holidays = load_facts(overridden(tmp_path, rows, "[2099]")).holidays
    assert holidays.day_type(date(2026, 9, 21)) is DayType.PUBLIC_HOLIDAY
    assert holidays.day_type(date(2099, 2, 6)) is DayType.SPRING_FESTIVAL
    assert holidays.day_type(date(2099, 2, 9)) is DayType.WORKING_DAY
    assert holidays.festivals_of_run(date(2099, 2, 6)) == {"spring_festival"}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (entry("2026-09-21", "holiday"), "no known DayType"),
        (entry("2026-09-21", "public_holiday"), "names its festival"),
        (entry("2026-09-21", "working_day", "national_day"), "names its festival"),
        (entry("2026-09-21", "public_holiday", "christmas"), "no festival named"),
        (entry("2026-09-21", "weekend").replace("    source: a page\n", ""), "'source' is missing"),
        (entry("2026-09-21", "weekend") * 2, "stands twice"),
    ],
)
def test_a_wrong_override_is_refused(tmp_path: Path, rows: str, words: str) -> None:
    with pytest.raises(FactFileError, match=words) as raised:
        load_facts(overridden(tmp_path, rows))
    assert raised.value.path == "holidays.yaml"
    assert raised.value.line is not None
