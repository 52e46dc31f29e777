"""Which changes reach the indicators: energy of customers with payments; others have none."""

from __future__ import annotations

from pipelines.engine.step import Inputs
from pipelines.incremental.reached import changed_sources, differing_rows, values_in
from pipelines.storage.scan import read_columns
from pipelines.tables.gold import GoldDayEnergy
from pipelines.tables.silver import SilverPayments

_OF_ENERGY = ("customer_id", "deducted_customer_id")


def reaches_indicators(inputs: Inputs) -> bool:
    """Whether a changed day counts for a customer who is billed, as their own or as one that is deducted."""
    if changed_sources(inputs) != {GoldDayEnergy}:
        return True
    named = values_in(differing_rows(inputs, GoldDayEnergy, _OF_ENERGY), *_OF_ENERGY)
    payers = read_columns(inputs.paths(SilverPayments), SilverPayments, ["customer_id"])
    return bool(named & values_in(payers, "customer_id"))
