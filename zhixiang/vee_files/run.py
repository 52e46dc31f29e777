"""Validation and estimation of anybody's files outside the store and without Spark: files in, intervals,
flags and a report out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.codes import RejectReason
from pipelines.facts import Facts
from pipelines.formats import FormatSettings, LongMapping
from pipelines.formats.nem.records import Frame
from pipelines.ingest.inbox import shown_path
from pipelines.periods import LOCAL_OFFSET
from pipelines.settings import Settings
from pipelines.steps.master_inputs import rate_clock_by
from pipelines.tables.base import STRING
from pipelines.tables.bronze import (
    BronzeCustomers,
    BronzeEvents,
    BronzeMeterPoints,
)
from pipelines.transforms.curves.curve_quarantine import STAGE as CURVES_STAGE
from pipelines.transforms.curves.estimation_errors import (
    CURVE_COLUMNS,
    measure_estimation_errors,
    sampled_meter_points,
)
from pipelines.transforms.curves.outages import outages_of
from pipelines.transforms.ground.day_types import day_types_of
from pipelines.transforms.received.master_data import refine_received, refinement_of
from pipelines.vee import VeeSettings
from zhixiang.pages.quality_figures import error_limits
from zhixiang.vee_files.estimate_bias import long_gaps, told_bias
from zhixiang.vee_files.judged import Judged
from zhixiang.vee_files.level_steps import told_steps, with_steps
from zhixiang.vee_files.meter_points import meter_points_of
from zhixiang.vee_files.negative_values import negative_values, told_negatives
from zhixiang.vee_files.received import SMALL, Received, every_file
from zhixiang.vee_files.result import VeeResult
from zhixiang.vee_files.spilled import Scratch, ranges_of_names

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
    received = Received.empty(held)
    for path in every_file(paths):
        on_step(f"reading {shown_path(path.name)}")
        received.take(path, mapping, settings.platform.ingest, formats, result)
    local = result.holidays = received.is_local and (
        mapping is None or mapping.stamp.day_shift == LOCAL_OFFSET
    )
    vee = settings.section(VeeSettings)
    refined = {table: refine_received(received.small_table(table), refinement_of(table)) for table in SMALL}
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
    judged = Judged(
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
    negatives: list[dict[str, Any]] = []
    gaps: dict[int, list[int]] = {}
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
        negatives += negative_values(part.curves, formats.least_odd_steps, formats.signed_ratio)
        for minutes, lengths in long_gaps(part.curves, part.registers).items():
            gaps[minutes] = gaps.get(minutes, []) + lengths
        result.add(part.curves, part.registers, part.findings)
    result.remarks += told_steps(result.findings, pa.concat_tables(stepped)) + told_negatives(negatives)
    on_step("error of the estimates")
    result.errors = measure_estimation_errors(pa.concat_tables(in_sample), classes, day_types, vee)
    result.error_limits = error_limits(vee)
    result.remarks += told_bias(gaps, result.errors, vee.bias)
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
