"""What makes a received record unusable, found in the record alone: what its table's declaration forbids, and
what records of customers, meter points and shares must agree on among their own columns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.arrays import IntArray
from pipelines.codes import CustomerClass, RejectReason
from pipelines.tables.base import DOUBLE, Field, Table
from pipelines.tables.identifiers import EXPECTED, breaking_rule

FIT = -1

_MONTH = r"^(19|20|21)\d{2}-(0[1-9]|1[0-2])$"
_PLATE = ("transformer_no_load_kw", "transformer_load_kw")
_PLATE_EXTRAS = ("transformer_no_load_ratio", "transformer_short_circuit_ratio", "transformer_shape_ratio")
_SHARED_BY = ("share_ratio", "share_kwh", "sub_meter_point_id")


@dataclass(frozen=True)
class Fault:
    """Why a record cannot be used, found in the record alone.

    unfit   True where the record has the fault, over the columns of its bronze table; null counts as false.
    column  The column at fault.
    """

    unfit: pc.Expression
    reason_code: RejectReason
    column: str
    reason: str


def first_faults(records: pa.Table, faults: Sequence[Fault]) -> IntArray:
    """(records) place of the first fault that each record has, FIT where it has none."""
    found = np.full(records.num_rows, FIT, dtype=np.int64)
    marks = ds.dataset(records).to_table(
        columns={str(place): fault.unfit for place, fault in enumerate(faults)}
    )
    for place in reversed(range(len(faults))):
        mark = marks[str(place)]
        if pc.any(mark).as_py():
            found[np.asarray(pc.fill_null(mark, False).to_numpy())] = place
    return found


def key_faults(key: Sequence[str]) -> list[Fault]:
    """A key is whole."""
    return [
        Fault(pc.field(name).is_null(), RejectReason.MISSING_KEY, name, "A key must not be empty.")
        for name in key
    ]


def declared_faults(table: type[Table], columns: Sequence[str]) -> list[Fault]:
    """What the declaration of a table forbids in these columns: empty values, texts that are no
    identifiers, codes outside the list, alone or among joined ones, numbers outside the range.
    """
    return [fault for field in table.fields() if field.name in columns for fault in _faults_of_column(field)]


def _faults_of_column(field: Field) -> list[Fault]:
    name, value = field.name, pc.field(field.name)
    faults = []
    if not field.nullable:
        faults.append(Fault(value.is_null(), RejectReason.MISSING_VALUE, name, "A value is needed here."))
    if field.identifier:
        faults.append(Fault(breaking_rule(name), RejectReason.BAD_ID, name, f"Expected {EXPECTED}."))
    if field.codes is not None:
        known = [code.value for code in field.codes]
        unknown = value.is_valid() & ~value.isin(known)
        reason = f"Not in the closed list: {', '.join(known)}."
        faults.append(Fault(unknown, RejectReason.BAD_CODE, name, reason))
    if field.parts is not None:
        words = [part.value for part in field.parts]
        one = f"({'|'.join(map(re.escape, words))})"
        strange = ~pc.match_substring_regex(value, rf"\A{one}(\+{one})*\z")
        reason = f"Joined by +, from the closed list: {', '.join(words)}."
        faults.append(Fault(strange, RejectReason.BAD_CODE, name, reason))
    if field.dtype == DOUBLE:
        faults.append(Fault(pc.is_nan(value), RejectReason.BAD_NUMBER, name, "Not a number."))

    def outside(unfit: pc.Expression, reason: str) -> Fault:
        return Fault(unfit, RejectReason.OUT_OF_RANGE, name, reason)

    if field.minimum is not None:
        faults.append(outside(value < _bound(field, field.minimum), f"Below {field.minimum:g}."))
    if field.above is not None:
        faults.append(outside(value <= _bound(field, field.above), f"Not above {field.above:g}."))
    if field.maximum is not None:
        faults.append(outside(value > _bound(field, field.maximum), f"Above {field.maximum:g}."))
    return faults


def _bound(field: Field, bound: float) -> pa.Scalar:
    exact = Decimal(str(bound)) if pa.types.is_decimal(field.dtype) else bound
    return pa.scalar(exact, field.dtype)


def month_faults(columns: Sequence[str]) -> list[Fault]:
    """Columns of months read YYYY-MM."""
    return [
        Fault(
            ~pc.match_substring_regex(pc.field(name), _MONTH),
            RejectReason.BAD_DATE,
            name,
            "A month is written YYYY-MM.",
        )
        for name in columns
    ]


def customer_faults() -> Sequence[Fault]:
    """Charging hours need time-of-use prices."""
    return (_charging_fault(),)


def meter_point_faults() -> Sequence[Fault]:
    """A point is not its own parent; a transformer's plate is there whole or not at all."""
    rated = pc.field("transformer_rated_kva")
    found = [
        Fault(
            pc.field("parent_meter_point_id") == pc.field("meter_point_id"),
            RejectReason.BAD_STRUCTURE,
            "parent_meter_point_id",
            "A meter point cannot be its own parent.",
        ),
        Fault(
            rated <= 0,
            RejectReason.OUT_OF_RANGE,
            "transformer_rated_kva",
            "A transformer's rated power is above 0.",
        ),
    ]
    for name in _PLATE:
        reason = "A transformer metered on its low side needs its rated power and both its losses."
        unfit = rated.is_valid() & pc.field(name).is_null()
        found.append(Fault(unfit, RejectReason.MISSING_VALUE, name, reason))
    for name in (*_PLATE, *_PLATE_EXTRAS):
        reason = "Losses of a transformer need its rated power."
        unfit = rated.is_null() & pc.field(name).is_valid()
        found.append(Fault(unfit, RejectReason.MISSING_VALUE, "transformer_rated_kva", reason))
    return found


