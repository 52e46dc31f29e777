"""Steps whose rows depend on one month alone: each worker takes whole months and reads of their files only
the columns it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from pipelines.engine.step import Inputs, WorkerFiles, Written
from pipelines.incremental.affected import Affected
from pipelines.incremental.workers import reports_of
from pipelines.storage.constraints import constraint_violations
from pipelines.storage.data_files import WrittenFile, write_files
from pipelines.storage.scan import by_partition, read_columns
from pipelines.storage.unchanged_rows import all_stand, current_columns, with_run
from pipelines.tables.base import Table

MOST_ALONE = 1
"""So many months are computed here: they would keep no second worker busy, and the first takes seconds to
start. No threshold: either way gives the same rows.
"""


def derive_by_month(
    inputs: Inputs,
    sources: Mapping[type[Table], Sequence[str]],
    target: type[Table],
    derive: Callable[[str, Sequence[pa.Table]], pa.Table],
    affected: Affected | None = None,
) -> Mapping[type[Table], Written]:
    """Runs ``derive`` on the rows of each month, one Arrow table per source; an empty one where a source has
    no rows of the month.

    sources  Table partitioned by one month column -> the columns to read, the month itself not among them.
    target   Table partitioned by month; the workers write its files, the runner commits them.
    derive   Pure function of month and rows; it travels to the workers with all that it holds.
    affected  The months to compute; files of others stay. None: all months. Files of a month whose rows come
             out as they stand stay either way.
    """
    root, run_id = inputs.location(target), inputs.run_id
    files: dict[str, dict[type[Table], list[str]]] = {}
    for source in sources:
        for month, paths in by_partition(inputs.paths(source), source).items():
            files.setdefault(month, {})[source] = paths
    chosen = None if affected is None else affected.names
    months = sorted(month for month in files if chosen is None or month in chosen)
    current = by_partition(inputs.current_paths(target), target)

    def told(month: str) -> dict[str, Any]:
        rows = derive(
            month,
            [
                read_columns(files[month].get(source, []), source, columns, use_threads=False)
                for source, columns in sources.items()
            ],
        )
        before = read_columns(current.get(month, []), target, current_columns(target), use_threads=False)
        written = with_run(rows, run_id, target, before)
        stands = month in current and all_stand(written, before, run_id)
        return {
            "files": [] if stands else [file.to_json() for file in write_files(written, target, root)],
            "violations": constraint_violations(rows, target),
            "stands": month if stands else None,
        }

    reports = reports_of(inputs, months, told, is_alone=len(months) <= MOST_ALONE)
    written = [WrittenFile.from_json(text) for report in reports for text in report["files"]]
    counted = constraint_violations(target.empty(), target)
    violations = {name: sum(report["violations"][name] for report in reports) for name in counted}
    kept = None
    standing = {report["stands"] for report in reports if report["stands"] is not None}
    if chosen is not None or standing:
        left = standing if chosen is None else (set(current) - chosen) | standing
        of_month = by_partition(inputs.current(target), target)
        kept = frozenset(path for month in left for path in of_month.get(month, ()))
    return {
        target: WorkerFiles(
            tuple(sorted(written, key=lambda file: file.path)),
            violations,
            kept,
            None if affected is None else affected.coverage,
        )
    }
