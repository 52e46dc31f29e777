"""Validation and estimation of anybody's files outside the store and without Spark: files in, intervals,
flags and a report out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.codes import RejectReason
from pipelines.errors import GateHaltedError
from pipelines.facts import Facts
from pipelines.formats import FormatSettings, LongMapping
from pipelines.formats.nem.records import Frame
from pipelines.ingest.inbox import shown_path
from pipelines.periods import LOCAL_OFFSET, months_through
from pipelines.settings import IngestSettings, Settings
from pipelines.steps.master_inputs import rate_clock_by
from pipelines.tables.base import STRING, Table
from pipelines.tables.bronze import (
    BronzeCustomers,
    BronzeEvents,
    BronzeLoadCurves,
    BronzeMeterPoints,
    BronzeRegisterReads,
)
from pipelines.tables.findings import FINDINGS_SCHEMA
from pipelines.transforms.curves.curve_quarantine import STAGE as CURVES_STAGE
from pipelines.transforms.curves.curve_reconciliation import Registers
from pipelines.transforms.curves.day_curves import CurveOutcome, refine_curves
from pipelines.transforms.curves.estimation_errors import (
    CURVE_COLUMNS,
    measure_estimation_errors,
    sampled_meter_points,
)
from pipelines.transforms.curves.measured_proof import (
    measured_not_as_received,
    measured_not_final,
    received_not_in_silver,
)
from pipelines.transforms.curves.outages import outages_of
from pipelines.transforms.days.day_findings import judge_days
from pipelines.transforms.ground.day_types import day_types_of
from pipelines.transforms.received.master_data import refine_received, refinement_of
from pipelines.transforms.registers.register_reads import refine_read_rows
from pipelines.vee import VeeSettings
from zhixiang.pages.quality_figures import error_limits
from zhixiang.vee_files.level_steps import told_steps, with_steps
from zhixiang.vee_files.meter_points import meter_points_of
from zhixiang.vee_files.read_file import read_file, without_run
from zhixiang.vee_files.result import VeeResult
from zhixiang.vee_files.spilled import Scratch, SpilledRows, ranges_of_names

_REFINED = (BronzeCustomers, BronzeMeterPoints, BronzeEvents)
_ELSEWHERE = frozenset({"nem12", "nem13", "green_button"})
"""Formats of other countries, whose days know nothing of our holidays and price hours."""
_HELD_BACK = ("line_number", "column_name", "reason_code", "reason", "raw_record", "stage")
ROWS_TOGETHER = 10_000
"""Days of curves and reads that are refined together: a quarter of a gigabyte of intervals of 15 minutes."""
OnStep = Callable[[str], None]


def run_vee(
    paths: Sequence[Path],
    mapping: LongMapping | None,
    settings: Settings,
    facts: Facts,
    today: date,
    on_step: OnStep = lambda _text: None,
    scratch: Path | None = None,
    nem_frame: Frame | None = None,
) -> VeeResult:
    """Reads, validates and estimates, some meter points at a time, so that memory does not grow with the
    number of files; nothing is written but rows that wait in a folder of their own.

    mapping    Meaning of files that are of no known format, and of those it names by pattern; each such file
               is read under it.
    today      Local day; later days are held back.
    scratch    Where that folder is made; none: among the system's temporary ones.
    nem_frame  Whether NEM files need their frame; none: as the settings say.
    """
    formats = settings.section(FormatSettings)
    if nem_frame is not None:
        formats = formats.model_copy(update={"nem_frame": nem_frame})
    held = Scratch(scratch)
    result = VeeResult(scratch=held)
    received = _Received.empty(held)
    for path in every_file(paths):
        on_step(f"reading {shown_path(path.name)}")
        received.take(path, mapping, settings.platform.ingest, formats, result)
    local = result.holidays = received.is_local and (
        mapping is None or mapping.stamp.day_shift == LOCAL_OFFSET
    )
    vee = settings.section(VeeSettings)
    refined = {
        table: refine_received(received.small_table(table), refinement_of(table)) for table in _REFINED
    }
    customers, events = refined[BronzeCustomers].rows, refined[BronzeEvents].rows
    named = sorted({*received.curves.counts, *received.reads.counts})
    points, result.assumed, result.unknown = meter_points_of(
        refined[BronzeMeterPoints].rows, named, received.described
    )
    clock = rate_clock_by(settings, facts, points, customers) if local else None
    day_types = day_types_of(facts, sorted(received.days)) if local else {}
    result.remarks += _remarks(result.files, received.days, day_types, local)
    classes = _classes(customers, points)
    sampled = set(sampled_meter_points(named, classes, vee.published_errors.series))
    judged = _Judged(
        formats.present_char,
        vee,
        points,
        day_types,
        clock,
        outages_of(events, points, today),
        today,
        received.months,
    )
    in_sample: list[pa.Table] = []
    stepped: list[pa.Table] = []
    quarantines = [found.quarantine for found in refined.values()]
    groups = [*ranges_of_names([received.curves.counts, received.reads.counts], ROWS_TOGETHER)] or [[]]
    for number, names in enumerate(groups, 1):
        on_step(f"validation and estimation {number}/{len(groups)}")
        curves, reads = received.curves.rows_of(names), received.reads.rows_of(names)
        part = judged.part(curves, reads)
        result.changed += part.changed
        quarantines += part.quarantines
        in_sample.append(
            part.curves.select(CURVE_COLUMNS).filter(
                pc.is_in(part.curves["meter_point_id"], value_set=pa.array(sorted(sampled), STRING))
            )
        )
        stepped.append(
            part.days.filter(pc.is_in(part.days["meter_point_id"], value_set=with_steps(part.findings)))
        )
        result.add(part.curves, part.registers, part.findings)
    result.remarks += told_steps(result.findings, pa.concat_tables(stepped))
    on_step("error of the estimates")
    result.errors = measure_estimation_errors(pa.concat_tables(in_sample), classes, day_types, vee)
    result.error_limits = error_limits(vee)
    files = {entry["content_hash"]: entry["file"] for entry in result.files if entry["status"] == "accepted"}
    for row in (row for quarantine in quarantines for row in quarantine.to_pylist()):
        result.rejects.append(
            {name: row[name] for name in _HELD_BACK} | {"file": files.get(row["content_hash"], "")}
        )
    if mapping is not None and {entry["format"] for entry in result.files}.isdisjoint(
        (f"long_{mapping.id}", None)
    ):
        result.remarks.append(f"the mapping {mapping.id} was used for no file: all are of known formats")
    disputed = [row for row in result.rejects if _is_disputed(row)]
    if disputed:
        first = disputed[0]
        result.remarks.append(
            f"{len(disputed)} deliveries of a day differ from others; what is in dispute is held back, "
            f"see rejected.csv; the first: {first['file']} (line {first['line_number']}): {first['reason']}"
        )
    return result


@dataclass
class _Received:
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
    def empty(cls, scratch: Scratch) -> _Received:
        curves, reads = (
            scratch.rows(table.name, without_run(table)) for table in (BronzeLoadCurves, BronzeRegisterReads)
        )
        return cls(curves, reads, {table: [] for table in _REFINED})

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


@dataclass(frozen=True)
class _Part:
    """What some meter points give."""

    curves: pa.Table
    registers: pa.Table
    findings: pa.Table
    days: pa.Table
    quarantines: list[pa.Table]
    changed: int


@dataclass(frozen=True)
class _Judged:
    """What validation and estimation of every meter point is given."""

    present_char: str
    vee: VeeSettings
    points: pa.Table
    day_types: Mapping[date, str]
    clock: Any
    outages: Any
    today: date
    months: set[str]

    def part(self, curves: pa.Table, reads: pa.Table) -> _Part:
        """Curves and reads of some meter points as received, refined and judged."""
        registers = refine_read_rows(reads, self.points, self.vee, self.today)
        outcome = refine_curves(
            curves,
            self.points,
            self.day_types,
            self.vee,
            months_through(self.months),
            self.today,
            self.present_char,
            Registers(lambda _names: registers.energy, {}, clock=self.clock),
            self.outages,
        )
        changed = _gated(curves, outcome, self.points, self.present_char)
        days, on_days = judge_days(
            registers.energy, outcome.curves, self.points, self.day_types, self.vee, self.clock
        )
        findings = pa.concat_tables([registers.findings.cast(FINDINGS_SCHEMA), on_days])
        return _Part(
            outcome.curves,
            registers.energy,
            findings.sort_by([(name, "ascending") for name in FINDINGS_SCHEMA.names[:4]]),
            days,
            [registers.quarantine, outcome.quarantine],
            changed,
        )


def _remarks(
    files: Sequence[Mapping[str, Any]], days: set[date], day_types: Mapping[date, str], is_local: bool
) -> list[str]:
    """What the reader should know of the whole."""
    remarks = []
    unknown_years = sorted({day.year for day in days if day not in day_types}) if is_local else []
    if unknown_years:
        years = ", ".join(map(str, unknown_years))
        remarks.append(f"no calendar of holidays for {years}: there like-days follow the week alone")
    unused = [entry["file"] for entry in files if entry["status"] == "not_used"]
    if unused:
        some = f"{', '.join(unused[:5])}{', ...' if len(unused) > 5 else ''}"
        remarks.append(f"not used by vee: {some} ({len(unused)} files)")
    return remarks


def _is_disputed(reject: Mapping[str, Any]) -> bool:
    return bool(reject["stage"] == CURVES_STAGE and reject["reason_code"] == RejectReason.CONFLICTING_VALUES)


def _gated(bronze: pa.Table, outcome: CurveOutcome, points: pa.Table, present_char: str) -> int:
    """How many measured values are not what was received, are lost or have another final value; more than
    none halts, as in the chain.
    """
    counts = {
        "measured values differ from what was received": measured_not_as_received(
            bronze, outcome.curves, points
        ),
        "received values are lost": received_not_in_silver(
            bronze, outcome.curves, outcome.quarantine, present_char
        ),
        "measured values have another final value": measured_not_final(outcome.curves),
    }
    if any(counts.values()):
        raise GateHaltedError("intervals", [f"{count} {what}" for what, count in counts.items() if count])
    return sum(counts.values())


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


def _classes(customers: pa.Table, points: pa.Table) -> dict[str, str]:
    """The latest class of each meter point's customer, where both are in the files."""
    latest = customers.sort_by([("customer_id", "ascending"), ("valid_from_date", "ascending")])
    classes = {
        row["customer_id"]: row["customer_class_code"]
        for row in latest.select(["customer_id", "customer_class_code"]).to_pylist()
    }
    owners = (
        points.sort_by([("meter_point_id", "ascending"), ("valid_from_date", "ascending")])
        .select(["meter_point_id", "customer_id"])
        .to_pylist()
    )
    return {
        row["meter_point_id"]: classes[row["customer_id"]]
        for row in owners
        if classes.get(row["customer_id"])
    }
