"""Gold to indicators: what the credit index knows of every customer and month."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.engine.step import Inputs, Written
from pipelines.incremental.by_bucket import driver_files
from pipelines.periods import BillingMonth
from pipelines.storage.scan import row_count, span_of, whole_table
from pipelines.tables.base import Table
from pipelines.tables.silver import SilverCustomers, SilverEvents, SilverPayments
from products.credit_index.indicator_table import GoldCustomerIndicators
from products.credit_index.indicators.assemble import assemble_indicators
from products.credit_index.indicators.by_customers import write_by_customers
from products.credit_index.indicators.calendar import Calendar
from products.credit_index.indicators.load_in_buckets import LoadOfCustomers
from products.credit_index.settings import CreditIndexSettings

MOST_ON_DRIVER = 250_000
"""Payments of customers whose indicators are put together where the run is: more rounds of workers take
longer.
"""


def derive_indicators(inputs: Inputs) -> Mapping[type[Table], Written]:
    """Indicators of every customer with payments, for every month that was billed."""
    paid = inputs.paths(SilverPayments)
    billed = span_of(paid, SilverPayments, "billing_month")
    if billed is None:
        nothing = GoldCustomerIndicators.empty().drop_columns(["computed_run_id"])
        return {GoldCustomerIndicators: driver_files(inputs, GoldCustomerIndicators, nothing)}
    calendar = _calendar(*billed)
    operation = inputs.settings.section(CreditIndexSettings).operation
    load = LoadOfCustomers.of(inputs, calendar, operation)
    if row_count(paid) > MOST_ON_DRIVER:
        return {GoldCustomerIndicators: write_by_customers(inputs, load, calendar)}
    payments, events, customers = (
        whole_table(inputs.paths(table), table) for table in (SilverPayments, SilverEvents, SilverCustomers)
    )
    rows = assemble_indicators(load.rows(inputs), payments, events, customers, calendar)
    return {GoldCustomerIndicators: driver_files(inputs, GoldCustomerIndicators, rows)}


def _calendar(first_billed: str, last_billed: str) -> Calendar:
    first, last = BillingMonth.parse(first_billed), BillingMonth.parse(last_billed)
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return Calendar(tuple(first.plus(offset) for offset in range(count)))
