"""The one place where supplies of customers are priced for bills, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from typing import TypeGuard

from pipelines.errors import FactNotForContractError, FactNotInForceError, UsageError, ZhixiangError
from pipelines.facts import Facts
from pipelines.tariff import PricedMonth, SupplyMonth, joined_at_prices, price_each
from pipelines.tariff.contract import CURVE
from products.efficiency_bill.case.case import Case

# Asked for by contracts with a market price of their own and by no others.
_OF_OWN_AGREEMENTS = frozenset({"energy_composition"})

Priced = PricedMonth | UsageError | FactNotInForceError


def price_supplies(
    supplies: Sequence[SupplyMonth | None], facts: Facts, known: date | None = None
) -> list[Priced | None]:
    """The priced months, in the order of the supplies; None where there is no supply or it
    asks for a curve that is missing.

    known  Only facts known by this day count; none: all.

    In place of a month that cannot be priced stands why: a UsageError where its contract or what it measured
    cannot be meant, a
    FactNotInForceError where a fact is missing.
    """
    supplies = [_joined_months(supply, facts, known) for supply in supplies]
    is_asked = [can_be_priced(supply) for supply in supplies]
    found = price_each(
        [supply for supply, asked in zip(supplies, is_asked, strict=True) if supply is not None and asked],
        facts,
        known,
    )
    return [
        _own(next(found), supply) if asked else None for supply, asked in zip(supplies, is_asked, strict=True)
    ]


def _joined_months(supply: SupplyMonth | None, facts: Facts, known: date | None) -> SupplyMonth | None:
    """The calendar months of a billing period as one part where no price of the contract changes between."""
    if supply is None or supply.period is None:
        return supply
    with suppress(FactNotInForceError):
        return joined_at_prices(supply, facts, known)
    return supply


def can_be_priced(supply: SupplyMonth | None) -> TypeGuard[SupplyMonth]:
    """Whether prices are asked for: there is a supply, and the curve that it asks for."""
    return supply is not None and CURVE not in supply.missing_inputs


def price_case(case: Case, facts: Facts, known: date | None = None) -> PricedMonth | None:
    """The month of one case, as ``price_supplies`` gives it; raises what stands in its place."""
    (found,) = price_supplies([case.supply], facts, known)
    if isinstance(found, ZhixiangError):
        raise found
    return found


def concerns_everybody(found: Priced | None) -> bool:
    """Whether a month lacks a notice that ordinary contracts need too: then no bill of the month may be
    issued.

    What only this contract asks for must not stop the bills of the others: a value that no fact has on any
    day, or the composition
    of the price that only contracts with a market price rest on.
    """
    if not isinstance(found, FactNotInForceError) or isinstance(found, FactNotForContractError):
        return False
    return found.fact_id not in _OF_OWN_AGREEMENTS


def _own(found: PricedMonth | ZhixiangError, supply: SupplyMonth | None) -> Priced:
    if isinstance(found, FactNotInForceError) and supply is not None and found.on < supply.month.first_day:
        # Days before its month are asked for by a period alone.
        return FactNotForContractError(found.fact_id, found.on, found.covers, found.path, found.line)
    if isinstance(found, (PricedMonth, UsageError, FactNotInForceError)):
        return found
    raise found
