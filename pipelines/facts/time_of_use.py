"""Time of use (分时电价): which of 尖峰平谷深谷 each quarter hour of a day is, at what ratio, on which
components.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BeforeValidator

from pipelines.arrays import Int8Array
from pipelines.codes import Confidence, CustomerClass, LineComponent, TouPeriod, TouSchedule
from pipelines.errors import FactFileError, FactNotForContractError, FactNotInForceError
from pipelines.facts.dated import Dated
from pipelines.facts.fact_schema import FactReader, Text, between, code_of, keys_of, whole_from, wrong
from pipelines.facts.holidays import Holidays
from pipelines.facts.prices import EnergyPart, Period

SLOTS, MONTHS = 96, 12
PERIODS: tuple[TouPeriod, ...] = tuple(TouPeriod)
_MINUTES_PER_SLOT = 15
# The highest ratio that was read is 2.05; one written in percent lies far above.
HIGHEST_RATIO = 5
_FLOATING = frozenset({LineComponent.ENERGY_BASE, LineComponent.TRANSMISSION, LineComponent.FUNDS})

Slots = tuple[TouPeriod | None, ...]
Floating = LineComponent | EnergyPart
"""What a ratio may multiply: a component of energy, or one part of the energy base alone."""
Ratios = dict[TouPeriod, Decimal]


@dataclass(frozen=True)
class HolidayRule:
    """Hours that replace the season's on the days off of some festivals; None keeps the season's.

    festivals   Festival codes, see Holidays.festivals.
    first_days  Only so many first days of the festival itself; None: the whole run of days off that it
                belongs to.
    confidence  How sure the rule is, where that differs from its notice.
    """

    festivals: frozenset[str]
    first_days: int | None
    slots: Slots
    confidence: Confidence | None = None

    @property
    def suffix(self) -> str:
        """What the id of the schedule gets to name the rule."""
        return f".holidays.{'_'.join(sorted(self.festivals))}"


@dataclass(frozen=True)
class Schedule:
    """Periods of the day by month of the year, and what holidays change."""

    slots_by_month: tuple[tuple[TouPeriod, ...], ...]
    holiday_rules: tuple[HolidayRule, ...]

    def season_suffix(self, month: int) -> str:
        """What the id of the schedule gets to name the hours of a month and of all months with the same."""
        own = self.slots_by_month[month - 1]
        same = (str(other) for other, slots in enumerate(self.slots_by_month, start=1) if slots == own)
        return f".months_{'_'.join(same)}"


@dataclass(frozen=True)
class TimeOfUse:
    """Time of use of every customer class, with the holidays that it needs.

    mandatory  Classes that must use it; option: months for which a choice holds, of the classes that may
               choose.
    """

    schedules: Mapping[CustomerClass, Dated[Schedule]]
    ratio_tables: Mapping[CustomerClass, Dated[Ratios]]
    floating: Dated[frozenset[Floating]]
    ev_charging: Dated[Schedule]
    mandatory: Dated[frozenset[CustomerClass]]
    option: Dated[dict[CustomerClass, int]]
    holidays: Holidays
    _figures: dict[
        tuple[CustomerClass | TouSchedule, date, date, date | None], tuple[tuple[str, Confidence], ...]
    ] = field(default_factory=dict, repr=False, compare=False)
    _rows: dict[tuple[CustomerClass | TouSchedule, date, date | None], Int8Array] = field(
        default_factory=dict, repr=False, compare=False
    )

    def __getstate__(self) -> dict[str, Any]:
        """Without the cache, so that a pickled copy stays small."""
        return {**self.__dict__, "_rows": {}, "_figures": {}}

    def schedule(self, whose: CustomerClass | TouSchedule, day: date) -> Dated[Schedule]:
        """The schedule of a class or of charging points, asked for a day; raises FactNotInForceError for a
        class without one.
        """
        if whose == TouSchedule.EV_CHARGING:
            return self.ev_charging
        customer_class = CustomerClass(whose)
        if customer_class not in self.schedules:
            raise _no_class("time_of_use.schedule", self.schedules, customer_class, day)
        return self.schedules[customer_class]

    def ratio_table(self, customer_class: CustomerClass, day: date) -> Dated[Ratios]:
        """The ratios of a class, asked for a day; raises FactNotInForceError for a class without any."""
        if customer_class not in self.ratio_tables:
            raise _no_class("time_of_use.ratios", self.ratio_tables, customer_class, day)
        return self.ratio_tables[customer_class]

    def slot_periods(
        self, day: date, whose: CustomerClass | TouSchedule, known: date | None = None
    ) -> tuple[TouPeriod, ...]:
        """The period of each of the 96 quarter hours of a local day, the first beginning at midnight.

        whose  A price class, or the charging points of industry and commerce, whose midday valley lies
               elsewhere.
        """
        return self._slots_of(self.schedule(whose, day).on(day, known), day)

    def ev_charging_periods(self, day: date, known: date | None = None) -> tuple[TouPeriod, ...]:
        """The same for charging points of industry and commerce; the ratios are those of their class."""
        return self.slot_periods(day, TouSchedule.EV_CHARGING, known)

    def _slots_of(self, schedule: Schedule, day: date) -> tuple[TouPeriod, ...]:
        slots = list(schedule.slots_by_month[day.month - 1])
        for rule in schedule.holiday_rules:
            if self._applies(rule, day):
                slots = [new if new is not None else old for new, old in zip(rule.slots, slots, strict=True)]
        return tuple(slots)

    def slot_matrix(
        self, days: Sequence[date], whose: CustomerClass | TouSchedule, known: date | None = None
    ) -> Int8Array:
        """(days, 96) indices into ``list(TouPeriod)``."""
        matrix = np.empty((len(days), SLOTS), dtype=np.int8)
        for position, day in enumerate(days):
            key = (whose, day, known)
            row = self._rows.get(key)
            if row is None:
                row = np.array(
                    [PERIODS.index(period) for period in self.slot_periods(day, whose, known)], dtype=np.int8
                )
                self._rows[key] = row
            matrix[position] = row
        return matrix

    def figures(
        self,
        whose: CustomerClass | TouSchedule | None,
        first_day: date,
        last_day: date,
        known: date | None = None,
    ) -> tuple[tuple[str, Confidence], ...]:
        """The hours that hold on days of a span, season first: ids of figures as ``Facts.describe`` lists
        them, and how sure each is.

        Days that no schedule or calendar covers add none; nobody's hours are none.
        """
        if whose is None:
            return ()
        key = (whose, first_day, last_day, known)
        if key not in self._figures:
            found: dict[str, Confidence] = {}
            for number in range((last_day - first_day).days + 1):
                with suppress(FactNotInForceError):
                    found |= self._figures_of(
                        self.schedule(whose, first_day), first_day + timedelta(days=number), known
                    )
            self._figures[key] = tuple(sorted(found.items(), key=lambda item: ".holidays." in item[0]))
        return self._figures[key]

    def _figures_of(self, dated: Dated[Schedule], day: date, known: date | None) -> dict[str, Confidence]:
        version = dated.version_on(day, known)
        found = {dated.fact_id + version.value.season_suffix(day.month): version.citation.confidence}
        for rule in version.value.holiday_rules:
            with suppress(FactNotInForceError):
                if self._applies(rule, day):
                    found[dated.fact_id + rule.suffix] = rule.confidence or version.citation.confidence
        return found

    def ratios(self, day: date, customer_class: CustomerClass, known: date | None = None) -> Ratios:
        """Ratio of each period to flat. [1]"""
        return dict(self.ratio_table(customer_class, day).on(day, known))

    def floating_components(self, day: date, known: date | None = None) -> frozenset[Floating]:
        """The components whose price the ratio multiplies; a part of the energy base where only that
        floats.
        """
        return self.floating.on(day, known)

    def _applies(self, rule: HolidayRule, day: date) -> bool:
        if rule.first_days is None:
            return bool(rule.festivals & self.holidays.festivals_of_run(day))
        own = self.holidays.festival(day)
        if own not in rule.festivals:
            return False
        return self.holidays.festival(day - timedelta(days=rule.first_days)) != own


def _no_class(
    stem: str, tables: Mapping[CustomerClass, Dated[Any]], customer_class: CustomerClass, day: date
) -> FactNotInForceError:
    return FactNotForContractError(
        f"{stem}.{customer_class.value}", day, f"only the classes {', '.join(tables)}", "time_of_use.yaml"
    )


def _flat_is_one(ratios: Ratios) -> Ratios:
    if ratios.get(TouPeriod.FLAT) != 1:
        raise wrong("the ratio of flat must be 1", "flat")
    return ratios


def _of_energy(components: frozenset[Floating]) -> frozenset[Floating]:
    """Only components of energy have periods; the energy base floats as a whole or by its parts."""
    parts = {each for each in components if isinstance(each, EnergyPart)}
    if not components or components - parts - _FLOATING:
        named = ", ".join(sorted(components - parts - _FLOATING)) or "none"
        known = f"Known: {', '.join(sorted((*_FLOATING, *EnergyPart)))}."
        raise wrong(f"only components of energy float, not {named}", hint=known)
    if parts and LineComponent.ENERGY_BASE in components:
        raise wrong(
            f"energy_base floats as a whole, so {', '.join(sorted(parts))} cannot float beside it",
            hint="Name energy_base, or those of its parts that float.",
        )
    return components


def _schedule(written: _WrittenSchedule) -> Schedule:
    by_month: dict[int, tuple[TouPeriod, ...]] = {}
    for place, season in enumerate(written.seasons):
        hours = _hours(season.hours, "seasons", place)
        if None in hours:
            said = f"no period covers the day from {_clock(hours.index(None))}"
            raise wrong(said, "seasons", place, "hours")
        slots = tuple(slot for slot in hours if slot is not None)
        for month in season.months:
            if month in by_month:
                raise wrong(f"month {month} stands twice", "seasons", place, "months")
            by_month[month] = slots
    if len(by_month) != MONTHS:
        raise wrong(f"no season covers month {min(set(range(1, MONTHS + 1)) - set(by_month))}", "seasons")
    return Schedule(
        tuple(by_month[month] for month in range(1, MONTHS + 1)),
        tuple(
            HolidayRule(
                rule.festivals, rule.first_days, _hours(rule.hours, "holidays", place), rule.confidence
            )
            for place, rule in enumerate(written.holidays)
        ),
    )


def _hours(written: Mapping[TouPeriod, Sequence[str]], *way: str | int) -> Slots:
    """The period of each quarter hour; None where none is written.

    way  To the season or rule in the schedule.
    """
    slots: list[TouPeriod | None] = [None] * SLOTS
    for period, spans in written.items():
        way_there = (*way, "hours", str(period))
        for slot in (slot for span in spans for slot in _span(span, way_there)):
            if slots[slot] is not None:
                raise wrong(f"{_clock(slot)} is both {slots[slot]} and {period}", *way_there)
            slots[slot] = period
    return tuple(slots)


def _span(text: str, way: tuple[str | int, ...]) -> range:
    begin, _, end = text.partition("-")
    first, last = (_slot(part, way) for part in (begin, end))
    if not 0 <= first < last <= SLOTS:
        hint = "Write HH:MM-HH:MM in quarter hours, ending at 24:00 at the latest."
        raise wrong(f"{text!r} is no span of a day", *way, hint=hint)
    return range(first, last)


def _slot(text: str, way: tuple[str | int, ...]) -> int:
    hour, _, minute = text.strip().partition(":")
    if not (
        hour.isdigit() and minute.isdigit() and int(minute) % _MINUTES_PER_SLOT == 0 and int(minute) < 60
    ):
        raise wrong(f"{text!r} is no quarter hour HH:MM", *way)
    return int(hour) * 4 + int(minute) // _MINUTES_PER_SLOT


def _clock(slot: int) -> str:
    return f"{slot // 4:02d}:{slot % 4 * _MINUTES_PER_SLOT:02d}"


_Class = Annotated[CustomerClass, code_of(CustomerClass)]
_Components = frozenset[Annotated[LineComponent, code_of(LineComponent)]]
_Floating = frozenset[Annotated[Floating, code_of(LineComponent, EnergyPart)]]
_Hours = dict[Period, tuple[Annotated[str, BeforeValidator(str)], ...]]


@dataclass(frozen=True)
class _WrittenSeason:
    months: tuple[Annotated[int, between(1, MONTHS, whole=True)], ...]
    hours: _Hours


@dataclass(frozen=True)
class _WrittenHolidayRule:
    festivals: frozenset[Text]
    first_days: Annotated[int, whole_from(1, "days")] | None
    hours: _Hours
    confidence: Annotated[Confidence, code_of(Confidence)] | None


@dataclass(frozen=True)
class _WrittenSchedule:
    seasons: tuple[Annotated[_WrittenSeason, keys_of(_WrittenSeason)], ...]
    holidays: tuple[Annotated[_WrittenHolidayRule, keys_of(_WrittenHolidayRule)], ...]


SCHEDULE = FactReader[Schedule](
    Annotated[_WrittenSchedule, keys_of(_WrittenSchedule), AfterValidator(_schedule)]
)
"""Seasons that cover the year once, hours that cover the day once, holiday rules."""
RATIOS = FactReader[Ratios](
    Annotated[
        dict[Period, Annotated[Decimal, between(0, HIGHEST_RATIO, above=True)]], AfterValidator(_flat_is_one)
    ]
)
"""Ratio by period; flat is 1."""
BOUND_MONTHS = FactReader[dict[CustomerClass, int]](dict[_Class, Annotated[int, whole_from(1, "months")]])
"""Whole months by customer class."""
CLASSES = FactReader[frozenset[CustomerClass]](frozenset[_Class])
"""A list of price classes."""
COMPONENTS = FactReader[frozenset[LineComponent]](_Components)
"""A list of bill line components."""
FLOATING = FactReader[frozenset[Floating]](Annotated[_Floating, AfterValidator(_of_energy)])
"""The components, or parts of the energy base, that a ratio multiplies."""


def check_festivals(by_id: Mapping[str, Dated[Any]], names: Mapping[str, str]) -> None:
    """Refuses a holiday rule of a schedule that names a festival which the calendar does not know: it would
    never apply.
    """
    for dated in (dated for fact_id, dated in by_id.items() if fact_id.startswith("time_of_use.schedule.")):
        for version in dated.versions:
            unknown = {name for rule in version.value.holiday_rules for name in rule.festivals} - names.keys()
            if unknown:
                said = f"{dated.fact_id}: the calendar knows no festival named {', '.join(sorted(unknown))}"
                raise FactFileError(dated.file, version.line, said, f"Known: {', '.join(names)}.")
