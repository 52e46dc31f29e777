"""The meter points of ``zhixiang vee``: as files describe them, assumed where none does, and none where a row
of theirs was held back.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.formats.contract import ReadResult
from pipelines.formats.csv_records import header_names
from pipelines.formats.parquet import MAGIC
from pipelines.periods import EPOCH
from pipelines.tables.base import DATE, DOUBLE, STRING
from pipelines.tables.silver import SilverMeterPoints


def described_points(answer: ReadResult, content: bytes) -> set[str]:
    """Meter points that a meter_points file speaks of, in rows that can be used and in rows that cannot.

    content  The unpacked file; the header of a CSV tells where the name stands in a rejected row.
    """
    found = set(pc.unique(answer.rows["meter_point_id"]).to_pylist())
    names = () if content.startswith(MAGIC) else header_names(content)
    place = names.index("meter_point_id") if "meter_point_id" in names else None
    for raw in answer.rejects["raw_record"].to_pylist():
        try:
            if place is None:
                found.add(str(json.loads(raw)["meter_point_id"]))
            else:
                found.add(next(csv.reader([raw]))[place])
        except (ValueError, KeyError, IndexError, StopIteration, csv.Error):
            continue  # a row of which not even the name can be read
    return found


def meter_points_of(
    received: pa.Table, named: Sequence[str], described: set[str]
) -> tuple[pa.Table, list[str], list[str]]:
    """silver_meter_points of the files and of a multiplier of 1 for meter points that no file describes;
    those assumed; those of unknown multiplier.

    received   Rows of silver_meter_points, as the chain refines them.
    named      Meter points that have curves or registers.
    described  Meter points that a file speaks of; where no row of one can be used, its multiplier is unknown,
               not 1.
    """
    unknown = set(named) - set(pc.unique(received["meter_point_id"]).to_pylist())
    assumed = sorted(unknown - described)
    schema = pa.schema(
        [SilverMeterPoints.arrow_schema().field(name) for name in SilverMeterPoints.business_columns()]
    )
    made = {
        "meter_point_id": pa.array(assumed, STRING),
        "valid_from_date": pa.array([EPOCH] * len(assumed), DATE),
        "meter_id": pa.array(["unknown"] * len(assumed), STRING),
        "multiplier_ratio": pa.array([1.0] * len(assumed), DOUBLE),
        "provenance": pa.array(["assumed"] * len(assumed), STRING),
    }
    rows = pa.table(
        {field.name: made.get(field.name, pa.nulls(len(assumed), field.type)) for field in schema}
    )
    key = [(name, "ascending") for name in SilverMeterPoints.key()]
    every = pa.concat_tables([received.select(schema.names).sort_by(key), rows.cast(schema)])
    return every, assumed, sorted(unknown & described)
