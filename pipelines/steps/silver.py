"""The steps of the stage silver: from what was received to what was validated and estimated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.codes import Channel
from pipelines.engine.step import Apply, Inputs, Step, WriteMode, Written
from pipelines.formats import FormatSettings
from pipelines.identity.people import People
from pipelines.incremental.affected import affected_meter_points
from pipelines.incremental.by_bucket import BucketOutcome, driver_files, refine_in_buckets
from pipelines.ingest.manual_edits import verified_edits
from pipelines.periods import DAY_MINUTES, local_day, months_through
from pipelines.steps.affected_curves import curves_affected_otherwise, customer_classes, profile_sample
from pipelines.steps.master_inputs import days_of, meter_points, rate_clock_of, seen_then
from pipelines.storage.constraints import constraint_violations
from pipelines.storage.scan import months_of, points_in, read_columns, rows_of_points, whole_table
from pipelines.tables.base import POINT, STRING, Table, rows_of_table
from pipelines.tables.bronze import BronzeLoadCurves, BronzeRegisterReads
from pipelines.tables.edits import BronzeManualEdits
from pipelines.tables.estimation import SilverEstimationErrors
from pipelines.tables.findings import SilverRegisterFindings
from pipelines.tables.rows.bronze import BronzeManualEditsRow
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
from pipelines.transforms.curves.curve_reconciliation import REGISTER_SCHEMA, Registers, Shapes, mean_shapes
from pipelines.transforms.curves.day_curves import (
    PRESENT_CHAR,
    CurveOutcome,
    Outages,
    refine_curves,
    settle_curves,
)
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
from pipelines.transforms.ground.day_types import day_types_of, kinds_of
from pipelines.transforms.received.master_data import REFINEMENTS, Refinement, refine_received
from pipelines.transforms.registers.register_reads import refine_read_rows
from pipelines.vee.editing.edit import Edit
from pipelines.vee.settings import VeeSettings

CURVE_ROWS_PER_TASK = 100_000
READ_ROWS_PER_TASK = 1_500_000
MASTER, RECORDS, REGISTERS, CURVES = "silver-master", "silver-records", "silver-registers", "silver-curves"
# Registers and curves wait for these alone.
MASTER_DATA = [
    refinement
    for refinement in REFINEMENTS
    if refinement.silver in (SilverCustomers, SilverMeterPoints, SilverSupplyShares)
]
_OWN_ACCOUNT = {SilverQuarantine: WriteMode.REPLACE_OWN, SilverFileAccounts: WriteMode.REPLACE_OWN}


def refine_records(refinements: Sequence[Refinement], stage: str) -> Apply:
    """A step's function for received tables other than curves and registers: typed, settled, with history
    where the table keeps one.
    """

    def apply(inputs: Inputs) -> Mapping[type[Table], Written]:
        refined = {rule.silver: refine_received(_received(inputs, rule.bronze), rule) for rule in refinements}
        quarantine = pa.concat_tables([found.quarantine for found in refined.values()])
        accounts = pa.concat_tables([found.accounts for found in refined.values()])
        return {
            **{silver: found.rows for silver, found in refined.items()},
            SilverQuarantine: _staged(quarantine, stage),
            SilverFileAccounts: _staged(accounts, stage),
        }

    return apply


def _received(inputs: Inputs, bronze: type[Table]) -> pa.Table:
    return read_columns(inputs.paths(bronze), bronze, bronze.business_columns())


def _staged(rows: pa.Table, stage: str) -> pa.Table:
    """Rows of a table that steps share, with the step that they are of."""
    others = rows.select([name for name in rows.column_names if name != "stage"])
    return others.append_column("stage", pa.array([stage] * rows.num_rows, STRING))


def refine_all_registers(inputs: Inputs) -> Mapping[type[Table], Written]:
    """Frozen registers: settled, then differences times multiplier with rollover and meter exchange."""
    points, settings, today = (
        meter_points(inputs),
        inputs.settings.section(VeeSettings),
        local_day(inputs.now),
    )

    def refine(bronze: pa.Table) -> BucketOutcome:
        outcome = refine_read_rows(bronze, points, settings, today)
        kept = constraint_violations(outcome.energy, SilverRegisterEnergy)
        return BucketOutcome(outcome.energy, outcome.accounts, outcome.quarantine, kept, outcome.findings)

    affected = affected_meter_points(inputs, (BronzeRegisterReads,), {BronzeRegisterReads: "read_date"})
    points_then, today_then = seen_then(inputs, points, today)

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
        affected,
        settled_then,
    )


def refine_all_curves(inputs: Inputs) -> Mapping[type[Table], Written]:
    """Load curves: settled, multiplied, validated, estimated, reconciled with the registers; the measured
    value stays beside the final one.
    """
    points, settings, today = (
        meter_points(inputs),
        inputs.settings.section(VeeSettings),
        local_day(inputs.now),
    )
    present = inputs.settings.section(FormatSettings).present_char
    # A month of which nothing came may lie within the silence of a series.
    months = months_through(months_of(inputs.files(BronzeLoadCurves), BronzeLoadCurves))
    day_types = day_types_of(inputs.facts, days_of(months))
    registers, outages = _registers(inputs, points, day_types), _outages(inputs, points, today)
    edits = _manual_edits(inputs)

    def refine(bronze: pa.Table) -> BucketOutcome:
        outcome = refine_curves(
            bronze, points, day_types, settings, months, today, present, registers, outages, edits
        )
        return judged_curves(bronze, outcome, points, present)

    affected = affected_meter_points(
        inputs, (BronzeLoadCurves,), {BronzeLoadCurves: "curve_date"}, curves_affected_otherwise
    )
    points_then, today_then = seen_then(inputs, points, today)

    def settled_then(bronze: pa.Table) -> tuple[pa.Table, pa.Table]:
        return settle_curves(bronze, points_then, settings, today_then, present)

    return refine_in_buckets(
        inputs,
        CURVES,
        BronzeLoadCurves,
        SilverDayCurves,
        refine,
        CURVE_ROWS_PER_TASK,
        affected=affected,
        settled_then=settled_then,
    )


def _registers(inputs: Inputs, points: pa.Table, day_types: Mapping[date, str]) -> Registers:
    """Readers that travel to the workers: they touch a file only where an estimate needs it."""
    settings = inputs.settings.section(VeeSettings)
    energy_files, curve_files = inputs.paths(SilverRegisterEnergy), inputs.paths(BronzeLoadCurves)
    classes = customer_classes(inputs.paths)

    def energy(meter_points: Sequence[str]) -> pa.Table:
        return rows_of_points(energy_files, SilverRegisterEnergy, meter_points, REGISTER_SCHEMA.names)

    known: dict[tuple[str, int], Shapes] = {}

    def profiles(customer_class: str, interval_minutes: int) -> Shapes:
        if (customer_class, interval_minutes) not in known:
            known[customer_class, interval_minutes] = shapes(customer_class, interval_minutes)
        return known[customer_class, interval_minutes]

    def shapes(customer_class: str, interval_minutes: int) -> Shapes:
        sample = profile_sample(points_in(curve_files), classes, settings.published_errors.series).get(
            customer_class, []
        )
        columns = ["channel_code", "interval_minutes", "curve_date", "values_unscaled"]
        rows = rows_of_points(curve_files, BronzeLoadCurves, sample, columns)
        return mean_shapes(
            rows, interval_minutes, lambda days: kinds_of(days, day_types), settings.profile.least_days
        )

    return Registers(energy, classes, profiles, rate_clock_of(inputs, points))


def _manual_edits(inputs: Inputs) -> tuple[Edit, ...]:
    return verified_edits(
        rows_of_table(whole_table(inputs.paths(BronzeManualEdits), BronzeManualEdits), BronzeManualEditsRow),
        People(inputs.settings.home).public_keys(),
    )


def _outages(inputs: Inputs, points: pa.Table, today: date) -> Outages:
    columns = ["customer_id", "event_code", "started_date", "ended_date"]
    return outages_of(read_columns(inputs.paths(SilverEvents), SilverEvents, columns), points, today)


def judged_curves(
    bronze: pa.Table, outcome: CurveOutcome, meter_points: pa.Table, present_char: str = PRESENT_CHAR
) -> BucketOutcome:
    """Refined curves with what the gate holds to be 0; that measured values are those received, and all of
    them, is counted apart from the refinement.
    """
    not_as_received = {
        "measured_values_not_as_received": measured_not_as_received(bronze, outcome.curves, meter_points),
        "received_values_lost": received_not_in_silver(
            bronze, outcome.curves, outcome.quarantine, present_char
        ),
    }
    broken = not_as_received | curve_violations(outcome.curves)
    return BucketOutcome(outcome.curves, outcome.accounts, outcome.quarantine, broken)


def curve_violations(curves: pa.Table) -> dict[str, int]:
    """What must never be: a measured value changed, two rows for one key, arrays of the wrong length, a
    required value empty.
    """
    expected = pc.divide(pa.scalar(DAY_MINUTES, pa.int32()), curves.column("interval_minutes"))
    wrong = sum(
        int(pc.sum(pc.not_equal(pc.list_value_length(curves.column(name)), expected)).as_py() or 0)
        for name in (
            "measured_kwh_or_kvarh",
            "final_kwh_or_kvarh",
            "interval_status_codes",
            "failed_check_bits",
        )
    )
    return {
        "measured_values_changed": measured_not_final(curves),
        "arrays_of_wrong_length": wrong,
    } | constraint_violations(curves, SilverDayCurves)


def publish_estimation_errors(inputs: Inputs) -> Mapping[type[Table], Written]:
    """How far estimates err, measured on gaps masked in a bounded sample of the curves that have just been
    refined.
    """
    settings = inputs.settings.section(VeeSettings)
    classes = customer_classes(inputs.paths)
    files = inputs.paths(SilverDayCurves)
    wanted = sampled_meter_points(sorted(points_in(files)), classes, settings.published_errors.series)
    chosen = ds.field(POINT).isin(pa.array(wanted, STRING)) & (
        ds.field("channel_code") == Channel.ACTIVE_FORWARD.value
    )
    curves = read_columns(files, SilverDayCurves, CURVE_COLUMNS, chosen)
    days = pc.unique(curves["curve_date"]).to_pylist()
    errors = measure_estimation_errors(curves, classes, day_types_of(inputs.facts, days), settings)
    return {SilverEstimationErrors: driver_files(inputs, SilverEstimationErrors, errors)}


def _records_step(name: str, refinements: Sequence[Refinement]) -> Step:
    return Step(
        stage="silver",
        name=name,
        reads=tuple(refinement.bronze for refinement in refinements),
        writes=dict.fromkeys((refinement.silver for refinement in refinements), WriteMode.REPLACE)
        | _OWN_ACCOUNT,
        apply=refine_records(refinements, name),
    )


SILVER_STEPS: tuple[Step, ...] = (
    _records_step(MASTER, MASTER_DATA),
    _records_step(RECORDS, [refinement for refinement in REFINEMENTS if refinement not in MASTER_DATA]),
    Step(
        stage="silver",
        name=REGISTERS,
        reads=(BronzeRegisterReads, SilverMeterPoints),
        writes={SilverRegisterEnergy: WriteMode.COMMIT_FILES, SilverRegisterFindings: WriteMode.COMMIT_FILES}
        | _OWN_ACCOUNT,
        apply=refine_all_registers,
        by_affected=True,
        settings=(VeeSettings,),
    ),
    Step(
        stage="silver",
        name=CURVES,
        reads=(
            BronzeLoadCurves,
            SilverMeterPoints,
            SilverRegisterEnergy,
            SilverCustomers,
            SilverEvents,
            BronzeManualEdits,
        ),
        writes={SilverDayCurves: WriteMode.COMMIT_FILES} | _OWN_ACCOUNT,
        apply=refine_all_curves,
        by_affected=True,
        settings=(VeeSettings, FormatSettings),
        facts=("holidays", "time_of_use"),
    ),
    Step(
        stage="silver",
        name="silver-estimation-errors",
        reads=(SilverDayCurves, SilverCustomers, SilverMeterPoints),
        writes={SilverEstimationErrors: WriteMode.COMMIT_FILES},
        apply=publish_estimation_errors,
        settings=(VeeSettings,),
        facts=("holidays",),
    ),
)
