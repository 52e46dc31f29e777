"""Gates of every severity: halt writes nothing, quarantine holds rows back, warn lets them pass and says
so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from benchmarks.quality_gate import BenchIntervalReads, simulated_reads
from pipelines.codes import Severity
from pipelines.engine import gate
from pipelines.errors import GateHaltedError
from pipelines.tables.base import DOUBLE, STRING, Field, Layer, Table
from pipelines.units import Unit

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class Gated(Table):
    """One column of each severity."""

    name = "test_gated"
    layer = Layer.GOLD
    place = Field(STRING, "Place.", key=True)
    energy_kwh = Field(DOUBLE, "Halts.", unit=Unit.KWH, nullable=False, minimum=0)
    power_kw = Field(DOUBLE, "Is held back.", unit=Unit.KW, maximum=100, severity=Severity.QUARANTINE)
    share_ratio = Field(DOUBLE, "Warns.", unit=Unit.RATIO, maximum=1, severity=Severity.WARN)


def _frame(spark: SparkSession, rows: list[tuple[str, float, float | None, float]]) -> DataFrame:
    return spark.createDataFrame(rows, "place string, energy_kwh double, power_kw double, share_ratio double")


@pytest.mark.parametrize("most", [200_000, 1])
def test_halt_names_rule_and_rows_on_arrow_and_in_spark(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(gate, "SMALL_ROWS", most)
    rows = [("a", -0.1, 1.0, 0.5), ("a", 1.0, 1.0, 0.5), ("c", 1.0, 1.0, 0.5)]
    with pytest.raises(GateHaltedError) as caught:
        gate.gate(_frame(spark, rows), Gated)
    told = [failure.split(", for example")[0] for failure in caught.value.failures]
    assert told == [
        "energy_kwh lies in [0, inf]: fails on 1 rows",
        "(place) identifies a row: fails on 2 rows",
    ]
    assert caught.value.exit_code == 4


def test_counting_leaves_the_session_as_it_was(spark: SparkSession) -> None:
    before = spark.conf.get("spark.sql.codegen.wholeStage")
    gate.check_counted(_frame(spark, [("a", 1.0, 1.0, 1.0)]), "t", gate.rules_of(Gated))
    assert spark.conf.get("spark.sql.codegen.wholeStage") == before


def test_a_large_table_takes_a_handful_of_jobs_whatever_the_number_of_rules(spark: SparkSession) -> None:
    """The library run on the frame itself takes several jobs a rule."""
    rules = gate.rules_of(BenchIntervalReads)
    assert len(rules) == 20
    batch = next(simulated_reads(1_000_000))
    broken = {"energy_kwh": -1.0, "slot": 96, "rule_code": "invented"}
    spoilt = pa.Table.from_batches([batch]).to_pandas()
    for place, (column, value) in enumerate(broken.items()):
        spoilt.loc[place, column] = value
    spark.sparkContext.setJobGroup("large gate", "the gate alone")
    try:
        found = gate.check_counted(
            spark.createDataFrame(pa.Table.from_pandas(spoilt, schema=batch.schema)),
            BenchIntervalReads.name,
            rules,
        )
    except GateHaltedError as halted:
        failures = halted.failures
    else:
        failures = found.failures
    finally:
        spark.sparkContext.setJobGroup("", "")
    jobs = spark.sparkContext.statusTracker().getJobIdsForGroup("large gate")
    assert 1 <= len(jobs) <= 30
    assert len(failures) == 3
    assert all(any(column in failure for failure in failures) for column in broken)
