"""A small city: sixteen offices that cool above 20 degrees, a works and an enterprise of a simulated city."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from pipelines.periods import BillingMonth
from pipelines.tables.gold import GoldDayEnergy
from pipelines.tables.silver import SilverCustomers, SilverWeather
from pipelines.tables.supplies import GoldBillingSupplies
from tests.supplies import supplies_of

FIRST, LAST = date(2026, 2, 1), date(2026, 9, 30)
DAYS = [FIRST + timedelta(days=offset) for offset in range((LAST - FIRST).days + 1)]
OFFICES = [f"BDG-{place:02d}" for place in range(16)]
CITY = "SIM-CITY-00001"
RUN = {"computed_run_id": "r", "provenance": "real+dates_shifted"}


def celsius(day: date) -> float:
    return 15 - 10 * float(np.cos((day - date(2026, 1, 20)).days / 365 * 2 * np.pi))


def world() -> dict[Any, list[dict[str, Any]]]:
    """Sixteen offices that cool above 20 degrees, a works without weather, and a city enterprise that is not
    billed.
    """
    draw = np.random.default_rng(4)
    terms: dict[str, Any] = {
        "valid_from_date": FIRST,
        "peer_group": "Office",
        "customer_class_code": "general_commercial",
        "pricing_scheme_code": "single_part",
        "voltage_level_code": "1_to_20kv",
        "is_time_of_use": False,
        "floor_area_m2": 500.0,
        "weather_station_id": "W",
    }
    works = {
        "customer_id": "STEEL-01",
        "customer_name": "works",
        "customer_class_code": "large_industry",
        "pricing_scheme_code": "two_part",
        "is_time_of_use": True,
        "contract_capacity_kva": 800.0,
        "running_capacity_kva": 800.0,
        "demand_basis_code": "contract_demand",
        "contract_demand_kw": 600.0,
        "power_factor_standard_ratio": 0.9,
        "floor_area_m2": None,
        "weather_station_id": None,
        "peer_group": "Steel works",
    }
    customers = [terms | RUN | {"customer_id": name, "customer_name": name} for name in [*OFFICES, CITY]] + [
        terms | RUN | works
    ]
    customers[len(OFFICES)]["provenance"] = "simulated"
    energy, determinants = [], []
    for customer in customers:
        name = customer["customer_id"]
        by_month: dict[str, Decimal] = {}
        for day in DAYS:
            kwh = (
                400
                + (5 * OFFICES.index(name) if name in OFFICES else 0)
                + 15 * max(celsius(day) - 20, 0)
                - 100 * (day.weekday() >= 5)
                + draw.normal(0, 8)
            )
            exact = Decimal(repr(round(float(kwh), 2)))
            by_month[str(BillingMonth.of(day))] = by_month.get(str(BillingMonth.of(day)), Decimal(0)) + exact
            energy.append(
                {
                    "meter_point_id": f"MP-{name}",
                    "channel_code": "active_forward",
                    "energy_date": day,
                    "customer_id": name,
                    "energy_kwh_or_kvarh": float(exact),
                    "basis_code": "register",
                    "estimated_ratio": 0.0,
                    "energy_month": str(BillingMonth.of(day)),
                    "computed_run_id": "r",
                }
            )
        for month, total in by_month.items():
            row: dict[str, Any] = {
                "meter_point_id": f"MP-{name}",
                "billing_month": month,
                "customer_id": name,
                "energy_kwh": total,
                "resolution_kwh": Decimal("0.01"),
                "metered_days": 30,
                "month_days": 30,
                "estimated_ratio": 0.0,
                "missing_inputs": ["curve", "reactive_registers"],
                "computed_run_id": "r",
            }
            if name == "STEEL-01":
                peak = (total / 3).quantize(Decimal("0.01"))
                row |= {
                    "sharp_kwh": Decimal(0),
                    "peak_kwh": peak,
                    "flat_kwh": total - peak,
                    "valley_kwh": Decimal(0),
                    "deep_valley_kwh": Decimal(0),
                }
                row |= {
                    "max_demand_kw": 500.0,
                    "lagging_kvarh": Decimal(9000),
                    "leading_kvarh": Decimal(0),
                    "missing_inputs": [],
                }
            determinants.append(row)
    weather = [RUN | {"station_id": "W", "weather_date": day, "mean_celsius": celsius(day)} for day in DAYS]
    return {
        SilverCustomers: customers,
        GoldDayEnergy: energy,
        GoldBillingSupplies: supplies_of(customers, determinants),
        SilverWeather: weather,
    }
