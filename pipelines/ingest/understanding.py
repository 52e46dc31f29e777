"""How a file would be understood, told before anything of it is taken: read as ``read_one`` reads and judged
by the faults that a record has in itself, nothing written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray
from pipelines.errors import InputRefusedError
from pipelines.formats import FormatSettings, LongMapping, detect, unpack
from pipelines.formats.contract import REJECT_SCHEMA
from pipelines.ingest.received_rows import judge_rejects
from pipelines.settings import IngestSettings
from pipelines.tables.base import Table
from pipelines.tables.bronze import BronzeMeterPoints
from pipelines.transforms.received.master_data import REFINEMENTS, faults_of, refinement_of
from pipelines.transforms.received.raw_records import raw_records
from pipelines.transforms.received.record_faults import FIT, first_faults, key_faults

SHOWN_REJECTS = 3


@dataclass(frozen=True)
class Understanding:
    """What a file is taken for.

    format_id   The reader that takes it; table the bronze table of its rows.
    records     Records as the sender wrote them; rows those that can be read, in the table's terms.
    rejects     Records that would be held back for themselves, the first of them: line_number, column_name,
                reason_code, reason, raw_record; rejected their number. What other records say of theirs is
                not looked at.
    first, last Days or months that the rows are of; None where there is no row.
    notes       What is accepted with a remark.
    points      Meter points of rows that would not be held back -> how many rows; of tables that have one.
    """

    format_id: str
    title: str
    table: str
    records: int
    rows: int
    rejected: int
    rejects: tuple[dict[str, Any], ...]
    first: str | None
    last: str | None
    notes: tuple[str, ...]
    points: Mapping[str, int] = field(default_factory=dict, repr=False)

    @property
    def is_master_data(self) -> bool:
        """Whether it makes its meter points known."""
        return self.table == BronzeMeterPoints.name


@dataclass(frozen=True)
class Rules:
    """What reading goes by: the settings and the mappings of long files."""

    limits: IngestSettings
    formats: FormatSettings
    mappings: Sequence[LongMapping] = ()


def understand(name: str, raw: bytes, rules: Rules) -> Understanding:
    """How a file is read; raises InputRefusedError with line and reason where ingestion would refuse or halt
    it.

    name  The one it would have below the inbox; raw its bytes as received.
    """
    content = unpack(name, raw, rules.limits)
    reader = detect(name, content, rules.mappings)
    answer = reader.read(content, name, rules.formats)
    warned = judge_rejects(answer, name, rules.limits)
    first, last = _span(answer.rows)
    unfit, faulty = _held_back(answer.rows, reader.table)
    rejects = sorted(
        [*answer.rejects.slice(0, SHOWN_REJECTS).to_pylist(), *unfit.slice(0, SHOWN_REJECTS).to_pylist()],
        key=lambda row: int(row["line_number"]),
    )
    return Understanding(
        reader.id,
        reader.title,
        reader.table.name,
        answer.record_count,
        answer.rows.num_rows,
        answer.rejects.num_rows + unfit.num_rows,
        tuple(rejects[:SHOWN_REJECTS]),
        first,
        last,
        (*warned, *answer.notes),
        points_of(answer.rows.filter(pa.array(~faulty))),
    )


def points_of(rows: pa.Table) -> dict[str, int]:
    """Meter points of received rows -> how many rows; none of a table without them."""
    if "meter_point_id" not in rows.column_names:
        return {}
    counted = pc.value_counts(rows["meter_point_id"].drop_null())
    return {each["values"]: each["counts"] for each in counted.to_pylist()}


def fit_meter_points(rows: pa.Table) -> set[str]:
    """The meter points that received master data make known."""
    return set(points_of(rows.filter(pa.array(~_held_back(rows, BronzeMeterPoints)[1]))))


def _held_back(rows: pa.Table, table: type[Table]) -> tuple[pa.Table, BoolArray]:
    """The rows that refining would hold back for themselves, as REJECT_SCHEMA, and (rows) which they are;
    curves and registers are judged by their readers.
    """
    if table not in {refinement.bronze for refinement in REFINEMENTS}:
        return REJECT_SCHEMA.empty_table(), np.zeros(rows.num_rows, dtype=np.bool_)
    refinement = refinement_of(table)
    faults = [*key_faults(refinement.silver.key()), *faults_of(refinement)]
    places = first_faults(rows, faults)
    faulty = places != FIT
    held = rows.filter(pa.array(faulty))
    told = [faults[place] for place in places[faulty]]
    shown = [name for name in table.columns() if name in rows.column_names and name != "line_number"]
    return (
        pa.table(
            {
                "line_number": held["line_number"],
                "column_name": pa.array([fault.column for fault in told], pa.string()),
                "reason_code": pa.array([fault.reason_code.value for fault in told], pa.string()),
                "reason": pa.array([fault.reason for fault in told], pa.string()),
                "raw_record": raw_records(held, shown),
            }
        ).cast(REJECT_SCHEMA),
        faulty,
    )


def refuse_too_large(name: str, size: int, limits: IngestSettings) -> None:
    """Raises InputRefusedError for a file that ingestion would not open. [bytes]"""
    if size > limits.max_file_bytes:
        raise InputRefusedError(
            name, "too_large", f"{size} bytes are more than ingest.max_file_bytes = {limits.max_file_bytes}"
        )


def _span(rows: pa.Table) -> tuple[str | None, str | None]:
    """The first and last day, or month, of the first column that holds one."""
    for column in rows.schema:
        if pa.types.is_date(column.type) or column.name.endswith("_month"):
            bounds = pc.min_max(rows[column.name]).as_py()
            return _text(bounds["min"]), _text(bounds["max"])
    return None, None


def _text(value: date | str | None) -> str | None:
    return value.isoformat() if isinstance(value, date) else value
