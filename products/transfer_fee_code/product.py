"""The product: every tenant's declaration of a month against the lawful reference, as result and evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.engine.issued_files import discard_issued
from pipelines.engine.revisions import Bucket, Standing
from pipelines.facts import Facts
from pipelines.incremental.issue_in_buckets import MadeResults, issue_in_buckets
from pipelines.incremental.workers import bucket_count
from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.settings import SettingsFile
from pipelines.storage.scan import by_partition, read_columns
from pipelines.tables.base import CUSTOMER, Table, rows_of_table
from pipelines.tables.rows.gold import GoldBillingSuppliesRow
from pipelines.tables.rows.silver import SilverCustomersRow, SilverTransferDeclarationsRow
from pipelines.tables.silver import SilverCustomers, SilverTransferDeclarations
from pipelines.tables.supplies import GoldBillingSupplies
from pipelines.transforms.billing.supply_rows import Supplies
from products.transfer_fee_code.changed_codes import settle_codes
from products.transfer_fee_code.coded_rows import coded_rows
from products.transfer_fee_code.declaration import TRANSFER_FEE_CODE_DECLARED
from products.transfer_fee_code.price.lawful_reference import known_bills, master_bills
from products.transfer_fee_code.served_model import MODEL
from products.transfer_fee_code.settings import TransferFeeCodeSettings
from products.transfer_fee_code.tables import SUPPLIER

if TYPE_CHECKING:
    from pipelines.engine.step import Inputs, Written

MOST_ON_DRIVER = 5_000
"""Declarations of a month that are answered before a worker has started."""
DECLARATIONS_PER_TASK = 5_000
_MONTH = "billing_month"
_READS: tuple[type[Table], ...] = (SilverTransferDeclarations, SilverCustomers, GoldBillingSupplies)


@dataclass(frozen=True)
class MonthRows:
    """The sources of a month's codes; it travels to the workers.

    files  Source -> addresses of its data files; of supplies those of the month.
    """

    month: BillingMonth
    files: Mapping[type[Table], Sequence[str]]

    @classmethod
    def of(cls, inputs: Inputs, month: BillingMonth) -> MonthRows:
        """The rows that a step is given."""
        files = {table: inputs.paths(table) for table in _READS}
        of_months = by_partition(files[GoldBillingSupplies], GoldBillingSupplies)
        files[GoldBillingSupplies] = of_months.get(str(month), [])
        return cls(month, files)

    def declaration_count(self) -> int:
        """How many declarations the month has."""
        of_month = ds.field(_MONTH) == str(self.month)
        files = self.files[SilverTransferDeclarations]
        return int(read_columns(files, SilverTransferDeclarations, [_MONTH], of_month).num_rows)

    def declarations(self, bucket: Bucket) -> list[SilverTransferDeclarationsRow]:
        """Declarations of the month and the months before to the suppliers of a bucket."""
        columns = SilverTransferDeclarations.business_columns()
        rows = bucket.rows(self.files[SilverTransferDeclarations], SilverTransferDeclarations, columns)
        rows = rows.filter(pc.less_equal(rows[_MONTH], str(self.month)))
        return rows_of_table(rows, SilverTransferDeclarationsRow)

    def accounts(self, suppliers: set[str]) -> Supplies:
        """Accounts of the month of some suppliers, who are few among all customers."""

        def rows(table: type[Table]) -> pa.Table:
            wanted = ds.field(CUSTOMER).isin(pa.array(sorted(suppliers), pa.string()))
            return read_columns(self.files[table], table, table.business_columns(), wanted, use_threads=False)

        return Supplies(
            rows_of_table(rows(GoldBillingSupplies), GoldBillingSuppliesRow),
            rows_of_table(rows(SilverCustomers), SilverCustomersRow),
        )


class TransferFeeCode:
    """The transfer-supply fee code (转供电费码)."""

    name = TRANSFER_FEE_CODE_DECLARED.name
    reads: tuple[type[Table], ...] = _READS
    result: type[Table] = TRANSFER_FEE_CODE_DECLARED.result
    evidence: tuple[type[Table], ...] = TRANSFER_FEE_CODE_DECLARED.evidence
    models: tuple[str, ...] = ()
    optional_models: tuple[str, ...] = (MODEL,)
    accounts: tuple[type[Table], ...] = ()
    settings: tuple[type[SettingsFile], ...] = (TransferFeeCodeSettings, PublicationSettings)
    uses_facts = True

    def compute(self, inputs: Inputs, month: BillingMonth, facts: Facts) -> Mapping[type[Table], Written]:
        """One code and one row of evidence per declaration of the month. Workers make and write those of
        their bucket of suppliers; a small month is the driver's.

        Raises FactNotInForceError where the code did not exist in the month, or no price covers it of any
        supplier.
        """
        # A worker's error comes back as its text alone.
        facts.transfer_supply.on(month.last_day)
        rows, bundle = MonthRows.of(inputs, month), inputs.bundles.get(MODEL)
        settings = inputs.settings.section(TransferFeeCodeSettings)
        limits = inputs.settings.section(PublicationSettings)
        count = 1
        if rows.declaration_count() > MOST_ON_DRIVER:
            # A bucket reads its suppliers' rows of all months.
            count = bucket_count(inputs, rows.files[SilverTransferDeclarations], DECLARATIONS_PER_TASK)

        def make(bucket: Bucket, standing: Standing) -> MadeResults:
            declared = rows.declarations(bucket)
            suppliers = {
                row["supplier_customer_id"] for row in declared if row["billing_month"] == str(month)
            }
            known = known_bills(suppliers, rows.accounts(suppliers), month, facts, settings, limits)
            made = coded_rows(declared, known.bills, bundle, month, facts, settings, limits)
            return MadeResults(
                made,
                settle_codes(made, standing, month),
                {"is_any_priced": known.is_any_priced, "uncovered": known.uncovered},
            )

        tables = (self.result, *self.evidence)
        buckets = [Bucket(SUPPLIER, number, count) for number in range(count)]
        issued, told = issue_in_buckets(inputs, tables, buckets, make, is_alone=count == 1)
        uncovered = sorted(name for of_bucket in told for name in of_bucket["uncovered"])
        if uncovered and not any(of_bucket["is_any_priced"] for of_bucket in told):
            discard_issued(inputs.location, issued)
            # The first of them says which fact is not there.
            master_bills(uncovered[:1], rows.accounts({*uncovered[:1]}), month, facts, settings, limits)
        return issued


TRANSFER_FEE_CODE = TransferFeeCode()
