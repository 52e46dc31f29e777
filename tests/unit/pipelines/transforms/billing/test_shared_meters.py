"""Shares and sub-meters of a supply: what they take out of the main part, and who is billed for it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from pipelines.tables.silver import SilverDayCurves, SilverMeterPoints, SilverRegisterEnergy
from pipelines.transforms.days.day_energy import derive_day_energy
from tests.supplies import FACTS, METER, SEPTEMBER, SHOP, WORKS, World, curves, registers, rows_of
from tests.unit.pipelines.transforms.billing.terms_in_a_month import (
    ELEVENTH,
    SHARE,
    SUB,
    energy_lines,
    funds_from_the_sixteenth,
)

D = Decimal


def test_a_fixed_share_and_a_fixed_quantity_are_taken_out_of_the_main_part() -> None:
    """72,000 kWh: a fifth is a dormitory's (14,400 at 0.538), 3,000 kWh a shop's; 54,600 are left of every
    period in proportion (91/120).
    """
    shop = SHARE | {
        "share_id": "T",
        "section_name": "shop",
        "share_kwh": D(3000),
        "customer_class_code": "general_commercial",
        "is_combined_meter": None,
    }
    world = World(
        [WORKS], [METER], registers("2400.00"), curves(100), [SHARE | {"share_ratio": D("0.2")}, shop]
    )
    # Of 21,000, 21,000 and 30,000 kWh: less 4,200, 4,200, 6,000; less 875, 875, 1,250.
    left = energy_lines(
        "",
        0,
        "15925",
        "15925",
        "22750",
        ["15467.16", "8360.63", "4777.50", "1990.63", "1990.63", "2843.75", "465.63", "465.63", "665.18"],
    )
    assert world.lines() == [
        *left,
        ("shop", 0, "energy_base", "", D(3000), D("1575.00")),
        ("shop", 0, "transmission", "", D(3000), D("634.20")),
        ("shop", 0, "funds", "", D(3000), D("87.72")),
        ("dormitory", 0, "tier_1", "", D(14400), D("7747.20")),
        ("", 0, "basic_capacity", "", D(800), D("23600.00")),
    ]
    assert world.account().energy_kwh == D(72000)


def test_a_share_that_begins_inside_the_month_holds_for_its_days() -> None:
    """From the eleventh on: a fifth of 48,000 kWh, and 20/30 of 3,000 kWh."""
    ratio = SHARE | {"share_ratio": D("0.2"), "valid_from_date": ELEVENTH}
    quantity = SHARE | {
        "share_id": "T",
        "section_name": "hostel",
        "share_kwh": D(3000),
        "valid_from_date": ELEVENTH,
    }
    world = World([WORKS], [METER], registers("2400.00"), curves(100), [ratio, quantity])
    assert [line[:2] + line[4:] for line in world.lines() if line[2] == "tier_1"] == [
        ("dormitory", 11, D(9600), D("5164.80")),
        ("hostel", 11, D(2000), D("1076.00")),
    ]
    # The main part stays one line a period: its contract and prices are the same all month. 2,000 kWh of 14 :
    # 14 : 20 are 583.34, 583.33, 833.33.
    assert [line[4] for line in world.lines() if line[2] == "funds"] == [
        D("17616.66"),
        D("17616.67"),
        D("25166.67"),
    ]
    ended = World(
        [WORKS],
        [METER],
        registers("2400.00"),
        curves(100),
        [SHARE | {"share_ratio": D("0.2"), "ended_date": date(2026, 9, 10)}],
    )
    assert [line[4] for line in ended.lines() if line[2] == "tier_1"] == [D(4800)]
    over = World(
        [WORKS],
        [METER],
        registers("2400.00"),
        curves(100),
        [SHARE | {"share_ratio": D("0.2"), "ended_date": date(2026, 8, 31)}],
    )
    assert over.supply().is_whole


def test_a_residential_sub_meter_has_tiers_over_its_own_year() -> None:
    """A household behind the works: 10 kWh a day until August (2,430), 20 in September (600): 330 to 2,760
    and 270 above.
    """
    household = SHARE | {
        "sub_meter_point_id": "SUB",
        "is_combined_meter": None,
        "voltage_level_code": "below_1kv",
        "section_name": "household",
    }
    settled = [
        *registers("2400.00"),
        *registers(lambda day: "10.00" if day.month < 9 else "20.00", "SUB", first=date(2026, 1, 1)),
    ]
    world = World([WORKS], [METER, SUB], settled, curves(100), [household])
    row = next(
        row
        for row in world.determinants
        if row["meter_point_id"] == "SUB" and row["billing_month"] == "2026-09"
    )
    assert (row["customer_id"], row["year_to_date_kwh"], row["parent_meter_point_id"]) == ("C", D(2430), "M")
    assert "year_to_date" not in row["missing_inputs"]
    lines = world.lines()
    # 330 x 0.538 and 270 x 0.588; 600 kWh less for the main part.
    assert [line for line in lines if line[0]] == [
        ("household", 0, "tier_1", "", D(330), D("177.54")),
        ("household", 0, "tier_2", "", D(270), D("158.76")),
    ]
    assert sum(line[4] for line in lines if line[2] == "funds" and not line[0]) == D(71400)
    assert world.account().energy_kwh == D(72000)


def test_a_year_that_is_not_known_whole_is_named() -> None:
    home = SHOP | {
        "customer_class_code": "residential",
        "voltage_level_code": "below_1kv",
        "opened_date": date(2025, 5, 1),
    }
    world = World([home], [METER], registers("10.00", first=date(2026, 8, 1)))
    assert "year_to_date" in world.determinants[-1]["missing_inputs"]
    began = World(
        [home | {"opened_date": date(2026, 8, 1)}], [METER], registers("10.00", first=date(2026, 8, 1))
    )
    assert "year_to_date" not in began.determinants[-1]["missing_inputs"]
    # Five months of supply: 2,760 x 5/12 = 1,150 kWh in tier 1; 310 + 300 are inside.
    assert [line[2:] for line in began.lines()] == [("tier_1", "", D(300), D("161.40"))]


def test_another_customers_sub_meter_is_deducted_here_and_billed_there() -> None:
    tenant = SHOP | {"customer_id": "T"}
    sub = SUB | {"customer_id": "T"}
    world = World(
        [WORKS, tenant], [METER, sub], [*registers("2400.00"), *registers("240.00", "SUB")], curves(100)
    )
    # 72,000 - 7,200, a tenth of every period.
    assert [line[4] for line in world.lines() if line[2] == "funds"] == [D(18900), D(18900), D(27000)]
    assert world.account().energy_kwh == D(64800)
    assert world.lines("T") == [
        ("", 0, "energy_base", "", D(7200), D("3780.00")),
        ("", 0, "transmission", "", D(7200), D("1522.08")),
        ("", 0, "funds", "", D(7200), D("210.52")),
    ]


def test_what_changes_for_the_tenant_cuts_the_main_meter_but_not_its_bill() -> None:
    tenant = SHOP | {"customer_id": "T"}
    world = World(
        [WORKS, tenant, tenant | {"valid_from_date": ELEVENTH, "voltage_level_code": "below_1kv"}],
        [METER, SUB | {"customer_id": "T"}],
        [*registers("2400.00"), *registers("240.00", "SUB")],
        curves(100),
    )
    assert len(world.segments) == 4
    assert {line[1] for line in world.lines()} == {0}
    assert [line[4] for line in world.lines("T") if line[2] == "energy_base"] == [D(2400), D(4800)]


def test_a_sub_meter_that_no_share_names_is_counted_once() -> None:
    world = World([WORKS], [METER, SUB], [*registers("2400.00"), *registers("240.00", "SUB")], curves(100))
    assert world.account().energy_kwh == D(72000)
    assert world.supply().is_whole


@pytest.mark.parametrize(("kwh", "lacks"), [(D(72000), ()), (D("72000.01"), ("shares_above_main",))])
def test_parts_that_need_more_than_the_main_meter_counted_are_not_priced(
    kwh: Decimal, lacks: tuple[str, ...]
) -> None:
    world = World([WORKS], [METER], registers("2400.00"), curves(100), [SHARE | {"share_kwh": kwh}])
    assert world.account().lacks == lacks
    assert (world.account().supply is None) == bool(lacks)


def test_a_share_of_a_meter_that_was_not_read_is_not_priced() -> None:
    world = World(
        [WORKS], [METER, SUB], registers("2400.00"), curves(100), [SHARE | {"sub_meter_point_id": "SUB"}]
    )
    assert (world.account().supply, world.account().lacks) == (None, ("sub_meter",))


def test_the_tenants_prices_do_not_cut_the_bill_of_a_household_before_the_meter() -> None:
    """The main account is residential; behind it a shop whose funds change on the sixteenth is billed by
    itself.
    """
    home = SHOP | {
        "customer_class_code": "residential",
        "voltage_level_code": "below_1kv",
        "opened_date": SEPTEMBER.first_day,
    }
    shop = SHOP | {"customer_id": "T"}
    settled = [*registers("20.00"), *registers("5.00", "SUB")]
    world = World(
        [home, shop], [METER, SUB | {"customer_id": "T"}], settled, facts=funds_from_the_sixteenth(FACTS)
    )
    # 600 - 150 kWh; limits of four months: 920 kWh.
    assert world.lines() == [("", 0, "tier_1", "", D(450), D("242.10"))]
    assert [line[1:2] + line[4:] for line in world.lines("T") if line[2] == "funds"] == [
        (1, D(75), D("2.19")),
        (16, D(75), D("2.25")),
    ]


def test_days_of_a_sub_meter_count_for_its_own_customer_alone() -> None:
    """The main meter counts 100 kWh; 20 of them are the tenant's, 5 and 3 the main customer's own, once named
    so and once without a customer.
    """
    points = [
        METER,
        SUB | {"customer_id": "T"},
        SUB | {"meter_point_id": "OWN", "customer_id": "C"},
        SUB | {"meter_point_id": "NONE"},
        METER | {"meter_point_id": "FREE", "customer_id": None},
    ]
    one = {"first": ELEVENTH, "last": ELEVENTH}
    settled = [
        *registers("100.00", **one),
        *registers("20.00", "SUB", **one),
        *registers("5.00", "OWN", **one),
        *registers("3.00", "NONE", **one),
        *registers("7.00", "FREE", **one),
    ]
    tables = (
        rows_of(SilverRegisterEnergy, settled),
        rows_of(SilverDayCurves, []),
        rows_of(SilverMeterPoints, points),
    )
    days = {
        row["meter_point_id"]: (row["customer_id"], row["deducted_customer_id"])
        for row in derive_day_energy(*tables).to_pylist()
    }
    assert days == {
        "M": ("C", None),
        "SUB": ("T", "C"),
        "OWN": (None, None),
        "NONE": (None, None),
        "FREE": (None, None),
    }


def test_a_sub_meter_with_a_curve_is_deducted_hour_by_hour() -> None:
    """The tenant, without time of use, takes 100 kW from 16:00 to 18:00 alone: 200 kWh a day of the peak; so
    it is with a part from the eleventh.
    """
    evening = [100.0 if 64 <= slot < 72 else 0.0 for slot in range(96)]
    tenant = SHOP | {"customer_id": "T"}
    sub = SUB | {"customer_id": "T"}
    settled = [*registers("2400.00"), *registers("200.00", "SUB")]
    every = [*curves(100), *curves(lambda _day: evening, "SUB")]
    world = World([WORKS, tenant], [METER, sub], settled, every)
    assert [line[4] for line in world.lines() if line[2] == "funds"] == [D(15000), D(21000), D(30000)]
    smaller = WORKS | {"valid_from_date": ELEVENTH, "running_capacity_kva": 500.0}
    cut = World([WORKS, smaller, tenant], [METER, sub], settled, every)
    assert [line[4] for line in cut.lines() if line[2] == "funds"] == [
        D(5000),
        D(7000),
        D(10000),
        D(10000),
        D(14000),
        D(20000),
    ]
    # Half of what the main meter counts at the peak lies elsewhere by its own curve: then the part is taken
    # from all periods.
    morning = [200.0 if 28 <= slot < 40 else 0.0 for slot in range(96)]
    odd = World(
        [WORKS, tenant],
        [METER, sub],
        [*registers("600.00"), *registers("200.00", "SUB")],
        [*curves(lambda _day: morning), *curves(lambda _day: evening, "SUB")],
    )
    assert [line[4] for line in odd.lines() if line[2] == "funds"] == [D(12000)]
