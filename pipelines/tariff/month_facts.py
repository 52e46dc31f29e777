"""The version of a fact that holds a span of days, and the days on which one changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from pipelines.codes import VoltageLevel
from pipelines.errors import UsageError
from pipelines.facts import Dated, Version
from pipelines.facts.prices import PriceByVoltage, price_at_level
from pipelines.periods import BillingMonth
from pipelines.tariff.lines import Ground

T = TypeVar("T")
_DAY = timedelta(days=1)


class PriceChangesInsideError(UsageError):
    """A price changes inside a span of days whose energy is settled whole."""


def ground(dated: Dated[Any], version: Version[Any], part: str = "") -> Ground:
    """A version as a line rests on it.

    part  What the id of the fact gets to name one figure of it.
    """
    return dated.fact_id + part, version.citation.confidence


def version_of_span(dated: Dated[T], first_day: date, last_day: date, known: date | None) -> Version[T]:
    """The version whose value holds on every day from the first to the last.

    Raises FactNotInForceError where a day is not covered, and UsageError where the value changes inside the
    span: its energy is
    settled whole, so only the caller can say which part of it lies before the change.
    """
    first = dated.version_on(first_day, known)
    for day in _boundaries(dated, first_day, last_day):
        new = dated.version_on(day, known)
        if new.value != first.value:
            month = BillingMonth.of(first_day)
            raise PriceChangesInsideError(
                f"{dated.fact_id} changes on {day.isoformat()}, inside {month} ({dated.file}:{new.line}).",
                (
                    "Give the month's load curve, which tells how much lies before the change; in Python see "
                    "change_days and cut_month."
                ),
            )
    return first


def version_of_month(dated: Dated[T], month: BillingMonth, known: date | None) -> Version[T]:
    """The version whose value holds on every day of the month."""
    return version_of_span(dated, month.first_day, month.last_day, known)


def price_of_span(
    dated: Dated[PriceByVoltage], level: VoltageLevel, first_day: date, last_day: date, known: date | None
) -> tuple[Decimal, Version[PriceByVoltage]]:
    """The price of one voltage level in a span of days, and the version that sets it."""
    version = version_of_span(dated, first_day, last_day, known)
    return price_at_level(dated, version.value, level, first_day), version


def changes_inside(dated: Dated[Any], first_day: date, last_day: date, known: date | None) -> Iterator[date]:
    """Days after the first one from which another value holds, in order; raises FactNotInForceError where a
    day is not covered.
    """
    value = dated.version_on(first_day, known).value
    for day in _boundaries(dated, first_day, last_day):
        new = dated.version_on(day, known).value
        if new != value:
            yield day
        value = new


def _boundaries(dated: Dated[Any], first_day: date, last_day: date) -> list[date]:
    """Days inside the span on which a version begins or has just ended: only there anything can change."""
    days: set[date] = set()
    for version in dated.versions:
        days.add(version.effective_from)
        if version.effective_to is not None:
            days.add(version.effective_to + _DAY)
    return sorted(day for day in days if first_day < day <= last_day)
