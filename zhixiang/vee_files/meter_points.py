"""The meter points of ``zhixiang vee``: as files describe them, assumed where none does, and none where a row
of theirs was held back.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.formats.contract import ReadResult
from pipelines.formats.csv_records import header_names
from pipelines.formats.parquet import MAGIC
from pipelines.periods import EPOCH
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

    received   Rows of bronze_meter_points that can be used.
    named      Meter points that have curves or registers.
    described  Meter points that a file speaks of; where no row of one can be used, its multiplier is unknown,
               not 1.
    """
    latest: dict[tuple[str, date], dict[str, Any]] = {}
    for row in sorted(
        received.to_pylist(),
        key=lambda row: (
            row["sent_at_utc"] is not None,
            row["sent_at_utc"],
            row["content_hash"],
            row["line_number"],
        ),
    ):
        latest[row["meter_point_id"], row["valid_from_date"]] = row
    ordered = [latest[key] for key in sorted(latest)]
    rows = []
    for place, row in enumerate(ordered):
        following = ordered[place + 1] if place + 1 < len(ordered) else None
        same = following is not None and following["meter_point_id"] == row["meter_point_id"]
        rows.append(
            row
            | {
                "valid_to_date": following["valid_from_date"] - timedelta(days=1)
                if same and following
                else None
            }
        )
    unknown = set(named) - {row["meter_point_id"] for row in rows}
    assumed = sorted(unknown - described)
    rows += [
        {
            "meter_point_id": name,
            "valid_from_date": EPOCH,
            "meter_id": "unknown",
            "multiplier_ratio": 1.0,
            "provenance": "assumed",
        }
        for name in assumed
    ]
    schema = pa.schema(
        [SilverMeterPoints.arrow_schema().field(name) for name in SilverMeterPoints.business_columns()]
    )
    return (
        pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema),
        assumed,
        sorted(unknown & described),
    )
