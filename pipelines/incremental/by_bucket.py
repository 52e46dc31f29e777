"""Bronze to silver by the workers themselves: one task per bucket of meter points reads, computes and writes
without the JVM.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import pyarrow as pa

from pipelines.engine.step import Coverage, Inputs, WorkerFiles, Written
from pipelines.incremental.affected import Affected
from pipelines.incremental.file_accounts import (
    corrected_accounts,
    corrected_quarantine,
    stage_rows,
    summed_accounts,
)
from pipelines.incremental.rewrite_files import (
    RewritePlan,
    Rewritten,
    plan_rewrite,
    plan_whole,
    rewrite,
)
from pipelines.incremental.source_rows import NO_COLUMNS, Columns, RowsOfPoints, SourceRows
from pipelines.incremental.workers import bucket_count, reports_of
from pipelines.storage.constraints import constraint_violations
from pipelines.storage.data_files import WrittenFile, discard_files, write_files
from pipelines.storage.scan import bucket_rows, read_columns, rows_of_points
from pipelines.storage.unchanged_rows import all_stand, current_columns, with_run
from pipelines.tables.base import Row, Table
from pipelines.tables.rows.silver import SilverFileAccountsRow, SilverQuarantineRow
from pipelines.tables.silver import SilverFileAccounts, SilverQuarantine

MOST_ALONE = 8
"""So many meter points are computed here: a worker takes longer to start than they take. No threshold: either
way gives the same rows.
"""


@dataclass(frozen=True)
class BucketOutcome:
    """What one bucket gives: rows without run columns, accounts, quarantine, counts of broken constraints,
    and what checks found.
    """

    rows: pa.Table
    accounts: pa.Table
    quarantine: pa.Table
    violations: Mapping[str, int]
    findings: pa.Table | None = None

    def of_targets(self) -> list[pa.Table]:
        """Rows of each table that is written."""
        return [self.rows] if self.findings is None else [self.rows, self.findings]


Settle = Callable[[pa.Table], tuple[pa.Table, pa.Table]]
"""Received rows -> accounts and quarantine."""


def refine_in_buckets(
    inputs: Inputs,
    stage: str,
    source: type[Table],
    target: type[Table],
    refine: Callable[[pa.Table], BucketOutcome],
    rows_per_task: int,
    findings: type[Table] | None = None,
    affected: Affected | None = None,
    settled_then: Settle | None = None,
) -> Mapping[type[Table], Written]:
    """Runs ``refine`` on all bronze rows of each bucket of meter points, or of the affected ones among them.

    source         Bronze table with ``meter_point_id``, partitioned by one month column.
    target         Silver table; the workers write its files, the runner commits them.
    refine         Pure function; it travels to the workers with all that it holds.
    rows_per_task  How many rows make one more bucket worth its start.
    findings       Table of what checks found, written beside the target.
    affected        The meter points to compute; what stands of the others stays. None: all.
    settled_then   Accounts and quarantine of rows as the newest run saw them; needed where less than all is
                   affected.
    """

    def work(tables: Sequence[pa.Table]) -> BucketOutcome:
        return refine(tables[0])

    every = None if affected is None else replace(affected, names=None)
    files, reports = _run_buckets(
        inputs,
        (source,),
        target,
        work,
        rows_per_task,
        findings,
        affected if settled_then else every,
        settled_then,
    )
    if files[target].kept is not None:
        corrected = _corrected(inputs, stage, reports)
        if corrected is not None:
            return {**files, **corrected}
        # What was counted before does not hold what the affected meter points had then: everything is counted
        # anew.
        for table, made in files.items():
            discard_files(inputs.location(table), made.files)
        files, reports = _run_buckets(inputs, (source,), target, work, rows_per_task, findings, every)
    return {
        **files,
        SilverQuarantine: _told(SilverQuarantine, _staged(reports, "quarantine", stage, SilverQuarantineRow)),
        SilverFileAccounts: _told(
            SilverFileAccounts,
            summed_accounts(_staged(reports, "accounts", stage, SilverFileAccountsRow)),
        ),
    }


def derive_with_findings(
    inputs: Inputs,
    sources: Sequence[type[Table]],
    target: type[Table],
    findings: type[Table] | None,
    derive: Callable[[Sequence[pa.Table]], tuple[pa.Table, pa.Table | None]],
    rows_per_task: int,
    affected: Affected | None = None,
    columns: Columns = NO_COLUMNS,
    rows: SourceRows | None = None,
) -> Mapping[type[Table], Written]:
    """Runs ``derive`` on the rows of each bucket of meter points, one Arrow table per source: rows of the
    target and of ``findings``.

    columns  What is read of a source, where that is not every business column.
    rows     What a bucket is computed from, where that is not the rows of its meter points alone; the subject
             of the target says what its buckets are of.

    Files of a bucket and month whose rows all come out as they stand stay where they are, also where
    everything is computed: another price or another version of the code then moves nothing by itself.
    """

    def outcome(tables: Sequence[pa.Table]) -> BucketOutcome:
        made, found = derive(tables)
        return BucketOutcome(made, pa.table({}), pa.table({}), constraint_violations(made, target), found)

    files, _ = _run_buckets(
        inputs,
        sources,
        target,
        outcome,
        rows_per_task,
        findings,
        affected,
        columns=columns,
        source_rows=rows,
        keeps_standing=True,
    )
    return files


def driver_files(inputs: Inputs, table: type[Table], rows: pa.Table) -> WorkerFiles:
    """Files of rows that the driver holds already, to be committed as those of workers are; where all stand
    as they are, the table stays.
    """
    before = read_columns(inputs.current_paths(table), table, current_columns(table))
    written = with_run(rows, inputs.run_id, table, before)
    if before.num_rows and all_stand(written, before, inputs.run_id):
        return WorkerFiles((), constraint_violations(rows, table), frozenset(inputs.current(table)))
    return WorkerFiles(
        tuple(write_files(written, table, inputs.location(table))), constraint_violations(rows, table)
    )


def _run_buckets(
    inputs: Inputs,
    sources: Sequence[type[Table]],
    target: type[Table],
    work: Callable[[Sequence[pa.Table]], BucketOutcome],
    rows_per_task: int,
    findings: type[Table] | None = None,
    affected: Affected | None = None,
    settled_then: Settle | None = None,
    columns: Columns = NO_COLUMNS,
    source_rows: SourceRows | None = None,
    keeps_standing: bool = False,
) -> tuple[dict[type[Table], WorkerFiles], list[dict[str, Any]]]:
    run_id = inputs.run_id
    targets = (target,) if findings is None else (target, findings)
    roots = [inputs.location(table) for table in targets]
    files = {source: inputs.paths(source) for source in sources}
    found_rows: SourceRows = source_rows or RowsOfPoints(files, columns)
    current = [inputs.current_paths(table) for table in targets]
    buckets = bucket_count(inputs, [path for paths in files.values() for path in paths], rows_per_task)
    plan = (
        None
        if affected is None or affected.names is None
        else plan_rewrite(affected.names, current, buckets, target.subject)
    )
    is_part = plan is not None
    if plan is None and keeps_standing:
        plan = plan_whole(current, buckets, target.subject)
    then = (
        inputs.previous.paths(sources[0]) if inputs.previous is not None and settled_then is not None else []
    )

    def all_of(bucket: int) -> dict[str, Any]:
        outcome = work(found_rows.of_bucket(bucket, buckets))
        parts = []
        for rows, table, root, now in zip(outcome.of_targets(), targets, roots, current, strict=True):
            before = (
                bucket_rows(now, table, bucket, buckets, table.subject, current_columns(table))
                if now
                else None
            )
            broken = outcome.violations if table is target else constraint_violations(rows, table)
            parts.append(
                Rewritten(write_files(with_run(rows, run_id, table, before), table, root), [], broken)
            )
        return _report(outcome, parts)

    def affected_of(bucket: int, plan: RewritePlan) -> dict[str, Any]:
        points = plan.points[bucket]
        outcome = work(
            found_rows.of_bucket(bucket, buckets) if points is None else found_rows.of_subjects(points)
        )
        parts = [
            rewrite(rows, table, root, points, held[bucket], run_id)
            for rows, table, root, held in zip(outcome.of_targets(), targets, roots, plan.held, strict=True)
        ]
        # Both count the constraints of the declaration, of the same rows: one of the two may.
        parts[0] = replace(parts[0], violations={**outcome.violations, **parts[0].violations})
        report = _report(outcome, parts)
        if settled_then is not None and points is not None:
            report["accounts_then"], report["quarantine_then"] = (
                rows.to_pylist() for rows in settled_then(rows_of_points(then, sources[0], points))
            )
        return report

    def told(bucket: int) -> dict[str, Any]:
        return all_of(bucket) if plan is None else affected_of(bucket, plan)

    asked = list(range(buckets)) if plan is None else sorted(plan.points)
    few = is_part and plan is not None and sum(len(each or ()) for each in plan.points.values()) <= MOST_ALONE
    reports = reports_of(inputs, asked, told, is_alone=few)
    coverage = None if affected is None else (affected if is_part else replace(affected, names=None)).coverage
    kept = [None if plan is None else frozenset(inputs.current(table)) for table in targets]
    return {
        table: _worker_files(table, reports, place, kept[place], coverage)
        for place, table in enumerate(targets)
    }, reports


def _report(outcome: BucketOutcome, parts: Sequence[Rewritten]) -> dict[str, Any]:
    """What a worker tells of one bucket, fit for JSON; one part per target."""
    return {
        "files": [[file.to_json() for file in part.files] for part in parts],
        "replaced": [part.replaced for part in parts],
        "accounts": outcome.accounts.to_pylist(),
        "quarantine": outcome.quarantine.to_pylist(),
        "violations": [dict(part.violations) for part in parts],
    }


def _worker_files(
    table: type[Table],
    reports: list[dict[str, Any]],
    place: int,
    current: frozenset[str] | None,
    coverage: Coverage | None,
) -> WorkerFiles:
    written = [WrittenFile.from_json(text) for report in reports for text in report["files"][place]]
    counted = _total(
        [constraint_violations(table.empty(), table), *(report["violations"][place] for report in reports)]
    )
    kept = (
        None
        if current is None
        else current - {path for report in reports for path in report["replaced"][place]}
    )
    return WorkerFiles(tuple(sorted(written, key=lambda file: file.path)), counted, kept, coverage)


def _told(table: type[Table], rows: Sequence[Mapping[str, object]]) -> pa.Table:
    """Rows that the workers told, without run columns, which the runner fills."""
    schema = table.arrow_schema()
    return pa.Table.from_pylist(
        [dict(row) for row in rows], pa.schema([schema.field(name) for name in table.business_columns()])
    )


def _corrected(
    inputs: Inputs, stage: str, reports: list[dict[str, Any]]
) -> dict[type[Table], pa.Table] | None:
    """Accounts and quarantine of all, from those of the newest run and what the affected meter points had in
    them then and have now.
    """
    if inputs.previous is None:
        return None
    previous = inputs.previous
    accounts = corrected_accounts(
        stage_rows(previous.paths(SilverFileAccounts), SilverFileAccounts, SilverFileAccountsRow, stage),
        _staged(reports, "accounts_then", stage, SilverFileAccountsRow),
        _staged(reports, "accounts", stage, SilverFileAccountsRow),
        inputs.run_id,
    )
    if accounts is None:
        return None
    quarantine = corrected_quarantine(
        stage_rows(previous.paths(SilverQuarantine), SilverQuarantine, SilverQuarantineRow, stage),
        _staged(reports, "quarantine_then", stage, SilverQuarantineRow),
        _staged(reports, "quarantine", stage, SilverQuarantineRow),
        inputs.run_id,
    )
    if quarantine is None:
        return None
    return {
        SilverFileAccounts: pa.Table.from_pylist([*accounts], SilverFileAccounts.arrow_schema()),
        SilverQuarantine: pa.Table.from_pylist([*quarantine], SilverQuarantine.arrow_schema()),
    }


def _total(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    return reduce(
        lambda sums, found: {name: sums.get(name, 0) + count for name, count in found.items()}, counts, {}
    )


def _staged(reports: list[dict[str, Any]], part: str, stage: str, kind: type[Row]) -> list[Row]:
    """Rows that the tasks reported, ``kind`` being their generated type; no run has counted them yet."""
    rows: list[Row] = [row | {"stage": stage} for report in reports for row in report[part]]
    return rows
