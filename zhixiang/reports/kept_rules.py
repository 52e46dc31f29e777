"""The rules by which a result was issued: told beside it, by the run ledger, or, of a bill, by what comes
out. Delivery, replay and explanation ask here and nowhere else.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TypedDict

from pipelines.engine.ledger import Ledger, readable_ledger
from pipelines.engine.rule_archive import FOLDER, kept_rules, possible_rules
from pipelines.errors import DamagedPartError, UnknownNameError, ZhixiangError
from pipelines.facts import Facts
from pipelines.settings import Settings
from pipelines.storage.store import Store
from products.efficiency_bill.bill import IssuedBill
from products.efficiency_bill.replay import replay
from zhixiang.reports.issued_bills import bill_with_corrected

Rules = tuple[Settings, Facts]


class IssuedRow(TypedDict):
    """What every issued result says of the run that computed it."""

    computed_run_id: str | None
    rules_digest: str | None


@dataclass(frozen=True)
class PossibleRules:
    """The kept rules by which a result can have been issued; small enough for another process.

    digests  One where it is told; else all that the home keeps.
    """

    home: Path
    digests: tuple[str, ...]
    is_told: bool

    def told(self) -> Rules | None:
        """Thresholds and facts that row or ledger tell; None where neither does.

        Raises UnknownNameError where they are not kept, TamperedError where they were altered.
        """
        return _read(self.home, self.digests[0]) if self.is_told else None

    def readable(self) -> list[Rules]:
        """Those of them that the home keeps as they were."""
        found = []
        for digest in self.digests:
            with suppress(ZhixiangError):
                found.append(_read(self.home, digest))
        return found

    @property
    def are_gone(self) -> bool:
        """Whether nothing is left to compute by: no rules are kept at all, or not the only ones possible."""
        if len(self.digests) != 1:
            return not self.digests
        try:
            _read(self.home, self.digests[0])
        except UnknownNameError:
            return True
        except ZhixiangError:
            return False
        return False

    def chosen(self, bill: IssuedBill) -> tuple[Rules, str]:
        """Thresholds and facts of a bill, and what a reader must know of how they were found; empty where
        they are told.

        bill  With ``corrected`` where it corrects another.
        Where nothing tells them (a ledger that was lost, a row of a version that noted them nowhere else),
        the only ones kept are taken, or those by which the bill comes out the same.
        Raises UnknownNameError where those told are not kept, TamperedError where they were altered, and
        DamagedPartError where none of those kept gives the bill.
        """
        if len(self.digests) == 1:
            digest = self.digests[0]
            how = "" if self.is_told else f"the only rules that the home keeps are taken, {digest[:16]}"
            return _read(self.home, digest), how
        for digest in self.digests:
            if self._gives(digest, bill):
                many = len(self.digests)
                return _read(self.home, digest), (
                    f"of {many} kept rules those by which it comes out are taken, {digest[:16]}"
                )
        raise DamagedPartError(
            "rules",
            f"Nothing tells by which rules run {bill['result']['computed_run_id']} computed; none of those "
            "kept fits.",
            f"Restore ledger.sqlite and {FOLDER}/ of the home from a backup.",
        )

    def _gives(self, digest: str, bill: IssuedBill) -> bool:
        try:
            return not replay(bill, *_read(self.home, digest))
        except (ZhixiangError, ValueError, KeyError, TypeError, ArithmeticError):
            # Facts of another time need not cover the month; what is tried is not what was issued by.
            return False


class RulesOfResults:
    """The possible rules of the results of a home; each run is looked up once."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._ledger: Ledger | None = readable_ledger(home)
        self._known: dict[tuple[str | None, str | None], PossibleRules] = {}

    def of(self, row: IssuedRow) -> PossibleRules:
        """Those of the run that issued a result."""
        key = (row["rules_digest"], row["computed_run_id"])
        if key not in self._known:
            digests, is_told = possible_rules(self._home, row, self._ledger)
            self._known[key] = PossibleRules(self._home, tuple(digests), is_told)
        return self._known[key]


@dataclass
class BillRules:
    """The rules of bills of a store, for reports.

    notes  What a reader must know of how they were found; filled as bills are asked for.
    """

    store: Store
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rules = RulesOfResults(self.store.settings.home)

    def of(self, bill: IssuedBill) -> Rules:
        """Thresholds and facts by which a bill was issued; raises as ``PossibleRules.chosen``."""
        possible = self._rules.of(bill["result"])
        # Only where they have to be tried is the bill that this one corrects needed.
        tried = bill if len(possible.digests) == 1 else bill_with_corrected(self.store, bill)
        rules, how = possible.chosen(tried)
        if how:
            said = f"the run ledger does not know the run any more: {how}"
            if said not in self.notes:
                self.notes.append(said)
        return rules


@lru_cache(maxsize=8)
def _read(home: Path, digest: str) -> Rules:
    return kept_rules(home, digest)
