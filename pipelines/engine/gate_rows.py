"""How many rows that the driver holds break each rule of a table's declaration: one pass over Arrow."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray
from pipelines.engine.gate_rules import Rule


def count_broken_rows(rows: pa.Table, rules: Sequence[Rule]) -> list[int]:
    """Rows that break each rule; a repeated key counts every row that has it.

    Great Expectations says the same of the rows as pandas holds them: a number that is none is empty, and an
    empty value breaks ``not_null`` alone. Of decimals the nearest floating-point number is compared, since
    bounds are far coarser.
    """
    return [
        _repeated(rows, rule.columns) if rule.kind == "unique" else int(rows_that_break(rows, rule).sum())
        for rule in rules
    ]


def rows_that_break(rows: pa.Table, rule: Rule) -> BoolArray:
    """(rows) whether a row breaks a rule on one column."""
    column = rows.column(rule.columns[0])
    empty = pc.is_null(column, nan_is_null=pa.types.is_floating(column.type))
    if rule.kind == "not_null":
        return _mask(empty)
    if rule.kind == "in_set":
        known = pc.is_in(column, value_set=pa.array(rule.values, column.type))
        return _mask(pc.invert(pc.or_(empty, known)))
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    bounds = ((rule.minimum, pc.less), (rule.maximum, pc.greater), (rule.above, pc.less_equal))
    outside = [breaks(column, pa.scalar(bound)) for bound, breaks in bounds if bound is not None]
    return _mask(pc.fill_null(reduce(pc.or_, outside), False))


def _repeated(rows: pa.Table, key: Sequence[str]) -> int:
    """Rows whose key another row has too; rows whose key is empty as a whole identify nothing."""
    keys = rows.select(list(key))
    empty = reduce(pc.and_, [pc.is_null(column) for column in keys.columns])
    counts = keys.filter(pc.invert(empty)).group_by(list(key)).aggregate([([], "count_all")])["count_all"]
    return int(pc.sum(counts.filter(pc.greater(counts, 1))).as_py() or 0)


def _mask(column: pa.ChunkedArray) -> BoolArray:
    return np.asarray(column.to_numpy(), dtype=np.bool_)
