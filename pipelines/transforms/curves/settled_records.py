"""Which received curve records stand, and what becomes of the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipelines.arrays import BoolArray, Int8Array, IntArray
from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.transforms.curves.curve_quarantine import Disputes, quarantine
from pipelines.transforms.curves.curve_records import CurveRecords
from pipelines.transforms.curves.merge_deliveries import WHOLE_DAY, Merged, merge_deliveries
from pipelines.transforms.ground.local_days import DAY_SPAN
from pipelines.transforms.received import precedence


@dataclass(frozen=True)
class SettledRecords:
    """Which records stand.

    verdicts   (records) index into ``precedence.VERDICTS``.
    disputes   Records of which intervals are held back because others contradict them.
    merged     Days put together from several records.
    kept       The records in whose place a day stands, one a day; ``received`` how many came for each.
    """

    verdicts: Int8Array
    disputes: Disputes
    merged: Merged
    kept: IntArray
    received: IntArray


def settle_records(records: CurveRecords) -> SettledRecords:
    """Settles the records of each meter point, channel and day."""
    key = records.series * DAY_SPAN + records.day
    fit = np.flatnonzero(records.faults == 0)
    groups, winners, receptions = precedence.group_winners(
        key[fit], records.sent[fit], records.content[fit], records.line[fit]
    )
    same = _same_as_winner(records, fit, winners[groups], receptions[groups] > 1)
    verdicts = np.full(records.count, precedence.QUARANTINED, dtype=np.int8)
    settled = precedence.settle(groups, winners, same, records.sent[fit])
    merged = merge_deliveries(records, fit, groups, winners, same, settled)
    verdicts[fit] = settled
    of_part = [np.concatenate(parts) for parts in zip(*merged.disputes, strict=True)] or [
        np.empty(0, np.int64)
    ] * 3
    # What is held back and in no merged day is held back whole; a merged day stands whatever is left of it.
    whole = np.setdiff1d(fit[settled == precedence.QUARANTINED], of_part[0])
    disputes = Disputes(
        np.concatenate((of_part[0], whole)),
        np.concatenate((of_part[1], np.full(whole.size, WHOLE_DAY))),
        np.concatenate((of_part[2], np.zeros(whole.size, np.int64))),
    )
    stands = ~np.isin(fit[winners], whole) if whole.size else np.ones(winners.size, dtype=np.bool_)
    return SettledRecords(verdicts, disputes, merged, fit[winners[stands]], receptions[stands])


def accounted(records: CurveRecords, settled: SettledRecords, bronze: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Accounts of the files and the quarantine."""
    accounts = precedence.count_verdicts(
        records.content, records.content_hashes, settled.verdicts, BronzeLoadCurves.name
    )
    return accounts, quarantine(records, bronze, settled.disputes)


def _same_as_winner(
    records: CurveRecords, fit: IntArray, winner_of: IntArray, contested: BoolArray
) -> BoolArray:
    """Whether each fit record says what its group's winner says; only contested groups are compared.

    Not by ``equal_cells`` of the table hash: values come as matrices in which what was not sent is NaN,
    whatever
    its bits, and flags that stand beside them count too.
    """
    same = np.ones(fit.size, dtype=np.bool_)
    at = np.flatnonzero(contested & (winner_of != np.arange(fit.size)))
    ours, theirs = fit[at], fit[winner_of[at]]
    equal = records.interval_minutes[ours] == records.interval_minutes[theirs]
    for minutes in np.unique(records.interval_minutes[ours[equal]]).tolist():
        pairs = np.flatnonzero(equal & (records.interval_minutes[ours] == minutes))
        left, right = records.matrix(ours[pairs]), records.matrix(theirs[pairs])
        values = ((left == right) | (np.isnan(left) & np.isnan(right))).all(axis=1)
        equal[pairs] = values & (records.substituted(ours[pairs]) == records.substituted(theirs[pairs])).all(
            axis=1
        )
    same[at] = equal
    return same
