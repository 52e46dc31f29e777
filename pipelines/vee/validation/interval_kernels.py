"""Compiled loops of the checks. All take the days of stacked series; a run or a neighbour never crosses from
one series into the next.
"""

from __future__ import annotations

import numba
import numpy as np

from pipelines.arrays import BoolArray, FloatArray, Int8Array, IntArray


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def repeated_runs(
    energy: FloatArray,
    series_starts: IntArray,
    counts: BoolArray,
    limit: int,
    zeros: bool,
    least: int,
    natural_ratio: float,
    rare_days: int,
) -> BoolArray:
    """Intervals in a run of one repeated value that is at least ``limit`` intervals long, or at least
    ``least`` and ``natural_ratio`` times as long as the series' own longest.

    energy     (days x slots), NaN ends a run.
    counts     (days) rows that are looked at.
    zeros      Runs of zero if true, else runs of any value above zero.
    rare_days  The longest run, and another for so many days, is left aside before the own longest is taken.
    """
    slots = energy.shape[1]
    flat = energy.reshape(-1)
    flags = np.zeros(flat.size, dtype=np.bool_)
    for series in range(series_starts.size - 1):
        first, last = series_starts[series] * slots, series_starts[series + 1] * slots
        longest = np.ones(2 + (last - first) // slots // rare_days, dtype=np.int64)  # falling
        for flagging in range(2):
            own = min(limit, max(least, int(np.ceil(natural_ratio * longest[-1]))))
            if flagging and longest[0] < own:
                break
            begin = first
            for position in range(first, last + 1):
                if position < last and position > begin and flat[position] == flat[begin]:
                    continue
                length = position - begin
                if (
                    length > (own - 1 if flagging else longest[-1])
                    and counts[begin // slots]
                    and ((flat[begin] == 0.0) if zeros else (flat[begin] > 0.0))
                ):
                    if flagging:
                        flags[begin:position] = True
                    else:
                        place = longest.size - 1
                        while place > 0 and longest[place - 1] < length:
                            longest[place] = longest[place - 1]
                            place -= 1
                        longest[place] = length
                begin = position
    return flags.reshape(energy.shape)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def nearest_like_days(
    row: int, first: int, last: int, day_types: IntArray, usable: BoolArray, reach: int, found: IntArray
) -> int:
    """Fills ``found`` with the rows of the nearest usable days of the same type, the earlier first on a tie;
    returns how many.

    row    The day itself, never among the found.
    first  First row of its series; last: the row after its last.
    reach  How many days to look before and after.
    """
    count = 0
    for distance in range(1, reach + 1):
        for step in (-distance, distance):
            candidate = row + step
            if (
                candidate < first
                or candidate >= last
                or not usable[candidate]
                or day_types[candidate] != day_types[row]
            ):
                continue
            found[count] = candidate
            count += 1
            if count == found.size:
                return count
        if row - distance < first and row + distance >= last:
            break
    return count


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def runs_touching(runs: BoolArray, series_starts: IntArray, days: BoolArray) -> BoolArray:
    """Those of the runs of true intervals that touch a day that is marked, whole.

    runs  (days x slots); days: (days).
    """
    slots = runs.shape[1]
    flat = runs.reshape(-1)
    kept = np.zeros(flat.size, dtype=np.bool_)
    for series in range(series_starts.size - 1):
        position, last = series_starts[series] * slots, series_starts[series + 1] * slots
        while position < last:
            if not flat[position]:
                position += 1
                continue
            begin, affected = position, False
            while position < last and flat[position]:
                affected = affected or days[position // slots]
                position += 1
            kept[begin:position] = affected
    return kept.reshape(runs.shape)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def shifted_by_one(energy: FloatArray, series_starts: IntArray, day_numbers: IntArray) -> BoolArray:
    """First and last days of series that run from one slot of a day to the same slot of another, as all
    stamps taken for the other end leave them.

    One slot late: the first day lacks its first slot alone, and the last day, the next after a whole one,
    holds its first slot alone. One slot
    early: the first day holds its last slot alone, and the last day lacks its last slot alone.

    energy  (days x slots) -> (days); the first and the last day of such a series are marked.
    """
    marked = np.zeros(energy.shape[0], dtype=np.bool_)
    slots = energy.shape[1]
    for series in range(series_starts.size - 1):
        first, last = series_starts[series], series_starts[series + 1] - 1
        if last <= first:
            continue
        late = (
            np.isnan(energy[first, 0])
            and not np.isnan(energy[last, 0])
            and day_numbers[last] == day_numbers[last - 1] + 1
        )
        early = (
            np.isnan(energy[last, slots - 1])
            and not np.isnan(energy[first, slots - 1])
            and day_numbers[first + 1] == day_numbers[first] + 1
        )
        late = late and not np.isnan(energy[last - 1, slots - 1])
        early = early and not np.isnan(energy[first + 1, 0])
        for slot in range(1, slots):
            late = late and not np.isnan(energy[first, slot]) and np.isnan(energy[last, slot])
            early = early and np.isnan(energy[first, slot - 1]) and not np.isnan(energy[last, slot - 1])
            if not (late or early):
                break
        marked[first] = marked[last] = late or early
    return marked


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def open_ends(energy: FloatArray, series_starts: IntArray, before: BoolArray, after: BoolArray) -> BoolArray:
    """Intervals before the first and after the last value of a series: nobody knows whether anything was
    counted there. (days x slots)

    before, after  (series) whether the series begins, or ends, with its block; false: it goes on elsewhere,
                   and its ends are gaps like any.
    Without any such interval the answer has no rows.
    """
    slots = energy.shape[1]
    flat = energy.reshape(-1)
    marked = np.zeros((0, slots), dtype=np.bool_)
    for series in range(series_starts.size - 1):
        first, last = series_starts[series] * slots, series_starts[series + 1] * slots
        begin, end = first, last
        while before[series] and begin < last and np.isnan(flat[begin]):
            begin += 1
        while after[series] and end > begin and np.isnan(flat[end - 1]):
            end -= 1
        if begin == first and end == last:
            continue
        if not marked.size:
            marked = np.zeros(energy.shape, dtype=np.bool_)
        flat_marked = marked.reshape(-1)
        flat_marked[first:begin] = True
        flat_marked[end:last] = True
    return marked


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def split_invalid(
    energy: FloatArray,
    invalid: BoolArray,
    substituted: BoolArray,
    measured: int,
    missing: int,
    substitute: int,
) -> tuple[FloatArray, Int8Array, BoolArray]:
    """What stands before anything is estimated; all (days x slots).

    Returns the energy, NaN where it is invalid; the status of each interval, one of the last three arguments;
    (days) whether every
    interval of the day is valid and none a substitute.
    """
    final, status = np.empty(energy.shape), np.empty(energy.shape, dtype=np.int8)
    clean = np.ones(energy.shape[0], dtype=np.bool_)
    for day in range(energy.shape[0]):
        for slot in range(energy.shape[1]):
            final[day, slot], status[day, slot] = energy[day, slot], measured
            if invalid[day, slot]:
                final[day, slot], status[day, slot] = np.nan, missing
                clean[day] = False
            elif substituted[day, slot]:
                status[day, slot] = substitute
                clean[day] = False
    return final, status, clean
