"""From registers, curves and terms to the lines of a bill, each by hand: months that change inside, parts
behind a main meter, losses, tiers.

September 2026 has seven hours a day of peak, seven of flat and ten of valley; prices at 1 to 20 kV: energy
base 0.5250 (peak x 1.85, valley x 0.4),
transmission 0.1250 two-part and 0.2114 single-part, funds 0.02923875, capacity 29.5 CNY/kVA, demand 47.2
CNY/kW.
"""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from pipelines.facts import Facts
from pipelines.periods import BillingMonth
from pipelines.tables.silver import SilverDayCurves, SilverMeterPoints, SilverRegisterEnergy
from pipelines.transforms.days.day_energy import derive_day_energy
from tests.supplies import FACTS, METER, SEPTEMBER, SHOP, WORKS, World, curves, registers, rows_of

D = Decimal
ELEVENTH, SIXTEENTH = date(2026, 9, 11), date(2026, 9, 16)


def energy_lines(
    section: str, day: int, peak: str, flat: str, valley: str, amounts: list[str], third: str = "transmission"
) -> list[tuple[Any, ...]]:
    parts = [("peak", D(peak)), ("flat", D(flat)), ("valley", D(valley))]
    names = [(component, *part) for component in ("energy_base", third, "funds") for part in parts]
    return [(section, day, *name, D(amount)) for name, amount in zip(names, amounts, strict=True)]


# 24,000 kWh of ten days: 7,000 x 0.5250 x 1.85, 7,000 x 0.5250, 10,000 x 0.5250 x 0.4; transmission x 0.1250;
# funds x 0.02923875.
TEN_DAYS = energy_lines(
    "",
    1,
    "7000",
    "7000",
    "10000",
    ["6798.75", "3675.00", "2100.00", "875.00", "875.00", "1250.00", "204.67", "204.67", "292.39"],
)
TWENTY_DAYS = energy_lines(
    "",
    11,
    "14000",
    "14000",
    "20000",
    ["13597.50", "7350.00", "4200.00", "1750.00", "1750.00", "2500.00", "409.34", "409.34", "584.78"],
)


def test_a_capacity_reduced_inside_the_month_is_charged_by_its_days() -> None:
    smaller = WORKS | {
        "valid_from_date": ELEVENTH,
        "contract_capacity_kva": 500.0,
        "running_capacity_kva": 500.0,
    }
    world = World([WORKS, smaller], [METER], registers("2400.00"), curves(100))
    # 800 kVA x 10/30 x 29.5 and 500 kVA x 20/30 x 29.5; quantities are carried to six places.
    basic = [
        ("", 1, "basic_capacity", "", D("266.666667"), D("7866.67")),
        ("", 11, "basic_capacity", "", D("333.333333"), D("9833.33")),
    ]
    assert world.lines() == [*TEN_DAYS, *TWENTY_DAYS, *basic]
    assert world.priced().total_cny == D("66526.44")
    assert [
        (row["first_date"].day, row["energy_kwh"], row["max_demand_kw"], row["basis_code"])
        for row in world.segments
    ] == [
        (1, D(24000), 100.0, "curve"),
        (11, D(48000), 100.0, "curve"),
    ]


def test_without_a_curve_the_registers_days_cut_the_month() -> None:
    """Terms of one price and another capacity on a single-part account without time of use: 10 days of 100
    kWh, 20 of 50.
    """
    later = SHOP | {"valid_from_date": ELEVENTH, "voltage_level_code": "below_1kv"}
    world = World([SHOP, later], [METER], registers(lambda day: "100.00" if day < ELEVENTH else "50.00"))
    assert world.lines() == [
        ("", 1, "energy_base", "", D(1000), D("525.00")),
        ("", 1, "transmission", "", D(1000), D("211.40")),
        ("", 1, "funds", "", D(1000), D("29.24")),
        ("", 11, "energy_base", "", D(1000), D("525.00")),
        ("", 11, "transmission", "", D(1000), D("241.20")),
        ("", 11, "funds", "", D(1000), D("29.24")),
    ]
    assert {row["basis_code"] for row in world.segments} == {"registers"}


def test_a_read_over_several_days_is_split_evenly_where_terms_change_inside_it() -> None:
    later = SHOP | {"valid_from_date": ELEVENTH, "voltage_level_code": "below_1kv"}
    settled = [row for row in registers("0.00") if row["energy_date"].day not in (9, 10, 11, 12)]
    missed = registers("1000.00", first=date(2026, 9, 12), last=date(2026, 9, 12))[0] | {"span_days": 4}
    world = World([SHOP, later], [METER], [*settled, missed])
    assert [row["energy_kwh"] for row in world.segments] == [D(500), D(500)]


