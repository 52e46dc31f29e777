"""Facts on the days of a month: what holds on all days of a span, and the days on which one changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Generic, NamedTuple, TypeVar

from pipelines.codes import TouSchedule, VoltageLevel
from pipelines.errors import UsageError
from pipelines.facts import Dated, Facts, Version
from pipelines.facts.prices import PriceByVoltage, price_at_level
from pipelines.periods import BillingMonth
from pipelines.tariff.lines import Ground

T = TypeVar("T")
_DAY = timedelta(days=1)


class PriceChangesInsideError(UsageError):
    """A price changes inside a span of days whose energy is settled whole."""


@dataclass(frozen=True)
class Held(Generic[T]):
    """A fact as it holds on some days."""

    dated: Dated[T]
    version: Version[T]

    @property
    def value(self) -> T:
        """Its value on these days."""
        return self.version.value

    def ground(self, part: str = "") -> Ground:
        """The fact as a line rests on it; part: one figure of it."""
        return self.dated.fact_id + (part and f".{part}"), self.version.citation.confidence


class Span(NamedTuple):
    """Days whose prices are asked for: from the first to the last, by facts known by ``known``; None: all."""

    first_day: date
    last_day: date
    facts: Facts
    known: date | None

    def held(self, dated: Dated[T]) -> Held[T]:
        """The fact whose value holds on every day.

        Raises FactNotInForceError where a day is not covered, and UsageError where the value changes inside
        the span: its energy is settled whole, so only the caller can say which part of it lies before the
        change.
        """
        first = dated.version_on(self.first_day, self.known)
        for day in _boundaries(dated, self.first_day, self.last_day):
            new = dated.version_on(day, self.known)
            if new.value != first.value:
                where = f"inside {BillingMonth.of(self.first_day)} ({dated.file}:{new.line})"
                raise PriceChangesInsideError(
                    f"{dated.fact_id} changes on {day.isoformat()}, {where}.",
                    "Give the month's load curve, which tells how much lies before the change; in Python see "
                    "change_days and cut_month.",
                )
        return Held(dated, first)

    def level_price(self, dated: Dated[PriceByVoltage], level: VoltageLevel) -> tuple[Decimal, Ground]:
        """The price of one voltage level, and what it rests on."""
        held = self.held(dated)
        return price_at_level(dated, held.value, level, self.first_day), held.ground(level.value)

    def hours(self, whose: TouSchedule | None) -> tuple[Ground, ...]:
        """What the time-of-use hours of these days rest on."""
        return self.facts.time_of_use.figures(whose, self.first_day, self.last_day, self.known)


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
    days = {version.effective_from for version in dated.versions}
    days |= {version.effective_to + _DAY for version in dated.versions if version.effective_to is not None}
    return sorted(day for day in days if first_day < day <= last_day)
