"""What the workers read to make supplies of customers: their own rows of gold and silver, and those of what
lies behind their meters; and which customers a change reaches.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.engine.step import Inputs, PreviousRun
from pipelines.incremental.affected import CUSTOMERS, MOST_AFFECTED_RATIO, Affected
from pipelines.incremental.changed_rows import changed_rows
from pipelines.storage.hash_layout import HASH_BITS, subject_hashes
from pipelines.storage.hashed_rows import held_columns
from pipelines.storage.scan import points_in, read_columns, rows_of_points, whole_table
from pipelines.tables.base import CUSTOMER, POINT, STRING, Table
from pipelines.tables.gold import GoldBillingDeterminants, GoldBillingSegments
from pipelines.tables.silver import SilverCustomers, SilverMeterPoints, SilverSupplyShares

SOURCES: tuple[type[Table], ...] = (
    GoldBillingDeterminants,
    GoldBillingSegments,
    SilverCustomers,
    SilverMeterPoints,
    SilverSupplyShares,
)
_MASTER = (SilverCustomers, SilverMeterPoints, SilverSupplyShares)
_PARENT = "parent_meter_point_id"


@dataclass(frozen=True)
class RowsOfCustomers:
    """The sources of supplies; it answers the customers asked for, as a table of their names, then their rows
    of each of ``SOURCES`` in that order.

    files  Source -> addresses of its data files.

    Tables of meter points are laid out by these, so every bucket looks through the names in all of them for
    the meter points of its customers, and then reads the row groups alone that hold one.
    """

    files: Mapping[type[Table], Sequence[str]]

    def of_bucket(self, bucket: int, buckets: int) -> Sequence[pa.Table]:
        """What the customers of one bucket are billed from."""
        names = self._names()
        distinct = pc.unique(names[CUSTOMER])
        mine = subject_hashes(distinct) * buckets >> HASH_BITS == bucket
        return self._of(distinct.filter(pa.array(mine)), names)

    def of_subjects(self, names: Collection[str]) -> Sequence[pa.Table]:
        """What some customers are billed from."""
        return self._of(pa.array(names, STRING), self._names())

    def _names(self) -> pa.Table:
        """Meter points with readings in any month, whose they are and what they lie behind."""
        files = self.files[GoldBillingDeterminants]
        return held_columns(files, GoldBillingDeterminants, [POINT, CUSTOMER, _PARENT])

    def _of(self, customers: pa.Array, names: pa.Table) -> Sequence[pa.Table]:
        asked = customers.take(pc.sort_indices(customers))
        # Whose sub-meters lie behind their meters is told by their rows alone; sub-meters are few.
        metered = self._points(GoldBillingDeterminants, names.filter(_concerns(names, asked)))
        metered = metered.filter(_concerns(metered, asked))
        owners = pc.unique(pa.concat_arrays([asked, *metered[CUSTOMER].chunks]))
        theirs = ds.field(CUSTOMER).isin(asked) | ds.field(_PARENT).is_valid()
        points = self._rows(SilverMeterPoints, theirs, [POINT])[POINT]
        return [
            pa.table({CUSTOMER: asked}),
            metered,
            self._points(GoldBillingSegments, metered),
            self._rows(SilverCustomers, ds.field(CUSTOMER).isin(owners)),
            self._rows(SilverMeterPoints, ds.field(POINT).isin(pc.unique(points))),
            whole_table(self.files[SilverSupplyShares], SilverSupplyShares),
        ]

    def _points(self, table: type[Table], named: pa.Table) -> pa.Table:
        return rows_of_points(self.files[table], table, pc.unique(named[POINT]).to_pylist())

    def _rows(
        self, table: type[Table], wanted: ds.Expression, columns: Sequence[str] | None = None
    ) -> pa.Table:
        held = held_columns(self.files[table], table, table.business_columns()).filter(wanted)
        return held if columns is None else held.select(columns)


def _concerns(rows: pa.Table, asked: pa.Array) -> pa.ChunkedArray:
    """Whether a row is one of the customers' or of a sub-meter."""
    return pc.or_(pc.is_in(rows[CUSTOMER], value_set=asked), pc.is_valid(rows[_PARENT]))


def affected_customers(inputs: Inputs) -> Affected:
    """The customers whose supplies have to be made: those of changed rows, and all that hang together by a
    sub-meter or a share where anything of that kind may have changed, because they are few.
    """
    known = points_in(inputs.paths(GoldBillingDeterminants), CUSTOMER)
    every, previous = Affected(None, len(known), CUSTOMERS), inputs.previous
    if previous is None:
        return every
    found: set[str] = set()
    changed = {
        table: (inputs.paths(table), previous.paths(table))
        for table in SOURCES
        if set(inputs.paths(table)) != set(previous.paths(table))
    }
    hang_together = any(table in changed for table in _MASTER)
    for table, (now, then) in changed.items():
        if table is SilverSupplyShares:
            continue
        gold = table not in _MASTER
        also = [CUSTOMER] if gold else []
        also += [_PARENT] if table is GoldBillingDeterminants else []
        rows = changed_rows(now, then, table, also)
        found |= _named(rows)
        hang_together |= _PARENT in also and rows[_PARENT].null_count < rows.num_rows
        # Energy that moves within the month leaves a sub-meter's total, and its row of the month, as it was.
        hang_together |= table is GoldBillingSegments and _is_any_behind(rows, inputs)
    if hang_together:
        found |= _hanging_together(inputs, previous)
    if len(found) > MOST_AFFECTED_RATIO * len(known):
        return every
    return Affected(frozenset(found), len(known), CUSTOMERS)


def _named(rows: pa.Table) -> set[str]:
    """Customers of rows: an empty name is one, a meter point that is not billed has none."""
    return {name for name in pc.unique(rows[CUSTOMER]).to_pylist() if name is not None}


def _is_any_behind(rows: pa.Table, inputs: Inputs) -> bool:
    """Whether a row is of a meter point that lies behind another on some day. That it did when the step ran
    is no matter: changed meter points reach all that hang together anyway.
    """
    if not rows.num_rows:
        return False
    points = read_columns(inputs.paths(SilverMeterPoints), SilverMeterPoints, [POINT, _PARENT])
    behind = pc.unique(points.filter(pc.is_valid(points[_PARENT]))[POINT])
    return bool(pc.any(pc.is_in(rows[POINT], value_set=behind)).as_py())


def _hanging_together(inputs: Inputs, previous: PreviousRun) -> set[str]:
    """Customers of meter points before or behind another, or with a share, now or when the step ran."""
    found: set[str] = set()
    for paths in (inputs.paths, previous.paths):
        points = read_columns(paths(SilverMeterPoints), SilverMeterPoints, [POINT, _PARENT, CUSTOMER])
        shares = read_columns(
            paths(SilverSupplyShares), SilverSupplyShares, ["main_meter_point_id", "sub_meter_point_id"]
        )
        behind = points.filter(pc.is_valid(points[_PARENT]))
        columns = [*behind.select([POINT, _PARENT]).columns, *shares.columns]
        related = pc.unique(pa.chunked_array([part for column in columns for part in column.chunks], STRING))
        theirs = np.asarray(pc.is_in(points[POINT], value_set=related))
        found |= _named(points.filter(pa.array(theirs)))
    return found
