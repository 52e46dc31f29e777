"""The one place where supplies of customers are priced for bills, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pipelines.errors import FactNotInForceError, ZhixiangError
from pipelines.facts import Facts
from pipelines.tariff import PricedMonth, SupplyMonth
from pipelines.tariff.contract import CURVE, missing_of_supply
from pipelines.tariff.many import price_many
from products.efficiency_bill.cases import Case


def price_supplies(
    supplies: Sequence[SupplyMonth | None], facts: Facts, known: date | None = None, *, unpublished: bool = False
) -> list[PricedMonth | None]:
    """The priced months, many together and in the order of the supplies; None where there is no supply or it asks for a curve that is missing.

    known        Only facts known by this day count; none: all.
    unpublished  Whether a month whose prices are not published gives None; else it raises FactNotInForceError.
    """
    is_asked = [supply is not None and CURVE not in missing_of_supply(supply) for supply in supplies]
    found = price_many([supply for supply, asked in zip(supplies, is_asked, strict=True) if supply is not None and asked], facts, known)
    return [_published(next(found), unpublished) if asked else None for asked in is_asked]


def price_case(case: Case, facts: Facts, known: date | None = None) -> PricedMonth | None:
    """The month of one case, as ``price_supplies`` gives it."""
    return price_supplies([case.priced_supply], facts, known)[0]


def _published(found: PricedMonth | ZhixiangError, unpublished: bool) -> PricedMonth | None:
    if isinstance(found, PricedMonth):
        return found
    if unpublished and isinstance(found, FactNotInForceError):
        return None
    raise found
