"""Energy lines of a batch: each kind of contract asked once, quantities in arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from pipelines.arrays import BoolArray, IntArray
from pipelines.codes import CustomerClass, PricingScheme, VoltageLevel
from pipelines.tariff.batch.columns import PERIODS, BillColumns, Optional64
from pipelines.tariff.batch.exact import MICRO, PRICE, decimal_of
from pipelines.tariff.batch.lines import (
    CONFIDENCES,
    ENERGY,
    NO_STANDARD,
    WHOLE_MONTH,
    Block,
    Refusals,
    amounts,
)
from pipelines.tariff.batch.price_sheets import (
    ENERGY_COMPONENTS,
    NO_PERIOD,
    EnergyShape,
    PriceSheets,
    tier_component,
)
from pipelines.tariff.batch.texts import chosen_texts, joined, plain_numbers
from pipelines.tariff.contract import Contract
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
    rests: IntArray
    rests_on: tuple[tuple[str, ...], ...]
    empty_slot: IntArray
    limits: IntArray
    has_limits: BoolArray
    limit_decimals: IntArray
    text: IntArray
    texts: tuple[str, ...]


def energy_blocks(
    columns: BillColumns, sheets: PriceSheets, refusals: Refusals, formulas: bool
) -> Iterator[Block]:
    """One block per component and period."""
    shapes = _shapes(columns, sheets, refusals)
    segments = columns.segments
    usable = refusals.accepted[segments.bill]
    splits = segments.is_time_of_use & ~(segments.is_combined & _is_residential(columns))
    _check_splits(columns, splits, refusals)
    nothing = segments.split.sum(axis=1) == 0
    tiers, tier_decimals = _tiers(columns, shapes)
    written = segments.decimals["energy_kwh"]
    # All components of a period have the same energy, written once.
    period_texts: dict[int, pa.Array] = {}
    first, last = whole_or_span(columns)
    for slot in range(_SLOTS):
        component, period = divmod(slot, _WIDTH)
        decimals = written if period == NO_PERIOD else segments.decimals[f"{PERIODS[period].value}_kwh"]
        here = usable & shapes.exists[shapes.shape, slot]
        if not here.any():
            continue
        if period < NO_PERIOD:
            quantity = segments.split[:, period]
            here &= splits & ((quantity > 0) | (nothing & (shapes.empty_slot[shapes.shape] == period)))
        elif component >= tier_component(0) and bool(shapes.has_limits.any()):
            tier = component - tier_component(0)
            quantity = np.where(shapes.has_limits[shapes.shape], tiers[:, tier], segments.energy.values)
            decimals = np.where(shapes.has_limits[shapes.shape], tier_decimals[:, tier], written)
            keeps = (quantity > 0) | ((tier == 0) & ~splits & (segments.energy.values == 0))
            here &= keeps | ~shapes.has_limits[shapes.shape]
        else:
            quantity = segments.energy.values
        rows = np.flatnonzero(here)
        if not rows.size:
            continue
        kind = shapes.shape[rows]
        price, energy = shapes.price[kind, slot], quantity[rows]
        formula = None
        if formulas:
            if period == NO_PERIOD:
                numbers = plain_numbers(energy, MICRO, decimals[rows])
            else:
                if period not in period_texts:
                    period_texts[period] = plain_numbers(quantity, MICRO, decimals)
                numbers = period_texts[period].take(pa.array(rows))
            formula = joined(numbers, chosen_texts(shapes.texts, shapes.text[kind, slot]))
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
            rests=shapes.rests[kind, slot],
            rests_on=shapes.rests_on,
            first_day=first[rows],
            last_day=last[rows],
            section=segments.section[rows],
            standard=np.where(segments.standard.present, segments.standard.values, NO_STANDARD)[rows],
            fen=amounts(energy, price),
            formula=formula,
        )


def whole_or_span(columns: BillColumns) -> tuple[IntArray, IntArray]:
    """First and last day that a segment's lines print: none where it is the whole month."""
    segments = columns.segments
    first = np.array([(month.first_day - _EPOCH).days for month in columns.months], dtype=np.int64)[
        columns.month
    ][segments.bill]
    last = np.array([(month.last_day - _EPOCH).days for month in columns.months], dtype=np.int64)[
        columns.month
    ][segments.bill]
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


