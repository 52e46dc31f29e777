"""Which changes reach a step: those of customers that it computes for, of days and months that it looks at;
in doubt every one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines.engine.step import Inputs, Step
from pipelines.incremental.reached import changed_sources, differing_rows
from pipelines.periods import BillingMonth
from pipelines.settings import Settings
from pipelines.tables.base import Table
from pipelines.tables.gold import GoldDayEnergy
from pipelines.tables.silver import SilverCustomers, SilverPayments, SilverTransferDeclarations, SilverWeather
from pipelines.tables.supplies import GoldBillingSupplies
from products.credit_index.indicators.reached import reaches_indicators
from products.efficiency_bill.reached import reaches_baselines
from products.transfer_fee_code.reached import reaches_codes
from products.transfer_fee_code.steps import STEPS
from tests.unit.pipelines.incremental.test_affected import Two, Version, filled

AUGUST, SEPTEMBER = date(2026, 8, 31), date(2026, 9, 1)
STOOD, CAME = "first", "second"


@pytest.fixture
def two(tmp_path: Path, settings: Settings) -> Two:
    return Two(tmp_path, settings)


def day(customer: str | None, on: date, run: str = STOOD, **more: Any) -> pa.Table:
    named = {"meter_point_id": f"MP-{customer}", "channel_code": "active_forward", "computed_run_id": run}
    month = {GoldDayEnergy.partition_column(): f"{on:%Y-%m}"}
    return filled(GoldDayEnergy, customer_id=customer, energy_date=on, **(named | month | more))


def month(customer: str, of: str = "2026-09", run: str = STOOD, **more: Any) -> pa.Table:
    return filled(GoldBillingSupplies, customer_id=customer, billing_month=of, computed_run_id=run, **more)


def asked(two: Two, then: Version, now: Version) -> Inputs:
    return replace(two.inputs(then, now), months=(BillingMonth.parse("2026-09"),))


PAYS = filled(SilverPayments, customer_id="payer")
ENERGY = [day("payer", SEPTEMBER), day("building", SEPTEMBER), day("building", AUGUST)]
OF_DAYS: Version = {GoldDayEnergy: ENERGY, SilverPayments: [PAYS], SilverWeather: []}
DECLARED = [
    filled(SilverTransferDeclarations, supplier_customer_id="mall", billing_month="2026-09"),
    filled(SilverTransferDeclarations, supplier_customer_id="closed mall", billing_month="2026-08"),
]
SUPPLIED = [month("mall"), month("building"), month("closed mall")]
OF_MONTHS: Version = {
    GoldBillingSupplies: SUPPLIED,
    SilverCustomers: [],
    SilverTransferDeclarations: DECLARED,
}


def with_rows(version: Version, table: type[Table], *rows: pa.Table) -> Version:
    """The same with rows in the place of those with their key, each in a file of its own."""
    keys = [tuple(row.select(list(table.key())).to_pylist()[0].values()) for row in rows]
    stays = [
        row
        for row in version.get(table, ())
        if tuple(row.select(list(table.key())).to_pylist()[0].values()) not in keys
    ]
    return {**version, table: [*stays, *rows]}


def test_a_table_changes_with_its_files_and_all_have_where_no_run_is_known(two: Two) -> None:
    later = with_rows(OF_DAYS, GoldDayEnergy, day("building", SEPTEMBER, CAME))
    assert changed_sources(asked(two, OF_DAYS, OF_DAYS)) == set()
    assert changed_sources(asked(two, OF_DAYS, later)) == {GoldDayEnergy}
    assert changed_sources(replace(asked(two, OF_DAYS, OF_DAYS), previous=None)) == set(OF_DAYS)


def test_rows_copied_into_another_file_do_not_differ(two: Two) -> None:
    copied = {**OF_DAYS, GoldDayEnergy: [day("payer", SEPTEMBER), *ENERGY[1:]]}
    inputs = asked(two, OF_DAYS, copied)
    assert changed_sources(inputs) == {GoldDayEnergy}
    assert differing_rows(inputs, GoldDayEnergy).num_rows == 0
    assert not reaches_indicators(inputs)
    assert not reaches_baselines(inputs)


@pytest.mark.parametrize(
    ("row", "reached"),
    [
        (day("building", SEPTEMBER, CAME), False),
        (day("payer", SEPTEMBER, CAME), True),
        (day("building", SEPTEMBER, CAME, deducted_customer_id="payer"), True),
        (day(None, SEPTEMBER, CAME), False),
    ],
)
def test_indicators_are_reached_by_energy_of_those_who_pay(two: Two, row: pa.Table, reached: bool) -> None:
    later = with_rows(OF_DAYS, GoldDayEnergy, row)
    assert reaches_indicators(asked(two, OF_DAYS, later)) is reached


def test_a_day_that_was_a_payers_until_now_reaches_the_indicators(two: Two) -> None:
    moved = day("building", SEPTEMBER, CAME, meter_point_id="MP-payer")
    later = with_rows(OF_DAYS, GoldDayEnergy, moved)
    assert reaches_indicators(asked(two, OF_DAYS, later))
    gone = {**OF_DAYS, GoldDayEnergy: ENERGY[1:]}
    assert reaches_indicators(asked(two, OF_DAYS, gone))


@pytest.mark.parametrize(
    ("row", "reached"),
    [
        (day("building", SEPTEMBER, CAME), False),
        (day("building", AUGUST, CAME), True),
        (day("building", AUGUST, CAME, channel_code="reactive_inductive"), False),
        (day("another", AUGUST, CAME), True),
    ],
)
def test_baselines_are_reached_by_days_before_the_billed_month(
    two: Two, row: pa.Table, reached: bool
) -> None:
    later = with_rows(OF_DAYS, GoldDayEnergy, row)
    assert reaches_baselines(asked(two, OF_DAYS, later)) is reached


def test_baselines_without_a_reference_end_are_reached_by_every_day(two: Two) -> None:
    later = with_rows(OF_DAYS, GoldDayEnergy, day("building", SEPTEMBER, CAME))
    assert reaches_baselines(replace(asked(two, OF_DAYS, later), months=()))


@pytest.mark.parametrize(
    ("row", "reached"),
    [
        (month("building", run=CAME), False),
        (month("mall", run=CAME), True),
        (month("mall", "2026-08", run=CAME), False),
        (month("closed mall", run=CAME), False),
        (month("tenant", run=CAME), False),
    ],
)
def test_codes_are_reached_by_supplies_of_suppliers(two: Two, row: pa.Table, reached: bool) -> None:
    later = with_rows(OF_MONTHS, GoldBillingSupplies, row)
    assert reaches_codes(asked(two, OF_MONTHS, later)) is reached


def test_a_supply_that_is_gone_reaches_the_codes(two: Two) -> None:
    gone = {**OF_MONTHS, GoldBillingSupplies: SUPPLIED[1:]}
    assert reaches_codes(asked(two, OF_MONTHS, gone))


def test_what_is_asked_of_the_codes_is_what_their_step_reads(two: Two) -> None:
    (step,) = [step for step in STEPS if isinstance(step, Step)]
    assert set(OF_MONTHS) == set(step.reads)
    assert step.is_reached is reaches_codes


@pytest.mark.parametrize(
    ("reaches", "version", "table"),
    [
        (reaches_indicators, OF_DAYS, SilverPayments),
        (reaches_baselines, OF_DAYS, SilverWeather),
        (reaches_codes, OF_MONTHS, SilverTransferDeclarations),
        (reaches_codes, OF_MONTHS, SilverCustomers),
    ],
)
def test_any_other_table_that_changes_reaches_them_all(
    two: Two, reaches: Callable[[Inputs], bool], version: Version, table: type[Table]
) -> None:
    later = {**version, table: [*version[table], filled(table)]}
    assert reaches(asked(two, version, later))
