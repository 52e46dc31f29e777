"""The pipelines' own steps: bronze to silver, silver to gold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from functools import reduce
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.bucket_rows import month_of
from pipelines.class_profiles import curves_touched_otherwise, customer_classes, profile_sample
from pipelines.codes import Channel
from pipelines.edits import verified_edits
from pipelines.errors import FactNotInForceError
from pipelines.facts import Facts
from pipelines.formats import FormatSettings
from pipelines.month_derivation import read_columns, whole_table
from pipelines.people import People
from pipelines.periods import local_day, months_through
from pipelines.point_rows import points_in, rows_of_points
from pipelines.promises import promises
from pipelines.steps import Apply, Earlier, Inputs, Step, WriteMode, Written
from pipelines.sufficiency import SUFFICIENCY_STEP
from pipelines.tables.base import Table
from pipelines.tables.bronze import BronzeLoadCurves, BronzeRegisterReads
from pipelines.tables.edits import BronzeManualEdits
from pipelines.tables.estimation import SilverEstimationErrors
from pipelines.tables.findings import GoldDayFindings, SilverRegisterFindings
from pipelines.tables.gold import GoldBillingDeterminants, GoldBillingSegments, GoldDayEnergy
from pipelines.tables.silver import (
    SilverCustomers,
    SilverDayCurves,
    SilverEvents,
    SilverFileAccounts,
    SilverMeterPoints,
    SilverQuarantine,
    SilverRegisterEnergy,
    SilverSupplyShares,
)
from pipelines.touched import owned_by, touched_meter_points
from pipelines.transforms.agreed_points import Agreements
from pipelines.transforms.curve_days import DAY_CURVE_COLUMNS
from pipelines.transforms.curve_reconciliation import REGISTER_SCHEMA, Registers, Shapes, mean_shapes
from pipelines.transforms.curves import PRESENT_CHAR, CurveOutcome, Outages, kinds_of, refine_curves, settle_curves
from pipelines.transforms.determinants import derive_billing
from pipelines.transforms.estimation_errors import CURVE_COLUMNS, measure_estimation_errors, sampled_meter_points
from pipelines.transforms.findings import judge_days
from pipelines.transforms.measured_values import measured_not_as_received, measured_not_final, received_not_in_silver
from pipelines.transforms.month_cuts import month_cuts
from pipelines.transforms.outages import outages_of
from pipelines.transforms.rate_clock import RateClock, rate_clock
from pipelines.transforms.register_reads import refine_read_rows
from pipelines.transforms.silver_frames import REFINEMENTS, Refined, Refinement, refine_received
from pipelines.vee.edit import Edit
from pipelines.vee.settings import VeeSettings
from pipelines.worker_refinement import BucketOutcome, Columns, derive_with_findings, driver_files, refine_in_buckets

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

CURVE_ROWS_PER_TASK = 100_000
READ_ROWS_PER_TASK = 1_500_000
PLANNERS = 3
MASTER, RECORDS, REGISTERS, CURVES = "silver-master", "silver-records", "silver-registers", "silver-curves"
# Registers and curves wait for these alone.
MASTER_DATA = [refinement for refinement in REFINEMENTS if refinement.silver in (SilverCustomers, SilverMeterPoints, SilverSupplyShares)]
_OF_CURVES: Columns = {SilverDayCurves: DAY_CURVE_COLUMNS}
_OWN_ACCOUNT = {SilverQuarantine: WriteMode.REPLACE_OWN, SilverFileAccounts: WriteMode.REPLACE_OWN}


def refine_records(refinements: Sequence[Refinement], stage: str) -> Apply:
    """A step's function for received tables other than curves and registers: typed, settled, with history where the table keeps one."""

    def apply(inputs: Inputs) -> Mapping[type[Table], Written]:
        def refine(refinement: Refinement) -> Refined:
            return refine_received(inputs.frame(refinement.bronze), refinement, keep=lambda judged: judged.persist())

        with ThreadPoolExecutor(PLANNERS) as pool:
            planned = list(pool.map(refine, refinements))
        frames: dict[type[Table], Written] = {refinement.silver: refined.frame for refinement, refined in zip(refinements, planned, strict=True)}
        frames[SilverQuarantine] = _union([_own(refined.quarantine, stage) for refined in planned])
        frames[SilverFileAccounts] = _union([_own(refined.accounts, stage) for refined in planned])
        return frames

    return apply


