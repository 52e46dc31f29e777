"""What advice is given on: a customer's month, priced, and the same with one thing changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypedDict

from pipelines.facts import Facts
from pipelines.money import round_half_up
from pipelines.tariff import PricedMonth, SupplyMonth, price_supply
from products.efficiency_bill.case.case import DayUsage
from products.efficiency_bill.comparison.grounds import Grounds


@dataclass(frozen=True)
class Situation:
    """What advice is drawn from.

    supply              What the bill prices; energy_kwh: the account's energy, as the bill shows it. [kWh]
    has_periods         Whether the time-of-use periods of all this energy are known.
    recent_demand_kw    Highest demands of the month and the two before, where known. [kW]
    baseline            expected, low and high energy of the month, or None. [kWh]
    intensity           own, median and best-quartile use of the peers and the floor area, or None. [kWh/m2,
                        m2]
    usage               What the days of the month tell, or None.
    grounds             What curve, peers and model tell; None for a case of an earlier version, which is
                        advised as it was then.
    percentile          Share of the other peers that use less per floor area, or None. [%]
    """

    supply: SupplyMonth
    energy_kwh: Decimal
    has_periods: bool
    priced: PricedMonth
    recent_demand_kw: Sequence[Decimal]
    baseline: tuple[float, float, float] | None
    intensity: tuple[float, float, float, float] | None
    usage: DayUsage | None
    grounds: Grounds | None = None
    percentile: float | None = None

    def said(self, saving: Decimal) -> str:
        """A saving in words: as exact as an estimate is. [CNY]"""
        return f"{saving:,.2f}" if self.grounds is None else f"{about(saving):,f}"


def about(amount: Decimal) -> Decimal:
    """An amount to two digits that count, below ten to whole ones; half up.

    >>> about(Decimal("4932.40")), about(Decimal("7.6")), about(Decimal("103016"))
    (Decimal('4900'), Decimal('8'), Decimal('100000'))
    """
    if amount == 0:
        return Decimal(0)
    step = Decimal(1).scaleb(max(amount.adjusted() - 1, 0))
    return round_half_up(amount / step, Decimal(1)) * step.quantize(Decimal(1))


class Advice(TypedDict):
    """One advice before it has a rank: a row of efficiency_bill_advice_v1 inside its bill but for that."""

    advice_id: str
    saving_cny: Decimal
    advice_zh: str
    advice_en: str
    assumption_zh: str
    assumption_en: str
    advice_inputs: str


Found = Advice | None


@dataclass(frozen=True)
class Proposal:
    """An advice and the change of the month that it asks for.

    change     What the month would have been.
    saved_kwh  Energy that it asks to use less; of several that ask for it the same kilowatt-hours may be
               meant. [kWh]
    """

    advice: Advice
    change: Callable[[SupplyMonth], SupplyMonth]
    saved_kwh: Decimal | None = None


def repriced(situation: Situation, facts: Facts, other: SupplyMonth) -> Decimal:
    """What the month would have cost less. [CNY]"""
    return situation.priced.total_cny - price_supply(other, facts).total_cny


def advice_of(
    number: int, saving: Decimal, zh: str, en: str, assumption_zh: str, assumption_en: str, **inputs: Any
) -> Advice:
    """One advice as it is stored: its number, what it saves [CNY], its words and what it assumes."""
    return {
        "advice_id": f"EB-A{number:02d}",
        "saving_cny": saving,
        "advice_zh": zh,
        "advice_en": en,
        "assumption_zh": assumption_zh,
        "assumption_en": assumption_en,
        "advice_inputs": json.dumps(inputs, sort_keys=True, default=str, ensure_ascii=False),
    }
