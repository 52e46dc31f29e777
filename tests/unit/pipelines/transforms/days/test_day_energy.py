"""Energy of days and billing determinants of the same registers and curves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from pipelines.codes import CustomerClass
from pipelines.errors import FactNotInForceError
from pipelines.tables.gold import GoldBillingDeterminants, GoldDayEnergy
from pipelines.tables.silver import (
    SilverCustomers,
    SilverDayCurves,
    SilverMeterPoints,
    SilverRegisterEnergy,
)
from pipelines.transforms.billing.determinants import derive_billing_determinants
from pipelines.transforms.days.day_energy import derive_day_energy
from tests.unit.pipelines.transforms.arrow_tables import DAY, METER, arrow_rows


def slot_periods(days: Sequence[date], customer_class: CustomerClass) -> np.ndarray[Any, np.dtype[np.int8]]:
    """First half of the day peak, second valley; nothing before March 2026 and nothing for agriculture."""
    for day in days:
        if day < DAY or customer_class == CustomerClass.AGRICULTURE:
            raise FactNotInForceError("time_of_use.schedule", day, "nothing")
    return np.tile(np.repeat(np.array([1, 3], dtype=np.int8), 48), (len(days), 1))


def curve(day: int, first: float, second: float, meter_point: str = "MP-1") -> dict[str, Any]:
    values = [first] * 48 + [second] * 48
    return {
        "meter_point_id": meter_point,
        "channel_code": "active_forward",
        "curve_date": DAY + timedelta(days=day),
        "interval_minutes": 15,
        "measured_kwh_or_kvarh": values,
        "final_kwh_or_kvarh": values,
        "interval_status_codes": [1] * 96,
        "failed_check_bits": [0] * 96,
        "failed_checks": [],
        "measured_intervals": 96,
        "estimated_intervals": 0,
        "missing_intervals": 0,
        "curve_month": "2026-03",
    }


def settled_energy(
    day: int, kwh: str, span: int = 1, meter_point: str = "MP-1", channel: str = "active_forward"
) -> dict[str, Any]:
    return {
        "meter_point_id": meter_point,
        "channel_code": channel,
        "energy_date": DAY + timedelta(days=day),
        "span_days": span,
        "end_register_unscaled": Decimal(0),
        "multiplier_ratio": 1.0,
        "energy_kwh_or_kvarh": Decimal(kwh),
        "resolution_kwh_or_kvarh": Decimal("0.1"),
        "register_rule_code": "normal",
        "energy_month": "2026-03",
    }


def test_day_energy_and_determinants_of_the_same_rows() -> None:
    energy = arrow_rows(
        SilverRegisterEnergy,
        [
            settled_energy(0, "10"),
            settled_energy(1, "10"),
            settled_energy(0, "4", meter_point="MP-2"),
            settled_energy(0, "7", meter_point="MP-FREE"),
            settled_energy(0, "3", meter_point="MP-3"),
        ],
    )
    curves = arrow_rows(
        SilverDayCurves,
        [curve(0, 2.0, 1.0), curve(1, 2.0, 1.0), curve(0, 2.0, 1.0, "MP-3"), curve(2, 0.5, 0.25)],
    )
    meters = arrow_rows(
        SilverMeterPoints,
        [
            METER,
            METER | {"meter_point_id": "MP-2", "customer_id": "C2"},
            METER | {"meter_point_id": "MP-FREE", "customer_id": None},
            METER | {"meter_point_id": "MP-3", "customer_id": "C3"},
        ],
    )
    terms = {
        "valid_from_date": DAY,
        "customer_name": "n",
        "provenance": "simulated",
        "is_time_of_use": True,
        "customer_class_code": "large_industry",
    }
    customers = arrow_rows(
        SilverCustomers,
        [
            terms | {"customer_id": "C1", "valid_to_date": DAY, "is_time_of_use": False},
            terms | {"customer_id": "C1", "valid_from_date": DAY + timedelta(days=1)},
            terms | {"customer_id": "C2"},
            terms | {"customer_id": "C3", "customer_class_code": "agriculture"},
        ],
    )
    found = derive_billing_determinants(energy, curves, customers, meters, slot_periods)
    assert found.column_names == [
        name for name in GoldBillingDeterminants.columns() if name != "computed_run_id"
    ]
    first, second, third = sorted(found.to_pylist(), key=lambda row: row["meter_point_id"])
    assert (first["energy_kwh"], first["peak_kwh"], first["valley_kwh"], first["sharp_kwh"]) == (
        20,
        Decimal("13.3"),
        Decimal("6.7"),
        0,
    )
    assert (
        first["max_demand_kw"],
        first["max_demand_date"],
        first["max_demand_slot"],
        first["metered_days"],
    ) == (8.0, DAY, 0, 2)
    assert first["missing_inputs"] == ["reactive_registers", "missing_days"]
    assert (second["customer_id"], second["peak_kwh"], second["missing_inputs"]) == (
        "C2",
        None,
        ["curve", "reactive_registers", "missing_days"],
    )
    assert (third["peak_kwh"], third["missing_inputs"]) == (
        None,
        ["reactive_registers", "missing_days", "time_of_use_fact"],
    )

    days = derive_day_energy(energy, curves, meters)
    assert days.column_names == [name for name in GoldDayEnergy.columns() if name != "computed_run_id"]
    rows = [
        (
            row["meter_point_id"],
            row["customer_id"],
            row["energy_date"].day,
            row["energy_kwh_or_kvarh"],
            row["basis_code"],
        )
        for row in days.to_pylist()
    ]
    assert sorted(rows, key=str) == [
        ("MP-1", "C1", 1, 10.0, "register"),
        ("MP-1", "C1", 2, 10.0, "register"),
        ("MP-1", "C1", 3, 36.0, "curve"),
        ("MP-2", "C2", 1, 4.0, "register"),
        ("MP-3", "C3", 1, 3.0, "register"),
        ("MP-FREE", None, 1, 7.0, "register"),
    ]
