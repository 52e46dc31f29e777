"""A notice that arrives late and reaches back: what was issued stays, the difference becomes lines of its own
(退补).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pipelines.errors import FactNotInForceError
from pipelines.facts import Dated, Facts
from pipelines.periods import BillingDays
from pipelines.tariff.changes import pricing_facts
from pipelines.tariff.lines import BillLine


@dataclass(frozen=True)
class Correction:
    """What one line of an issued bill costs more (above 0, charged) or less (below 0, paid back).

    issued, now       The line as issued and as it is now; None where there is none, at least one is there.
    issued_documents  Documents of the facts behind the line as issued; empty where none is known.
                      now_documents: as it is now.
    notices           Documents that became known in between and set on these days a fact that either of the
                      two lines rests on.
    """

    issued: BillLine | None
    now: BillLine | None
    issued_documents: tuple[str, ...]
    now_documents: tuple[str, ...]
    notices: tuple[str, ...]

    @property
    def line(self) -> BillLine:
        """The line as it is now, or as issued where it is gone."""
        line = self.now or self.issued
        assert line is not None  # noqa: S101 - one of the two is there
        return line

    @property
    def issued_cny(self) -> Decimal:
        """The line as issued; 0 where there was none. [CNY]"""
        return _amount(self.issued)

    @property
    def now_cny(self) -> Decimal:
        """The line as it is now; 0 where there is none. [CNY]"""
        return _amount(self.now)

    @property
    def amount_cny(self) -> Decimal:
        """now - issued. [CNY]"""
        return self.now_cny - self.issued_cny


def corrections_between(
    issued: Iterable[BillLine],
    now: Iterable[BillLine],
    month: BillingDays,
    facts: Facts,
    issued_known: Callable[[BillLine | None], date | None],
    now_known: date | None = None,
) -> tuple[Correction, ...]:
    """What stands between the lines of a bill as issued and as they are now: those whose amounts differ, in
    the order of now.

    issued_known  Issued line -> the day of knowledge that it shows; None -> the same of the bill, for a line
                  that it did not have. Where there is no such day, no document is named.
    now_known     Day of knowledge of the lines now; None: all facts.
    """
    before, after = ({_key(line): line for line in lines} for lines in (issued, now))
    corrections = []
    for key in dict.fromkeys([*after, *before]):
        old, new = before.get(key), after.get(key)
        if _amount(new) != _amount(old):
            known = issued_known(old)
            old_documents = _documents(old, facts, month, known) if known is not None else ()
            notices = _notices((new, old), facts, month, (known, now_known)) if known is not None else ()
            corrections.append(
                Correction(old, new, old_documents, _documents(new, facts, month, now_known), notices)
            )
    return tuple(corrections)


def _key(line: BillLine) -> tuple[object, ...]:
    # The adjustments of two standards differ in nothing else.
    return line.standard, line.component, line.period, line.first_day, line.last_day, line.section


def _amount(line: BillLine | None) -> Decimal:
    return line.amount_cny if line is not None else Decimal("0.00")


def _documents(
    line: BillLine | None, facts: Facts, month: BillingDays, known: date | None
) -> tuple[str, ...]:
    """Documents of the facts behind a line on its first day as known then; that of its price first."""
    found: dict[str, None] = {}
    if line is None:
        return ()
    for dated in _facts_behind(line, facts):
        with suppress(FactNotInForceError):
            found[dated.version_on(line.first_day or month.first_day, known).citation.document] = None
    return tuple(found)


def _notices(
    lines: Iterable[BillLine | None],
    facts: Facts,
    month: BillingDays,
    known: tuple[date, date | None],
) -> tuple[str, ...]:
    """Documents that became known after the first day and not after the second, and hold on a day of one of
    the lines.
    """
    found: dict[str, None] = {}
    for line in filter(None, lines):
        first, last = line.first_day or month.first_day, line.last_day or month.last_day
        for version in (version for dated in _facts_behind(line, facts) for version in dated.versions):
            is_new = known[0] < version.known_from <= (known[1] or date.max)
            if is_new and version.effective_from <= last and first <= (version.effective_to or date.max):
                found[version.citation.document] = None
    return tuple(found)


def _facts_behind(line: BillLine, facts: Facts) -> list[Dated[object]]:
    """The facts that a line rests on, that of its price first.

    One issued before lines said so rests on that of its price and on the ratio that its formula names.
    """
    known = pricing_facts(facts)
    found = [
        dated
        for name in line.rests_on or (line.fact_id,)
        for dated in known
        if name == dated.fact_id or name.startswith(f"{dated.fact_id}.")
    ]
    return found + [dated for dated in known if not line.rests_on and f" {dated.fact_id}." in line.formula]