def _union(frames: Sequence[DataFrame]) -> DataFrame:
    return reduce(lambda left, right: left.unionByName(right), frames)


def _own(frame: DataFrame, stage: str) -> DataFrame:
    from pyspark.sql import functions as F

    return frame.withColumn("stage", F.lit(stage))


def refine_all_registers(inputs: Inputs) -> Mapping[type[Table], Written]:
    """Frozen registers: settled, then differences times multiplier with rollover and meter exchange."""
    points, settings, today = _meter_points(inputs), inputs.settings.section(VeeSettings), local_day(inputs.now)

    def refine(bronze: pa.Table) -> BucketOutcome:
        outcome = refine_read_rows(bronze, points, settings, today)
        kept = promises(outcome.energy, SilverRegisterEnergy)
        return BucketOutcome(outcome.energy, outcome.accounts, outcome.quarantine, kept, outcome.findings)

    touched = touched_meter_points(inputs, (BronzeRegisterReads,), {BronzeRegisterReads: "read_date"})
    points_then, today_then = _seen_then(inputs, points, today)

    def settled_then(bronze: pa.Table) -> tuple[pa.Table, pa.Table]:
        outcome = refine_read_rows(bronze, points_then, settings, today_then)
        return outcome.accounts, outcome.quarantine

    return refine_in_buckets(
        inputs,
        REGISTERS,
        BronzeRegisterReads,
        SilverRegisterEnergy,
        refine,
        READ_ROWS_PER_TASK,
        SilverRegisterFindings,
        touched,
        settled_then,
    )


def refine_all_curves(inputs: Inputs) -> Mapping[type[Table], Written]:
    """Load curves: settled, multiplied, validated, estimated, reconciled with the registers; the measured value stays beside the final one."""
    points, settings, today = _meter_points(inputs), inputs.settings.section(VeeSettings), local_day(inputs.now)
    present = inputs.settings.section(FormatSettings).present_char
    # A month of which nothing came may lie within the silence of a series.
    months = months_through({month_of(path, "curve_month") for path in inputs.files(BronzeLoadCurves)})
    day_types = _day_types(inputs.facts, _days_of(months))
    registers, outages = _registers(inputs, points, day_types), _outages(inputs, points, today)
    edits = _manual_edits(inputs)

    def refine(bronze: pa.Table) -> BucketOutcome:
        outcome = refine_curves(bronze, points, day_types, settings, months, today, present, registers, outages, edits)
        return judged_curves(bronze, outcome, points, present)

    touched = touched_meter_points(inputs, (BronzeLoadCurves,), {BronzeLoadCurves: "curve_date"}, curves_touched_otherwise)
    points_then, today_then = _seen_then(inputs, points, today)

    def settled_then(bronze: pa.Table) -> tuple[pa.Table, pa.Table]:
        return settle_curves(bronze, points_then, settings, today_then, present)

    return refine_in_buckets(
        inputs, CURVES, BronzeLoadCurves, SilverDayCurves, refine, CURVE_ROWS_PER_TASK, touched=touched, settled_then=settled_then
    )


def _registers(inputs: Inputs, points: pa.Table, day_types: Mapping[date, str]) -> Registers:
    """Readers that travel to the workers: they touch a file only where an estimate needs it."""
    settings = inputs.settings.section(VeeSettings)
    energy_files, curve_files = _paths(inputs, SilverRegisterEnergy), _paths(inputs, BronzeLoadCurves)
    classes = customer_classes(inputs.paths)

    def energy(meter_points: Sequence[str]) -> pa.Table:
        rows = ds.field("meter_point_id").isin(pa.array(meter_points, pa.string()))
        return ds.dataset(energy_files, format="parquet", schema=REGISTER_SCHEMA).to_table(filter=rows)

    known: dict[tuple[str, int], Shapes] = {}

    def profiles(customer_class: str, interval_minutes: int) -> Shapes:
        if (customer_class, interval_minutes) not in known:
            known[customer_class, interval_minutes] = shapes(customer_class, interval_minutes)
        return known[customer_class, interval_minutes]

    def shapes(customer_class: str, interval_minutes: int) -> Shapes:
        sample = profile_sample(points_in(curve_files), classes, settings.back_test_series).get(customer_class, [])
        columns = ["channel_code", "interval_minutes", "curve_date", "values_unscaled"]
        rows = rows_of_points(curve_files, BronzeLoadCurves, sample, columns)
        return mean_shapes(rows, interval_minutes, lambda days: kinds_of(days, day_types), settings.profile_least_days)

    return Registers(energy, classes, profiles, _rate_clock(inputs, points))


