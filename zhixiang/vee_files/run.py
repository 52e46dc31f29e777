"""Validation and estimation of anybody's files outside the store and without Spark: files in, intervals,
flags and a report out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from pipelines.codes import IntervalStatus
from pipelines.errors import FactNotInForceError, GateHaltedError, InputRefusedError, UsageError
from pipelines.facts import Facts
from pipelines.formats import FormatSettings, LongForm, LongMapping, detect, unpack
from pipelines.formats.contract import RefusalReason
from pipelines.ingest.read_files import TOO_MANY_BAD_ROWS, refuse_too_many
from pipelines.periods import months_through
from pipelines.settings import Settings
from pipelines.tables.base import DOUBLE, INTEGER, STRING, Table
from pipelines.tables.bronze import (
    BronzeCustomers,
    BronzeEvents,
    BronzeLoadCurves,
    BronzeMeterPoints,
    BronzeRegisterReads,
)
from pipelines.tables.findings import FINDINGS_SCHEMA
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
from pipelines.transforms.registers.rate_clock import RateClock, rate_clock
from pipelines.transforms.registers.register_reads import refine_read_rows
from pipelines.vee import VeeSettings
from pipelines.vee.estimation.estimators import ESTIMATORS
from pipelines.vee.validation.checks import CHECKS, INTERVAL_CHECKS
from zhixiang.pages.quality_figures import error_limits
from zhixiang.vee_files.folder import prepare_folder, write_summary, written_whole
from zhixiang.vee_files.meter_points import described_points, meter_points_of
from zhixiang.vee_files.result import VeeResult

_TAKEN = (BronzeLoadCurves, BronzeRegisterReads, BronzeMeterPoints, BronzeCustomers, BronzeEvents)
_LOCAL_SHIFT = timedelta(hours=8)
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
    local = mapping is None or mapping.stamp.day_shift == _LOCAL_SHIFT
    seen: dict[str, str] = {}
    described = set[str]()
    for path in every_file(paths):
        on_step(f"reading {path.name}")
        entry, found = _read(path, mapping, settings, seen, described)
        result.files.append(entry)
        local &= entry["format"] != "nem12"
        if found is not None:
            table, rows, rejects, superseded = found
            if table in received:
                received[table].append(rows)
            else:
                entry["status"], entry["reason"] = (
                    "not_used",
                    f"vee does not look at {table.name.removeprefix('bronze_')}",
                )
            result.rejects += [{"file": str(path), "stage": "read", **row} for row in rejects]
            result.superseded += [{"file": str(path), "stage": "read", **row} for row in superseded]
    bronze = {
        table: pa.concat_tables(parts) if parts else _without_run(table).empty_table()
        for table, parts in received.items()
    }
    curves, reads = bronze[BronzeLoadCurves], bronze[BronzeRegisterReads]
    named = sorted(
        {name for table in (curves, reads) for name in pc.unique(table["meter_point_id"]).to_pylist()}
    )
    points, result.assumed, result.unknown = meter_points_of(bronze[BronzeMeterPoints], named, described)
    names = {entry["content_hash"]: entry["file"] for entry in result.files if entry["status"] == "accepted"}
    vee, result.holidays = settings.section(VeeSettings), local
    clock = _rate_clock(bronze[BronzeCustomers], points, settings, facts) if local else None
    on_step("registers")
    registers = refine_read_rows(reads, points, vee, today)
    result.registers = registers.energy
    on_step("validation and estimation")
    every = {
        *pc.unique(curves["curve_date"]).to_pylist(),
        *pc.unique(registers.energy["energy_date"]).to_pylist(),
    }
    day_types, unknown_years = _day_types(facts, sorted(every)) if local else ({}, [])
    if unknown_years:
        years = ", ".join(map(str, unknown_years))
        result.remarks.append(f"no calendar of holidays for {years}: there like-days follow the week alone")
    unused = [entry["file"] for entry in result.files if entry["status"] == "not_used"]
    if unused:
        result.remarks.append(
            f"not used by vee: {', '.join(unused[:5])}{', ...' if len(unused) > 5 else ''} ({len(unused)} files)"
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
        outages_of(
            bronze[BronzeEvents].filter(pc.is_valid(bronze[BronzeEvents]["started_date"])), points, today
        ),
    )
    result.curves = outcome.curves
    result.changed = _gated(curves, outcome, points, present)
    _, on_days = judge_days(result.registers, result.curves, points, day_types, vee, clock)
    findings = pa.concat_tables([registers.findings.cast(FINDINGS_SCHEMA), on_days])
    result.findings = findings.sort_by([(name, "ascending") for name in FINDINGS_SCHEMA.names[:4]])
    on_step("error of the estimates")
    classes = _classes(bronze[BronzeCustomers], points)
    result.errors, result.error_limits = (
        measure_estimation_errors(outcome.curves, classes, day_types, vee),
        error_limits(vee),
    )
    for held in (*registers.quarantine.to_pylist(), *outcome.quarantine.to_pylist()):
        result.rejects.append(
            {
                name: held[name]
                for name in ("line_number", "column_name", "reason_code", "reason", "raw_record", "stage")
            }
            | {"file": names.get(held["content_hash"], "")}
        )
    return result


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


def _rate_clock(customers: pa.Table, points: pa.Table, settings: Settings, facts: Facts) -> RateClock:
    """The clock of registers of rates, for meter points whose customer is in the files; of equal first days
    the row sent last holds.
    """
    formats, slack = settings.section(FormatSettings), settings.section(VeeSettings).rate_sum_tolerance_steps
    terms = customers.sort_by(
        [(name, "ascending") for name in ("sent_at_utc", "content_hash", "line_number")]
    )
    return rate_clock(
        formats.rate_periods, formats.rate_stand_ins, slack, facts.time_of_use.slot_matrix, points, terms
    )


def _classes(customers: pa.Table, points: pa.Table) -> dict[str, str]:
    """The latest class of each meter point's customer, where both are in the files."""
    latest = customers.sort_by(
        [(name, "ascending") for name in ("customer_id", "valid_from_date", "sent_at_utc", "line_number")]
    )
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
        "file": str(path),
        "status": "refused",
        "format": None,
        "records": 0,
        "rejects": 0,
        "reason": None,
        "content_hash": "",
    }
    rejects: list[dict[str, Any]] = []
    try:
        if path.stat().st_size > limits.max_file_bytes:
            raise InputRefusedError(
                path.name, "too_large", f"more than ingest.max_file_bytes = {limits.max_file_bytes}"
            )
        raw = path.read_bytes()
        digest = hashlib.sha256(raw).hexdigest()
        entry["content_hash"] = digest
        if digest in seen:
            return entry | {"status": "duplicate_content", "reason": f"same content as {seen[digest]}"}, None
        content = unpack(path.name, raw, limits)
        reader = _reader(path.name, content, mapping)
        answer = reader.read(content, path.name, formats)
        rejects = answer.rejects.to_pylist()
        entry |= {"format": reader.id, "records": answer.record_count, "rejects": len(rejects)}
        if reader.table is BronzeMeterPoints:
            described |= described_points(answer, content)
        refuse_too_many(answer, path.name, limits)
        if not answer.record_count and not answer.rows.num_rows:
            raise InputRefusedError(
                path.name, RefusalReason.NO_RECORDS, "there is a header and no record under it"
            )
    except InputRefusedError as refusal:
        halted = refusal.reason_code == TOO_MANY_BAD_ROWS
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
    notes = "; ".join(answer.notes) or None
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


