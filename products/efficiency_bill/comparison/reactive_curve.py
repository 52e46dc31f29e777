"""What a reactive curve lets be reached: the banks of ``pipelines.tariff.whatif.compensation`` tried on every
interval of a month, and the month with what they take away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import numpy as np

from pipelines.arrays import FloatArray
from pipelines.tariff import SupplyMonth
from pipelines.tariff.charges.power_factor import mean_power_factor
from pipelines.tariff.whatif.compensation import (
    HOUR_MINUTES,
    ReactiveCurve,
    bank_sizes,
    smallest_bank,
    taken_by_switched_bank,
    with_fixed_bank,
)
from products.efficiency_bill.comparison.grounds import Bank, ReactiveFinding

_HOURS = 24


def reactive_finding(
    lagging: FloatArray,
    leading: FloatArray,
    step_kvar: int,
    is_enough: Callable[[float, float], bool],
) -> ReactiveFinding:
    """What the curve of a month tells. (days x intervals of a day) [kvarh]

    is_enough  Whether the month keeps its standard with so much less lagging and leading energy. [kvarh]
    """
    minutes = _HOURS * HOUR_MINUTES // lagging.shape[1]
    curve = ReactiveCurve(lagging.ravel(), leading.ravel(), minutes)
    led = float(leading.sum())
    by_hour = leading.reshape(len(leading), _HOURS, -1).sum(axis=(0, 2))
    alone = _smallest(curve, step_kvar, lambda taken: is_enough(taken, 0.0))
    after = None
    if led > 0 and not is_enough(0.0, led):
        none_leads = replace(curve, leading_kvarh=np.zeros_like(curve.leading_kvarh))
        after = _smallest(none_leads, step_kvar, lambda taken: is_enough(taken, led))
    return ReactiveFinding(
        round(float(lagging.sum()), 4),
        round(led, 4),
        tuple(round(float(value), 4) for value in by_hour),
        alone,
        after,
    )


def _smallest(curve: ReactiveCurve, step_kvar: int, is_enough: Callable[[float], bool]) -> Bank | None:
    """The smallest bank, switched in whole steps, that takes enough away, cut to what a kept case writes, so
    that the figures are the same on every host; None where none does.
    """

    def taken(size: int) -> float:
        return float(taken_by_switched_bank(curve, size, step_kvar).sum())

    size = smallest_bank(bank_sizes([curve], step_kvar), lambda size: is_enough(taken(size)))
    if size is None:
        return None
    fixed = with_fixed_bank(curve, size)
    return Bank(size, round(taken(size), 4), round(fixed.lagging_kvarh, 4), round(fixed.leading_kvarh, 4))


def power_factor_standard(supply: SupplyMonth) -> Decimal | None:
    """The one standard that the month is held against; None without one, or with several."""
    standards = {segment.contract.power_factor_standard for segment in supply.segments} - {None}
    return standards.pop() if len(standards) == 1 else None


def factor_of(supply: SupplyMonth) -> Decimal | None:
    """The power factor of a month. [1]"""
    return mean_power_factor(supply.active_kwh, supply.lagging_kvarh, supply.leading_kvarh)
