"""The supplier's price by its tenants' fees: robust interval regression, all suppliers and months at once.

A declared fee and energy are rounded and read on days that differ, so each declaration allows an interval of
prices. The price of a
supplier is the one with the least weighted sum of distances to its tenants' intervals (least absolute
distance): it needs no starting
value, is found exactly by a weighted median of the intervals' ends, and stays where it is however far away a
minority lies.
The band holds every price that explains a stated share of the weight: a price that lies in the intervals of
more than that share lies
in the band. Declarations that allow no price of the band are the outliers; the sum is taken over the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pipelines.arrays import BoolArray, FloatArray, IntArray
from products.transfer_fee_code.settings import ImpliedPriceSettings

_TIE = 1e-9


@dataclass(frozen=True)
class PriceIntervals:
    """What each declaration allows.

    low, high   Ends of the interval of prices; the fee over the energy lies inside. [CNY/kWh]
    usable      False without energy, or with so little that its rounding hides it, or outside the range of
                plausible prices.
    """

    low: FloatArray
    high: FloatArray
    middle: FloatArray
    usable: BoolArray


@dataclass(frozen=True)
class PriceFits:
    """One price per group; NaN where fewer tenants than needed.

    price, low, high  Implied price and its band. [CNY/kWh]
    tenants           Usable declarations.
    inside            Of them, those whose interval holds the price.
    inside_weight     Their share of the weight. [1]
    is_single         Whether some one price explains the agreed share of the weight.
    """

    price: FloatArray
    low: FloatArray
    high: FloatArray
    tenants: IntArray
    inside: IntArray
    inside_weight: FloatArray
    is_single: BoolArray


def price_intervals(
    fee_cny: FloatArray,
    energy_kwh: FloatArray,
    month_days: FloatArray,
    settings: ImpliedPriceSettings,
    plausible: tuple[float, float],
) -> PriceIntervals:
    """The interval of prices that each declaration allows.

    Equation: [(fee - f) / (energy x (1 + d) + e), (fee + f) / (energy x (1 - d) - e)], f and e half a step of
    what is stated (a larger one
    for whole yuan and whole kWh), d the reading dates' tolerance over the days of the month.
    """
    fee_step = np.where(_is_whole(fee_cny), settings.whole_fee_tolerance_cny, settings.fee_tolerance_cny)
    energy_step = np.where(
        _is_whole(energy_kwh), settings.whole_energy_tolerance_kwh, settings.energy_tolerance_kwh
    )
    shift = settings.reading_date_tolerance_days / month_days
    least = energy_kwh * (1 - shift) - energy_step
    usable = (energy_kwh > 0) & (least > 0) & (fee_cny >= 0)
    divisor = np.where(usable, energy_kwh, 1.0)
    middle = np.where(usable, fee_cny / divisor, np.nan)
    low = np.where(
        usable,
        np.maximum(fee_cny - fee_step, 0) / np.where(usable, energy_kwh * (1 + shift) + energy_step, 1.0),
        np.nan,
    )
    high = np.where(usable, (fee_cny + fee_step) / np.where(usable, least, 1.0), np.nan)
    with np.errstate(invalid="ignore"):
        usable &= (middle >= plausible[0]) & (middle <= plausible[1])
    return PriceIntervals(low, high, middle, usable)


def _is_whole(values: FloatArray) -> BoolArray:
    return np.asarray(values == np.rint(values))


def fit_prices(
    group: IntArray,
    groups: int,
    intervals: PriceIntervals,
    energy_kwh: FloatArray,
    settings: ImpliedPriceSettings,
) -> PriceFits:
    """The price of each group of declarations (a supplier's month).

    group       Number of each declaration's group, 0 to groups - 1; the result does not depend on the order
                of the rows.
    energy_kwh  Weights before they are capped.
    """
    keep = intervals.usable
    order = np.lexsort((energy_kwh[keep], intervals.high[keep], intervals.low[keep], group[keep]))
    owner: IntArray = group[keep][order]
    low, high, energy = (values[keep][order] for values in (intervals.low, intervals.high, energy_kwh))
    tenants = np.bincount(owner, minlength=groups).astype(np.int64)
    enough = tenants >= settings.min_tenants
    weight = _capped_weights(owner, groups, energy, settings)
    band_low, band_high, is_single = _band(owner, groups, low, high, weight, settings.agreement_ratio)
    # Declarations that allow no price of the band would still pull at the edge of what the others agree on;
    # the price is theirs alone.
    agrees = ~is_single[owner] | ((high >= band_low[owner]) & (low <= band_high[owner]))
    price = _least_distance(owner[agrees], groups, low[agrees], high[agrees], weight[agrees])
    holds = (low <= price[owner] + _TIE) & (price[owner] <= high + _TIE)
    inside = np.bincount(owner[holds], minlength=groups).astype(np.int64)
    inside_weight: FloatArray = np.bincount(owner[holds], weight[holds], groups).astype(np.float64)
    spread_low, _ = _weighted_quantile(owner, groups, low, weight, 0.25)
    _, spread_high = _weighted_quantile(owner, groups, high, weight, 0.75)
    band_low = np.fmin(np.where(is_single, band_low, spread_low), price)
    band_high = np.fmax(np.where(is_single, band_high, spread_high), price)
    price, band_low, band_high, inside_weight = (
        np.where(enough, values, np.nan) for values in (price, band_low, band_high, inside_weight)
    )
    return PriceFits(
        price,
        band_low,
        band_high,
        tenants,
        np.where(enough, inside, 0).astype(np.int64),
        inside_weight,
        is_single & enough,
    )


def _capped_weights(
    owner: IntArray, groups: int, energy: FloatArray, settings: ImpliedPriceSettings
) -> FloatArray:
    """Energy, at most a multiple of the group's median, and never more than a share of all the others
    together; each group sums to 1.

    Without the caps one large tenant, or one kWh figure with a digit too many, would set the price alone.
    """
    ones = np.ones_like(energy)
    median_low, median_high = _weighted_median(owner, groups, energy, ones)
    weight = np.minimum(energy, settings.weight_cap_ratio * ((median_low + median_high) / 2)[owner])
    others = np.bincount(owner, weight, groups)[owner] - weight
    weight = np.where(others > 0, np.minimum(weight, settings.dominance_cap_ratio * others), weight)
    return np.asarray(weight / np.bincount(owner, weight, groups)[owner])


def _least_distance(
    owner: IntArray, groups: int, low: FloatArray, high: FloatArray, weight: FloatArray
) -> FloatArray:
    """The middle of the prices with the least weighted sum of distances to the intervals.

    The sum is convex and bends at the ends of the intervals only; its slope changes sign where half of the
    ends' weight is passed, so the
    minimum is the weighted median of all ends.
    """
    ends = np.concatenate([low, high])
    lower, upper = _weighted_median(
        np.concatenate([owner, owner]), groups, ends, np.concatenate([weight, weight])
    )
    return np.asarray((lower + upper) / 2)


def _weighted_median(
    owner: IntArray, groups: int, values: FloatArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    return _weighted_quantile(owner, groups, values, weight, 0.5)


def _weighted_quantile(
    owner: IntArray, groups: int, values: FloatArray, weight: FloatArray, share: float
) -> tuple[FloatArray, FloatArray]:
    """Lower and upper weighted quantile of each group; they differ where the share falls exactly between two
    values. NaN for an empty group.
    """
    order = np.lexsort((weight, values, owner))
    owner, values = owner[order], values[order]
    part = weight[order] / np.bincount(owner, weight[order], groups)[owner]
    running = (
        np.cumsum(part)
        - (np.cumsum(np.bincount(owner, part, groups)) - np.bincount(owner, part, groups))[owner]
    )
    reached, passed = running >= share - _TIE, running > share + _TIE
    lower = _first(owner, groups, values, reached)
    return lower, np.where(np.isnan(upper := _first(owner, groups, values, passed)), lower, upper)


def _first(owner: IntArray, groups: int, values: FloatArray, chosen: BoolArray) -> FloatArray:
    found = np.full(groups, np.inf)
    np.minimum.at(found, owner[chosen], values[chosen])
    return np.where(np.isinf(found), np.nan, found)


def _band(
    owner: IntArray, groups: int, low: FloatArray, high: FloatArray, weight: FloatArray, agreement: float
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Smallest and largest price that lies in intervals of at least the agreed share of the weight, by a
    sweep over the ends.
    """
    owners, ends = np.concatenate([owner, owner]), np.concatenate([low, high])
    closing = np.concatenate([np.zeros(len(low), np.int64), np.ones(len(high), np.int64)])
    change = np.concatenate([weight, -weight])
    order = np.lexsort((change, closing, ends, owners))
    owners, ends, closing, change = owners[order], ends[order], closing[order], change[order]
    depth = np.cumsum(change)  # each group's changes sum to nothing, so the groups do not touch
    before = depth - change
    opens, closes = (
        (closing == 0) & (depth >= agreement - _TIE),
        (closing == 1) & (before >= agreement - _TIE),
    )
    band_low = np.full(groups, np.inf)
    band_high = np.full(groups, -np.inf)
    np.minimum.at(band_low, owners[opens], ends[opens])
    np.maximum.at(band_high, owners[closes], ends[closes])
    found = np.isfinite(band_low) & np.isfinite(band_high)
    return np.where(found, band_low, np.nan), np.where(found, band_high, np.nan), found


def leave_one_out(
    group: IntArray,
    groups: int,
    intervals: PriceIntervals,
    energy_kwh: FloatArray,
    settings: ImpliedPriceSettings,
) -> tuple[IntArray, FloatArray]:
    """How well the others' price tells a tenant's: rows left out, and (price of the others) / (own price) -
    1. [1]

    Of a supplier with many tenants so many as the setting says are left out in turn, evenly spaced by price.
    """
    rows = np.flatnonzero(intervals.usable & (intervals.middle > 0))
    rows = rows[np.lexsort((rows, intervals.middle[rows], group[rows]))]
    starts = np.searchsorted(group[rows], np.arange(groups + 1))
    left_out: list[int] = []
    kept_rows: list[IntArray] = []
    kept_groups: list[IntArray] = []
    for first, stop in pairwise(starts):
        members = rows[first:stop]
        if len(members) <= settings.min_tenants:
            continue
        for position in np.unique(
            np.linspace(0, len(members) - 1, min(len(members), settings.leave_one_out_max_tenants))
            .round()
            .astype(int)
        ):
            kept_groups.append(np.full(len(members) - 1, len(left_out)))
            kept_rows.append(np.delete(members, position))
            left_out.append(members[position])
    if not left_out:
        return np.empty(0, np.int64), np.empty(0)
    others = np.concatenate(kept_rows)
    part = PriceIntervals(
        intervals.low[others], intervals.high[others], intervals.middle[others], intervals.usable[others]
    )
    fits = fit_prices(
        np.concatenate(kept_groups).astype(np.int64), len(left_out), part, energy_kwh[others], settings
    )
    chosen = np.asarray(left_out, np.int64)
    return chosen, fits.price / intervals.middle[chosen] - 1
