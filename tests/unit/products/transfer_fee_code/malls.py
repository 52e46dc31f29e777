"""The simulated malls as a product is given them: their files as tables, month by month."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.codes import CustomerClass, TouPeriod
from pipelines.facts import Facts
from pipelines.money import split_by_largest_remainder
from pipelines.periods import BillingMonth
from pipelines.settings import Settings
from zhixiang.simulation.malls import write_malls

SEED = 20261001
MONTHS = [BillingMonth(2026, month) for month in (7, 8, 9)]
PERIODS = tuple(TouPeriod)


class Malls:
    """The simulated files read back as rows of silver and gold, by arithmetic of its own."""

    def __init__(self, folder: Path, settings: Settings, facts: Facts) -> None:
        self.inbox = folder / "inbox"
        write_malls(self.inbox, settings.conf_dir.parent / "samples", SEED, MONTHS, truth=folder / "truth")
        self.truth = json.loads((folder / "truth" / "malls.json").read_text())
        self.customers = [
            {
                name: (row[name] or None)
                for name in (
                    "customer_id",
                    "customer_name",
                    "customer_class_code",
                    "pricing_scheme_code",
                    "voltage_level_code",
                    "demand_basis_code",
                    "provenance",
                )
            }
            | {
                name: float(row[name]) if row[name] else None
                for name in row
                if name.endswith(("_kva", "_kw", "_ratio"))
            }
            | {
                "is_time_of_use": row["is_time_of_use"] == "true",
                "valid_from_date": MONTHS[0].first_day,
                "valid_to_date": None,
            }
            for row in _read(self.inbox / "simulated_malls_customers.csv")
        ]
        self.declarations = [
            {
                name: row[name]
                for name in (
                    "tenant_id",
                    "tenant_name",
                    "supplier_customer_id",
                    "billing_month",
                    "declaration_id",
                    "provenance",
                )
            }
            | {"energy_kwh": Decimal(row["energy_kwh"]), "fee_cny": Decimal(row["fee_cny"])}
            | {"other_charge_cny": Decimal(row["other_charge_cny"]) if row["other_charge_cny"] else None}
            for month in MONTHS
            for row in _read(self.inbox / f"simulated_malls_transfer_declarations_{month}.csv")
        ]
        self.determinants = [
            self._determinants(meter, month, facts)
            for meter in _read(self.inbox / "simulated_malls_meter_points.csv")
            for month in MONTHS
        ]

    def _determinants(self, meter: dict[str, str], month: BillingMonth, facts: Facts) -> dict[str, Any]:
        point, multiplier = meter["meter_point_id"], Decimal(meter["multiplier_ratio"])
        reads = [
            row
            for each in MONTHS
            for row in _read(self.inbox / f"E_MP_DAY_READ_simulated_malls_{each}.csv")
            if row["ID"] == point
        ]
        register = {(row["READ_TYPE"], row["DATA_DATE"]): Decimal(row["R"]) for row in reads}
        before, last = month.previous().last_day.isoformat(), month.last_day.isoformat()
        energy, lagging, leading = (
            (register[kind, last] - register[kind, before]) * multiplier for kind in ("1", "2", "6")
        )
        curve = [
            row
            for row in _read(self.inbox / f"E_MP_POWER_CURVE_simulated_malls_{month}.csv")
            if row["ID"] == point and row["DATA_TYPE"] == "1"
        ]
        power = np.array([[float(row[f"P{number}"]) for number in range(1, 97)] for row in curve]) * float(
            multiplier
        )
        # Curve and registers agree: the energy of the curve is that of the registers but for the register's
        # last digit.
        assert power.sum() / 4 == pytest.approx(float(energy), abs=float(multiplier) * 2e-5)
        slots = facts.time_of_use.slot_matrix(month.days, CustomerClass.GENERAL_COMMERCIAL)
        resolution = multiplier * Decimal("0.00001")
        parts = split_by_largest_remainder(
            energy, [float(power[slots == index].sum()) for index in range(len(PERIODS))], resolution
        )
        return {
            "meter_point_id": meter["meter_point_id"],
            "customer_id": meter["customer_id"],
            "billing_month": str(month),
            "energy_kwh": energy,
            **{f"{period.value}_kwh": part for period, part in zip(PERIODS, parts, strict=True)},
            "resolution_kwh": resolution,
            "max_demand_kw": float(power.max()),
            "lagging_kvarh": lagging,
            "leading_kvarh": leading,
            "metered_days": month.day_count,
            "month_days": month.day_count,
            "estimated_ratio": 0.0,
        }

    def of(self, month: BillingMonth) -> list[dict[str, Any]]:
        return [row for row in self.declarations if row["billing_month"] == str(month)]


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))
