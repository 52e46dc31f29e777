"""The rules that all engines of the comparison apply, and their compiled form on (meters x slots) arrays.

They are fewer and simpler than the project's catalogue (docs/checks.md), because SQL has to express them too:

* the latest received reading of a meter and slot counts; energy is the reading times the multiplier in force
on its day;
* MISSING where nothing came, NEGATIVE below zero;
* like-days of a slot are the same slot 14 and 7 days before and after; SPIKE where at least two of them hold
a value that is not negative,
  and the value is above eight times their median, the median being above zero;
* ZERO_RUN on every slot of a run of at least 48 zeros; such values stay;
* missing, negative and spike are invalid. A run of at most 8 invalid slots between two valid ones is filled
on the straight line
  between them; any other invalid slot takes the mean of the valid values of its like-days, or stays empty.
"""

from __future__ import annotations

import numba
import numpy as np

from pipelines.arrays import BoolArray, ByteArray, FloatArray, IntArray

SLOTS = 96
MISSING, NEGATIVE, SPIKE, ZERO_RUN = 1, 2, 4, 8
INVALID = MISSING | NEGATIVE | SPIKE
LIKE_DAYS = (-14, -7, 7, 14)
LIKE_SLOTS = np.array([day * SLOTS for day in LIKE_DAYS])
SPIKE_RATIO = 8.0
ZERO_RUN_SLOTS = 48
LINEAR_SLOTS = 8
NIGHT_SLOTS = 28
MEASURES = (
    "energy_kwh",
    "reactive_kvarh",
    "power_factor_ratio",
    "max_kw",
    "std_kw",
    "load_factor_ratio",
    "night_kwh",
    "weekend_kwh",
    "missing_intervals",
    "failed_intervals",
    "zero_run_intervals",
    "estimated_intervals",
)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def flag_slots(energy: FloatArray) -> ByteArray:
    """(meters x slots) flags of each slot; energy is NaN where nothing came."""
    meters, slots = energy.shape
    flags = np.zeros((meters, slots), dtype=np.uint8)
    like = np.empty(4)
    for meter in range(meters):
        row, out = energy[meter], flags[meter]
        zeros = 0
        for slot in range(slots + 1):
            value = row[slot] if slot < slots else np.nan
            if value == 0.0:
                zeros += 1
                continue
            if zeros >= ZERO_RUN_SLOTS:
                for inside in range(slot - zeros, slot):
                    out[inside] |= ZERO_RUN
            zeros = 0
            if slot == slots:
                break
            if np.isnan(value):
                out[slot] |= MISSING
            elif value < 0.0:
                out[slot] |= NEGATIVE
            elif _is_spike(row, slot, like):
                out[slot] |= SPIKE
    return flags


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _is_spike(row: FloatArray, slot: int, like: FloatArray) -> bool:
    """like  Room for one value per like-day."""
    count, lowest = 0, np.inf
    for step in LIKE_SLOTS:
        other = slot + step
        if 0 <= other < row.size and row[other] >= 0.0:
            like[count] = row[other]
            lowest = min(lowest, row[other])
            count += 1
    # No median is below the least: most slots need no sorting.
    if count < 2 or not row[slot] > SPIKE_RATIO * lowest:
        return False
    ordered = np.sort(like[:count])
    median = ordered[1] if count == 3 else (ordered[count // 2 - 1] + ordered[count // 2]) / 2
    return bool(median > 0.0 and row[slot] > SPIKE_RATIO * median)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def fill_slots(energy: FloatArray, flags: ByteArray) -> FloatArray:
    """(meters x slots) final energy: the measured value where it is valid, else an estimate, NaN where there
    is none.
    """
    meters, slots = energy.shape
    final = energy.copy()
    for meter in range(meters):
        row, marks, out = energy[meter], flags[meter], final[meter]
        slot = 0
        while slot < slots:
            if not marks[slot] & INVALID:
                slot += 1
                continue
            begin = slot
            while slot < slots and marks[slot] & INVALID:
                slot += 1
            width = slot - begin
            if width <= LINEAR_SLOTS and begin > 0 and slot < slots:
                left, right = row[begin - 1], row[slot]
                for offset in range(width):
                    out[begin + offset] = left + (right - left) * (offset + 1) / (width + 1)
                continue
            for inside in range(begin, slot):
                total, count = 0.0, 0
                for step in LIKE_SLOTS:
                    other = inside + step
                    if 0 <= other < slots and not marks[other] & INVALID:
                        total += row[other]
                        count += 1
                out[inside] = total / count if count else np.nan
    return final


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def month_measures(
    final: FloatArray, reactive: FloatArray, flags: ByteArray, month_of_day: IntArray, weekend: BoolArray
) -> FloatArray:
    """(meters x months x measures), the measures in the order of MEASURES.

    final     (meters x slots) [kWh], NaN where empty.
    reactive  (meters x slots) [kvarh], NaN where empty; never estimated.
    """
    meters, slots = final.shape
    months = month_of_day.max() + 1
    found = np.zeros((meters, months, len(MEASURES)))
    for meter in range(meters):
        counts = np.zeros(months)
        for slot in range(slots):
            day = slot // SLOTS
            month = month_of_day[day]
            into = found[meter, month]
            value, mark = final[meter, slot], flags[meter, slot]
            if reactive[meter, slot] == reactive[meter, slot]:
                into[1] += reactive[meter, slot]
            if mark:
                into[8] += mark & MISSING
                into[9] += (mark & (NEGATIVE | SPIKE)) != 0
                into[10] += (mark & ZERO_RUN) != 0
            if value == value:
                counts[month] += 1
                into[0] += value
                into[3] = max(into[3], value)
                if slot % SLOTS < NIGHT_SLOTS:
                    into[6] += value
                if weekend[day]:
                    into[7] += value
                into[11] += (mark & INVALID) != 0
        for slot in range(slots):
            value = final[meter, slot]
            if value == value:
                month = month_of_day[slot // SLOTS]
                deviation = value - found[meter, month, 0] / counts[month]
                found[meter, month, 4] += deviation * deviation
        for month in range(months):
            into = found[meter, month]
            count = counts[month]
            apparent = np.sqrt(into[0] * into[0] + into[1] * into[1])
            into[2] = into[0] / apparent if apparent > 0 else 0.0
            into[5] = into[0] / count / into[3] if count and into[3] > 0 else 0.0
            into[4] = 4.0 * np.sqrt(into[4] / count) if count else 0.0
            into[3] = 4.0 * into[3]
    return found
