"""The rules that a table's declaration implies, and how many rows of a frame break each: one pass, whatever
their number.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.codes import Severity
from pipelines.tables.base import Role, Table

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

UNIQUE_PARTITIONS, FEW_HASHES = 64, 1_000
# The session's settings are shared by all threads.
_ONE_AT_A_TIME = threading.Lock()
_COMPILED = {"spark.sql.codegen.wholeStage": "true", "spark.sql.codegen.factoryMode": "FALLBACK"}


@dataclass(frozen=True)
class Rule:
    """One expectation in words that need no library: kind, columns and bounds.

    kind      ``not_null``, ``in_set``, ``between`` or ``unique``.
    above     For ``between``: a bound that values must exceed, instead of a minimum.
    severity  halt: nothing is written; quarantine: rows that break it are held back and the others written;
              warn: said, and written.
    """

    kind: str
    columns: tuple[str, ...]
    values: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    severity: Severity = Severity.HALT

    @property
    def text(self) -> str:
        """The rule in one line, for reports and errors."""
        names = ", ".join(self.columns)
        if self.kind == "not_null":
            return f"{names} is never empty"
        if self.kind == "in_set":
            return f"{names} is one of {len(self.values)} codes"
        if self.kind == "unique":
            return f"({names}) identifies a row"
        low = (
            f"({self.above:g}"
            if self.above is not None
            else "[-inf"
            if self.minimum is None
            else f"[{self.minimum:g}"
        )
        return f"{names} lies in {low}, {'inf' if self.maximum is None else f'{self.maximum:g}'}]"


def rules_of(table: type[Table]) -> list[Rule]:
    """The rules that a declaration implies; those on run columns are left out. A field's severity is that of
    its codes and bounds.
    """
    rules: list[Rule] = []
    for field in table.fields():
        if field.role is Role.RUN:
            continue
        if not field.nullable:
            rules.append(Rule("not_null", (field.name,)))
        if field.codes is not None and str(field.dtype) == "string":
            rules.append(
                Rule(
                    "in_set",
                    (field.name,),
                    values=tuple(str(member.value) for member in field.codes),
                    severity=field.severity,
                )
            )
        if field.minimum is not None or field.above is not None or field.maximum is not None:
            least, above, most = field.minimum, field.above, field.maximum
            rules.append(
                Rule(
                    "between",
                    (field.name,),
                    minimum=least,
                    maximum=most,
                    above=above,
                    severity=field.severity,
                )
            )
    if table.key():
        rules.append(Rule("unique", table.key()))
    return rules


def _broken(rule: Rule) -> Column:
    """Whether a row breaks a rule on one column; an empty value breaks ``not_null`` alone."""
    from pyspark.sql import functions as F

    column = F.col(rule.columns[0])
    if rule.kind == "not_null":
        return column.isNull()
    if rule.kind == "in_set":
        return column.isNotNull() & ~column.isin(list(rule.values))
    low = F.lit(False) if rule.minimum is None else column < F.lit(rule.minimum)
    high = F.lit(False) if rule.maximum is None else column > F.lit(rule.maximum)
    near = F.lit(False) if rule.above is None else column <= F.lit(rule.above)
    return F.coalesce(low | near | high, F.lit(False))


def count_broken(frame: DataFrame, rules: Sequence[Rule]) -> list[int]:
    """Rows that break each rule: one pass for all rules on single columns, and one shuffle of 64-bit hashes
    for each key.

    Keys whose hashes all differ are all different. Where hashes repeat, the rows that share them are counted
    by their whole key.
    """
    from pyspark.sql import functions as F

    single = [place for place, rule in enumerate(rules) if rule.kind != "unique"]
    counts = [0] * len(rules)
    with compiled(frame.sparkSession):
        if single:
            row = frame.agg(
                *[F.count(F.when(_broken(rules[place]), 1)).alias(f"rule_{place}") for place in single]
            ).first()
            for place in single:
                counts[place] = int(row[f"rule_{place}"]) if row is not None else 0
        for place, rule in enumerate(rules):
            if rule.kind == "unique":
                counts[place] = _repeated(frame, rule.columns)
    return counts


def _repeated(frame: DataFrame, key: Sequence[str]) -> int:
    """Rows whose key another row has too."""
    from pyspark.sql import functions as F

    hashed = frame.select(F.xxhash64(*key).alias("hash"))
    spread = hashed.repartition(UNIQUE_PARTITIONS, "hash").mapInArrow(_doubled, "hash long")
    doubled = [row.hash for row in spread.distinct().limit(FEW_HASHES + 1).collect()]
    if not doubled:
        return 0
    # Few hashes narrow the rows before whole keys are compared; many would make a list longer than it is
    # worth.
    suspects = frame.select(*key)
    if len(doubled) <= FEW_HASHES:
        suspects = suspects.where(F.xxhash64(*key).isin(doubled))
    found = suspects.groupBy(*key).count().where("count > 1").agg(F.sum("count")).first()
    return int(found[0] or 0) if found is not None else 0


def _doubled(batches: Iterator[object]) -> Iterator[object]:
    """Hashes of a partition that occur more than once; equal hashes lie in one partition."""
    import numpy as np
    import pyarrow as pa

    parts = [batch.column(0).to_numpy() for batch in batches]  # type: ignore[attr-defined]
    hashes = np.sort(np.concatenate(parts)) if parts else np.empty(0, dtype=np.int64)
    yield pa.RecordBatch.from_arrays([pa.array(np.unique(hashes[1:][hashes[1:] == hashes[:-1]]))], ["hash"])


@contextmanager
def compiled(spark: SparkSession) -> Iterator[None]:
    """Whole stages compiled: what small plans do without pays on a large frame."""
    with _ONE_AT_A_TIME:
        before = {name: spark.conf.get(name, None) for name in _COMPILED}
        for name, value in _COMPILED.items():
            spark.conf.set(name, value)
        try:
            yield
        finally:
            for name, old in before.items():
                if old is None:
                    spark.conf.unset(name)
                else:
                    spark.conf.set(name, old)
