"""Kinds of local days: from the holiday facts where they cover a day, else from the week alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta

import numpy as np

from pipelines.arrays import IntArray
from pipelines.codes import DayType
from pipelines.errors import FactNotInForceError
from pipelines.facts import Facts
from pipelines.periods import EPOCH


def type_codes(day_numbers: IntArray, day_types: Mapping[date, str]) -> IntArray:
    """A code per kind of day; days of one kind are like-days."""
    days, place = np.unique(day_numbers, return_inverse=True)
    names = kinds_of(days, day_types)
    codes = {name: code for code, name in enumerate(sorted(set(names)))}
    return np.array([codes[name] for name in names], dtype=np.int64)[place]


def kinds_of(day_numbers: IntArray, day_types: Mapping[date, str]) -> list[str]:
    """Name of the kind of each day; one look-up per distinct day."""
    days, place = np.unique(day_numbers, return_inverse=True)
    names = [_type_name(EPOCH + timedelta(days=int(number)), day_types) for number in days]
    return [names[index] for index in place.tolist()]


def _type_name(day: date, day_types: Mapping[date, str]) -> str:
    # A misdated record must not halt the others, and an estimate that misses a holiday is still marked as an
    # estimate.
    try:
        name = str(day_types[day])
    except (KeyError, FactNotInForceError):
        name = DayType.WEEKEND if day.weekday() >= 5 else DayType.WORKING_DAY
    return f"{name}_{day.weekday()}" if name == DayType.WEEKEND else name


def day_types_of(facts: Facts, days: Sequence[date]) -> dict[date, str]:
    """Day types that the holiday facts cover; curves of other years (and countries) are left to the week's
    rhythm.
    """
    found: dict[date, str] = {}
    for day in days:
        with suppress(FactNotInForceError):
            found[day] = facts.holidays.day_type(day)
    return found
