"""Power factor adjustment and energy fed in, of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa

from pipelines.arrays import BoolArray, IntArray
from pipelines.codes import LineComponent
from pipelines.errors import ZhixiangError
from pipelines.facts.power_factor_adjustment import PowerFactorRule
from pipelines.periods import BillingMonth
from pipelines.tariff.batch.columns import BillColumns, Optional64, SegmentColumns
from pipelines.tariff.batch.energy import group_rows
from pipelines.tariff.batch.exact import (
    MICRO,
    PRICE,
    decimal_of,
    mean_power_factors,
    parts_of,
    scaled,
    shares_in_fen,
)
from pipelines.tariff.batch.lines import (
    ADJUSTMENT,
    CONFIDENCES,
    EXPORT,
    NO_STANDARD,
    WHOLE_MONTH,
    Block,
    Refusals,
    amounts,
)
from pipelines.tariff.batch.price_sheets import PriceSheets
from pipelines.tariff.batch.texts import chosen_texts, joined, plain_numbers
from pipelines.tariff.lines import least_sure
from pipelines.tariff.month_facts import version_of_month
from pipelines.tariff.pricing import EXPORTED
from pipelines.units import Unit

_HUNDREDTH = Decimal("0.01")
_FEN_TO_MICRO = 10 ** (MICRO - 2)


def power_factors(columns: BillColumns, refusals: Refusals) -> Optional64:
    """Mean power factor of each bill, in hundredths; none where reactive energy is not metered or nothing
    was.
    """
    known = columns.lagging.present & columns.leading.present
    active = np.where(
        columns.power_factor_energy.present, columns.power_factor_energy.values, energies(columns)
    )
    reactive = columns.lagging.values + np.abs(columns.leading.values)
    has_mean = known & ((active != 0) | (columns.lagging.values != 0) | (columns.leading.values != 0))
    refusals.add(
        np.flatnonzero(has_mean & ((active < 0) | (columns.lagging.values < 0))),
        "energies of a power factor must not be negative",
    )
    has_mean &= refusals.accepted
    mean = np.zeros(columns.count, dtype=np.int64)
    mean[has_mean] = mean_power_factors(active[has_mean], reactive[has_mean])
    return Optional64(mean, has_mean)


def energies(columns: BillColumns) -> IntArray:
    """Energy of each bill. [1e-6 kWh]"""
    energy = np.zeros(columns.count, dtype=np.int64)
    np.add.at(energy, columns.segments.bill, columns.segments.energy.values)
    return energy


def adjustment_blocks(
    columns: BillColumns,
    charges: Sequence[Block],
    mean: Optional64,
    sheets: PriceSheets,
    refusals: Refusals,
    formulas: bool,
) -> Iterator[Block]:
    """One line for each bill and standard: the base are the lines under that standard, without what the facts
    leave out.
    """
    has_charge = np.zeros(columns.count, dtype=np.bool_)
    for block in charges:
        has_charge[block.bill[block.standard != NO_STANDARD]] = True
    adjusted = mean.present & has_charge & refusals.accepted
    for place, month in enumerate(columns.months):
        of_month = np.flatnonzero(adjusted & (columns.month == place))
        if of_month.size:
            yield from _of_month(columns, charges, of_month, mean.values, month, sheets, refusals, formulas)


def _of_month(
    columns: BillColumns,
    charges: Sequence[Block],
    bills: IntArray,
    mean: IntArray,
    month: BillingMonth,
    sheets: PriceSheets,
    refusals: Refusals,
    formulas: bool,
) -> Iterator[Block]:
    facts = sheets.facts
    try:
        rule = version_of_month(facts.power_factor_adjustment, month, sheets.known)
        left_out = version_of_month(facts.power_factor_base_excludes, month, sheets.known)
    except ZhixiangError as error:
        refusals.add(bills, str(error))
        return
    chosen = np.zeros(columns.count, dtype=np.bool_)
    chosen[bills] = True
    bases = _bases(charges, chosen, left_out.value, refusals)
    bill, standard, fen, rank, is_empty = (column[refusals.accepted[bases[0]]] for column in bases)
    ratio = np.zeros(bill.size, dtype=np.int64)
    ratios_of: dict[int, tuple[Decimal, ...]] = {}
    for value in np.unique(standard).tolist():
        rows = standard == value
        exact = Decimal(value).scaleb(-MICRO)
        if exact not in rule.value.standards:
            refusals.add(bill[rows], f"{exact.normalize()} is no power factor standard")
            continue
        ratios = _ratios(rule.value, next(known for known in rule.value.standards if known == exact))
        ratio[rows] = np.array([scaled(each, PRICE) for each in ratios], dtype=np.int64)[mean[bill[rows]]]
        ratios_of[value] = ratios
    known = refusals.accepted[bill]
    bill, standard, fen, rank, is_empty, ratio = (
        bill[known],
        standard[known],
        fen[known],
        rank[known],
        is_empty[known],
        ratio[known],
    )
    quantity = fen * _FEN_TO_MICRO
    sure = CONFIDENCES.index(least_sure((rule.citation.confidence, left_out.citation.confidence)))
    yield Block(
        stage=ADJUSTMENT,
        component=LineComponent.POWER_FACTOR_ADJUSTMENT,
        quantity_unit=Unit.CNY,
        price_unit=Unit.RATIO,
        bill=bill,
        rank=rank,
        period=np.full(bill.size, -1, dtype=np.int64),
        quantity=quantity,
        price=ratio,
        fact=np.zeros(bill.size, dtype=np.int64),
        facts=(facts.power_factor_adjustment.fact_id,),
        confidence=np.full(bill.size, sure, dtype=np.int64),
        rests=np.zeros(bill.size, dtype=np.int64),
        rests_on=((facts.power_factor_adjustment.fact_id, facts.power_factor_base_excludes.fact_id),),
        first_day=np.full(bill.size, WHOLE_MONTH, dtype=np.int64),
        last_day=np.full(bill.size, WHOLE_MONTH, dtype=np.int64),
        section=np.full(bill.size, -1, dtype=np.int64),
        standard=standard,
        fen=amounts(quantity, ratio),
        formula=_formulas(columns, bill, standard, fen, is_empty, mean, ratios_of, left_out.value)
        if formulas
        else None,
    )


def _formulas(
    columns: BillColumns,
    bill: IntArray,
    standard: IntArray,
    fen: IntArray,
    is_empty: BoolArray,
    mean: IntArray,
    ratios: Mapping[int, Sequence[Decimal]],
    left_out: frozenset[LineComponent],
) -> pa.Array:
    """In the words of ``adjustment_line``; a standard is written as the first segment under it writes it."""
    segments = columns.segments
    levels, level = np.unique(standard, return_inverse=True)
    theirs = np.flatnonzero(segments.standard.present & np.isin(segments.standard.values, levels))
    keys, first = np.unique(
        segments.bill[theirs] * levels.size + np.searchsorted(levels, segments.standard.values[theirs]),
        return_index=True,
    )
    written = segments.decimals["power_factor_standard_ratio"][theirs[first]][
        np.searchsorted(keys, bill * levels.size + level)
    ]
    examples, kind = group_rows([standard, mean[bill], written])
    without = ", ".join(sorted(left_out))
    texts = []
    for row in examples.tolist():
        hundredths, reached = int(mean[bill[row]]), decimal_of(int(standard[row]), MICRO, int(written[row]))
        percent = ratios[int(standard[row])][hundredths] * 100
        texts.append(
            f" CNY × {percent:f} % (power factor {_HUNDREDTH * hundredths:f}, standard {reached:f}; base "
            f"without {without})"
        )
    return joined(plain_numbers(fen, 2, np.where(is_empty, 0, 2)), chosen_texts(texts, kind))


def _bases(
    charges: Sequence[Block], chosen: np.ndarray, left_out: frozenset[LineComponent], refusals: Refusals
) -> tuple[IntArray, IntArray, IntArray, IntArray, BoolArray]:
    """Bill, standard, base in fen, place among the bill's standards of each adjustment, and whether no line
    counts towards its base.
    """
    blocks = [
        (block, np.flatnonzero(chosen[block.bill] & (block.standard != NO_STANDARD))) for block in charges
    ]
    blocks = [(block, rows) for block, rows in blocks if rows.size]
    for block, rows in blocks:
        if block.component is LineComponent.CATALOGUE_ENERGY and LineComponent.FUNDS in left_out:
            refusals.add(
                block.bill[rows][block.quantity[rows] > 0],
                "the funds inside catalogue prices are priced one bill at a time",
            )
    bill = np.concatenate([block.bill[rows] for block, rows in blocks])
    standard = np.concatenate([block.standard[rows] for block, rows in blocks])
    fen = np.concatenate(
        [np.where(block.component in left_out, 0, block.fen[rows]) for block, rows in blocks]
    )
    counts = np.concatenate([np.full(rows.size, block.component not in left_out) for block, rows in blocks])
    order = np.concatenate([block.stage * np.int64(1 << 40) + block.rank[rows] for block, rows in blocks])
    levels, level = np.unique(standard, return_inverse=True)
    keys, group = np.unique(bill * levels.size + level, return_inverse=True)
    base, rank = (
        np.zeros(keys.size, dtype=np.int64),
        np.full(keys.size, np.iinfo(np.int64).max, dtype=np.int64),
    )
    np.add.at(base, group, fen)
    is_empty = np.ones(keys.size, dtype=np.bool_)
    is_empty[group[counts]] = False
    np.minimum.at(rank, group, order)
    of_bill = keys // levels.size
    # The standards of a bill stand in the order of their first lines.
    sort = np.lexsort((rank, of_bill))
    first = np.flatnonzero(np.diff(of_bill[sort], prepend=-1))
    place = np.zeros(keys.size, dtype=np.int64)
    place[sort] = np.arange(keys.size) - np.repeat(first, np.diff(first, append=keys.size))
    return of_bill, levels[keys % levels.size], base, place, is_empty


def _ratios(rule: PowerFactorRule, standard: Decimal) -> tuple[Decimal, ...]:
    """The adjustment for each power factor from 0.00 to 1.00."""
    return tuple(rule.ratio(_HUNDREDTH * mean, standard) for mean in range(101))


def export_blocks(columns: BillColumns, refusals: Refusals, formulas: bool) -> Iterator[Block]:
    """The credit for energy fed in, at the price of the first section of each bill that has one."""
    segments = columns.segments
    if not segments.bill.size:
        return
    rows = _buying(segments, columns.exported.values != 0)
    refusals.add(
        segments.bill[rows][segments.export.present[rows] & (segments.export.values[rows] < 0)],
        "an export price must not be negative",
    )
    rows = rows[refusals.accepted[segments.bill[rows]]]
    if not rows.size:
        return
    bill, price = segments.bill[rows], np.where(segments.export.present, segments.export.values, -1)[rows]
    begins = np.flatnonzero((np.diff(bill, prepend=-1) != 0) | (np.diff(price, prepend=-2) != 0))
    span = np.zeros(rows.size, dtype=np.int64)
    span[begins] = 1
    span = np.cumsum(span) - 1
    days = segments.last_day[rows] - segments.first_day[rows] + 1
    of_span, of_bill = (
        np.bincount(span, days).astype(np.int64),
        np.bincount(bill, days, columns.count).astype(np.int64),
    )
    ends = np.append(begins[1:], rows.size) - 1
    paid = np.flatnonzero(price[begins] >= 0)
    bought, last = rows[begins[paid]], rows[ends[paid]]
    bill = segments.bill[bought]
    is_part = (np.bincount(segments.bill[rows[begins]], minlength=columns.count) > 1)[bill]
    up, down = np.where(is_part, of_span[paid], 1), np.where(is_part, of_bill[bill], 1)
    prices, energy = segments.export.values[bought], columns.exported.values[bill]
    formula = None
    if formulas:
        written = plain_numbers(energy, MICRO, columns.decimals["exported_kwh"][bill])
        pairs, place = np.unique(np.stack([np.where(is_part, up, 0), down]), axis=1, return_inverse=True)
        shares = chosen_texts(
            [f" × {day}/{counted} d" if day else "" for day, counted in pairs.T.tolist()], place.reshape(-1)
        )
        at = plain_numbers(prices, PRICE, segments.decimals["export_price_cny_per_kwh"][bought])
        formula = joined(
            written, " kWh", shares, " × −", at, " CNY/kWh (fed into the grid, price of the contract)"
        )
    name, sure = EXPORTED
    yield Block(
        stage=EXPORT,
        component=LineComponent.EXPORTED_ENERGY,
        quantity_unit=Unit.KWH,
        price_unit=Unit.CNY_PER_KWH,
        bill=bill,
        rank=segments.place[bought],
        period=np.full(bill.size, -1, dtype=np.int64),
        quantity=parts_of(energy, MICRO, up, down),
        price=-prices,
        fact=np.zeros(bill.size, dtype=np.int64),
        facts=(name,),
        confidence=np.full(bill.size, CONFIDENCES.index(sure), dtype=np.int64),
        rests=np.zeros(bill.size, dtype=np.int64),
        rests_on=((name,),),
        first_day=np.where(is_part, segments.first_day[bought], WHOLE_MONTH),
        last_day=np.where(is_part, segments.last_day[last], WHOLE_MONTH),
        section=np.full(bill.size, -1, dtype=np.int64),
        standard=np.full(bill.size, NO_STANDARD, dtype=np.int64),
        fen=-shares_in_fen(energy, MICRO, prices, up, down),
        formula=formula,
    )


def _buying(segments: SegmentColumns, feeds: BoolArray) -> IntArray:
    """The segments of each bill's first section with an export price, in order, of the bills that feed in."""
    order = np.lexsort((segments.place, segments.bill))
    priced = order[segments.export.present[order]]
    bills, first = np.unique(segments.bill[priced], return_index=True)
    section = np.full(feeds.size, np.iinfo(np.int64).min, dtype=np.int64)
    section[bills] = segments.section[priced[first]]
    return np.asarray(
        order[feeds[segments.bill[order]] & (segments.section[order] == section[segments.bill[order]])]
    )
