"""From registers, curves and terms to the lines of a bill, each by hand: months that change inside, parts
behind a main meter, losses, tiers.

September 2026 has seven hours a day of peak, seven of flat and ten of valley; prices at 1 to 20 kV: energy
base 0.5250 (peak x 1.85, valley x 0.4),
transmission 0.1250 two-part and 0.2114 single-part, funds 0.02923875, capacity 29.5 CNY/kVA, demand 47.2
CNY/kW.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from pipelines.periods import BillingMonth
from tests.supplies import FACTS, METER, SEPTEMBER, SHOP, WORKS, World, curves, registers
from tests.unit.pipelines.transforms.billing.terms_in_a_month import (
    ELEVENTH,
    SHARE,
    SIXTEENTH,
    energy_lines,
    funds_from_the_sixteenth,
)

D = Decimal

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
    assert whole.supply().is_whole
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
        .totals.running_days
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
    assert (world.segments, world.supply().is_whole) == ([], True)
    assert world.account().terms["customer_name"] == "another name"
    on_the_first = World(
        [WORKS, WORKS | {"valid_from_date": SEPTEMBER.first_day, "running_capacity_kva": 500.0}],
        [METER],
        registers("2400.00"),
        curves(100),
    )
    assert (on_the_first.segments, on_the_first.supply().is_whole) == ([], True)


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
    supply = world.account().supply
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
    contract = world.supply().contract
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
    assert (world.segments, world.supply().is_whole) == ([], True)
    assert world.accounts.account("C", BillingMonth(2026, 8)) is None, "nothing was metered"


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
