"""What an active curve tells of the hours of a month: energy by quarter hour, a break that lies in a cheap
period while a dear one is worked through, the load of the night.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.arrays import BoolArray, FloatArray, Int8Array
from pipelines.codes import TouPeriod
from products.efficiency_bill.comparison.grounds import HoursOfDays, NightLoad

QUARTERS = 96
QUARTER_HOURS = 0.25
PERIODS = tuple(TouPeriod)
_BUSY_SHARE = 1 / 3


@dataclass(frozen=True)
class MovedBreak:
    """A break at another time: the loads of two stretches of the day change places, every day of the month.

    idle_slot, busy_slot  First quarter hours of the break as it is and of what is worked through now.
    slots                 Quarter hours that the break lasts.
    moved_kwh             What each period gets more. [kWh]
    """

    idle_slot: int
    busy_slot: int
    slots: int
    moved_kwh: Mapping[TouPeriod, float]


def hours_of_days(energy: FloatArray, periods: Int8Array) -> tuple[HoursOfDays, ...]:
    """The curve of a month, days of the same periods together. (days x 96)

    periods  Places in ``TouPeriod``.
    """
    kinds, which = np.unique(periods, axis=0, return_inverse=True)
    return tuple(
        HoursOfDays(
            "".join(str(place) for place in kind.tolist()),
            tuple(round(value, 4) for value in energy[which.ravel() == number].sum(axis=0).tolist()),
        )
        for number, kind in enumerate(kinds)
    )


def night_load(
    energy: FloatArray, from_hour: int, to_hour: int, periods: Int8Array | None = None
) -> NightLoad:
    """Mean powers of the night and of the busiest third of the day, and what the month takes up to the
    former. (days x 96) [kWh]

    periods  Places in ``TouPeriod``; None where none price the energy.
    """
    mean = energy.mean(axis=0) / QUARTER_HOURS
    busy = np.sort(mean)[-round(QUARTERS * _BUSY_SHARE) :]
    night = float(mean[from_hour * 4 : to_hour * 4].mean())
    base = np.minimum(energy, night * QUARTER_HOURS)
    by_period = (
        [float(base.sum())]
        if periods is None
        else np.bincount(periods.ravel(), base.ravel(), len(PERIODS)).tolist()
    )
    return NightLoad(
        round(night, 4), round(float(busy.mean()), 4), tuple(round(value, 4) for value in by_period)
    )


def best_break(
    hours: Sequence[HoursOfDays], prices: Mapping[TouPeriod, float], slots: int, idle_ratio: float
) -> MovedBreak | None:
    """The break inside the working day that saves most at another time of the day, at these prices.

    prices      Of a kilowatt-hour by period; one that is not named costs nothing. [CNY/kWh]
    slots       Quarter hours that are moved.
    idle_ratio  A quarter hour with less than this share of the busy ones' energy stands still. [1]

    None where the load has no break, or none that pays: then nothing is known that could be moved. The
    highest demand stays, as the quarter hours of every day are the same ones in another order.
    """
    if not hours:
        return None
    kwh = np.array([each.kwh for each in hours])
    periods = np.array([[int(digit) for digit in each.periods] for each in hours], dtype=np.int8)
    works = _works(kwh.sum(axis=0), idle_ratio)
    if not works.any():
        return None
    first, last = (int(place) for place in np.flatnonzero(works)[[0, -1]])
    windows = np.lib.stride_tricks.sliding_window_view(works, slots)
    busy, idle = np.flatnonzero(windows.all(axis=1)), np.flatnonzero(~windows.any(axis=1))
    idle = idle[(idle > first) & (idle + slots - 1 < last)]
    if not idle.size or not busy.size:
        return None
    of_period = np.array([prices.get(period, 0.0) for period in PERIODS])
    energy = np.lib.stride_tricks.sliding_window_view(kwh, slots, axis=1)
    price = np.lib.stride_tricks.sliding_window_view(of_period[periods], slots, axis=1)
    still, worked = energy[:, idle], energy[:, busy]
    at_still, at_worked = price[:, idle], price[:, busy]
    now = np.einsum("gis,gis->i", still, at_still)[:, None] + np.einsum("gbs,gbs->b", worked, at_worked)
    then = np.einsum("gis,gbs->ib", still, at_worked) + np.einsum("gis,gbs->ib", at_still, worked)
    gains = np.round(now - then, 6)  # of several that save the same the first, whatever the host adds up
    place = int(gains.argmax())
    if gains.flat[place] <= 0:
        return None
    at = int(idle[place // len(busy)]), int(busy[place % len(busy)])
    return MovedBreak(*at, slots, _moved(kwh, periods, *at, slots))


def _works(total: FloatArray, idle_ratio: float) -> BoolArray:
    busy = float(np.sort(total)[-round(QUARTERS * _BUSY_SHARE) :].mean())
    found: BoolArray = total >= idle_ratio * busy if busy > 0 else np.zeros(QUARTERS, dtype=bool)
    return found


def _moved(
    kwh: FloatArray, periods: Int8Array, idle: int, busy: int, slots: int
) -> Mapping[TouPeriod, float]:
    """What each period gets more where both stretches change places. [kWh]"""
    still, worked = slice(idle, idle + slots), slice(busy, busy + slots)
    more = kwh[:, worked] - kwh[:, still]
    found: dict[TouPeriod, float] = {}
    for place, sign in ((still, 1.0), (worked, -1.0)):
        sums = np.bincount(periods[:, place].ravel(), (sign * more).ravel(), len(PERIODS))
        for period, value in zip(PERIODS, sums.tolist(), strict=True):
            found[period] = found.get(period, 0.0) + value
    return {period: value for period, value in found.items() if abs(value) > 1e-9}
