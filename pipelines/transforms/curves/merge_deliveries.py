"""Days that arrive in parts: a delivery that tells some intervals of a day replaces those alone, whatever the
order of arrival.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.transforms.curves.curve_records import CurveRecords
from pipelines.transforms.received import precedence
from pipelines.transforms.received.precedence import NO_TIME


@dataclass(frozen=True)
class Merged:
    """What winners of the settlement say once the intervals that they do not deliver are taken from the
    records they beat.

    rows    Interval length -> records whose day was put together, ascending.
    energy  Interval length -> their energy (rows x slots); ``substituted`` alike.
    """

    rows: dict[int, IntArray] = field(default_factory=dict)
    energy: dict[int, FloatArray] = field(default_factory=dict)
    substituted: dict[int, BoolArray] = field(default_factory=dict)

    def apply(self, minutes: int, records: IntArray, energy: FloatArray, substituted: BoolArray) -> None:
        """Puts the merged days of one interval length in the place of what the records themselves say."""
        mine = self.rows.get(minutes)
        if mine is not None:
            place = np.searchsorted(mine, records)
            found = np.flatnonzero(mine[np.minimum(place, mine.size - 1)] == records)
            energy[found] = self.energy[minutes][place[found]]
            substituted[found] = self.substituted[minutes][place[found]]


def merge_deliveries(
    records: CurveRecords, fit: IntArray, groups: IntArray, winners: IntArray, verdicts: np.ndarray
) -> Merged:
    """Fills what winners do not deliver, and mends the verdicts: a record that fills an interval is kept.

    fit       Records that compete; ``groups`` and ``winners`` as ``precedence.group_winners`` gives them for
              these.
    verdicts  (fit records) changed in place. Deliveries without a sender's time that contradict each other
              are all held back.
    """
    merged = Merged()
    partial = records.partial(fit)
    if not partial.any():
        return merged
    affected = np.bincount(groups, weights=partial, minlength=winners.size) > 0
    affected &= np.bincount(groups, minlength=winners.size) > 1
    for minutes in np.unique(records.interval_minutes[fit[winners[affected]]]).tolist():
        chosen = affected & (records.interval_minutes[fit[winners]] == minutes)
        _merge(records, fit, groups, winners, chosen, int(minutes), verdicts, merged)
    return merged


def _merge(
    records: CurveRecords,
    fit: IntArray,
    groups: IntArray,
    winners: IntArray,
    chosen: BoolArray,
    minutes: int,
    verdicts: np.ndarray,
    merged: Merged,
) -> None:
    """One interval length: the best record first, then each next best."""
    numbers = np.flatnonzero(chosen)
    place_of = np.full(winners.size, -1)
    place_of[numbers] = np.arange(numbers.size)
    rivals = np.flatnonzero(chosen[groups] & (records.interval_minutes[fit] == minutes))
    mine = fit[rivals]
    order = rivals[
        np.lexsort((-records.line[mine], -records.content[mine], -records.sent[mine], groups[rivals]))
    ]
    first = np.concatenate(([True], groups[order[1:]] != groups[order[:-1]]))
    turn = np.arange(order.size) - np.maximum.accumulate(np.where(first, np.arange(order.size), 0))
    best = fit[winners[numbers]]
    energy, substituted, open_slots = (
        records.matrix(best).copy(),
        records.substituted(best).copy(),
        records.undelivered(best).copy(),
    )
    disputed = np.zeros(numbers.size, dtype=np.bool_)
    settled = dict.fromkeys(winners[numbers].tolist(), precedence.KEPT)
    for step in range(1, int(turn.max()) + 1 if turn.size else 1):
        at = order[turn == step]
        rows, day = fit[at], place_of[groups[at]]
        values, told = records.matrix(rows), ~records.undelivered(rows)
        takes = open_slots[day] & told
        both = ~open_slots[day] & told
        differs = (both & ~((values == energy[day]) | (np.isnan(values) & np.isnan(energy[day])))).any(axis=1)
        disputed[day] |= differs & (records.sent[best[day]] == NO_TIME)
        energy[day] = np.where(takes, values, energy[day])
        substituted[day] = np.where(takes, records.substituted(rows), substituted[day])
        open_slots[day] &= ~told
        fills = takes.any(axis=1)
        verdict = np.where(
            fills, precedence.KEPT, np.where(differs, precedence.SUPERSEDED, precedence.DUPLICATE)
        )
        settled.update(zip(at.tolist(), verdict.tolist(), strict=True))
    for place, code in settled.items():
        verdicts[place] = code
    verdicts[chosen[groups] & np.isin(groups, numbers[disputed])] = precedence.QUARANTINED
    ascending = np.argsort(best)
    merged.rows[minutes] = best[ascending]
    merged.energy[minutes] = energy[ascending]
    merged.substituted[minutes] = substituted[ascending]
