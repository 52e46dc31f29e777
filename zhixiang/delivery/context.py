"""What every part of a delivery is given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from pipelines.facts import Facts
from pipelines.identity.keys import KeyRing
from pipelines.models.registry import Registry
from pipelines.periods import BillingMonth
from pipelines.storage.store import Store
from pipelines.tariff import is_issuable
from products.page_kit.file_names import path_below
from products.provenance import is_demo_material


@dataclass(frozen=True)
class Delivery:
    """One delivery: where from, for which months, and where to.

    months     All that the delivery speaks of: those asked for and those delivered earlier.
    asked      Those whose files are made anew where they stand; left out: all.
    out        Folder that is written to.
    sound      Names of files of the delivery before that are as they were delivered.
    origins    Name without suffix -> ``origin_of`` what its files were made from, in the delivery before.
    revisions  The same name -> revision, in the delivery before.
    set_alike  Months whose pages were last set by the code, settings, facts and keys of now.
    """

    store: Store
    registry: Registry
    facts: Facts
    keys: KeyRing
    months: tuple[BillingMonth, ...]
    out: Path
    run_id: str
    asked: tuple[BillingMonth, ...] | None = None
    sound: Collection[str] = frozenset()
    origins: Mapping[str, str] = field(default_factory=dict)
    revisions: Mapping[str, int] = field(default_factory=dict)
    set_alike: Collection[BillingMonth] = ()

    def path(self, *parts: str) -> Path:
        """The path of a file of the delivery; raises OutsideFolderError for one that would lie elsewhere."""
        return path_below(self.out, *parts)

    @property
    def last_month(self) -> BillingMonth:
        """The newest month of the delivery."""
        return max(self.months)

    def stands(
        self,
        month: BillingMonth,
        names: Collection[str],
        origin: tuple[str, str] | None = None,
        revision: int | None = None,
    ) -> bool:
        """Whether files lie in the delivered folder as they were delivered, so that they need not be made
        again; those of a month that is asked for are, unless they would come out as they are.

        origin    Name without suffix, and ``origin_of`` what the files must have been made from.
        revision  Of the result that they show.
        """
        if self.asked is None or (month in self.asked and not self._comes_out_alike(month, origin, revision)):
            return False
        is_same = origin is None or self.origins.get(origin[0]) == origin[1]
        return is_same and all(name in self.sound for name in names)

    def _comes_out_alike(
        self, month: BillingMonth, origin: tuple[str, str] | None, revision: int | None
    ) -> bool:
        return (
            month in self.set_alike
            and origin is not None
            and self.origins.get(origin[0]) == origin[1]
            and self.revisions.get(origin[0]) == revision
        )


def origin_of(*rows: object) -> str:
    """SHA-256 over the stored rows that a file is made from."""
    text = json.dumps(rows, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


class Marked(TypedDict):
    """What a result says of what it is made from."""

    is_illustrative: bool
    provenance: str


def may_leave(result: Marked) -> bool:
    """Whether a stored bill or code may be written and signed; it belongs to the demo where it is made from
    demo material.
    """
    return is_issuable(result["is_illustrative"], is_demo=is_demo_material(result["provenance"]))
