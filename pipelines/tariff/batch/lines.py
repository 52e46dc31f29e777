"""Blocks of lines in a batch, their order on the bills, and the bills that are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import IntArray
from pipelines.codes import Confidence, LineComponent, TouPeriod
from pipelines.tariff.batch.columns import (
    AMOUNT,
    LINES_SCHEMA,
    QUANTITY,
    REFUSED_SCHEMA,
    UNIT_PRICE,
    BillColumns,
)
from pipelines.tariff.batch.exact import decimal_column, products_in_fen
from pipelines.units import Unit

CONFIDENCES = tuple(Confidence)
COMPONENTS = tuple(LineComponent)
PERIODS = tuple(TouPeriod)
UNITS = tuple(unit.value for unit in Unit)
ENERGY, BASIC, ADJUSTMENT, EXPORT = range(4)
WHOLE_MONTH = np.iinfo(np.int64).min
"""Day of a line that covers the whole month."""
NO_STANDARD = -1


@dataclass(frozen=True)
class Block:
    """Lines of one component, arrays of one length.

    stage     ENERGY, BASIC, ADJUSTMENT or EXPORT: the order on a bill.
    rank      Order within the stage: by segment or run, then by place.
    quantity  In 10^-6; price: in 10^-12; fen: in 0.01 CNY.
    fact      Place in ``facts``; confidence: in CONFIDENCES; period: in PERIODS or -1; rests: in
              ``rests_on``.
    standard  Power factor standard of the line's contract in 10^-6, or NO_STANDARD.
    formula   How quantity and price came about; None where the caller does without.
    """

    stage: int
    component: LineComponent
    quantity_unit: Unit
    price_unit: Unit
    bill: IntArray
    rank: IntArray
    period: IntArray
    quantity: IntArray
    price: IntArray
    fact: IntArray
    facts: tuple[str, ...]
    confidence: IntArray
    rests: IntArray
    rests_on: tuple[tuple[str, ...], ...]
    first_day: IntArray
    last_day: IntArray
    section: IntArray
    standard: IntArray
    fen: IntArray
    formula: pa.Array | None


def amounts(quantity: IntArray, price: IntArray) -> IntArray:
    """What the lines cost. [0.01 CNY]"""
    return products_in_fen(quantity, price)


class Refusals:
    """Bills that cannot be priced; the first reason found stands."""

    def __init__(self, count: int) -> None:
        self.reason = np.full(count, -1, dtype=np.int64)
        self._texts: list[str] = []

    def add(self, bills: IntArray, text: str) -> None:
        """Refuses bills that are not refused yet."""
        if bills.size:
            fresh = bills[self.reason[bills] < 0]
            self.reason[fresh] = len(self._texts)
            self._texts.append(text)

    @property
    def accepted(self) -> np.ndarray:
        """Whether each bill is priced."""
        return self.reason < 0

    def table(self, columns: BillColumns) -> pa.Table:
        """The refused bills with their reasons."""
        rows = pa.array(np.flatnonzero(~self.accepted))
        texts = pa.array(self._texts, pa.string()).take(pa.array(self.reason[~self.accepted]))
        return pa.table(
            [columns.accounts.take(rows), month_texts(columns).take(rows), texts], schema=REFUSED_SCHEMA
        )


def month_texts(columns: BillColumns) -> pa.Array:
    """The month of each bill."""
    return pa.array([str(month) for month in columns.months], pa.string()).take(pa.array(columns.month))


def lines_table(columns: BillColumns, blocks: Sequence[Block], refusals: Refusals) -> pa.Table:
    """All lines of the bills that are priced, by bill and in the order of a bill."""
    blocks = [block for block in blocks if block.bill.size]
    if not blocks:
        return LINES_SCHEMA.empty_table()
    sizes = [block.bill.size for block in blocks]
    bill = _joined(blocks, "bill")
    stage = np.repeat([block.stage for block in blocks], sizes)
    rank = _joined(blocks, "rank")
    width = int(rank.max()) + 1
    key = (bill * 4 + stage) * width + rank
    order = np.argsort(key, kind="stable")
    order = order[refusals.accepted[bill[order]]]
    bill = bill[order]
    begins = np.flatnonzero(np.diff(bill, prepend=-1))
    number = np.arange(bill.size) - np.repeat(begins, np.diff(begins, append=bill.size)) + 1
    facts = list(dict.fromkeys(fact for block in blocks for fact in block.facts))
    places = {fact: place for place, fact in enumerate(facts)}
    fact = np.concatenate(
        [np.array([places[name] for name in block.facts], dtype=np.int64)[block.fact] for block in blocks]
    )[order]
    grounds = list(dict.fromkeys(rests_on for block in blocks for rests_on in block.rests_on))
    at = {rests_on: place for place, rests_on in enumerate(grounds)}
    rests = np.concatenate(
        [np.array([at[each] for each in block.rests_on], dtype=np.int64)[block.rests] for block in blocks]
    )[order]
    standard = np.concatenate(
        [
            block.standard if block.stage == ADJUSTMENT else np.full(block.bill.size, NO_STANDARD)
            for block in blocks
        ]
    )[order]
    component = np.repeat([COMPONENTS.index(block.component) for block in blocks], sizes)[order]
    quantity_unit = np.repeat([UNITS.index(block.quantity_unit.value) for block in blocks], sizes)[order]
    price_unit = np.repeat([UNITS.index(block.price_unit.value) for block in blocks], sizes)[order]
    period = _joined(blocks, "period")[order]
    values = [
        columns.accounts.take(pa.array(bill)),
        month_texts(columns).take(pa.array(bill)),
        pa.array(number.astype(np.int32)),
        _words([code.value for code in COMPONENTS], component),
        pa.array([code.value for code in PERIODS], pa.string()).take(pa.array(period, mask=period < 0)),
        decimal_column(_joined(blocks, "quantity")[order], QUANTITY),
        _words(list(UNITS), quantity_unit),
        decimal_column(_joined(blocks, "price")[order], UNIT_PRICE),
        _words(list(UNITS), price_unit),
        decimal_column(_joined(blocks, "fen")[order], AMOUNT),
        _words(facts, fact),
        _words([code.value for code in CONFIDENCES], _joined(blocks, "confidence")[order]),
        _days(_joined(blocks, "first_day")[order]),
        _days(_joined(blocks, "last_day")[order]),
        _words(
            [*columns.segments.sections, ""],
            _joined(blocks, "section")[order] % (len(columns.segments.sections) + 1),
        ),
        pa.concat_arrays(
            [
                pa.nulls(block.bill.size, pa.string()) if block.formula is None else block.formula
                for block in blocks
            ]
        ).take(pa.array(order)),
        pa.array(grounds, pa.list_(pa.string())).take(pa.array(rests)),
        pc.if_else(
            pa.array(standard == NO_STANDARD), pa.scalar(None, QUANTITY), decimal_column(standard, QUANTITY)
        ),
    ]
    return pa.table(values, schema=LINES_SCHEMA)


def _joined(blocks: Sequence[Block], name: str) -> IntArray:
    return np.concatenate([getattr(block, name) for block in blocks])


def _words(texts: list[str], places: IntArray) -> pa.Array:
    return pa.array(texts, pa.string()).take(pa.array(places))


def _days(days: IntArray) -> pa.Array:
    whole = days == WHOLE_MONTH
    plain = pa.array(np.where(whole, 0, days).astype(np.int32)).cast(pa.date32())
    return pc.if_else(pa.array(whole), pa.scalar(None, pa.date32()), plain)