def _day_types(facts: Facts, days: Sequence[date]) -> tuple[Mapping[date, str], list[int]]:
    """The kind of each day, and the years of which the calendar is not known."""
    found: dict[date, str] = {}
    unknown: set[int] = set()
    for day in days:
        try:
            found[day] = facts.holidays.day_type(day)
        except FactNotInForceError:
            unknown.add(day.year)
    return found, sorted(unknown)


def long_intervals(curves: pa.Table) -> pa.Table:
    """One row per interval: measured, final, status, method, band, failed checks; local time at the
    interval's begin.
    """
    parts = [
        _long_part(curves.filter(pc.equal(curves["interval_minutes"], minutes)), minutes)
        for minutes in pc.unique(curves["interval_minutes"]).to_pylist()
    ]
    if not parts:
        raise UsageError(
            "No load curve could be read from the files.",
            "See the reasons above, and docs/formats for what can be read.",
        )
    return pa.concat_tables(parts)


def _long_part(curves: pa.Table, minutes: int) -> pa.Table:
    slots = 1440 // minutes
    row = np.repeat(np.arange(curves.num_rows), slots)
    take = pa.array(row)
    status = pc.list_flatten(curves["interval_status_codes"]).to_numpy().astype(np.int64)
    bits = pc.list_flatten(curves["failed_check_bits"]).to_numpy()
    words = pa.array([member.name.lower() for member in IntervalStatus])
    methods = {method.status: method.id for method in ESTIMATORS}
    distinct, place = np.unique(bits, return_inverse=True)
    ids = pa.array(
        [
            " ".join(check.id for check in INTERVAL_CHECKS if int(value) >> (check.bit or 0) & 1)
            for value in distinct
        ],
        STRING,
    )
    day = curves["curve_date"].cast(pa.int32()).to_numpy().astype(np.int64)
    start = day[row] * 86_400_000_000 + np.tile(np.arange(slots), curves.num_rows) * (minutes * 60_000_000)
    return pa.table(
        {
            "meter_point_id": curves["meter_point_id"].combine_chunks().take(take),
            "channel_code": curves["channel_code"].combine_chunks().take(take),
            "interval_start_local": pa.array(start).cast(pa.timestamp("us")).cast(pa.timestamp("s")),
            "interval_minutes": pa.array(np.full(row.size, minutes, np.int32), INTEGER),
            "measured_kwh_or_kvarh": pc.list_flatten(curves["measured_kwh_or_kvarh"]).combine_chunks(),
            "final_kwh_or_kvarh": pc.list_flatten(curves["final_kwh_or_kvarh"]).combine_chunks(),
            "status": words.take(pa.array(status)),
            "method": pa.array([methods.get(member) for member in IntervalStatus], STRING).take(
                pa.array(status)
            ),
            "expected_low_kwh_or_kvarh": _spread(curves["expected_low_kwh_or_kvarh"], slots),
            "expected_high_kwh_or_kvarh": _spread(curves["expected_high_kwh_or_kvarh"], slots),
            "failed_checks": ids.take(pa.array(place)),
        }
    )


