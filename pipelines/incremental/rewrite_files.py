"""Rows of some meter points renewed inside a table's files: the rows of the others are copied as they stand,
with the run that computed them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.storage.constraints import constraint_violations
from pipelines.storage.data_files import WrittenFile, write_files
from pipelines.storage.hash_layout import bucket_of
from pipelines.storage.scan import (
    by_partition,
    files_by_bucket,
    points_in,
    read_columns,
    rows_of_points,
)
from pipelines.storage.unchanged_rows import all_stand, current_columns, with_run
from pipelines.tables.base import POINT, Table


@dataclass(frozen=True)
class RewritePlan:
    """Which meter points are computed anew, and which files are rewritten for them.

    points  Bucket -> affected meter points in it, none: all of it; buckets without any are not there.
    held    For each table: bucket -> paths of the current files that hold rows of its affected meter points.
    """

    points: Mapping[int, frozenset[str] | None]
    held: Sequence[Mapping[int, Sequence[str]]]


@dataclass(frozen=True)
class Rewritten:
    """What one bucket writes into one table.

    files       Files that take the place of ``replaced``, relative to the table's folder as these are.
    violations  Broken constraints of the rows that were given, each counted once whether they were written
                or stand already, and of those that were copied beside them.
    """

    files: Sequence[WrittenFile]
    replaced: Sequence[str]
    violations: Mapping[str, int]


def plan_rewrite(
    points: Collection[str], current: Sequence[Sequence[str]], buckets: int, subject: str = POINT
) -> RewritePlan | None:
    """Deals affected meter points to buckets; None where a file holds some of several buckets, because two
    tasks cannot both rewrite it.

    current  For each table that is written the paths of its data files.
    subject  Their column that names the meter points; of tables of customers these are dealt instead.

    That is so where the number of buckets has changed since; computing everything lays the files out anew.
    """
    dealt: dict[int, set[str]] = {}
    for point in points:
        dealt.setdefault(bucket_of(point, buckets), set()).add(point)
    held: list[dict[int, list[str]]] = []
    for paths in current:
        of_bucket: dict[int, list[str]] = {bucket: [] for bucket in dealt}
        for path in paths:
            found = {bucket_of(point, buckets) for point in points_in([path], subject) & set(points)}
            if len(found) > 1:
                return None
            for bucket in found:
                of_bucket[bucket].append(path)
        held.append(of_bucket)
    return RewritePlan({bucket: frozenset(names) for bucket, names in dealt.items()}, held)


def plan_whole(current: Sequence[Sequence[str]], buckets: int, subject: str = POINT) -> RewritePlan | None:
    """A plan to compute every bucket, so that files stay whose rows all come out as they stand; None where
    nothing stands, or a file holds rows of several buckets, and everything is laid out anew.

    current, subject  As in ``plan_rewrite``.
    """
    held: list[dict[int, list[str]]] = []
    for paths in current:
        found = files_by_bucket(paths, subject, buckets)
        if found is None:
            return None
        held.append({bucket: found.get(bucket, []) for bucket in range(buckets)})
    return RewritePlan(dict.fromkeys(range(buckets)), held) if any(current) else None


def rewrite(
    rows: pa.Table,
    table: type[Table],
    root: str,
    points: Collection[str] | None,
    held: Sequence[str],
    run_id: str,
) -> Rewritten:
    """Writes the months in which something differs and names the files that these take the place of.

    rows    Business columns: all that the table is to hold of the affected meter points of a bucket.
    points  These meter points; none: all that the files hold.
    held    Paths of the table's files that hold rows of them.
    """
    partition, of_month = table.partition_column(), by_partition(held, table)
    before = (
        read_columns(held, table, current_columns(table), use_threads=False)
        if points is None
        else rows_of_points(held, table, points, current_columns(table), subject=table.subject)
    )
    rows = with_run(rows, run_id, table, before)
    files: list[WrittenFile] = []
    replaced: list[str] = []
    broken = constraint_violations(rows, table)
    for month in sorted(
        {*pc.unique(rows.column(partition)).to_pylist(), *pc.unique(before.column(partition)).to_pylist()}
    ):
        fresh, stood = (each.filter(pc.equal(each.column(partition), month)) for each in (rows, before))
        if all_stand(fresh, stood, run_id):
            continue
        stale = of_month.get(month, [])
        whole = fresh.select(list(table.columns()))
        if points is not None:
            others = rows_of_points(stale, table, points, table.columns(), others=True, subject=table.subject)
            whole = pa.concat_tables([whole, others], promote_options="default")
            given = constraint_violations(fresh, table)
            for name, count in constraint_violations(whole, table).items():
                broken[name] += count - given[name]
        files += write_files(whole, table, root)
        replaced += [path.removeprefix(root + "/") for path in stale]
    return Rewritten(files, replaced, broken)
