"""What the scores of a month are made from: read for one bucket of customers, by a worker or the driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.engine.revisions import Bucket
from pipelines.engine.step import Inputs
from pipelines.periods import BillingMonth
from pipelines.storage.scan import by_partition
from pipelines.tables.base import CUSTOMER, Table
from pipelines.tables.silver import SilverCustomers, SilverPayments
from pipelines.transforms.ground.in_force import FIRST_DAY, LAST_DAY
from products.credit_index.indicator_table import GoldCustomerIndicators
from products.credit_index.reasons import NAMES
from products.credit_index.scored_rows import USED, Paid
from products.credit_index.settings import CreditIndexSettings

READS: tuple[type[Table], ...] = (GoldCustomerIndicators, SilverCustomers, SilverPayments)
_OF_CUSTOMERS = ("customer_name", "industry_code", "provenance")
_BEFORE = (*NAMES, "history_months")


@dataclass(frozen=True)
class MonthRows:
    """The sources of a month's scores; it travels to the workers.

    files  Source -> addresses of its data files.
    """

    month: BillingMonth
    files: Mapping[type[Table], Sequence[str]]
    settings: CreditIndexSettings

    @classmethod
    def of(cls, inputs: Inputs, month: BillingMonth) -> MonthRows:
        """The rows that a step is given."""
        files = {table: inputs.paths(table) for table in READS}
        return cls(month, files, inputs.settings.section(CreditIndexSettings))

    def indicator_files(self, month: BillingMonth) -> list[str]:
        """Data files of the indicators of a month."""
        files = self.files[GoldCustomerIndicators]
        return by_partition(files, GoldCustomerIndicators).get(str(month), [])

    def of_bucket(self, bucket: Bucket) -> MonthOfCustomers:
        """What the customers of one bucket are scored by."""
        rows = bucket.rows(self.indicator_files(self.month), GoldCustomerIndicators, (CUSTOMER, *USED))
        rows = rows.filter(pc.greater_equal(rows["history_months"], self.settings.min_history_months))
        rows = self._with_terms(rows, bucket)
        compared = self.month.plus(-self.settings.compared_months)
        before = bucket.rows(self.indicator_files(compared), GoldCustomerIndicators, (CUSTOMER, *_BEFORE))
        place = pc.index_in(rows[CUSTOMER], value_set=before[CUSTOMER].combine_chunks())
        return MonthOfCustomers(rows, before.select(_BEFORE).take(place), self._paid(rows, bucket))

    def _with_terms(self, rows: pa.Table, bucket: Bucket) -> pa.Table:
        """Those with terms on the last day of the month, with what they say."""
        day = pa.scalar(self.month.last_day, pa.date32())
        columns = (CUSTOMER, FIRST_DAY, LAST_DAY, *_OF_CUSTOMERS)
        terms = bucket.rows_held(self.files[SilverCustomers], SilverCustomers, columns)
        lasts = pc.or_kleene(pc.is_null(terms[LAST_DAY]), pc.greater_equal(terms[LAST_DAY], day))
        terms = terms.filter(pc.and_(pc.less_equal(terms[FIRST_DAY], day), lasts))
        place = pc.index_in(rows[CUSTOMER], value_set=terms[CUSTOMER].combine_chunks())
        rows, held = rows.filter(pc.is_valid(place)), terms.take(place.drop_null())
        for name in _OF_CUSTOMERS:
            rows = rows.append_column(name, held[name])
        return rows

    def _paid(self, rows: pa.Table, bucket: Bucket) -> Paid:
        columns = (CUSTOMER, "billing_month", "provenance")
        paid = bucket.rows_held(self.files[SilverPayments], SilverPayments, columns)
        paid = paid.filter(pc.less_equal(paid["billing_month"], str(self.month)))
        paid = paid.select([CUSTOMER, "provenance"]).group_by([CUSTOMER, "provenance"]).aggregate([])
        found: dict[str, list[str]] = {}
        for name, text in zip(paid[CUSTOMER].to_pylist(), paid["provenance"].to_pylist(), strict=True):
            found.setdefault(name, []).append(text)
        return found


@dataclass(frozen=True)
class MonthOfCustomers:
    """The month of one bucket of customers, as ``scored_rows`` takes it."""

    rows: pa.Table
    before: pa.Table
    paid: Paid
