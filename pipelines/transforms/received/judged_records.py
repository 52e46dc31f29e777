"""Which of several received records stands, as Spark expressions: the rule of ``settlement`` for every table
but the curves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.codes import RejectReason
from pipelines.tables.base import DOUBLE, Table
from pipelines.transforms.received.precedence import ACCOUNTS_SCHEMA, QUARANTINE_SCHEMA, RAW_LIMIT, Verdict

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

RECEIVED_COLUMNS = ("content_hash", "line_number", "sent_at_utc", "source_file", "received_at_utc", "run_id")


@dataclass(frozen=True)
class Fault:
    """Why a record cannot be used, found in the record alone.

    unfit   True where the record has the fault; null counts as false.
    column  The column at fault.
    """

    unfit: Column
    reason_code: RejectReason
    column: str
    reason: str


@dataclass(frozen=True)
class Settled:
    """What became of received records.

    kept        The records that stand, with all columns of their bronze table.
    accounts    content_hash, table_name, received_rows, kept_rows, duplicate_rows, superseded_rows,
                quarantined_rows.
    quarantine  silver_quarantine without ``source_file`` and ``run_id``.
    judged      What the three are views of: every record with ``verdict``, ``reason_code``, ``column_name``
                and ``reason``.
                The three read it separately; a runner that writes all of them may keep it.
    """

    kept: DataFrame
    accounts: DataFrame
    quarantine: DataFrame
    judged: DataFrame


def judge_received(
    bronze: DataFrame,
    table: type[Table],
    key: Sequence[str],
    values: Sequence[str],
    faults: Sequence[Fault] = (),
    cluster_by: Sequence[str] = (),
) -> DataFrame:
    """Every record with ``verdict`` and, where held back, ``reason_code``, ``column_name`` and ``reason``;
    one shuffle.

    bronze      Frame of a bronze table.
    table       That table.
    key         Columns for which one record may stand.
    values      Columns that make two records equal or different.
    faults      Records with a fault are held back and compete with nobody; the first that holds is named.
    cluster_by  Leading columns of the key to lay the records out by, so that what follows needs no second
                shuffle; empty: the key.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    missing_key = [
        Fault(F.col(name).isNull(), RejectReason.MISSING_KEY, name, "A key must not be empty.")
        for name in key
    ]
    found = F.coalesce(*(_named(fault) for fault in (*missing_key, *faults)))
    newest_first = (
        F.col("sent_at_utc").desc_nulls_last(),
        F.col("content_hash").desc(),
        F.col("line_number").desc(),
    )
    ranked = Window.partitionBy(*key, "_fit").orderBy(*newest_first)
    competing = ranked.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    said = F.struct(*(F.col(name) for name in values))
    columns = [F.col(name) for name in table.columns() if name in bronze.columns]
    laid_out = bronze.repartition(*cluster_by) if cluster_by else bronze
    placed = (
        laid_out.withColumn("_fault", found)
        .withColumn("_fit", F.col("_fault").isNull())
        .select(
            *columns,
            "_fault",
            F.row_number().over(ranked).alias("_place"),
            said.eqNullSafe(F.first(said).over(competing)).alias("_same"),
            F.min(said).over(competing).eqNullSafe(F.max(said).over(competing)).alias("_agreed"),
            F.first("sent_at_utc").over(competing).isNull().alias("_untimed"),
        )
    )
    disputed = F.struct(
        F.lit(RejectReason.CONFLICTING_VALUES.value).alias("reason_code"),
        F.lit(values[0]).alias("column_name"),
        F.lit("Other records for this key differ and none carries a sender's time.").alias("reason"),
    )
    fault = F.coalesce(F.col("_fault"), F.when(F.col("_untimed") & ~F.col("_agreed"), disputed))
    verdict = (
        F.when(F.col("_held").isNotNull(), Verdict.QUARANTINED.value)
        .when(F.col("_place") == 1, Verdict.KEPT.value)
        .when(F.col("_same"), Verdict.DUPLICATE.value)
        .otherwise(Verdict.SUPERSEDED.value)
    )
    return placed.withColumn("_held", fault).select(
        *columns,
        verdict.alias("verdict"),
        F.col("_held.reason_code").alias("reason_code"),
        F.col("_held.column_name").alias("column_name"),
        F.col("_held.reason").alias("reason"),
    )


