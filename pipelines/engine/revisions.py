"""Issued results are never edited: what differs from its last revision becomes a new one, evidence first,
result last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from pipelines.storage.store import Store, conform_frame, spark_schema
from pipelines.storage.unchanged_rows import row_text
from pipelines.tables.base import Table
from pipelines.tables.revised import ADDED_COLUMNS, ORIGIN_COLUMNS, Revised, RevisedResult

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def subject_key(result: type[Table]) -> list[str]:
    """What a result is about: its key without the revision."""
    return [name for name in result.key() if name != "revision"]


def split_result(tables: Sequence[type[Table]]) -> tuple[type[Table], list[type[Table]]]:
    """The one result among a product's tables, and its evidence."""
    (result,) = [table for table in tables if issubclass(table, RevisedResult)]
    return result, [table for table in tables if table is not result and issubclass(table, Revised)]


def with_revisions(
    store: Store, frames: Mapping[type[Table], DataFrame], run_id: str, rules_digest: str = ""
) -> dict[type[Table], DataFrame]:
    """Frames of what is new or changed, with the revision columns filled; empty frames where all is as it
    was.

    frames        Result and evidence of a product, without the columns of Revised.
    rules_digest  The kept rules by which they were computed.

    A result that came out the same by another number of its model is the same result: it keeps its row.
    """
    from pyspark.sql import functions as F

    result, evidence = split_result(list(frames))
    subject = subject_key(result)
    digested = _with_digest(frames, "content_digest")
    latest = (
        store.frame(result)
        .groupBy(*subject)
        .agg(F.max(F.struct("revision", "content_digest")).alias("_last"))
        .select(
            *subject,
            F.col("_last.revision").alias("_revision"),
            F.col("_last.content_digest").alias("_digest"),
        )
    )
    changed = (
        digested.join(latest, subject, "left")
        .where(F.col("_digest").isNull() | (F.col("_digest") != F.col("content_digest")))
        .withColumn("revision", (F.coalesce(F.col("_revision"), F.lit(0)) + 1).cast("int"))
        .withColumn("supersedes_revision", F.col("_revision").cast("int"))
        .withColumn("computed_run_id", F.lit(run_id))
        .withColumn("rules_digest", F.lit(rules_digest or None))
        .drop("_revision", "_digest")
    )
    changed = conform_frame(changed, result).persist()
    if changed.where("revision > 1").limit(1).count():
        same = _same_but_for_origin(store, frames, changed.where("revision > 1"))
        if same is not None:
            changed = changed.join(F.broadcast(same), subject, "left_anti").select(*result.columns())
            changed = changed.persist()
    revisions = changed.select(*subject, "revision")
    revised = {result: changed}
    for table in evidence:
        rows = (
            frames[table]
            .join(F.broadcast(revisions), subject)
            .withColumn("computed_run_id", F.lit(run_id))
            .withColumn("rules_digest", F.lit(rules_digest or None))
        )
        revised[table] = conform_frame(rows, table).persist()
    return revised


def _with_digest(
    frames: Mapping[type[Table], DataFrame], name: str, left_out: frozenset[str] = frozenset()
) -> DataFrame:
    """The result's rows with the digest of each and all its evidence, in a column of that name.

    left_out  Columns that do not count, beside those that every product's rows are given.
    """
    from pyspark.sql import functions as F

    result, evidence = split_result(list(frames))
    subject = subject_key(result)

    def counted(table: type[Table]) -> set[str]:
        return set(table.columns()) - ADDED_COLUMNS - left_out

    digested = frames[result].withColumn("_own", row_text(counted(result)))
    parts = ["_own"]
    for position, table in enumerate(evidence):
        rows = frames[table].select(*subject, row_text(counted(table)).alias("_row"))
        part = f"_evidence_{position}"
        grouped = rows.groupBy(*subject).agg(
            F.concat_ws("\x1e", F.sort_array(F.collect_list("_row"))).alias(part)
        )
        digested = digested.join(grouped, subject, "left")
        parts.append(part)
    joined = F.concat_ws("\x1d", *[F.coalesce(F.col(part), F.lit("")) for part in parts])
    return digested.withColumn(name, F.sha2(joined, 256)).drop(*parts)


def _same_but_for_origin(
    store: Store, frames: Mapping[type[Table], DataFrame], changed: DataFrame
) -> DataFrame | None:
    """Subjects of the changed rows whose result and evidence differ from the last revision in nothing but the
    number of a model; None where the product names no model.
    """
    from pyspark.sql import functions as F

    result, _ = split_result(list(frames))
    subject = subject_key(result)
    if not any(ORIGIN_COLUMNS & set(table.columns()) for table in frames):
        return None
    last = changed.select(*subject, F.col("supersedes_revision").alias("revision"))
    declared = {table: [name for name in table.columns() if name not in ADDED_COLUMNS] for table in frames}
    now = {
        table: _as_declared(
            frame.join(F.broadcast(last.select(*subject)), subject, "left_semi"), table, names
        )
        for (table, frame), names in zip(frames.items(), declared.values(), strict=True)
    }
    then = {
        table: store.frame(table).join(F.broadcast(last), [*subject, "revision"], "left_semi").select(*names)
        for table, names in declared.items()
    }
    digests = [
        _with_digest(side, name, ORIGIN_COLUMNS).select(*subject, name)
        for side, name in ((now, "_now"), (then, "_then"))
    ]
    return digests[0].join(digests[1], subject).where("_now = _then").select(*subject)


def _as_declared(frame: DataFrame, table: type[Table], names: Sequence[str]) -> DataFrame:
    from pyspark.sql import functions as F

    return frame.select(
        *[F.col(field.name).cast(field.dataType).alias(field.name) for field in spark_schema(table, names)]
    )


def append_revisions(
    store: Store, revised: Mapping[type[Table], DataFrame], counts: Mapping[str, int], note: str
) -> dict[str, int]:
    """Writes evidence first and the result last, so that a result never stands without its evidence; returns
    versions.

    counts  Rows of each frame, -1 where they were not counted; nothing is written where the result has none.
    A run that was killed between the two leaves evidence of a revision that has no result; it is removed
    before that revision is written again.
    """
    result, evidence = split_result(list(revised))
    if counts[result.name] == 0:
        return store.versions(list(revised))

    def write(table: type[Table]) -> None:
        _remove_orphans(store, table, result, revised[result])
        if counts[table.name] or store.version(table) is None:
            store.write(revised[table], table, append=True, note=note)

    with ThreadPoolExecutor(max(1, len(evidence))) as pool:
        list(pool.map(write, evidence))
    store.write(revised[result], result, append=True, note=note)
    return store.versions(list(revised))


def _remove_orphans(store: Store, table: type[Table], result: type[Table], changed: DataFrame) -> None:
    if store.version(table) is None:
        return
    on = [*subject_key(result), "revision"]
    keys = changed.select(*on)
    if store.frame(table).join(keys, on, "left_semi").limit(1).count() == 0:
        return
    from delta.tables import DeltaTable

    condition = " AND ".join(f"t.{name} = k.{name}" for name in on)
    DeltaTable.forPath(store.spark, store.path(table)).alias("t").merge(
        keys.alias("k"), condition
    ).whenMatchedDelete().execute()
