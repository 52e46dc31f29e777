"""Energy fed into the grid, bought at the price that the contract agrees."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from itertools import groupby

from pipelines.codes import Confidence, LineComponent
from pipelines.errors import UsageError
from pipelines.tariff.charges.basic_charge_runs import span_days
from pipelines.tariff.charges.energy_sheet import PER_KWH
from pipelines.tariff.contract import Segment, SupplyMonth
from pipelines.tariff.lines import Charge, LinePrice, line_price

# A term of the contract: no document of it was read.
EXPORTED = ("contract.export_price_cny_per_kwh", Confidence.UNVERIFIED)


def export_charges(supply: SupplyMonth) -> Iterator[Charge]:
    """The credit for energy fed in, at the price that the contract agrees; without a price it is not bought.

    The first section with a price feeds in; where its price changes, begins or ends inside the month, the
    energy goes by days.
    """
    quantity = supply.exported_kwh
    buying = next((each.section for each in supply.segments if _price(each) is not None), None)
    if buying is None or not quantity:
        return
    own = [each for each in supply.segments if each.section == buying]
    spans = [list(same) for _, same in groupby(own, key=_price)]
    counted = sum(map(span_days, own))
    for same in spans:
        price = _price(same[-1])
        if price is None:
            continue
        if price < 0:
            raise UsageError(f"An export price must not be negative: {price}.")
        if len(spans) == 1:
            yield Charge(_credit(str(price)), quantity, f"{quantity:f} kWh")
            continue
        first_day, last_day = same[0].first_day, same[-1].last_day
        days = (last_day - first_day).days + 1
        text, share = f"{quantity:f} kWh × {days}/{counted} d", (Decimal(days), Decimal(counted))
        yield Charge(_credit(str(price)), quantity, text, None, first_day, last_day, share=share)


def _price(segment: Segment) -> Decimal | None:
    return segment.contract.export_price_cny_per_kwh


@lru_cache(maxsize=1000)
def _credit(written: str) -> LinePrice:
    """The row of a price, which is shown with the digits that the contract gives it."""
    price = Decimal(written)
    tail = f" × −{price:f} CNY/kWh (fed into the grid, price of the contract)"
    return line_price(LineComponent.EXPORTED_ENERGY, -price, PER_KWH, (EXPORTED,), tail)
