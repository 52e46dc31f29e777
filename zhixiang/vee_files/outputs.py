"""What a run of zhixiang vee writes: intervals in long form, flags, and the folder of them."""

from __future__ import annotations

import codecs
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from pipelines.codes import IntervalStatus
from pipelines.errors import UsageError
from pipelines.ingest.inbox import real_path
from pipelines.periods import DAY_MINUTES
from pipelines.tables.base import DOUBLE, INTEGER, STRING
from pipelines.vee.estimation.estimators import ESTIMATORS
from pipelines.vee.validation.checks import CHECKS, INTERVAL_CHECKS
from zhixiang.vee_files.folder import prepare_folder, write_summary, written_whole
from zhixiang.vee_files.meters import meters_of
from zhixiang.vee_files.result import VeeResult
from zhixiang.vee_files.run import OnStep

DAYS_WRITTEN_TOGETHER = 1_500
"""Days of curves that are laid out as intervals together: texts of a line each take most room."""


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
    slots = DAY_MINUTES // minutes
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
        bits = pc.list_flatten(mine["failed_check_bits"]).to_numpy().reshape(-1, DAY_MINUTES // minutes)
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
    """Writes intervals, flags, rejects, files and the report into a folder, some meter points at a time;
    returns the figures of the report.
    """
    from zhixiang.vee_files.report import Report

    prepare_folder(out, [Path(real_path(row["file"])) for row in result.files])
    with written_whole(out) as folder:
        on_step("writing intervals")
        report = Report(result)
        with ExitStack() as open_files:
            files = _Growing(folder, open_files)
            for part in result.parts():
                flags = flags_of(part.curves, part.findings)
                for begin in range(0, part.curves.num_rows, DAYS_WRITTEN_TOGETHER):
                    intervals = long_intervals(part.curves.slice(begin, DAYS_WRITTEN_TOGETHER))
                    files.parquet("intervals.parquet", intervals)
                    files.for_people("intervals.csv", intervals)
                if part.curves.num_rows or part.findings.num_rows:
                    files.for_people("flags.csv", _plain(flags))
                if part.registers.num_rows:
                    files.for_people("register_energy.csv", _plain(part.registers))
                found = meters_of(part.curves, flags)
                if part.curves.num_rows or part.findings.num_rows:
                    files.for_people("meters.csv", _plain(found.drop_columns(["check_zh"])))
                report.add(part, flags, found)
        if result.errors.num_rows:
            _write_for_people(result.errors, folder / "estimation_errors.csv")
        names = ("file", "line_number", "column_name", "reason_code", "reason", "raw_record", "stage")
        schema = pa.schema([(name, pa.int64() if name == "line_number" else STRING) for name in names])
        rejects = pa.Table.from_pylist(
            [{name: row.get(name) for name in names} for row in [*result.rejects, *result.superseded]], schema
        )
        _write_for_people(_plain(rejects), folder / "rejected.csv")
        on_step("writing the report")
        figures = report.write(folder / "report.html")
        write_summary(figures, folder)
    return figures


class _Growing:
    """Files that grow part by part."""

    def __init__(self, folder: Path, open_files: ExitStack) -> None:
        self._folder, self._open = folder, open_files
        self._writers: dict[str, Any] = {}

    def parquet(self, name: str, rows: pa.Table) -> None:
        """Adds rows to a Parquet file."""
        if name not in self._writers:
            writer = pq.ParquetWriter(self._folder / name, rows.schema, compression="zstd")
            self._writers[name] = self._open.enter_context(writer)
        self._writers[name].write_table(rows)

    def for_people(self, name: str, rows: pa.Table) -> None:
        """Adds rows to a CSV file that a spreadsheet opens."""
        if name not in self._writers:
            file = self._open.enter_context((self._folder / name).open("wb"))
            file.write(codecs.BOM_UTF8)
            self._writers[name] = self._open.enter_context(pa_csv.CSVWriter(file, rows.schema))
        self._writers[name].write_table(rows)


def _write_for_people(table: pa.Table, path: Path) -> None:
    """CSV that a spreadsheet opens: by its first bytes it knows UTF-8, else Chinese shows as other signs."""
    with path.open("wb") as file:
        file.write(codecs.BOM_UTF8)
        pa_csv.write_csv(table, file)


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
