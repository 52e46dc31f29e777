"""What the facts say of a kind of contract in a span of days, asked once and kept beside the facts."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import date
from typing import Any, TypeVar

from pipelines.facts import Facts
from pipelines.tariff.month_facts import Span

K = TypeVar("K", bound=Hashable)
S = TypeVar("S")
MOST = 5_000
"""Sheets that are kept: those of every kind of contract for years, not those of every market price."""
_NOT_ASKED = object()
"""Stands for a sheet that is not kept; what a sheet says may itself be nothing."""


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
