"""Energy lines of a batch: each kind of contract asked once, quantities in arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from pipelines.codes import CustomerClass, PricingScheme, VoltageLevel
from pipelines.tariff.batch_columns import BillColumns, Optional64
from pipelines.tariff.batch_lines import CONFIDENCES, ENERGY, NO_STANDARD, WHOLE_MONTH, Block, Refusals, amounts
from pipelines.tariff.batch_prices import ENERGY_COMPONENTS, NO_PERIOD, EnergyShape, ShapeBook, tier_component
from pipelines.tariff.contract import Contract
from pipelines.tariff.exact import PRICE, BoolArray, IntArray
from pipelines.units import Unit

_CLASSES, _SCHEMES, _LEVELS = tuple(CustomerClass), tuple(PricingScheme), tuple(VoltageLevel)
_WIDTH = NO_PERIOD + 1
_SLOTS = len(ENERGY_COMPONENTS) * _WIDTH
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class _Shapes:
    """Shapes of a batch as tables. [shapes, slots] and [shapes, ...]; shape gives each segment's row."""

    shape: IntArray
    exists: BoolArray
    price: IntArray
    fact: IntArray
    facts: tuple[str, ...]
    confidence: IntArray
    empty_slot: IntArray
    limits: IntArray
    has_limits: BoolArray


def energy_blocks(columns: BillColumns, book: ShapeBook, refusals: Refusals) -> Iterator[Block]:
    """One block per component and period."""
    shapes = _shapes(columns, book, refusals)
    segments = columns.segments
    usable = refusals.accepted[segments.bill]
    splits = segments.is_time_of_use & ~(segments.is_combined & _is_residential(columns))
    _check_splits(columns, splits, refusals)
    nothing = segments.split.sum(axis=1) == 0
    tiers = _tiers(columns, shapes)
    first, last = whole_or_span(columns)
    for slot in range(_SLOTS):
        component, period = divmod(slot, _WIDTH)
        here = usable & shapes.exists[shapes.shape, slot]
        if not here.any():
            continue
        if period < NO_PERIOD:
            quantity = segments.split[:, period]
            here &= splits & ((quantity > 0) | (nothing & (shapes.empty_slot[shapes.shape] == period)))
        elif component >= tier_component(0) and bool(shapes.has_limits.any()):
            tier = component - tier_component(0)
            quantity = np.where(shapes.has_limits[shapes.shape], tiers[:, tier], segments.energy.values)
            keeps = (quantity > 0) | ((tier == 0) & ~splits & (segments.energy.values == 0))
            here &= keeps | ~shapes.has_limits[shapes.shape]
        else:
            quantity = segments.energy.values
        rows = np.flatnonzero(here)
        if not rows.size:
            continue
        kind = shapes.shape[rows]
        price, energy = shapes.price[kind, slot], quantity[rows]
        yield Block(
            stage=ENERGY,
            component=ENERGY_COMPONENTS[component],
            quantity_unit=Unit.KWH,
            price_unit=Unit.CNY_PER_KWH,
            bill=segments.bill[rows],
            rank=segments.place[rows] * _SLOTS + slot,
            period=np.full(rows.size, period if period < NO_PERIOD else -1, dtype=np.int64),
            quantity=energy,
            price=price,
            fact=shapes.fact[kind, slot],
            facts=shapes.facts,
            confidence=shapes.confidence[kind, slot],
            first_day=first[rows],
            last_day=last[rows],
            section=segments.section[rows],
            standard=np.where(segments.standard.present, segments.standard.values, NO_STANDARD)[rows],
            fen=amounts(energy, price),
        )


def whole_or_span(columns: BillColumns) -> tuple[IntArray, IntArray]:
    """First and last day that a segment's lines print: none where it is the whole month."""
    segments = columns.segments
    first = np.array([(month.first_day - _EPOCH).days for month in columns.months], dtype=np.int64)[columns.month][segments.bill]
    last = np.array([(month.last_day - _EPOCH).days for month in columns.months], dtype=np.int64)[columns.month][segments.bill]
    whole = (segments.first_day == first) & (segments.last_day == last)
    return np.where(whole, WHOLE_MONTH, segments.first_day), np.where(whole, WHOLE_MONTH, segments.last_day)


def _is_residential(columns: BillColumns) -> BoolArray:
    return np.asarray(columns.segments.customer_class == _CLASSES.index(CustomerClass.RESIDENTIAL))


def group_rows(keys: list[IntArray]) -> tuple[IntArray, IntArray]:
    """One row of each combination, and every row's combination."""
    combined = np.zeros(keys[0].size, dtype=np.int64)
    for key in keys:
        values, place = np.unique(key, return_inverse=True)
        combined = np.unique(combined * values.size + place, return_inverse=True)[1].astype(np.int64)
    _, first, group = np.unique(combined, return_index=True, return_inverse=True)
    return np.asarray(first), np.asarray(group, dtype=np.int64)


def day_of(number: int) -> date:
    """The day so many days after the first of 1970."""
    return _EPOCH + timedelta(days=int(number))


def _gaps(column: Optional64) -> IntArray:
    return np.where(column.present, column.values, -1)


