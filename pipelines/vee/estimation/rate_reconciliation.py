"""Intervals against the registers of the rates: each rate scales its own estimates, then the whole agrees
with the total.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipelines.arrays import BoolArray, FloatArray, Int8Array, IntArray
from pipelines.vee.estimation.reconciliation import (
    IS_OWN_ESTIMATE,
    Reconciled,
    RegisterSpans,
    reconcile_with_registers,
    rows_of_spans,
)

NO_RATE = -1
LAST_BITS = 1e-9
"""The last bits of a sum of doubles are no difference."""


@dataclass(frozen=True)
class RateSpans:
    """What the registers of the rates counted in the spans of a RegisterSpans; arrays run over spans.

    energy  (spans x rates) NaN where unknown. [kWh or kvarh]
    slack   How far the rates may lie from the total, and what was measured in a rate from its register. [kWh
            or kvarh]
    series  Number of the series.
    """

    energy: FloatArray
    slack: FloatArray
    series: IntArray


@dataclass(frozen=True)
class ReconciledByRate:
    """Values after reconciliation, and the spans in which the rates were followed; the others went by their
    total.
    """

    values: Reconciled
    by_rate: BoolArray


@dataclass(frozen=True)
class _RateSums:
    """(spans x rates) of each span: energy not estimated and estimated [kWh or kvarh], number of estimated
    and of missing intervals.
    """

    fixed: FloatArray
    guessed: FloatArray
    guesses: FloatArray
    holes: FloatArray

    @property
    def is_open(self) -> BoolArray:
        """Whether anything of the rate may move."""
        return np.asarray(self.guesses + self.holes > 0)

    def of(self, chosen: BoolArray) -> _RateSums:
        return _RateSums(self.fixed[chosen], self.guessed[chosen], self.guesses[chosen], self.holes[chosen])


def reconcile_with_rates(
    final: FloatArray,
    status: Int8Array,
    spans: RegisterSpans,
    rates: RateSpans,
    rate_of_slot: Int8Array,
    profile: FloatArray | None = None,
) -> ReconciledByRate:
    """As ``reconcile_with_registers``, rate by rate where the rates can be followed and by the total
    elsewhere.

    spans         Energy of the total.
    rate_of_slot  (days x slots) column of ``rates.energy`` that counts an interval, NO_RATE where no schedule
                  tells.

    A span's rates are followed where each of its intervals has a rate, the rates sum to the total within the
    slack, and the meter bears the
    schedule out: of the spans of the series without an estimate whose intervals sum to the total within the
    slack, neither the nearest before
    nor the nearest after has intervals that are farther from the register of a rate. Without any such span
    the schedule is believed.
    """
    followed, sums = _followed(final, status, spans, rates, rate_of_slot)
    done = Reconciled(final, status, np.ones_like(final), np.empty((0, 1), dtype=np.int8))
    if followed.any():
        targets = rate_targets(
            sums.of(followed),
            np.nan_to_num(rates.energy[followed]),
            spans.energy[followed],
            spans.tolerance[followed],
        )
        mine = RegisterSpans(
            spans.first_row[followed], spans.last_row[followed], targets, np.zeros(targets.shape[0])
        )
        done = reconcile_with_registers(final, status, mine, rate_of_slot, profile)
    others = RegisterSpans(
        spans.first_row[~followed],
        spans.last_row[~followed],
        spans.energy[~followed],
        spans.tolerance[~followed],
    )
    rest = reconcile_with_registers(done.final, done.status, others, profile=profile)
    return ReconciledByRate(replace(rest, factor=rest.factor * done.factor), followed)


def rate_targets(
    sums: _RateSums, register: FloatArray, total: FloatArray, tolerance: FloatArray
) -> FloatArray:
    """(spans x rates) energy that the intervals of each rate shall sum to, NaN where they stay. [kWh or
    kvarh]

    register  (spans x rates); total, tolerance: (spans).

    A rate that does not agree takes its register. Registers are cut off at their last digit, so the total may
    then still be some steps off:
    what is left is dealt out evenly over the rates that may move and the total itself, if that leaves each of
    them within the tolerance.
    """
    current = sums.fixed + sums.guessed
    moves = sums.is_open & (register - sums.fixed > 0)
    agrees = moves & (sums.holes == 0) & (np.abs(current - register) <= tolerance[:, None])
    target = np.where(moves & ~agrees, register, np.nan)
    apart = np.abs(total - np.where(np.isnan(target), current, target).sum(axis=1)) > tolerance
    share = (total - np.where(moves, register, current).sum(axis=1)) / (moves.sum(axis=1) + 1)
    dealt = (
        (apart & (np.abs(share) <= tolerance))[:, None] & moves & (register + share[:, None] - sums.fixed > 0)
    )
    return np.asarray(np.where(dealt, register + share[:, None], target))


def _followed(
    final: FloatArray, status: Int8Array, spans: RegisterSpans, rates: RateSpans, rate_of_slot: Int8Array
) -> tuple[BoolArray, _RateSums]:
    """Spans whose rates are followed, and the sums of all spans by rate."""
    rows, of_row = rows_of_spans(spans.first_row, spans.last_row)
    count, width = rates.energy.shape
    rate = rate_of_slot[rows]
    register = np.nan_to_num(rates.energy)
    slack = rates.slack + LAST_BITS * (rates.slack + np.abs(spans.energy))
    fit = ~np.isnan(rates.energy).all(axis=1) & (np.abs(register.sum(axis=1) - spans.energy) <= slack)
    fit &= np.bincount(of_row, weights=(rate == NO_RATE).any(axis=1), minlength=count) == 0
    cell = (of_row[:, None] * width + np.maximum(rate, 0)).reshape(-1)

    def summed(values: FloatArray | BoolArray) -> FloatArray:
        return np.asarray(
            np.bincount(cell, weights=values.reshape(-1), minlength=count * width), dtype=np.float64
        ).reshape(count, width)

    value = final[rows]
    holes = np.isnan(value)
    guesses = IS_OWN_ESTIMATE[status[rows]] & ~holes
    there = np.nan_to_num(value)
    sums = _RateSums(
        summed(np.where(guesses, 0.0, there)),
        summed(np.where(guesses, there, 0.0)),
        summed(guesses),
        summed(holes),
    )
    whole = fit & ~sums.is_open.any(axis=1) & (np.abs(sums.fixed.sum(axis=1) - spans.energy) <= slack)
    apart = np.abs(sums.fixed - register).max(axis=1)
    says = np.where(~whole, 0, np.where(apart > slack, -1, np.where(spans.energy > slack, 1, 0)))
    doubted = (_last_word(says, rates.series) < 0) | (_last_word(says[::-1], rates.series[::-1])[::-1] < 0)
    return fit & ~doubted & sums.is_open.any(axis=1), sums


def _last_word(says: IntArray, series: IntArray) -> IntArray:
    """What the latest span of the same series up to each one that says anything says: 1 for the schedule, -1
    against it; 0 where none does.
    """
    latest = np.maximum.accumulate(np.where(says != 0, np.arange(says.size), -1))
    at = np.maximum(latest, 0)
    return np.where((latest >= 0) & (series[at] == series), says[at], 0)
