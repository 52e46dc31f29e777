"""Many supplies, each as ``price_supply`` prices it: in batches where these can, by itself what a batch
refuses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from pipelines.errors import ZhixiangError
from pipelines.facts import Facts
from pipelines.tariff.batch.bills import price_batch
from pipelines.tariff.batch.columns import bills_that_fit
from pipelines.tariff.batch.months import priced_months
from pipelines.tariff.batch.price_sheets import PriceSheets
from pipelines.tariff.contract import SupplyMonth
from pipelines.tariff.lines import PricedMonth
from pipelines.tariff.pricing import price_supply

BATCH = 20_000
# Asking for the prices of each kind of contract takes a batch about as long as pricing so many bills by
# themselves.
LEAST = 8


def price_many(
    supplies: Sequence[SupplyMonth], facts: Facts, known: date | None = None
) -> Iterator[PricedMonth | ZhixiangError]:
    """The priced months in the order of the supplies; in place of one that cannot be priced the error that
    ``price_supply`` raises for it.

    known  Only facts known by this day count; none: all.
    """
    sheets = PriceSheets(facts, known)
    for start in range(0, len(supplies), BATCH):
        chunk = supplies[start : start + BATCH]
        found = _in_batch(chunk, facts, known, sheets) if len(chunk) >= LEAST else {}
        for place, supply in enumerate(chunk):
            yield found[place] if place in found else _alone(supply, facts, known)


def _in_batch(
    supplies: Sequence[SupplyMonth], facts: Facts, known: date | None, sheets: PriceSheets
) -> dict[int, PricedMonth]:
    """What a batch prices, by place; nothing where one number is too large for it to stay exact."""
    bills = bills_that_fit((str(place), supply) for place, supply in enumerate(supplies))
    try:
        priced = price_batch(bills, facts, known, sheets)
    except OverflowError:
        return {}
    return {int(place): month for place, month in priced_months(priced.lines, priced.months)}


def _alone(supply: SupplyMonth, facts: Facts, known: date | None) -> PricedMonth | ZhixiangError:
    try:
        return price_supply(supply, facts, known)
    except ZhixiangError as error:
        return error
