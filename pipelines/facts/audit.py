"""Checking ``conf/facts``: every file that is not well formed, what is only noted, and whether independent
sources agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pipelines.codes import Confidence, DayType
from pipelines.errors import FactFileError
from pipelines.facts.dated import NOT_READ, NOT_RECORDED, Dated
from pipelines.facts.fact_index import (
    FILES,
    INDUSTRIES,
    MONTHLY_CORRECTIONS,
    MONTHLY_PRICES,
    check_province,
    read_fact_file,
)
from pipelines.facts.holidays import Holidays, read_holidays
from pipelines.facts.industries import Industry, read_industries
from pipelines.facts.marked_yaml import MarkedMap
from pipelines.facts.monthly_prices import read_monthly_prices
from pipelines.facts.power_factor_adjustment import PowerFactorRule
from pipelines.facts.time_of_use import check_festivals

_UNSURE = (Confidence.UNVERIFIED, Confidence.ILLUSTRATIVE)


@dataclass(frozen=True)
class Finding:
    """A problem that stops a run, or a note that a reader should know.

    line  Line of the file, None where none can be named.
    """

    is_problem: bool
    file: str
    line: int | None
    message: str

    def __str__(self) -> str:
        kind = "problem" if self.is_problem else "note"
        return f"{kind}: {self.file}{f':{self.line}' if self.line else ''}: {self.message}"


def check_facts(folder: Path) -> list[Finding]:
    """Problems of every file first, then notes: what was not read, what is unsure, where two calendars
    differ.
    """
    problems: list[Finding] = []
    by_id: dict[str, Dated[Any]] = {}
    choices: dict[str, MarkedMap] = {}
    for name in FILES:
        try:
            found, choices[name] = read_fact_file(folder, name)
            by_id.update(found)
        except FactFileError as error:
            problems.append(_finding(name, error))
    try:
        check_province(choices)
    except FactFileError as error:
        problems.append(_finding(error.path, error))
    industries: dict[str, Industry] = {}
    try:
        industries = read_industries(folder, INDUSTRIES)
    except FactFileError as error:
        problems.append(_finding(INDUSTRIES, error))
    if "energy_base" in by_id:
        try:
            by_id["energy_base"] = read_monthly_prices(
                by_id["energy_base"], folder, MONTHLY_PRICES, MONTHLY_CORRECTIONS
            ).energy_base
        except FactFileError as error:
            problems.append(_finding(error.path, error))
    notes = [note for dated in by_id.values() for note in _notes(dated)]
    unsure = sum(industry.confidence in _UNSURE for industry in industries.values())
    if unsure:
        notes.append(
            Finding(
                is_problem=False,
                file=INDUSTRIES,
                line=None,
                message=f"the names of {unsure} industries are unverified",
            )
        )
    if "power_factor.adjustment" in by_id:
        problems += _printed_cells(by_id["power_factor.adjustment"])
    if "holidays.names" in by_id:
        try:
            holidays = read_holidays(by_id["holidays.names"], choices["holidays.yaml"])
            notes += _compare_calendars(holidays)
            check_festivals(by_id, holidays.names)
        except FactFileError as error:
            problems.append(_finding(error.path, error))
    return [*problems, *notes]


def _finding(name: str, error: FactFileError) -> Finding:
    message = error.message.removeprefix(f"{error.path}:{error.line}: " if error.line else f"{error.path}: ")
    said = f"{message.rstrip('.')}. {error.hint}" if error.hint else message
    return Finding(is_problem=True, file=name, line=error.line, message=said)


def _notes(dated: Dated[Any]) -> Iterator[Finding]:
    for version in dated.versions:
        cited = version.citation
        holes = [
            label
            for label, text in (
                ("document", cited.document),
                ("clause", cited.clause),
                ("issuer", cited.issuer),
            )
            if text == NOT_READ
        ]
        remarks = [f"{', '.join(holes)} not read"] if holes else []
        if cited.retrieved == NOT_RECORDED:
            remarks.append("day of retrieval not recorded")
        if cited.confidence in _UNSURE:
            remarks.append(f"confidence is {cited.confidence.value}")
        if remarks:
            text = f"{dated.fact_id} from {version.effective_from}: {'; '.join(remarks)}"
            yield Finding(is_problem=False, file=dated.file, line=version.line, message=text)


def _printed_cells(dated: Dated[PowerFactorRule]) -> Iterator[Finding]:
    for version in dated.versions:
        for power_factor, row in version.value.printed.items():
            for standard, percent in row.items():
                if version.value.ratio(power_factor, standard) * 100 != percent:
                    text = (
                        f"the rule gives another figure than the printed cell {power_factor} at standard "
                        f"{standard}: {percent}"
                    )
                    yield Finding(is_problem=True, file=dated.file, line=version.line, message=text)


def _compare_calendars(holidays: Holidays) -> Iterator[Finding]:
    """Every weekday off and every weekend worked, against an independent package."""
    for day, message in calendar_differences(holidays, holidays.covered_years()):
        if day not in holidays.overrides:
            yield Finding(is_problem=False, file=holidays.file, line=None, message=message)


def calendar_differences(holidays: Holidays, years: Iterable[int]) -> Iterator[tuple[date, str]]:
    """Days on which the calendar in use and the package ``holidays`` disagree about working."""
    from holidays import country_holidays

    for year in years:
        other: Mapping[date, str] = country_holidays("CN", years=year)
        worked: frozenset[date] = frozenset(getattr(other, "weekend_workdays", ()))
        day = date(year, 1, 1)
        while day.year == year:
            ours = holidays.day_type(day) in {DayType.WORKING_DAY, DayType.ADJUSTED_WORKING_DAY}
            theirs = day in worked if day.weekday() >= 5 else day not in other
            if ours != theirs:
                yield (
                    day,
                    (
                        f"{day}: {'working' if ours else 'off'} here, {'working' if theirs else 'off'} in "
                        "the package holidays"
                    ),
                )
            day += timedelta(days=1)
