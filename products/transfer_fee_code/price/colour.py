"""The colour of one declaration: charged price against lawful reference, in exact fractions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from statistics import median

from pipelines.codes import FeeCodeColour, GreyReason
from pipelines.facts.transfer_supply import TransferSupplyRules
from products.transfer_fee_code.price.lawful_reference import MasterBill
from products.transfer_fee_code.settings import TransferFeeCodeSettings

SHOWN_DECIMALS = (2, 3, 4)
NO_REFERENCE = frozenset(
    (
        GreyReason.NO_MASTER_ACCOUNT,
        GreyReason.NO_MASTER_BILL,
        GreyReason.MASTER_NOT_PRICED,
        GreyReason.MASTER_INCOMPLETE,
        GreyReason.MASTER_ZERO_ENERGY,
        GreyReason.ESTIMATED_TOO_MUCH,
    )
)
"""Reasons that lie in the supplier's own bill: no yuan follow from it. Where a code is grey for another one,
the yuan above the reference are told all the same (ruling R14).
"""


@dataclass(frozen=True)
class Declaration:
    """What a tenant declares for a month.

    energy_kwh        Energy on the supplier's sub-meter. [kWh]
    fee_cny           Electricity fee, tax included. [CNY]
    other_charge_cny  Charges on top under other names; they belong to what the tenant pays for electricity.
                      [CNY]
    usual_kwh         What the tenant declares in a month, by the months before; None where they are too few.
                      [kWh]
    """

    energy_kwh: Decimal
    fee_cny: Decimal
    other_charge_cny: Decimal = Decimal(0)
    usual_kwh: Decimal | None = None

    @property
    def charged_cny(self) -> Decimal:
        """Everything charged. [CNY]"""
        return self.fee_cny + self.other_charge_cny

    @property
    def fee_price(self) -> Fraction | None:
        """The fee alone over the energy; None without energy. [CNY/kWh]"""
        return Fraction(self.fee_cny) / Fraction(self.energy_kwh) if self.energy_kwh else None

    @property
    def charged_price(self) -> Fraction | None:
        """Everything charged over the energy; None without energy. [CNY/kWh]"""
        return Fraction(self.charged_cny) / Fraction(self.energy_kwh) if self.energy_kwh else None


@dataclass(frozen=True)
class Verdict:
    """What can be said of one declaration.

    mark_up             Charged price over the reference, less one; None where grey. [1]
    mark_up_pct         The same as shown, see shown_percent. [%]
    over_reference      Charged above the reference whatever the colour, exact; 0 at or below it; None without
                        a reference that holds. [CNY]
    fair_fee            The declared energy at the reference; None without a reference. [CNY]
    """

    colour: FeeCodeColour
    grey_reason: GreyReason | None
    mark_up: Fraction | None
    mark_up_pct: Decimal | None
    over_reference: Fraction | None
    fair_fee: Fraction | None


def judge(
    declaration: Declaration, bill: MasterBill, rules: TransferSupplyRules, settings: TransferFeeCodeSettings
) -> Verdict:
    """The colour of a declaration: a risk flag by the mark-up over the lawful reference, no legal finding.

    Equation: mark-up = charged price / (master total / master energy / (1 - loss cap)) - 1; red from
    ``red_min_ratio`` on, green up to
    and including ``green_max_ratio``. Decided on exact fractions, never on rounded figures.
    Reference: facts ``transfer_supply.colours`` and ``transfer_supply.loss_cap``.
    """
    reference = bill.reference_price(rules.loss_cap_ratio)
    fair_fee = None if reference is None else reference * Fraction(declaration.energy_kwh)
    reason = bill.refusal or _implausible(declaration, bill, settings)
    red, green, charged = rules.red_min_ratio, rules.green_max_ratio, declaration.charged_price
    if reason is None and (red is None or green is None):
        reason = GreyReason.NO_COLOUR_RULE
    if (
        reason is not None
        or reference is None
        or fair_fee is None
        or charged is None
        or red is None
        or green is None
    ):
        found = reason or GreyReason.NO_MASTER_BILL
        over = None if found in NO_REFERENCE or fair_fee is None else _over(declaration, fair_fee)
        return Verdict(FeeCodeColour.GREY, found, None, None, over, fair_fee)
    mark_up = charged / reference - 1
    return Verdict(
        colour=colour_of(mark_up, red, green),
        grey_reason=None,
        mark_up=mark_up,
        mark_up_pct=shown_percent(mark_up, (green, red)),
        over_reference=_over(declaration, fair_fee),
        fair_fee=fair_fee,
    )


def _over(declaration: Declaration, fair_fee: Fraction) -> Fraction:
    return max(Fraction(0), Fraction(declaration.charged_cny) - fair_fee)


def colour_of(mark_up: Fraction, red_min_ratio: Decimal, green_max_ratio: Decimal) -> FeeCodeColour:
    """Red at or above its boundary, green up to and including its own, yellow between.

    >>> colour_of(Fraction("0.3"), Decimal("0.30"), Decimal("0.05")).value
    'red'
    """
    if mark_up >= Fraction(red_min_ratio):
        return FeeCodeColour.RED
    return FeeCodeColour.GREEN if mark_up <= Fraction(green_max_ratio) else FeeCodeColour.YELLOW


def _implausible(
    declaration: Declaration, bill: MasterBill, settings: TransferFeeCodeSettings
) -> GreyReason | None:
    """Whether the declaration itself looks like a slip. A charge under another name is none, however large:
    it is what the code is there to show.
    """
    fee_price, charged_price = declaration.fee_price, declaration.charged_price
    if fee_price is None or charged_price is None:
        return GreyReason.ZERO_ENERGY
    if bill.energy_kwh is not None and declaration.energy_kwh > bill.energy_kwh:
        return GreyReason.ENERGY_ABOVE_MASTER
    usual = declaration.usual_kwh
    if usual and declaration.energy_kwh >= settings.unlike_before_ratio * usual:
        return GreyReason.ENERGY_UNLIKE_BEFORE
    if fee_price > Fraction(settings.plausible_price_max_cny_per_kwh) or charged_price < Fraction(
        settings.plausible_price_min_cny_per_kwh
    ):
        return GreyReason.IMPLAUSIBLE_PRICE
    return None


def usual_energy(months: Iterable[Decimal], settings: TransferFeeCodeSettings) -> Decimal | None:
    """What a tenant usually declares in a month: the median of earlier months; None where they are too few.
    [kWh]

    >>> from pipelines.settings import load_settings
    >>> settings = load_settings().section(TransferFeeCodeSettings)
    >>> usual_energy([Decimal(90), Decimal(110), Decimal(100)], settings)
    Decimal('100')
    """
    known = [energy for energy in months if energy > 0]
    return median(known) if len(known) >= settings.unlike_before_months else None


def shown_percent(mark_up: Fraction, edges: tuple[Decimal, ...]) -> Decimal:
    """The mark-up in percent to two decimals, half up; more decimals where two would cross the edge of a
    band. [%]

    A figure that looks as if it had reached a boundary must not stand beside the colour of the other side.

    >>> shown_percent(Fraction("0.29999"), (Decimal("0.05"), Decimal("0.30")))
    Decimal('29.999')
    """
    percent = mark_up * 100
    limits = [Fraction(edge) * 100 for edge in edges]
    finest = Decimal(1).scaleb(-SHOWN_DECIMALS[-1])
    nearest = quantised(percent, SHOWN_DECIMALS[-1])
    tried = [
        *(quantised(percent, decimals) for decimals in SHOWN_DECIMALS),
        nearest - finest,
        nearest + finest,
    ]
    sides = [(percent < limit, percent == limit) for limit in limits]
    return next(
        (
            shown
            for shown in tried
            if [(Fraction(shown) < limit, Fraction(shown) == limit) for limit in limits] == sides
        ),
        nearest,
    )


def quantised(value: Fraction, decimals: int) -> Decimal:
    """A fraction as a decimal of so many places, rounded half away from zero."""
    scaled = abs(value) * 10**decimals
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(f"{whole if value >= 0 else -whole}E-{decimals}")


def colour_counts(colours: Iterable[str]) -> dict[FeeCodeColour, int]:
    """How many codes have each colour; colours that do not occur count 0."""
    listed = list(colours)
    return {colour: listed.count(colour.value) for colour in FeeCodeColour}
