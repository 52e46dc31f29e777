"""Which codes are issued anew: those that say another thing. Evidence alone, as a column that a later version
added, issues none.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from pipelines.engine.revisions import Rows, Settle, Standing, Subject, subject_key, subjects_of
from pipelines.periods import BillingMonth
from pipelines.tables.base import Table
from pipelines.tables.revised import ORIGIN_COLUMNS, product_schema
from products.transfer_fee_code.tables import SUPPLIER, TransferFeeCodeV1


def settle_codes(made: Mapping[type[Table], pa.Table], standing: Standing, month: BillingMonth) -> Settle:
    """Holds codes that differ from their newest revision against it.

    made  Result and evidence of a bucket.
    """
    key = subject_key(TransferFeeCodeV1)
    told = [name for name in product_schema(TransferFeeCodeV1).names if name not in ORIGIN_COLUMNS]

    def settle(differing: Mapping[Subject, int]) -> Rows:
        suppliers = {str(subject[key.index(SUPPLIER)]) for subject in differing}
        held = standing.rows(TransferFeeCodeV1, [str(month)], [*told, "revision"], suppliers)
        newest = {
            subject: row
            for subject, row in zip(subjects_of(held, key), held.to_pylist(), strict=True)
            if differing.get(subject) == row["revision"]
        }
        result = made[TransferFeeCodeV1]
        changed = {
            subject
            for subject, row in zip(subjects_of(result, key), result.select(told).to_pylist(), strict=True)
            if subject in differing and row | {"revision": differing[subject]} != newest.get(subject)
        }
        return {
            table: rows.filter(pa.array([each in changed for each in subjects_of(rows, key)], pa.bool_()))
            for table, rows in made.items()
        }

    return settle
