"""Compiled rules on days of energy. Rows are ordered by series and day; a run or a like-day never crosses
from one series into the next.
"""

from __future__ import annotations

import numba
import numpy as np

from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.vee.validation.interval_kernels import nearest_like_days


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def like_day_medians(
    energy: FloatArray,
    series_starts: IntArray,
    day_types: IntArray,
    judged: BoolArray,
    usable: BoolArray,
    like_days: int,
    reach_days: int,
) -> FloatArray:
    """Median of the nearest like-days of each judged day, NaN where not all of them are there.

    usable  Rows that may be like-days.
    """
    medians = np.full(energy.size, np.nan)
    found = np.empty(like_days, dtype=np.int64)
    for series in range(series_starts.size - 1):
        begin, end = series_starts[series], series_starts[series + 1]
        for row in range(begin, end):
            if (
                judged[row]
                and nearest_like_days(row, begin, end, day_types, usable, reach_days, found) == like_days
            ):
                medians[row] = np.median(energy[found])
    return medians


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def outside_like_days(
    energy: FloatArray,
    series_starts: IntArray,
    by_calendar: FloatArray,
    by_week: FloatArray,
    above: float,
    below: float,
) -> BoolArray:
    """Days above (1 + ``above``) or below (1 - ``below``) times what like-days show.

    by_calendar, by_week  What like-days show where holidays are days of their own kind, and where the days of
                          the week alone are; NaN: a
                          day is not judged. A series goes by the one that its days lie nearer to, on a tie by
                          the calendar.
    """
    flags = np.zeros(energy.size, dtype=np.bool_)
    for series in range(series_starts.size - 1):
        begin, end = series_starts[series], series_starts[series + 1]
        calendar_error, week_error = 0.0, 0.0
        for row in range(begin, end):
            if not (np.isnan(by_calendar[row]) or np.isnan(by_week[row])):
                calendar_error += abs(energy[row] - by_calendar[row])
                week_error += abs(energy[row] - by_week[row])
        usual = by_week if week_error < calendar_error else by_calendar
        for row in range(begin, end):
            flags[row] = energy[row] > (1.0 + above) * usual[row] or energy[row] < (1.0 - below) * usual[row]
    return flags


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def above_trimmed_maximum(
    energy: FloatArray, series_starts: IntArray, usable: BoolArray, ratio: float, trim: float, least: int
) -> BoolArray:
    """Days above ``ratio`` times the largest day that is left once the share ``trim`` of the largest days is
    cut off.

    least  Series of fewer usable days are not judged.
    """
    flags = np.zeros(energy.size, dtype=np.bool_)
    for series in range(series_starts.size - 1):
        begin, end = series_starts[series], series_starts[series + 1]
        values = np.sort(energy[begin:end][usable[begin:end]])
        if values.size < least:
            continue
        cut = max(1, int(np.ceil(trim * values.size)))
        limit = ratio * values[values.size - 1 - cut]
        if limit <= 0.0:
            continue
        for row in range(begin, end):
            flags[row] = usable[row] and energy[row] > limit
    return flags


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def long_runs(
    marked: BoolArray,
    series_starts: IntArray,
    day_numbers: IntArray,
    span_days: IntArray,
    limit: int,
    holes: bool,
) -> BoolArray:
    """From its ``limit``-th day on, the days of a run of marked rows.

    holes  Days without a row belong to a run (a meter that is not heard of); else they end it.
    """
    flags = np.zeros(marked.size, dtype=np.bool_)
    for series in range(series_starts.size - 1):
        length, last = np.int64(0), np.int64(0)
        for row in range(series_starts[series], series_starts[series + 1]):
            silent = np.int64(0)
            if row > series_starts[series]:
                silent = day_numbers[row] - span_days[row] - last
            last = day_numbers[row]
            if silent > 0:
                length = length + silent if holes else np.int64(0)
            if marked[row]:
                length += span_days[row]
                flags[row] = length >= limit
            else:
                flags[row] = holes and silent >= limit
                length = np.int64(0)
    return flags


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def without_sibling(
    series_starts: IntArray, meter_points: IntArray, day_numbers: IntArray, span_days: IntArray
) -> BoolArray:
    """Days on which another series of the meter point, which runs before and after, has no row; an unsplit
    span counts for all its days.
    """
    flags = np.zeros(day_numbers.size, dtype=np.bool_)
    count = meter_points.size
    for series in range(count):
        sibling = series - 1
        while sibling >= 0 and meter_points[sibling] == meter_points[series]:
            sibling -= 1
        sibling += 1
        while sibling < count and meter_points[sibling] == meter_points[series]:
            if sibling != series:
                other, end = series_starts[sibling], series_starts[sibling + 1]
                first, last = day_numbers[other] - span_days[other] + 1, day_numbers[end - 1]
                for row in range(series_starts[series], series_starts[series + 1]):
                    day = day_numbers[row]
                    if day < first or day > last:
                        continue
                    while day_numbers[other] < day:
                        other += 1
                    if day_numbers[other] - span_days[other] >= day:
                        flags[row] = True
            sibling += 1
    return flags


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def unlike_most(values: IntArray, series_starts: IntArray) -> BoolArray:
    """Rows whose value, 0 standing for none, is not the one that most rows of the series have; the smaller
    one on a tie.
    """
    flags = np.zeros(values.size, dtype=np.bool_)
    for series in range(series_starts.size - 1):
        begin, end = series_starts[series], series_starts[series + 1]
        ordered = np.sort(values[begin:end])
        usual, best, run = np.int64(0), 0, 0
        for place in range(ordered.size):
            run = run + 1 if place and ordered[place] == ordered[place - 1] else 1
            if ordered[place] > 0 and run > best:
                usual, best = ordered[place], run
        for row in range(begin, end):
            flags[row] = values[row] > 0 and values[row] != usual
    return flags
