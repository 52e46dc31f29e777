"""Lines of a bill: every amount is quantity x unit price, rounded once, half up, to 0.01 CNY (ruling R4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from pipelines.codes import Confidence, LineComponent, TouPeriod
from pipelines.money import round_half_up, round_to_fen
from pipelines.periods import BillingMonth

QUANTITY_STEP = Decimal("0.000001")
AVERAGE_PRICE_STEP = Decimal("0.0001")
_ORDER = tuple(Confidence)


@dataclass(frozen=True)
class BillLine:
    """One line: ``round_to_fen(quantity * unit_price) == amount_cny``, always.

    line_number      From 1, in the order of the bill.
    component        What is charged; a closed list (ruling R5).
    period           Time-of-use period of an energy line; None elsewhere.
    quantity         In ``quantity_unit``; for the power factor adjustment its base in CNY.
    unit_price       In ``price_unit``, exact; for the power factor adjustment the ratio.
    fact_id          The fact that sets the price, as ``Facts.describe`` lists it.
    fact_confidence  The least sure of the facts behind the unit price.
    formula          How quantity and unit price came about.
    first_day, last_day  Days that the line covers where they are not the whole month; None: the whole month.
    section          Part of the supply that the line belongs to, where there are several; else empty.
    """

    line_number: int
    component: LineComponent
    period: TouPeriod | None
    quantity: Decimal
    quantity_unit: str
    unit_price: Decimal
    price_unit: str
    amount_cny: Decimal
    fact_id: str
    fact_confidence: Confidence
    formula: str
    first_day: date | None = None
    last_day: date | None = None
    section: str = ""


@dataclass(frozen=True)
class PricedMonth:
    """A priced billing month.

    total_cny                  Sum of the lines. [CNY]
    is_illustrative            Whether any line rests on an illustrative price (示意电价).
    lowest_confidence          The least sure of the lines' facts.
    power_factor               Monthly mean, rounded half up to 0.01; None where reactive energy is not metered. [1]
    adjustment_ratio           Power factor adjustment; None where none applies. [1]
    average_price_cny_per_kwh  total / energy, rounded half up to 0.0001; None without energy. [CNY/kWh]
    missing_inputs             What the contract asks for and the month lacks.
    """

    month: BillingMonth
    lines: tuple[BillLine, ...]
    total_cny: Decimal
    is_illustrative: bool
    lowest_confidence: Confidence
    power_factor: Decimal | None
    adjustment_ratio: Decimal | None
    average_price_cny_per_kwh: Decimal | None
    missing_inputs: tuple[str, ...]


def make_line(
    component: LineComponent,
    quantity: Decimal,
    quantity_unit: str,
    unit_price: Decimal,
    price_unit: str,
    fact_id: str,
    confidence: Confidence,
    formula: str,
    period: TouPeriod | None = None,
) -> BillLine:
    """A line not yet numbered; the quantity is carried to 0.000001, the unit price is never rounded."""
    carried = round_half_up(quantity, QUANTITY_STEP)
    # An exact quantity keeps its own digits; only one that never ends (a part of a month) is cut.
    if carried == quantity:
        carried = quantity
    amount = round_to_fen(carried * unit_price)
    return BillLine(0, component, period, carried, str(quantity_unit), unit_price, str(price_unit), amount, fact_id, confidence, formula)


def number_lines(lines: Iterable[BillLine]) -> tuple[BillLine, ...]:
    """The lines numbered from 1."""
    return tuple(replace(line, line_number=number) for number, line in enumerate(lines, start=1))


def least_sure(confidences: Iterable[Confidence]) -> Confidence:
    """The least sure of several; official where there is none."""
    return max(confidences, key=_ORDER.index, default=Confidence.OFFICIAL)


def average_price(total_cny: Decimal, energy_kwh: Decimal) -> Decimal | None:
    """total / energy, rounded half up to 0.0001; None without energy. [CNY/kWh]"""
    return round_half_up(total_cny / energy_kwh, AVERAGE_PRICE_STEP) if energy_kwh else None