def test_a_suspended_capacity_costs_its_running_days_and_a_month_of_it_nothing() -> None:
    idle = WORKS | {"valid_from_date": SIXTEENTH, "running_capacity_kva": 0.0}
    world = World(
        [WORKS, idle],
        [METER],
        registers(lambda day: "2400.00" if day < SIXTEENTH else "0.00"),
        curves(lambda day: [100.0 if day < SIXTEENTH else 0.0] * 96),
    )
    basic = [line for line in world.lines() if line[2] == "basic_capacity"]
    assert basic == [("", 1, "basic_capacity", "", D(400), D("11800.00"))]
    whole = World([WORKS | {"running_capacity_kva": 0.0}], [METER], registers("0.00"), curves(0))
    assert whole.account().supply is None
    assert {line[2] for line in whole.lines()} == {"energy_base", "transmission", "funds"}
    assert whole.priced().total_cny == 0


def test_a_supply_that_opens_or_closes_inside_the_month_pays_its_days() -> None:
    opened = World([WORKS | {"opened_date": ELEVENTH}], [METER], registers("2400.00"), curves(100))
    closed = World([WORKS | {"closed_date": date(2026, 9, 10)}], [METER], registers("2400.00"), curves(100))
    assert [line[4] for line in opened.lines() if line[2] == "basic_capacity"] == [D("533.333333")]
    assert [line[4] for line in closed.lines() if line[2] == "basic_capacity"] == [D("266.666667")]
    assert (
        World([WORKS | {"opened_date": date(2026, 9, 1)}], [METER], registers("2400.00"), curves(100))
        .account()
        .determinants.running_days
        is None
    )


def test_a_switch_to_time_of_use_inside_the_month() -> None:
    world = World(
        [SHOP, SHOP | {"valid_from_date": ELEVENTH, "is_time_of_use": True}],
        [METER],
        registers("2400.00"),
        curves(100),
    )
    plain = [
        ("", 1, "energy_base", "", D(24000), D("12600.00")),
        ("", 1, "transmission", "", D(24000), D("5073.60")),
        ("", 1, "funds", "", D(24000), D("701.73")),
    ]
    by_period = energy_lines(
        "",
        11,
        "14000",
        "14000",
        "20000",
        ["13597.50", "7350.00", "4200.00", "2959.60", "2959.60", "4228.00", "409.34", "409.34", "584.78"],
    )
    assert world.lines() == [*plain, *by_period]


def test_terms_that_change_no_price_do_not_cut_the_month() -> None:
    renamed = WORKS | {"valid_from_date": ELEVENTH, "customer_name": "another name"}
    world = World([WORKS, renamed], [METER], registers("2400.00"), curves(100))
    assert (world.segments, world.account().supply) == ([], None)
    assert world.account().terms["customer_name"] == "another name"
    on_the_first = World(
        [WORKS, WORKS | {"valid_from_date": SEPTEMBER.first_day, "running_capacity_kva": 500.0}],
        [METER],
        registers("2400.00"),
        curves(100),
    )
    assert (on_the_first.segments, on_the_first.account().supply) == ([], None)


def test_lines_of_several_meter_points_are_added_and_so_are_their_demands() -> None:
    terms = WORKS | {"demand_basis_code": "contract_demand", "contract_demand_kw": 400.0}
    later = terms | {"valid_from_date": ELEVENTH, "contract_demand_kw": 350.0}
    second = METER | {"meter_point_id": "N"}
    settled = [*registers("2400.00"), *registers("7200.00", "N")]
    world = World([terms, later], [METER, second], settled, [*curves(100), *curves(300, "N")])
    # 400 kW of both lines: within 105 % of 400; 400 - 1.05 x 350 = 32.5 above 367.5. 9,600 kWh x 30 / 800 kVA
    # = 360 kWh/kVA: x 0.9.
    assert [line for line in world.lines() if line[2] in ("basic_demand", "demand_excess")] == [
        ("", 1, "basic_demand", "", D("133.333333"), D("5664.00")),  # 400 x 10/30 x 47.2 x 0.9
        ("", 11, "basic_demand", "", D("233.333333"), D("9912.00")),  # 350 x 20/30
        ("", 11, "demand_excess", "", D("21.666667"), D("1840.80")),  # 32.5 x 20/30 x 2
    ]


SHARE: dict[str, Any] = {
    "share_id": "S",
    "valid_from_date": date(2026, 1, 1),
    "main_meter_point_id": "M",
    "section_name": "dormitory",
    "customer_class_code": "residential",
    "voltage_level_code": "1_to_20kv",
    "is_time_of_use": False,
    "is_combined_meter": True,
    "provenance": "simulated",
}


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
    assert world.account().determinants.energy_kwh == D(72000)


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
    assert over.account().supply is None


