"""Received records with the verdict on each: those that stand, the accounts of their files, and what is held
back and why. For every table but curves and registers, by the rule of ``precedence``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, Int8Array, IntArray
from pipelines.codes import RejectReason
from pipelines.tables.base import Table
from pipelines.transforms.ground.keyed_rows import ranks
from pipelines.transforms.received.precedence import (
    KEPT,
    NO_TIME,
    QUARANTINE_SCHEMA,
    QUARANTINED,
    count_verdicts,
    group_winners,
    settle,
)
from pipelines.transforms.received.raw_records import raw_records
from pipelines.transforms.received.record_faults import FIT, Fault, first_faults, key_faults

RECEIVED_COLUMNS = ("content_hash", "line_number", "sent_at_utc", "source_file", "received_at_utc", "run_id")

_DISPUTED = "Other records for this key differ and none carries a sender's time."


@dataclass(frozen=True)
class Judged:
    """What became of received records.

    verdicts  (records) index into VERDICTS.
    reasons   (records) place in ``told`` of why a record is held back, FIT where it is not.
    told      Reason code, column and text of each reason.
    """

    verdicts: Int8Array
    reasons: IntArray
    told: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Settled:
    """What became of received records, as tables.

    kept        The records that stand, with all columns they came with, in the order they came in.
    accounts    Columns of ACCOUNTS_SCHEMA.
    quarantine  Columns of QUARANTINE_SCHEMA.
    """

    kept: pa.Table
    accounts: pa.Table
    quarantine: pa.Table


def judge_records(
    records: pa.Table, key: Sequence[str], values: Sequence[str], faults: Sequence[Fault] = ()
) -> Judged:
    """The verdict on every record.

    records  Rows of a bronze table, the whole history of each key, in any order; run columns may lack.
    key      Columns for which one record may stand.
    values   Columns that make two records equal or different; the first is named where they do and nobody can
             tell which is true.
    faults   Records with a fault are held back and compete with nobody; the first that holds is named.
    """
    every = [*key_faults(key), *faults]
    reasons = first_faults(records, every)
    fit = np.flatnonzero(reasons == FIT)
    verdicts = np.full(records.num_rows, QUARANTINED, dtype=np.int8)
    verdicts[fit] = _settled(
        records if fit.size == reasons.size else records.take(pa.array(fit)), key, values
    )
    reasons[fit[verdicts[fit] == QUARANTINED]] = len(every)
    told = [(fault.reason_code.value, fault.column, fault.reason) for fault in every]
    return Judged(verdicts, reasons, [*told, (RejectReason.CONFLICTING_VALUES.value, values[0], _DISPUTED)])


def split_verdicts(records: pa.Table, judged: Judged, table: type[Table], stage: str) -> Settled:
    """The records that stand, the accounts and the quarantine out of judged records.

    table  The bronze table of the records.
    """
    content, hashes = ranks(records["content_hash"])
    return Settled(
        kept=records.take(pa.array(np.flatnonzero(judged.verdicts == KEPT))),
        accounts=count_verdicts(content, hashes, judged.verdicts, table.name),
        quarantine=_quarantine(records, judged, table, stage),
    )


def numbered(columns: Sequence[pa.ChunkedArray]) -> IntArray:
    """(rows) a number for each row, equal where the row's values are; nulls are equal to each other."""
    numbers = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        codes = _codes(column)
        # Counted anew for each column, so that the product of two counts of rows is the most there is.
        numbers = np.unique(numbers * (codes.max(initial=0) + 1) + codes, return_inverse=True)[1]
    return numbers


def _codes(column: pa.ChunkedArray) -> IntArray:
    encoded = pc.dictionary_encode(column, null_encoding="encode").unify_dictionaries()
    parts = [np.asarray(chunk.indices).astype(np.int64) for chunk in encoded.chunks]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def _settled(records: pa.Table, key: Sequence[str], values: Sequence[str]) -> Int8Array:
    """The verdicts on records without a fault."""
    sent = pc.fill_null(records["sent_at_utc"].cast(pa.int64()), NO_TIME).to_numpy()
    content, line = ranks(records["content_hash"])[0], records["line_number"].to_numpy()
    groups, winners, competing = group_winners(numbered([records[name] for name in key]), sent, content, line)
    same = np.ones(records.num_rows, dtype=np.bool_)
    rivals = np.flatnonzero(competing[groups] > 1)
    said = records.select(list(values))
    theirs = said.take(pa.array(winners[groups[rivals]]))
    same[rivals] = _equal_rows(said.take(pa.array(rivals)), theirs)
    return settle(groups, winners, same, sent)


def _equal_rows(left: pa.Table, right: pa.Table) -> BoolArray:
    """Row by row; two nulls are equal, and so are two values that are no number.

    Not ``equal_cells`` of the table hash: that compares the bits, as a digest does, and so tells two values
    that
    are no number apart where a sender's bits of them differ; here such a record would come to dispute another
    that says the same.
    """
    same = np.ones(left.num_rows, dtype=np.bool_)
    for name in left.column_names:
        one, other = left[name], right[name]
        equal = pc.or_(pc.fill_null(pc.equal(one, other), False), pc.and_(pc.is_null(one), pc.is_null(other)))
        if pa.types.is_floating(one.type):
            no_numbers = pc.fill_null(pc.and_(pc.is_nan(one), pc.is_nan(other)), False)
            equal = pc.or_(equal, no_numbers)
        same &= np.asarray(equal.to_numpy(), dtype=np.bool_)
    return same


def _quarantine(records: pa.Table, judged: Judged, table: type[Table], stage: str) -> pa.Table:
    places = np.flatnonzero(judged.reasons != FIT)
    held = records.take(pa.array(places))
    reasons = pa.array(judged.reasons[places])
    words = [pa.array(texts, pa.string()).take(reasons) for texts in zip(*judged.told, strict=True)]
    shown = [
        name for name in table.columns() if name in records.column_names and name not in RECEIVED_COLUMNS
    ]
    made = dict(zip(("reason_code", "column_name", "reason"), words, strict=True)) | {
        "table_name": pa.array([table.name] * held.num_rows, pa.string()),
        "raw_record": raw_records(held, shown),
        "stage": pa.array([stage] * held.num_rows, pa.string()),
    }
    columns = {name: made[name] if name in made else held[name] for name in QUARANTINE_SCHEMA.names}
    return pa.table(columns).cast(QUARANTINE_SCHEMA)