def _spread(column: pa.ChunkedArray, slots: int) -> pa.Array:
    """A list column that may be null as a whole, as one value per interval."""
    has = np.asarray(pc.is_valid(column).to_numpy(), np.bool_)
    values = np.full((has.size, slots), np.nan)
    values[has] = pc.fill_null(pc.list_flatten(column), np.nan).to_numpy().reshape(-1, slots)
    return pa.array(values.reshape(-1), DOUBLE, from_pandas=True)


def flags_of(curves: pa.Table, findings: pa.Table | None = None) -> pa.Table:
    """One row per meter point, channel, day and failed check, with the number of intervals that failed it.

    findings  Of registers and days, as FINDINGS_SCHEMA: they are of the day as a whole, and length and number
              of intervals stay empty.
    """
    keys = ["meter_point_id", "channel_code", "curve_date", "interval_minutes"]
    parts = []
    for minutes in pc.unique(curves["interval_minutes"]).to_pylist():
        mine = curves.filter(pc.equal(curves["interval_minutes"], minutes))
        bits = pc.list_flatten(mine["failed_check_bits"]).to_numpy().reshape(-1, 1440 // minutes)
        for check in INTERVAL_CHECKS:
            counts = (bits >> (check.bit or 0) & 1).sum(axis=1)
            found = np.flatnonzero(counts)
            named = {"check_id": check.id, "severity": check.severity.value, "check": check.title}
            columns = {name: pa.array([text] * found.size, STRING) for name, text in named.items()}
            rows = mine.select(keys).take(pa.array(found))
            parts.append(
                pa.table(
                    {name: rows[name] for name in keys}
                    | columns
                    | {"intervals": pa.array(counts[found].astype(np.int32))}
                )
            )
    if findings is not None and findings.num_rows:
        known = {check.id: check for check in CHECKS}
        checks = [known[name] for name in findings["check_id"].to_pylist()]
        empty = pa.nulls(findings.num_rows, INTEGER)
        head = [
            *(findings[name] for name in ("meter_point_id", "channel_code", "finding_date")),
            empty,
            findings["check_id"],
        ]
        words = [
            pa.array([check.severity.value for check in checks], STRING),
            pa.array([check.title for check in checks], STRING),
        ]
        parts.append(
            pa.table([*head, *words, empty], names=[*keys, "check_id", "severity", "check", "intervals"])
        )
    if not parts:
        return pa.table(
            {name: pa.array([], STRING) for name in (*keys, "check_id", "severity", "check", "intervals")}
        )
    return (
        pa.concat_tables(parts)
        .sort_by([(name, "ascending") for name in (*keys, "check_id")])
        .combine_chunks()
    )


def write_vee(result: VeeResult, out: Path, on_step: OnStep = lambda _text: None) -> dict[str, Any]:
    """Writes intervals, flags, rejects, files and the report into a folder; returns the figures of the
    report.
    """
    from zhixiang.vee_files.report import write_report

    prepare_folder(out, [Path(row["file"]) for row in result.files])
    with written_whole(out) as folder:
        on_step("writing intervals")
        intervals = long_intervals(result.curves) if result.curves.num_rows else None
        if intervals is not None:
            pq.write_table(intervals, folder / "intervals.parquet", compression="zstd")
            pa_csv.write_csv(intervals, folder / "intervals.csv")
        flags = (
            flags_of(result.curves, result.findings)
            if result.curves.num_rows or result.findings.num_rows
            else None
        )
        if flags is not None:
            pa_csv.write_csv(_plain(flags), folder / "flags.csv")
        if result.errors.num_rows:
            pa_csv.write_csv(result.errors, folder / "estimation_errors.csv")
        if result.registers.num_rows:
            pa_csv.write_csv(_plain(result.registers), folder / "register_energy.csv")
        names = ("file", "line_number", "column_name", "reason_code", "reason", "raw_record", "stage")
        schema = pa.schema([(name, pa.int64() if name == "line_number" else STRING) for name in names])
        rejects = pa.Table.from_pylist(
            [{name: row.get(name) for name in names} for row in [*result.rejects, *result.superseded]], schema
        )
        pa_csv.write_csv(_plain(rejects), folder / "rejected.csv")
        on_step("writing the report")
        figures = write_report(result, flags, folder / "report.html")
        write_summary(figures, folder)
    return figures


def _plain(table: pa.Table) -> pa.Table:
    """For CSV: decimals as text, lists of them joined by a semicolon, and a quote before texts that a
    spreadsheet would take for a formula.
    """

    def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
        if pa.types.is_list(column.type):
            texts = [
                None if row is None else ";".join("" if value is None else str(value) for value in row)
                for row in column.to_pylist()
            ]
            return pa.chunked_array([pa.array(texts, STRING)])
        if pa.types.is_string(column.type):
            return pc.replace_substring_regex(column, "^([=+@\\t\\r-])", "'\\1")
        return column.cast(STRING) if pa.types.is_decimal(column.type) else column

    return pa.table({name: plain(table[name]) for name in table.column_names})
