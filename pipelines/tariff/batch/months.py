"""What a batch says of each bill as a whole, beside its lines: the columns of ``PricedMonth``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, IntArray
from pipelines.codes import Confidence, ContractNote, DemandBasis, LineComponent, PricingScheme, TouPeriod
from pipelines.periods import BillingMonth
from pipelines.tariff.batch.adjustment import energies
from pipelines.tariff.batch.columns import AMOUNT, LINES_SCHEMA, UNIT_PRICE, BillColumns, Optional64
from pipelines.tariff.batch.contracts import NOTES
from pipelines.tariff.batch.exact import decimal_column, means_half_up
from pipelines.tariff.batch.lines import ADJUSTMENT, CONFIDENCES, Block, Refusals, month_texts
from pipelines.tariff.contract import CURVE, REACTIVE_REGISTERS
from pipelines.tariff.lines import BillLine, PricedMonth

AVERAGE_PRICE = pa.decimal128(24, 4)
POWER_FACTOR = pa.decimal128(3, 2)
MONTHS_SCHEMA = pa.schema(
    [
        pa.field("account_id", pa.string()),
        pa.field("billing_month", pa.string()),
        pa.field("total_cny", AMOUNT),
        pa.field("is_illustrative", pa.bool_()),
        pa.field("lowest_confidence_code", pa.string()),
        pa.field("power_factor_ratio", POWER_FACTOR),
        pa.field("adjustment_ratio", UNIT_PRICE),
        pa.field("average_price_cny_per_kwh", AVERAGE_PRICE),
        pa.field("missing_inputs", pa.list_(pa.string())),
        pa.field("notes", pa.list_(pa.string())),
    ]
)
"""One row per bill that is priced, in the order received; meaning as in ``PricedMonth``."""

_SCHEMES, _BASES = tuple(PricingScheme), tuple(DemandBasis)
_TWO_PART, _CAPACITY = _SCHEMES.index(PricingScheme.TWO_PART), _BASES.index(DemandBasis.CAPACITY)
_NOTES = [
    [note.value for place, note in enumerate(NOTES) if code >> place & 1] for code in range(1 << len(NOTES))
]
_MISSING = ((), (CURVE,), (REACTIVE_REGISTERS,), (CURVE, REACTIVE_REGISTERS))


def months_table(
    columns: BillColumns, blocks: Sequence[Block], mean: Optional64, notes: IntArray, refusals: Refusals
) -> pa.Table:
    """One row for each bill that is priced.

    mean  Power factors in hundredths; notes: as ``ruled_contracts`` gives them.
    """
    kept = np.flatnonzero(refusals.accepted)
    total, sure = np.zeros(columns.count, dtype=np.int64), np.zeros(columns.count, dtype=np.int64)
    is_illustrative = np.zeros(columns.count, dtype=np.bool_)
    ratio, is_adjusted = np.zeros(columns.count, dtype=np.int64), np.zeros(columns.count, dtype=np.bool_)
    for block in blocks:
        np.add.at(total, block.bill, block.fen)
        np.maximum.at(sure, block.bill, block.confidence)
        is_illustrative[block.bill[block.confidence == CONFIDENCES.index(Confidence.ILLUSTRATIVE)]] = True
        if block.stage == ADJUSTMENT:
            first = block.rank == 0
            ratio[block.bill[first]], is_adjusted[block.bill[first]] = block.price[first], True
    energy = energies(columns)
    average = means_half_up(total[kept], energy[kept])
    values = [
        columns.accounts.take(pa.array(kept)),
        month_texts(columns).take(pa.array(kept)),
        decimal_column(total[kept], AMOUNT),
        pa.array(is_illustrative[kept]),
        pa.array([code.value for code in CONFIDENCES], pa.string()).take(pa.array(sure[kept])),
        _where(mean.present[kept], mean.values[kept], POWER_FACTOR),
        _where(is_adjusted[kept], ratio[kept], UNIT_PRICE),
        _where(energy[kept] != 0, average, AVERAGE_PRICE),
        pa.array(_MISSING, pa.list_(pa.string())).take(pa.array(_missing(columns)[kept])),
        pa.array(_NOTES, pa.list_(pa.string())).take(pa.array(notes[kept])),
    ]
    return pa.table(values, schema=MONTHS_SCHEMA)


def priced_months(lines: pa.Table, months: pa.Table) -> Iterator[tuple[str, PricedMonth]]:
    """What pricing each bill by itself gives, in the order of ``months``.

    lines, months  Of a ``PricedBatch``, with formulas.
    """
    found = iter(_bill_lines(lines))
    counts = np.diff(np.flatnonzero(lines["line_number"].to_numpy() == 1), append=lines.num_rows)
    for row, count in zip(months.to_pylist(), counts.tolist(), strict=True):
        yield (
            row["account_id"],
            PricedMonth(
                BillingMonth.parse(row["billing_month"]),
                tuple(islice(found, count)),
                row["total_cny"],
                row["is_illustrative"],
                Confidence(row["lowest_confidence_code"]),
                row["power_factor_ratio"],
                row["adjustment_ratio"],
                row["average_price_cny_per_kwh"],
                tuple(row["missing_inputs"]),
                tuple(ContractNote(note) for note in row["notes"]),
            ),
        )


def _bill_lines(lines: pa.Table) -> Iterator[BillLine]:
    components = {code.value: code for code in LineComponent}
    periods: dict[str | None, TouPeriod] = {code.value: code for code in TouPeriod}
    sure = {code.value: code for code in Confidence}
    columns = [lines[name].to_pylist() for name in LINES_SCHEMA.names[2:]]
    # Lines of a kind share one tuple.
    shared: dict[tuple[str, ...], tuple[str, ...]] = {}
    for (
        number,
        component,
        period,
        quantity,
        unit,
        price,
        price_unit,
        amount,
        fact,
        confidence,
        first,
        last,
        section,
        formula,
        rests,
        standard,
    ) in zip(*columns, strict=True):
        rests_on = shared.setdefault(tuple(rests), tuple(rests))
        yield BillLine(
            number,
            components[component],
            periods.get(period),
            quantity,
            unit,
            price,
            price_unit,
            amount,
            fact,
            sure[confidence],
            formula,
            first,
            last,
            section,
            rests_on,
            standard,
        )


def _where(present: BoolArray, values: IntArray, kind: pa.DataType) -> pa.Array:
    return pc.if_else(pa.array(present), decimal_column(values, kind), pa.scalar(None, kind))


def _missing(columns: BillColumns) -> IntArray:
    """Place in _MISSING of each bill."""
    segments = columns.segments
    is_suspended = segments.running_capacity.present & (segments.running_capacity.values == 0)
    needs_demand = (segments.scheme == _TWO_PART) & (segments.basis != _CAPACITY) & ~is_suspended
    lacks = (segments.is_time_of_use & ~segments.has_split) | (needs_demand & ~segments.max_demand.present)
    no_curve, is_adjusted = np.zeros(columns.count, dtype=np.bool_), np.zeros(columns.count, dtype=np.bool_)
    no_curve[segments.bill[lacks]] = True
    is_adjusted[segments.bill[segments.standard.present]] = True
    no_reactive = is_adjusted & ~(columns.lagging.present & columns.leading.present)
    return no_curve.astype(np.int64) + 2 * no_reactive
