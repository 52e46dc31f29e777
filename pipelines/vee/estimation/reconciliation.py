"""Intervals against registers: estimates are scaled until a span's intervals sum to what its registers
counted; measured values never are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from pipelines.arrays import BoolArray, FloatArray, Int8Array, IntArray
from pipelines.codes import IntervalStatus
from pipelines.vee.estimation.estimators import ESTIMATORS

LEAST_TOLERANCE = 0.001
"""Sums agree within this or the register's step, whichever is larger. [kWh or kvarh]

No threshold: it is the thousandth to which sums of shares and of binary fractions are told apart at all; how
far
curve and register may differ before a check fires is ``interval_sum.tolerance_kwh``.
"""

LEAST_SHARE = 1e-9
"""Estimates that sum to less than this part of what is to be shared say nothing about its shape."""

IS_OWN_ESTIMATE = np.isin(
    np.arange(len(IntervalStatus)), [estimator.status for estimator in ESTIMATORS if estimator.is_scaled]
)
"""IntervalStatus -> whether the value is the project's own estimate."""


class Agreement(IntEnum):
    """What became of one span of days, or of one time-of-use register of it."""

    UNTOUCHED = 0
    """It holds no estimate and nothing is missing: whatever it sums to, nothing may be scaled."""
    AGREES = 1
    """The sum lies within the tolerance already."""
    SCALED = 2
    """Estimates were scaled, and missing intervals filled, so that the sum agrees."""
    NO_REMAINDER = 3
    """What was measured is as much as the registers counted or more: nothing was scaled, the registers stand.
    """


@dataclass(frozen=True)
class RegisterSpans:
    """Days between two reads, whole in the block and apart from each other; arrays run over spans.

    first_row, last_row  Rows of the block: [first_row, last_row).
    energy               (spans) or (spans x registers) energy between the reads, NaN where unknown. [kWh or
                         kvarh]
    tolerance            How far a sum may be off. [kWh or kvarh]
    """

    first_row: IntArray
    last_row: IntArray
    energy: FloatArray
    tolerance: FloatArray


@dataclass(frozen=True)
class Reconciled:
    """Values after reconciliation.

    final, status  (days x slots)
    factor         (days x slots) what each estimate was multiplied with, 1 where it was not.
    agreement      (spans x registers) Agreement.
    """

    final: FloatArray
    status: Int8Array
    factor: FloatArray
    agreement: Int8Array


def reconcile_with_registers(
    final: FloatArray,
    status: Int8Array,
    spans: RegisterSpans,
    register_of_slot: Int8Array | None = None,
    profile: FloatArray | None = None,
) -> Reconciled:
    """Fills what is missing and scales what was estimated, span by span and register by register.

    final             (days x slots) energy, NaN where nothing could be estimated. [kWh or kvarh]
    status            (days x slots) IntervalStatus. Edited values and the sender's substitutes count as
                      measured here.
    register_of_slot  (days x slots) which time-of-use register counts an interval, an index into the columns
                      of ``spans.energy``; none: one
                      register counts all.
    profile           (days x slots) shape of the customer class, any scale, NaN where it has none; missing
                      intervals follow it, or are
                      filled evenly.

    Energy left for estimates = register energy - what was not estimated. It is shared among the estimated and
    missing intervals in
    proportion to their estimate (of a missing one: the profile at the level of the span's other intervals).
    With nothing left, nothing is done.
    """
    final, status = final.copy(), status.copy()
    energy = spans.energy[:, None] if spans.energy.ndim == 1 else spans.energy
    factor = np.ones_like(final)
    agreement = np.full(energy.shape, Agreement.UNTOUCHED, dtype=np.int8)
    missing = np.isnan(final)
    open_rows = (missing | IS_OWN_ESTIMATE[status]).any(axis=1)
    before = np.concatenate(([0], np.cumsum(open_rows)))
    affected = np.flatnonzero(before[spans.last_row] > before[spans.first_row])
    if not affected.size:
        return Reconciled(final, status, factor, agreement)
    rows, of_row = rows_of_spans(spans.first_row[affected], spans.last_row[affected])
    for register in range(energy.shape[1]):
        counted = (
            np.ones((rows.size, final.shape[1]), dtype=np.bool_)
            if register_of_slot is None
            else register_of_slot[rows] == register
        )
        agreement[affected, register] = _share_out(
            final,
            status,
            factor,
            rows,
            of_row,
            counted,
            energy[affected, register],
            spans.tolerance[affected],
            profile,
        )
    return Reconciled(final, status, factor, agreement)


