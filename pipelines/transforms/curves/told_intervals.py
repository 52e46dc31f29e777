"""What received records tell of single intervals, for the proof that none of it is lost; apart from the code
that refines them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, ByteArray, FloatArray, IntArray
from pipelines.formats.gridding import DISPUTED, TOLD_AGAIN

_NO_DATA = "N"
"""Quality letter of a sender who says that there is no value."""


@dataclass(frozen=True)
class SeenValues:
    """What records tell of intervals that silver has no value for; arrays run over these.

    low, high  The least and the largest value told, infinite where none is.
    timed      Whether a record that tells one has a sender's time; unlisted: is not in quarantine.
    differs    Whether a record says that its own lines differ.
    """

    low: FloatArray
    high: FloatArray
    timed: BoolArray
    unlisted: BoolArray
    differs: BoolArray

    @classmethod
    def of(cls, size: int) -> SeenValues:
        """Nothing seen yet of so many intervals."""
        marks = (np.zeros(size, dtype=np.bool_) for _ in range(3))
        return cls(np.full(size, np.inf), np.full(size, -np.inf), *marks)

    def lost(self) -> int:
        """Intervals of which a value is lost."""
        contradicted = ((self.low < self.high) | self.differs) & ~self.timed & ~self.unlisted
        return int((np.isfinite(self.low) & ~contradicted).sum())


@dataclass(frozen=True)
class ToldIntervals:
    """What records tell of single intervals, one after the other in flat arrays; ``begins`` and ``lengths``
    run over records.

    values        The values, and ``present`` whether one is there.
    flags         Characters of completeness flags, of which ``present_flag`` says that the interval came.
    no_data       Whether the quality code says that there is no value.
    """

    values: FloatArray
    present: BoolArray
    begins: IntArray
    lengths: IntArray
    flags: ByteArray
    flag_begins: IntArray
    flag_lengths: IntArray
    no_data: BoolArray
    code_begins: IntArray
    code_lengths: IntArray
    present_flag: int

    @classmethod
    def of(cls, rows: pa.Table, present_char: str) -> ToldIntervals:
        """What rows of bronze_load_curves tell; ``present_char`` as in ``conf/formats.yaml``."""
        values = pc.list_flatten(rows["values_unscaled"])
        lengths, code_lengths = (
            np.maximum(list_lengths(rows[name]), 0) for name in ("values_unscaled", "sender_quality_codes")
        )
        texts = pc.fill_null(rows["present_flags"], "")
        flag_lengths = integers(pc.binary_length(texts))
        flags = (
            np.frombuffer("".join(texts.to_pylist()).encode(), np.uint8)
            if flag_lengths.any()
            else np.zeros(0, np.uint8)
        )
        codes = pc.fill_null(pc.list_flatten(rows["sender_quality_codes"]), "")
        no_data = np.asarray(pc.starts_with(codes, _NO_DATA, ignore_case=True).to_numpy(), np.bool_)
        present = np.asarray(pc.invert(pc.is_null(values, nan_is_null=True)).to_numpy(), np.bool_)
        begins = [np.cumsum(sizes) - sizes for sizes in (lengths, flag_lengths, code_lengths)]
        return cls(
            np.asarray(values.to_numpy(), dtype=np.float64),
            present,
            begins[0],
            lengths,
            flags,
            begins[1],
            flag_lengths,
            no_data,
            begins[2],
            code_lengths,
            ord(present_char),
        )

    def whole(self, records: IntArray, slots: int) -> BoolArray:
        """Which records have a value, or none, for each interval of their day."""
        return np.asarray(self.lengths[records] == slots, np.bool_)

    def at(self, records: IntArray, slots: IntArray) -> tuple[FloatArray, BoolArray, BoolArray]:
        """Of single intervals the value that the record tells there, whether it tells one, and whether it
        says that its own lines differ.
        """
        place = self.begins[records] + slots
        has, differs = self.present[place], np.zeros(records.size, dtype=np.bool_)
        flagged = np.flatnonzero(self.flag_lengths[records] > slots)
        flag = self.flags[self.flag_begins[records[flagged]] + slots[flagged]]
        has[flagged] &= (flag == self.present_flag) | (flag == ord(TOLD_AGAIN))
        differs[flagged] = flag == ord(DISPUTED)
        coded = np.flatnonzero(self.code_lengths[records] > slots)
        has[coded] &= ~self.no_data[self.code_begins[records[coded]] + slots[coded]]
        return self.values[place], has, differs

    def values_of(self, records: IntArray) -> IntArray:
        """(records) how many values each has."""
        rows = np.repeat(records, self.lengths[records])
        first = np.repeat(np.cumsum(self.lengths[records]) - self.lengths[records], self.lengths[records])
        has = self.at(rows, np.arange(rows.size) - first)[1]
        return np.bincount(np.repeat(np.arange(records.size), self.lengths[records]), weights=has)


def integers(column: pa.ChunkedArray) -> IntArray:
    """A column of whole numbers as an array."""
    return np.asarray(column.to_numpy(), dtype=np.int64)


def list_lengths(column: pa.ChunkedArray) -> IntArray:
    """How many elements each list of a column has, -1 where there is none."""
    return integers(pc.fill_null(pc.list_value_length(column), -1))
