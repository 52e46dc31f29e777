"""Many bills at once: the same lines as pricing each by itself, in whole numbers over Arrow columns.

Prices are asked once for each kind of contract and span (``batch_prices``); quantities, amounts, power
factors and the order of lines are
arrays. Nothing loops over bills.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from pipelines.codes import CustomerClass
from pipelines.facts import Facts
from pipelines.tariff.batch.adjustment import adjustment_blocks, export_blocks, power_factors
from pipelines.tariff.batch.basic import basic_blocks
from pipelines.tariff.batch.columns import LINES_SCHEMA, REFUSED_SCHEMA, BillColumns, read_bills
from pipelines.tariff.batch.contracts import ruled_contracts
from pipelines.tariff.batch.energy import energy_blocks
from pipelines.tariff.batch.lines import Refusals, lines_table
from pipelines.tariff.batch.months import MONTHS_SCHEMA, months_table
from pipelines.tariff.batch.price_sheets import PriceSheets


@dataclass(frozen=True)
class PricedBatch:
    """Lines of the bills that could be priced (``LINES_SCHEMA``), what holds of each of these as a whole
    (``MONTHS_SCHEMA``), and why the
    others could not (``REFUSED_SCHEMA``)."""

    lines: pa.Table
    months: pa.Table
    refused: pa.Table


def price_batch(
    bills: pa.Table | pa.RecordBatch,
    facts: Facts,
    known: date | None = None,
    sheets: PriceSheets | None = None,
    formulas: bool = True,
) -> PricedBatch:
    """Prices a batch of bills.

    bills     ``BILLS_SCHEMA``, one row per bill.
    known     Only facts known by this day count; none: all.
    sheets    Prices already asked, for several batches of the same facts and ``known``.
    formulas  Whether the lines say how they came about; without, the column is null and the batch is faster.
    A bill that pricing by itself would refuse stands in ``refused`` with the reason; the others are priced.
    Raises UsageError for columns
    or codes that cannot be meant, and OverflowError where a number is too large to stay exact.
    """
    columns = read_bills(bills)
    prices = sheets or PriceSheets(facts, known)
    columns, notes = ruled_contracts(columns, prices)
    refusals = Refusals(columns.count)
    _check(columns, refusals)
    charges = [
        *energy_blocks(columns, prices, refusals, formulas),
        *basic_blocks(columns, prices, refusals, formulas),
    ]
    mean = power_factors(columns, refusals)
    charges += adjustment_blocks(columns, charges, mean, prices, refusals, formulas)
    charges += export_blocks(columns, refusals, formulas)
    return PricedBatch(
        lines_table(columns, charges, refusals),
        months_table(columns, charges, mean, notes, refusals),
        refusals.table(columns),
    )


def arrow_pricer(
    facts: Facts, known: date | None = None, formulas: bool = True
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """A function for Spark's ``mapInArrow``: batches of ``BILLS_SCHEMA`` in, batches of ``LINES_SCHEMA`` out.

    Facts are small and travel with it. A refused bill has one line, numbered 0, whose ``fact_id`` is the
    reason, so that none is lost.
    """

    def price(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        sheets = PriceSheets(facts, known)
        for batch in batches:
            priced = price_batch(batch, facts, known, sheets, formulas)
            yield from priced.lines.to_batches()
            if priced.refused.num_rows:
                yield from _refused_lines(priced.refused).to_batches()

    return price


def _refused_lines(refused: pa.Table) -> pa.Table:
    count = refused.num_rows
    filled = {
        "account_id": refused["account_id"],
        "billing_month": refused["billing_month"],
        "fact_id": refused["reason"],
    }
    columns = [
        filled.get(
            field.name,
            pa.array(np.zeros(count, np.int32))
            if field.name == "line_number"
            else pa.nulls(count, field.type),
        )
        for field in LINES_SCHEMA
    ]
    return pa.table(columns, schema=LINES_SCHEMA)


def _check(columns: BillColumns, refusals: Refusals) -> None:
    """What pricing by itself checks before it asks for a price."""
    segments = columns.segments
    month_first, month_last = month_days(columns)
    first, last = month_first[segments.bill], month_last[segments.bill]
    refusals.add(np.setdiff1d(np.arange(columns.count), segments.bill), "the month has no segment to price")
    refusals.add(
        segments.bill[(segments.energy.values < 0) | ~segments.energy.present],
        "the energy must be there and not negative",
    )
    outside = (
        (segments.first_day < first) | (segments.last_day > last) | (segments.first_day > segments.last_day)
    )
    refusals.add(segments.bill[outside], "a segment does not lie in its month")
    order = np.lexsort((segments.place, segments.section, segments.bill))
    follows = (segments.bill[order][1:] == segments.bill[order][:-1]) & (
        segments.section[order][1:] == segments.section[order][:-1]
    )
    overlaps = follows & (segments.first_day[order][1:] <= segments.last_day[order][:-1])
    refusals.add(segments.bill[order][1:][overlaps], "two segments of a section price the same day")
    main = segments.sections.index("") if "" in segments.sections else -1
    gaps = (
        follows
        & (segments.section[order][1:] == main)
        & (segments.first_day[order][1:] > segments.last_day[order][:-1] + 1)
    )
    refusals.add(segments.bill[order][1:][gaps], "days between two segments have no price")
    at_home = segments.customer_class == tuple(CustomerClass).index(CustomerClass.RESIDENTIAL)
    refusals.add(
        segments.bill[at_home & segments.market.present],
        "a dwelling buys at the residential price, not on the market",
    )
    running = segments.running_days
    span = segments.last_day - segments.first_day + 1
    refusals.add(
        segments.bill[running.present & ((running.values < 0) | (running.values > span))],
        "the running days do not fit into the month",
    )
    refusals.add(np.flatnonzero(columns.exported.values < 0), "energy fed in must not be negative")


def month_days(columns: BillColumns) -> tuple[np.ndarray, np.ndarray]:
    """First and last day of each bill's month, since 1970."""
    epoch = date(1970, 1, 1)
    first = np.array([(month.first_day - epoch).days for month in columns.months], dtype=np.int64)
    last = np.array([(month.last_day - epoch).days for month in columns.months], dtype=np.int64)
    return first[columns.month], last[columns.month]


__all__ = ["LINES_SCHEMA", "MONTHS_SCHEMA", "REFUSED_SCHEMA", "PricedBatch", "arrow_pricer", "price_batch"]
