"""What the facts say of a kind of contract in a span of days, asked once and kept beside the facts."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
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
K = TypeVar("K", bound=Hashable)
S = TypeVar("S")
MOST = 5_000
"""Sheets that are kept: those of every kind of contract for years, not those of every market price."""
_NOT_ASKED = object()
"""Stands for a sheet that is not kept; what a sheet says may itself be nothing."""
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
                where = f"inside {self} ({dated.file}:{new.line})"
                raise PriceChangesInsideError(
                    f"{dated.fact_id} changes on {day.isoformat()}, {where}.",
                    "Give the load curve of these days, which tells how much lies before the change; in "
                    "Python see change_days and cut_month.",
                )
        return Held(dated, first)

    def __str__(self) -> str:
        month = BillingMonth.of(self.first_day)
        is_inside = self.last_day <= month.last_day
        return str(month) if is_inside else f"{self.first_day} to {self.last_day}"

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


class PriceSheets:
    """The price sheets of some facts on one day of knowledge.

    A sheet is asked for by the function that makes it and by a kind: those terms of a contract that its
    prices depend on, and nothing else of it. What cannot be priced raises each time anew.
    """

    def __init__(self, facts: Facts, known: date | None) -> None:
        self.facts, self.known = facts, known
        self._kept: dict[tuple[Any, ...], Any] = {}

    def of(self, asked: Callable[[K, Span], S], kind: K, first_day: date, last_day: date) -> S:
        """What ``asked`` says of the kind on every day from the first to the last; raises what it raises."""
        key = (asked, kind, first_day, last_day)
        found: Any = self._kept.get(key, _NOT_ASKED)
        if found is _NOT_ASKED:
            found = asked(kind, Span(first_day, last_day, self.facts, self.known))
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[key] = found
        sheet: S = found
        return sheet


def price_sheets(facts: Facts, known: date | None) -> PriceSheets:
    """The sheets of these facts; changed facts are other ones and begin without any.

    known  Only facts known by this day count; none: all.
    """
    key = (PriceSheets, known)
    found: PriceSheets | None = facts.derived.get(key)
    if found is None:
        found = facts.derived[key] = PriceSheets(facts, known)
    return found
