"""Which changes reach the fee codes: what a supplier is billed for, with what lies behind its meters."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.engine.step import Inputs
from pipelines.incremental.reached import changed_sources, differing_rows, values_in
from pipelines.storage.scan import read_columns
from pipelines.tables.base import CUSTOMER
from pipelines.tables.silver import SilverTransferDeclarations
from pipelines.tables.supplies import GoldBillingSupplies


def reaches_codes(inputs: Inputs) -> bool:
    """Whether changed supplies of the months asked for are a supplier's of those months."""
    if changed_sources(inputs) != {GoldBillingSupplies}:
        return True
    asked = pa.array([str(month) for month in inputs.months], pa.string())
    rows = differing_rows(inputs, GoldBillingSupplies)
    rows = rows.filter(pc.is_in(rows["billing_month"], asked))
    declared = read_columns(
        inputs.paths(SilverTransferDeclarations),
        SilverTransferDeclarations,
        ["supplier_customer_id", "billing_month"],
    )
    suppliers = values_in(declared.filter(pc.is_in(declared["billing_month"], asked)), "supplier_customer_id")
    return bool(values_in(rows, CUSTOMER) & suppliers)
