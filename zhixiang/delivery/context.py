"""What every part of a delivery is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from pipelines.codes import Provenance
from pipelines.facts import Facts
from pipelines.identity.keys import KeyRing
from pipelines.models.registry import Registry
from pipelines.periods import BillingMonth
from pipelines.storage.store import Store
from pipelines.tariff import is_issuable
from products.page_kit.file_names import path_below

DEMO_MARKS = frozenset((Provenance.DATES_SHIFTED, Provenance.SIMULATED))


@dataclass(frozen=True)
class Delivery:
    """One delivery: where from, for which months, and where to."""

    store: Store
    registry: Registry
    facts: Facts
    keys: KeyRing
    months: tuple[BillingMonth, ...]
    out: Path
    run_id: str

    def path(self, *parts: str) -> Path:
        """The path of a file of the delivery; raises OutsideFolderError for one that would lie elsewhere."""
        return path_below(self.out, *parts)

    @property
    def last_month(self) -> BillingMonth:
        """The newest month asked for."""
        return max(self.months)


class Marked(TypedDict):
    """What a result says of what it is made from."""

    is_illustrative: bool
    provenance: str


def may_leave(result: Marked) -> bool:
    """Whether a stored bill or code may be written and signed; it belongs to the demo where it is made from
    demo material.
    """
    return is_issuable(
        result["is_illustrative"], is_demo=bool(DEMO_MARKS & set(str(result["provenance"]).split("+")))
    )
