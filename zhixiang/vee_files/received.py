"""The files of ``zhixiang vee`` read: what becomes of each, and its rows, large tables on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import InputRefusedError
from pipelines.formats import FormatSettings, LongMapping, detect, unpack
from pipelines.formats.contract import RefusalReason
from pipelines.ingest.inbox import shown_path
from pipelines.ingest.received_rows import HALTING, judge_rejects
from pipelines.settings import IngestSettings
from pipelines.tables.base import STRING, Table
from pipelines.tables.bronze import (
    BronzeCustomers,
    BronzeEvents,
    BronzeLoadCurves,
    BronzeMeterPoints,
    BronzeRegisterReads,
)
from zhixiang.vee_files.meter_points import described_points
from zhixiang.vee_files.result import VeeResult
from zhixiang.vee_files.spilled import Scratch, SpilledRows

SMALL = (BronzeCustomers, BronzeMeterPoints, BronzeEvents)
"""Tables that are held in memory."""
_ELSEWHERE = frozenset({"nem12", "nem13", "green_button"})
"""Formats of other countries, whose days know nothing of our holidays and price hours."""


@dataclass
class Received:
    """What the files hold: curves and reads wait on disk, small tables in memory.

    days       Local days that curves or reads are of.
    is_local   Whether every file is of UTC+8, as far as its format tells.
    described  Meter points that a meter_points file speaks of.
    """

    curves: SpilledRows
    reads: SpilledRows
    small: dict[type[Table], list[pa.Table]]
    days: set[date] = field(default_factory=set)
    months: set[str] = field(default_factory=set)
    described: set[str] = field(default_factory=set)
    is_local: bool = True
    _seen: dict[str, str] = field(default_factory=dict)

    @classmethod
    def empty(cls, scratch: Scratch) -> Received:
        """Of no file yet."""
        curves, reads = (
            scratch.rows(table.name, _without_run(table)) for table in (BronzeLoadCurves, BronzeRegisterReads)
        )
        return cls(curves, reads, {table: [] for table in SMALL})

    def take(
        self,
        path: Path,
        mapping: LongMapping | None,
        limits: IngestSettings,
        formats: FormatSettings,
        result: VeeResult,
    ) -> None:
        """Reads a file; what became of it, and of its lines, enters the result."""
        entry, found = _read(path, mapping, limits, formats, self._seen, self.described)
        result.files.append(entry)
        result.remarks += [f"{entry['file']}: {told}" for told in entry["warnings"]]
        self.is_local &= entry["format"] not in _ELSEWHERE
        if found is None:
            return
        table, rows, rejects, superseded = found
        if table is BronzeLoadCurves:
            self.curves.append(rows)
            self.days |= set(pc.unique(rows["curve_date"]).to_pylist())
            self.months |= set(pc.unique(rows["curve_month"]).to_pylist())
        elif table is BronzeRegisterReads:
            self.reads.append(rows)
            self.days |= set(pc.unique(rows["read_date"]).to_pylist())
        elif table in self.small:
            self.small[table].append(rows)
        else:
            entry["status"] = "not_used"
            entry["reason"] = f"vee does not look at {table.name.removeprefix('bronze_')}"
        file = {"file": shown_path(str(path)), "stage": "read"}
        result.rejects += [file | row for row in rejects]
        result.superseded += [file | row for row in superseded]

    def small_table(self, table: type[Table]) -> pa.Table:
        """All rows of a small table."""
        parts = self.small[table]
        return pa.concat_tables(parts) if parts else _without_run(table).empty_table()


def every_file(paths: Sequence[Path]) -> Iterator[Path]:
    """The files named, and those below folders that are named, in order; hidden ones are left out."""
    for path in paths:
        if path.is_dir():
            yield from (
                found
                for found in sorted(path.rglob("*"))
                if found.is_file() and not found.name.startswith(".")
            )
        else:
            yield path


def _read(
    path: Path,
    mapping: LongMapping | None,
    limits: IngestSettings,
    formats: FormatSettings,
    seen: dict[str, str],
    described: set[str],
) -> tuple[dict[str, Any], tuple[type[Table], pa.Table, list[dict[str, Any]], list[dict[str, Any]]] | None]:
    """One file: its line in the list of files, and table, rows, rejects and superseded lines where it was
    read; meter points it speaks of enter ``described``.
    """
    entry: dict[str, Any] = {
        "file": shown_path(str(path)),
        "status": "refused",
        "format": None,
        "records": 0,
        "rejects": 0,
        "reason": None,
        "warnings": [],
        "content_hash": "",
    }
    rejects: list[dict[str, Any]] = []
    try:
        if path.stat().st_size > limits.max_file_bytes:
            raise InputRefusedError(
                shown_path(path.name),
                "too_large",
                f"more than ingest.max_file_bytes = {limits.max_file_bytes}",
            )
        raw = path.read_bytes()
        digest = hashlib.sha256(raw).hexdigest()
        entry["content_hash"] = digest
        if digest in seen:
            return entry | {"status": "duplicate_content", "reason": f"same content as {seen[digest]}"}, None
        content = unpack(shown_path(path.name), raw, limits)
        reader = _reader(shown_path(path.name), content, mapping)
        answer = reader.read(content, shown_path(path.name), formats)
        rejects = answer.rejects.to_pylist()
        entry |= {"format": reader.id, "records": answer.record_count, "rejects": len(rejects)}
        if reader.table is BronzeMeterPoints:
            described |= described_points(answer, content)
        entry["warnings"] = list(judge_rejects(answer, shown_path(path.name), limits))
        if not answer.record_count and not answer.rows.num_rows:
            raise InputRefusedError(
                shown_path(path.name), RefusalReason.NO_RECORDS, "there is a header and no record under it"
            )
    except InputRefusedError as refusal:
        halted = refusal.reason_code in HALTING
        where = f" (line {refusal.line})" if refusal.line else ""
        entry |= {
            "status": "halted" if halted else "refused",
            "reason": f"{refusal.reason_code}: {refusal.reason}{where}",
        }
        return entry, (
            BronzeLoadCurves,
            _without_run(BronzeLoadCurves).empty_table(),
            rejects,
            [],
        ) if rejects else None
    except OSError as error:
        return entry | {"reason": f"unreadable: {error.strerror}"}, None
    seen[digest] = str(path)
    columns = {name: answer.rows[name] for name in answer.rows.column_names} | {
        "content_hash": pa.array([digest] * answer.rows.num_rows, STRING)
    }
    schema = _without_run(reader.table)
    rows = pa.table({name: columns[name] for name in schema.names}).cast(schema)
    notes = "; ".join((*entry["warnings"], *answer.notes)) or None
    return entry | {"status": "accepted", "reason": notes}, (
        reader.table,
        rows,
        rejects,
        answer.superseded.to_pylist(),
    )


def _reader(name: str, content: bytes, mapping: LongMapping | None) -> Any:
    """A mapping given by hand holds for what it names, and for every file that is of no known format."""
    try:
        return detect(name, content, [mapping] if mapping else [], mapping)
    except InputRefusedError as refusal:
        if refusal.reason_code != RefusalReason.UNKNOWN_FORMAT or mapping is not None:
            raise
        reason = f"{refusal.reason}; for a long file declare its columns: --mapping M.yaml"
        raise InputRefusedError(name, refusal.reason_code, reason, refusal.line) from None


def _without_run(table: type[Table]) -> pa.Schema:
    return pa.schema([table.arrow_schema().field(name) for name in table.business_columns()])