def rows_of_spans(first_row: IntArray, last_row: IntArray) -> tuple[IntArray, IntArray]:
    """Every row of some spans, and the place of its span."""
    days = last_row - first_row
    rows = np.arange(days.sum()) - np.repeat(np.cumsum(days) - days, days) + np.repeat(first_row, days)
    return rows, np.repeat(np.arange(days.size), days)


def _share_out(
    final: FloatArray,
    status: Int8Array,
    factor: FloatArray,
    rows: IntArray,
    of_row: IntArray,
    counted: BoolArray,
    energy: FloatArray,
    tolerance: FloatArray,
    profile: FloatArray | None,
) -> Int8Array:
    """One register of the affected spans; changes ``final``, ``status`` and ``factor`` at ``rows`` and
    answers what became of each span.
    """
    spans = energy.size
    value = final[rows]
    empty = np.isnan(value) & counted
    guessed = (IS_OWN_ESTIMATE[status[rows]] & counted) & ~empty
    fixed = counted & ~empty & ~guessed

    def total(values: FloatArray, where: BoolArray) -> FloatArray:
        return np.asarray(
            np.bincount(of_row, weights=np.where(where, values, 0.0).sum(axis=1), minlength=spans),
            dtype=np.float64,
        )

    ones = np.ones_like(value)
    holes, guesses, others = total(ones, empty), total(ones, guessed), total(ones, fixed)
    fixed_energy, guessed_energy = total(value, fixed), total(value, guessed)
    left = energy - fixed_energy
    agreement = np.full(spans, Agreement.UNTOUCHED, dtype=np.int8)
    open_spans = (holes + guesses > 0) & ~np.isnan(energy)
    agrees = open_spans & (holes == 0) & (np.abs(left - guessed_energy) <= tolerance)
    scaled = open_spans & ~agrees & (left > 0)
    agreement[open_spans] = Agreement.NO_REMAINDER
    agreement[agrees], agreement[scaled] = Agreement.AGREES, Agreement.SCALED
    if not scaled.any():
        return agreement

    level = np.where(
        guesses + others > 0, (guessed_energy + fixed_energy) / np.maximum(guesses + others, 1), 1.0
    )
    level = np.where(level > 0, level, 1.0)
    shape = np.full_like(value, np.nan) if profile is None else profile[rows]
    followed = empty & ~np.isnan(shape)
    shape_level = total(np.nan_to_num(shape), followed) / np.maximum(total(ones, followed), 1)
    has_shape = (shape_level > 0)[of_row][:, None] & followed
    first = np.where(empty, level[of_row][:, None], value)
    first = np.where(
        has_shape,
        shape / np.where(shape_level > 0, shape_level, 1.0)[of_row][:, None] * level[of_row][:, None],
        first,
    )
    # Estimates that are next to nothing cannot be scaled: they share evenly.
    flat = scaled & (total(first, empty | guessed) <= LEAST_SHARE * left)
    evenly = flat[of_row][:, None] & (empty | guessed)
    first = np.where(evenly, 1.0, first)
    scale = np.where(scaled, left / np.maximum(total(first, empty | guessed), np.finfo(float).tiny), 1.0)[
        of_row
    ][:, None]

    changed = scaled[of_row][:, None] & (empty | guessed)
    final[rows] = np.where(changed, first * scale, value)
    factor[rows] = np.where(changed & guessed & ~evenly, scale, factor[rows])
    filled = status[rows]
    filled[changed & (empty | evenly)] = IntervalStatus.ESTIMATED_EVEN_SHARE
    filled[changed & has_shape & ~evenly] = IntervalStatus.ESTIMATED_CLASS_PROFILE
    status[rows] = filled
    return agreement
