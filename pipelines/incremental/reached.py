"""Whether what changed since a step's newest run can reach the step at all (``Step.is_reached``)."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from pipelines.engine.step import Inputs
from pipelines.incremental.changed_rows import changed_rows
from pipelines.tables.base import Table


def changed_sources(inputs: Inputs) -> set[type[Table]]:
    """The tables read whose files are others than in the newest run; all of them where none is known."""
    previous = inputs.previous
    return {
        table
        for table in inputs.frames
        if previous is None or set(inputs.paths(table)) != set(previous.paths(table))
    }


def differing_rows(inputs: Inputs, table: type[Table], columns: Sequence[str] = ()) -> pa.Table:
    """Rows of a table laid out by month that came, went or changed since the newest run, each as it was and
    as it is: key, the named columns and the run; only files that one of the two versions lacks are opened.
    """
    then = [] if inputs.previous is None else inputs.previous.paths(table)
    return changed_rows(inputs.paths(table), then, table, columns)


def values_in(rows: pa.Table, *columns: str) -> set[str]:
    """What stands in some columns, without what is empty."""
    return {
        value for name in columns for value in rows.column(name).unique().to_pylist() if value is not None
    }
