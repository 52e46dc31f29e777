"""Gold to indicators: what the credit index knows of every customer and month."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow.compute as pc

from pipelines.engine.step import Inputs, Written
from pipelines.incremental.by_bucket import driver_files, map_buckets
from pipelines.periods import BillingMonth
from pipelines.tables.base import Table
from pipelines.tables.gold import GoldDayEnergy
from pipelines.tables.silver import SilverCustomers, SilverEvents, SilverPayments
from products.credit_index.indicator_table import GoldCustomerIndicators
from products.credit_index.indicators.assemble import assemble_indicators
from products.credit_index.indicators.calendar import Calendar
from products.credit_index.indicators.load import LOAD_SCHEMA, deducted_days, load_indicators
from products.credit_index.settings import CreditIndexSettings

DAYS_PER_TASK = 1_200_000


def derive_indicators(inputs: Inputs) -> Mapping[type[Table], Written]:
    """Indicators of every customer with payments, for every month that was billed."""
    payments = inputs.frame(SilverPayments).toArrow()
    if not payments.num_rows:
        return {
            GoldCustomerIndicators: driver_files(
                inputs,
                GoldCustomerIndicators,
                GoldCustomerIndicators.empty().drop_columns(["computed_run_id"]),
            )
        }
    billed = sorted(pc.unique(payments["billing_month"]).to_pylist())
    first, last = BillingMonth.parse(billed[0]), BillingMonth.parse(billed[-1])
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    calendar = Calendar(tuple(first.plus(offset) for offset in range(count)))
    operation = inputs.settings.section(CreditIndexSettings).operation
    days = inputs.frame(GoldDayEnergy)
    behind = deducted_days(days.where(days["deducted_customer_id"].isNotNull()).toArrow())
    load = map_buckets(
        inputs,
        GoldDayEnergy,
        lambda days: load_indicators(days, calendar, operation, behind),
        LOAD_SCHEMA,
        "customer_id",
        DAYS_PER_TASK,
    )
    rows = assemble_indicators(
        load,
        payments,
        inputs.frame(SilverEvents).toArrow(),
        inputs.frame(SilverCustomers).toArrow(),
        calendar,
    )
    return {GoldCustomerIndicators: driver_files(inputs, GoldCustomerIndicators, rows)}
