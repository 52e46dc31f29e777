"""The compiled walk along register reads; registers, multipliers and energies are whole millionths in
int64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from pipelines.arrays import BoolArray, FloatArray, Int8Array, IntArray
from pipelines.transforms.ground.in_force import places_in_force
from pipelines.transforms.ground.micros import PER_UNIT

FIRST_READ, NORMAL, ROLLOVER, METER_EXCHANGE, DECREASE, UNKNOWN_METER, JUMP, OVER_CAPACITY, RESTART = range(9)

_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Meters:
    """Meters by meter point and first day; every array runs over meters.

    begins, ends   First and last local day on which the meter counts.
    multiplier     CT ratio x PT ratio. [1e-6]
    span           Where the register rolls over, 0 where its digits are unknown. [1e-6]
    step           Smallest step of the register. [1e-6]
    start          Active forward register at installation; previous_end: last one of the meter before. [1e-6]
    """

    meter_point: IntArray
    begins: IntArray
    ends: IntArray
    multiplier: IntArray
    span: IntArray
    step: IntArray
    start: IntArray
    has_start: BoolArray
    previous_end: IntArray
    has_previous_end: BoolArray
    capacity_kva: FloatArray


def times(micros: IntArray, multiplier: IntArray) -> IntArray:
    """Product of two arrays of millionths, half up. [1e-6]"""
    return np.asarray(_times(micros, multiplier))


def meters_in_force(
    meter_point: IntArray, day: IntArray, of_meter: IntArray, begins: IntArray, ends: IntArray
) -> IntArray:
    """Place of the meter that a register read at the end of each day belongs to, -1 where there is none.

    The first meter of a meter point also answers for the day before it begins: that read opens its series.
    """
    first = np.concatenate(([True], of_meter[1:] != of_meter[:-1]))[: of_meter.size]
    return places_in_force(meter_point, day, of_meter, begins - first, ends)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _times(micros: Any, multiplier: Any) -> Any:
    whole = micros // PER_UNIT
    rest = micros - whole * PER_UNIT
    return whole * multiplier + (rest * multiplier + PER_UNIT // 2) // PER_UNIT


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _advance(
    start: int, end: int, span: int, multiplier: int, limit: float, share: float
) -> tuple[int, bool]:
    """How far a register went on, and whether over its end; -1 where a decrease cannot be a rollover.

    limit  Largest energy that the connection can have carried meanwhile, NaN where unknown. [1e-6 kWh]
    """
    if end >= start:
        return end - start, False
    advance = end - start + span
    if span <= 0 or advance < 0 or advance > share * span:
        return -1, False
    if advance * (multiplier / PER_UNIT) > limit:  # false where the limit is NaN
        return -1, False
    return advance, True


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _is_jump(
    read: int, floor: int, series: IntArray, register: IntArray, meter: IntArray, ahead: int
) -> bool:
    """Whether a read lies above the reads that follow it while these go on from ``floor``: then it is the odd
    one, not they.

    floor  Where the meter stood before: at the read before, or at its installation. [1e-6]
    ahead  Reads that are looked at.
    A register that begins anew at 0 falls below the read before as well, so a rollover is no jump.
    """
    below, above = 0, 0
    for later in range(read + 1, min(series.size, read + 1 + ahead)):
        if series[later] != series[read] or meter[later] != meter[read]:
            break
        if register[later] >= register[read]:
            above += 1
        elif register[later] >= floor:
            below += 1
    return below >= 2 and below > above


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _is_odd_first(
    read: int,
    series: IntArray,
    day: IntArray,
    register: IntArray,
    meter: IntArray,
    span: int,
    multiplier: int,
    capacity: float,
    share: float,
    ahead: int,
) -> bool:
    """Whether the first read of a series lies above the next one and most of those that follow, and these
    have not rolled over.

    capacity  Largest energy of an hour, NaN where unknown. [1e-6 kWh]
    """
    below, above = 0, 0
    for later in range(read + 1, min(series.size, read + 1 + ahead)):
        if series[later] != series[read] or meter[later] != meter[read]:
            break
        limit = capacity * 24.0 * (day[later] - day[read])
        advance, _ = _advance(register[read], register[later], span, multiplier, limit, share)
        if advance < 0:
            below += 1
        elif later == read + 1:  # two reads that agree
            return False
        else:
            above += 1
    return below >= 2 and below > above


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _begins_anew(
    read: int, held: int, series: IntArray, register: IntArray, meter: IntArray, ahead: int
) -> bool:
    """Whether the reads after one that cannot follow go on from it, below what it cannot follow: the register
    began anew.

    held  The register that it ought to have kept above. [1e-6]
    """
    anew, back = 0, 0
    for later in range(read + 1, min(series.size, read + 1 + ahead)):
        if series[later] != series[read] or meter[later] != meter[read]:
            break
        if register[later] >= held:
            back += 1
        elif register[later] >= register[read]:
            anew += 1
    return anew >= 2 and anew > back


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _energy_between(
    read: int,
    last: int,
    day: IntArray,
    register: IntArray,
    meter: IntArray,
    forward: BoolArray,
    multiplier: IntArray,
    span: IntArray,
    start: IntArray,
    has_start: BoolArray,
    previous_end: IntArray,
    has_previous_end: BoolArray,
    capacity_kva: FloatArray,
    share: float,
    capacity_factor: float,
) -> tuple[int, bool, bool, float]:
    """Energy from one read to another (-1: a decrease), whether a register rolled over, whether all is known,
    and the most that can have flowed.
    """
    total, rolled, most = 0, False, np.inf
    begin, hours = register[last], 24.0 * (day[read] - day[last])
    for place in range(meter[last], meter[read] + 1):
        if place > meter[last]:
            begin = start[place]
        end = register[read]
        if place < meter[read]:
            end = previous_end[place + 1]
            if not (forward[read] and has_previous_end[place + 1] and has_start[place + 1]):
                return total, rolled, False, most
        limit = capacity_factor * capacity_kva[place] * hours * PER_UNIT
        advance, over = _advance(begin, end, span[place], multiplier[place], limit, share)
        if advance < 0:
            return -1, rolled, True, most
        rolled = rolled or over
        total += _times(advance, multiplier[place])
        # Over an exchange either meter may have counted all the while; an unknown capacity bounds nothing.
        most = np.inf if np.isnan(limit) else limit if place == meter[last] else max(most, limit)
    return total, rolled, True, most


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def settle_reads(
    series: IntArray,
    day: IntArray,
    register: IntArray,
    meter: IntArray,
    forward: BoolArray,
    multiplier: IntArray,
    span: IntArray,
    start: IntArray,
    has_start: BoolArray,
    previous_end: IntArray,
    has_previous_end: BoolArray,
    capacity_kva: FloatArray,
    share: float,
    capacity_factor: float,
    ahead: int,
) -> tuple[Int8Array, IntArray, IntArray, BoolArray]:
    """Rule, place of the read before (-1: none), energy and whether it is known, for reads ordered by series
    and day.

    meter    Place of each read's meter, -1 where none is known; the arrays from ``multiplier`` on run over
             meters.
    A read that closes more energy than the connection can have carried, or at which the register begins anew,
    gives none, and the next goes on from it.
    ahead    Reads after one that tell whether it was too high.
    forward  Whether the read is an active forward register, the one whose exchange registers are known.
    """
    count = series.size
    rule = np.empty(count, dtype=np.int8)
    before = np.full(count, -1, dtype=np.int64)
    energy = np.zeros(count, dtype=np.int64)
    known = np.zeros(count, dtype=np.bool_)
    last = -1
    for read in range(count):
        if last >= 0 and series[last] != series[read]:
            last = -1
        if meter[read] < 0:
            rule[read] = UNKNOWN_METER
            continue
        own = meter[read]
        if last < 0:
            hourly = capacity_factor * capacity_kva[own] * PER_UNIT
            if _is_odd_first(
                read, series, day, register, meter, span[own], multiplier[own], hourly, share, ahead
            ):
                rule[read] = JUMP
                continue
            rule[read] = FIRST_READ
            last = read
            continue
        before[read] = last
        # An exchange opens the series at the register of installation, or anywhere where that is not known.
        floor = (
            register[last] if own == meter[last] else start[own] if forward[read] and has_start[own] else 0
        )
        if register[read] > floor and _is_jump(read, floor, series, register, meter, ahead):
            rule[read] = JUMP
            continue
        total, rolled, certain, most = _energy_between(
            read,
            last,
            day,
            register,
            meter,
            forward,
            multiplier,
            span,
            start,
            has_start,
            previous_end,
            has_previous_end,
            capacity_kva,
            share,
            capacity_factor,
        )
        if total < 0:
            # Above the register of its installation a new meter is right, and what was told of the old one's
            # end is not.
            held = _NEVER if own != meter[last] and register[read] >= floor else floor
            if _begins_anew(read, held, series, register, meter, ahead):
                rule[read] = RESTART
                last = read
            else:
                rule[read] = DECREASE
            continue
        if certain and total > most:
            rule[read] = OVER_CAPACITY
            last = read
            continue
        rule[read] = METER_EXCHANGE if own != meter[last] else ROLLOVER if rolled else NORMAL
        energy[read] = total if certain else 0
        known[read] = certain
        last = read
    return rule, before, energy, known


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def settle_rates(
    rates: IntArray,
    day: IntArray,
    meter: IntArray,
    rule: Int8Array,
    before: IntArray,
    multiplier: IntArray,
    span: IntArray,
    capacity_kva: FloatArray,
    share: float,
    capacity_factor: float,
) -> IntArray:
    """Energy of the registers of the rates between the reads that ``settle_reads`` compared, -1 where it is
    not known. (reads x rates)

    rates         (reads x rates) registers, -1 where none was sent.
    rule, before  What ``settle_reads`` decided.

    A rate is known where both reads sent its register and one meter counted all the while; it rolls over by
    itself, by the rules of the
    total. What the registers of the rates showed at an exchange nobody tells, so there the total stands
    alone.
    """
    energy = np.full(rates.shape, -1, dtype=np.int64)
    for read in range(rates.shape[0]):
        if rule[read] != NORMAL and rule[read] != ROLLOVER:
            continue
        last, place = before[read], meter[read]
        limit = capacity_factor * capacity_kva[place] * 24.0 * (day[read] - day[last]) * PER_UNIT
        for rate in range(rates.shape[1]):
            begin, end = rates[last, rate], rates[read, rate]
            if begin < 0 or end < 0:
                continue
            advance, _ = _advance(begin, end, span[place], multiplier[place], limit, share)
            if advance >= 0:
                energy[read, rate] = _times(advance, multiplier[place])
    return energy
