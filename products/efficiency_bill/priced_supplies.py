"""The one place where supplies of customers are priced for bills, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pipelines.errors import FactNotInForceError
from pipelines.facts import Facts
from pipelines.tariff import PricedMonth, SupplyMonth, price_supply
from pipelines.tariff.contract import CURVE, missing_of_supply
from products.efficiency_bill.cases import Case


def price_supplies(
    supplies: Sequence[SupplyMonth | None], facts: Facts, known: date | None = None, *, unpublished: bool = False
) -> list[PricedMonth | None]:
    """The priced months, in the order of the supplies; None where there is no supply or it asks for a curve that is missing.

    known        Only facts known by this day count; none: all.
    unpublished  Whether a month whose prices are not published gives None; else it raises FactNotInForceError.
    """
    return [_priced(supply, facts, known, unpublished) for supply in supplies]


def price_case(case: Case, facts: Facts, known: date | None = None) -> PricedMonth | None:
    """The month of one case, as ``price_supplies`` gives it."""
    return price_supplies([case.priced_supply], facts, known)[0]


def _priced(supply: SupplyMonth | None, facts: Facts, known: date | None, unpublished: bool) -> PricedMonth | None:
    if supply is None or CURVE in missing_of_supply(supply):
        return None
    try:
        return price_supply(supply, facts, known)
    except FactNotInForceError:
        if unpublished:
            return None
        raise
