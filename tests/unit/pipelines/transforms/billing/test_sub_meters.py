"""Sub-meters and shares that do not lie where the contract says, are not read, or belong to nobody: named or
refused, never billed twice.

September 2026: M counts 100 kWh a day (3,000), the sub-meter N 30 kWh a day (900). All are shops in one part
without time of use.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.supplies import METER, SHOP, WORKS, World, curves, registers

D = Decimal
SUB = METER | {"meter_point_id": "N", "parent_meter_point_id": "M"}
TENANT = SHOP | {"customer_id": "T"}
SHARE: dict[str, Any] = {
    "share_id": "S",
    "valid_from_date": date(2026, 1, 1),
    "main_meter_point_id": "M",
    "section_name": "shop",
    "customer_class_code": "general_commercial",
    "voltage_level_code": "1_to_20kv",
    "is_time_of_use": False,
    "provenance": "simulated",
}
BY_SUB = SHARE | {"sub_meter_point_id": "N"}
BOTH = [*registers("100.00"), *registers("30.00", "N")]


def energy_by_section(world: World, customer: str = "C") -> dict[str, Decimal]:
    """The energy that pays the funds, by section. [kWh]"""
    return {line[0]: line[4] for line in world.lines(customer) if line[2] == "funds"}


def is_refused(world: World, *reasons: str, customer: str = "C") -> bool:
    account = world.account(customer)
    return (account.lacks, account.supply) == (reasons, None)


@pytest.mark.parametrize("customer", ["C", None])
def test_a_part_metered_behind_its_main_meter_is_billed_once(customer: str | None) -> None:
    world = World([SHOP], [METER, SUB | {"customer_id": customer}], BOTH, (), [BY_SUB])
    assert energy_by_section(world) == {"": D(2100), "shop": D(900)}


def test_a_part_metered_elsewhere_is_refused_rather_than_billed_twice() -> None:
    """Without the parent M's 3,000 kWh are known to hold nothing of N's 900."""
    assert is_refused(
        World([SHOP], [METER, SUB | {"parent_meter_point_id": None}], BOTH, (), [BY_SUB]), "sub_meter"
    )


def test_a_part_that_is_another_customers_is_refused_here_and_billed_there() -> None:
    world = World([SHOP, TENANT], [METER, SUB | {"customer_id": "T"}], BOTH, (), [BY_SUB])
    assert is_refused(world, "sub_meter")
    assert energy_by_section(world, "T") == {"": D(900)}


def first_days(count: int) -> list[dict[str, Any]]:
    """N read on the first days of the month alone."""
    return registers("30.00", "N", last=date(2026, 9, count))


@pytest.mark.parametrize(
    ("count", "energy", "lacks", "days"),
    [(30, 2100, (), 0), (29, 2130, ("sub_meter_days",), 1), (10, 2700, ("sub_meter_days",), 20)],
)
def test_days_on_which_a_tenant_was_not_read_are_named_on_the_bill_that_pays_them(
    count: int, energy: int, lacks: tuple[str, ...], days: int
) -> None:
    world = World(
        [SHOP, TENANT], [METER, SUB | {"customer_id": "T"}], [*registers("100.00"), *first_days(count)]
    )
    account = world.account()
    assert (account.energy_kwh, account.behind_lacks, account.missing_days) == (
        D(energy),
        lacks,
        days,
    )


def test_a_tenant_who_was_not_read_at_all_is_named() -> None:
    points = [METER, SUB | {"customer_id": "T"}]
    account = World([SHOP, TENANT], points, registers("100.00")).account()
    assert (account.energy_kwh, account.behind_lacks, account.missing_days) == (
        D(3000),
        ("sub_meter_days",),
        30,
    )
    # From October on there is a tenant: September is whole.
    later = World(
        [SHOP, TENANT],
        [METER, SUB | {"customer_id": "T", "valid_from_date": date(2026, 10, 1)}],
        registers("100.00"),
    ).account()
    assert (later.behind_lacks, later.missing_days) == ((), 0)
    # Nobody else is billed through it: M counts all.
    own = World([SHOP], [METER, SUB], registers("100.00")).account()
    assert (own.behind_lacks, own.missing_days) == ((), 0)


def test_a_tenant_behind_an_own_sub_meter_that_was_not_read_is_deducted() -> None:
    between = SUB | {"meter_point_id": "N1", "customer_id": None}
    tenant = SUB | {"customer_id": "T", "parent_meter_point_id": "N1"}
    world = World([SHOP, TENANT], [METER, between, tenant], BOTH)
    assert world.account().energy_kwh == D(2100)


@pytest.mark.parametrize(("count", "lacks"), [(30, ()), (10, ("sub_meter_days",))])
def test_days_on_which_an_own_part_was_not_read_are_named(count: int, lacks: tuple[str, ...]) -> None:
    world = World([SHOP], [METER, SUB], [*registers("100.00"), *first_days(count)], (), [BY_SUB])
    assert energy_by_section(world) == {"": D(3000 - 30 * count), "shop": D(30 * count)}
    assert world.account().behind_lacks == lacks


def test_a_year_that_is_not_known_of_a_part_with_tiers_is_named() -> None:
    household = BY_SUB | {"customer_class_code": "residential"}
    known = World(
        [SHOP],
        [METER, SUB],
        [*registers("100.00"), *registers("30.00", "N", first=date(2026, 1, 1))],
        (),
        [household],
    )
    assert known.account().behind_lacks == ()
    assert World([SHOP], [METER, SUB], BOTH, (), [household]).account().behind_lacks == ("year_to_date",)


@pytest.mark.parametrize(("began", "is_known"), [(date(2026, 9, 30), True), (date(2026, 10, 1), False)])
def test_a_tenant_without_terms_in_the_month_is_not_deducted_to_nobody(began: date, is_known: bool) -> None:
    world = World([SHOP, TENANT | {"valid_from_date": began}], [METER, SUB | {"customer_id": "T"}], BOTH)
    assert is_refused(world, "sub_meter") != is_known
    if is_known:
        assert (energy_by_section(world), energy_by_section(world, "T")) == ({"": D(2100)}, {"": D(900)})
    assert is_refused(World([SHOP], [METER, SUB | {"customer_id": "T"}], BOTH), "sub_meter")


def test_a_share_of_what_an_own_sub_meter_counts_is_refused_rather_than_left_out() -> None:
    """A fifth of N's 900 kWh; the same share of the main meter's 3,000 is 600."""
    share = SHARE | {"share_ratio": D("0.2")}
    of_sub = share | {"main_meter_point_id": "N"}
    assert is_refused(World([SHOP], [METER, SUB], BOTH, (), [of_sub]), "sub_meter")
    assert is_refused(World([SHOP], [METER, SUB], registers("100.00"), (), [of_sub]), "sub_meter"), (
        "whether it was read or not"
    )
    assert energy_by_section(World([SHOP], [METER, SUB], BOTH, (), [share])) == {"": D(2400), "shop": D(600)}
    ended = of_sub | {"ended_date": date(2026, 8, 31)}
    assert energy_by_section(World([SHOP], [METER, SUB], BOTH, (), [ended])) == {"": D(3000)}
    # Behind a tenant's sub-meter it is the tenant's own affair: 900 less a fifth.
    tenants = World([SHOP, TENANT], [METER, SUB | {"customer_id": "T"}], BOTH, (), [of_sub])
    assert (energy_by_section(tenants), energy_by_section(tenants, "T")) == (
        {"": D(2100)},
        {"": D(720), "shop": D(180)},
    )


def test_a_metered_part_behind_a_metered_part_is_refused() -> None:
    inner = SUB | {"meter_point_id": "N2", "parent_meter_point_id": "N"}
    shares = [BY_SUB, BY_SUB | {"share_id": "S2", "sub_meter_point_id": "N2", "section_name": "kiosk"}]
    settled = [*BOTH, *registers("10.00", "N2")]
    assert is_refused(World([SHOP], [METER, SUB, inner], settled, (), shares), "sub_meter")
    beside = World([SHOP], [METER, SUB, inner | {"parent_meter_point_id": "M"}], settled, (), shares)
    assert energy_by_section(beside) == {"": D(1800), "shop": D(900), "kiosk": D(300)}


@pytest.mark.parametrize("between", [False, True])
def test_a_tenant_behind_a_metered_part_is_taken_out_of_that_part(between: bool) -> None:
    """N counts 900 kWh, 300 of them the tenant's, whether directly or behind a sub-meter that no share
    names.
    """
    own = SUB | {"meter_point_id": "N1", "parent_meter_point_id": "N"}
    tenant = SUB | {
        "meter_point_id": "X",
        "customer_id": "T",
        "parent_meter_point_id": "N1" if between else "N",
    }
    settled = [*BOTH, *registers("20.00", "N1"), *registers("10.00", "X")]
    world = World([SHOP, TENANT], [METER, SUB, own, tenant], settled, (), [BY_SUB])
    assert (energy_by_section(world), energy_by_section(world, "T")) == (
        {"": D(2100), "shop": D(600)},
        {"": D(300)},
    )


ELEVENTH = date(2026, 9, 11)


@pytest.mark.parametrize(
    ("changed", "day", "is_whole"),
    [
        ({"customer_id": "T"}, ELEVENTH, False),  # a tenant moves in behind M
        ({"customer_id": "T"}, date(2026, 9, 1), True),
        ({"customer_id": "T"}, date(2026, 9, 30), False),
        ({"customer_id": "T"}, date(2026, 10, 1), True),
        ({"parent_meter_point_id": None}, ELEVENTH, False),  # N gets a line of its own
        ({"customer_id": None}, ELEVENTH, True),  # named or not, it is C's
        ({"meter_id": "D2"}, ELEVENTH, True),  # an exchange of the device
    ],
)
def test_a_meter_that_changes_hands_or_place_inside_the_month_is_refused(
    changed: dict[str, Any], day: date, is_whole: bool
) -> None:
    world = World([SHOP, TENANT], [METER, SUB, SUB | {"valid_from_date": day} | changed], BOTH)
    assert is_refused(world, "meter_reassigned") != is_whole


def test_a_main_meter_that_changes_hands_is_refused_on_both_sides() -> None:
    """M2 is C's until the tenth and T's from the eleventh; C keeps M."""
    second = METER | {"meter_point_id": "M2"}
    points = [METER, second, second | {"valid_from_date": ELEVENTH, "customer_id": "T"}]
    world = World([SHOP, TENANT], points, [*registers("100.00"), *registers("30.00", "M2")])
    assert is_refused(world, "meter_reassigned")
    assert is_refused(world, "meter_reassigned", customer="T")
    installed = World(
        [SHOP],
        [METER, second | {"valid_from_date": ELEVENTH}],
        [*registers("100.00"), *registers("30.00", "M2", first=ELEVENTH)],
    )
    assert energy_by_section(installed) == {"": D(3600)}


SIXTEENTH, TWENTIETH = date(2026, 9, 16), date(2026, 9, 20)


def test_a_main_meter_that_is_not_there_yet_has_no_part_in_the_demand() -> None:
    """M runs on 100 kW; M2 begins on the 20th with 300 kW; the capacity is reduced on the 16th. 151,200 kWh /
    650 kVA: no discount.
    """
    terms = WORKS | {"demand_basis_code": "actual_demand"}
    later = terms | {
        "valid_from_date": SIXTEENTH,
        "contract_capacity_kva": 500.0,
        "running_capacity_kva": 500.0,
    }
    second = METER | {"meter_point_id": "M2", "valid_from_date": TWENTIETH}
    settled = [*registers("2400.00"), *registers("7200.00", "M2", first=TWENTIETH)]
    seen = [*curves(100), *(row for row in curves(300, "M2") if row["curve_date"] >= TWENTIETH)]
    world = World([terms, later], [METER, second], settled, seen)
    assert [segment.max_demand_kw for segment in world.account().supply.segments] == [D(100), D(400)]  # type: ignore[union-attr]
    # The month's highest demand bills a month in which the capacity changes (R17): 400 x 47.2.
    assert [line for line in world.lines() if line[2] == "basic_demand"] == [
        ("", 0, "basic_demand", "", D(400), D("18880.00"))
    ]
    # A line that counted energy without a curve leaves the sum unknown.
    unseen = World(
        [terms, later], [METER, second], [*registers("2400.00"), *registers("7200.00", "M2")], seen
    )
    assert [segment.max_demand_kw for segment in unseen.account().supply.segments] == [None, D(400)]  # type: ignore[union-attr]