def _rate_clock(inputs: Inputs, points: pa.Table) -> RateClock:
    columns = ["customer_id", "valid_from_date", "customer_class_code", "is_ev_charging"]
    terms = read_columns(_paths(inputs, SilverCustomers), SilverCustomers, columns)
    formats, slack = inputs.settings.section(FormatSettings), inputs.settings.section(VeeSettings).rate_sum_tolerance_steps
    return rate_clock(formats.rate_periods, formats.rate_stand_ins, slack, inputs.facts.time_of_use.slot_matrix, points, terms)


def _paths(inputs: Inputs, table: type[Table]) -> list[str]:
    return [f"{inputs.location(table)}/{path}" for path in inputs.files(table)]


def _manual_edits(inputs: Inputs) -> tuple[Edit, ...]:
    return verified_edits(whole_table(inputs, BronzeManualEdits).to_pylist(), People(inputs.settings.home).public_keys())


def _outages(inputs: Inputs, points: pa.Table, today: date) -> Outages:
    columns = ["customer_id", "event_code", "started_date", "ended_date"]
    return outages_of(read_columns(_paths(inputs, SilverEvents), SilverEvents, columns), points, today)


def judged_curves(bronze: pa.Table, outcome: CurveOutcome, meter_points: pa.Table, present_char: str = PRESENT_CHAR) -> BucketOutcome:
    """Refined curves with what the gate holds to be 0; that measured values are those received, and all of them, is counted apart from the refinement."""
    not_as_received = {
        "measured_values_not_as_received": measured_not_as_received(bronze, outcome.curves, meter_points),
        "received_values_lost": received_not_in_silver(bronze, outcome.curves, outcome.quarantine, present_char),
    }
    broken = not_as_received | curve_violations(outcome.curves)
    return BucketOutcome(outcome.curves, outcome.accounts, outcome.quarantine, broken)


def curve_violations(curves: pa.Table) -> dict[str, int]:
    """What must never be: a measured value changed, two rows for one key, arrays of the wrong length, a required value empty."""
    expected = pc.divide(pa.scalar(1440, pa.int32()), curves.column("interval_minutes"))
    wrong = sum(
        int(pc.sum(pc.not_equal(pc.list_value_length(curves.column(name)), expected)).as_py() or 0)
        for name in ("measured_kwh_or_kvarh", "final_kwh_or_kvarh", "interval_status_codes", "failed_check_bits")
    )
    return {"measured_values_changed": measured_not_final(curves), "arrays_of_wrong_length": wrong} | promises(curves, SilverDayCurves)


def publish_estimation_errors(inputs: Inputs) -> Mapping[type[Table], Written]:
    """How far estimates err, measured on gaps masked in a bounded sample of the curves that have just been refined."""
    settings = inputs.settings.section(VeeSettings)
    classes = customer_classes(inputs.paths)
    files = _paths(inputs, SilverDayCurves)
    known = pc.unique(ds.dataset(files, format="parquet").to_table(columns=["meter_point_id"]).column(0)).to_pylist() if files else []
    wanted = pa.array(sampled_meter_points(known, classes, settings.back_test_series), pa.string())
    empty = SilverDayCurves.empty().select(list(CURVE_COLUMNS))
    chosen = pc.is_in(ds.field("meter_point_id"), wanted) & (ds.field("channel_code") == Channel.ACTIVE_FORWARD.value)
    curves = ds.dataset(files, format="parquet").to_table(columns=list(CURVE_COLUMNS), filter=chosen) if files else empty
    days = pc.unique(curves["curve_date"]).to_pylist()
    errors = measure_estimation_errors(curves, classes, _day_types(inputs.facts, days), settings)
    return {SilverEstimationErrors: driver_files(inputs, SilverEstimationErrors, errors)}


