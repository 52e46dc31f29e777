"""Which changes reach the fee codes: what a supplier is billed from."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.engine.step import Inputs
from pipelines.incremental.reached import changed_sources, differing_rows, values_in
from pipelines.storage.scan import read_columns
from pipelines.tables.base import CUSTOMER
from pipelines.tables.silver import SilverTransferDeclarations
from pipelines.tables.supplies import GoldBillingSupplies
from products.transfer_fee_code.tables import SUPPLIER


def reaches_codes(inputs: Inputs) -> bool:
    """Whether a changed supply of the months asked for is of a supplier of those months. What lies behind a
    supplier's meter is part of its supply.
    """
    if changed_sources(inputs) != {GoldBillingSupplies}:
        return True
    asked = pa.array([str(month) for month in inputs.months], pa.string())
    rows = differing_rows(inputs, GoldBillingSupplies)
    rows = rows.filter(pc.is_in(rows["billing_month"], asked))
    declared = read_columns(
        inputs.paths(SilverTransferDeclarations), SilverTransferDeclarations, [SUPPLIER, "billing_month"]
    )
    suppliers = values_in(declared.filter(pc.is_in(declared["billing_month"], asked)), SUPPLIER)
    return bool(values_in(rows, CUSTOMER) & suppliers)
