"""Silver to gold: energy of days, billing determinants."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.engine.step import Inputs, PreviousRun, Step, WriteMode, Written
from pipelines.formats import FormatSettings
from pipelines.incremental.affected import affected_meter_points, owned_by
from pipelines.incremental.by_bucket import derive_with_findings
from pipelines.incremental.customer_rows import SOURCES, RowsOfCustomers, affected_customers
from pipelines.incremental.source_rows import Columns
from pipelines.steps.master_inputs import days_of, meter_points, rate_clock_of
from pipelines.steps.silver import READ_ROWS_PER_TASK
from pipelines.steps.sufficiency import SUFFICIENCY_STEP
from pipelines.storage.scan import months_of, read_columns, whole_table
from pipelines.tables.base import Table
from pipelines.tables.findings import GoldDayFindings
from pipelines.tables.gold import GoldBillingDeterminants, GoldBillingSegments, GoldDayEnergy
from pipelines.tables.silver import (
    SilverCustomers,
    SilverDayCurves,
    SilverMeterPoints,
    SilverRegisterEnergy,
    SilverSupplyShares,
)
from pipelines.tables.supplies import GoldBillingSupplies
from pipelines.transforms.billing.agreed_points import Agreements
from pipelines.transforms.billing.determinants import derive_billing
from pipelines.transforms.billing.month_cuts import facts_that_cut, month_cuts
from pipelines.transforms.billing.reading_days import reading_days
from pipelines.transforms.billing.supplies import derive_supplies
from pipelines.transforms.days.curve_days import DAY_CURVE_COLUMNS, RECEIVED
from pipelines.transforms.days.day_findings import judge_days
from pipelines.transforms.ground.day_types import day_types_of
from pipelines.vee.settings import VeeSettings

_OF_CURVES: Columns = {SilverDayCurves: DAY_CURVE_COLUMNS}
_OF_RECEIVED_CURVES: Columns = {SilverDayCurves: (*DAY_CURVE_COLUMNS, RECEIVED)}
MONTHS_PER_TASK = 50_000
"""Months of meter points that make one more bucket of customers worth its start.
"""


def settle_day_energy(inputs: Inputs) -> Mapping[type[Table], Written]:
    """Energy of each meter point, channel and day, and what the checks of days find in it."""
    points, settings = meter_points(inputs), inputs.settings.section(VeeSettings)
    sources = (SilverRegisterEnergy, SilverDayCurves)
    months = set[str]().union(*(months_of(inputs.files(source), source) for source in sources))
    day_types, clock = day_types_of(inputs.facts, days_of(sorted(months))), rate_clock_of(inputs, points)

    def derive(rows: Sequence[pa.Table]) -> tuple[pa.Table, pa.Table]:
        return judge_days(rows[0], rows[1], points, day_types, settings, clock)

    affected = affected_meter_points(inputs, sources, otherwise=_behind_another)
    return derive_with_findings(
        inputs,
        sources,
        GoldDayEnergy,
        GoldDayFindings,
        derive,
        READ_ROWS_PER_TASK,
        affected,
        _OF_RECEIVED_CURVES,
    )


def settle_billing_determinants(inputs: Inputs) -> Mapping[type[Table], Written]:
    """What each bill needs of each meter point and month, and of the parts of the months that are cut."""
    points, periods = meter_points(inputs), inputs.facts.time_of_use.slot_matrix
    customers, shares = (
        whole_table(inputs.paths(table), table) for table in (SilverCustomers, SilverSupplyShares)
    )
    agreed = Agreements(
        customers,
        points,
        shares,
        month_cuts(customers, points, shares, inputs.facts),
        reading_days(customers, points),
    )

    def derive(rows: Sequence[pa.Table]) -> tuple[pa.Table, pa.Table]:
        return derive_billing(rows[0], rows[1], agreed, periods)

    sources = (SilverRegisterEnergy, SilverDayCurves)
    affected = affected_meter_points(inputs, sources, otherwise=behind_one_meter)
    return derive_with_findings(
        inputs,
        sources,
        GoldBillingDeterminants,
        GoldBillingSegments,
        derive,
        READ_ROWS_PER_TASK,
        affected,
        _OF_CURVES,
    )


def make_supplies(inputs: Inputs) -> Mapping[type[Table], Written]:
    """What each customer is billed from in each month."""
    facts = inputs.facts

    def derive(rows: Sequence[pa.Table]) -> tuple[pa.Table, None]:
        names, metered, segments, customers, points, shares = rows
        asked = names.column(0).to_pylist()
        return derive_supplies(asked, metered, segments, customers, points, shares, facts), None

    return derive_with_findings(
        inputs,
        (GoldBillingDeterminants,),
        GoldBillingSupplies,
        None,
        derive,
        MONTHS_PER_TASK,
        affected_customers(inputs),
        rows=RowsOfCustomers({source: inputs.paths(source) for source in SOURCES}),
    )


def behind_one_meter(inputs: Inputs, previous: PreviousRun, known: Collection[str]) -> set[str]:
    """Meter points that hang together by main meter, share or customer: what is agreed for one of them cuts
    the months of all.

    They are few, so all of them are affected.
    """
    tables = (SilverCustomers, SilverMeterPoints, SilverSupplyShares)
    if all(set(inputs.paths(table)) == set(previous.paths(table)) for table in tables):
        return set()
    found = related(inputs, previous)
    for paths in (inputs.paths(SilverSupplyShares), previous.paths(SilverSupplyShares)):
        rows = read_columns(paths, SilverSupplyShares, ["main_meter_point_id", "sub_meter_point_id"])
        found.update(name for column in rows.columns for name in column.to_pylist() if name)
    customers: set[str] = set()
    for paths in (inputs.paths(SilverMeterPoints), previous.paths(SilverMeterPoints)):
        rows = read_columns(paths, SilverMeterPoints, ["meter_point_id", "customer_id"])
        theirs = rows.filter(pc.is_in(rows["meter_point_id"], pa.array(sorted(found), pa.string())))
        customers.update(name for name in theirs["customer_id"].to_pylist() if name)
    return (found | owned_by(customers, inputs, previous)) & set(known)


def _behind_another(inputs: Inputs, previous: PreviousRun, known: Collection[str]) -> set[str]:
    """Meter points before or behind another: whose energy the one of a main meter counts as well depends on
    both.
    """
    if set(inputs.paths(SilverMeterPoints)) == set(previous.paths(SilverMeterPoints)):
        return set()
    return related(inputs, previous) & set(known)


def related(inputs: Inputs, previous: PreviousRun) -> set[str]:
    """Meter points with a parent, and their parents, now and when the step ran."""
    found: set[str] = set()
    for paths in (inputs.paths(SilverMeterPoints), previous.paths(SilverMeterPoints)):
        rows = read_columns(paths, SilverMeterPoints, ["meter_point_id", "parent_meter_point_id"])
        rows = rows.filter(pc.is_valid(rows["parent_meter_point_id"]))
        found.update(*(column.to_pylist() for column in rows.columns))
    return found


GOLD_STEPS: tuple[Step, ...] = (
    Step(
        stage="gold",
        name="gold-day-energy",
        reads=(SilverRegisterEnergy, SilverDayCurves, SilverCustomers, SilverMeterPoints),
        writes={GoldDayEnergy: WriteMode.COMMIT_FILES, GoldDayFindings: WriteMode.COMMIT_FILES},
        apply=settle_day_energy,
        by_affected=True,
        settings=(VeeSettings, FormatSettings),
        facts=("holidays", "time_of_use"),
    ),
    Step(
        stage="gold",
        name="gold-determinants",
        reads=(SilverRegisterEnergy, SilverDayCurves, SilverCustomers, SilverMeterPoints, SilverSupplyShares),
        writes={GoldBillingDeterminants: WriteMode.COMMIT_FILES, GoldBillingSegments: WriteMode.COMMIT_FILES},
        apply=settle_billing_determinants,
        by_affected=True,
        facts=True,
        facts_read=facts_that_cut,
    ),
    Step(
        stage="gold",
        name="gold-supplies",
        reads=SOURCES,
        writes={GoldBillingSupplies: WriteMode.COMMIT_FILES},
        apply=make_supplies,
        by_affected=True,
        facts=True,
        facts_read=facts_that_cut,
    ),
    SUFFICIENCY_STEP,
)
