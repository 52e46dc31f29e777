"""What the facts say of a kind of contract in a span of days, asked once and kept beside the facts."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import date
from typing import Any, TypeVar

from pipelines.facts import Facts

K = TypeVar("K", bound=Hashable)
S = TypeVar("S")
MOST = 5_000
"""Sheets that are kept: those of every kind of contract for years, not those of every market price."""


class _NotAsked:
    """Stands for a sheet that is not kept; what a sheet says may itself be nothing."""


_NOT_ASKED = _NotAsked()


class PriceSheets:
    """The price sheets of some facts on one day of knowledge.

    A sheet is asked for by the function that makes it and by a kind: those terms of a contract that its
    prices depend on, and nothing else of it. What cannot be priced raises each time anew.
    """

    def __init__(self, facts: Facts, known: date | None) -> None:
        self.facts, self.known = facts, known
        self._kept: dict[tuple[Any, ...], Any] = {}

    def of(
        self,
        asked: Callable[[K, date, date, Facts, date | None], S],
        kind: K,
        first_day: date,
        last_day: date,
    ) -> S:
        """What ``asked`` says of the kind on every day from the first to the last; raises what it raises."""
        key = (asked, kind, first_day, last_day)
        found: S | _NotAsked = self._kept.get(key, _NOT_ASKED)
        if isinstance(found, _NotAsked):
            found = asked(kind, first_day, last_day, self.facts, self.known)
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[key] = found
        return found


def price_sheets(facts: Facts, known: date | None) -> PriceSheets:
    """The sheets of these facts; changed facts are other ones and begin without any.

    known  Only facts known by this day count; none: all.
    """
    key = (PriceSheets, known)
    found: PriceSheets | None = facts.derived.get(key)
    if found is None:
        found = facts.derived[key] = PriceSheets(facts, known)
    return found
