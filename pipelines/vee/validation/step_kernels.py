"""Compiled rules on steps of level: a series that counts by another factor from some day on."""

from __future__ import annotations

import numba
import numpy as np

from pipelines.arrays import BoolArray, FloatArray, IntArray

_MAD, _MEDIAN_ERROR = 1.4826, 1.2533
"""Standard deviation of normal errors over their median absolute deviation; error of a median over that of a
mean.
"""
_LEAST_LEVEL = 0.3
"""Natural logarithm of a change that is looked at: a lost phase of three is 0.41."""
_FAR_TOLERANCE, _RETURN_TOLERANCE = 0.25, 0.3
_RETURN_DAYS = 3
_AGREEING = 0.8
"""Share of the days of a side that must be of its level."""


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def levels_kept(
    energy: FloatArray,
    series_starts: IntArray,
    day_types: IntArray,
    usable: BoolArray,
    multipliers: FloatArray,
    window: int,
    least_days: int,
    least_days_far: int,
    far: float,
    tolerance: float,
    spread_limit: float,
) -> FloatArray:
    """By what factor the level of each day stands off that before a step which is not yet undone; 1 where
    none is known. (days)

    A step is an abrupt change by 1000, the multiplier, 2 or 4, up or down, or to two thirds, as the median of
    the days after it over those of the same type before it tells. The day of the step may lie between both
    levels.

    usable        Days that may tell a level: measured, and of one day each.
    window        Days on either side that are looked at, at most.
    least_days    Days on either side that a factor below ``far`` needs; least_days_far: one beyond it.
    tolerance     Share of a factor's logarithm by which a level may miss it; beyond ``far`` this logarithm,
                  or twice its standard error.
    spread_limit  A factor below ``far`` is told where the days of each side spread by no more than this share
                  of its logarithm.

    The step ends on the first of three days that all lie nearer to the level before it.
    """
    factors = np.ones(energy.size)
    logs = np.full(energy.size, np.nan)
    for row in range(energy.size):
        if usable[row] and energy[row] > 0.0:
            logs[row] = np.log(energy[row])
    for series in range(series_starts.size - 1):
        begin, end = series_starts[series], series_starts[series + 1]
        floor, row = begin, begin + least_days_far
        while row < end:
            found, skip = 0.0, 0
            for between in range(2):
                if found == 0.0:
                    found = _step_at(
                        logs,
                        day_types,
                        row,
                        row + between,
                        max(floor, row - window),
                        end,
                        multipliers[row],
                        window,
                        least_days,
                        least_days_far,
                        far,
                        tolerance,
                        spread_limit,
                    )
                    skip = between
            if found == 0.0:
                row += 1
                continue
            first = row + skip
            until, before = first + 1, max(floor, row - window)
            while until < end and not _returned(
                logs, day_types, before, row, first, until, end, found, window
            ):
                until += 1
            factors[row:until] = np.exp(found)
            floor, row = until, until + least_days_far
    return factors


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _base(logs: FloatArray, day_types: IntArray, row: int, begin: int, end: int) -> float:
    """Median of the days from ``begin`` to before ``end`` that are of the row's type; NaN: there is none."""
    values = np.empty(end - begin)  # rising; so few are in order sooner than a median is looked for
    count = 0
    for other in range(begin, end):
        if other != row and day_types[other] == day_types[row] and not np.isnan(logs[other]):
            place = count
            while place > 0 and values[place - 1] > logs[other]:
                values[place] = values[place - 1]
                place -= 1
            values[place] = logs[other]
            count += 1
    if count == 0:
        return np.nan
    middle = count // 2
    return float(values[middle]) if count % 2 else float((values[middle - 1] + values[middle]) / 2)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _is_near_most(logs: FloatArray, day_types: IntArray, row: int, begin: int, end: int) -> bool:
    """Whether a day lies within the least level of more than half of the days from ``begin`` to before
    ``end`` that are of its type, and so of their median.
    """
    seen, near = 0, 0
    for other in range(begin, end):
        if day_types[other] == day_types[row] and not np.isnan(logs[other]):
            seen += 1
            near += abs(logs[row] - logs[other]) < _LEAST_LEVEL
    return 2 * near > seen


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _offsets(
    logs: FloatArray, day_types: IntArray, begin: int, end: int, base_begin: int, base_end: int
) -> FloatArray:
    """How far the days of one span lie off those of the same type in another, where there are any."""
    found = np.empty(max(0, end - begin))
    count = 0
    for row in range(begin, end):
        if not np.isnan(logs[row]):
            off = logs[row] - _base(logs, day_types, row, base_begin, base_end)
            if not np.isnan(off):
                found[count] = off
                count += 1
    return found[:count]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _step_at(
    logs: FloatArray,
    day_types: IntArray,
    row: int,
    after: int,
    before: int,
    end: int,
    multiplier: float,
    window: int,
    least_days: int,
    least_days_far: int,
    far: float,
    tolerance: float,
    spread_limit: float,
) -> float:
    """Logarithm of the factor of a step whose first whole day is ``after``; 0 where there is none.

    row     First day of the step: ``after`` itself, or a day before it that lies between both levels.
    before  First day that is looked at before it.
    """
    if after + least_days_far > end or row - before < least_days_far or np.isnan(logs[after]):
        return 0.0
    # Of most days this tells without a median that nothing opens here.
    if _is_near_most(logs, day_types, after, before, row):
        return 0.0
    opening = logs[after] - _base(logs, day_types, after, before, row)
    if np.isnan(opening) or abs(opening) < _LEAST_LEVEL:
        return 0.0
    inside = _offsets(logs, day_types, before, row, before, row)
    if inside.size < least_days_far:
        return 0.0
    known = np.sum(~np.isnan(logs[before:row]))
    middle = np.median(inside)
    spread_before = _MAD * np.median(np.abs(inside - middle))
    for reach in (window, least_days, least_days_far):
        beyond = _offsets(logs, day_types, after, min(end, after + reach), before, row)
        if beyond.size < least_days_far:
            continue
        level = np.median(beyond)
        spread = max(spread_before, _MAD * np.median(np.abs(beyond - level)))
        # Abrupt: the days beside the step are of their own sides.
        allowed = max(3.0 * spread, tolerance)
        if abs(level) < _LEAST_LEVEL or abs(opening - level) > allowed or abs(inside[-1]) > allowed:
            continue
        # Of every type of day: when a school opens, its weekends stay as they were.
        agreeing = np.sum(np.abs(beyond - level) <= allowed)
        steady = known - np.sum(np.abs(inside) > allowed)
        least = min(steady, agreeing)
        if least < least_days_far or agreeing < _AGREEING * beyond.size or steady < _AGREEING * known:
            continue
        if after > row:
            between = logs[row] - _base(logs, day_types, row, before, row)
            share = between / level
            if np.isnan(share) or share <= 0.0 or share >= 1.0 or abs(between) <= allowed:
                continue
        error = min(2.0 * _MEDIAN_ERROR * spread / np.sqrt(least), _FAR_TOLERANCE)
        largest_spread = spread_limit if least >= least_days else -1.0
        size = _factor_near(
            level, spread, multiplier, np.log(far), tolerance, largest_spread, max(tolerance, error)
        )
        if size != 0.0:
            return float(size)
    return 0.0


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _factor_near(
    level: float,
    spread: float,
    multiplier: float,
    far: float,
    tolerance: float,
    spread_limit: float,
    off: float,
) -> float:
    """The factor that a level is, 0 where it is none. [logarithms]

    tolerance, spread_limit  Shares of a factor below ``far`` by which the level may miss it and the days may
                             spread.
    off                      By how much it may miss a factor beyond ``far``.
    """
    ratio = np.log(multiplier) if multiplier > 0.0 else 0.0
    for size in (np.log(1000.0), ratio, np.log(4.0), np.log(2.0), np.log(2.0 / 3.0)):
        length, sign = abs(size), 1.0 if level > 0.0 else -1.0
        if length < _LEAST_LEVEL or (size < 0.0 and level > 0.0 and length < far and size != ratio):
            continue
        allowed = off if length >= far else tolerance * length if spread <= spread_limit * length else -1.0
        if abs(abs(level) - length) <= allowed:
            return float(sign * length)
    return 0.0


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _returned(
    logs: FloatArray,
    day_types: IntArray,
    before: int,
    step: int,
    first: int,
    row: int,
    end: int,
    size: float,
    window: int,
) -> bool:
    """Whether the days from a row on are back at the level before a step.

    before, step, first  First day looked at before the step, its first day, and its first whole day.

    Days without a like-day since the step are held against those before it.
    """
    if np.isnan(logs[row]):
        return False
    for other in range(row, min(end, row + _RETURN_DAYS)):
        if np.isnan(logs[other]):
            continue
        usual = _base(logs, day_types, other, max(first, row - window), row)
        if np.isnan(usual):
            usual = _base(logs, day_types, other, before, step) + size
        if not abs(logs[other] - usual + size) <= _RETURN_TOLERANCE:
            return False
    return True
