"""Rows of gold for a building and a works, gathered to cases and billed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.settings import Settings, packaged
from pipelines.tables.gold import GoldBillingDeterminants
from pipelines.tables.silver import SilverCustomers
from pipelines.transforms.billing.supply import Accounts
from products.efficiency_bill.case.case import Case, gather_cases
from products.efficiency_bill.comparison.baseline import Baseline
from products.efficiency_bill.comparison.days import Days
from products.efficiency_bill.issue import issue_bill
from products.efficiency_bill.settings import EfficiencyBillSettings

CONF = packaged("conf")
FACTS = load_facts(CONF / "facts")
SETTINGS = Settings(CONF, CONF).section(EfficiencyBillSettings)
LIMITS = Settings(CONF, CONF).section(PublicationSettings)
SEPTEMBER = BillingMonth.parse("2026-09")


def table(kind: Any, *rows: Mapping[str, Any]) -> pa.Table:
    schema = kind.arrow_schema()
    return pa.Table.from_pylist(
        [{name: row.get(name) for name in schema.names} for row in rows],
        pa.schema([field.with_nullable(True) for field in schema]),
    )


def september_days(*customers: str, daily_kwh: float = 1000.0, celsius: float = 20.0) -> Days:
    days = SEPTEMBER.days
    return Days(
        customers, days, np.full((len(customers), 30), daily_kwh), np.full((len(customers), 30), celsius)
    )


def gather(customers: pa.Table, determinants: pa.Table, *others: Any) -> list[Case]:
    return gather_cases(Accounts(customers.to_pylist(), determinants.to_pylist()), *others)


def gathered(
    terms: Mapping[str, Any],
    *rows: Mapping[str, Any],
    days: Days | None = None,
    baseline: Baseline | None = None,
) -> Case:
    name = terms["customer_id"]
    baselines = {} if baseline is None else {name: baseline}
    (case,) = gather(
        table(SilverCustomers, terms),
        table(GoldBillingDeterminants, *rows),
        days or september_days(name),
        baselines,
        SEPTEMBER,
        SETTINGS,
        LIMITS,
    )
    return case


def billed(*arguments: Any, **named: Any) -> dict[str, Any]:
    return issue_bill(gathered(*arguments, **named), FACTS, SETTINGS, "m", "1")


BUILDING: dict[str, Any] = {
    "customer_id": "BDG-A",
    "valid_from_date": date(2026, 1, 1),
    "customer_name": "A",
    "peer_group": "Office",
    "customer_class_code": "general_commercial",
    "pricing_scheme_code": "single_part",
    "voltage_level_code": "1_to_20kv",
    "is_time_of_use": False,
    "floor_area_m2": 1000.0,
    "provenance": "real",
}
REGISTERS: dict[str, Any] = {
    "meter_point_id": "MP-A",
    "billing_month": "2026-09",
    "customer_id": "BDG-A",
    "energy_kwh": Decimal("30000.00"),
    "resolution_kwh": Decimal("0.01"),
    "metered_days": 30,
    "month_days": 30,
    "estimated_ratio": 0.0,
    "missing_inputs": ["curve", "reactive_registers"],
}