def share_faults() -> Sequence[Fault]:
    """Exactly one way of sharing; tiers need a sub-meter, whose year they count."""
    ways = reduce(
        lambda total, way: total + way, (pc.field(name).is_valid().cast(pa.int32()) for name in _SHARED_BY)
    )
    residential = pc.field("customer_class_code") == CustomerClass.RESIDENTIAL.value
    unmetered = pc.field("sub_meter_point_id").is_null()
    return (
        Fault(
            ways != 1,
            RejectReason.BAD_STRUCTURE,
            _SHARED_BY[0],
            f"Exactly one of {', '.join(_SHARED_BY)} is needed.",
        ),
        Fault(
            pc.utf8_trim(pc.field("section_name"), " ") == "",
            RejectReason.MISSING_VALUE,
            "section_name",
            "A name is needed here.",
        ),
        Fault(
            pc.field("sub_meter_point_id") == pc.field("main_meter_point_id"),
            RejectReason.BAD_STRUCTURE,
            "sub_meter_point_id",
            "A sub-meter is another meter point than the main one.",
        ),
        Fault(
            residential & unmetered & ~_is_said("is_combined_meter"),
            RejectReason.BAD_STRUCTURE,
            "is_combined_meter",
            (
                "A residential part without a sub-meter has no tiers of its own; its price is that of a "
                "combined meter."
            ),
        ),
        Fault(
            residential & unmetered & pc.field("is_time_of_use"),
            RejectReason.BAD_STRUCTURE,
            "is_time_of_use",
            "Residential hours are not those of the main meter; only a sub-meter can tell them.",
        ),
        Fault(
            pc.field("ended_date") < pc.field("valid_from_date"),
            RejectReason.BAD_STRUCTURE,
            "ended_date",
            "The last day lies before the first.",
        ),
        _charging_fault(),
    )


def _charging_fault() -> Fault:
    return Fault(
        pc.field("is_ev_charging") & ~_is_said("is_time_of_use"),
        RejectReason.BAD_STRUCTURE,
        "is_ev_charging",
        "Charging hours are hours of time-of-use prices.",
    )


def _is_said(name: str) -> pc.Expression:
    """Whether a flag is set; one left empty is not."""
    return pc.coalesce(pc.field(name), pc.scalar(False))
