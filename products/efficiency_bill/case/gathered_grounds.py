"""The grounds of one case: what its curve, its days, its peers and the model tell, cut to what is kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

import numpy as np

from pipelines.arrays import BoolArray, FloatArray, Int8Array
from pipelines.codes import Channel
from pipelines.periods import EPOCH, BillingDays
from pipelines.tariff import SupplyMonth
from pipelines.tariff.whatif.changed_supplies import with_less_reactive
from pipelines.transforms.billing.account_month import AccountMonth
from pipelines.transforms.ground.slot_periods import NO_PERIOD, PeriodsOfDays
from products.efficiency_bill.case.columns import DayColumns
from products.efficiency_bill.comparison.grounds import Grounds, ReactiveFinding
from products.efficiency_bill.comparison.load_hours import hours_of_days, night_load
from products.efficiency_bill.comparison.month_curves import MonthCurves
from products.efficiency_bill.comparison.peers import PeerNorms
from products.efficiency_bill.comparison.reactive_curve import (
    factor_of,
    power_factor_standard,
    reactive_finding,
)
from products.efficiency_bill.settings import EfficiencyBillSettings

# Curves are reconciled with registers; beyond this they are not of the same supply.
_LEAST_AGREEMENT = 0.98


@dataclass(frozen=True)
class KnownOfMonth:
    """What is known of a month beside its accounts.

    curves         Of the meter points that advice looks at.
    periods        Time-of-use periods of days; None where no curve is looked at.
    band_coverage  How often the model's bands held in months really billed; None where it tells none. [1]
    """

    curves: MonthCurves = field(default_factory=dict)
    periods: PeriodsOfDays | None = None
    band_coverage: float | None = None


def looked_at(account: AccountMonth) -> str | None:
    """The meter point whose curve tells of the account; None where it has several, or none with a curve."""
    if account.supply is None or len(account.metered) != 1 or account.metered[0]["max_demand_kw"] is None:
        return None
    return account.metered[0]["meter_point_id"]


def grounds_of(
    account: AccountMonth,
    month: BillingDays,
    day_columns: DayColumns,
    spread: BoolArray | None,
    has_baseline: bool,
    norms: PeerNorms,
    known: KnownOfMonth,
    settings: EfficiencyBillSettings,
) -> Grounds:
    """The grounds of an account's month.

    spread  Whether the energy of each day is a share of a missed read; None where none is.
    """
    days = zip(
        day_columns["day_kwh"], day_columns["day_expected_kwh"], day_columns["day_high_kwh"], strict=True
    )
    above = [
        energy - expected
        for energy, expected, high in days
        if energy is not None and expected is not None and high is not None and energy > high
    ]
    compared = math.fsum(energy for energy in day_columns["day_kwh"] if energy is not None)
    point = looked_at(account)
    curves = {} if point is None else known.curves.get(point, {})
    has_loss = any(row["transformer_loss_kwh"] for row in account.metered)
    of_curve = curve_grounds(account.supply, curves, month, known.periods, settings, has_loss=has_loss)
    return replace(
        of_curve,
        compared_kwh=round(compared, 6) if has_baseline else None,
        above_days=len(above),
        above_kwh=round(math.fsum(above), 6),
        spread_days=() if spread is None else tuple((np.flatnonzero(spread) + 1).tolist()),
        band_coverage=known.band_coverage,
        plausible=norms.plausible,
        peers_hidden=norms.hidden,
    )


def curve_grounds(
    supply: SupplyMonth | None,
    curves: Mapping[Channel, FloatArray],
    month: BillingDays,
    periods: PeriodsOfDays | None,
    settings: EfficiencyBillSettings,
    *,
    has_loss: bool = False,
) -> Grounds:
    """What the curves of a month tell, and nothing else.

    has_loss  Whether the supply holds what a transformer takes, which is in no curve.
    """
    if supply is None:
        return Grounds()
    active = curves.get(Channel.ACTIVE_FORWARD)
    if active is not None and not _counts(active, supply.active_kwh, has_loss=has_loss):
        active = None
    of_days = None if active is None else _periods_of_month(supply, month, periods)
    # A night that periods price tells nothing where they are not known.
    is_split = any(segment.contract.is_time_of_use for segment in supply.segments)
    night = None
    if active is not None and (of_days is not None or not is_split):
        night = night_load(active, *settings.night_hours, of_days)
    return Grounds(
        reactive=_reactive(supply, curves, settings, has_loss=has_loss),
        hours=() if active is None or of_days is None else hours_of_days(active, of_days),
        night=night,
    )


def _reactive(
    supply: SupplyMonth,
    curves: Mapping[Channel, FloatArray],
    settings: EfficiencyBillSettings,
    *,
    has_loss: bool,
) -> ReactiveFinding | None:
    """None without a whole curve of all that the power factor counts, or with nothing to reach."""
    lagging = curves.get(Channel.REACTIVE_LAGGING)
    if lagging is None or supply.lagging_kvarh is None or supply.leading_kvarh is None:
        return None
    leading = curves.get(Channel.REACTIVE_LEADING)
    if leading is None:
        if supply.leading_kvarh:
            return None
        leading = np.zeros_like(lagging)
    standard, now = power_factor_standard(supply), factor_of(supply)
    if standard is None or now is None or now >= standard or not supply.active_kwh:
        return None
    if not _counts(lagging, supply.lagging_kvarh, has_loss=has_loss):
        return None
    if not _counts(leading, abs(supply.leading_kvarh), has_loss=False):
        return None

    def is_enough(less_lagging: float, less_leading: float) -> bool:
        reached = factor_of(with_less_reactive(supply, less_lagging, less_leading))
        return reached is not None and reached >= standard

    return reactive_finding(lagging, leading, settings.capacitor_step_kvar, is_enough)


def _counts(curve: FloatArray, register: Decimal, *, has_loss: bool) -> bool:
    """Whether a curve counts what the registers did: one with a sign, of another meter or in another unit
    tells nothing of this supply.
    """
    if (curve < 0).any():
        return False
    total, settled = float(curve.sum()), float(register)
    is_enough = has_loss or total >= settled * _LEAST_AGREEMENT - 1
    return is_enough and total <= settled / _LEAST_AGREEMENT + 1


def _periods_of_month(
    supply: SupplyMonth, month: BillingDays, periods: PeriodsOfDays | None
) -> Int8Array | None:
    """Period of each quarter hour; None where none price the month or a day has none. (days x 96)"""
    if periods is None or not supply.is_whole:
        return None
    hours = supply.contract.hours
    if hours is None or not supply.contract.is_time_of_use:
        return None
    of_days = periods.matrix(np.array([(day - EPOCH).days for day in month.days]), hours)
    return None if (of_days == NO_PERIOD).any() else of_days
