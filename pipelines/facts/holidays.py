"""Working days, weekends, public holidays and 调休, from the State Council's notices as chinesecalendar
carries them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator

from pipelines.codes import DayType
from pipelines.errors import FactNotInForceError
from pipelines.facts.dated import Dated
from pipelines.facts.fact_schema import (
    Day,
    FactReader,
    Schema,
    Text,
    TextOrNothing,
    between,
    code_of,
    keys_of,
)
from pipelines.facts.marked_yaml import MarkedList, MarkedMap

SPRING_FESTIVAL = "spring_festival"


@dataclass(frozen=True)
class HolidayNames:
    """Festivals that a rule may name: code to Chinese name."""

    zh: dict[str, str]


@dataclass(frozen=True)
class DayOverride:
    """What an operator's file says of a day, against or beyond the calendar.

    festival  Festival code on a day off; empty otherwise.
    """

    day_type: DayType
    festival: str


@dataclass(frozen=True)
class Holidays:
    """The calendar of days off. A year that neither the calendar nor the override file covers is an error.

    overrides  By day, from ``holidays.yaml``.
    """

    names: dict[str, str]
    overrides: dict[date, DayOverride]
    extra_years: frozenset[int]
    file: str
    _cache: dict[date, DayOverride] = field(default_factory=dict, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        """Without the cache."""
        return {**self.__dict__, "_cache": {}}

    def day_type(self, day: date) -> DayType:
        """What kind of day it is; raises FactNotInForceError for a year not covered."""
        return self._lookup(day).day_type

    def festival(self, day: date) -> str:
        """Code of the festival that the day is off for; empty on any other day."""
        return self._lookup(day).festival

    def name(self, day: date) -> str:
        """Chinese name of the festival that the day is off for; empty on any other day."""
        return self.names.get(self.festival(day), "")

    def festivals_of_run(self, day: date) -> frozenset[str]:
        """The festivals of the unbroken run of holidays that a day lies in; empty on any other day.

        A joint holiday (国庆节、中秋节) is one run, whatever single days of it are called.
        """
        if not self.festival(day):
            return frozenset()
        found: set[str] = set()
        for step in (timedelta(days=-1), timedelta(days=1)):
            at = day
            while self._covers(at) and self.festival(at):
                found.add(self.festival(at))
                at += step
        return frozenset(found)

    def covered_years(self) -> tuple[int, ...]:
        """All years covered."""
        import chinese_calendar

        return tuple(sorted({day.year for day in chinese_calendar.holidays} | self.extra_years))

    def _covers(self, day: date) -> bool:
        return day.year in self.extra_years or day.year in _calendar_years()

    def _lookup(self, day: date) -> DayOverride:
        found = self._cache.get(day)
        if found is None:
            found = self.overrides.get(day) or self._by_calendar(day)
            self._cache[day] = found
        return found

    def _by_calendar(self, day: date) -> DayOverride:
        import chinese_calendar

        if not self._covers(day):
            years = self.covered_years()
            raise FactNotInForceError("holidays", day, f"the years {years[0]} to {years[-1]}", self.file)
        if day in chinese_calendar.workdays:
            return DayOverride(DayType.ADJUSTED_WORKING_DAY, "")
        title = chinese_calendar.holidays.get(day)
        if title is not None:
            code = chinese_calendar.Holiday(title).name
            return DayOverride(
                DayType.SPRING_FESTIVAL if code == SPRING_FESTIVAL else DayType.PUBLIC_HOLIDAY, code
            )
        return DayOverride(DayType.WEEKEND if day.weekday() >= 5 else DayType.WORKING_DAY, "")


_YEARS: frozenset[int] = frozenset()


def _calendar_years() -> frozenset[int]:
    global _YEARS
    if not _YEARS:
        import chinese_calendar

        _YEARS = frozenset(day.year for day in chinese_calendar.holidays)
    return _YEARS


HOLIDAY_NAMES = FactReader[HolidayNames](Annotated[dict[str, Text], AfterValidator(HolidayNames)])
"""Festival code to Chinese name."""


@dataclass(frozen=True)
class _WrittenOverride:
    day: Day
    day_type: Annotated[DayType, code_of(DayType)]
    document: Text
    source: Text
    festival: TextOrNothing = ""


_OVERRIDES: Schema[tuple[_WrittenOverride, ...]] = Schema(
    tuple[Annotated[_WrittenOverride, keys_of(_WrittenOverride)], ...]
)
_YEARS_COVERED: Schema[frozenset[int]] = Schema(frozenset[Annotated[int, between(1, 9999, whole=True)]])


def read_holidays(names: Dated[HolidayNames], options: MarkedMap) -> Holidays:
    """The calendar with the overrides of the file."""
    festivals = names.versions[-1].value.zh
    overrides: dict[date, DayOverride] = {}
    rows: MarkedList = options["overrides"]
    for row, override in zip(rows, _OVERRIDES.part(options, "overrides"), strict=True):
        day, festival = override.day, override.festival
        if festival and festival not in festivals:
            raise row.error("festival", f"no festival named {festival!r}", f"Known: {', '.join(festivals)}.")
        if bool(festival) != (override.day_type in {DayType.PUBLIC_HOLIDAY, DayType.SPRING_FESTIVAL}):
            raise row.error("day_type", "a holiday names its festival, any other day names none")
        if day in overrides:
            raise row.error("day", f"{day} stands twice")
        overrides[day] = DayOverride(override.day_type, festival)
    return Holidays(festivals, overrides, _YEARS_COVERED.part(options, "complete_years"), options.path)
