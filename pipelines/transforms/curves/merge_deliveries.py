"""Which of several deliveries of a day stands, interval by interval, whatever the order of arrival.

The best delivery is the one with the larger time of the sender, then the larger content hash, then the larger
line. Of the deliveries that have a value for an interval the best one stands; one that has none, whether it
leaves the interval out or says that it is empty, takes nothing away. Where the values differ and none carries
a sender's time, nobody can tell which is true: that interval is held back, and no other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.transforms.curves.curve_records import CurveRecords
from pipelines.transforms.received import precedence
from pipelines.transforms.received.precedence import NO_TIME

WHOLE_DAY = -1
"""In the place of the minute of a day: all of it."""


@dataclass(frozen=True)
class Day:
    """Days of one interval length put together from several deliveries.

    energy       (days x slots) what stands, NaN where nothing does.
    substituted  (days x slots) whether the sender says that it is not a measured one.
    disputed     (days x slots) whether deliveries differ and nobody can tell which is true.
    by           (days x slots) place among the deliveries of the one that stands, -1 where none does.
    """

    energy: FloatArray
    substituted: BoolArray
    disputed: BoolArray
    by: IntArray


@dataclass(frozen=True)
class Deliveries:
    """Deliveries of days of one interval length, those of a day one after the other, the best first.

    day          (deliveries) number of the day, rising without gaps from 0.
    timed        (deliveries) whether it carries a sender's time.
    energy       (deliveries x slots) NaN where it has no value.
    substituted  (deliveries x slots) whether the sender says that it is not a measured one.
    disputed     (deliveries x slots) whether its own lines differ there and none carries a sender's time.
    """

    day: IntArray
    timed: BoolArray
    energy: FloatArray
    substituted: BoolArray
    disputed: BoolArray


def settle_intervals(told: Deliveries) -> Day:
    """What stands of each interval, by the rule of this module.

    Of equal values without a sender's time the interval is substituted where any says so.
    """
    first = np.flatnonzero(np.diff(told.day, prepend=-1))
    turn = np.arange(told.day.size) - first[told.day]
    energy, substituted = told.energy[first].copy(), told.substituted[first].copy()
    by = np.where(np.isnan(energy), -1, first[:, None])
    disputed, claimed = np.zeros_like(substituted), told.disputed[first].copy()
    for step in range(1, int(turn.max(initial=0)) + 1):
        at = np.flatnonzero(turn == step)
        day, values = told.day[at], told.energy[at]
        has, is_open = ~np.isnan(values), by[day] < 0
        again = has & ~is_open & ~told.timed[by[day]]
        disputed[day] |= again & (values != energy[day])
        substituted[day] |= again & told.substituted[at]
        takes = has & is_open
        energy[day] = np.where(takes, values, energy[day])
        substituted[day] = np.where(takes, told.substituted[at], substituted[day])
        by[day] = np.where(takes, at[:, None], by[day])
        claimed[day] |= told.disputed[at]
    disputed |= claimed & ((by < 0) | ~told.timed[by])
    energy[disputed], by[disputed] = np.nan, -1
    return Day(energy, substituted & (by >= 0), disputed, by)


@dataclass(frozen=True)
class Merged:
    """Days that more than one record tells, put together.

    rows      Interval length -> records in whose place the days stand, ascending.
    days      Interval length -> those days.
    disputes  Records with values that are held back, the minute of the day of the first of them, and how many
              they are; ascending.
    """

    rows: dict[int, IntArray] = field(default_factory=dict)
    days: dict[int, Day] = field(default_factory=dict)
    disputes: list[tuple[IntArray, IntArray, IntArray]] = field(default_factory=list)

    def apply(
        self, minutes: int, records: IntArray, energy: FloatArray, substituted: BoolArray, disputed: BoolArray
    ) -> None:
        """Puts the merged days of one interval length in the place of what the records themselves say."""
        mine = self.rows.get(minutes)
        if mine is not None:
            day = self.days[minutes]
            place = np.minimum(np.searchsorted(mine, records), mine.size - 1)
            found = np.flatnonzero(mine[place] == records)
            energy[found] = day.energy[place[found]]
            substituted[found] = day.substituted[place[found]]
            disputed[found] = day.disputed[place[found]]


def merge_deliveries(
    records: CurveRecords,
    fit: IntArray,
    groups: IntArray,
    winners: IntArray,
    same: BoolArray,
    verdicts: np.ndarray,
) -> Merged:
    """Puts together the days whose records do not all say the same, and mends the verdicts.

    fit       Records that compete; ``groups`` and ``winners`` as ``precedence.group_winners`` gives them for
              these.
    same      (fit records) whether it says what its group's winner says.
    verdicts  (fit records) as ``precedence.settle`` gives them, changed in place: a record of which a value
              stands is kept, one without any of whose values some are disputed is held back.

    A day told in intervals of two lengths has none in common: without a sender's time it stays held back
    whole, as ``settle`` says.
    """
    merged, differs = Merged(), ~same | records.disputing(fit)
    if not differs.any():
        return merged
    affected = np.bincount(groups, weights=differs, minlength=winners.size) > 0
    affected &= np.bincount(groups, minlength=winners.size) > 1
    length = records.interval_minutes[fit]
    odd = np.bincount(groups, weights=length != length[winners][groups], minlength=winners.size) > 0
    affected &= ~(odd & (records.sent[fit[winners]] == NO_TIME))
    for minutes in np.unique(length[winners[affected]]).tolist():
        rivals = np.flatnonzero((affected & (length[winners] == minutes))[groups] & (length == minutes))
        _merge(records, fit, groups, rivals, int(minutes), verdicts, merged)
    return merged


def _merge(
    records: CurveRecords,
    fit: IntArray,
    groups: IntArray,
    rivals: IntArray,
    minutes: int,
    verdicts: np.ndarray,
    merged: Merged,
) -> None:
    """One interval length; ``rivals`` are places in ``fit``."""
    mine = fit[rivals]
    # Turned round by ~ and not by -, under which NO_TIME stays the smallest.
    best_first = ~records.line[mine], ~records.content[mine], ~records.sent[mine], groups[rivals]
    order = rivals[np.lexsort(best_first)]
    rows = fit[order]
    begins = np.diff(groups[order], prepend=-1) != 0
    told = Deliveries(
        np.cumsum(begins) - 1,
        records.sent[rows] != NO_TIME,
        records.matrix(rows),
        records.substituted(rows),
        records.disputed(rows),
    )
    day = settle_intervals(told)
    has, stands = ~np.isnan(told.energy), day.by[told.day] == np.arange(rows.size)[:, None]
    held = has & day.disputed[told.day]
    differs = (has & ~held & (told.energy != day.energy[told.day])).any(axis=1)
    count = held.sum(axis=1)
    verdicts[order] = np.select(
        [stands.any(axis=1), count > 0, differs],
        [precedence.KEPT, precedence.QUARANTINED, precedence.SUPERSEDED],
        precedence.DUPLICATE,
    )
    part = np.flatnonzero(count)
    if part.size:
        merged.disputes.append((rows[part], held[part].argmax(axis=1) * minutes, count[part]))
    best = rows[begins]
    ascending = np.argsort(best)
    merged.rows[minutes] = best[ascending]
    merged.days[minutes] = Day(
        day.energy[ascending], day.substituted[ascending], day.disputed[ascending], day.by[ascending]
    )