SUB = METER | {"meter_point_id": "SUB", "customer_id": None, "parent_meter_point_id": "M"}


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
    assert world.account().determinants.energy_kwh == D(72000)


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
    assert world.account().determinants.energy_kwh == D(64800)
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
    assert world.account().determinants.energy_kwh == D(72000)
    assert world.account().supply is None


@pytest.mark.parametrize(("kwh", "lacks"), [(D(72000), ()), (D("72000.01"), ("shares_above_main",))])
def test_parts_that_need_more_than_the_main_meter_counted_are_not_priced(
    kwh: Decimal, lacks: tuple[str, ...]
) -> None:
    world = World([WORKS], [METER], registers("2400.00"), curves(100), [SHARE | {"share_kwh": kwh}])
    assert world.account().lacks == lacks
    assert (world.account().priced_supply is None) == bool(lacks)


def test_a_share_of_a_meter_that_was_not_read_is_not_priced() -> None:
    world = World(
        [WORKS], [METER, SUB], registers("2400.00"), curves(100), [SHARE | {"sub_meter_point_id": "SUB"}]
    )
    assert (world.account().contract, world.account().lacks) == (None, ("sub_meter",))


def test_the_loss_of_a_transformer_metered_on_its_low_side() -> None:
    """1,000 kVA, 1 kW without load, 10 kW at full load, 0.5 % no-load current, 5 % short circuit, 100 kW and
    no kvar: load 0.1 of rated.

    Active (1 + 0.01 x 10) x 720 h = 792 kWh; reactive (0.005 + 0.01 x 0.05) x 1000 x 720 = 3,960 kvarh.
    """
    plate = METER | {
        "transformer_rated_kva": 1000.0,
        "transformer_no_load_kw": 1.0,
        "transformer_load_kw": 10.0,
        "transformer_no_load_ratio": 0.005,
        "transformer_short_circuit_ratio": 0.05,
    }
    reactive = [
        *registers("0.00", channel="reactive_lagging"),
        *registers("0.00", channel="reactive_leading"),
    ]
    terms = WORKS | {"power_factor_standard_ratio": 0.9}
    world = World([terms], [plate], [*registers("2400.00"), *reactive], curves(100))
    (row,) = world.determinants
    assert (row["energy_kwh"], row["transformer_loss_kwh"], row["transformer_loss_kvarh"]) == (
        D(72000),
        D(792),
        D(3960),
    )
    supply = world.account().priced_supply
    assert supply is not None
    assert (supply.energy_kwh, supply.lagging_kvarh) == (D(72792), D(3960))
    # 21,000 + 231 in peak and flat, 30,000 + 330 in valley; 72,792 / sqrt(72,792^2 + 3,960^2) = 0.9985.
    assert [line[4] for line in world.lines() if line[2] == "funds"] == [D(21231), D(21231), D(30330)]
    assert (row["power_factor_ratio"], world.priced().power_factor) == (D("1.00"), D("1.00"))
    heavy = World(
        [terms],
        [plate],
        [*registers("2400.00"), *registers("1200.00", channel="reactive_lagging"), *reactive[30:]],
        curves(100),
    )
    # 36,000 kvarh: apparent squared 6.48e9 over (720,000)^2 = 0.0125; 1.125 x 720 = 810 kWh, (0.005 +
    # 0.000625) x 720,000 = 4,050 kvarh:
    # 72,810 / sqrt(72,810^2 + 40,050^2) = 0.876; without the loss 72 / sqrt(72^2 + 36^2) = 0.894.
    (row,) = heavy.determinants
    assert (row["transformer_loss_kwh"], row["transformer_loss_kvarh"], row["power_factor_ratio"]) == (
        D(810),
        D(4050),
        D("0.88"),
    )
    assert heavy.priced().power_factor == D("0.88")
    assert World(
        [terms],
        [METER],
        [*registers("2400.00"), *registers("1200.00", channel="reactive_lagging"), *reactive[30:]],
    ).determinants[0]["power_factor_ratio"] == D("0.89")


def test_a_transformer_replaced_or_idle_loses_on_its_own_days() -> None:
    """No-load losses of 1 kW for ten days and 2 kW for twenty; and of 1 kW for the fifteen days before the
    suspension.
    """
    small = METER | {
        "transformer_rated_kva": 1000.0,
        "transformer_no_load_kw": 1.0,
        "transformer_load_kw": 0.0,
    }
    large = small | {"valid_from_date": ELEVENTH, "transformer_no_load_kw": 2.0, "meter_id": "D2"}
    assert World([SHOP], [small, large], registers("100.00")).determinants[0]["transformer_loss_kwh"] == D(
        240 + 960
    )
    idle = WORKS | {"valid_from_date": SIXTEENTH, "running_capacity_kva": 0.0}
    assert World([WORKS, idle], [small], registers("0.00"), curves(0)).determinants[0][
        "transformer_loss_kwh"
    ] == D(360)


