"""Gold to indicators: what the credit index knows of every customer and month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow.compute as pc

from pipelines.engine.step import Inputs, Written
from pipelines.incremental.by_bucket import driver_files
from pipelines.periods import BillingMonth
from pipelines.storage.scan import read_columns, whole_table
from pipelines.tables.base import CUSTOMER, Table
from pipelines.tables.silver import SilverCustomers, SilverEvents, SilverPayments
from products.credit_index.indicator_table import GoldCustomerIndicators
from products.credit_index.indicators.assemble import assemble_indicators
from products.credit_index.indicators.by_customers import write_by_customers
from products.credit_index.indicators.calendar import Calendar
from products.credit_index.indicators.load_in_buckets import LoadOfCustomers
from products.credit_index.settings import CreditIndexSettings

MOST_ON_DRIVER = 10_000
"""Customers whose indicators are put together where the run is: a second round of workers takes longer."""


def derive_indicators(inputs: Inputs) -> Mapping[type[Table], Written]:
    """Indicators of every customer with payments, for every month that was billed."""
    billed = read_columns(inputs.paths(SilverPayments), SilverPayments, ["billing_month", CUSTOMER])
    if not billed.num_rows:
        nothing = GoldCustomerIndicators.empty().drop_columns(["computed_run_id"])
        return {GoldCustomerIndicators: driver_files(inputs, GoldCustomerIndicators, nothing)}
    calendar = _calendar(sorted(pc.unique(billed["billing_month"]).to_pylist()))
    names = sorted(pc.unique(billed[CUSTOMER]).to_pylist())
    operation = inputs.settings.section(CreditIndexSettings).operation
    load = LoadOfCustomers.of(inputs, calendar, operation)
    if len(names) > MOST_ON_DRIVER:
        return {GoldCustomerIndicators: write_by_customers(inputs, load, names, calendar)}
    payments, events, customers = (
        whole_table(inputs.paths(table), table) for table in (SilverPayments, SilverEvents, SilverCustomers)
    )
    rows = assemble_indicators(load.rows(inputs), payments, events, customers, calendar)
    return {GoldCustomerIndicators: driver_files(inputs, GoldCustomerIndicators, rows)}


def _calendar(billed: Sequence[str]) -> Calendar:
    first, last = BillingMonth.parse(billed[0]), BillingMonth.parse(billed[-1])
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return Calendar(tuple(first.plus(offset) for offset in range(count)))
