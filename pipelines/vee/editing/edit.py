"""Manual edits of load curves: what two people agreed on, as the kernels' neighbours see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from pipelines.arrays import BoolArray, IntArray
from pipelines.codes import IntervalStatus, Severity
from pipelines.periods import EPOCH
from pipelines.vee.blocks import CurveBlock
from pipelines.vee.estimation.estimate import Estimates
from pipelines.vee.validation.interval_checks import INTERVAL_CHECKS

# A gap has no value that could be accepted, and no table takes negative energy.
_NEVER_ACCEPTED = ("VEE-V01", "VEE-V03")
ACCEPTABLE = {
    check.id: check.bit or 0
    for check in INTERVAL_CHECKS
    if check.severity is Severity.INVALID and check.id not in _NEVER_ACCEPTED
}
"""Checks whose mark may be taken back, and their bits."""
_INVALID_BITS = sum(1 << (check.bit or 0) for check in INTERVAL_CHECKS if check.severity is Severity.INVALID)


@dataclass(frozen=True)
class Edit:
    """One approved edit of consecutive intervals of a day.

    first_slot, last_slot  Intervals, both counted in; slot 0 begins at local midnight.
    check_id               The one check whose mark is taken back; none: the values stand instead.
    values                 Energy of each interval. [kWh or kvarh]
    """

    edit_id: str
    meter_point_id: str
    channel_code: str
    day: date
    interval_minutes: int
    first_slot: int
    last_slot: int
    check_id: str | None
    values: tuple[float, ...] | None

    @property
    def slots(self) -> slice:
        """Its intervals within the day."""
        return slice(self.first_slot, self.last_slot + 1)


Placed = Sequence[tuple[int, Edit]]
"""Row of the block and edit, in the order in which they were approved."""


def place_edits(
    edits: Sequence[Edit], minutes: int, keys: IntArray, key_of: dict[tuple[str, str], int], day_span: int
) -> Placed:
    """The edits that meet a row of a block.

    minutes  Length of the block's intervals.
    keys     (rows) series x ``day_span`` + day, rising.
    key_of   (meter point, channel) -> number of the series.
    """
    placed = []
    for edit in edits:
        series = key_of.get((edit.meter_point_id, edit.channel_code))
        if series is None or edit.interval_minutes != minutes:
            continue
        key = series * day_span + (edit.day - EPOCH).days
        row = int(np.searchsorted(keys, key))
        if row < keys.size and keys[row] == key:
            placed.append((row, edit))
    return placed


def take_back_marks(placed: Placed, bits: IntArray, invalid: BoolArray) -> None:
    """An accepted check no longer makes its intervals invalid; it stays on record in the bits, and every
    other check still counts.
    """
    accepted: dict[int, IntArray] = {}
    for row, edit in placed:
        if edit.check_id is not None:
            accepted.setdefault(row, np.zeros_like(bits[row]))[edit.slots] |= 1 << ACCEPTABLE[edit.check_id]
    for row, marks in accepted.items():
        invalid[row] &= (marks == 0) | ((bits[row] & _INVALID_BITS & ~marks) != 0)


def put_values(placed: Placed, block: CurveBlock, estimates: Estimates) -> Estimates:
    """Final values with the edited ones in their places; what was measured is not affected, and an edited
    interval has no band.
    """
    valued = [(row, edit) for row, edit in placed if edit.values is not None]
    if not valued:
        return estimates
    final, status, margin = estimates.final.copy(), estimates.status.copy(), estimates.margin.copy()
    edited = np.zeros(block.energy.shape, dtype=np.bool_)
    for row, edit in valued:
        final[row, edit.slots] = edit.values
        status[row, edit.slots] = IntervalStatus.EDITED
        edited[row, edit.slots] = True
    margin[edited.reshape(-1)[estimates.places]] = np.nan
    return replace(estimates, final=final, status=status, margin=margin)
