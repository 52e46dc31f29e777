"""How a file would be understood, told before anything of it is taken: read as ``read_one`` reads, nothing
written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import InputRefusedError
from pipelines.formats import FormatSettings, LongMapping, detect, unpack
from pipelines.ingest.received_rows import refuse_too_many
from pipelines.settings import IngestSettings

SHOWN_REJECTS = 3


@dataclass(frozen=True)
class Understanding:
    """What a file is taken for.

    format_id   The reader that takes it; table the bronze table of its rows.
    records     Records as the sender wrote them; rows those that can be read, in the table's terms.
    rejects     Records that would be held back, the first of them: line_number, column_name, reason_code,
                reason, raw_record; rejected their number.
    first, last Days or months that the rows are of; None where there is no row.
    notes       What is accepted with a remark.
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
    refuse_too_many(answer, name, rules.limits)
    first, last = _span(answer.rows)
    return Understanding(
        reader.id,
        reader.title,
        reader.table.name,
        answer.record_count,
        answer.rows.num_rows,
        answer.rejects.num_rows,
        tuple(answer.rejects.slice(0, SHOWN_REJECTS).to_pylist()),
        first,
        last,
        answer.notes,
    )


def refuse_too_large(name: str, size: int, limits: IngestSettings) -> None:
    """Raises InputRefusedError for a file that ingestion would not open. [bytes]"""
    if size > limits.max_file_bytes:
        raise InputRefusedError(
            name, "too_large", f"{size} bytes are more than ingest.max_file_bytes = {limits.max_file_bytes}"
        )


def _span(rows: pa.Table) -> tuple[str | None, str | None]:
    """The first and last day, or month, of the first column that holds one."""
    for field in rows.schema:
        if pa.types.is_date(field.type) or field.name.endswith("_month"):
            bounds = pc.min_max(rows[field.name]).as_py()
            return _text(bounds["min"]), _text(bounds["max"])
    return None, None


def _text(value: date | str | None) -> str | None:
    return value.isoformat() if isinstance(value, date) else value
