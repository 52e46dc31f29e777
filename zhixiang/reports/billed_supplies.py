"""The meters of the supplies that bills were issued by: as the issuing run read them, or as they are now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from deltalake.exceptions import DeltaError

from pipelines.engine.ledger import Ledger, readable_ledger
from pipelines.errors import DamagedPartError
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
          that run read. Bills that were issued before there was the table, and those whose version is gone or
          was one of a table that has been made anew since, have the supply made here of what is metered and
          agreed now.

    Raises DamagedPartError where the table as it stands cannot be read.
    """
    found: Meters = {}
    by_run: dict[str, list[str]] = {}
    for customer in customers:
        by_run.setdefault(runs.get(customer, ""), []).append(customer)
    for run_id, names in by_run.items():
        version = version_read(store, run_id)
        if version is not None:
            found |= _at_version(store, month, names, version)
    left = sorted({*customers} - found.keys())
    return found | (_as_now(store, month, left) if left else {})


def version_read(store: Store, run_id: str) -> int | None:
    """The version of gold_billing_supplies that the run's bills were made from; None where it is not told, or
    the table was made anew since.
    """
    ledger = readable_ledger(store.settings.home)
    if ledger is None:
        return None
    for step in ledger.steps(run_id):
        if step["step"] == EFFICIENCY_BILL_DECLARED.name:
            version = step["versions_read"].get(GoldBillingSupplies.name)
            is_told = version is not None and version >= 0 and _stood_then(store, ledger, run_id)
            return int(version) if is_told else None
    return None


def _stood_then(store: Store, ledger: Ledger, run_id: str) -> bool:
    """Whether the table that stands is the one of the run. One that was made anew counts its versions from 0
    again, so that the number alone names another table's rows.
    """
    table, then = store.delta(GoldBillingSupplies), ledger.table_id(run_id, GoldBillingSupplies.name)
    return table is not None and str(table.metadata().id) == then


def _at_version(store: Store, month: BillingMonth, customers: Sequence[str], version: int) -> Meters:
    columns = [CUSTOMER, "meters"]
    wanted = [("billing_month", "=", str(month)), (CUSTOMER, "in", sorted(customers))]
    try:
        rows = store.arrow(GoldBillingSupplies, columns, wanted, version)
    except DeltaError:
        return {}
    except DamagedPartError:
        if store.version(GoldBillingSupplies) == version:
            raise
        return {}  # files that an older version alone has may be cleared away; the table is sound
    return _meters(rows_of_table(rows, GoldBillingSuppliesComputed))


def _as_now(store: Store, month: BillingMonth, customers: Sequence[str]) -> Meters:
    files = {source: store.data_paths(source) for source in SOURCES}
    _, metered, segments, terms, points, shares = RowsOfCustomers(files).of_subjects(customers)
    rows = derive_supplies(customers, metered, segments, terms, points, shares, None)
    made = rows_of_table(rows, GoldBillingSuppliesComputed)
    return _meters(row for row in made if row["billing_month"] == str(month))


def _meters(rows: Iterable[GoldBillingSuppliesComputed]) -> Meters:
    return {row["customer_id"]: row["meters"] for row in rows}