def split_verdicts(judged: DataFrame, table: type[Table], stage: str) -> Settled:
    """The records that stand, the accounts and the quarantine out of judged records."""
    from pyspark.sql import functions as F

    bronze_columns = [name for name in table.columns() if name in judged.columns]
    held = judged.where(F.col("verdict") == Verdict.QUARANTINED.value)
    return Settled(
        kept=judged.where(F.col("verdict") == Verdict.KEPT.value).select(*bronze_columns),
        accounts=count_accounts(judged, table),
        quarantine=held.select(*quarantine_columns(table, bronze_columns, stage)),
        judged=judged,
    )


def count_accounts(judged: DataFrame, table: type[Table]) -> DataFrame:
    """Records per file and verdict; the four add up to those received."""
    from pyspark.sql import functions as F

    accounts = judged.groupBy("content_hash").agg(
        F.lit(table.name).alias("table_name"),
        F.count(F.lit(1)).alias("received_rows"),
        *(
            F.count_if(F.col("verdict") == verdict.value).alias(f"{verdict.value}_rows")
            for verdict in Verdict
        ),
    )
    return accounts.select(*ACCOUNTS_SCHEMA.names)


def quarantine_columns(table: type[Table], bronze_columns: Sequence[str], stage: str) -> list[Column]:
    """The columns of silver_quarantine out of a record with ``reason_code``, ``column_name`` and ``reason``."""
    from pyspark.sql import functions as F

    shown = [name for name in bronze_columns if name not in RECEIVED_COLUMNS]
    raw = F.concat_ws(",", *(F.coalesce(F.col(name).cast("string"), F.lit("")) for name in shown))
    made = {
        "table_name": F.lit(table.name),
        "raw_record": F.substring(raw, 1, RAW_LIMIT),
        "stage": F.lit(stage),
    }
    return [made.get(name, F.col(name)).alias(name) for name in QUARANTINE_SCHEMA.names]


def declared_faults(table: type[Table], columns: Sequence[str]) -> list[Fault]:
    """What the declaration of a table forbids in these columns: empty values, codes outside the list, numbers
    outside the range.
    """
    from pyspark.sql import functions as F

    faults = []
    for field in table.fields():
        if field.name not in columns:
            continue
        value = F.col(field.name)
        if not field.nullable:
            faults.append(
                Fault(value.isNull(), RejectReason.MISSING_VALUE, field.name, "A value is needed here.")
            )
        if field.codes is not None:
            known = [code.value for code in field.codes]
            reason = f"Not in the closed list: {', '.join(known)}."
            faults.append(Fault(~value.isin(known), RejectReason.BAD_CODE, field.name, reason))
        if field.dtype == DOUBLE:
            faults.append(Fault(F.isnan(value), RejectReason.BAD_NUMBER, field.name, "Not a number."))
        if field.minimum is not None:
            faults.append(
                Fault(
                    value < field.minimum, RejectReason.OUT_OF_RANGE, field.name, f"Below {field.minimum:g}."
                )
            )
        if field.above is not None:
            faults.append(
                Fault(
                    value <= field.above, RejectReason.OUT_OF_RANGE, field.name, f"Not above {field.above:g}."
                )
            )
        if field.maximum is not None:
            faults.append(
                Fault(
                    value > field.maximum, RejectReason.OUT_OF_RANGE, field.name, f"Above {field.maximum:g}."
                )
            )
    return faults


def _named(fault: Fault) -> Column:
    from pyspark.sql import functions as F

    return F.when(
        fault.unfit,
        F.struct(
            F.lit(fault.reason_code.value).alias("reason_code"),
            F.lit(fault.column).alias("column_name"),
            F.lit(fault.reason).alias("reason"),
        ),
    )
