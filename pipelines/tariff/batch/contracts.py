"""The contracts of a batch held against the rules on prices, in the sense of ``contract_notes``."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np

from pipelines.arrays import BoolArray, IntArray
from pipelines.codes import ContractNote, CustomerClass, PricingScheme
from pipelines.tariff.batch.columns import BillColumns, Optional64
from pipelines.tariff.batch.exact import MICRO, scaled
from pipelines.tariff.batch.price_sheets import PriceSheets
from pipelines.tariff.contract_notes import IN_PARTS, contract_rules

NOTES = tuple(ContractNote)
_CLASSES, _SCHEMES = tuple(CustomerClass), tuple(PricingScheme)
_NOBODY, _EVERYBODY = np.iinfo(np.int64).max, np.iinfo(np.int64).min


def ruled_contracts(columns: BillColumns, sheets: PriceSheets) -> tuple[BillColumns, IntArray]:
    """The bills without standards of a power factor that does not count, and of each bill the sum of 2^place
    of its notes in NOTES.
    """
    segments = columns.segments
    rules = [contract_rules(month.first_day, sheets.facts, sheets.known) for month in columns.months]
    month, kind = columns.month[segments.bill], segments.customer_class

    def limits(values: list[Decimal | None], otherwise: int) -> IntArray:
        found = [otherwise if value is None else scaled(value, MICRO) for value in values]
        return np.array(found or [otherwise], dtype=np.int64)[month]

    def is_in(listed: list[frozenset[CustomerClass]]) -> BoolArray:
        table = np.array(
            [[each in classes for each in _CLASSES] for classes in listed] or [[False] * len(_CLASSES)],
            dtype=np.bool_,
        )
        return np.asarray((kind >= 0) & table[month, np.maximum(kind, 0)])

    two_part = segments.scheme == _SCHEMES.index(PricingScheme.TWO_PART)
    single_part = segments.scheme == _SCHEMES.index(PricingScheme.SINGLE_PART)
    capacity, is_known = segments.contract_capacity.values, segments.contract_capacity.present
    in_parts = is_in([IN_PARTS for _ in rules]) & is_known
    highest_single = limits(
        [None if rule.scheme is None else rule.scheme.single_part_up_to_kva for rule in rules], _EVERYBODY
    )
    lowest_double = limits(
        [None if rule.scheme is None else rule.scheme.two_part_from_kva for rule in rules], _NOBODY
    )
    lowest_adjusted = limits(
        [None if rule.not_adjusted is None else rule.not_adjusted.below_kva for rule in rules], _EVERYBODY
    )
    left_out = is_in(
        [frozenset() if rule.not_adjusted is None else rule.not_adjusted.classes for rule in rules]
    )
    holds = {
        ContractNote.TWO_PART_NOT_OPEN: in_parts & two_part & (capacity <= highest_single),
        ContractNote.SINGLE_PART_NOT_OPEN: in_parts
        & single_part
        & (capacity >= lowest_double)
        & ~segments.keeps_single_part,
        ContractNote.TIME_OF_USE_MANDATORY: is_in([rule.mandatory for rule in rules])
        & ~segments.is_time_of_use,
        ContractNote.POWER_FACTOR_NOT_ADJUSTED: segments.standard.present
        & (left_out | (is_known & (capacity < lowest_adjusted))),
    }
    code = np.zeros(columns.count, dtype=np.int64)
    for place, note in enumerate(NOTES):
        has_note = np.zeros(columns.count, dtype=np.bool_)
        has_note[segments.bill[holds[note]]] = True
        code += has_note * (1 << place)
    counts = segments.standard.present & ~holds[ContractNote.POWER_FACTOR_NOT_ADJUSTED]
    standard = Optional64(np.where(counts, segments.standard.values, 0), counts)
    return replace(columns, segments=replace(segments, standard=standard)), code
