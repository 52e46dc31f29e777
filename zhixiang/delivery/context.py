"""What every part of a delivery is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipelines.facts import Facts
from pipelines.keys import KeyRing
from pipelines.periods import BillingMonth
from pipelines.registry import Registry
from pipelines.store import Store


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
