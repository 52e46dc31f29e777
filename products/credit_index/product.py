"""The product: scores of a month with their reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipelines.engine.revisions import Bucket, Standing
from pipelines.engine.step import Inputs, Written
from pipelines.incremental.issue_in_buckets import MadeResults, issue_in_buckets
from pipelines.incremental.workers import bucket_count
from pipelines.periods import BillingMonth
from pipelines.settings import SettingsFile
from pipelines.storage.scan import row_count
from pipelines.tables.base import CUSTOMER, Table
from products.credit_index.declaration import CREDIT_INDEX_DECLARED
from products.credit_index.month_rows import READS, MonthRows
from products.credit_index.scored_rows import scored_rows
from products.credit_index.scoring import Scorer
from products.credit_index.settings import CreditIndexSettings
from products.credit_index.training import MODEL

if TYPE_CHECKING:
    from pipelines.facts import Facts

MOST_ON_DRIVER = 10_000
"""Customers of a month who are scored before a worker has started."""
CUSTOMERS_PER_TASK = 10_000


class CreditIndex:
    """Electricity credit index, by the champion of ``credit_index``."""

    name = CREDIT_INDEX_DECLARED.name
    reads: tuple[type[Table], ...] = READS
    result: type[Table] = CREDIT_INDEX_DECLARED.result
    evidence: tuple[type[Table], ...] = CREDIT_INDEX_DECLARED.evidence
    models: tuple[str, ...] = (MODEL,)
    optional_models: tuple[str, ...] = ()
    accounts: tuple[type[Table], ...] = ()
    settings: tuple[type[SettingsFile], ...] = (CreditIndexSettings,)
    uses_facts = False

    def compute(self, inputs: Inputs, month: BillingMonth, facts: Facts) -> Mapping[type[Table], Written]:
        """Scores of every customer with enough history. Workers make and write those of their bucket; a small
        month is the driver's.
        """
        rows, bundle = MonthRows.of(inputs, month), inputs.bundles[MODEL]
        files, version = dict(bundle.files), bundle.version
        of_month, count = rows.indicator_files(month), 1
        if row_count(of_month) > MOST_ON_DRIVER:
            count = bucket_count(inputs, of_month, CUSTOMERS_PER_TASK)

        def make(bucket: Bucket, standing: Standing) -> MadeResults:
            del standing
            held, scorer = rows.of_bucket(bucket), Scorer.from_files(files)
            return MadeResults(
                scored_rows(held.rows, held.before, held.paid, scorer, rows.settings, str(month), version)
            )

        buckets = [Bucket(CUSTOMER, number, count) for number in range(count)]
        issued, _ = issue_in_buckets(
            inputs, (self.result, *self.evidence), buckets, make, is_alone=count == 1
        )
        return issued


CREDIT_INDEX = CreditIndex()
