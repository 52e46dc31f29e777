"""The files of ``zhixiang vee`` read: what becomes of each, and its rows, large tables on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.formats import FormatSettings, LongMapping
from pipelines.ingest.inbox import shown_path
from pipelines.settings import IngestSettings
from pipelines.tables.base import Table
from pipelines.tables.bronze import (
    BronzeCustomers,
    BronzeEvents,
    BronzeLoadCurves,
    BronzeMeterPoints,
    BronzeRegisterReads,
)
from zhixiang.vee_files.read_file import read_file, without_run
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
            scratch.rows(table.name, without_run(table)) for table in (BronzeLoadCurves, BronzeRegisterReads)
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
        entry, found = read_file(path, mapping, limits, formats, self._seen, self.described)
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
        return pa.concat_tables(parts) if parts else without_run(table).empty_table()


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
