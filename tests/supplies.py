"""Supplies made by hand: meters that count a few round figures a day, from received-like rows to the account
that is billed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from pipelines.facts import Facts, load_facts
from pipelines.incremental.customer_rows import SOURCES
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.storage.constraints import constraint_violations
from pipelines.tables.base import Table, rows_of_table
from pipelines.tables.gold import GoldBillingDeterminants, GoldBillingSegments
from pipelines.tables.rows.gold import GoldBillingSuppliesComputed
from pipelines.tables.silver import (
    SilverCustomers,
    SilverDayCurves,
    SilverMeterPoints,
    SilverRegisterEnergy,
    SilverSupplyShares,
)
from pipelines.tables.supplies import GoldBillingSupplies
from pipelines.tariff import PricedMonth, SupplyMonth, price_supply
from pipelines.transforms.billing.account_month import AccountMonth
from pipelines.transforms.billing.agreed_points import Agreements
from pipelines.transforms.billing.determinants import derive_billing
from pipelines.transforms.billing.month_cuts import month_cuts
from pipelines.transforms.billing.reading_days import reading_days
from pipelines.transforms.billing.supplies import derive_supplies
from pipelines.transforms.billing.supply import Accounts, price_days_of
from pipelines.transforms.billing.supply_rows import Supplies

Row = Mapping[str, Any]
D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
SEPTEMBER = BillingMonth(2026, 9)
FIRST = date(2026, 1, 1)
WORKS: dict[str, Any] = {
    "customer_id": "C",
    "valid_from_date": FIRST,
    "customer_name": "works",
    "customer_class_code": "large_industry",
    "pricing_scheme_code": "two_part",
    "voltage_level_code": "1_to_20kv",
    "is_time_of_use": True,
    "contract_capacity_kva": 800.0,
    "running_capacity_kva": 800.0,
    "demand_basis_code": "capacity",
    "provenance": "simulated",
}
SHOP = WORKS | {
    "customer_class_code": "general_commercial",
    "pricing_scheme_code": "single_part",
    "is_time_of_use": False,
    "contract_capacity_kva": None,
    "running_capacity_kva": None,
    "demand_basis_code": None,
}
METER: dict[str, Any] = {
    "meter_point_id": "M",
    "valid_from_date": FIRST,
    "customer_id": "C",
    "meter_id": "D",
    "multiplier_ratio": 1.0,
    "register_decimals": 2,
    "register_digits": 8,
    "provenance": "simulated",
}


def rows_of(table: type[Table], rows: Iterable[Row]) -> pa.Table:
    """Rows of a declared table; what they do not name is empty."""
    schema = pa.schema([field.with_nullable(True) for field in table.arrow_schema()])
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema)


def with_ends(rows: Sequence[Row], key: str) -> list[dict[str, Any]]:
    """A history with the last day of each row, as silver keeps it."""
    found = [dict(row) for row in sorted(rows, key=lambda row: (row[key], row["valid_from_date"]))]
    for row, after in zip(found, [*found[1:], None], strict=False):
        follows = after is not None and after[key] == row[key]
        row["valid_to_date"] = (
            after["valid_from_date"] - timedelta(days=1) if after is not None and follows else None
        )
    return found


def registers(
    kwh: str | Callable[[date], str],
    meter_point: str = "M",
    channel: str = "active_forward",
    first: date = SEPTEMBER.first_day,
    last: date = SEPTEMBER.last_day,
) -> list[dict[str, Any]]:
    """Settled energy of every day, the same or by day. [kWh or kvarh]"""
    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    return [
        {
            "meter_point_id": meter_point,
            "channel_code": channel,
            "energy_date": day,
            "span_days": 1,
            "end_register_unscaled": D(0),
            "multiplier_ratio": 1.0,
            "energy_kwh_or_kvarh": D(kwh if isinstance(kwh, str) else kwh(day)),
            "resolution_kwh_or_kvarh": D("0.01"),
            "register_rule_code": "normal",
            "energy_month": f"{day:%Y-%m}",
        }
        for day in days
    ]


def curves(kw: float | Callable[[date], Sequence[float]], meter_point: str = "M") -> list[dict[str, Any]]:
    """A curve of every day of September: one power all day, or 96 of them by day. [kW]"""
    found = []
    for day in SEPTEMBER.days:
        powers = [kw] * 96 if isinstance(kw, int | float) else list(kw(day))
        values = [power / 4 for power in powers]
        found.append(
            {
                "meter_point_id": meter_point,
                "channel_code": "active_forward",
                "curve_date": day,
                "interval_minutes": 15,
                "measured_kwh_or_kvarh": values,
                "final_kwh_or_kvarh": values,
                "interval_status_codes": [1] * 96,
                "failed_check_bits": [0] * 96,
                "failed_checks": [],
                "measured_intervals": 96,
                "estimated_intervals": 0,
                "missing_intervals": 0,
                "curve_month": "2026-09",
            }
        )
    return found


def supplies_of(
    customers: Sequence[Row], determinants: Sequence[Row], facts: Facts = FACTS
) -> list[dict[str, Any]]:
    """Rows of gold_billing_supplies of accounts without anything behind their meters."""
    made: list[dict[str, Any]] = derive_supplies(
        {row["customer_id"] for row in determinants},
        rows_of(GoldBillingDeterminants, determinants),
        GoldBillingSegments.empty(),
        rows_of(SilverCustomers, customers),
        SilverMeterPoints.empty(),
        SilverSupplyShares.empty(),
        facts,
    ).to_pylist()
    return made


class World:
    """What gold makes of some supplies, and their accounts."""

    def __init__(
        self,
        customers: Sequence[Row],
        meter_points: Sequence[Row],
        settled: Sequence[Row],
        day_curves: Sequence[Row] = (),
        shares: Sequence[Row] = (),
        facts: Facts = FACTS,
    ) -> None:
        terms, points, parts = (
            with_ends(customers, "customer_id"),
            with_ends(meter_points, "meter_point_id"),
            with_ends(shares, "share_id"),
        )
        self.facts = facts
        tables = (
            rows_of(SilverCustomers, terms),
            rows_of(SilverMeterPoints, points),
            rows_of(SilverSupplyShares, parts),
        )
        agreed = Agreements(*tables, month_cuts(*tables, facts), reading_days(*tables[:2]))
        whole, cut = derive_billing(
            rows_of(SilverRegisterEnergy, settled),
            rows_of(SilverDayCurves, day_curves),
            agreed,
            facts.time_of_use.slot_matrix,
        )
        self.determinants, self.segments = whole.to_pylist(), cut.to_pylist()
        terms_rows, point_rows, share_rows = (table.to_pylist() for table in tables)
        self.accounts = Accounts(
            terms_rows, self.determinants, self.segments, share_rows, price_days_of(facts), point_rows
        )
        self.sources = dict(zip(SOURCES, (whole, cut, *tables), strict=True))
        names = {row["customer_id"] for row in self.determinants}
        self.supplies = derive_supplies(names, whole, cut, *tables, facts)
        self.in_gold = Supplies(rows_of_table(self.supplies, GoldBillingSuppliesComputed), terms_rows)

    def account(self, customer: str = "C", month: BillingMonth = SEPTEMBER) -> AccountMonth:
        """The account of a month that has one, the same to the last digit as gold_billing_supplies has it."""
        found, kept = self.accounts.account(customer, month), self.in_gold.account(customer, month)
        assert found is not None
        assert kept is not None
        assert constraint_violations(self.supplies, GoldBillingSupplies) == dict.fromkeys(
            ("keys_repeated", "required_values_empty", "values_below_minimum"), 0
        )
        plain = [replace(each, metered=()) for each in (found, kept)]
        assert repr(plain[0]) == repr(plain[1])
        for row, main in zip(found.metered, kept.metered, strict=True):
            assert {name: repr(row[name]) for name in main} == {
                name: repr(value) for name, value in main.items()
            }
        return kept

    def supply(self, customer: str = "C", month: BillingMonth = SEPTEMBER) -> SupplyMonth:
        """What the month is priced from."""
        supply = self.account(customer, month).supply
        assert supply is not None
        return supply

    def priced(self, customer: str = "C", month: BillingMonth = SEPTEMBER) -> PricedMonth:
        """The priced month."""
        return price_supply(self.supply(customer, month), self.facts)

    def lines(self, customer: str = "C") -> list[tuple[Any, ...]]:
        """Section, first day (0: the whole month), component, period, quantity and amount of each line."""
        return [
            (
                line.section,
                line.first_day.day if line.first_day else 0,
                line.component.value,
                line.period.value if line.period else "",
                line.quantity,
                line.amount_cny,
            )
            for line in self.priced(customer).lines
        ]
