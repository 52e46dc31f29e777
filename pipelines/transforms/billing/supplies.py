"""Rows of gold_billing_supplies out of what was metered and agreed, for a set of customers."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa

from pipelines.facts import Facts
from pipelines.periods import BillingMonth
from pipelines.tables.base import rows_of_table
from pipelines.tables.rows.gold import (
    GoldBillingDeterminantsRow,
    GoldBillingSegmentsRow,
    GoldBillingSuppliesComputed,
)
from pipelines.tables.rows.silver import SilverCustomersRow, SilverMeterPointsRow, SilverSupplySharesRow
from pipelines.tables.supplies import GoldBillingSupplies
from pipelines.transforms.billing.supply import Accounts, price_days_of
from pipelines.transforms.billing.supply_rows import row_of_account, row_without_terms

SUPPLIES_SCHEMA = pa.schema(
    [column for column in GoldBillingSupplies.arrow_schema() if column.name != "computed_run_id"]
)


def derive_supplies(
    names: Collection[str],
    metered: pa.Table,
    segments: pa.Table,
    customers: pa.Table,
    meter_points: pa.Table,
    shares: pa.Table,
    facts: Facts | None,
) -> pa.Table:
    """gold_billing_supplies without ``computed_run_id`` of some customers, every month with readings.

    names         The customers.
    metered       Rows of gold_billing_determinants, theirs and those of every sub-meter; segments: of
                  gold_billing_segments of the same meter points.
    customers     Rows of silver_customers of all of whom there are rows; shares: of silver_supply_shares.
    meter_points  Rows of silver_meter_points, theirs and those of every sub-meter.
    facts         Adjoining segments of one contract are one where no price of them changes between; None:
                  every cut stays.
    """
    determinants = sorted(
        rows_of_table(metered, GoldBillingDeterminantsRow), key=lambda row: row["meter_point_id"]
    )
    accounts = Accounts(
        rows_of_table(customers, SilverCustomersRow),
        determinants,
        rows_of_table(segments, GoldBillingSegmentsRow),
        rows_of_table(shares, SilverSupplySharesRow),
        None if facts is None else price_days_of(facts),
        rows_of_table(meter_points, SilverMeterPointsRow),
    )
    asked, rows = set(names), []
    for month in map(BillingMonth.parse, sorted({row["billing_month"] for row in determinants})):
        for customer in accounts.customers_in(month):
            if customer in asked and (row := _row(accounts, customer, month)) is not None:
                rows.append(row)
    return pa.Table.from_pylist(rows, SUPPLIES_SCHEMA)


def _row(accounts: Accounts, customer: str, month: BillingMonth) -> GoldBillingSuppliesComputed | None:
    """None where none of the customer's meter points is a main one."""
    account = accounts.account(customer, month)
    if account is not None:
        return row_of_account(customer, month, account)
    mains = accounts.rows_of(customer, month)
    return row_without_terms(customer, month, mains) if mains else None
