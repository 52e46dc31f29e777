"""The rules by which a bill was issued: told beside it, by the run ledger, or by what comes out."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipelines.engine.ledger import readable_ledger
from pipelines.engine.rule_archive import FOLDER, kept_rules, possible_rules
from pipelines.errors import DamagedPartError
from pipelines.facts import Facts
from pipelines.settings import Settings
from pipelines.storage.store import Store
from products.efficiency_bill.bill import IssuedBill
from products.efficiency_bill.replay import replay
from zhixiang.reports.issued_bills import bill_with_corrected

Rules = tuple[Settings, Facts]


@dataclass
class BillRules:
    """Looks up the rules of bills, each set read once.

    notes  What a reader must know of how they were found; filled as bills are asked for.
    """

    store: Store
    notes: list[str] = field(default_factory=list)
    _read: dict[str, Rules] = field(default_factory=dict)

    def of(self, bill: IssuedBill) -> Rules:
        """Thresholds and facts by which a bill was issued.

        Where neither its row nor the run ledger tells them (a ledger that was lost, a row of a version that
        noted them nowhere else), the only ones kept are taken, or those by which the bill comes out the same;
        that is noted. Raises DamagedPartError where there are none.
        """
        home, row = self.store.settings.home, bill["result"]
        digests, is_told = possible_rules(home, row, readable_ledger(home))
        if len(digests) == 1:
            if not is_told:
                self._note(f"the only rules that the home keeps are taken, {digests[0][:16]}")
            return self._rules(digests[0])
        for digest in digests:
            if not replay(bill_with_corrected(self.store, bill), *self._rules(digest)):
                self._note(
                    f"of {len(digests)} kept rules those by which it comes out are taken, {digest[:16]}"
                )
                return self._rules(digest)
        raise DamagedPartError(
            "rules",
            f"Nothing tells by which rules run {row['computed_run_id']} computed; none of those kept fits.",
            f"Restore ledger.sqlite and {FOLDER}/ of the home from a backup.",
        )

    def _note(self, how: str) -> None:
        said = f"the run ledger does not know the run any more: {how}"
        if said not in self.notes:
            self.notes.append(said)

    def _rules(self, digest: str) -> Rules:
        if digest not in self._read:
            self._read[digest] = kept_rules(self.store.settings.home, digest)
        return self._read[digest]
