"""Small tables without Spark against Spark's own writing, on random mixes: the same rows and digests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from pipelines.settings import Settings, packaged
from pipelines.storage.replace_rows import replace_rows
from pipelines.storage.row_texts import row_texts
from pipelines.storage.store import Store
from pipelines.tables.base import AMOUNT, BOOLEAN, DATE, DOUBLE, LONG, STRING, TIMESTAMP, Field, Layer, Table
from pipelines.units import Unit

if TYPE_CHECKING:
    from pyspark.sql import Column, SparkSession


class Mixed(Table):
    """Every kind of column."""

    name = "test_small_mixed"
    layer = Layer.SILVER
    place = Field(STRING, "Place.", key=True)
    stage = Field(STRING, "The step.", nullable=False)
    count = Field(LONG, "Count.")
    energy_kwh = Field(DOUBLE, "Energy.", unit=Unit.KWH)
    total_cny = Field(AMOUNT, "Total.", unit=Unit.CNY)
    is_said = Field(BOOLEAN, "A flag.")
    day = Field(DATE, "Day.")
    at_utc = Field(TIMESTAMP, "Instant.")
    curve_kwh = Field(pa.list_(DOUBLE), "Values.", unit=Unit.KWH)


NUMBERS = [None, 0.0, -0.0, 1.0, 0.1 + 0.2, 1e-3, 9.9e-4, 9999999.0, 1e7, -123456.789, 1e21, float("nan")]
TEXTS = [None, "", "a", 'q"\\/\n\t\x01\x7f', "电费", "\U0001f50c", "2026-09"]


def mixed(chance: np.random.Generator, stage: str) -> pa.Table:
    count = int(chance.integers(0, 12))

    def some(values: list[Any]) -> list[Any]:
        return [values[place] for place in chance.integers(0, len(values), count)]

    numbers = [*NUMBERS, *chance.normal(0, 1000, 8).round(6).tolist()]
    return pa.table(
        {
            "place": [f"{stage} {place}" for place in range(count)],
            "stage": [stage] * count,
            "count": some([None, 0, -5, 2**40]),
            "energy_kwh": some(numbers),
            "total_cny": some([None, Decimal("0.00"), Decimal("-12.30"), Decimal("99999.99")]),
            "is_said": some([None, True, False]),
            "day": some([None, date(2026, 9, 1), date(1969, 12, 31)]),
            "at_utc": some([None, datetime(2026, 9, 1, tzinfo=UTC) + timedelta(microseconds=7)]),
            "curve_kwh": some([None, [], [1.0, None, 2.5e-9], numbers[1:]]),
        },
        Mixed.arrow_schema(),
    )


def stores(spark: SparkSession, folder: Path) -> tuple[Store, Store]:
    """A home written on Arrow and one written by Spark."""
    return (
        Store(Settings(packaged("conf"), folder / "arrow")),
        Store(Settings(packaged("conf"), folder / "spark"), spark),
    )


def row_text(columns: Iterable[str]) -> Column:
    """Some columns of a Spark row as one text, equal for equal rows alone; an empty cell is left out.

    Part of the digests of issued revisions. Instants are told to the microsecond, as tables hold them.
    """
    from pyspark.sql import functions as F

    return F.to_json(F.struct(*sorted(columns)), {"timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"})


@pytest.mark.parametrize("seed", range(3))
def test_the_text_of_a_row_is_sparks(spark: SparkSession, seed: int) -> None:
    rows = mixed(np.random.default_rng(seed), "s")
    told = spark.createDataFrame(rows).select(row_text(Mixed.columns()).alias("text")).toArrow()
    assert row_texts(rows, Mixed.columns()) == told["text"].to_pylist()


def test_replacing_writes_what_spark_writes(spark: SparkSession, tmp_path: Path) -> None:
    chance = np.random.default_rng(19)
    on_arrow, in_spark = stores(spark, tmp_path)
    for step in range(6):
        stage = str(chance.choice(["one", "two", "three"]))
        rows = mixed(chance, stage)
        frame = spark.createDataFrame(rows)
        if step:
            replace_rows(on_arrow, Mixed, rows, stage, "stage", [stage])
            writer = (
                frame.write.format("delta").mode("overwrite").option("replaceWhere", f"stage IN ('{stage}')")
            )
            writer.save(in_spark.path(Mixed))
        else:
            replace_rows(on_arrow, Mixed, rows, stage)
            in_spark.write(frame, Mixed)
        assert on_arrow.content_hash(Mixed) == in_spark.content_hash(Mixed)
        assert on_arrow.row_count(Mixed) == in_spark.row_count(Mixed)
    read = Store(on_arrow.settings, spark).frame(Mixed).toArrow()
    assert sorted(read["place"].to_pylist()) == sorted(in_spark.arrow(Mixed)["place"].to_pylist())