def settle_day_energy(inputs: Inputs) -> Mapping[type[Table], Written]:
    """Energy of each meter point, channel and day, and what the checks of days find in it."""
    points, settings = _meter_points(inputs), inputs.settings.section(VeeSettings)
    months = {month_of(path, "energy_month") for path in inputs.files(SilverRegisterEnergy)}
    months |= {month_of(path, "curve_month") for path in inputs.files(SilverDayCurves)}
    day_types, clock = _day_types(inputs.facts, _days_of(sorted(months))), _rate_clock(inputs, points)

    def derive(rows: Sequence[pa.Table]) -> tuple[pa.Table, pa.Table]:
        return judge_days(rows[0], rows[1], points, day_types, settings, clock)

    sources = (SilverRegisterEnergy, SilverDayCurves)
    touched = touched_meter_points(inputs, sources, otherwise=_behind_another)
    return derive_with_findings(inputs, sources, GoldDayEnergy, GoldDayFindings, derive, READ_ROWS_PER_TASK, touched, _OF_CURVES)


def settle_billing_determinants(inputs: Inputs) -> Mapping[type[Table], Written]:
    """What each bill needs of each meter point and month, and of the parts of the months that are cut."""
    points, periods = _meter_points(inputs), inputs.facts.time_of_use.slot_matrix
    customers, shares = (whole_table(inputs, table) for table in (SilverCustomers, SilverSupplyShares))
    agreed = Agreements(customers, points, shares, month_cuts(customers, points, shares, inputs.facts))

    def derive(rows: Sequence[pa.Table]) -> tuple[pa.Table, pa.Table]:
        return derive_billing(rows[0], rows[1], agreed, periods)

    sources = (SilverRegisterEnergy, SilverDayCurves)
    touched = touched_meter_points(inputs, sources, otherwise=_behind_one_meter)
    return derive_with_findings(inputs, sources, GoldBillingDeterminants, GoldBillingSegments, derive, READ_ROWS_PER_TASK, touched, _OF_CURVES)


def _behind_one_meter(inputs: Inputs, earlier: Earlier, known: Collection[str]) -> set[str]:
    """Meter points that hang together by main meter, share or customer: what is agreed for one of them cuts the months of all.

    They are few, so all of them are touched.
    """
    tables = (SilverCustomers, SilverMeterPoints, SilverSupplyShares)
    if all(set(inputs.paths(table)) == set(earlier.paths(table)) for table in tables):
        return set()
    found = _related(inputs, earlier)
    for paths in (inputs.paths(SilverSupplyShares), earlier.paths(SilverSupplyShares)):
        rows = read_columns(paths, SilverSupplyShares, ["main_meter_point_id", "sub_meter_point_id"])
        found.update(name for column in rows.columns for name in column.to_pylist() if name)
    customers: set[str] = set()
    for paths in (inputs.paths(SilverMeterPoints), earlier.paths(SilverMeterPoints)):
        rows = read_columns(paths, SilverMeterPoints, ["meter_point_id", "customer_id"])
        theirs = rows.filter(pc.is_in(rows["meter_point_id"], pa.array(sorted(found), pa.string())))
        customers.update(name for name in theirs["customer_id"].to_pylist() if name)
    return (found | owned_by(customers, inputs, earlier)) & set(known)


def _behind_another(inputs: Inputs, earlier: Earlier, known: Collection[str]) -> set[str]:
    """Meter points before or behind another: whose energy the one of a main meter counts as well depends on both."""
    if set(inputs.paths(SilverMeterPoints)) == set(earlier.paths(SilverMeterPoints)):
        return set()
    return _related(inputs, earlier) & set(known)


