"""Rows that are more than fit into memory together: written to a file as they come, read back for some meter
points at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from zhixiang.vee_files.held_folder import HeldFolder

_POINT = "meter_point_id"
_MOST_NAMES = 2_000
"""Of a batch with more meter points it is not noted which they are: it is looked through."""


class SpilledRows:
    """Rows of one schema with a meter point each.

    counts  Meter point -> rows.
    """

    def __init__(self, folder: Path, name: str, schema: pa.Schema) -> None:
        self.schema = schema
        self.counts: dict[str, int] = {}
        self._path = folder / f"{name}.arrow"
        self._batches: list[_Batch] = []
        self._writer: pa.ipc.RecordBatchFileWriter | None = None

    @property
    def num_rows(self) -> int:
        """All rows."""
        return sum(self.counts.values())

    def append(self, rows: pa.Table) -> None:
        """Adds rows; they keep their order."""
        if not rows.num_rows:
            return
        if self._writer is None:
            self._writer = pa.ipc.new_file(str(self._path), self.schema)
        found = rows[_POINT].value_counts()
        names = found.field("values").to_pylist()
        for name, count in zip(names, found.field("counts").to_pylist(), strict=True):
            self.counts[name] = self.counts.get(name, 0) + count
        noted = frozenset(names) if len(names) <= _MOST_NAMES else None
        for batch in rows.cast(self.schema).combine_chunks().to_batches():
            self._writer.write_batch(batch)
            self._batches.append(_Batch(len(self._batches), noted))

    def close(self) -> None:
        """Nothing is added any more."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def rows_of(self, names: Collection[str]) -> pa.Table:
        """The rows of some meter points, in the order in which they were added."""
        self.close()
        wanted, parts = frozenset(names), []
        value_set = pa.array(sorted(wanted), pa.string())
        if self._batches and wanted & self.counts.keys():
            with pa.OSFile(str(self._path)) as file:
                reader = pa.ipc.open_file(file)
                for batch in self._batches:
                    if batch.names is not None and not batch.names & wanted:
                        continue
                    rows = pa.Table.from_batches([reader.get_batch(batch.place)])
                    whole = batch.names is not None and batch.names <= wanted
                    parts.append(rows if whole else rows.filter(pc.is_in(rows[_POINT], value_set=value_set)))
        return pa.concat_tables(parts) if parts else self.schema.empty_table()

    def whole(self) -> pa.Table:
        """All rows together."""
        return self.rows_of(self.counts)


@dataclass(frozen=True)
class _Batch:
    """A batch of a file.

    names  Its meter points; None: not noted.
    """

    place: int
    names: frozenset[str] | None


class Scratch:
    """A folder for spilled rows that goes when nobody holds it any more."""

    def __init__(self, beside: Path | None = None) -> None:
        self._folder = HeldFolder(beside)

    def rows(self, name: str, schema: pa.Schema) -> SpilledRows:
        """A new file of rows."""
        return SpilledRows(self._folder.path, name, schema)


def ranges_of_names(counts: Sequence[dict[str, int]], most: int) -> Iterator[list[str]]:
    """All meter points in their order, in groups of at most so many rows together; a larger one is a group by
    itself.

    >>> [*ranges_of_names([{"B": 2, "A": 1}, {"C": 4}], 3)]
    [['A', 'B'], ['C']]
    """
    group: list[str] = []
    held = 0
    for name in sorted(set().union(*counts)):
        size = sum(each.get(name, 0) for each in counts)
        if group and held + size > most:
            yield group
            group, held = [], 0
        group.append(name)
        held += size
    if group:
        yield group
