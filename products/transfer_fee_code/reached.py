"""Which changes reach the fee codes: what a supplier is billed for, and what lies behind another's meter."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.engine.step import Inputs
from pipelines.incremental.reached import changed_sources, differing_rows, values_in
from pipelines.storage.scan import read_columns
from pipelines.tables.gold import GoldBillingDeterminants
from pipelines.tables.silver import SilverTransferDeclarations

_OF_METERING = ("customer_id", "parent_meter_point_id")


def reaches_codes(inputs: Inputs) -> bool:
    """Whether changed determinants of the months asked for are of a supplier of those months, or of a meter
    behind another.
    """
    if changed_sources(inputs) != {GoldBillingDeterminants}:
        return True
    asked = pa.array([str(month) for month in inputs.months], pa.string())
    rows = differing_rows(inputs, GoldBillingDeterminants, _OF_METERING)
    rows = rows.filter(pc.is_in(rows["billing_month"], asked))
    declared = read_columns(
        inputs.paths(SilverTransferDeclarations),
        SilverTransferDeclarations,
        ["supplier_customer_id", "billing_month"],
    )
    suppliers = values_in(declared.filter(pc.is_in(declared["billing_month"], asked)), "supplier_customer_id")
    return bool(values_in(rows, "parent_meter_point_id") or values_in(rows, "customer_id") & suppliers)
