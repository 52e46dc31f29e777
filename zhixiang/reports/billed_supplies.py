"""The meters of the supplies that bills were issued by: as the issuing run read them, or as they are now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from deltalake.exceptions import DeltaError

from pipelines.engine.ledger import readable_ledger
from pipelines.incremental.customer_rows import SOURCES, RowsOfCustomers
from pipelines.periods import BillingMonth
from pipelines.storage.store import Store
from pipelines.tables.base import CUSTOMER, rows_of_table
from pipelines.tables.rows.gold import GoldBillingSuppliesComputed, SupplyMeterRecord
from pipelines.tables.supplies import GoldBillingSupplies
from pipelines.transforms.billing.supplies import derive_supplies
from products.efficiency_bill.declaration import EFFICIENCY_BILL_DECLARED

Meters = dict[str, Sequence[SupplyMeterRecord]]


def billed_supplies(
    store: Store, month: BillingMonth, customers: Sequence[str], runs: Mapping[str, str]
) -> Meters:
    """Customer -> the meters of its supply in the month, for each that has one.

    runs  Customer -> the run that issued its bill. The ledger tells which version of gold_billing_supplies
          that run read. Bills that were issued before there was the table, and those whose version is gone,
          have the supply made here of what is metered and agreed now.
    """
    found: Meters = {}
    by_version: dict[int, list[str]] = {}
    for customer in customers:
        version = version_read(store, runs.get(customer, ""))
        if version is not None:
            by_version.setdefault(version, []).append(customer)
    for version, names in by_version.items():
        found |= _at_version(store, month, names, version)
    left = sorted({*customers} - found.keys())
    return found | (_as_now(store, month, left) if left else {})


def version_read(store: Store, run_id: str) -> int | None:
    """The version of gold_billing_supplies that the run's bills were made from; None where it is not told."""
    ledger = readable_ledger(store.settings.home)
    for step in () if ledger is None else ledger.steps(run_id):
        if step["step"] == EFFICIENCY_BILL_DECLARED.name:
            version = step["versions_read"].get(GoldBillingSupplies.name)
            return None if version is None or version < 0 else int(version)
    return None


def _at_version(store: Store, month: BillingMonth, customers: Sequence[str], version: int) -> Meters:
    columns = [CUSTOMER, "meters"]
    wanted = [("billing_month", "=", str(month)), (CUSTOMER, "in", sorted(customers))]
    try:
        rows = store.arrow(GoldBillingSupplies, columns, wanted, version)
    except DeltaError:
        return {}
    return _meters(rows_of_table(rows, GoldBillingSuppliesComputed))


def _as_now(store: Store, month: BillingMonth, customers: Sequence[str]) -> Meters:
    files = {source: store.data_paths(source) for source in SOURCES}
    _, metered, segments, terms, points, shares = RowsOfCustomers(files).of_subjects(customers)
    rows = derive_supplies(customers, metered, segments, terms, points, shares, None)
    made = rows_of_table(rows, GoldBillingSuppliesComputed)
    return _meters(row for row in made if row["billing_month"] == str(month))


def _meters(rows: Iterable[GoldBillingSuppliesComputed]) -> Meters:
    return {row["customer_id"]: row["meters"] for row in rows}
