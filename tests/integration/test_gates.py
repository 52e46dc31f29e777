"""Gates of every severity: halt writes nothing, quarantine holds rows back, warn lets them pass and says
so.
"""

from __future__ import annotations

import json
from pathlib import Path
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


@pytest.fixture(params=["in memory", "in Spark"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "in Spark":
        monkeypatch.setattr(gate, "SMALL_ROWS", 1)


@pytest.mark.usefixtures("_both_ways")
def test_sound_rows_pass(spark: SparkSession, tmp_path: Path) -> None:
    kept, found = gate.admit(
        _frame(spark, [("a", 0.0, 100.0, 1.0), ("b", 1.0, None, 0.0)]), Gated, tmp_path, "r"
    )
    assert kept.count() == 2
    assert (found.failures, found.warnings, dict(found.held)) == ((), (), {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("_both_ways")
def test_halt_names_rule_and_rows_and_lets_nothing_through(spark: SparkSession, tmp_path: Path) -> None:
    rows = [("a", -0.1, 1.0, 0.5), ("a", 1.0, 1.0, 0.5), ("c", 1.0, 1.0, 0.5)]
    with pytest.raises(GateHaltedError) as caught:
        gate.admit(_frame(spark, rows), Gated, tmp_path, "r")
    told = [failure.split(", for example")[0] for failure in caught.value.failures]
    assert told == [
        "energy_kwh lies in [0, inf]: fails on 1 rows",
        "(place) identifies a row: fails on 2 rows",
    ]
    assert caught.value.exit_code == 4


@pytest.mark.usefixtures("_both_ways")
def test_quarantine_holds_back_the_rows_that_break_the_rule_and_no_others(
    spark: SparkSession, tmp_path: Path
) -> None:
    rows = [
        ("a", 1.0, 100.0, 0.5),
        ("b", 1.0, 100.1, 0.5),
        ("c", 1.0, None, 0.5),
        ("d", 1.0, 200.0, 0.5),
        ("e", 1.0, 3.0, 0.5),
    ]
    kept, found = gate.admit(_frame(spark, rows), Gated, tmp_path, "r")
    assert sorted(row.place for row in kept.collect()) == ["a", "c", "e"]
    assert kept.columns == ["place", "energy_kwh", "power_kw", "share_ratio"]
    assert dict(found.held) == {"power_kw lies in [-inf, 100]": 2}
    held = [json.loads(line) for line in (tmp_path / "test_gated" / "r.jsonl").read_text().splitlines()]
    assert [(row["place"], row["power_kw"], row["broken_rules"]) for row in held] == [
        ("b", 100.1, ["power_kw lies in [-inf, 100]"]),
        ("d", 200.0, ["power_kw lies in [-inf, 100]"]),
    ]
    assert found.to_json()["held"] == {"power_kw lies in [-inf, 100]": 2}


def test_a_row_held_back_no_longer_halts(spark: SparkSession, tmp_path: Path) -> None:
    kept, _ = gate.admit(_frame(spark, [("a", -5.0, 101.0, 0.5), ("b", 1.0, 1.0, 0.5)]), Gated, tmp_path, "r")
    assert [row.place for row in kept.collect()] == ["b"]


def test_too_many_rows_to_hold_back_halt(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "MOST_HELD", 2)
    rows = [(f"p{place}", 1.0, 101.0, 0.5) for place in range(3)]
    assert gate.admit(_frame(spark, rows[:2]), Gated, tmp_path, "r")[0].count() == 0
    with pytest.raises(GateHaltedError, match="more than 2 rows"):
        gate.admit(_frame(spark, rows), Gated, tmp_path, "r")


@pytest.mark.usefixtures("_both_ways")
def test_warn_lets_the_rows_pass_and_says_so(spark: SparkSession, tmp_path: Path) -> None:
    kept, found = gate.admit(
        _frame(spark, [("a", 1.0, 1.0, 1.0), ("b", 1.0, 1.0, 1.01), ("c", 1.0, 1.0, 2.0)]),
        Gated,
        tmp_path,
        "r",
    )
    assert kept.count() == 3
    assert [warning.split(", for example")[0] for warning in found.warnings] == [
        "share_ratio lies in [-inf, 1]: fails on 2 rows"
    ]
    assert found.failures == ()
    assert found.to_json()["warnings"] == list(found.warnings)


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
