"""What a home knows before files are taken into it: content that was read, files that were refused, and the
meter points of its master data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from pipelines.errors import InputRefusedError
from pipelines.ingest.file_ledger import handled_states, known_hashes, refused_states
from pipelines.ingest.inbox import State, arrivals, paths_below
from pipelines.ingest.understanding import Rules, fit_meter_points, understand
from pipelines.storage.store import Store
from pipelines.tables.bronze import BronzeMeterPoints
from pipelines.tables.silver import SilverMeterPoints


@dataclass(frozen=True)
class KnownBefore:
    """What was there before a command took files.

    by_hash  SHA-256 -> name of what the file ledger has read already.
    refused  State of each file that it refused -> why.
    store    Whose master data know meter points; none: nothing is said of unknown ones.
    """

    by_hash: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[State, str] = field(default_factory=dict)
    store: Store | None = None

    def unknown_of(self, points: Collection[str], inbox: Path, rules: Rules) -> set[str]:
        """Those of the meter points that no master data know: neither those received before nor those of
        files that wait in the inbox.
        """
        if self.store is None:
            return set()
        unknown = set(points)
        for found in self._sources(inbox, rules):
            unknown -= found
            if not unknown:
                break
        return unknown

    def _sources(self, inbox: Path, rules: Rules) -> Iterator[set[str]]:
        """Sets of meter points, those that cost least first."""
        if self.store is None:
            return
        yield set(self.store.arrow(SilverMeterPoints, ["meter_point_id"]).column(0).unique().to_pylist())
        # Read by a run that did not come to silver.
        yield fit_meter_points(self.store.arrow(BronzeMeterPoints))
        yield from _waiting(inbox, rules, handled_states(self.store))


def known_before(store: Store) -> KnownBefore:
    """What a home knows, out of its file ledger."""
    return KnownBefore(known_hashes(store), refused_states(store), store)


def _waiting(inbox: Path, rules: Rules, handled: Collection[State]) -> Iterator[set[str]]:
    """Meter points of the master data that no run has read yet."""
    root = inbox.absolute()
    for arrival in arrivals(paths_below(root), root, handled):
        if arrival.size_bytes > rules.limits.max_file_bytes:
            continue
        try:
            known = understand(arrival.name, Path(arrival.path).read_bytes(), rules)
        except (InputRefusedError, OSError, pa.ArrowInvalid):
            continue  # the run says what is wrong with it
        if known.is_master_data:
            yield set(known.points)