def _related(inputs: Inputs, earlier: Earlier) -> set[str]:
    """Meter points with a parent, and their parents, now and when the step ran."""
    found: set[str] = set()
    for paths in (inputs.paths(SilverMeterPoints), earlier.paths(SilverMeterPoints)):
        rows = read_columns(paths, SilverMeterPoints, ["meter_point_id", "parent_meter_point_id"])
        rows = rows.filter(pc.is_valid(rows["parent_meter_point_id"]))
        found.update(*(column.to_pylist() for column in rows.columns))
    return found


def _meter_points(inputs: Inputs) -> pa.Table:
    return whole_table(inputs, SilverMeterPoints)


def _seen_then(inputs: Inputs, points: pa.Table, today: date) -> tuple[pa.Table, date]:
    """Meter points and local day as the newest run of the step saw them; those of now where there is none."""
    if inputs.earlier is None:
        return points, today
    found = read_columns(inputs.earlier.paths(SilverMeterPoints), SilverMeterPoints, SilverMeterPoints.columns())
    return found, local_day(inputs.earlier.now)


def _days_of(months: Sequence[str]) -> list[date]:
    if not months:
        return []
    first, last = date.fromisoformat(months[0] + "-01"), date.fromisoformat(months[-1] + "-01") + timedelta(days=31)
    return [first + timedelta(days=offset) for offset in range((last - first).days)]


def _day_types(facts: Facts, days: Sequence[date]) -> dict[date, str]:
    """Day types that the holiday facts cover; curves of other years (and countries) are left to the week's rhythm."""
    found: dict[date, str] = {}
    for day in days:
        with suppress(FactNotInForceError):
            found[day] = facts.holidays.day_type(day)
    return found


def _records_step(name: str, refinements: Sequence[Refinement]) -> Step:
    return Step(
        stage="silver",
        name=name,
        reads=tuple(refinement.bronze for refinement in refinements),
        writes=dict.fromkeys((refinement.silver for refinement in refinements), WriteMode.REPLACE) | _OWN_ACCOUNT,
        apply=refine_records(refinements, name),
    )


STEPS: tuple[Step, ...] = (
    _records_step(MASTER, MASTER_DATA),
    _records_step(RECORDS, [refinement for refinement in REFINEMENTS if refinement not in MASTER_DATA]),
    Step(
        stage="silver",
        name=REGISTERS,
        reads=(BronzeRegisterReads, SilverMeterPoints),
        writes={SilverRegisterEnergy: WriteMode.COMMIT_FILES, SilverRegisterFindings: WriteMode.COMMIT_FILES} | _OWN_ACCOUNT,
        apply=refine_all_registers,
        by_touched=True,
    ),
    Step(
        stage="silver",
        name=CURVES,
        reads=(BronzeLoadCurves, SilverMeterPoints, SilverRegisterEnergy, SilverCustomers, SilverEvents, BronzeManualEdits),
        writes={SilverDayCurves: WriteMode.COMMIT_FILES} | _OWN_ACCOUNT,
        apply=refine_all_curves,
        by_touched=True,
    ),
    Step(
        stage="silver",
        name="silver-estimation-errors",
        reads=(SilverDayCurves, SilverCustomers, SilverMeterPoints),
        writes={SilverEstimationErrors: WriteMode.COMMIT_FILES},
        apply=publish_estimation_errors,
    ),
    Step(
        stage="gold",
        name="gold-day-energy",
        reads=(SilverRegisterEnergy, SilverDayCurves, SilverCustomers, SilverMeterPoints),
        writes={GoldDayEnergy: WriteMode.COMMIT_FILES, GoldDayFindings: WriteMode.COMMIT_FILES},
        apply=settle_day_energy,
        by_touched=True,
    ),
    Step(
        stage="gold",
        name="gold-determinants",
        reads=(SilverRegisterEnergy, SilverDayCurves, SilverCustomers, SilverMeterPoints, SilverSupplyShares),
        writes={GoldBillingDeterminants: WriteMode.COMMIT_FILES, GoldBillingSegments: WriteMode.COMMIT_FILES},
        apply=settle_billing_determinants,
        by_touched=True,
    ),
    SUFFICIENCY_STEP,
)
