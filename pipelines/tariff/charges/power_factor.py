"""Monthly mean power factor and its adjustment line (力调电费, ruling R9)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal, localcontext
from typing import Any, NamedTuple

from pipelines.codes import LineComponent
from pipelines.errors import FactNotInForceError, UsageError
from pipelines.facts import Dated, Facts
from pipelines.facts.power_factor_adjustment import PowerFactorRule
from pipelines.money import round_half_up
from pipelines.periods import BillingMonth
from pipelines.tariff.lines import BillLine, Charge, Ground, LinePrice, line_price
from pipelines.tariff.price_sheets import PriceSheets, Span
from pipelines.units import Unit

_STEP = Decimal("0.01")
_DIGITS = 60
_Days = tuple[date, date]


def power_factor(lagging_kvarh: Decimal, leading_kvarh: Decimal, active_kwh: Decimal) -> Decimal:
    """Monthly mean power factor, rounded half up to 0.01. [1]

    lagging_kvarh, leading_kvarh  Reactive energy; the leading part counts by its absolute value. [kvarh]
    active_kwh                    Active energy. [kWh]
    Equation: Wp / sqrt(Wp^2 + (lagging + |leading|)^2), in decimals throughout.
    Raises UsageError where nothing at all was metered.

    >>> power_factor(Decimal("34985.37"), Decimal("8885.74"), Decimal("60916.39"))
    Decimal('0.81')
    """
    reactive = lagging_kvarh + abs(leading_kvarh)
    if active_kwh < 0 or lagging_kvarh < 0:
        raise UsageError("Energies of a power factor must not be negative.")
    if active_kwh == 0 and reactive == 0:
        raise UsageError("Without any energy there is no power factor.")
    with localcontext() as context:
        context.prec = _DIGITS
        ratio = active_kwh / (active_kwh * active_kwh + reactive * reactive).sqrt()
    return round_half_up(ratio, _STEP)


def mean_power_factor(
    active_kwh: Decimal, lagging_kvarh: Decimal | None, leading_kvarh: Decimal | None
) -> Decimal | None:
    """``power_factor`` of what was metered; None where a reactive register lacks or no energy flowed at all.
    [1]
    """
    if lagging_kvarh is None or leading_kvarh is None or not (active_kwh or lagging_kvarh or leading_kvarh):
        return None
    return power_factor(lagging_kvarh, leading_kvarh, active_kwh)


class AdjustmentSheet(NamedTuple):
    """The rule of a month and the components that no adjustment counts.

    grounds  What an adjustment rests on.
    """

    rule: PowerFactorRule
    left_out: frozenset[LineComponent]
    grounds: tuple[Ground, ...]


class AdjustmentKind(NamedTuple):
    """What the price of an adjustment depends on.

    mean      Power factor of the month. [1]
    standard  As its contract writes it: equal standards may be written with more or fewer digits.
    of_funds  What the funds inside the base rest on.
    """

    mean: Decimal
    standard: str
    of_funds: tuple[Ground, ...]


def adjustment_sheet(_kind: None, span: Span) -> AdjustmentSheet:
    """What adjusts a month; the same for every contract."""
    rule = span.held(span.facts.power_factor_adjustment)
    left_out = span.held(span.facts.power_factor_base_excludes)
    return AdjustmentSheet(rule.value, left_out.value, (rule.ground(), left_out.ground()))


def adjustment_price(kind: AdjustmentKind, span: Span) -> LinePrice:
    """The ratio at a power factor; raises UsageError for a standard that the rule does not know."""
    rule, left_out, grounds = adjustment_sheet(None, span)
    mean, standard = kind.mean, Decimal(kind.standard)
    ratio = rule.ratio(mean, standard)
    tail = (
        f" CNY × {ratio * 100:f} % (power factor {mean:f}, standard {standard:f}; base without "
        f"{', '.join(sorted(left_out))})"
    )
    units = (Unit.CNY, Unit.RATIO)
    return line_price(LineComponent.POWER_FACTOR_ADJUSTMENT, ratio, units, (*grounds, *kind.of_funds), tail)


def every_adjustment_fact(facts: Facts) -> tuple[Dated[Any], ...]:
    """Every fact that an adjustment can depend on."""
    return facts.power_factor_adjustment, facts.power_factor_base_excludes


def adjustment_charges(
    charges: Sequence[Charge], lines: Sequence[BillLine], mean: Decimal, month: _Days, sheets: PriceSheets
) -> Iterator[Charge]:
    """One adjustment for each standard that applies: base x ratio, the base being the lines under that
    standard but those that the facts leave out.

    charges, lines  The charges so far and their lines; mean: power factor of the month.
    """
    bases: dict[Decimal, list[BillLine]] = {}
    for charge, line in zip(charges, lines, strict=True):
        if charge.terms is not None:
            bases.setdefault(charge.terms, []).append(line)
    for standard, counted in bases.items():
        sheet = sheets.of(adjustment_sheet, None, *month)
        base = sum((line.amount_cny for line in counted if line.component not in sheet.left_out), Decimal(0))
        of_funds: tuple[Ground, ...] = ()
        if LineComponent.FUNDS in sheet.left_out:
            inside, of_funds = _funds_inside(counted, month, sheets)
            base -= inside
        price = sheets.of(adjustment_price, AdjustmentKind(mean, str(standard), of_funds), *month)
        yield Charge(price, base, f"{base:f}", standard=standard)


def _funds_inside(
    lines: Sequence[BillLine], month: _Days, sheets: PriceSheets
) -> tuple[Decimal, tuple[Ground, ...]]:
    """Funds that whole catalogue prices contain, and what they rest on; raises FactNotInForceError where
    their rate is not known. [CNY]
    """
    energy = sum(
        (line.quantity for line in lines if line.component is LineComponent.CATALOGUE_ENERGY), Decimal(0)
    )
    if not energy:
        return Decimal(0), ()
    facts, of = sheets.facts, BillingMonth.of(month[0])
    try:
        funds = Span(*month, facts, sheets.known).held(facts.funds)
    except FactNotInForceError as error:
        error.hint = (
            f"The adjustment leaves out the funds inside catalogue prices, so their rate in {of} is "
            f"needed: add a version of funds to {facts.funds.file} with effective_from and effective_to "
            f"around {of}, the document, and confidence unverified where none was read; or leave "
            "power_factor_standard out, and the bill has no adjustment."
        )
        raise
    return energy * funds.value, (funds.ground(),)
