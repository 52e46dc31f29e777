"""One file of ``zhixiang vee``: what became of it, and its rows."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.errors import InputRefusedError
from pipelines.formats import FormatSettings, LongMapping, detect, unpack
from pipelines.formats.contract import RefusalReason
from pipelines.ingest.inbox import shown_path
from pipelines.ingest.received_rows import HALTING, judge_rejects
from pipelines.settings import IngestSettings
from pipelines.tables.base import STRING, Table
from pipelines.tables.bronze import BronzeLoadCurves, BronzeMeterPoints
from zhixiang.vee_files.meter_points import described_points


def read_file(
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
            without_run(BronzeLoadCurves).empty_table(),
            rejects,
            [],
        ) if rejects else None
    except OSError as error:
        return entry | {"reason": f"unreadable: {error.strerror}"}, None
    seen[digest] = str(path)
    columns = {name: answer.rows[name] for name in answer.rows.column_names} | {
        "content_hash": pa.array([digest] * answer.rows.num_rows, STRING)
    }
    schema = without_run(reader.table)
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


def without_run(table: type[Table]) -> pa.Schema:
    """The columns of a table that files tell."""
    return pa.schema([table.arrow_schema().field(name) for name in table.business_columns()])