def test_energy_fed_in_is_credited_at_the_price_of_the_contract() -> None:
    terms = SHOP | {"export_price_cny_per_kwh": D("0.4153")}
    settled = [*registers("100.00"), *registers("12.34", channel="active_reverse")]
    world = World([terms], [METER], settled)
    # 370.2 x 0.4153 = 153.74406.
    assert world.lines()[-1] == ("", 0, "exported_energy", "", D("370.20"), D("-153.74"))
    unsold = World([SHOP], [METER], settled)
    assert unsold.determinants[0]["exported_kwh"] == D("370.20")
    assert "exported_energy" not in {line[2] for line in unsold.lines()}
    shared = World([terms], [METER], settled, (), [SHARE | {"share_ratio": D("0.5")}])
    assert shared.lines()[-1][4:] == (D("370.20"), D("-153.74"))


def test_a_market_price_takes_the_place_of_the_purchase() -> None:
    """0.4000 CNY/kWh, 3.07 % of it for line losses, and no figure for system operation is published: such a
    month asks for the fact.
    """
    from pipelines.errors import FactNotInForceError

    world = World([SHOP | {"market_price_cny_per_kwh": D("0.400000")}], [METER], registers("100.00"))
    contract = world.account().contract
    assert contract is not None
    assert str(contract.market_price_cny_per_kwh) == "0.4"
    with pytest.raises(FactNotInForceError, match="energy_composition"):
        world.priced()


def test_charging_points_have_hours_of_their_own() -> None:
    """100 kW from 10:30 to 11:00 only: flat for a works, valley for a charging point; 50 kWh a day."""
    noon = [100.0 if slot in (42, 43) else 0.0 for slot in range(96)]
    terms = SHOP | {"is_time_of_use": True}
    world = World([terms | {"is_ev_charging": True}], [METER], registers("50.00"), curves(lambda _day: noon))
    plain = World([terms], [METER], registers("50.00"), curves(lambda _day: noon))
    assert [row["valley_kwh"] for row in (*world.determinants, *plain.determinants)] == [D(1500), D(0)]
    assert world.lines()[0] == ("", 0, "energy_base", "valley", D(1500), D("315.00"))
    home = World(
        [terms | {"is_ev_charging": True, "customer_class_code": "residential"}],
        [METER],
        registers("50.00"),
        curves(lambda _day: noon),
    )
    assert "time_of_use_fact" in home.determinants[0]["missing_inputs"], (
        "prices of residential charging points are not known"
    )


def test_months_before_and_after_a_change_are_whole() -> None:
    smaller = WORKS | {"valid_from_date": date(2026, 8, 11), "running_capacity_kva": 500.0}
    world = World([WORKS, smaller], [METER], registers("2400.00"), curves(100))
    assert (world.segments, world.account().supply) == ([], None)
    assert world.book.account("C", BillingMonth(2026, 8)) is None, "nothing was metered"


def funds_from_the_sixteenth(facts: Facts) -> Facts:
    """Funds of 0.03 CNY/kWh from 2026-09-16, known in time."""
    published = facts.funds.versions[-1]
    later = dataclasses.replace(published, value=D("0.03"), effective_from=SIXTEENTH, known_from=SIXTEENTH)
    return dataclasses.replace(
        facts, funds=dataclasses.replace(facts.funds, versions=(*facts.funds.versions, later))
    )


def test_a_price_that_changes_inside_the_month_cuts_its_energy_and_not_its_basic_charge() -> None:
    world = World([WORKS], [METER], registers("2400.00"), curves(100), facts=funds_from_the_sixteenth(FACTS))
    # Half of the month each: 10,500, 10,500 and 15,000 kWh at 0.02923875 and at 0.03.
    assert [line[1:2] + line[4:] for line in world.lines() if line[2] == "funds"] == [
        (1, D(10500), D("307.01")),
        (1, D(10500), D("307.01")),
        (1, D(15000), D("438.58")),
        (16, D(10500), D("315.00")),
        (16, D(10500), D("315.00")),
        (16, D(15000), D("450.00")),
    ]
    assert [line[1:] for line in world.lines() if line[2] == "basic_capacity"] == [
        (0, "basic_capacity", "", D(800), D("23600.00"))
    ]
    household = World(
        [SHOP | {"customer_class_code": "residential"}],
        [METER],
        registers("10.00"),
        facts=funds_from_the_sixteenth(FACTS),
    )
    assert household.segments == [], "residential prices are whole: no funds are added"


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
