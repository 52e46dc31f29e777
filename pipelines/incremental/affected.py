"""Which meter points and months the changes since a step's newest run affect; what they do not affect is
left as it stands.

A value may be estimated from any day of its series, so an affected meter point is computed with its whole
history.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.engine.step import Coverage, Inputs, PreviousRun
from pipelines.incremental.changed_rows import changed_rows, subjects
from pipelines.periods import local_day
from pipelines.storage.scan import months_of, partition_of, points_in, read_columns
from pipelines.tables.base import CUSTOMER, POINT, STRING, Table
from pipelines.tables.silver import SilverMeterPoints, SilverRegisterEnergy

MOST_AFFECTED_RATIO = 0.25
"""With a larger share nearly every file is written anew anyway, and what was read then has to be settled once
more: all is quicker. No threshold: either way gives the same rows, this only says which takes less time.
"""

METER_POINTS, MONTHS, CUSTOMERS = "meter points", "months", "customers"


@dataclass(frozen=True)
class Affected:
    """What a step computes.

    names  Meter points, months or customers; none: all.
    known  How many the step's sources hold.
    unit   ``METER_POINTS``, ``MONTHS`` or ``CUSTOMERS``.
    """

    names: frozenset[str] | None
    known: int
    unit: str = METER_POINTS

    @property
    def coverage(self) -> Coverage:
        """For the ledger."""
        return Coverage(self.unit, self.known if self.names is None else len(self.names), self.known)


Otherwise = Callable[[Inputs, PreviousRun, Collection[str]], set[str] | None]
"""What a step is affected by beside the rows of its sources: inputs, newest run, known meter points -> meter
points, or none: all.
"""


def affected_meter_points(
    inputs: Inputs,
    sources: Sequence[type[Table]],
    dated: Mapping[type[Table], str] | None = None,
    otherwise: Otherwise | None = None,
) -> Affected:
    """The meter points that a step has to compute.

    sources    Tables whose rows the step computes from, meter point by meter point.
    dated      Source -> column of the local day, where rows of days to come were held back.
    otherwise  What else affects them.

    A table that the step reads affects the meter points that its changed rows name, or those of the customers
    that they name; one that
    names neither affects all. All are affected, too, where nothing is known of an earlier run, or more than
    ``MOST_AFFECTED_RATIO``.
    """
    known: set[str] = set().union(*(points_in(inputs.paths(source)) for source in sources))
    every = Affected(None, len(known))
    previous = inputs.previous
    if previous is None:
        return every
    found: set[str] = set()
    customers: set[str] = set()
    for table in inputs.frames:
        now, then = inputs.paths(table), previous.paths(table)
        if set(now) == set(then):
            continue
        if not subjects(table):
            return every
        rows = changed_rows(now, then, table)
        for column in subjects(table):
            named = {name or "" for name in pc.unique(rows.column(column)).to_pylist()}
            if column == CUSTOMER:
                customers |= named
            else:
                # Rows of a source may have gone altogether; those of other tables may name what has no rows
                # at all.
                found |= named if table in sources else named & known
    found |= owned_by(customers, inputs, previous) & known
    for source, column in (dated or {}).items():
        found |= come_due(inputs, previous, source, column)
    more = (
        set()
        if otherwise is None or len(found) > MOST_AFFECTED_RATIO * len(known)
        else otherwise(inputs, previous, known)
    )
    if more is None or len(found | more) > MOST_AFFECTED_RATIO * len(known):
        return every
    return Affected(frozenset(found | more), len(known))


def owned_by(customers: Collection[str], inputs: Inputs, previous: PreviousRun) -> set[str]:
    """Meter points that belong to any of some customers, or did when the step ran."""
    if not customers:
        return set()
    found: set[str] = set()
    for paths in (inputs.paths(SilverMeterPoints), previous.paths(SilverMeterPoints)):
        theirs = ds.field(CUSTOMER).isin(pa.array(sorted(customers), STRING))
        found |= set(read_columns(paths, SilverMeterPoints, [POINT], theirs).column(0).to_pylist())
    return found


def come_due(
    inputs: Inputs, previous: PreviousRun, source: type[Table], column: str, after_days: int = 0
) -> set[str]:
    """Meter points with rows whose day, or so many days after it, lay ahead when the step ran and does so no
    longer.
    """
    then, now = (local_day(each.now) - timedelta(days=after_days) for each in (previous, inputs))
    if now <= then:
        return set()
    paths = [path for path in inputs.paths(source) if partition_of(path, source) >= f"{then:%Y-%m}"]
    day = ds.field(column)
    rows = read_columns(paths, source, [POINT], (day > pa.scalar(then)) & (day <= pa.scalar(now)))
    return {name or "" for name in rows.column(0).to_pylist()}


def affected_months(inputs: Inputs) -> Affected:
    """The months that a step has to compute whose rows depend on one month, and on the spans between reads
    that reach into it.
    """
    sources = [table for table in inputs.frames if table.partition_by]
    months = set[str]().union(*(months_of(inputs.paths(source), source) for source in sources))
    every, previous = Affected(None, len(months), MONTHS), inputs.previous
    if previous is None:
        return every
    found: set[str] = set()
    for table in inputs.frames:
        now, then = inputs.paths(table), previous.paths(table)
        if set(now) == set(then):
            continue
        if table.partition_by:
            found |= _reached(changed_rows(now, then, table, _span_columns(table)), table)
        elif table is SilverMeterPoints:
            # A month names the meter points of which nothing came, too: a change of a known one may reach any
            # month.
            rows = changed_rows(now, then, table)
            if set(rows.column(POINT).to_pylist()) & points_in(then):
                return every
            first = min(rows.column("valid_from_date").to_pylist(), default=date.max)
            found |= {month for month in months if month >= f"{first:%Y-%m}"}
        else:
            return every
    stood = set[str]().union(*(months_of(previous.paths(source), source) for source in sources))
    return Affected(frozenset(found & (months | stood)), len(months), MONTHS)


def _span_columns(table: type[Table]) -> list[str]:
    month = table.partition_column()
    return ["span_days", month] if table is SilverRegisterEnergy else [month]


def _reached(rows: pa.Table, table: type[Table]) -> set[str]:
    """Months of rows, and those into which their spans reach back."""
    found = set(pc.unique(rows.column(table.partition_column())).to_pylist())
    if table is SilverRegisterEnergy:
        long = rows.filter(pc.fill_null(pc.greater(rows["span_days"], 1), False)).select(
            ["energy_date", "span_days"]
        )
        for last, days in set(zip(*(column.to_pylist() for column in long.columns), strict=True)):
            found |= {f"{day:%Y-%m}" for day in _days(last - timedelta(days=days - 1), last)}
    return found


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
