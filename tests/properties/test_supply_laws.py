"""Whatever changes and lies behind a meter, energy is neither lost nor counted twice: forty random supplies
at once.
"""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from pipelines.tariff import price_supply
from tests.supplies import FACTS, METER, SEPTEMBER, SHOP, WORKS, World, curves, registers

D = Decimal
COUNT = 40
SHARE: dict[str, Any] = {
    "valid_from_date": date(2026, 1, 1),
    "customer_class_code": "residential",
    "voltage_level_code": "below_1kv",
    "is_time_of_use": False,
    "is_combined_meter": True,
    "provenance": "simulated",
}


@pytest.fixture(scope="module")
def world() -> World:
    """Works with changes of terms, fixed shares and quantities, households and tenants behind them, and
    transformers before them.
    """
    draw = random.Random(20260901)
    customers: list[dict[str, Any]] = []
    points: list[dict[str, Any]] = []
    shares: list[dict[str, Any]] = []
    settled: list[dict[str, Any]] = []
    seen: list[dict[str, Any]] = []
    for number in range(COUNT):
        name, main = f"C{number:02d}", f"M{number:02d}"
        terms = WORKS | {"customer_id": name, "power_factor_standard_ratio": draw.choice((None, 0.9))}
        customers.append(terms)
        for day in sorted(draw.sample(range(2, 31), draw.choice((0, 1, 2)))):
            terms = terms | {
                "valid_from_date": date(2026, 9, day),
                "running_capacity_kva": draw.choice((800.0, 500.0, 0.0)),
            }
            customers.append(terms | {"is_time_of_use": draw.random() < 0.8})
        plate = {
            "transformer_rated_kva": 1000.0,
            "transformer_no_load_kw": 1.37,
            "transformer_load_kw": 9.9,
            "transformer_no_load_ratio": 0.01,
        }
        points.append(
            METER | {"meter_point_id": main, "customer_id": name} | (plate if draw.random() < 0.5 else {})
        )
        daily = {day: f"{draw.uniform(500, 3000):.2f}" for day in SEPTEMBER.days}
        settled += registers(daily.__getitem__, main)
        for channel in ("reactive_lagging", "reactive_leading"):
            settled += registers("111.11", main, channel)
        if draw.random() < 0.8:
            powers = {day: [draw.uniform(0, 100) for _ in range(96)] for day in SEPTEMBER.days}
            seen += curves(powers.__getitem__, main)
        begins = {"valid_from_date": date(2026, 9, draw.randint(1, 28))} if draw.random() < 0.3 else {}
        own = SHARE | {"main_meter_point_id": main} | begins
        if draw.random() < 0.6:
            shares.append(
                own
                | {
                    "share_id": f"{name}-r",
                    "section_name": "ratio",
                    "share_ratio": D(f"{draw.uniform(0, 0.4):.4f}"),
                }
            )
        if draw.random() < 0.6:
            shares.append(
                own
                | {
                    "share_id": f"{name}-q",
                    "section_name": "quantity",
                    "share_kwh": D(f"{draw.uniform(0, 3000):.2f}"),
                }
            )
        for kind in ("HOME", "TENANT"):
            if draw.random() < 0.6:
                sub = f"{kind}{number:02d}"
                tenant = f"T{number:02d}" if kind == "TENANT" else None
                points.append(
                    METER | {"meter_point_id": sub, "customer_id": tenant, "parent_meter_point_id": main}
                )
                settled += registers(f"{draw.uniform(1, 100):.2f}", sub)
                if draw.random() < 0.5:
                    seen += curves(draw.uniform(1, 4), sub)
                if tenant:
                    customers.append(SHOP | {"customer_id": tenant})
                else:
                    shares.append(
                        SHARE
                        | {
                            "main_meter_point_id": main,
                            "share_id": f"{name}-h",
                            "section_name": "home",
                            "sub_meter_point_id": sub,
                        }
                    )
    return World(customers, points, settled, seen, shares)


def test_parts_of_a_month_sum_to_what_the_registers_settled(world: World) -> None:
    whole = {row["meter_point_id"]: row for row in world.determinants}
    cut: dict[str, Decimal] = {}
    for row in world.segments:
        cut[row["meter_point_id"]] = cut.get(row["meter_point_id"], D(0)) + row["energy_kwh"]
        for split in (
            row["main_period_kwh"],
            [row[f"{name}_kwh"] for name in ("sharp", "peak", "flat", "valley", "deep_valley")],
        ):
            assert split is None or None in split or sum(split) == row["energy_kwh"]
    assert len(cut) > COUNT // 2
    assert cut == {name: whole[name]["energy_kwh"] for name in cut}


def test_each_kilowatt_hour_is_billed_once(world: World) -> None:
    """An account and the tenants behind it together have what the main meter counted and its transformer
    lost.
    """
    rows = {row["meter_point_id"]: row for row in world.determinants}
    priced = 0
    for number in range(COUNT):
        main, tenant = rows[f"M{number:02d}"], rows.get(f"TENANT{number:02d}")
        supply = world.account(f"C{number:02d}").supply
        assert supply is not None
        behind = tenant["energy_kwh"] if tenant else D(0)
        assert supply.energy_kwh + behind == main["energy_kwh"] + (main["transformer_loss_kwh"] or D(0))
        for segment in supply.segments:
            assert (
                segment.energy_by_period is None
                or sum(segment.energy_by_period.values()) == segment.energy_kwh
            )
        if all(
            not each.contract.is_time_of_use or each.energy_by_period is not None for each in supply.segments
        ):
            month = price_supply(supply, FACTS)
            assert month.total_cny == sum(line.amount_cny for line in month.lines)
            priced += 1
    assert priced > COUNT // 2


def test_days_of_segments_cover_the_month_once(world: World) -> None:
    for number in range(COUNT):
        supply = world.account(f"C{number:02d}").supply
        assert supply is not None
        days = [
            each.first_day.toordinal() + offset
            for each in supply.segments
            if not each.section
            for offset in range((each.last_day - each.first_day).days + 1)
        ]
        assert sorted(days) == [day.toordinal() for day in SEPTEMBER.days]
