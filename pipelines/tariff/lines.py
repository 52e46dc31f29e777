"""Lines of a bill: every amount is quantity x unit price, rounded once, half up, to 0.01 CNY (ruling R4).

A price sheet says what is charged at which price (``LinePrice``), a charge how much of it (``Charge``), and
``settle_lines`` makes the lines: one product, one rounding, one construction of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from pipelines.codes import Confidence, ContractNote, LineComponent, TouPeriod
from pipelines.errors import UsageError
from pipelines.money import round_half_up, round_to_fen
from pipelines.periods import BillingMonth

QUANTITY_STEP = Decimal("0.000001")
AVERAGE_PRICE_STEP = Decimal("0.0001")
Ground = tuple[str, Confidence]
"""Id of a fact that a line rests on, and how sure it is."""
Cell = TouPeriod | LineComponent | None
"""A part of a segment's energy: that of a period, of a tier, or all of it."""
_ORDER = tuple(Confidence)


class BillLine(NamedTuple):
    """One line: its amount is the exact quantity x ``unit_price``, rounded once, half up.

    line_number      From 1, in the order of the bill.
    component        What is charged; a closed list (ruling R5).
    period           Time-of-use period of an energy line; None elsewhere.
    quantity         In ``quantity_unit``; for the power factor adjustment its base in CNY. Shown to 0.000001
                     where it has more digits, such as a third of a demand: the amount comes from all of them.
    unit_price       In ``price_unit``, exact; for the power factor adjustment the ratio.
    fact_id          The fact that sets the price, as ``Facts.describe`` lists it.
    fact_confidence  The least sure of all that the line rests on.
    formula          How quantity and unit price came about.
    first_day, last_day  Days that the line covers where they are not the whole month; None: the whole month.
    section          Part of the supply that the line belongs to, where there are several; else empty.
    rests_on         Every fact that quantity or price come from, ``fact_id`` first: an id of
                     ``Facts.describe``, one that stands for all ids below it (``basic_charge.demand``), or a
                     term of the contract (``contract...``).
    standard         Power factor to be reached, of an adjustment; None elsewhere. [1]
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
    rests_on: tuple[str, ...] = ()
    standard: Decimal | None = None


@dataclass(frozen=True)
class PricedMonth:
    """A priced billing month.

    total_cny                  Sum of the lines. [CNY]
    is_illustrative            Whether any line rests on an illustrative price (示意电价).
    lowest_confidence          The least sure of the lines' facts.
    power_factor               Monthly mean, rounded half up to 0.01; None where reactive energy is not
                               metered. [1]
    adjustment_ratio           Power factor adjustment; None where none applies. [1]
    average_price_cny_per_kwh  total / energy, rounded half up to 0.0001; None without energy. [CNY/kWh]
    missing_inputs             What the contract asks for and the month lacks.
    notes                      What the contract agrees beside the rules on prices, and the rulings by which
                               a change inside the month was priced.
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
    notes: tuple[ContractNote, ...] = ()


class LinePrice(NamedTuple):
    """A row of a price sheet: what every line of one component and cell has in common.

    tail   How the formula goes on after the quantity.
    cell   The part of a segment's energy that it prices.
    The other fields are those of ``BillLine``.
    """

    component: LineComponent
    period: TouPeriod | None
    quantity_unit: str
    unit_price: Decimal
    price_unit: str
    fact_id: str
    fact_confidence: Confidence
    rests_on: tuple[str, ...]
    tail: str
    cell: Cell = None


class Charge(NamedTuple):
    """How much of a price is charged.

    quantity    Of the whole month.
    text        What the formula says before the tail of the price.
    terms       Standard of the power factor of the contract that it is charged under: the adjustment finds
                its base by it. None: it belongs to no base. [1]
    share       Part of the quantity that is charged, as days and the days they are divided by; None: all of
                it.
    standard    As in ``BillLine``.
    """

    price: LinePrice
    quantity: Decimal
    text: str
    terms: Decimal | None = None
    first_day: date | None = None
    last_day: date | None = None
    section: str = ""
    share: tuple[Decimal, Decimal] | None = None
    standard: Decimal | None = None


def line_price(
    component: LineComponent,
    unit_price: Decimal,
    units: tuple[str, str],
    grounds: Sequence[Ground],
    tail: str,
    period: TouPeriod | None = None,
    cell: Cell = None,
    reading: Confidence = Confidence.OFFICIAL,
) -> LinePrice:
    """A row of a price sheet.

    units    Of the quantity and of the price.
    grounds  The facts that it rests on, that of the price first.
    reading  How sure it is that these facts are put together so.
    """
    rests_on = tuple(dict.fromkeys(name for name, _ in grounds))
    confidence = least_sure((reading, *(sure for _, sure in grounds)))
    quantity_unit, price_unit = (str(unit) for unit in units)
    return LinePrice(
        component,
        period,
        quantity_unit,
        unit_price,
        price_unit,
        rests_on[0],
        confidence,
        rests_on,
        tail,
        period if cell is None else cell,
    )


def settle_lines(charges: Iterable[Charge], first_number: int = 1) -> list[BillLine]:
    """The lines of some charges, numbered on from ``first_number``.

    The amount is quantity x days x unit price / divisor, rounded once; the quantity shown is rounded by
    itself, the unit price never.
    """
    lines: list[BillLine] = []
    for number, charge in enumerate(charges, first_number):
        price, quantity, text, _, first_day, last_day, section, share, standard = charge
        component, period, unit, unit_price, price_unit, fact_id, sure, rests_on, tail, _ = price
        if share is None:
            exact, amount = quantity, quantity * unit_price
        else:
            days, divisor = share
            # Divided last: a product that comes to half a fen exactly is not lost in the digits of a quantity
            # that never ends.
            exact, amount = quantity * days / divisor, quantity * days * unit_price / divisor
        shown = round_half_up(exact, QUANTITY_STEP)
        lines.append(
            BillLine(
                number,
                component,
                period,
                exact if shown == exact else shown,
                unit,
                unit_price,
                price_unit,
                round_to_fen(amount),
                fact_id,
                sure,
                text + tail,
                first_day,
                last_day,
                section,
                rests_on,
                standard,
            )
        )
    return lines


def least_sure(confidences: Iterable[Confidence]) -> Confidence:
    """The least sure of several; official where there is none."""
    return max(confidences, key=_ORDER.index, default=Confidence.OFFICIAL)


def average_price(total_cny: Decimal, energy_kwh: Decimal) -> Decimal | None:
    """total / energy, rounded half up to 0.0001; None without energy. [CNY/kWh]"""
    return round_half_up(total_cny / energy_kwh, AVERAGE_PRICE_STEP) if energy_kwh else None


def is_issuable(is_illustrative: bool, is_demo: bool) -> bool:
    """Whether a bill may be issued: one on an illustrative price (示意电价, R1) in the demo alone."""
    return is_demo or not is_illustrative


def require_issuable(priced: PricedMonth, is_demo: bool) -> None:
    """Refuses a bill that ``is_issuable`` lets nobody issue or sign."""
    if not is_issuable(priced.is_illustrative, is_demo):
        raise UsageError(
            (
                f"The bill of {priced.month} rests on an illustrative price (示意电价); it can be shown, not "
                "issued or signed."
            ),
            "Load the published prices of the month with `zhixiang facts load-prices FILE`.",
        )
