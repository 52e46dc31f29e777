"""Whether a home still keeps the rules by which its results were issued, and what can be written again."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pipelines.engine.ledger import Ledger, readable_ledger
from pipelines.engine.rule_archive import FOLDER, keep_rules, kept_digests, kept_rules, rules_digest
from pipelines.errors import DamagedPartError, UnknownNameError, ZhixiangError
from pipelines.facts import load_facts
from pipelines.settings import Settings
from pipelines.storage.store import Store
from pipelines.tables.base import Table

RESTORE = f"Restore {FOLDER}/ from a backup."
REPAIR = "`zhixiang repair rules --yes` writes them again: they are those of the present conf/."


@dataclass(frozen=True)
class RulesState:
    """What a home keeps of the rules by which its results were issued.

    kept     How many it keeps.
    lost     Digests that results name and the home keeps no more; damaged: that are not what was kept.
    present  The digest of the present conf/.
    is_bare  No rules are kept at all, though something was issued.
    """

    kept: int
    lost: tuple[str, ...]
    damaged: tuple[str, ...]
    present: str
    is_bare: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether every result can be computed again, as far as rules go."""
        return not (self.lost or self.damaged or self.is_bare)

    @property
    def heals(self) -> bool:
        """Whether the present conf/ is one of those that are gone."""
        return self.present in {*self.lost, *self.damaged}

    def said(self) -> str:
        """What is wrong, and what it means."""
        if self.is_bare and not self.lost:
            return "No rules are kept: nothing that was issued can be computed again."
        parts = [
            f"{len(digests)} of the rules by which results were issued {words}, the first {digests[0][:16]}"
            for digests, words in ((self.lost, "are gone"), (self.damaged, "were altered"))
            if digests
        ]
        return f"{'; '.join(parts)}: those results cannot be computed again."

    def remedy(self) -> str:
        """What to do; empty where all is whole."""
        if self.is_whole:
            return ""
        others = len({*self.lost, *self.damaged} - {self.present})
        if not self.heals:
            return RESTORE
        return REPAIR if not others else f"{REPAIR} The other {others}: {RESTORE}"


def rules_state(settings: Settings, tables: Sequence[type[Table]], *, read: bool = True) -> RulesState:
    """Looks at the rules of every issued result; what a row does not tell, the run ledger is asked.

    read  Whether to read each of them, and so to see whether it was altered.
    """
    home, store, ledger = settings.home, Store(settings), readable_ledger(settings.home)
    kept, wanted, runs, any_issued = set(kept_digests(home)), set[str](), set[str](), False
    for table in tables:
        if "content_digest" not in table.columns():
            continue
        try:
            rows = store.arrow(table, ["rules_digest", "computed_run_id"])
        except DamagedPartError:
            continue
        any_issued |= bool(rows.num_rows)
        for digest, run_id in zip(*(rows.column(place).to_pylist() for place in (0, 1)), strict=True):
            if digest:
                wanted.add(digest)
            elif run_id:
                runs.add(run_id)
    wanted |= _of_runs(ledger, runs)
    damaged = [digest for digest in sorted(wanted & kept) if read and _is_altered(settings, digest)]
    present = rules_digest(settings, load_facts(settings.facts_dir))
    return RulesState(
        len(kept), tuple(sorted(wanted - kept)), tuple(damaged), present, is_bare=any_issued and not kept
    )


def rewrite_rules(settings: Settings, state: RulesState, now: datetime) -> list[str]:
    """Keeps the present conf/ again where results name it; what was altered is put aside. Returns what
    remains to be restored, in words.

    Raises DamagedPartError where the present conf/ is none of those that are gone.
    """
    if not state.heals:
        raise DamagedPartError("rules", state.said(), f"The present conf/ is another one. {RESTORE}")
    folder = settings.home / FOLDER / state.present
    notes = []
    if folder.is_dir():
        target = folder.with_name(f"put-aside-{now:%Y%m%dT%H%M%SZ}-{state.present[:16]}")
        shutil.move(folder, target)
        notes.append(f"what was altered is {target}")
    keep_rules(settings, load_facts(settings.facts_dir))
    others = sorted({*state.lost, *state.damaged} - {state.present})
    return [*notes, *(f"{digest[:16]} is not the present conf/: {RESTORE}" for digest in others)]


def _of_runs(ledger: Ledger | None, runs: set[str]) -> set[str]:
    if ledger is None:
        return set()
    try:
        return {digest for run_id in runs if (digest := ledger.rules_of(run_id))}
    except DamagedPartError:
        return set()


def _is_altered(settings: Settings, digest: str) -> bool:
    try:
        kept_rules(settings.home, digest)
    except UnknownNameError:
        return False
    except ZhixiangError:
        return True
    return False
