"""Validation and estimation of anybody's files outside the store and without Spark: files in, intervals,
flags and a report out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.codes import RejectReason
from pipelines.errors import GateHaltedError, InputRefusedError
from pipelines.facts import Facts
from pipelines.formats import FormatSettings, LongForm, LongMapping, detect, unpack
from pipelines.formats.contract import RefusalReason
from pipelines.ingest.inbox import shown_path
from pipelines.ingest.received_rows import HALTING, judge_rejects
from pipelines.periods import LOCAL_OFFSET, months_through
from pipelines.settings import Settings
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
from pipelines.transforms.curves.estimation_errors import measure_estimation_errors
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
from zhixiang.vee_files.meter_points import described_points, meter_points_of
from zhixiang.vee_files.result import VeeResult

_TAKEN = (BronzeLoadCurves, BronzeRegisterReads, BronzeMeterPoints, BronzeCustomers, BronzeEvents)
_REFINED = (BronzeCustomers, BronzeMeterPoints, BronzeEvents)
OnStep = Callable[[str], None]


def run_vee(
    paths: Sequence[Path],
    mapping: LongMapping | None,
    settings: Settings,
    facts: Facts,
    today: date,
    on_step: OnStep = lambda _text: None,
) -> VeeResult:
    """Reads, validates and estimates; nothing is written.

    mapping  Meaning of files that are of no known format, and of those it names by pattern; each such file is
             read under it.
    today    Local day; later days are held back.
    """
    result = VeeResult()
    received: dict[type[Table], list[pa.Table]] = {table: [] for table in _TAKEN}
    local = mapping is None or mapping.stamp.day_shift == LOCAL_OFFSET
    seen: dict[str, str] = {}
    described = set[str]()
    for path in every_file(paths):
        on_step(f"reading {shown_path(path.name)}")
        entry, found = _read(path, mapping, settings, seen, described)
        result.files.append(entry)
        local &= entry["format"] != "nem12"
        result.remarks += [f"{entry['file']}: {text}" for text in entry["warnings"]]
        if found is not None:
            table, rows, rejects, superseded = found
            if table in received:
                received[table].append(rows)
            else:
                entry["status"], entry["reason"] = (
                    "not_used",
                    f"vee does not look at {table.name.removeprefix('bronze_')}",
                )
            result.rejects += [{"file": shown_path(str(path)), "stage": "read", **row} for row in rejects]
            result.superseded += [
                {"file": shown_path(str(path)), "stage": "read", **row} for row in superseded
            ]
    bronze = {
        table: pa.concat_tables(parts) if parts else _without_run(table).empty_table()
        for table, parts in received.items()
    }
    curves, reads = bronze[BronzeLoadCurves], bronze[BronzeRegisterReads]
    named = sorted(
        {name for table in (curves, reads) for name in pc.unique(table["meter_point_id"]).to_pylist()}
    )
    refined = {table: refine_received(bronze[table], refinement_of(table)) for table in _REFINED}
    customers, events = refined[BronzeCustomers].rows, refined[BronzeEvents].rows
    points, result.assumed, result.unknown = meter_points_of(
        refined[BronzeMeterPoints].rows, named, described
    )
    names = {entry["content_hash"]: entry["file"] for entry in result.files if entry["status"] == "accepted"}
    vee, result.holidays = settings.section(VeeSettings), local
    clock = rate_clock_by(settings, facts, points, customers) if local else None
    on_step("registers")
    registers = refine_read_rows(reads, points, vee, today)
    result.registers = registers.energy
    on_step("validation and estimation")
    every = {
        *pc.unique(curves["curve_date"]).to_pylist(),
        *pc.unique(registers.energy["energy_date"]).to_pylist(),
    }
    day_types = day_types_of(facts, sorted(every)) if local else {}
    unknown_years = sorted({day.year for day in every if day not in day_types}) if local else []
    if unknown_years:
        years = ", ".join(map(str, unknown_years))
        result.remarks.append(f"no calendar of holidays for {years}: there like-days follow the week alone")
    unused = [entry["file"] for entry in result.files if entry["status"] == "not_used"]
    if unused:
        result.remarks.append(
            f"not used by vee: {', '.join(unused[:5])}{', ...' if len(unused) > 5 else ''} ({len(unused)} "
            "files)"
        )
    present = settings.section(FormatSettings).present_char
    outcome = refine_curves(
        curves,
        points,
        day_types,
        vee,
        months_through(set(curves["curve_month"].to_pylist())),
        today,
        present,
        Registers(lambda _names: registers.energy, {}, clock=clock),
        outages_of(events, points, today),
    )
    result.curves = outcome.curves
    result.changed = _gated(curves, outcome, points, present)
    _, on_days = judge_days(result.registers, result.curves, points, day_types, vee, clock)
    findings = pa.concat_tables([registers.findings.cast(FINDINGS_SCHEMA), on_days])
    result.findings = findings.sort_by([(name, "ascending") for name in FINDINGS_SCHEMA.names[:4]])
    on_step("error of the estimates")
    classes = _classes(customers, points)
    result.errors, result.error_limits = (
        measure_estimation_errors(outcome.curves, classes, day_types, vee),
        error_limits(vee),
    )
    quarantines = [
        *(found.quarantine for found in refined.values()),
        registers.quarantine,
        outcome.quarantine,
    ]
    for held in (row for quarantine in quarantines for row in quarantine.to_pylist()):
        result.rejects.append(
            {
                name: held[name]
                for name in ("line_number", "column_name", "reason_code", "reason", "raw_record", "stage")
            }
            | {"file": names.get(held["content_hash"], "")}
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


def _read(
    path: Path, mapping: LongMapping | None, settings: Settings, seen: dict[str, str], described: set[str]
) -> tuple[dict[str, Any], tuple[type[Table], pa.Table, list[dict[str, Any]], list[dict[str, Any]]] | None]:
    """One file: its line in the list of files, and table, rows, rejects and superseded lines where it was
    read; meter points it speaks of enter ``described``.
    """
    limits, formats = settings.platform.ingest, settings.section(FormatSettings)
    entry: dict[str, Any] = {
        "file": shown_path(str(path)),
        "status": "refused",
        "format": None,
        "records": 0,
        "rejects": 0,
        "reason": None,
        "content_hash": "",
        "warnings": [],
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
    if mapping is not None and mapping.fits(name):
        return LongForm(mapping)
    try:
        return detect(name, content)
    except InputRefusedError as refusal:
        if refusal.reason_code != "unknown_format":
            raise
        if mapping is None:
            reason = f"{refusal.reason}; for a long file declare its columns: --mapping M.yaml"
            raise InputRefusedError(name, refusal.reason_code, reason, refusal.line) from None
        return LongForm(mapping)


def _without_run(table: type[Table]) -> pa.Schema:
    return pa.schema([table.arrow_schema().field(name) for name in table.business_columns()])
