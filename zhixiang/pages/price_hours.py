"""The periods of the day as rows to be drawn: ordinary days by season, and the hours of holidays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from pipelines.codes import Confidence, CustomerClass, TouPeriod, TouSchedule
from pipelines.errors import FactNotInForceError
from pipelines.facts import Facts
from pipelines.facts.time_of_use import HolidayRule, Schedule
from pipelines.periods import BillingMonth
from zhixiang.pages.price_figures import in_force

AS_SEASON = "as_season"
_DAY = timedelta(days=1)


def day_rows(facts: Facts, kind: CustomerClass | TouSchedule, day: date) -> list[dict[str, Any]]:
    """The schedule in force on a day: one row per season, then one per holiday rule; empty where none is in
    force.

    A row has ``label``, ``is_holiday`` and ``runs`` of (quarter hours, period); the period AS_SEASON stands
    where a holiday changes nothing.
    """
    schedule = in_force(facts.time_of_use.schedule(kind, day), day)
    return (
        []
        if schedule is None
        else [*_seasons(schedule), *(_holiday(rule, facts.holidays.names) for rule in schedule.holiday_rules)]
    )


def charging_confidence(facts: Facts, day: date) -> Confidence | None:
    """How sure the hours of charging points are; None where none are in force."""
    try:
        return facts.time_of_use.ev_charging.version_on(day).citation.confidence
    except FactNotInForceError:
        return None


def _seasons(schedule: Schedule) -> Iterator[dict[str, Any]]:
    months_of: dict[tuple[TouPeriod, ...], list[int]] = {}
    for number, slots in enumerate(schedule.slots_by_month, start=1):
        months_of.setdefault(slots, []).append(number)
    for slots, months in months_of.items():
        label = "全年 all year" if len(months) == len(schedule.slots_by_month) else f"{_months(months)}月"
        yield {"label": label, "is_holiday": False, "runs": _runs(slots)}


def _holiday(rule: HolidayRule, names: dict[str, str]) -> dict[str, Any]:
    festivals = "、".join(name for code, name in names.items() if code in rule.festivals)
    days = f"前{rule.first_days}天 first {rule.first_days} days" if rule.first_days else "放假期间 days off"
    return {"label": f"{festivals} {days}", "is_holiday": True, "runs": _runs(rule.slots)}


def _runs(slots: Sequence[TouPeriod | None]) -> list[tuple[int, str]]:
    return [(len(list(same)), period.value if period else AS_SEASON) for period, same in groupby(slots)]


def _months(numbers: Sequence[int]) -> str:
    """1, 7, 8, 12 -> "1、7–8、12"."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return "、".join(str(first) if first == last else f"{first}–{last}" for first, last in spans)


def holiday_days(facts: Facts, kind: CustomerClass, month: BillingMonth) -> list[dict[str, str]]:
    """Days from the month on to the end of the next year that have holiday hours, as runs: ``first``,
    ``last``, ``name``.

    It ends where the calendar of days off ends.
    """
    runs: list[dict[str, str]] = []
    day, end = month.first_day, date(month.year + 1, 12, 31)
    while day <= end:
        try:
            schedule = facts.time_of_use.schedule(kind, day).on(day)
            is_changed = facts.time_of_use.slot_periods(day, kind) != schedule.slots_by_month[day.month - 1]
            name = facts.holidays.name(day)
        except FactNotInForceError:
            break
        if is_changed and runs and runs[-1]["last"] == (day - _DAY).isoformat() and runs[-1]["name"] == name:
            runs[-1]["last"] = day.isoformat()
        elif is_changed:
            runs.append({"first": day.isoformat(), "last": day.isoformat(), "name": name})
        day += _DAY
    return runs