def _shapes(columns: BillColumns, book: ShapeBook, refusals: Refusals) -> _Shapes:
    segments = columns.segments
    home = _is_residential(columns)
    month = columns.month[segments.bill]
    keys = [
        segments.customer_class, segments.scheme, segments.level, segments.is_time_of_use.astype(np.int64), month,
        np.where(home, _gaps(segments.persons), -1), np.where(home, segments.is_combined, False).astype(np.int64),
        np.where(home, _gaps(segments.began), -1), np.where(home, -1, _gaps(segments.market)),
    ]  # fmt: skip
    moving = np.array([book.span(each, each.first_day, each.first_day)[1] == each.first_day for each in columns.months], dtype=np.bool_)[month]
    keys += [np.where(moving, segments.first_day, 0), np.where(moving, segments.last_day, 0)]
    examples, group = group_rows(keys)
    found = [_ask(columns, row, book, refusals) for row in examples.tolist()]
    for place, shape in enumerate(found):
        if shape.refusal:
            refusals.add(segments.bill[group == place], shape.refusal)
        for period, reason in shape.period_refusals.items():
            refusals.add(segments.bill[(group == place) & (segments.split[:, period] > 0)], reason)
    return _tables(found, group)


def _ask(columns: BillColumns, row: int, book: ShapeBook, refusals: Refusals) -> EnergyShape:
    segments = columns.segments
    bill = segments.bill[row]
    if not refusals.accepted[bill] and segments.first_day[row] > segments.last_day[row]:
        return EnergyShape(refusal="a segment does not lie in its month")
    lacking = [name for name in ("customer_class", "scheme", "level") if getattr(segments, name)[row] < 0]
    if lacking:
        return EnergyShape(refusal=f"the contract lacks {', '.join(lacking)}")
    month = columns.months[columns.month[bill]]
    span = book.span(month, day_of(segments.first_day[row]), day_of(segments.last_day[row]))
    home = segments.customer_class[row] == _CLASSES.index(CustomerClass.RESIDENTIAL)
    market = segments.market
    contract = Contract(
        _CLASSES[segments.customer_class[row]],
        _SCHEMES[segments.scheme[row]],
        _LEVELS[segments.level[row]],
        bool(segments.is_time_of_use[row]),
        household_persons=int(segments.persons.values[row]) if home and segments.persons.present[row] else None,
        is_combined_meter=bool(home and segments.is_combined[row]),
        supply_began=day_of(segments.began.values[row]) if home and segments.began.present[row] else None,
        market_price_cny_per_kwh=Decimal(int(market.values[row])).scaleb(-PRICE) if not home and market.present[row] else None,
    )
    return book.energy(contract, *span)


def _tables(found: list[EnergyShape], group: IntArray) -> _Shapes:
    count = max(1, len(found))
    shapes = _Shapes(
        group, np.zeros((count, _SLOTS), dtype=np.bool_), np.zeros((count, _SLOTS), dtype=np.int64), np.zeros((count, _SLOTS), dtype=np.int64),
        tuple(dict.fromkeys(template.fact_id for shape in found for template in shape.templates)), np.zeros((count, _SLOTS), dtype=np.int64),
        np.full(count, NO_PERIOD, dtype=np.int64), np.zeros((count, 2), dtype=np.int64), np.zeros(count, dtype=np.bool_),
    )  # fmt: skip
    for place, shape in enumerate(found):
        for template in shape.templates:
            shapes.exists[place, template.slot] = True
            shapes.price[place, template.slot] = template.price
            shapes.fact[place, template.slot] = shapes.facts.index(template.fact_id)
            shapes.confidence[place, template.slot] = CONFIDENCES.index(template.confidence)
        shapes.empty_slot[place] = shape.empty_slot
        if shape.limits is not None:
            shapes.limits[place], shapes.has_limits[place] = shape.limits, True
    return shapes


def _check_splits(columns: BillColumns, splits: BoolArray, refusals: Refusals) -> None:
    segments = columns.segments
    refusals.add(segments.bill[splits & ~segments.has_split], "the month has no energy by time-of-use period, which the contract's prices need")
    wrong = splits & segments.has_split & ((segments.split.sum(axis=1) != segments.energy.values) | (segments.split < 0).any(axis=1))
    refusals.add(segments.bill[wrong], "the periods do not sum to what the registers settled")


def _tiers(columns: BillColumns, shapes: _Shapes) -> IntArray:
    """Energy of each segment in the three tiers, on the year's running energy of the bill's residential segments. [segments, 3]"""
    segments = columns.segments
    if not shapes.has_limits.any():
        return np.zeros((segments.bill.size, 3), dtype=np.int64)
    energy = np.where(_is_residential(columns), segments.energy.values, 0)
    running = np.cumsum(energy)
    begins = np.flatnonzero(segments.place == 0)
    offset = np.repeat((running - energy)[begins], np.diff(begins, append=segments.bill.size))
    after = running - offset + columns.year_to_date.values[segments.bill]
    before = after - energy
    limits = shapes.limits[shapes.shape]
    edges = np.stack([np.zeros_like(before), limits[:, 0], limits[:, 1], np.maximum(after, limits[:, 1])], axis=1)
    return np.asarray(np.maximum(0, np.minimum(after[:, None], edges[:, 1:]) - np.maximum(before[:, None], edges[:, :-1])))
