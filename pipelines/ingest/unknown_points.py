"""Records held back because master data do not know their meter point: how many, what share, and which meter
points come first.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow.compute as pc

from pipelines.codes import RejectReason
from pipelines.storage.store import Store
from pipelines.tables.base import table_named
from pipelines.tables.silver import SilverQuarantine

EXAMPLES = 5
_MANY_OF_A_LINE = "; "


@dataclass(frozen=True)
class UnknownPoints:
    """Records of one received table that wait for master data.

    table         Bronze table.
    held          Records held back.
    received      Records of the table.
    meter_points  How many meter points they are of.
    examples      The first of these, in order.
    """

    table: str
    held: int
    received: int
    meter_points: int
    examples: tuple[str, ...]

    @property
    def ratio(self) -> float:
        """Share of the table's records that are held back, 0 to 1."""
        return min(1.0, self.held / self.received) if self.received else 1.0

    def __str__(self) -> str:
        more = ", ..." if self.meter_points > len(self.examples) else ""
        return (
            f"{self.held:,} of {self.received:,} records ({self.ratio:.1%}) of {self.table} are held back: "
            f"no meter is known on their day for {self.meter_points:,} meter points "
            f"({', '.join(self.examples)}{more})"
        )


def unknown_points(store: Store) -> list[UnknownPoints]:
    """The received tables with records held back for an unknown meter point, as silver stands."""
    held = store.arrow(
        SilverQuarantine,
        ["table_name", "raw_record"],
        [("reason_code", "=", RejectReason.UNKNOWN_METER_POINT.value)],
    )
    found = []
    for name in sorted(set(held.column("table_name").to_pylist())):
        raw = pc.fill_null(held.filter(pc.equal(held.column("table_name"), name)).column("raw_record"), "")
        # One line may have given several records; each shows its meter point first.
        records = len(raw) + (pc.sum(pc.count_substring(raw, _MANY_OF_A_LINE)).as_py() or 0)
        points = sorted(pc.unique(pc.replace_substring_regex(raw, r"(?s),.*$", "")).to_pylist())
        received = store.row_count(table_named(name))
        found.append(UnknownPoints(name, records, received, len(points), tuple(points[:EXAMPLES])))
    return found
