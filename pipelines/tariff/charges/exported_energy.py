"""Energy fed into the grid, bought at the price that the contract agrees."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import lru_cache

from pipelines.codes import Confidence, LineComponent
from pipelines.errors import UsageError
from pipelines.tariff.charges.basic_charge_runs import span_days
from pipelines.tariff.charges.energy_sheet import PER_KWH
from pipelines.tariff.contract import SupplyMonth
from pipelines.tariff.lines import Charge, LinePrice, line_price

# A term of the contract: no document of it was read.
EXPORTED = ("contract.export_price_cny_per_kwh", Confidence.UNVERIFIED)


def export_charges(supply: SupplyMonth) -> Iterator[Charge]:
    """The credit for energy fed in, at the price that the contract agrees; without a price it is not bought.

    The first section with a price feeds in; where its price changes, begins or ends inside the month, the
    energy goes by days.
    """
    segments, quantity = supply.segments, supply.exported_kwh
    buying = next(
        (each.section for each in segments if each.contract.export_price_cny_per_kwh is not None), None
    )
    if buying is None or not quantity:
        return
    spans: list[tuple[Decimal | None, date, date]] = []
    for segment in segments:
        price = segment.contract.export_price_cny_per_kwh
        if segment.section != buying:
            continue
        if price is not None and price < 0:
            raise UsageError(f"An export price must not be negative: {price}.")
        if spans and spans[-1][0] == price:
            spans[-1] = (price, spans[-1][1], segment.last_day)
        else:
            spans.append((price, segment.first_day, segment.last_day))
    text = f"{quantity:f} kWh"
    if len(spans) == 1 and spans[0][0] is not None:
        yield Charge(_credit(str(spans[0][0])), quantity, text)
        return
    counted = sum(span_days(each) for each in segments if each.section == buying)
    for price, first_day, last_day in spans:
        if price is not None:
            days = (last_day - first_day).days + 1
            share = (Decimal(days), Decimal(counted))
            part = f"{text} × {days}/{counted} d"
            yield Charge(_credit(str(price)), quantity, part, None, first_day, last_day, share=share)


@lru_cache(maxsize=1000)
def _credit(written: str) -> LinePrice:
    """The row of a price, which is shown with the digits that the contract gives it."""
    price = Decimal(written)
    tail = f" × −{price:f} CNY/kWh (fed into the grid, price of the contract)"
    return line_price(LineComponent.EXPORTED_ENERGY, -price, PER_KWH, (EXPORTED,), tail)