def _shapes(columns: BillColumns, sheets: PriceSheets, refusals: Refusals) -> _Shapes:
    segments = columns.segments
    home = _is_residential(columns)
    month = columns.month[segments.bill]
    keys = [
        segments.customer_class,
        segments.scheme,
        segments.level,
        segments.is_time_of_use.astype(np.int64),
        month,
        np.where(home, _gaps(segments.persons), -1),
        np.where(home, segments.is_combined, False).astype(np.int64),
        np.where(home, _gaps(segments.began), -1),
        np.where(home, -1, _gaps(segments.market)),
        np.where(~home & segments.market.present, segments.decimals["market_price_cny_per_kwh"], -1),
        segments.is_ev_charging.astype(np.int64),
    ]
    moving = np.array(
        [sheets.span(each, each.first_day, each.first_day)[1] == each.first_day for each in columns.months],
        dtype=np.bool_,
    )[month]
    keys += [np.where(moving, segments.first_day, 0), np.where(moving, segments.last_day, 0)]
    examples, group = group_rows(keys)
    found = [_ask(columns, row, sheets, refusals) for row in examples.tolist()]
    for place, shape in enumerate(found):
        if shape.refusal:
            refusals.add(segments.bill[group == place], shape.refusal)
        for period, reason in shape.period_refusals.items():
            refusals.add(segments.bill[(group == place) & (segments.split[:, period] > 0)], reason)
    return _tables(found, group)


def _ask(columns: BillColumns, row: int, sheets: PriceSheets, refusals: Refusals) -> EnergyShape:
    segments = columns.segments
    bill = segments.bill[row]
    if not refusals.accepted[bill] and segments.first_day[row] > segments.last_day[row]:
        return EnergyShape(refusal="a segment does not lie in its month")
    lacking = [name for name in ("customer_class", "scheme", "level") if getattr(segments, name)[row] < 0]
    if lacking:
        return EnergyShape(refusal=f"the contract lacks {', '.join(lacking)}")
    month = columns.months[columns.month[bill]]
    span = sheets.span(month, day_of(segments.first_day[row]), day_of(segments.last_day[row]))
    home = segments.customer_class[row] == _CLASSES.index(CustomerClass.RESIDENTIAL)
    market = segments.market
    contract = Contract(
        _CLASSES[segments.customer_class[row]],
        _SCHEMES[segments.scheme[row]],
        _LEVELS[segments.level[row]],
        bool(segments.is_time_of_use[row]),
        household_persons=int(segments.persons.values[row])
        if home and segments.persons.present[row]
        else None,
        is_combined_meter=bool(home and segments.is_combined[row]),
        supply_began=day_of(segments.began.values[row]) if home and segments.began.present[row] else None,
        market_price_cny_per_kwh=decimal_of(
            int(market.values[row]), PRICE, int(segments.decimals["market_price_cny_per_kwh"][row])
        )
        if not home and market.present[row]
        else None,
        is_ev_charging=bool(segments.is_ev_charging[row]),
    )
    return sheets.energy(contract, *span)


def _tables(found: list[EnergyShape], group: IntArray) -> _Shapes:
    count = max(1, len(found))
    shapes = _Shapes(
        group,
        np.zeros((count, _SLOTS), dtype=np.bool_),
        np.zeros((count, _SLOTS), dtype=np.int64),
        np.zeros((count, _SLOTS), dtype=np.int64),
        tuple(dict.fromkeys(template.fact_id for shape in found for template in shape.templates)),
        np.zeros((count, _SLOTS), dtype=np.int64),
        np.zeros((count, _SLOTS), dtype=np.int64),
        tuple(dict.fromkeys(template.rests_on for shape in found for template in shape.templates)),
        np.full(count, NO_PERIOD, dtype=np.int64),
        np.zeros((count, 2), dtype=np.int64),
        np.zeros(count, dtype=np.bool_),
        np.zeros((count, 2), dtype=np.int64),
        np.zeros((count, _SLOTS), dtype=np.int64),
        tuple(dict.fromkeys(template.text for shape in found for template in shape.templates)),
    )
    places = {text: place for place, text in enumerate(shapes.texts)}
    grounds = {rests_on: place for place, rests_on in enumerate(shapes.rests_on)}
    for place, shape in enumerate(found):
        for template in shape.templates:
            shapes.exists[place, template.slot] = True
            shapes.price[place, template.slot] = template.price
            shapes.fact[place, template.slot] = shapes.facts.index(template.fact_id)
            shapes.confidence[place, template.slot] = CONFIDENCES.index(template.confidence)
            shapes.text[place, template.slot] = places[template.text]
            shapes.rests[place, template.slot] = grounds[template.rests_on]
        shapes.empty_slot[place] = shape.empty_slot
        if shape.limits is not None:
            shapes.limits[place], shapes.has_limits[place] = shape.limits, True
            shapes.limit_decimals[place] = shape.limit_decimals
    return shapes


