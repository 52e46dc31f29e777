"""What a batch of bills is read from and written to: Arrow in, whole numbers in between, Arrow out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, IntArray
from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod, VoltageLevel
from pipelines.errors import UsageError
from pipelines.periods import BillingMonth
from pipelines.tariff.batch.exact import MICRO, PRICE, decimals_of, whole_numbers
from pipelines.tariff.contract import Segment, SupplyMonth

QUANTITY = pa.decimal128(18, MICRO)
UNIT_PRICE = pa.decimal128(24, PRICE)
AMOUNT = pa.decimal128(18, 2)
PERIODS = tuple(TouPeriod)
FORMULA = "formula"
_WHOLE_DIGITS = 12
_MOST_DECIMALS = 18
WRITTEN_OF_SEGMENT = (
    "running_capacity_kva",
    "contract_demand_kw",
    "power_factor_standard_ratio",
    "market_price_cny_per_kwh",
    "export_price_cny_per_kwh",
    "energy_kwh",
    *(f"{period.value}_kwh" for period in PERIODS),
    "max_demand_kw",
)
WRITTEN_OF_BILL = ("year_to_date_kwh", "exported_kwh")
"""Numbers that stand in formulas; ``decimals`` says with how many decimals each is written, null: with as
many as its column holds.
"""

SEGMENT_FIELDS = pa.struct(
    [
        pa.field("section", pa.string()),
        pa.field("first_date", pa.date32()),
        pa.field("last_date", pa.date32()),
        pa.field("running_days", pa.int32()),
        pa.field("customer_class_code", pa.string()),
        pa.field("pricing_scheme_code", pa.string()),
        pa.field("voltage_level_code", pa.string()),
        pa.field("is_time_of_use", pa.bool_()),
        pa.field("contract_capacity_kva", QUANTITY),
        pa.field("running_capacity_kva", QUANTITY),
        pa.field("demand_basis_code", pa.string()),
        pa.field("contract_demand_kw", QUANTITY),
        pa.field("power_factor_standard_ratio", QUANTITY),
        pa.field("household_persons", pa.int32()),
        pa.field("is_combined_meter", pa.bool_()),
        pa.field("supply_began_date", pa.date32()),
        pa.field("market_price_cny_per_kwh", UNIT_PRICE),
        pa.field("export_price_cny_per_kwh", UNIT_PRICE),
        pa.field("keeps_single_part", pa.bool_()),
        pa.field("is_ev_charging", pa.bool_()),
        pa.field("energy_kwh", QUANTITY),
        *(pa.field(f"{period.value}_kwh", QUANTITY) for period in PERIODS),
        pa.field("max_demand_kw", QUANTITY),
        pa.field("decimals", pa.struct([pa.field(name, pa.int8()) for name in WRITTEN_OF_SEGMENT])),
    ]
)
BILLS_SCHEMA = pa.schema(
    [
        pa.field("account_id", pa.string()),
        pa.field("billing_month", pa.string()),
        pa.field("lagging_kvarh", QUANTITY),
        pa.field("leading_kvarh", QUANTITY),
        pa.field("year_to_date_kwh", QUANTITY),
        pa.field("exported_kwh", QUANTITY),
        pa.field("power_factor_kwh", QUANTITY),
        pa.field("segments", pa.list_(SEGMENT_FIELDS)),
        pa.field("decimals", pa.struct([pa.field(name, pa.int8()) for name in WRITTEN_OF_BILL])),
    ]
)
"""One row per bill: a ``SupplyMonth`` with its segments; columns as in ``gold_billing_determinants`` and
``silver_customers``.
The periods of a segment are all null without a split, else null counts as 0. ``decimals`` may be left out, of
the bill and of segments."""

LINES_SCHEMA = pa.schema(
    [
        pa.field("account_id", pa.string()),
        pa.field("billing_month", pa.string()),
        pa.field("line_number", pa.int32()),
        pa.field("component_code", pa.string()),
        pa.field("period_code", pa.string()),
        pa.field("quantity", QUANTITY),
        pa.field("quantity_unit", pa.string()),
        pa.field("unit_price", UNIT_PRICE),
        pa.field("price_unit", pa.string()),
        pa.field("amount_cny", AMOUNT),
        pa.field("fact_id", pa.string()),
        pa.field("fact_confidence_code", pa.string()),
        pa.field("first_date", pa.date32()),
        pa.field("last_date", pa.date32()),
        pa.field("section", pa.string()),
        pa.field(FORMULA, pa.string()),
        pa.field("rests_on_fact_ids", pa.list_(pa.string())),
        pa.field("power_factor_standard_ratio", QUANTITY),
    ]
)
"""One row per line, by bill in the order received and by line number; the formula is null where the caller
does without.
"""

REFUSED_SCHEMA = pa.schema(
    [
        pa.field("account_id", pa.string()),
        pa.field("billing_month", pa.string()),
        pa.field("reason", pa.string()),
    ]
)


@dataclass(frozen=True)
class Optional64:
    """Whole numbers with gaps; a gap holds 0."""

    values: IntArray
    present: BoolArray


@dataclass(frozen=True)
class SegmentColumns:
    """Segments of all bills, in their order. Quantities in 10^-6, prices in 10^-12, days since 1970; codes
    are places in their list, -1: none.

    split     Columns are PERIODS.
    decimals  With how many decimals each of WRITTEN_OF_SEGMENT is written.
    """

    bill: IntArray
    place: IntArray
    section: IntArray
    sections: list[str]
    first_day: IntArray
    last_day: IntArray
    running_days: Optional64
    customer_class: IntArray
    scheme: IntArray
    level: IntArray
    is_time_of_use: BoolArray
    contract_capacity: Optional64
    running_capacity: Optional64
    basis: IntArray
    contract_demand: Optional64
    standard: Optional64
    persons: Optional64
    is_combined: BoolArray
    began: Optional64
    market: Optional64
    export: Optional64
    keeps_single_part: BoolArray
    is_ev_charging: BoolArray
    energy: Optional64
    split: IntArray
    has_split: BoolArray
    max_demand: Optional64
    decimals: Mapping[str, IntArray]


@dataclass(frozen=True)
class BillColumns:
    """Bills in the order received. Quantities in 10^-6.

    month     Place in ``months``.
    decimals  With how many decimals each of WRITTEN_OF_BILL is written.
    """

    accounts: pa.Array
    month: IntArray
    months: list[BillingMonth]
    lagging: Optional64
    leading: Optional64
    year_to_date: Optional64
    exported: Optional64
    power_factor_energy: Optional64
    segments: SegmentColumns
    decimals: Mapping[str, IntArray]

    @property
    def count(self) -> int:
        """Number of bills."""
        return len(self.accounts)


def read_bills(bills: pa.Table | pa.RecordBatch) -> BillColumns:
    """Bills as whole numbers; raises UsageError for a column that lacks or a code that is in no list."""
    lacking = [name for name in BILLS_SCHEMA.names if name not in bills.schema.names and name != "decimals"]
    if lacking:
        raise UsageError(
            f"A batch of bills lacks the columns {', '.join(lacking)}.",
            f"Known: {', '.join(BILLS_SCHEMA.names)}.",
        )
    columns = {name: _one(bills.column(name)) for name in BILLS_SCHEMA.names if name in bills.schema.names}
    lists = columns["segments"].cast(BILLS_SCHEMA.field("segments").type)
    months = columns["billing_month"].dictionary_encode()
    return BillColumns(
        accounts=columns["account_id"],
        month=months.indices.to_numpy(zero_copy_only=False).astype(np.int64),
        months=[BillingMonth.parse(text) for text in months.dictionary.to_pylist()],
        lagging=_decimals(columns["lagging_kvarh"], MICRO),
        leading=_decimals(columns["leading_kvarh"], MICRO),
        year_to_date=_decimals(columns["year_to_date_kwh"], MICRO),
        exported=_decimals(columns["exported_kwh"], MICRO),
        power_factor_energy=_decimals(columns["power_factor_kwh"], MICRO),
        segments=_read_segments(lists),
        decimals=_read_decimals(
            columns.get("decimals", pa.nulls(len(lists), BILLS_SCHEMA.field("decimals").type)), BILLS_SCHEMA
        ),
    )


def _read_segments(lists: pa.ListArray) -> SegmentColumns:
    counts = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    flat = lists.flatten()
    names = [field.name for field in SEGMENT_FIELDS]
    fields = dict(zip(names, flat.flatten(), strict=True))
    bill = np.repeat(np.arange(counts.size), counts)
    sections = pc.fill_null(fields["section"], "").dictionary_encode()
    splits = [_decimals(fields[f"{period.value}_kwh"], MICRO) for period in PERIODS]
    return SegmentColumns(
        bill=bill,
        place=np.arange(bill.size) - np.repeat(np.cumsum(counts) - counts, counts),
        section=sections.indices.to_numpy(zero_copy_only=False).astype(np.int64),
        sections=sections.dictionary.to_pylist(),
        first_day=_integers(fields["first_date"]).values,
        last_day=_integers(fields["last_date"]).values,
        running_days=_integers(fields["running_days"]),
        customer_class=_codes(fields["customer_class_code"], CustomerClass),
        scheme=_codes(fields["pricing_scheme_code"], PricingScheme),
        level=_codes(fields["voltage_level_code"], VoltageLevel),
        is_time_of_use=_flags(fields["is_time_of_use"]),
        contract_capacity=_decimals(fields["contract_capacity_kva"], MICRO),
        running_capacity=_decimals(fields["running_capacity_kva"], MICRO),
        basis=_codes(fields["demand_basis_code"], DemandBasis),
        contract_demand=_decimals(fields["contract_demand_kw"], MICRO),
        standard=_decimals(fields["power_factor_standard_ratio"], MICRO),
        persons=_integers(fields["household_persons"]),
        is_combined=_flags(fields["is_combined_meter"]),
        began=_integers(fields["supply_began_date"]),
        market=_decimals(fields["market_price_cny_per_kwh"], PRICE),
        export=_decimals(fields["export_price_cny_per_kwh"], PRICE),
        keeps_single_part=_flags(fields["keeps_single_part"]),
        is_ev_charging=_flags(fields["is_ev_charging"]),
        energy=_decimals(fields["energy_kwh"], MICRO),
        split=np.stack([each.values for each in splits], axis=1),
        has_split=np.logical_or.reduce([each.present for each in splits]),
        max_demand=_decimals(fields["max_demand_kw"], MICRO),
        decimals=_read_decimals(fields["decimals"], pa.schema(SEGMENT_FIELDS)),
    )


def _read_decimals(column: pa.StructArray, numbers: pa.Schema) -> dict[str, IntArray]:
    kind = numbers.field("decimals").type
    # Flattened fields are null where the whole struct is.
    fields = dict(zip([field.name for field in kind], column.cast(kind).flatten(), strict=True))
    return {
        name: pc.fill_null(field, numbers.field(name).type.scale)
        .to_numpy(zero_copy_only=False)
        .astype(np.int64)
        for name, field in fields.items()
    }


def _one(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _decimals(column: pa.Array, decimals: int) -> Optional64:
    return Optional64(*whole_numbers(column, decimals))


def _integers(column: pa.Array) -> Optional64:
    present = np.asarray(column.is_valid())
    plain = column.cast(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False)
    return Optional64(plain.astype(np.int64), present)


def _flags(column: pa.Array) -> BoolArray:
    return np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), dtype=np.bool_)


def _codes(column: pa.Array, kind: type[StrEnum]) -> IntArray:
    encoded = column.dictionary_encode()
    known = [member.value for member in kind]
    places = []
    for text in encoded.dictionary.to_pylist():
        if text not in known:
            raise UsageError(f"{text!r} is no known {kind.__name__}.", f"Known: {', '.join(known)}.")
        places.append(known.index(text))
    indices = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return np.asarray(np.array([*places, -1], dtype=np.int64)[indices])


def bills_table(supplies: Iterable[tuple[str, SupplyMonth]]) -> pa.Table:
    """Bills as a batch takes them, in the order given; raises where a number has more decimals than the
    schema holds.
    """
    return pa.Table.from_pylist([_bill_row(account, supply) for account, supply in supplies], BILLS_SCHEMA)


def bills_that_fit(supplies: Iterable[tuple[str, SupplyMonth]]) -> pa.Table:
    """The same, without the bills that hold a number with more digits than the schema."""
    rows = [_bill_row(account, supply) for account, supply in supplies]
    return pa.Table.from_pylist(
        [row for row in rows if all(map(_has_place, (row, *row["segments"])))], BILLS_SCHEMA
    )


def _has_place(row: Mapping[str, Any]) -> bool:
    return all(
        _fits(value, PRICE if name.endswith("_cny_per_kwh") else MICRO)
        for name, value in row.items()
        if isinstance(value, Decimal)
    )


def _fits(value: Decimal, decimals: int) -> bool:
    return (
        value.is_finite()
        and value.adjusted() < _WHOLE_DIGITS
        and decimals_of(value.normalize()) <= decimals
        and decimals_of(value) <= _MOST_DECIMALS
    )


def _bill_row(account: str, supply: SupplyMonth) -> Mapping[str, Any]:
    return {
        "account_id": account,
        "billing_month": str(supply.month),
        "lagging_kvarh": supply.lagging_kvarh,
        "leading_kvarh": supply.leading_kvarh,
        "year_to_date_kwh": supply.year_to_date_kwh,
        "exported_kwh": supply.exported_kwh,
        "power_factor_kwh": supply.power_factor_kwh,
        "segments": [_segment_row(segment) for segment in supply.segments],
        "decimals": {name: decimals_of(getattr(supply, name)) for name in WRITTEN_OF_BILL},
    }


def _segment_row(segment: Segment) -> Mapping[str, Any]:
    contract, split = segment.contract, segment.energy_by_period
    row: dict[str, Any] = {
        "section": segment.section,
        "first_date": segment.first_day,
        "last_date": segment.last_day,
        "running_days": segment.running_days,
        "customer_class_code": contract.customer_class.value,
        "pricing_scheme_code": contract.pricing_scheme.value,
        "voltage_level_code": contract.voltage_level.value,
        "is_time_of_use": contract.is_time_of_use,
        "contract_capacity_kva": contract.contract_capacity_kva,
        "running_capacity_kva": contract.running_capacity_kva,
        "demand_basis_code": contract.demand_basis.value if contract.demand_basis else None,
        "contract_demand_kw": contract.contract_demand_kw,
        "power_factor_standard_ratio": contract.power_factor_standard,
        "household_persons": contract.household_persons,
        "is_combined_meter": contract.is_combined_meter,
        "supply_began_date": contract.supply_began,
        "market_price_cny_per_kwh": contract.market_price_cny_per_kwh,
        "export_price_cny_per_kwh": contract.export_price_cny_per_kwh,
        "keeps_single_part": contract.keeps_single_part,
        "is_ev_charging": contract.is_ev_charging,
        "energy_kwh": segment.energy_kwh,
        **{
            f"{period.value}_kwh": None if split is None else split.get(period, Decimal(0))
            for period in PERIODS
        },
        "max_demand_kw": segment.max_demand_kw,
    }
    return row | {
        "decimals": {
            name: None if row[name] is None else decimals_of(row[name]) for name in WRITTEN_OF_SEGMENT
        }
    }
