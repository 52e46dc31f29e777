"""Which of several received records for one key stands: one rule for curves, registers and every other table,
in the chain and in ``zhixiang vee``. Of curves it is asked of each interval (``merge_deliveries``).

The winner is the record with the larger time that the sender put in it, then the larger content hash, then
the larger line; our own
clock plays no part, so the order of arrival changes nothing. A record with the winner's values is a
duplicate, any other is superseded.
Where records differ and none carries a sender's time, nobody can tell which is true: all are held back.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, Int8Array, IntArray
from pipelines.tables.silver import RAW_RECORD_LIMIT, SilverQuarantine
from pipelines.transforms.ground.keyed_rows import ranks


class Verdict(StrEnum):
    """What became of a received record."""

    KEPT = "kept"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    QUARANTINED = "quarantined"


KEPT, DUPLICATE, SUPERSEDED, QUARANTINED = range(4)
VERDICTS = tuple(Verdict)
NO_TIME = np.iinfo(np.int64).min

ACCOUNTS_SCHEMA = pa.schema(
    [
        ("content_hash", pa.string()),
        ("table_name", pa.string()),
        ("received_rows", pa.int64()),
        *((f"{verdict.value}_rows", pa.int64()) for verdict in VERDICTS),
    ]
)

QUARANTINE_SCHEMA = pa.schema(
    [field for field in SilverQuarantine.arrow_schema() if field.name not in ("source_file", "run_id")]
)


def group_winners(
    key: IntArray, sent: IntArray, content: IntArray, line: IntArray
) -> tuple[IntArray, IntArray, IntArray]:
    """Groups records by key and finds each group's winner.

    key      (records) equal where records compete.
    sent     (records) sender's time, NO_TIME where there is none.
    content  (records) rank of the content hash.
    line     (records) line in the file.
    Returns (records) number of each record's group, (groups) record that wins, (groups) how many records
    compete.
    """
    order = np.lexsort((line, content, sent, key))
    last = np.ones(key.size, dtype=np.bool_)
    last[:-1] = key[order[1:]] != key[order[:-1]]
    group_of_sorted = (
        np.concatenate(([0], np.cumsum(last)[:-1])).astype(np.int64) if key.size else np.empty(0, np.int64)
    )
    groups = np.empty(key.size, dtype=np.int64)
    groups[order] = group_of_sorted
    winners = order[last]
    return groups, winners, np.bincount(groups, minlength=winners.size)


def settle(groups: IntArray, winners: IntArray, same_as_winner: BoolArray, sent: IntArray) -> Int8Array:
    """The verdict on each record, as an index into VERDICTS. Arguments as ``group_winners`` gives them."""
    verdicts = np.where(same_as_winner, DUPLICATE, SUPERSEDED).astype(np.int8)
    verdicts[winners] = KEPT
    # The winner has the largest time: where it has none, no record of its group has one.
    differs = np.bincount(groups, weights=~same_as_winner, minlength=winners.size) > 0
    disputed = differs & (sent[winners] == NO_TIME)
    verdicts[disputed[groups]] = QUARANTINED
    return verdicts


def one_row_a_line(held: pa.Table) -> pa.Table:
    """Held-back records as rows of silver_quarantine, one for each line: a line of a wide form tells of
    several channels and gives a record each.

    held  Columns of QUARANTINE_SCHEMA, records of one line side by side.

    The raw records of a line are joined by ``; `` and cut at the limit, its distinct reasons by a space; code
    and column are those of the
    line's first record.
    """
    held = held.cast(QUARANTINE_SCHEMA).combine_chunks()
    keys = (ranks(held["content_hash"])[0], ranks(held["table_name"])[0], held["line_number"].to_numpy())
    begins = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    if begins.all():
        return held
    first = np.concatenate(([0], np.flatnonzero(begins) + 1))
    line = np.concatenate(([0], np.cumsum(begins)))
    reason, words = ranks(held["reason"])
    told = np.sort(np.unique(line * len(words) + reason, return_index=True)[1])
    raws = pc.utf8_slice_codeunits(_joined(held["raw_record"], line, "; "), 0, RAW_RECORD_LIMIT)
    made = {"raw_record": raws, "reason": _joined(held["reason"].take(pa.array(told)), line[told], " ")}
    rows = held.take(pa.array(first))
    return pa.table({name: made.get(name, rows[name]) for name in QUARANTINE_SCHEMA.names}).cast(
        QUARANTINE_SCHEMA
    )


def _joined(texts: pa.ChunkedArray, line: IntArray, between: str) -> pa.Array:
    """The texts of each line as one; ``line`` rises without gaps."""
    offsets = np.searchsorted(line, np.arange(line[-1] + 2)).astype(np.int32)
    return pc.binary_join(
        pa.ListArray.from_arrays(pa.array(offsets), pc.fill_null(texts, "").combine_chunks()), between
    )


def count_verdicts(content: IntArray, hashes: list[str], verdicts: Int8Array, table_name: str) -> pa.Table:
    """Records per file and verdict; the four add up to those received."""
    counts = np.bincount(content * len(VERDICTS) + verdicts, minlength=len(hashes) * len(VERDICTS)).reshape(
        -1, len(VERDICTS)
    )
    return pa.table(
        [
            pa.array(hashes, pa.string()),
            pa.array([table_name] * len(hashes), pa.string()),
            counts.sum(axis=1),
            *counts.T,
        ],
        schema=ACCOUNTS_SCHEMA,
    )
