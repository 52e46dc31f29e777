"""Received curve records that are held back, whole or in some intervals, as rows of silver_quarantine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import IntArray
from pipelines.codes import RejectReason
from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.tables.silver import RAW_RECORD_LIMIT
from pipelines.transforms.curves.curve_records import FAULTS, NEEDED, CurveRecords, one_chunk
from pipelines.transforms.curves.merge_deliveries import WHOLE_DAY
from pipelines.transforms.received.precedence import QUARANTINE_SCHEMA, one_row_a_line

STAGE = "silver_day_curves"


@dataclass(frozen=True)
class Disputes:
    """Records that others contradict, where none carries a sender's time.

    records  Their places, each once.
    minute   Minute of the local day of the first interval that is held back, WHOLE_DAY where all are.
    count    How many intervals are.
    """

    records: IntArray
    minute: IntArray
    count: IntArray

    def told(self) -> tuple[list[str], IntArray]:
        """The distinct sentences, and the place of each record's among them."""
        pairs, place = np.unique(np.stack((self.minute, self.count)), axis=1, return_inverse=True)
        return [_sentence(minute, count) for minute, count in pairs.T.tolist()], place.reshape(-1)


def _sentence(minute: int, count: int) -> str:
    if minute == WHOLE_DAY:
        return "Other records for this day differ and none carries a sender's time."
    at = f"at {minute // 60:02d}:{minute % 60:02d}"
    what = at if count == 1 else f"in {count} intervals of this day, first {at},"
    return f"Other records differ {what} and none carries a sender's time; the other intervals stand."


def quarantine(records: CurveRecords, bronze: pa.Table, disputes: Disputes) -> pa.Table:
    """The held-back records as rows of silver_quarantine without the run's columns, by content hash and line,
    one for each line.
    """
    sentences, of_dispute = disputes.told()
    reasons = [*FAULTS, *((RejectReason.CONFLICTING_VALUES, "values_unscaled", each) for each in sentences)]
    fault = records.faults.astype(np.int64)
    fault[disputes.records] = len(FAULTS) + 1 + of_dispute
    held = np.flatnonzero(fault)
    held = held[np.lexsort((records.line[held], records.content[held]))]
    which = pa.array(fault[held] - 1)
    needed = bronze.select(list(NEEDED))
    rows = (
        needed.take(pa.array(held)) if held.size else needed.slice(0, 0)
    )  # taking copies the whole of chunked lists first

    def text(part: int) -> pa.Array:
        return pa.array([str(reason[part]) for reason in reasons], pa.string()).take(which)

    records_held = pa.table(
        [
            rows["content_hash"],
            rows["line_number"],
            pa.array([BronzeLoadCurves.name] * held.size, pa.string()),
            text(0),
            text(1),
            text(2),
            _as_received(rows),
            pa.array([STAGE] * held.size, pa.string()),
        ],
        names=QUARANTINE_SCHEMA.names,
    )
    return one_row_a_line(records_held)


def _as_received(rows: pa.Table) -> pa.Array | pa.ChunkedArray:
    """Key and values of records as one line of text each, cut at the limit."""
    lists = one_chunk(rows["values_unscaled"])
    texts = pc.fill_null(pc.list_flatten(lists).cast(pa.string()), "")
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    offsets = pa.array(np.concatenate(([0], np.cumsum(lengths))).astype(np.int32))
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, texts), ",")
    heads = [
        pc.fill_null(rows[name].cast(pa.string()), "")
        for name in ("meter_point_id", "channel_code", "curve_date", "interval_minutes", "measure_code")
    ]
    return pc.utf8_slice_codeunits(pc.binary_join_element_wise(*heads, joined, ","), 0, RAW_RECORD_LIMIT)
