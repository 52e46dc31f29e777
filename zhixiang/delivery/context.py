"""What every part of a delivery is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from pipelines.facts import Facts
from pipelines.identity.keys import KeyRing
from pipelines.models.registry import Registry
from pipelines.periods import BillingMonth
from pipelines.storage.store import Store
from pipelines.tariff import is_issuable
from products.provenance import is_demo_material


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
    return is_issuable(result["is_illustrative"], is_demo=is_demo_material(result["provenance"]))
