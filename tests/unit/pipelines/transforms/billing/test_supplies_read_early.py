"""Supplies that are read on the 25th: parts behind the meter, losses, changes; 100 kWh a day from 20 July to
25 September 2026, 30 of them behind a sub-meter.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from pipelines.periods import BillingMonth, BillingPeriod
from tests.supplies import METER, SEPTEMBER, SHOP, WORKS, World, registers
from tests.unit.pipelines.transforms.billing.terms_in_a_month import SHARE

D = Decimal
READ = BillingPeriod(SEPTEMBER, date(2026, 8, 26), date(2026, 9, 25))
EARLY = SHOP | {"reading_day": 25}
SUB = METER | {"meter_point_id": "N", "parent_meter_point_id": "M", "customer_id": "T"}
TENANT = SHOP | {"customer_id": "T"}


def counted(kwh: str, point: str = "M", last: date = READ.last_day) -> list[dict[str, Any]]:
    return registers(kwh, point, first=date(2026, 7, 20), last=last)


def energies(world: World, customer: str = "C") -> list[tuple[str, int, Decimal]]:
    """Section, month of the first day and energy of each segment."""
    segments = world.supply(customer).segments
    return [(each.section, each.first_day.month, each.energy_kwh) for each in segments]


def test_the_calendar_months_of_a_period_stay_apart() -> None:
    world = World([EARLY], [METER], counted("100.00"))
    assert world.supply().period == READ
    assert energies(world) == [("", 8, D(600)), ("", 9, D(2500))]
    row = next(row for row in world.determinants if row["billing_month"] == "2026-09")
    assert (row["metered_days"], row["month_days"], row["energy_kwh"]) == (31, 31, D(3100))
    assert "missing_days" not in row["missing_inputs"]
    assert {row["basis_code"] for row in world.segments} == {"registers"}


def test_a_missing_day_is_one_of_the_period() -> None:
    world = World([EARLY], [METER], counted("100.00", last=date(2026, 9, 20)))
    row = next(row for row in world.determinants if row["billing_month"] == "2026-09")
    assert (row["metered_days"], row["month_days"]) == (26, 31)
    assert "missing_days" in row["missing_inputs"]
    assert world.account().missing_days == 5


def test_a_share_and_a_tenant_read_on_the_same_day_are_taken_out() -> None:
    """310 kWh agreed for a month, 31 of 31 days; 930 of the tenant."""
    share = SHARE | {"share_kwh": D(310)}
    tenant = TENANT | {"reading_day": 25}
    both = [*counted("100.00"), *counted("30.00", "N")]
    world = World([EARLY, tenant], [METER, SUB], both, (), [share])
    assert sum(energy for section, _, energy in energies(world) if section) == D(310)
    assert sum(energy for section, _, energy in energies(world) if not section) == D(3100 - 930 - 310)
    assert world.supply("T").energy_kwh == D(930)


@pytest.mark.parametrize(("main", "sub"), [(25, None), (None, 25), (25, 20)])
def test_a_tenant_read_on_another_day_leaves_the_main_meter_without_a_price(
    main: int | None, sub: int | None
) -> None:
    customers = [SHOP | {"reading_day": main}, TENANT | {"reading_day": sub}]
    both = [
        *counted("100.00", last=SEPTEMBER.last_day),
        *counted("30.00", "N", last=SEPTEMBER.last_day),
    ]
    world = World(customers, [METER, SUB], both)
    account = world.account()
    assert (account.lacks, account.supply) == (("reading_days",), None)
    assert world.account("T").lacks == ()


def test_an_own_sub_meter_is_read_with_the_main_one() -> None:
    share = SHARE | {"sub_meter_point_id": "N"}
    both = [*counted("100.00"), *counted("30.00", "N")]
    world = World([EARLY], [METER, SUB | {"customer_id": None}], both, (), [share])
    assert sum(energy for section, _, energy in energies(world) if section) == D(930)


def test_a_meter_that_changes_its_customer_inside_the_period_is_refused() -> None:
    other = SHOP | {"customer_id": "A"}
    points = [METER | {"customer_id": "A"}, METER | {"valid_from_date": date(2026, 9, 1)}]
    world = World([EARLY, other], points, counted("100.00"))
    # Its reading day was the month's last one till then, so the first period begins with the customer.
    account = world.account()
    assert account.period == BillingPeriod(SEPTEMBER, date(2026, 9, 1), date(2026, 9, 25))
    late = [METER | {"customer_id": "A"}, METER | {"valid_from_date": date(2026, 9, 10)}]
    world = World([EARLY, other | {"reading_day": 25}], late, counted("100.00"))
    assert world.account().lacks == ("meter_reassigned",)


def test_a_transformer_takes_its_no_load_loss_on_every_day_of_the_period() -> None:
    """1 kW on 31 days of 24 hours, and 10 kW at rated load, of which next to nothing."""
    plate = {"transformer_rated_kva": 1000.0, "transformer_no_load_kw": 1.0, "transformer_load_kw": 10.0}
    world = World([EARLY], [METER | plate], counted("100.00"))
    row = next(row for row in world.determinants if row["billing_month"] == "2026-09")
    assert row["transformer_loss_kwh"] == pytest.approx(D(744), abs=D("0.5"))
    assert sum(energy for _, _, energy in energies(world)) == D(3100) + row["transformer_loss_kwh"]


def test_the_first_period_of_a_new_reading_day_costs_thirtieths() -> None:
    """800 kVA at 29.5 CNY, 25 of 30 days."""
    works = WORKS | {"is_time_of_use": False}
    terms = [works, works | {"valid_from_date": date(2026, 9, 1), "reading_day": 25}]
    world = World(terms, [METER], counted("100.00"))
    assert world.supply(month=BillingMonth(2026, 8)).period is None
    period = world.supply().period
    assert period is not None
    assert (period.first_day, period.is_one_month) == (date(2026, 9, 1), False)
    charged = {line.component.value: line.amount_cny for line in world.priced().lines}
    assert charged["basic_capacity"] == D("19666.67")
    assert "period_by_days" in {note.value for note in world.priced().notes}


def test_terms_that_change_on_the_first_of_a_month_cut_the_period() -> None:
    terms = [WORKS, WORKS | {"valid_from_date": date(2026, 9, 1), "running_capacity_kva": 500.0}]
    plain = {"is_time_of_use": False, "reading_day": 25}
    world = World([row | plain for row in terms], [METER], counted("100.00"))
    capacities = [each.contract.running_capacity_kva for each in world.supply().segments]
    assert capacities == [D("800.0"), D("500.0")]
