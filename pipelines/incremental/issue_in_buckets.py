"""New revisions of a product's month by the workers: each makes, numbers and writes those of its bucket of
subjects; the driver commits files and holds no subject.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.engine.issued_files import Issued, IssuedFiles, issue_files, joined_files
from pipelines.engine.revisions import Bucket, Rows, Settle, Standing
from pipelines.engine.step import Inputs
from pipelines.incremental.workers import reports_of
from pipelines.tables.base import Table, table_named


@dataclass(frozen=True)
class MadeResults:
    """What a bucket gives.

    rows    Result and evidence, without the columns of a revision.
    settle  See ``revised_rows``.
    told    What else the driver is to know of the bucket, fit for JSON.
    """

    rows: Rows
    settle: Settle | None = None
    told: Any = None


def issue_in_buckets(
    inputs: Inputs,
    tables: Sequence[type[Table]],
    buckets: Sequence[Bucket],
    make: Callable[[Bucket, Standing], MadeResults],
    *,
    is_alone: bool = False,
) -> tuple[Issued, list[Any]]:
    """The files of a month's new revisions, and what each bucket told.

    tables    Result and evidence of the product.
    buckets   All of one division.
    make      Pure function of a bucket and what stands of it; it travels to the workers.
    is_alone  Whether the driver does it, see ``reports_of``.
    """
    roots = {table: inputs.location(table) for table in tables}
    files = {table: list(inputs.standing(table)) for table in tables}
    run_id, rules_digest = inputs.run_id, inputs.rules_digest

    def told(number: int) -> Mapping[str, Any]:
        bucket = buckets[number]
        standing = Standing(files, bucket)
        made = make(bucket, standing)
        issued = issue_files(made.rows, standing, roots, run_id, rules_digest, made.settle)
        return {
            "issued": {table.name: found.to_json() for table, found in issued.items()},
            "told": made.told,
        }

    reports = reports_of(inputs, range(len(buckets)), told, is_alone=is_alone)
    parts: dict[type[Table], list[IssuedFiles]] = {table: [] for table in tables}
    for report in reports:
        for name, text in report["issued"].items():
            parts[table_named(name)].append(IssuedFiles.from_json(text))
    found = {table: joined_files(of_table) for table, of_table in parts.items()}
    return found, [report["told"] for report in reports]
