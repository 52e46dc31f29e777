"""What a reactive curve lets be reached: a bank of capacitors tried on every interval of a month, and the
month with what that takes away.

Functions of arrays have one element per interval. [kvarh] and [h]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import numpy as np

from pipelines.arrays import FloatArray
from pipelines.money import round_half_up
from pipelines.tariff import SupplyMonth
from pipelines.tariff.charges.power_factor import mean_power_factor
from pipelines.tariff.whatif.changed_supplies import CENTI_KVARH, NOTHING
from products.efficiency_bill.comparison.grounds import Bank, ReactiveFinding

_HOURS = 24
# Registers and curves of a quarter hour are binary fractions of decimals: a step that just fits must fit.
_EXACT = 1e-9


def with_fixed_bank(
    lagging: FloatArray, leading: FloatArray, bank_kvar: float, hours: float
) -> tuple[float, float]:
    """Lagging and leading energy of the month with a bank that is always on; what it gives beyond what lags
    leads. [kvarh]
    """
    net = lagging - leading - bank_kvar * hours
    return float(np.maximum(net, 0.0).sum()), float(np.maximum(-net, 0.0).sum())


def steps_in_use(lagging: FloatArray, step_kvar: float, hours: float) -> FloatArray:
    """How many whole steps each interval takes without being over-compensated."""
    found: FloatArray = np.floor(lagging / (step_kvar * hours) + _EXACT)
    return found


def smallest_bank(
    lagging: FloatArray,
    leading: FloatArray,
    step_kvar: int,
    hours: float,
    is_enough: Callable[[float], bool],
) -> Bank | None:
    """The smallest switched bank whose compensation is enough; None where not even all that whole steps can
    take away is.

    is_enough  Of the lagging energy taken away in the month, rising. [kvarh]
    """
    used = steps_in_use(lagging, step_kvar, hours).astype(np.int64)
    # Intervals that make use of the n-th step: every size is priced by one running sum.
    users = np.bincount(used)[::-1].cumsum()[::-1][1:]
    taken = users.cumsum() * step_kvar * hours
    low, high = 0, len(taken)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(float(taken[middle])) else (middle + 1, high)
    if low == len(taken):
        return None
    size = step_kvar * (low + 1)
    return Bank(size, float(taken[low]), *with_fixed_bank(lagging, leading, size, hours))


def reactive_finding(
    lagging: FloatArray,
    leading: FloatArray,
    step_kvar: int,
    is_enough: Callable[[float, float], bool],
) -> ReactiveFinding:
    """What the curve of a month tells. (days x intervals of a day) [kvarh]

    is_enough  Whether the month keeps its standard with so much less lagging and leading energy. [kvarh]
    """
    hours = _HOURS / lagging.shape[1]
    flat, over = lagging.ravel(), leading.ravel()
    led = float(over.sum())
    by_hour = leading.reshape(len(leading), _HOURS, -1).sum(axis=(0, 2))
    alone = smallest_bank(flat, over, step_kvar, hours, lambda taken: is_enough(taken, 0.0))
    after = None
    if led > 0 and not is_enough(0.0, led):
        after = smallest_bank(
            flat, np.zeros_like(over), step_kvar, hours, lambda taken: is_enough(taken, led)
        )
    return ReactiveFinding(
        round(float(flat.sum()), 4),
        round(led, 4),
        tuple(round(float(value), 4) for value in by_hour),
        _rounded(alone),
        _rounded(after),
    )


def _rounded(bank: Bank | None) -> Bank | None:
    """Cut to what a kept case writes, so that the figures are the same on every host."""
    if bank is None:
        return None
    return Bank(
        bank.size_kvar,
        round(bank.switched_kvarh, 4),
        round(bank.fixed_lagging_kvarh, 4),
        round(bank.fixed_leading_kvarh, 4),
    )


def power_factor_standard(supply: SupplyMonth) -> Decimal | None:
    """The one standard that the month is held against; None without one, or with several."""
    standards = {segment.contract.power_factor_standard for segment in supply.segments} - {None}
    return standards.pop() if len(standards) == 1 else None


def with_less_reactive(supply: SupplyMonth, lagging_kvarh: float, leading_kvarh: float) -> SupplyMonth:
    """The month with so much less lagging and leading energy, none below nothing. [kvarh]"""
    if supply.lagging_kvarh is None or supply.leading_kvarh is None:
        return supply
    less_lagging, less_leading = (
        round_half_up(Decimal(repr(value)), CENTI_KVARH) for value in (lagging_kvarh, leading_kvarh)
    )
    return replace(
        supply,
        lagging_kvarh=max(supply.lagging_kvarh - less_lagging, NOTHING),
        leading_kvarh=max(abs(supply.leading_kvarh) - less_leading, NOTHING),
    )


def factor_of(supply: SupplyMonth) -> Decimal | None:
    """The power factor of a month. [1]"""
    return mean_power_factor(supply.active_kwh, supply.lagging_kvarh, supply.leading_kvarh)
