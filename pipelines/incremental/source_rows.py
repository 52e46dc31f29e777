"""What a worker reads of a step's sources: the rows of one bucket of subjects, or of some subjects."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from pipelines.storage.scan import bucket_rows, rows_of_points
from pipelines.tables.base import Table

Columns = Mapping[type[Table], Sequence[str]]
NO_COLUMNS: Columns = {}


class SourceRows(Protocol):
    """Rows of a step's sources, one Arrow table for each; it travels to the workers."""

    def of_bucket(self, bucket: int, buckets: int) -> Sequence[pa.Table]:
        """What the subjects of one bucket are computed from."""
        ...

    def of_subjects(self, names: Collection[str]) -> Sequence[pa.Table]:
        """What some subjects are computed from."""
        ...


@dataclass(frozen=True)
class RowsOfPoints:
    """Sources of which a meter point needs its own rows alone.

    files    Source -> addresses of its data files.
    columns  What is read of a source, where that is not every business column.
    """

    files: Mapping[type[Table], Sequence[str]]
    columns: Columns = field(default_factory=dict)

    def of_bucket(self, bucket: int, buckets: int) -> Sequence[pa.Table]:
        """Rows of the meter points of one bucket."""
        return [
            bucket_rows(files, source, bucket, buckets, columns=self.columns.get(source))
            for source, files in self.files.items()
        ]

    def of_subjects(self, names: Collection[str]) -> Sequence[pa.Table]:
        """Rows of some meter points."""
        return [
            rows_of_points(files, source, names, self.columns.get(source))
            for source, files in self.files.items()
        ]
