"""Monthly mean power factor and its adjustment line (力调电费, ruling R9)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, localcontext

from pipelines.codes import LineComponent
from pipelines.errors import FactNotInForceError, UsageError
from pipelines.facts import Facts
from pipelines.facts.power_factor_adjustment import PowerFactorRule
from pipelines.money import round_half_up
from pipelines.periods import BillingMonth
from pipelines.tariff.lines import BillLine, make_line
from pipelines.tariff.month_facts import ground, version_of_month
from pipelines.units import Unit

_STEP = Decimal("0.01")
_DIGITS = 60


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


def adjustment_ratio(mean: Decimal, standard: Decimal, rule: PowerFactorRule) -> Decimal:
    """The adjustment as a ratio of its base; above 0 it is charged. [1]

    mean      Monthly mean power factor, rounded to 0.01. [1]
    standard  Power factor to be reached. [1]
    rule      ``facts.power_factor_adjustment.on(day)``.
    """
    return rule.ratio(mean, standard)


def adjustment_line(
    lines: Sequence[BillLine],
    mean: Decimal,
    standard: Decimal,
    month: BillingMonth,
    facts: Facts,
    known: date | None,
) -> BillLine:
    """The adjustment of a bill's lines: base x ratio, the base being every line but those that the facts
    leave out.
    """
    rule = version_of_month(facts.power_factor_adjustment, month, known)
    left_out = version_of_month(facts.power_factor_base_excludes, month, known)
    base = sum((line.amount_cny for line in lines if line.component not in left_out.value), Decimal(0))
    grounds = [
        ground(facts.power_factor_adjustment, rule),
        ground(facts.power_factor_base_excludes, left_out),
    ]
    if LineComponent.FUNDS in left_out.value and any(
        line.quantity for line in lines if line.component is LineComponent.CATALOGUE_ENERGY
    ):
        base -= _funds_inside(lines, month, facts, known)
        grounds.append(ground(facts.funds, version_of_month(facts.funds, month, known)))
    ratio = adjustment_ratio(mean, standard, rule.value)
    return make_line(
        LineComponent.POWER_FACTOR_ADJUSTMENT,
        base,
        Unit.CNY,
        ratio,
        Unit.RATIO,
        grounds,
        (
            f"{base:f} CNY × {ratio * 100:f} % (power factor {mean:f}, standard {standard:f}; base without "
            f"{', '.join(sorted(left_out.value))})"
        ),
        standard=standard,
    )


def _funds_inside(
    lines: Sequence[BillLine], month: BillingMonth, facts: Facts, known: date | None
) -> Decimal:
    """Funds that whole catalogue prices contain; raises FactNotInForceError where their rate is not known.
    [CNY]
    """
    energy = sum(
        (line.quantity for line in lines if line.component is LineComponent.CATALOGUE_ENERGY), Decimal(0)
    )
    if not energy:
        return Decimal(0)
    try:
        return energy * version_of_month(facts.funds, month, known).value
    except FactNotInForceError as error:
        error.hint = (
            f"The adjustment leaves out the funds inside catalogue prices, so their rate in {month} is "
            f"needed: add a version of funds to {facts.funds.file} "
            f"with effective_from and effective_to around {month}, the document, and confidence unverified "
            "where none was read; or leave "
            "power_factor_standard out, and the bill has no adjustment."
        )
        raise
