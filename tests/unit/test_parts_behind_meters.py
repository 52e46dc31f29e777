"""Sub-meters and shares that do not lie where the contract says, are not read, or belong to nobody: named or refused, never billed twice.

September 2026: M counts 100 kWh a day (3,000), the sub-meter N 30 kWh a day (900). All are shops in one part without time of use.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.supplies import METER, SHOP, World, registers

D = Decimal
SUB = METER | {"meter_point_id": "N", "parent_meter_point_id": "M"}
TENANT = SHOP | {"customer_id": "T"}
SHARE: dict[str, Any] = {
    "share_id": "S", "valid_from_date": date(2026, 1, 1), "main_meter_point_id": "M", "section_name": "shop", "customer_class_code": "general_commercial",
    "voltage_level_code": "1_to_20kv", "is_time_of_use": False, "provenance": "simulated",
}  # fmt: skip
BY_SUB = SHARE | {"sub_meter_point_id": "N"}
BOTH = [*registers("100.00"), *registers("30.00", "N")]


def energy_by_section(world: World, customer: str = "C") -> dict[str, Decimal]:
    """The energy that pays the funds, by section. [kWh]"""
    return {line[0]: line[4] for line in world.lines(customer) if line[2] == "funds"}


def is_refused(world: World, *reasons: str, customer: str = "C") -> bool:
    account = world.account(customer)
    return (account.contract, account.lacks, account.priced_supply) == (None, reasons, None)


@pytest.mark.parametrize("customer", ["C", None])
def test_a_part_metered_behind_its_main_meter_is_billed_once(customer: str | None) -> None:
    world = World([SHOP], [METER, SUB | {"customer_id": customer}], BOTH, (), [BY_SUB])
    assert energy_by_section(world) == {"": D(2100), "shop": D(900)}


def test_a_part_metered_elsewhere_is_refused_rather_than_billed_twice() -> None:
    """Without the parent M's 3,000 kWh are known to hold nothing of N's 900."""
    assert is_refused(World([SHOP], [METER, SUB | {"parent_meter_point_id": None}], BOTH, (), [BY_SUB]), "sub_meter")


def test_a_part_that_is_another_customers_is_refused_here_and_billed_there() -> None:
    world = World([SHOP, TENANT], [METER, SUB | {"customer_id": "T"}], BOTH, (), [BY_SUB])
    assert is_refused(world, "sub_meter")
    assert energy_by_section(world, "T") == {"": D(900)}
