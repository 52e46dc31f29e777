"""Basic charges of a batch: segments joined into runs, then capacity, demand and excess in arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipelines.arrays import BoolArray, IntArray
from pipelines.codes import Confidence, CustomerClass, DemandBasis, LineComponent, PricingScheme, VoltageLevel
from pipelines.tariff.batch.basic_texts import BasicTexts
from pipelines.tariff.batch.columns import BillColumns, Optional64
from pipelines.tariff.batch.energy import day_of, group_rows
from pipelines.tariff.batch.exact import FINE, MICRO, parts_of, scaled, shares_in_fen
from pipelines.tariff.batch.lines import BASIC as BASIC_STAGE
from pipelines.tariff.batch.lines import CONFIDENCES, NO_STANDARD, WHOLE_MONTH, Block, Refusals
from pipelines.tariff.batch.price_sheets import BasicShape, PriceSheets
from pipelines.tariff.contract import Contract
from pipelines.units import Unit

_BASES, _LEVELS, _SCHEMES = tuple(DemandBasis), tuple(VoltageLevel), tuple(PricingScheme)
_CAPACITY, _CONTRACT = _BASES.index(DemandBasis.CAPACITY), _BASES.index(DemandBasis.CONTRACT_DEMAND)
_TO_FINE = 10 ** (FINE - MICRO)


@dataclass(frozen=True)
class _Runs:
    """Runs of days; ``row`` is the first segment of each, whose terms are the run's.

    of_days  What divides a whole month's charge of which the run is the days under one standard of the power
             factor; 0 elsewhere.
    """

    row: IntArray
    first_day: IntArray
    last_day: IntArray
    days: IntArray
    month_days: IntArray
    demand: Optional64
    month_energy: IntArray
    kva_days: IntArray
    section_days: IntArray
    rank: IntArray
    demand_decimals: IntArray
    of_days: IntArray

    @property
    def is_part(self) -> BoolArray:
        """Whether a run is a part of its month."""
        return np.asarray(self.days < self.month_days)


@dataclass(frozen=True)
class _Charged:
    """What a month costs and the share of it: value x price x up / down; the value in units of
    10^-decimals.
    """

    value: IntArray
    decimals: int
    up: IntArray
    down: IntArray
    price: IntArray


def basic_blocks(
    columns: BillColumns, sheets: PriceSheets, refusals: Refusals, formulas: bool
) -> Iterator[Block]:
    """The basic charge of two-part segments."""
    segments = columns.segments
    two_part = (segments.scheme == _SCHEMES.index(PricingScheme.TWO_PART)) & refusals.accepted[segments.bill]
    refusals.add(segments.bill[two_part & (segments.basis < 0)], "a two-part contract needs a demand basis")
    two_part &= refusals.accepted[segments.bill]
    if not two_part.any():
        return
    runs = _runs(columns, np.flatnonzero(two_part), sheets, refusals)
    shapes, shape = _shapes(columns, runs, sheets, refusals)
    billed = ~(
        segments.running_capacity.present[runs.row] & (segments.running_capacity.values[runs.row] == 0)
    )
    billed &= refusals.accepted[segments.bill[runs.row]]
    _check(columns, runs, shape, shapes, billed, refusals)
    billed &= refusals.accepted[segments.bill[runs.row]]
    for kind, found in enumerate(shapes):
        chosen = np.flatnonzero(billed & (shape == kind))
        if chosen.size:
            yield from _kind_blocks(columns, runs, chosen, found, formulas)


def _runs(columns: BillColumns, rows: IntArray, sheets: PriceSheets, refusals: Refusals) -> _Runs:
    segments = columns.segments
    # Sections of a bill in the order in which they first stand.
    first_place = np.full((columns.count, len(segments.sections)), np.iinfo(np.int32).max, dtype=np.int64)
    np.minimum.at(first_place, (segments.bill, segments.section), segments.place)
    section_rank = first_place[segments.bill, segments.section]
    rows = rows[np.lexsort((segments.place[rows], section_rank[rows], segments.bill[rows]))]
    same = np.zeros(rows.size, dtype=np.bool_)
    for name in ("bill", "section", "level", "basis"):
        column = getattr(segments, name)[rows]
        same[1:] |= column[1:] != column[:-1]
    same[1:] |= _differs(segments.running_capacity, rows)
    by_contract = segments.basis[rows] == _CONTRACT
    same[1:] |= _differs(segments.contract_demand, rows) & by_contract[1:]
    same[1:] |= segments.last_day[rows][:-1] + 1 != segments.first_day[rows][1:]
    price = _first_day_prices(columns, rows, sheets)
    same[1:] |= price[1:] != price[:-1]
    same[0] = True
    # A standard of the power factor that changes alone divides a run by days, each of which then has its own
    # adjustment.
    whole = np.cumsum(same) - 1
    same[1:] |= _differs(segments.standard, rows)
    run = np.cumsum(same) - 1
    begins = np.flatnonzero(same)
    ends = np.append(begins[1:], rows.size) - 1
    span = segments.last_day - segments.first_day + 1
    running = np.where(segments.running_days.present, segments.running_days.values, span)[rows]
    days = np.zeros(begins.size, dtype=np.int64)
    np.add.at(days, run, running)
    count = int(whole[-1]) + 1
    whole_days, demand, seen = (
        np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=np.int64),
        np.ones(count, dtype=np.bool_),
    )
    np.add.at(whole_days, whole, running)
    np.maximum.at(demand, whole, segments.max_demand.values[rows])
    np.logical_and.at(seen, whole, segments.max_demand.present[rows])
    # Of equal demands the first one is written.
    highest = np.full(count, rows.size, dtype=np.int64)
    at_height = np.flatnonzero(segments.max_demand.values[rows] == demand[whole])
    np.minimum.at(highest, whole[at_height], at_height)
    of_run = whole[begins]
    month_energy = np.zeros(columns.count, dtype=np.int64)
    np.add.at(month_energy, segments.bill, segments.energy.values)
    # Contract capacity by days, over the two-part segments of a section.
    _, group = np.unique(np.stack([segments.bill[rows], segments.section[rows]]), axis=1, return_inverse=True)
    group = group.reshape(-1)
    kva_days, section_days = (
        np.zeros(group.max() + 1, dtype=np.int64),
        np.zeros(group.max() + 1, dtype=np.int64),
    )
    np.add.at(kva_days, group, segments.contract_capacity.values[rows] * span[rows])
    np.add.at(section_days, group, span[rows])
    head = rows[begins]
    counts = np.array([month.day_count for month in columns.months], dtype=np.int64)[columns.month][
        segments.bill[head]
    ]
    is_divided = (np.bincount(of_run, minlength=count)[of_run] > 1) & (whole_days[of_run] >= counts)
    return _Runs(
        head,
        segments.first_day[head],
        segments.last_day[rows[ends]],
        days,
        counts,
        Optional64(demand[of_run], seen[of_run]),
        month_energy[segments.bill[head]],
        kva_days[group[begins]],
        section_days[group[begins]],
        section_rank[head] * (int(segments.place.max()) + 1) + segments.place[head],
        segments.decimals["max_demand_kw"][rows[highest[of_run]]],
        np.where(is_divided, whole_days[of_run], 0),
    )


def _differs(column: Optional64, rows: IntArray) -> BoolArray:
    values, present = column.values[rows], column.present[rows]
    return np.asarray((values[1:] != values[:-1]) | (present[1:] != present[:-1]))


def _contract(columns: BillColumns, row: int) -> Contract:
    """Only what the price of the basic charge depends on."""
    segments = columns.segments
    return Contract(
        CustomerClass.LARGE_INDUSTRY,
        PricingScheme.TWO_PART,
        _LEVELS[segments.level[row]],
        False,
        demand_basis=_BASES[segments.basis[row]],
    )


def _first_day_prices(columns: BillColumns, rows: IntArray, sheets: PriceSheets) -> IntArray:
    """A number that is the same where the price is."""
    segments = columns.segments
    month = columns.month[segments.bill[rows]]
    moving = np.array(
        [sheets.span(each, each.first_day, each.first_day)[1] == each.first_day for each in columns.months],
        dtype=np.bool_,
    )[month]
    examples, group = group_rows(
        [segments.level[rows], segments.basis[rows], month, np.where(moving, segments.first_day[rows], 0)]
    )
    names: dict[tuple[str, int], int] = {}
    numbers = []
    for row in rows[examples].tolist():
        day = day_of(segments.first_day[row])
        found = sheets.basic(_contract(columns, row), day, day)
        numbers.append(names.setdefault((found.fact_id or found.refusal, found.price), len(names)))
    return np.array(numbers, dtype=np.int64)[group]


def _shapes(
    columns: BillColumns, runs: _Runs, sheets: PriceSheets, refusals: Refusals
) -> tuple[list[BasicShape], IntArray]:
    segments = columns.segments
    month = columns.month[segments.bill[runs.row]]
    moving = np.array(
        [sheets.span(each, each.first_day, each.first_day)[1] == each.first_day for each in columns.months],
        dtype=np.bool_,
    )[month]
    keys = [segments.level[runs.row], segments.basis[runs.row], month]
    examples, group = group_rows(
        [*keys, np.where(moving, runs.first_day, 0), np.where(moving, runs.last_day, 0)]
    )
    shapes = []
    for place, run in enumerate(examples.tolist()):
        row = int(runs.row[run])
        span = sheets.span(
            columns.months[month[run]], day_of(runs.first_day[run]), day_of(runs.last_day[run])
        )
        shapes.append(sheets.basic(_contract(columns, row), *span))
        if shapes[-1].refusal:
            refusals.add(segments.bill[runs.row[group == place]], shapes[-1].refusal)
    return shapes, group


def _check(
    columns: BillColumns,
    runs: _Runs,
    shape: IntArray,
    shapes: list[BasicShape],
    billed: BoolArray,
    refusals: Refusals,
) -> None:
    segments, row = columns.segments, runs.row
    bill = segments.bill[row]
    basis = segments.basis[row]
    by_demand = basis != _CAPACITY
    can_fall = np.array([found.threshold is not None for found in shapes], dtype=np.bool_)[shape]
    refusals.add(
        bill[billed & by_demand & ~runs.demand.present],
        "the month has no maximum demand, which the contract's basic charge needs",
    )
    for column, where in (
        (segments.contract_capacity, by_demand & can_fall),
        (segments.contract_demand, basis == _CONTRACT),
        (segments.running_capacity, ~by_demand | (basis == _CONTRACT)),
    ):
        lacking = ~column.present[row] | (column.values[row] <= 0)
        refusals.add(
            bill[billed & where & lacking],
            "a two-part contract on this basis needs capacities and demands above 0",
        )


def _kind_blocks(
    columns: BillColumns, runs: _Runs, chosen: IntArray, found: BasicShape, formulas: bool
) -> Iterator[Block]:
    segments, row = columns.segments, runs.row[chosen]
    basis = int(segments.basis[row[0]])
    part = runs.is_part[chosen]
    of_days = runs.of_days[chosen]
    up, down = (
        np.where(part, runs.days[chosen], 1),
        np.where(part, np.where(of_days > 0, of_days, found.days_divisor), 1),
    )
    falls = np.zeros(chosen.size, dtype=np.bool_)
    if found.threshold is not None:
        falls = (
            runs.month_energy[chosen] * runs.section_days[chosen]
            >= found.threshold // 10**MICRO * runs.kva_days[chosen]
        )
    price = np.where(falls, found.discounted, found.price)
    case = (part & (of_days == 0)) * 2 + falls.astype(np.int64)
    days = np.where(part, runs.days[chosen], -1)
    texts = (
        BasicTexts(
            segments,
            found,
            row,
            runs.demand.values[chosen],
            runs.demand_decimals[chosen],
            days,
            of_days,
            falls,
        )
        if formulas
        else None
    )
    if basis == _CAPACITY:
        charged = _Charged(segments.running_capacity.values[row], MICRO, up, down, price)
        formula = None if texts is None else texts.by_capacity()
        yield _block(columns, runs, chosen, found, case, LineComponent.BASIC_CAPACITY, charged, 0, formula)
        return
    demand = runs.demand.values[chosen] * _TO_FINE
    if basis != _CONTRACT:
        formula = None if texts is None else texts.by_demand()
        yield _block(
            columns,
            runs,
            chosen,
            found,
            case,
            LineComponent.BASIC_DEMAND,
            _Charged(demand, FINE, up, down, price),
            0,
            formula,
        )
        return
    floor = segments.running_capacity.values[row] * (
        scaled(found.rule.minimum_capacity_ratio, 3) * 10 ** (FINE - MICRO - 3)
    )
    agreed = segments.contract_demand.values[row] * _TO_FINE
    billed = np.maximum(agreed, floor)
    formula = None if texts is None else texts.by_contract(billed, floor > agreed)
    yield _block(
        columns,
        runs,
        chosen,
        found,
        case,
        LineComponent.BASIC_DEMAND,
        _Charged(billed, FINE, up, down, price),
        0,
        formula,
    )
    excess = demand - billed // 1000 * scaled(found.rule.tolerance_ratio, 3)
    over = np.flatnonzero(excess > 0)
    if over.size:
        charged = _Charged(excess[over], FINE, up[over], down[over], price[over] * found.multiple)
        formula = None if texts is None else texts.of_excess(billed, floor > agreed).take(pa.array(over))
        yield _block(
            columns, runs, chosen[over], found, case[over], LineComponent.DEMAND_EXCESS, charged, 1, formula
        )


_CONFIDENCE: dict[Confidence, int] = {confidence: place for place, confidence in enumerate(CONFIDENCES)}


def _block(
    columns: BillColumns,
    runs: _Runs,
    chosen: IntArray,
    found: BasicShape,
    case: IntArray,
    component: LineComponent,
    charged: _Charged,
    place: int,
    formula: pa.Array | None,
) -> Block:
    segments, row = columns.segments, runs.row[chosen]
    by_capacity = component is LineComponent.BASIC_CAPACITY
    first, last = runs.first_day[chosen], runs.last_day[chosen]
    whole = last - first + 1 == runs.month_days[chosen]
    return Block(
        stage=BASIC_STAGE,
        component=component,
        quantity_unit=Unit.KVA if by_capacity else Unit.KW,
        price_unit=Unit.CNY_PER_KVA if by_capacity else Unit.CNY_PER_KW,
        bill=segments.bill[row],
        rank=runs.rank[chosen] * 2 + place,
        period=np.full(chosen.size, -1, dtype=np.int64),
        quantity=parts_of(charged.value, charged.decimals, charged.up, charged.down),
        price=charged.price,
        fact=np.zeros(chosen.size, dtype=np.int64),
        facts=(found.fact_id,),
        confidence=np.array([_CONFIDENCE[each] for each in found.sure], dtype=np.int64)[case],
        rests=case,
        rests_on=found.rests_on,
        first_day=np.where(whole, WHOLE_MONTH, first),
        last_day=np.where(whole, WHOLE_MONTH, last),
        section=segments.section[row],
        standard=np.where(segments.standard.present, segments.standard.values, NO_STANDARD)[row],
        fen=shares_in_fen(charged.value, charged.decimals, charged.price, charged.up, charged.down),
        formula=formula,
    )