def _check_splits(columns: BillColumns, splits: BoolArray, refusals: Refusals) -> None:
    segments = columns.segments
    refusals.add(
        segments.bill[splits & ~segments.has_split],
        "the month has no energy by time-of-use period, which the contract's prices need",
    )
    wrong = (
        splits
        & segments.has_split
        & ((segments.split.sum(axis=1) != segments.energy.values) | (segments.split < 0).any(axis=1))
    )
    refusals.add(segments.bill[wrong], "the periods do not sum to what the registers settled")


def _tiers(columns: BillColumns, shapes: _Shapes) -> tuple[IntArray, IntArray]:
    """Energy of each segment in the three tiers, on the year's running energy of the bill's residential
    segments, and its decimals. [segments, 3]

    A part is the difference of the lower of two upper ends and the higher of two lower ones: it has the
    decimals of these two, nothing has none.
    """
    segments = columns.segments
    if not shapes.has_limits.any():
        return np.zeros((segments.bill.size, 3), dtype=np.int64), np.zeros(
            (segments.bill.size, 3), dtype=np.int64
        )
    home = _is_residential(columns)
    energy = np.where(home, segments.energy.values, 0)
    running = np.cumsum(energy)
    begins = np.flatnonzero(segments.place == 0)
    offset = np.repeat((running - energy)[begins], np.diff(begins, append=segments.bill.size))
    after = running - offset + columns.year_to_date.values[segments.bill]
    before = after - energy
    limits = shapes.limits[shapes.shape]
    edges = np.stack(
        [np.zeros_like(before), limits[:, 0], limits[:, 1], np.maximum(after, limits[:, 1])], axis=1
    )
    parts = np.asarray(
        np.maximum(0, np.minimum(after[:, None], edges[:, 1:]) - np.maximum(before[:, None], edges[:, :-1]))
    )
    own = np.where(home, segments.decimals["energy_kwh"], 0)
    after_decimals = np.maximum(
        columns.decimals["year_to_date_kwh"][segments.bill], _most_so_far(own, segments.place)
    )
    before_decimals = np.maximum(
        columns.decimals["year_to_date_kwh"][segments.bill], _most_so_far(own, segments.place, but_own=True)
    )
    of_limits = shapes.limit_decimals[shapes.shape]
    low_decimals = np.concatenate([np.zeros((before.size, 1), dtype=np.int64), of_limits], axis=1)
    high_decimals = np.stack([of_limits[:, 0], of_limits[:, 1], after_decimals], axis=1)
    upper = np.where(after[:, None] <= edges[:, 1:], after_decimals[:, None], high_decimals)
    lower = np.where(before[:, None] >= edges[:, :-1], before_decimals[:, None], low_decimals)
    return parts, np.where(parts > 0, np.maximum(upper, lower), 0)


def _most_so_far(values: IntArray, place: IntArray, but_own: bool = False) -> IntArray:
    """The largest of a bill's values up to each segment; bills follow one another, none of them negative."""
    bill = np.cumsum(place == 0)
    width = np.int64(1) + (values.max() if values.size else 0)
    most = np.maximum.accumulate(bill * width + values) - bill * width
    if not but_own:
        return most
    return (
        np.where(place == 0, 0, np.concatenate([np.zeros(1, dtype=np.int64), most[:-1]]))
        if values.size
        else most
    )
